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
