//! What a stranger needs to act stands in the output itself, whichever its form: the broken file, the reason, what is left.

use portcullis::sandbox::{Fault, System, Trouble};
use serde_json::Value;

use crate::{
    house::{House, binary, rows},
    service::{AT_ONCE, house},
};

#[test]
fn every_form_of_a_plan_names_the_broken_file_and_its_place() {
    let house = house(4, 0, AT_ONCE);
    house.write(
        "policies/data/s2.yaml",
        "version: 1\ntarget: s2\naccess_tokens:\n  - { id: a, \"expire`@anna\": 2027-01-31 }\n",
    );
    let text = house.expect(1, &["plan"]);
    assert!(text.err.contains("--> policies/data/s2.yaml:4:14"), "{}", text.err);
    let json = house.expect(1, &["plan", "--format", "json"]).json();
    let problem = &json["problems"][0];
    assert_eq!(
        (&problem["file"], &problem["line"], &problem["column"]),
        (&"policies/data/s2.yaml".into(), &4.into(), &14.into())
    );
    assert!(problem["message"].as_str().unwrap().contains("is not a field"), "{problem}");
    let markdown = house.expect(1, &["plan", "--format", "markdown"]).out;
    assert!(markdown.contains("**broken file** `policies/data/s2.yaml:4:14`: "), "{markdown}");
    assert!(!markdown.contains("@anna"), "{markdown}");
    house.write("portcullis.yaml", "version: 1\ntarget: {}\n");
    let json = house.expect(1, &["plan", "--format", "json"]).json();
    let problems = json["problems"].as_array().unwrap();
    assert!(problems.iter().any(|one| one["file"] == "portcullis.yaml" && one["line"] == 2), "{json}");
    let markdown = house.expect(1, &["plan", "--format", "markdown"]).out;
    assert!(markdown.contains("`portcullis.yaml:2:1`"), "{markdown}");
}

#[test]
fn a_snapshot_of_nothing_leaves_the_older_one_and_one_of_some_says_of_how_many() {
    let house = House::company();
    house.sandbox.fault(Fault::new(System::S2, Trouble::BrokenJson).on_reads());
    house.write("reading.json", "older");
    let run = house.expect(1, &["snapshot", "--out", "reading.json", "s2-northlight"]);
    assert_eq!(house.read("reading.json"), "older");
    assert!(run.err.contains("reading.json is not written") && !run.err.contains("--snapshot"), "{}", run.err);
    let run = house.expect(1, &["snapshot", "--out", "reading.json"]);
    assert!(run.err.contains("of 4 of 5 targets") && house.read("reading.json").lines().count() == 4, "{}", run.err);
}

#[test]
fn words_of_the_vendor_are_marked_as_such() {
    let house = house(4, 0, AT_ONCE);
    house.sandbox.fault(Fault::new(System::S2, Trouble::Status { status: 422, after_effect: false }).on_reads());
    let run = house.expect(1, &["plan"]);
    assert!(run.out.contains("HTTP 422, it says: \""), "{}", run.out);
}

#[test]
fn a_saved_plan_whose_rows_are_all_done_says_so() {
    let house = house(15, 2, AT_ONCE);
    house.expect(0, &["plan", "--out", "plan.json"]);
    let apply = ["apply", "plan.json", "--reviewed-by", "anna", "--new-journal"];
    let first = house.expect(0, &apply);
    assert!(!first.out.contains("done already"), "{}", first.out);
    let again = house.expect(0, &apply);
    assert!(again.out.contains("all of the saved plan, 2 rows, is done already"), "{}", again.out);
    assert_eq!(house.writes(), 2);
}

#[test]
fn init_writes_where_config_says_and_the_first_plan_says_once_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| crate::house::Run::of(binary(dir.path()).args(args).output().unwrap());
    let begun = run(&["init", "--config", "access/guard.yaml"]);
    assert_eq!(begun.code, 0, "{}", begun.err);
    assert!(!dir.path().join("portcullis.yaml").exists() && dir.path().join("access/policies/s2.yaml").exists());
    let plan = run(&["plan", "--config", "access/guard.yaml"]);
    assert_eq!(plan.out.matches("Nothing is concluded").count(), 1, "{}", plan.out);
    assert!(plan.all().contains("S2_ACCESS_TOKEN") && plan.all().contains("BUILDKITE_API_TOKEN"), "{}", plan.all());
}

#[test]
fn a_token_whose_removal_was_not_answered_is_told_to_work_on_for_a_while_once() {
    for lost in [true, false] {
        let house = house(15, 1, AT_ONCE);
        if lost {
            house.sandbox.fault(Fault::new(System::S2, Trouble::DropAfter).on_writes());
        }
        let report: Value = house.expect(0, &["apply", "--yes", "--new-journal", "--format", "json"]).json();
        let row = &report["outcomes"][0]["rows"][0];
        let said = row.to_string();
        assert_eq!(said.matches("certainly dead by").count(), 1, "{said}");
        assert_eq!(said.matches("up to 10 minutes").count(), 1, "{said}");
        let remark = row["remarks"][0].as_str().unwrap();
        assert!(!remark.contains('.'), "whole seconds: {remark}");
    }
}

#[test]
fn an_entry_with_a_control_character_can_be_forbidden_and_protected() {
    let house = house(15, 1, AT_ONCE);
    house.sandbox.world(|world| ["ci/\u{1b}[2J", "ci/\u{1b}[1m"].iter().for_each(|id| crate::house::issue(world, id)));
    let policy = house.read("policies/s2.yaml");
    let absent = "absent:\n  access_tokens:\n    - { id: \"ci/\\e[2J\", justification: odd }\n    - { id: \"ci/\\e[1m\", justification: odd }\n";
    house.write("policies/s2.yaml", &format!("{policy}{absent}"));
    house.s2_target(&format!("{AT_ONCE}\n    protected: {{ access_tokens: [{{ id: \"ci/\\e[1m\" }}] }}"));
    let plan = house.plan(&[]);
    let status = |id: &str| rows(&plan, "s2").iter().find(|row| row["id"] == id).unwrap()["status"].clone();
    assert_eq!((status("ci/\u{1b}[2J"), status("ci/\u{1b}[1m")), ("change".into(), "held".into()));
}
