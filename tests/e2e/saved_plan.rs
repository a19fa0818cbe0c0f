//! A saved plan is an upper bound: everything is computed again, and what nobody reviewed is not sent.

use serde_json::Value;

use crate::{
    house::{House, Run, issue},
    service::{AT_ONCE, appears, declaring, house, kept, refused_by, strays},
};

fn saved(keep: usize, stray: usize) -> House {
    let house = house(keep, stray, AT_ONCE);
    house.expect(0, &["plan", "--out", "plan.json"]);
    house
}

fn apply(house: &House, code: i32) -> Run {
    house.expect(code, &["apply", "plan.json", "--reviewed-by", "anna", "--new-journal"])
}

fn report(house: &House, code: i32) -> Value {
    house.expect(code, &["apply", "plan.json", "--reviewed-by", "anna", "--new-journal", "--format", "json"]).json()
}

/// Changes the saved plan as JSON.
fn tamper(house: &House, change: impl FnOnce(&mut Value)) {
    let mut plan: Value = serde_json::from_str(&house.read("plan.json")).unwrap();
    change(&mut plan);
    house.write("plan.json", &plan.to_string());
}

#[test]
fn what_was_saved_is_what_plan_prints_and_is_sent_with_the_reviewer_in_the_journal() {
    let house = saved(15, 3);
    assert_eq!(house.writes(), 0);
    let printed = house.plan(&[]);
    let mut kept: Value = serde_json::from_str(&house.read("plan.json")).unwrap();
    assert_eq!(kept["targets"][0]["digest"], printed["targets"][0]["digest"]);
    assert!(kept["made_at"].take().is_string());
    apply(&house, 0);
    assert_eq!(house.removed_tokens(), strays(3));
    let history = house.expect(0, &["history"]).out;
    assert!(history.contains("reviewed by anna") && history.contains("saved plan used up"), "{history}");
    apply(&house, 0);
    assert_eq!(house.writes(), 3, "nothing is left to send");
}

#[test]
fn newer_rows_are_told_and_not_sent_and_rows_done_meanwhile_drop_out() {
    let house = saved(15, 3);
    appears(&house, "service/newer");
    house.sandbox.world(|world| assert!(world.s2.remove("service/stray-01", "2026-01-01T00:00:00Z".parse().unwrap())));
    let run = apply(&house, 0);
    assert_eq!(house.removed_tokens(), ["service/stray-00", "service/stray-02"]);
    assert!(run.out.contains("service/newer") && run.out.contains("not_in_plan"), "{}", run.out);
}

#[test]
fn an_entry_that_changed_since_is_another_row() {
    let house = saved(15, 1);
    let body =
        serde_json::json!({ "id": "service/stray-00", "scope": { "streams": { "prefix": "y/" }, "ops": ["read"] } });
    house.sandbox.world(|world| world.s2.issue(serde_json::from_value(body).unwrap()));
    let run = apply(&house, 0);
    assert_eq!(house.writes(), 0);
    assert!(run.out.contains("not_in_plan"), "{}", run.out);
}

#[test]
fn a_row_with_another_cause_is_another_row() {
    let house = saved(15, 1);
    // Now it is declared, and expired: it would go all the same, for a reason that nobody reviewed. The digest guards it first.
    let text = declaring(&[kept(15), strays(1)].concat());
    house.write(
        "policies/s2.yaml",
        &text.replace("{ id: service/stray-00,", "{ id: service/stray-00, expires: 2020-01-01,"),
    );
    apply(&house, 3);
    assert_eq!(house.writes(), 0);
}

#[test]
fn a_changed_policy_refuses_and_sends_nothing() {
    let house = saved(15, 2);
    house.write("policies/s2.yaml", &declaring(&kept(14)));
    let report = report(&house, 3);
    assert_eq!(refused_by(&report["plan"], "s2"), ["policy_digest"]);
    assert_eq!(house.writes(), 0);
    // A comment is no change of what the policies say.
    house.write("policies/s2.yaml", &format!("# reviewed\n{}", declaring(&kept(15))));
    apply(&house, 0);
    assert_eq!(house.removed_tokens(), strays(2));
}

#[test]
fn another_targets_policy_does_not_disturb_it() {
    let house = House::company();
    house.expect(0, &["plan", "--out", "plan.json"]);
    house.edit("policies/ai/aitronos.yaml", "looks after it", "has it in hand");
    let text = house.read("policies/ai/aitronos.yaml");
    house.write(
        "policies/ai/aitronos.yaml",
        &text.lines().filter(|line| !line.contains("asst_sales")).map(|line| format!("{line}\n")).collect::<String>(),
    );
    let report = report(&house, 3);
    assert_eq!(refused_by(&report["plan"], "aitronos-northlight"), ["policy_digest"]);
    assert!(!refused_by(&report["plan"], "s2-northlight").contains(&"policy_digest".to_owned()));
    assert!(!house.removed_tokens().is_empty());
    assert_eq!(house.removed(portcullis::sandbox::System::Aitronos, "grant"), [""; 0]);
}

#[test]
fn a_used_up_plan_does_not_remove_entries_that_live_again() {
    let house = saved(15, 2);
    apply(&house, 0);
    for id in strays(2) {
        appears(&house, &id);
    }
    let report = report(&house, 3);
    assert_eq!(refused_by(&report["plan"], "s2"), ["used_up"]);
    assert_eq!(house.writes(), 2);
    // A new plan is another plan.
    house.expect(0, &["plan", "--out", "plan.json", "--expect-revocations", "s2=2"]);
    house.expect(0, &["apply", "plan.json", "--reviewed-by", "ben", "--expect-revocations", "s2=2"]);
    assert_eq!(house.writes(), 4);
}

/// The usual plan: all that nobody declared waits for its notice, which a reviewed plan need not wait for.
#[test]
fn a_plan_of_rows_that_waited_for_their_notice_is_used_up_too() {
    let house = house(15, 1, "    enforce: [access_tokens]");
    house.expect(0, &["plan", "--out", "plan.json"]);
    apply(&house, 0);
    assert_eq!(house.removed_tokens(), strays(1));
    appears(&house, &strays(1)[0]);
    assert_eq!(refused_by(&report(&house, 3)["plan"], "s2"), ["used_up"]);
    assert_eq!(house.writes(), 1);
}

#[test]
fn without_a_review_a_saved_plan_is_unattended_and_notice_holds() {
    let house = house(15, 1, "    enforce: [access_tokens]");
    house.expect(0, &["plan", "--out", "plan.json"]);
    house.expect(0, &["apply", "plan.json", "--new-journal"]);
    assert_eq!(house.writes(), 0);
    let history = house.expect(0, &["history"]).out;
    assert!(history.contains("unattended"), "{history}");
    apply(&house, 0);
    assert_eq!(house.removed_tokens(), strays(1), "the plan is not used up by a run that sent nothing");
}

#[test]
fn a_row_smuggled_into_the_file_is_not_sent_for_it_has_to_be_planned_too() {
    let house = saved(15, 1);
    tamper(&house, |plan| {
        let rows = plan["targets"][0]["rows"].as_array_mut().unwrap();
        let mut row = rows[0].clone();
        row["id"] = "service/keep-00".into();
        rows.push(row);
    });
    apply(&house, 0);
    assert_eq!(house.removed_tokens(), strays(1));
}

#[test]
fn a_row_taken_out_of_the_file_stays() {
    let house = saved(15, 2);
    tamper(&house, |plan| {
        plan["targets"][0]["rows"].as_array_mut().unwrap().retain(|row| row["id"] != "service/stray-00");
    });
    apply(&house, 0);
    assert_eq!(house.removed_tokens(), ["service/stray-01"]);
}

#[test]
fn guards_stand_in_the_way_of_a_saved_plan_as_of_any_other() {
    let house = saved(15, 2);
    tamper(&house, |plan| plan["targets"][0]["refusals"] = Value::Array(Vec::new()));
    house.s2_target("    enforce: [access_tokens]\n    guards: { notice: 0h, max_count: 1 }");
    apply(&house, 3);
    assert_eq!(house.writes(), 0);
}

#[test]
fn a_target_that_the_file_does_not_name_gets_nothing() {
    let house = saved(15, 1);
    let whole = house.read("plan.json");
    // Of a target that the configuration does not have, of none at all: no reason to send elsewhere without any bound.
    tamper(&house, |plan| plan["targets"][0]["target"] = "s3".into());
    apply(&house, 1);
    tamper(&house, |plan| plan["targets"] = Value::Array(Vec::new()));
    apply(&house, 1);
    assert_eq!(house.writes(), 0);
    house.write("plan.json", &whole);
    apply(&house, 0);

    let house = House::company();
    house.expect(0, &["plan", "--target", "s2-northlight", "--out", "plan.json"]);
    house.expect(1, &["apply", "plan.json", "--target", "pinata-northlight", "--reviewed-by", "anna", "--new-journal"]);
    assert_eq!(house.writes(), 0);
}

#[test]
fn a_broken_file_is_an_error_before_any_request() {
    let house = saved(15, 1);
    let whole = house.read("plan.json");
    let half = &whole[..whole.len() / 2];
    let newer = whole.replacen("\"version\": 1", "\"version\": 2", 1);
    let twice = {
        let mut plan: Value = serde_json::from_str(&whole).unwrap();
        let again = plan["targets"][0].clone();
        plan["targets"].as_array_mut().unwrap().push(again);
        plan.to_string()
    };
    let requests = house.sandbox.record().requests().len();
    for (text, told) in
        [(half, "no plan"), (&newer, "version 2"), ("", "no plan"), ("[]", "no plan"), (&twice, "twice")]
    {
        house.write("plan.json", text);
        let run = apply(&house, 1);
        assert!(run.err.contains(told) && run.err.contains("plan --out"), "{told}: {}", run.err);
    }
    std::fs::remove_file(house.path("plan.json")).unwrap();
    apply(&house, 1);
    assert_eq!(house.sandbox.record().requests().len(), requests);
}

#[test]
fn a_reading_from_a_file_gives_a_plan_that_apply_checks_against_the_live_one() {
    let house = house(15, 2, AT_ONCE);
    house.expect(0, &["snapshot", "--out", "reading.json"]);
    house.expect(0, &["plan", "--snapshot", "reading.json", "--out", "plan.json"]);
    house.sandbox.world(|world| issue(world, "service/newer"));
    apply(&house, 0);
    assert_eq!(house.removed_tokens(), strays(2));
}
