//! Nothing is sent that is not recorded: a journal that is missing, held, damaged or full stops a run before its first write.

use std::{fs, process::Stdio};

use portcullis::sandbox::{Fault, Request, System, Trouble};
use serde_json::Value;

use crate::{
    company::{begin, house},
    house::{House, Run, ids},
    wait::until,
};

const JOURNAL: &str = ".portcullis/journal.db";

/// `apply` ends with 1, says this, and no server sees a write.
fn refuses(house: &House, args: &[&str], says: &[&str]) {
    let before = house.writes();
    let run = house.expect(1, &[&["apply", "--yes"], args].concat());
    for words in says {
        assert!(run.all().contains(words), "says {words:?}: {}", run.all());
    }
    assert_eq!(house.writes(), before, "nothing is sent: {}", run.all());
}

#[test]
fn a_missing_journal_is_never_made_silently() {
    let house = house();
    refuses(&house, &[], &["--new-journal", JOURNAL]);
    assert!(!house.path(JOURNAL).exists());
    house.expect(0, &["apply", "--yes", "--new-journal"]);
    assert!(house.writes() > 0);
    fs::remove_file(house.path(JOURNAL)).unwrap();
    refuses(&house, &[], &["--new-journal"]);
}

#[test]
fn what_is_no_journal_is_refused() {
    let house = house();
    house.write(JOURNAL, &"this is no database\n".repeat(500));
    refuses(&house, &[], &["no journal"]);
    refuses(&house, &["--new-journal"], &["no journal"]);
    assert!(house.read(JOURNAL).starts_with("this is no database"), "it is left as it was");
    fs::remove_file(house.path(JOURNAL)).unwrap();
    fs::create_dir(house.path(JOURNAL)).unwrap();
    refuses(&house, &["--new-journal"], &["journal"]);
    // A file where a directory has to be.
    fs::remove_dir_all(house.path(".portcullis")).unwrap();
    house.write(".portcullis", "");
    refuses(&house, &["--new-journal"], &[".portcullis"]);
}

#[test]
fn a_place_for_locks_that_cannot_be_used_is_refused() {
    let house = house();
    house.write(".portcullis/journal.db.locks", "");
    refuses(&house, &["--new-journal"], &["cannot lock target"]);
}

#[test]
fn a_journal_that_was_edited_is_found_out_and_nothing_is_sent_on_it() {
    let house = house();
    house.expect(0, &["apply", "--yes", "--new-journal", "--target", "s2-northlight"]);
    let history = house.expect(0, &["history", "--format", "json"]).json();
    let edited =
        history["records"].as_array().unwrap().iter().find(|record| record["body"]["id"] == "service/hackday-demo");
    let seq = edited.unwrap()["seq"].as_u64().unwrap();
    let mut bytes = fs::read(house.path(JOURNAL)).unwrap();
    let (from, to) = (b"service/hackday-demo", b"service/hackday-dem0");
    let mut edits = 0;
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
            edits += 1;
        }
    }
    assert!(edits > 0, "the record is in the file");
    fs::write(house.path(JOURNAL), bytes).unwrap();
    let verify = house.run(&["history", "--verify"]);
    assert_eq!(verify.code, 1, "{}", verify.all());
    assert!(verify.all().contains(&format!("record {seq}")), "names it: {}", verify.all());
    refuses(&house, &[], &[&format!("record {seq}")]);
}

#[test]
fn a_journal_cut_short_is_refused() {
    let house = house();
    house.expect(0, &["apply", "--yes", "--new-journal", "--target", "s2-northlight"]);
    let bytes = fs::read(house.path(JOURNAL)).unwrap();
    fs::write(house.path(JOURNAL), &bytes[..bytes.len() / 2]).unwrap();
    refuses(&house, &[], &["journal"]);
}

#[test]
fn a_second_process_gives_up_after_the_stated_time_and_says_who_holds_the_target() {
    let house = house();
    house.sandbox.fault(Fault::new(System::S2, Trouble::Hang { after_effect: false }).on_writes());
    let mut first = begin(&house, &["--target", "s2-northlight"]);
    assert!(until(&mut first, || house.writes() > 0), "the first one sends");
    let second = house.expect(
        1,
        &["apply", "--yes", "--lock-wait", "1", "--target", "s2-northlight", "--target", "pinata-northlight"],
    );
    assert!(second.all().contains(&format!("process {}", first.id())), "{}", second.all());
    let by_system = |system| house.sandbox.record().writes().iter().filter(|write| write.system == system).count();
    assert!(by_system(System::Pinata) > 0, "the other target goes on");
    assert!(by_system(System::S2) <= 4, "only the first one sends there");
    first.kill().unwrap();
    first.wait().unwrap();
    // A dead holder holds nothing.
    house.sandbox.clear_faults();
    house.expect(0, &["apply", "--yes", "--lock-wait", "0", "--target", "s2-northlight"]);
    assert_eq!(house.removed_tokens().len(), 5);
}

#[test]
fn two_processes_at_once_never_both_apply_to_one_target() {
    let house = house();
    let plan = house.plan(&[]);
    for system in System::ALL {
        house.sandbox.fault(Fault::new(system, Trouble::Delay { ms: 200, after_effect: true }).on_writes());
    }
    house.expect(0, &["init"]);
    let both = [begin(&house, &["--lock-wait", "60"]), begin(&house, &["--lock-wait", "60"])];
    for child in both {
        let run = Run::of(child.wait_with_output().unwrap());
        assert_eq!(run.code, 0, "{}", run.all());
    }
    for system in System::ALL {
        let planned = ids(&plan, &format!("{}-northlight", system.name()), "change").len();
        let writes = house.sandbox.record().writes().iter().filter(|write| write.system == system).count();
        assert_eq!(writes, planned, "{system:?}: one write an entry");
    }
    house.expect(0, &["history", "--verify"]);
}

/// What an intent says of its request, and what the server saw: method, path below the base address, key, body.
type Sent = (String, String, Option<String>, Option<String>);

fn intents(house: &House) -> Vec<Sent> {
    let history = house.expect(0, &["history", "--format", "json", "--limit", "10000"]).json();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let bodies = history["records"].as_array().unwrap().iter().map(|record| &record["body"]);
    let intents = bodies.filter(|body| body["type"] == "intent").map(|body| {
        let (method, path) = body["request"].as_str().unwrap().split_once(' ').unwrap();
        let path = path.trim_end_matches('/');
        (method.to_owned(), path.to_owned(), text(&body["key"]), text(&body["request_body"]))
    });
    intents.collect()
}

/// Every write that a server saw, next to the intents: each one recorded before it arrived, byte for byte.
fn all_recorded(house: &House) {
    let mut intents = intents(house);
    for write in house.sandbox.record().writes() {
        let Request { method, path, body, idempotency_key, system, .. } = write;
        let base = match system {
            System::AccessOwl => "/api/v1",
            System::Aitronos | System::S2 => "/v1",
            System::Buildkite => "/graphql",
            System::Pinata => "/v3",
        };
        let path = path.strip_prefix(base).unwrap();
        let fits = |intent: &Sent| {
            intent.0 == method
                && intent.1 == path
                && intent.3 == body
                && idempotency_key.as_ref().is_none_or(|key| intent.2.as_ref() == Some(key))
        };
        let at = intents.iter().position(fits);
        let at = at.unwrap_or_else(|| panic!("{method} {path} {body:?} was sent and not recorded: {intents:#?}"));
        intents.remove(at);
    }
}

#[test]
fn every_write_that_the_servers_saw_is_an_intent_of_the_journal_and_the_other_way_round() {
    let house = house();
    house.expect(0, &["apply", "--yes", "--new-journal"]);
    assert_eq!(intents(&house).len(), house.writes());
    all_recorded(&house);
}

/// A file-size limit stands in for a full disk: the journal cannot grow any more in the middle of a run.
#[test]
#[cfg(unix)]
fn a_journal_that_cannot_grow_stops_the_sending() {
    let mut cut_short = 0;
    for blocks in [0, 8, 32, 64, 96, 128] {
        let house = house();
        house.expect(0, &["init"]);
        let binary = env!("CARGO_BIN_EXE_portcullis");
        let limit = fs::metadata(house.path(JOURNAL)).unwrap().len().div_ceil(512) + blocks;
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec {binary} apply --yes");
        let mut command = std::process::Command::new("sh");
        command.arg("-c").arg(script).current_dir(house.path(".")).env_clear().env("HOME", house.path("."));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
        let run = Run::of(command.output().unwrap());
        let planned = 23;
        if run.code != 0 {
            cut_short += 1;
            assert_eq!(run.code, 1, "{blocks} blocks: {}", run.all());
            assert!(run.all().contains("journal"), "says why: {}", run.all());
            assert!(house.writes() <= planned);
        }
        all_recorded(&house);
        // With room again, the rest goes.
        let second = house.run(&["apply", "--yes"]);
        assert!(matches!(second.code, 0 | 4), "{}", second.all());
        house.expect(0, &["apply", "--yes"]);
        all_recorded(&house);
        for system in [System::Aitronos, System::Buildkite, System::Pinata, System::S2] {
            let mut gone: Vec<_> = house.sandbox.record().changes();
            gone.retain(|changed| changed.system == system);
            let mut unique: Vec<_> = gone.iter().map(|changed| changed.effect.id.clone()).collect();
            unique.sort();
            unique.dedup();
            assert_eq!(unique.len(), gone.len(), "{system:?}: nothing twice");
        }
        house.expect(0, &["history", "--verify"]);
    }
    assert!(cut_short >= 2, "the limit was met");
}
