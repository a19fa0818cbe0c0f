//! The set-ups under `examples/` are what they promise to be: each is read by a parser or a linter, its command lines can be
//! typed, and its configuration is valid.

mod image;
mod manifests;
mod pipelines;
mod playground;
mod units;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    documents::Command,
    house::{Run, binary},
};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn yaml(name: &str) -> Value {
    serde_yaml::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The names of a directory's entries, sorted.
fn listed(name: &str) -> Vec<String> {
    let entries = fs::read_dir(path(name)).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Words of a call that clap takes; the name of the binary first.
fn can_be_typed(place: &str, words: &[String]) {
    let command = Command { words: words.to_vec() };
    if let Err(error) = portcullis::cli::command().try_get_matches_from(&command.words) {
        panic!("{place}: {words:?}\n{error}");
    }
}

/// A configuration and its policy tree are right.
fn valid(config: &Path, policies: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let mut command = binary(dir.path());
    command.arg("validate").arg("--config").arg(config).arg("--policies").arg(policies);
    let run = Run::of(command.output().unwrap());
    assert_eq!(run.code, 0, "{}: {}", config.display(), run.all());
}

/// The texts in a list.
fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    items.iter().map(|item| item.as_str().unwrap_or_else(|| panic!("no text: {item}")).to_owned()).collect()
}

/// How long the daemon takes to end, at most: its grace and a second.
fn ends_within(config: &str) -> u64 {
    let settings: Value = serde_yaml::from_str(config).unwrap();
    let grace = settings["watch"]["grace"].as_str().map(|text| text.strip_suffix('s').unwrap().parse().unwrap());
    let default = portcullis::config::WatchSettings::default().grace.as_secs();
    grace.unwrap_or_else(|| u64::try_from(default).unwrap()) + 1
}

/// What a document says to type, line by line, without comments.
fn typed(document: &str) -> Vec<String> {
    let (mut lines, mut inside) = (Vec::new(), false);
    for line in text(document).lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            lines.push(line.split(" # ").next().unwrap().trim().to_owned());
        }
    }
    lines
}

/// The first block of this kind after a text in a document.
fn block(document: &str, after: &str, fence: &str) -> String {
    let document = text(document);
    let (_, rest) = document.split_once(after).unwrap_or_else(|| panic!("no {after:?}"));
    let (_, rest) = rest.split_once(&format!("```{fence}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

#[test]
fn what_the_readme_says_of_the_daemons_files_is_valid() {
    let settings = block("README.md", "### Running it for real", "yaml");
    let holds = block("README.md", "### When it must not act", "yaml");
    assert!(settings.contains("watch:\n") && holds.starts_with("holds:\n"));
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("portcullis.yaml");
    let target = "targets:\n  s2: { system: s2, account: x, credential: { env: X } }\n";
    fs::write(&config, format!("version: 1\npolicies: policies/\njournal: journal.db\n{settings}{target}")).unwrap();
    let policies = dir.path().join("policies");
    fs::create_dir(&policies).unwrap();
    let policy = "version: 1\ntarget: s2\nteam: x@example.com\nmanage: { access_tokens: all }\n\
                  access_tokens: [{ id: service/a, justification: needed }]\n";
    fs::write(policies.join("s2.yaml"), format!("{policy}{holds}")).unwrap();
    valid(&config, &policies);
}

#[test]
fn what_the_readmes_say_to_type_names_files_that_are_there() {
    for (document, least) in [("systemd", 5), ("docker", 2), ("kubernetes", 3)] {
        let lines = typed(&format!("examples/{document}/README.md"));
        let words = lines.iter().flat_map(|line| line.split_whitespace());
        let files: Vec<&str> = words.filter(|word| word.contains("examples/")).collect();
        assert!(files.len() >= least, "{document}: {files:?}");
        for file in files {
            assert!(stands_for_files(file), "{document}: {file}");
        }
    }
}

/// Whether there is such a file, seen from the root; in its last part one `*` means any text.
fn stands_for_files(pattern: &str) -> bool {
    let (directory, name) = pattern.rsplit_once('/').unwrap();
    match name.split_once('*') {
        None => path(pattern).exists(),
        Some((begin, end)) => listed(directory).iter().any(|name| name.starts_with(begin) && name.ends_with(end)),
    }
}

#[test]
fn what_the_readmes_say_to_put_in_place_of_a_command_can_be_typed() {
    let unit = block("examples/systemd/README.md", "**Git as the source.**", "ini");
    let [reset, command] = unit.lines().filter_map(|line| line.strip_prefix("ExecStart=")).collect::<Vec<_>>()[..]
    else {
        panic!("a list is emptied before it is set: {unit}");
    };
    assert_eq!(reset, "");
    can_be_typed("the unit", &command.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let pod: Value = serde_yaml::from_str(&block("examples/kubernetes/README.md", "**Git instead.**", "yaml")).unwrap();
    can_be_typed("the pod", &[vec!["portcullis".to_owned()], texts(&pod["args"])].concat());
}
