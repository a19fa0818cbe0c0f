//! Every command does what its help says: a beginning that works, schemas that hold, results apart from talk.

use std::{fs, path::Path};

use portcullis::sandbox::System;
use serde_json::Value;

use crate::{
    house::{House, Run, binary},
    service::{AT_ONCE, house, strays},
};

const COMMANDS: [&str; 13] = [
    "demo",
    "init",
    "validate",
    "plan",
    "apply",
    "revoke",
    "expect",
    "import",
    "snapshot",
    "history",
    "schema",
    "sandbox",
    "completions",
];

/// Runs the binary in an empty directory.
fn alone(args: &[&str]) -> Run {
    let dir = tempfile::tempdir().unwrap();
    Run::of(binary(dir.path()).args(args).output().unwrap())
}

#[test]
fn every_command_has_a_help_with_examples_and_nothing_on_standard_error() {
    for command in COMMANDS {
        let run = alone(&[command, "--help"]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{command}");
        assert!(run.out.contains("Examples:") && run.out.contains("Usage: portcullis "), "{command}: {}", run.out);
    }
    let run = alone(&["--help"]);
    assert_eq!(run.code, 0);
    assert!(COMMANDS.iter().all(|command| run.out.contains(command)), "{}", run.out);
    assert!(alone(&["--version"]).out.starts_with("portcullis "));
}

#[test]
fn a_beginning_is_valid_and_plans_against_a_real_account_without_enforcing_anything() {
    let house = house(3, 2, AT_ONCE);
    let run = house.expect(0, &["init", "--dir", "begun", "--system", "s2", "--schemas"]);
    assert!(run.out.contains("wrote") && house.path("begun/.portcullis/journal.db").exists(), "{}", run.out);
    let config = house.path("begun/portcullis.yaml");
    let config = config.to_str().unwrap();
    house.expect(0, &["validate", "--config", config]);
    // What stays to be done by hand: where the account is, and with which credential.
    let text = house.read("begun/portcullis.yaml");
    let url = house.sandbox.url(System::S2);
    let mut edited = String::new();
    for line in text.lines() {
        edited.push_str(line);
        edited.push('\n');
        if line.trim() == "system: s2" {
            edited.push_str(&format!("    base_url: {url}\n    allow_host: true\n"));
        }
    }
    assert_ne!(edited, text, "{text}");
    house.write("begun/portcullis.yaml", &edited);
    let credential = text.lines().find_map(|line| line.trim().strip_prefix("credential: { env: ")).unwrap();
    let variable = credential.split([' ', '}']).next().unwrap();
    let mut command = house.command(&["plan", "--config", config]);
    let run = Run::of(command.env(variable, "s2-full").output().unwrap());
    assert_eq!(run.code, 0, "{}", run.all());
    assert!(run.out.contains("nothing to revoke"), "{}", run.out);
    let mut command = house.command(&["apply", "--yes", "--config", config]);
    assert_eq!(Run::of(command.env(variable, "s2-full").output().unwrap()).code, 0);
    assert_eq!(house.writes(), 0);
    // Nothing is overwritten.
    house.expect(0, &["init", "--dir", "begun"]);
    assert_eq!(house.read("begun/portcullis.yaml"), edited);
    house.expect(1, &["init", "--dir", "other", "--system", "s3"]);
}

#[test]
fn a_beginning_with_all_systems_is_valid() {
    let house = house(0, 0, AT_ONCE);
    house.expect(0, &["init", "--dir", "begun"]);
    house.expect(0, &["validate", "--config", house.path("begun/portcullis.yaml").to_str().unwrap()]);
}

fn schema(which: &str) -> jsonschema::Validator {
    let run = alone(&["schema", which]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{which}");
    let schema: Value = run.json();
    jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{which}: {error}"));
    jsonschema::validator_for(&schema).unwrap()
}

fn holds(validator: &jsonschema::Validator, name: &Path, value: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(errors.is_empty(), "{}: {errors:#?}", name.display());
}

fn yaml(path: &Path) -> Value {
    serde_yaml::from_str(&fs::read_to_string(path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml_files(directory: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            yaml_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn the_samples_hold_by_the_schemas_of_an_independent_validator() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (policy, people, config) = (schema("policy"), schema("people"), schema("config"));
    let mut files = Vec::new();
    yaml_files(&root.join("policies"), &mut files);
    yaml_files(&root.join("examples"), &mut files);
    assert!(files.len() > 9);
    for file in files {
        match file.file_name().unwrap().to_str().unwrap() {
            "portcullis.yaml" => holds(&config, &file, &yaml(&file)),
            "people.yaml" => holds(&people, &file, &yaml(&file)),
            _ if file.components().any(|part| part.as_os_str() == "policies") => holds(&policy, &file, &yaml(&file)),
            _ => {}
        }
    }
    holds(&people, &root.join("people.yaml"), &yaml(&root.join("people.yaml")));

    // And what is wrong does not hold.
    let wrong = |validator: &jsonschema::Validator, text: &str| {
        assert!(!validator.is_valid(&serde_yaml::from_str(text).unwrap()), "{text}");
    };
    wrong(&policy, "version: 1\ntarget: s2\nacces_tokens: []");
    wrong(&policy, "version: 1\ntarget: s2\naccess_tokens: [{ id: x, expries: 2027-01-31 }]");
    wrong(&people, "version: 1\npeople: { anna: { emial: a@example.com } }");
    wrong(&config, "version: 1\ntargets: { s2: { system: s3, credential: { env: X } } }");
    wrong(&config, "version: 1\ntargets: {}");
}

#[test]
fn what_the_binary_writes_holds_by_its_own_schemas() {
    let house = House::company();
    let (policy, config, plan) = (schema("policy"), schema("config"), schema("plan"));
    holds(&config, &house.path("portcullis.yaml"), &yaml(&house.path("portcullis.yaml")));
    holds(&plan, Path::new("plan --format json"), &house.plan(&[]));
    house.expect(0, &["plan", "--out", "plan.json"]);
    holds(&plan, Path::new("plan --out"), &serde_json::from_str(&house.read("plan.json")).unwrap());
    for system in ["accessowl", "aitronos", "buildkite", "pinata", "s2"] {
        let target = format!("{system}-northlight");
        house.write("imported.yaml", &house.expect(0, &["import", &target]).out);
        holds(&policy, Path::new(&target), &yaml(&house.path("imported.yaml")));
    }
    house.expect(0, &["init", "--dir", "begun"]);
    holds(&config, Path::new("init"), &yaml(&house.path("begun/portcullis.yaml")));
}

#[test]
fn completions_are_there_for_every_shell_and_name_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = alone(&["completions", shell]);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{shell}");
        for command in COMMANDS {
            assert!(run.out.contains(command), "{shell} has no {command}");
        }
    }
    assert_eq!(alone(&["completions", "cmd"]).code, 1);
}

#[test]
fn colour_is_only_where_it_is_asked_for_and_never_in_data() {
    let house = house(4, 1, AT_ONCE);
    assert!(!house.expect(0, &["plan"]).out.contains('\u{1b}'), "no terminal, no colour");
    assert!(house.expect(0, &["plan", "--color", "always"]).out.contains('\u{1b}'));
    for format in ["json", "markdown"] {
        assert!(
            !house.expect(0, &["plan", "--color", "always", "--format", format]).out.contains('\u{1b}'),
            "{format}"
        );
    }
    let mut command = house.command(&["plan"]);
    assert!(!Run::of(command.env("NO_COLOR", "1").env("TERM", "xterm").output().unwrap()).out.contains('\u{1b}'));
    let error = house.expect(1, &["plan", "--config", "elsewhere.yaml"]);
    assert!(!error.err.contains('\u{1b}'));
}

#[test]
fn standard_output_is_the_result_and_standard_error_the_talk() {
    let house = house(7, 1, AT_ONCE);
    let plan = house.expect(0, &["plan", "--format", "json", "-vv"]);
    assert!(plan.json()["targets"].is_array() && plan.err.contains("journal"), "{}", plan.err);
    let apply =
        house.expect(0, &["apply", "--yes", "--new-journal", "--format", "json", "-vv", "--log-format", "json"]);
    assert_eq!(apply.json()["exit"], 0);
    for line in apply.err.lines().filter(|line| line.starts_with('{')) {
        serde_json::from_str::<Value>(line).unwrap();
    }
    assert_eq!(house.removed_tokens(), strays(1));
    house.expect(0, &["history", "--format", "json"]).json();
    house.expect(0, &["validate", "--format", "json"]).json();
    for line in house.expect(0, &["snapshot"]).out.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
    // An error leaves standard output empty.
    assert_eq!(house.expect(1, &["plan", "--target", "s3"]).out, "");
}

#[test]
fn the_quick_start_does_what_its_page_says() {
    let house = House::company();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quick-start");
    // The page's first half: the files that the sandbox writes.
    house.expect(0, &["plan"]);
    // The second: the two files beside the page, at the address that this sandbox has.
    let url = house.sandbox.url(System::S2);
    let config = fs::read_to_string(root.join("portcullis.yaml")).unwrap();
    assert!(config.contains("http://127.0.0.1:4604/v1"));
    house.write("quick/portcullis.yaml", &config.replace("http://127.0.0.1:4604/v1", url));
    let policy = fs::read_to_string(root.join("policies/s2.yaml")).unwrap();
    let plan = |policy: &str| {
        house.write("quick/policies/s2.yaml", policy);
        let config = house.path("quick/portcullis.yaml");
        let mut command = house.command(&["plan", "--config", config.to_str().unwrap(), "--format", "json"]);
        let run = Run::of(command.env("S2_ACCESS_TOKEN", "s2-full").output().unwrap());
        assert_eq!(run.code, 0, "{}", run.all());
        run.json()
    };
    let shown = |plan: &Value, status: &str| crate::house::ids(plan, "s2-northlight", status);
    let first = plan(&policy);
    let all = [shown(&first, "change"), shown(&first, "held")].concat();
    assert_eq!(all, ["ci/run-8714"]);

    assert!(policy.contains("must_expire_within: 2d"));
    let shorter = plan(&policy.replace("must_expire_within: 2d", "must_expire_within: 1h"));
    assert!(shown(&shorter, "held").len() > 1);
    let noticed = |id: &String| crate::house::holds(&shorter, "s2-northlight", id) == ["notice"];
    assert!(shown(&shorter, "held").iter().all(noticed), "{shorter}");

    let declared = plan(&format!("{policy}\naccess_tokens:\n  - {{ id: ci/run-8714, justification: stays }}\n"));
    assert_eq!([shown(&declared, "change"), shown(&declared, "held")].concat(), [""; 0]);
    let unmanaged = plan(policy.split_once("manage:").unwrap().0);
    assert_eq!([shown(&unmanaged, "change"), shown(&unmanaged, "held")].concat(), [""; 0]);
    assert_eq!(house.writes(), 0);
}
