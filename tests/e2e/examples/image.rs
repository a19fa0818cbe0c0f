//! The container image: a Dockerfile read by a strict parser.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::Value;

use super::{can_be_typed, path, text};

/// What an instruction may be. `ADD` fetches and unpacks, `ONBUILD`, `SHELL` and `HEALTHCHECK` need a shell in the image.
const KNOWN: [&str; 9] = ["FROM", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD"];

/// One instruction and what follows it, its continued lines joined.
type Instruction = (String, String);

/// A stage: its image, its name, its instructions.
#[derive(Debug)]
struct Stage {
    image: String,
    name: String,
    instructions: Vec<Instruction>,
}

fn parse(text: &str) -> Result<Vec<Stage>, String> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut whole = line.to_owned();
        while let Some(begun) = whole.strip_suffix('\\') {
            whole = format!("{} {}", begun.trim_end(), lines.next().ok_or("ends in a continuation")?.trim());
        }
        let (instruction, rest) = whole.split_once(' ').ok_or(format!("nothing after {whole}"))?;
        if !KNOWN.contains(&instruction) {
            return Err(format!("unknown: {instruction}"));
        }
        if instruction == "FROM" {
            let words: Vec<&str> = rest.split(' ').collect();
            let [image, "AS", name] = words.as_slice() else { return Err(format!("no name: {rest}")) };
            stages.push(Stage { image: (*image).to_owned(), name: (*name).to_owned(), instructions: Vec::new() });
        } else {
            let stage = stages.last_mut().ok_or(format!("before any FROM: {whole}"))?;
            stage.instructions.push((instruction.to_owned(), rest.trim().to_owned()));
        }
    }
    Ok(stages)
}

impl Stage {
    fn last(&self, instruction: &str) -> &str {
        let of = self.instructions.iter().rev().find(|(name, _)| name == instruction);
        &of.unwrap_or_else(|| panic!("{} has no {instruction}", self.name)).1
    }

    fn words(&self, instruction: &str) -> Vec<String> {
        serde_json::from_str(self.last(instruction)).unwrap_or_else(|_| panic!("{instruction} is no list of words"))
    }
}

fn dockerfile() -> Vec<Stage> {
    parse(&text("examples/docker/Dockerfile")).unwrap()
}

#[test]
fn images_run_as_nobody_in_particular_and_start_without_a_shell() {
    let stages = dockerfile();
    let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["build", "git", "portcullis"], "the last one is the default");
    for stage in &stages[1..] {
        let (user, group) = stage.last("USER").split_once(':').unwrap();
        assert!(user.parse::<u32>().unwrap() > 0 && group.parse::<u32>().unwrap() > 0, "{}", stage.name);
        let after = stage.instructions.iter().skip_while(|(name, _)| name != "USER").skip(1);
        assert!(after.clone().all(|(name, _)| name != "USER" && name != "RUN"), "{}", stage.name);
        let call = [stage.words("ENTRYPOINT"), stage.words("CMD")].concat();
        assert_eq!(call[0], "/usr/local/bin/portcullis");
        can_be_typed("Dockerfile", &call);
        let copied: Vec<&str> =
            stage.instructions.iter().filter(|(name, _)| name == "COPY").map(|(_, rest)| rest.as_str()).collect();
        assert_eq!(copied, ["--from=build /out/bin/portcullis /usr/local/bin/portcullis"], "{}", stage.name);
        assert_eq!((stage.last("EXPOSE"), stage.last("STOPSIGNAL")), ("9464", "SIGTERM"));
    }
    let default = &stages[2];
    assert!(default.instructions.iter().all(|(name, _)| name != "RUN"), "nothing is run in an image without a shell");
}

#[test]
fn bases_are_pinned_and_fit_each_other() {
    let cargo = text("Cargo.toml");
    let rust = cargo.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    let stages = dockerfile();
    for stage in &stages {
        let (name, tag) = stage.image.rsplit_once(':').unwrap_or_else(|| panic!("{} is not pinned", stage.image));
        let version = format!("{} {tag}", name.rsplit('/').next().unwrap());
        assert!(version.bytes().any(|byte| byte.is_ascii_digit()) && tag != "latest", "{} is not pinned", stage.image);
    }
    // What was linked against one C library runs on the same one.
    assert_eq!(stages[0].image, format!("rust:{rust}-slim-trixie"));
    assert_eq!(stages[1].image, "debian:13-slim");
    assert_eq!(stages[2].image, "gcr.io/distroless/cc-debian13:nonroot");
}

#[test]
fn what_is_run_while_building_is_locked_and_fetches_nothing_by_hand() {
    for (name, rest) in dockerfile().into_iter().flat_map(|stage| stage.instructions) {
        if name != "RUN" {
            continue;
        }
        for word in ["curl", "wget", "sudo", "| sh", "|sh", "| bash", "chmod 777", "http:", "https:"] {
            assert!(!rest.contains(word), "{rest}");
        }
        assert!(!rest.contains("cargo ") || rest.contains("--locked"), "{rest}");
        assert!(!rest.contains("apt-get install") || rest.contains("--no-install-recommends"), "{rest}");
    }
}

#[test]
fn the_context_holds_what_the_build_reads_and_nothing_else() {
    let ignored = text(".dockerignore");
    let mut lines = ignored.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert_eq!(lines.next(), Some("*"));
    let taken: BTreeSet<&str> = lines.map(|line| line.strip_prefix('!').unwrap()).collect();
    let into = tempfile::tempdir().unwrap();
    for name in &taken {
        assert!(path(name).exists(), "{name}");
        copy(&path(name), &into.path().join(name));
    }
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(into.path())
        .output()
        .unwrap();
    let metadata: Value =
        serde_json::from_slice(&cargo.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&cargo.stderr)));
    for target in metadata["packages"][0]["targets"].as_array().unwrap() {
        let kind = target["kind"][0].as_str().unwrap();
        let source = std::path::Path::new(target["src_path"].as_str().unwrap());
        assert!(source.exists(), "{kind} {}", source.display());
    }
    let files = text("src/sandbox/company/files.rs");
    for (_, rest) in files.match_indices("include_str!(\"").map(|(at, mark)| files.split_at(at + mark.len())) {
        let named = rest.split('"').next().unwrap().strip_prefix("../../../").unwrap();
        assert!(into.path().join(named).exists(), "{named}");
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
    }
}

#[test]
fn a_dockerfile_with_a_mistake_is_found() {
    for wrong in ["FROM debian:13\n", "RUN x\n", "FROM a:1 AS b\nADD https://x /x\n", "FROM a:1 AS b\nRUN x \\\n"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
