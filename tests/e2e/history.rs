//! `history` tells what was intended and what came of it, and `--verify` finds the first record that somebody changed.

use serde_json::Value;

use crate::{
    house::House,
    service::{AT_ONCE, appears, house},
};

/// A journal with two runs that removed one token each.
fn written() -> House {
    let house = house(16, 1, AT_ONCE);
    house.apply(0);
    appears(&house, "service/later");
    house.apply(0);
    assert_eq!(house.removed_tokens(), ["service/later", "service/stray-00"]);
    house
}

fn records(house: &House, more: &[&str]) -> Vec<Value> {
    let document = house.expect(0, &[&["history", "--format", "json"], more].concat()).json();
    assert_eq!(document["version"], 1);
    document["records"].as_array().unwrap().clone()
}

#[test]
fn it_lists_runs_intents_and_outcomes_in_order() {
    let house = written();
    let all = records(&house, &[]);
    let numbers: Vec<u64> = all.iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=all.len() as u64).collect::<Vec<_>>());
    let text = house.expect(0, &["history"]).out;
    assert_eq!(text.lines().count(), all.len());
    let place = |what: &str| text.find(what).unwrap_or_else(|| panic!("no {what:?} in\n{text}"));
    assert!(place("run began: apply") < place("revoke access_token service/stray-00"));
    assert!(place("revoke access_token service/stray-00") < place("done [HTTP 204]"), "{text}");
    assert!(place("done [HTTP 204]") < place("run ended with exit code 0"));
    assert!(text.contains(": done [HTTP 204]: access_token service/stray-00 (undeclared)"), "{text}");
    // Where its intent is cut off, an outcome says all the same what it is about.
    let newest = house.expect(0, &["history", "--limit", "2"]).out;
    assert!(newest.contains(": done [HTTP 204]: access_token service/later (undeclared)"), "{newest}");
    let markdown = house.expect(0, &["history", "--format", "markdown"]).out;
    assert!(markdown.lines().all(|line| line.starts_with("- ")), "{markdown}");
}

#[test]
fn filters_narrow_it_by_entry_target_time_and_number() {
    let house = written();
    let of_one = records(&house, &["--id", "service/later"]);
    assert_eq!(of_one.len(), 2, "the intent and its outcome: {of_one:?}");
    assert_eq!(records(&house, &["--id", "service/nobody"]).len(), 0);
    let of_target = records(&house, &["--target", "s2"]);
    assert!(of_target.len() >= 4 && of_target.iter().all(|record| record["target"] == "s2"));
    assert_eq!(records(&house, &["--since", "2999-01-01"]).len(), 0);
    assert_eq!(records(&house, &["--since", "1h"]), records(&house, &[]));
    let newest = records(&house, &["--limit", "2"]);
    assert_eq!(newest.as_slice(), &records(&house, &[])[records(&house, &[]).len() - 2..]);
    house.expect(1, &["history", "--since", "soon"]);
    // A target's past outlives its configuration, and nobody takes a part for the whole.
    let unknown = house.expect(0, &["history", "--target", "s3"]);
    assert!(unknown.out.is_empty() && unknown.err.contains("has no target s3 now"), "{}", unknown.all());
    house.edit("portcullis.yaml", "\n  s2:\n", "\n  s2-new:\n");
    assert_eq!(records(&house, &["--target", "s2"]), of_target);
    let cut = "older records are left out, the newest 2 are shown: --limit N";
    for more in [&["--limit", "2"][..], &["--limit", "2", "--since", "1h"], &["--limit", "2", "--target", "s2"]] {
        let run = house.expect(0, &[&["history"], more].concat());
        assert!(run.out.lines().count() == 2 && run.err.contains(cut), "{}", run.all());
    }
    let all = of_target.len().to_string();
    let run = house.expect(0, &["history", "--target", "s2", "--limit", &all]);
    assert!(!run.err.contains("left out"), "{}", run.all());
}

#[test]
fn a_filter_by_holder_finds_what_a_person_lost() {
    let house = House::company();
    house.apply(0);
    let who = "ben.moreau@agency.example";
    let principals: Vec<String> = records(&house, &["--limit", "100000"])
        .iter()
        .filter_map(|record| Some(record["body"]["principal"].as_str()?.to_owned()))
        .collect();
    let who = principals.first().map_or(who, String::as_str);
    let told = house.expect(0, &["history", "--principal", who]).out;
    let of = format!("] of {who} (");
    assert!(told.lines().all(|line| line.contains(&of)), "label, id and holder in each line:\n{told}");
    let found = records(&house, &["--principal", who]);
    assert!(!found.is_empty());
    let other = |record: &&Value| record["body"]["principal"].as_str().is_some_and(|held| held != who);
    assert_eq!(found.iter().filter(other).count(), 0);
}

#[test]
fn a_whole_chain_verifies_with_its_number_and_head() {
    let house = written();
    let run = house.expect(0, &["history", "--verify", "--format", "json"]);
    assert_eq!(run.json()["records"], records(&house, &[]).len());
    let run = house.expect(0, &["history", "--verify"]);
    assert!(run.out.contains("The chain is whole"), "{}", run.out);
}

/// Replaces bytes in the journal file by others of the same length, as an editor of bytes would.
fn forge(house: &House, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let path = house.path(".portcullis/journal.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let found: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from.as_bytes())).collect();
    assert!(!found.is_empty(), "{from} is in the file");
    for at in found {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_changed_record_is_named_and_nothing_is_recorded_behind_it() {
    let house = written();
    let intent = records(&house, &["--id", "service/later"])[0]["seq"].as_u64().unwrap();
    forge(&house, "service/later", "service/LATER");
    let run = house.expect(1, &["history", "--verify"]);
    assert!(run.err.contains(&format!("record {intent}")) || run.err.contains(&format!("#{intent}")), "{}", run.err);
    assert_eq!(run.out, "");
}

#[test]
fn what_is_no_journal_is_told_apart_from_what_is_not_there() {
    let house = house(1, 0, AT_ONCE);
    let run = house.expect(1, &["history"]);
    assert!(run.err.contains("there is no journal"), "{}", run.err);
    assert!(!house.path(".portcullis").exists(), "looking makes nothing");
    house.write(".portcullis/journal.db", "this is no database, however long one looks at it\n");
    for command in [&["history"][..], &["history", "--verify"], &["apply", "--yes", "--new-journal"]] {
        let run = house.expect(1, command);
        assert!(run.err.contains("journal"), "{}", run.err);
    }
    assert_eq!(house.writes(), 0);
    house.edit("portcullis.yaml", "journal: .portcullis/journal.db", "journal: ephemeral");
    let run = house.expect(1, &["history"]);
    assert!(run.err.contains("ephemeral"), "{}", run.err);
}
