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

/// A policy that declares these tokens and manages all that begin with `service/`.
fn declaring(ids: &[&str]) -> String {
    let items: String = ids.iter().map(|id| format!("  - {{ id: {id}, justification: x }}\n")).collect();
    format!(
        "version: 1\ntarget: s2\nmanage: {{ access_tokens: {{ select: [{{ id: \"service/*\" }}] }} }}\naccess_tokens:\n{items}"
    )
}

/// Five declared tokens that the journal knows, then a branch that takes the declaration of `service/alerts` away, and the
/// journal out of reach. The first reading was made with it, the second one without.
fn a_branch() -> (House, Value) {
    let ids = ["service/alerts", "service/a", "service/b", "service/c", "service/d"];
    let house = House::s2(&ids, "    enforce: [access_tokens]", &declaring(&ids));
    house.apply(0);
    house.sandbox.world(|world| crate::house::issue(world, "service/stray"));
    house.apply(0);
    house.expect(0, &["snapshot", "--out", "reading.json"]);
    house.write("policies/s2.yaml", &declaring(&ids[1..]));
    let with_journal = house.plan(&[]);
    fs::rename(house.path(".portcullis"), house.path("away")).unwrap();
    let run = house.expect(0, &["snapshot", "--out", "bare.json"]);
    assert!(run.err.contains("holds nothing of the past"), "{}", run.err);
    (house, with_journal)
}

#[test]
fn a_pull_request_that_undeclares_an_entry_is_told_that_it_goes_at_once() {
    let (house, with_journal) = a_branch();
    let run = house.expect(0, &["plan", "--snapshot", "reading.json"]);
    for words in ["revoke access token service/alerts", "no longer declared", "1 to revoke (1 irreversible), 1 held in"]
    {
        assert!(run.out.contains(words), "no {words:?} in\n{}", run.out);
    }
    assert!(run.out.contains("service/stray") && run.out.contains("unattended it goes from 20"), "{}", run.out);
    assert!(!run.err.contains("nothing is known of the past"), "{}", run.err);
    let plan = house.plan(&["--snapshot", "reading.json"]);
    assert_eq!(rows(&plan), rows(&with_journal), "the plan that the journal would make");
    // And that is what happens after the merge.
    fs::rename(house.path("away"), house.path(".portcullis")).unwrap();
    let run = house.expect(0, &["apply", "--yes"]);
    assert_eq!(house.removed_tokens(), ["service/alerts"], "{}", run.all());
    // A journal that is there knows better than the reading: the one that may go in a day was sent since.
    let plan = house.plan(&["--snapshot", "reading.json"]);
    assert_eq!(crate::service::refused_by(&plan, "s2"), ["share", "share"]);
}

#[test]
fn without_any_journal_no_notice_is_promised() {
    let (house, _) = a_branch();
    // A reading of an earlier version never holds what a journal knows.
    let old = house.read("bare.json").replacen("\"version\":2", "\"version\":1", 1);
    assert!(!old.contains("\"past\""));
    house.write("old.json", &old);
    for file in ["bare.json", "old.json"] {
        let run = house.expect(0, &["plan", "--snapshot", file]);
        assert!(!run.out.contains("unattended it goes"), "{}", run.out);
        assert_eq!(run.out.matches("no journal was read, so unattended it may go at once").count(), 2, "{}", run.out);
        assert!(run.out.contains("2 held (2 of them may go at once: no journal was read)"), "{}", run.out);
        assert!(run.err.contains("where the journal is"), "{}", run.err);
    }
    let markdown = house.expect(0, &["plan", "--snapshot", "bare.json", "--format", "markdown"]).out;
    assert!(markdown.contains("2 held (2 of them may go at once: no journal was read)"), "{markdown}");
    // What something else holds as well does not go.
    house.edit("portcullis.yaml", "    enforce: [access_tokens]\n", "");
    let run = house.expect(0, &["plan", "--snapshot", "bare.json"]);
    assert!(run.out.contains("2 held in 1 target"), "{}", run.out);
}

#[test]
fn what_was_sent_refused_and_announced_comes_along_with_the_reading() {
    use portcullis::sandbox::{Fault, System, Trouble};
    let house = House::company();
    let refusal = Trouble::Status { status: 403, after_effect: false };
    house.sandbox.fault(Fault::new(System::Pinata, refusal).on_writes().times(1));
    house.run(&["apply", "--yes", "--new-journal"]);
    house.sandbox.clear_faults();
    house.edit("policies/go-to-market/accessowl.yaml", "groups: [support]", "users: [fiona]");
    let live = house.plan(&[]);
    house.expect(0, &["snapshot", "--out", "reading.json"]);
    let document: Vec<Value> =
        house.read("reading.json").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let some = |part: &str| {
        let some = document.iter().any(|line| line["past"][part].as_array().is_some_and(|list| !list.is_empty()));
        assert!(some, "nothing of {part}");
    };
    ["matches", "undeclared", "owners", "sent", "bases", "open", "refusals"].iter().for_each(|part| some(part));
    let schema = house.expect(0, &["schema", "snapshot"]).json();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    assert!(document.iter().all(|line| validator.is_valid(line)), "they fit their schema");
    fs::rename(house.path(".portcullis"), house.path("away")).unwrap();
    assert_eq!(rows(&house.plan(&["--snapshot", "reading.json"])), rows(&live));
    let bare: String = document
        .into_iter()
        .map(|mut line| {
            line.as_object_mut().unwrap().remove("past");
            format!("{line}\n")
        })
        .collect();
    house.write("bare.json", &bare);
    assert_ne!(rows(&house.plan(&["--snapshot", "bare.json"])), rows(&live), "and without it the plan is another one");
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
        ("another version", whole.replacen("\"version\":2", "\"version\":99", 1)),
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
