//! What a removal says of itself: a reason made of the policies' own words, and a key that stays the same for the same removal.

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use portcullis::sandbox::{Deed, Fault, System, Trouble};
use serde_json::Value;

use crate::house::House;

const OWL: [&str; 2] = ["--target", "accessowl-northlight"];

fn house() -> House {
    let house = House::company();
    house.edit("portcullis.yaml", "guards: { notice: 0h }", "guards: { notice: 0h }\n    settle: 1s");
    house
}

fn apply(house: &House, code: i32) {
    house.expect(code, &[&["apply", "--yes", "--new-journal"][..], &OWL].concat());
}

/// What AccessOwl was sent: body and idempotency key, by the state that is to end.
fn sent(house: &House) -> BTreeMap<String, Vec<(Value, String)>> {
    let mut sent: BTreeMap<String, Vec<(Value, String)>> = BTreeMap::new();
    for write in house.sandbox.record().writes().into_iter().filter(|write| write.system == System::AccessOwl) {
        let body: Value = serde_json::from_str(&write.body.unwrap()).unwrap();
        let id = body["access_state_id"].as_str().unwrap().to_owned();
        sent.entry(id).or_default().push((body, write.idempotency_key.unwrap()));
    }
    sent
}

fn reasons(house: &House) -> Vec<String> {
    sent(house).values().flatten().map(|(body, _)| body["reason"].as_str().unwrap().to_owned()).collect()
}

fn lose_the_journal(house: &House) {
    std::fs::remove_dir_all(house.path(".portcullis")).unwrap();
}

#[test]
fn a_reason_is_the_policys_text_cut_at_255_bytes_on_a_character() {
    let house = house();
    let long = "é".repeat(300);
    house.edit(
        "policies/engineering/accessowl.yaml",
        "{cause}: not in {file}, ask {team}",
        &format!("{{cause}}: not in {{file}}, ask {{team}}: {long}"),
    );
    apply(&house, 0);
    let begin = "undeclared: not in engineering/accessowl.yaml, ask engineering@example.com: ";
    let wanted = format!("{begin}{}", "é".repeat((255 - begin.len()) / 2));
    assert_eq!(wanted.len(), 254, "a cut at 255 bytes would be within a character");
    let reasons = reasons(&house);
    assert_eq!(reasons.iter().filter(|reason| **reason == wanted).count(), 3, "{reasons:#?}");
    let history = house.expect(0, &["history", "--format", "json", "--limit", "1000"]).out;
    let report = house.expect(0, &["history", "--limit", "1000"]).out;
    assert!(
        history.contains(&format!("\"{wanted}\"")) && report.contains("undeclared"),
        "the journal keeps it as it was sent"
    );
}

#[test]
fn no_text_of_an_api_is_in_a_reason() {
    let house = house();
    house.sandbox.world(|world| {
        for user in &mut world.accessowl.users {
            user.first_name = Some("CANARY".to_owned());
            user.last_name = Some("CANARY {file}".to_owned());
            user.job_title = Some("CANARY".to_owned());
        }
        for token in &mut world.buildkite.tokens {
            token.owner.iter_mut().for_each(|owner| owner.name = "CANARY".to_owned());
            let description = token.description.take().unwrap_or_default();
            token.description = Some(if description.contains("bk cli") { description } else { "CANARY".to_owned() });
        }
        world.pinata.api_keys.iter_mut().for_each(|key| key.name = format!("CANARY {}", key.name));
    });
    house.run(&["apply", "--yes", "--new-journal", "--expect-revocations", "accessowl-northlight=7"]);
    let sent = reasons(&house);
    assert!(sent.len() == 7 && sent.iter().all(|reason| !reason.contains("CANARY")), "{sent:#?}");
    let journal = house.expect(0, &["history", "--format", "json", "--limit", "1000"]).out;
    let recorded: Vec<&str> = journal.split("\"reason\":").skip(1).map(|rest| &rest[..rest.len().min(300)]).collect();
    assert!(recorded.len() > 7);
    for reason in recorded {
        let reason = reason.trim_start().trim_start_matches('"').split('"').next().unwrap();
        assert!(!reason.is_empty() && !reason.contains("CANARY"), "{reason}");
    }
}

#[test]
fn without_its_journal_the_same_removal_has_the_same_bytes_and_key_and_with_it_a_failure_is_known() {
    let house = house();
    house.sandbox.fault(Fault::new(System::AccessOwl, Trouble::DropBefore).on_writes());
    apply(&house, 4);
    let first = sent(&house);
    assert!(first.len() == 7 && first.values().all(|sent| sent.len() == 1));
    lose_the_journal(&house);
    apply(&house, 4);
    for (id, sent) in sent(&house) {
        assert_eq!(sent[1], first[&id][0], "no run, commit or time is in it");
    }
    // Now the journal knows of a verified failure: the same bytes under the next key.
    house.sandbox.clear_faults();
    apply(&house, 0);
    let all = sent(&house);
    for sent in all.values() {
        assert!(sent.len() == 3 && sent[2].0 == sent[1].0 && sent[2].1 != sent[1].1, "{sent:?}");
    }
    let keys: HashSet<&String> = all.values().flatten().map(|(_, key)| key).collect();
    assert_eq!(keys.len(), 14, "no two removals share one");
}

#[test]
fn what_comes_back_is_asked_for_once_a_day_and_then_under_a_key_of_its_own() {
    let house = house();
    apply(&house, 0);
    let gone = house.removed(System::AccessOwl, "access");
    assert_eq!(gone.len(), 5);
    // The same people have the same again, each by a state of its own.
    let again: Vec<String> = (0..5).map(|number| format!("00000000-0000-4000-8000-00000000000{number}")).collect();
    house.sandbox.world(|world| {
        for (old, new) in gone.iter().zip(&again) {
            let mut state = world.accessowl.states.iter().find(|state| state.id == *old).unwrap().clone();
            (state.id, state.effective_start, state.effective_end) = (new.clone(), Timestamp::now(), None);
            world.accessowl.put_state(state);
        }
    });
    let before = house.writes();
    let plan = house.plan(&OWL);
    for id in &again {
        assert_eq!(crate::house::holds(&plan, "accessowl-northlight", id), ["fights"]);
    }
    apply(&house, 3);
    assert_eq!(house.writes(), before, "people are asked for the same at most once a day");
    // Without the journal nothing is known of that, but the vendor's revocation of the earlier state is none of these.
    lose_the_journal(&house);
    apply(&house, 0);
    let sent = sent(&house);
    let keys: HashSet<&String> = sent.values().flatten().map(|(_, key)| key).collect();
    assert_eq!((sent.len(), keys.len()), (12, 12));
    let asked = house.sandbox.record().changes().into_iter().filter(|changed| changed.effect.action == Deed::Requested);
    assert_eq!(asked.filter(|changed| again.contains(&changed.effect.id)).count(), 5, "none was swallowed");
}
