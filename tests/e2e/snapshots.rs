//! A reading that `snapshot` wrote gives the same plan as the live one, without any credential and without any request.

use std::fs;

use serde_json::Value;

use crate::{
    house::{House, holds, ids},
    service::{AT_ONCE, house},
};

/// The company's readings in a file, and the credentials gone.
fn company() -> (House, Value) {
    let house = House::company();
    let live = house.plan(&[]);
    house.expect(0, &["snapshot", "--out", "reading.json"]);
    fs::remove_dir_all(house.path("credentials")).unwrap();
    house.sandbox.record().clear();
    (house, live)
}

/// The rows without what depends on the moment of the plan: ages in sentences.
fn rows(plan: &Value) -> Vec<Value> {
    let targets = plan["targets"].as_array().unwrap();
    targets
        .iter()
        .map(|target| serde_json::json!([target["target"], target["rows"], target["refusals"], target["digest"]]))
        .collect()
}

#[test]
fn the_plan_from_a_file_has_the_same_rows_and_asks_nobody() {
    let (house, live) = company();
    let plan = house.plan(&["--snapshot", "reading.json"]);
    assert_eq!(rows(&plan), rows(&live));
    assert_eq!(house.sandbox.record().requests().len(), 0);
    assert!(ids(&plan, "s2-northlight", "change").len() > 1);
    assert!(!house.path(".portcullis").exists(), "and writes nothing");
}

#[test]
fn the_age_of_the_reading_and_its_file_are_shown() {
    let (house, _) = company();
    let text = house.expect(0, &["plan", "--snapshot", "reading.json"]).out;
    assert!(text.contains("reading.json") && text.contains("read just now"), "{text}");
    // The same reading, taken in another year.
    let old = house
        .read("reading.json")
        .replace("\"started_at\":\"2", "\"started_at\":\"1")
        .replace("\"finished_at\":\"2", "\"finished_at\":\"1");
    house.write("old.json", &old);
    let text = house.run(&["plan", "--snapshot", "old.json"]).all();
    assert!(text.contains("days ago") || text.contains("d ago"), "{text}");
    let markdown = house.expect(0, &["plan", "--snapshot", "reading.json", "--format", "markdown"]).out;
    assert!(markdown.contains("from the snapshot `reading.json`"), "{markdown}");
}

#[test]
fn the_file_holds_no_secret() {
    let house = House::company();
    let mut tokens = Vec::new();
    for system in ["accessowl", "aitronos", "buildkite", "pinata", "s2"] {
        tokens.push(house.read(&format!("credentials/{system}")).trim().to_owned());
    }
    let text = house.expect(0, &["snapshot"]).out;
    assert!(!text.contains("CANARY"), "a secret of the live data");
    assert!(tokens.iter().all(|token| !text.contains(token.as_str())));
    assert_eq!(text.lines().count(), 5, "a line a target");
}

#[test]
fn a_name_that_the_reading_does_not_know_is_unresolved() {
    let (house, _) = company();
    // An application that the file is about, called otherwise: what could be meant is held, not removed.
    let text = house.read("policies/it/slack.yaml");
    house.write("policies/it/slack.yaml", &text.replace("application: Slack", "application: Slak"));
    let plan = house.plan(&["--snapshot", "reading.json"]);
    let held = ids(&plan, "accessowl-northlight", "held");
    let unresolved =
        held.iter().filter(|id| holds(&plan, "accessowl-northlight", id).contains(&"unresolved".to_owned())).count();
    assert!(unresolved > 0, "{held:?}");
}

#[test]
fn targets_that_the_file_does_not_hold_are_no_part_of_the_plan() {
    let house = House::company();
    house.expect(0, &["snapshot", "--out", "s2.json", "s2-northlight"]);
    let plan = house.plan(&["--snapshot", "s2.json"]);
    let names: Vec<&str> =
        plan["targets"].as_array().unwrap().iter().map(|target| target["target"].as_str().unwrap()).collect();
    assert_eq!(names, ["s2-northlight"]);
    house.expect(1, &["snapshot", "s2-southlight"]);
}

#[test]
fn a_reading_that_was_cut_is_not_in_the_file_and_the_exit_code_says_so() {
    use portcullis::sandbox::{Fault, System, Trouble};
    let house = House::company();
    house.sandbox.fault(Fault::new(System::S2, Trouble::Html).on_reads());
    let run = house.expect(1, &["snapshot", "--out", "reading.json"]);
    assert!(run.err.contains("s2-northlight: unreadable"), "{}", run.err);
    let text = house.read("reading.json");
    assert_eq!(text.lines().count(), 4);
    assert!(!text.contains("s2-northlight"));
}

#[test]
fn a_broken_or_hostile_file_is_an_error_with_its_name_and_a_way_on() {
    let house = house(3, 1, AT_ONCE);
    house.expect(0, &["snapshot", "--out", "reading.json"]);
    let whole = house.read("reading.json");
    assert!(whole.trim_end().lines().count() == 1, "{whole}");
    let without_evidence = {
        let mut value: Value = serde_json::from_str(&whole).unwrap();
        let before = value.clone();
        strip(&mut value, "evidence");
        assert_ne!(value, before);
        value.to_string()
    };
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases = [
        ("empty", String::new()),
        ("half", whole[..whole.len() / 2].to_owned()),
        ("no reading", "{}".to_owned()),
        ("a list", "[1, 2]".to_owned()),
        ("HTML", "<!doctype html><p>Sign in</p>".to_owned()),
        ("another version", whole.replacen("\"version\":1", "\"version\":99", 1)),
        ("another target", whole.replace("\"target\":\"s2\"", "\"target\":\"s3\"")),
        ("another system", whole.replace("\"system\":\"s2\"", "\"system\":\"pinata\"")),
        ("twice the same", format!("{whole}{whole}")),
        ("without evidence", without_evidence),
        ("deep", deep),
        ("escapes", format!("\u{1b}[2J\u{202e}{whole}")),
    ];
    for (what, text) in cases {
        assert_ne!(text, whole, "{what}");
        house.write("broken.json", &text);
        let run = house.expect(1, &["plan", "--snapshot", "broken.json"]);
        assert!(run.err.contains("broken.json"), "{what}: {}", run.err);
        assert!(!run.err.contains('\u{1b}') && !run.err.contains('\u{202e}'), "{what}");
        assert!(!run.all().contains("panicked"), "{what}: {}", run.err);
        assert_eq!(run.out, "", "{what}");
    }
    house.expect(1, &["plan", "--snapshot", "nowhere.json"]);
}

/// Takes a field out at any depth.
fn strip(value: &mut Value, name: &str) {
    match value {
        Value::Object(fields) => {
            fields.remove(name);
            fields.values_mut().for_each(|value| strip(value, name));
        }
        Value::Array(items) => items.iter_mut().for_each(|value| strip(value, name)),
        _ => {}
    }
}

#[test]
fn a_file_of_another_account_is_not_planned_from() {
    let (house, _) = company();
    let text = house.read("reading.json");
    assert!(text.contains("org_northlight"));
    // The journal of this set-up knows its account; the file comes from elsewhere.
    house.write(
        "portcullis.yaml",
        &house.read("portcullis.yaml").replace(
            "    organization: org_northlight\n",
            "    organization: org_northlight\n    account: org_southlight\n",
        ),
    );
    let run = house.expect(1, &["plan", "--snapshot", "reading.json"]);
    assert!(run.all().contains("org_southlight"), "{}", run.all());
}

#[test]
fn entries_in_a_file_are_not_believed_to_be_harmless() {
    let house = house(3, 1, AT_ONCE);
    house.expect(0, &["snapshot", "--out", "reading.json"]);
    let hostile = house.read("reading.json").replace("service/stray-00", "service/\\u001b[2J\\u202e<b>`@anna`");
    house.write("hostile.json", &hostile);
    for format in ["text", "json", "markdown"] {
        let run = house.expect(0, &["plan", "--snapshot", "hostile.json", "--format", format]);
        assert!(run.out.contains("[2J") || run.out.contains("2J"), "{format}: {}", run.out);
        assert!(!run.out.contains('\u{1b}') && !run.out.contains('\u{202e}'), "{format}: {:?}", run.out);
    }
}
