//! What the documents say can be typed, and what they show is what comes out.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    documents::{Command, Session, command_lines, sessions},
    house::{Run, binary},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Documents and examples: every Markdown and YAML file that is meant for people.
fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::from(ROOT).join("examples")];
    for entry in fs::read_dir(ROOT).unwrap() {
        found.push(entry.unwrap().path());
    }
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.retain(|path| path.extension().is_some_and(|is| is == extension));
    found.sort();
    found
}

fn check(place: &str, line: &Command) {
    if let Err(error) = portcullis::cli::can_be_typed(&line.words) {
        // Help and version end the parsing too, and are no mistake.
        assert!(!error.use_stderr(), "{place}: {:?}\n{error}", line.words);
    }
}

#[test]
fn every_command_line_in_the_documents_can_be_typed() {
    let mut checked = 0;
    for path in files("md") {
        for line in command_lines(&fs::read_to_string(&path).unwrap()) {
            check(&path.display().to_string(), &line);
            checked += 1;
        }
    }
    assert!(checked > 40, "only {checked} command lines were found");
}

#[test]
fn every_example_of_the_help_can_be_typed() {
    let mut commands = portcullis::cli::command();
    commands.build();
    let mut checked = 0;
    for command in std::iter::once(&commands).chain(commands.get_subcommands()) {
        let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        for line in help.lines().filter(|line| line.starts_with("  portcullis ")) {
            // What it is for stands after two spaces.
            let typed = line.trim_start().split("  ").next().unwrap();
            for one in Command::all_of(typed) {
                check(command.get_name(), &one);
                checked += 1;
            }
        }
    }
    assert!(checked > 25, "only {checked} examples were found");
}

#[test]
fn the_ci_jobs_are_yaml_whose_steps_can_be_typed() {
    let jobs: Vec<PathBuf> = files("yaml").into_iter().filter(|path| path.starts_with(dir("examples/ci"))).collect();
    assert_eq!(jobs.len(), 6, "{jobs:?}");
    for path in jobs {
        let job: Value = serde_yaml::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut texts = Vec::new();
        collect(&job, &mut texts);
        let lines: Vec<Command> = texts.iter().flat_map(|text| Command::all_of(text)).collect();
        assert!(!lines.is_empty(), "{} runs nothing", path.display());
        for line in &lines {
            check(&path.display().to_string(), line);
        }
    }
}

#[test]
fn what_the_offline_sessions_show_is_what_comes_out() {
    let text = fs::read_to_string(dir("README.md")).unwrap();
    let shown = sessions(&text);
    assert!(shown.len() >= 4, "only {} sessions are marked", shown.len());
    for session in &shown {
        replay(session);
    }
}

/// Runs each command of a session in its directory and compares what it says, its errors after its result.
fn replay(session: &Session) {
    for step in &session.steps {
        let [line] = &Command::all_of(&step.typed)[..] else { panic!("one command a step: {}", step.typed) };
        let run = Run::of(binary(&dir(&session.dir)).args(&line.words[1..]).output().unwrap());
        let said = format!("{}{}", run.out, run.err);
        assert_eq!(run.code, step.exit, "{}\n{said}", step.typed);
        assert!(step.shows(&said), "`{}` says\n{said}\nand the README shows\n{}", step.typed, step.shown.join("\n"));
    }
}

fn collect(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, into)),
        _ => {}
    }
}

fn dir(name: &str) -> PathBuf {
    Path::new(ROOT).join(name)
}
