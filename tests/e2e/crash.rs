//! A process that is killed, or asked to stop, at any point: the next run settles what was left. Nothing is removed twice,
//! nothing outside the plan is touched, all of the plan is gone in the end, and the journal's chain is whole.

use std::{
    collections::BTreeMap,
    process::{Child, Command},
};

use portcullis::sandbox::{Fault, Mutation, System, Trouble};

use crate::{
    company::{Planned, begin, done, house, planned, target},
    house::{House, Run},
    wait::until,
};

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Runs again until nothing is left, and judges.
fn recovers(house: &House, planned: &Planned, when: &str) {
    house.sandbox.clear_faults();
    let second = house.run(&["apply", "--yes", "--new-journal"]);
    // A removal that the killed run sent without effect is told as such, and sent anew: that makes up for it.
    assert_eq!(second.code, 0, "{when}: {}", second.all());
    house.sandbox.mutate(System::AccessOwl, &Mutation::Approve { id: None }).unwrap();
    let third = house.run(&["apply", "--yes"]);
    assert_eq!(third.code, 0, "{when}: {}\n--- the run before\n{}", third.all(), second.all());
    for (system, ids) in planned {
        let done = done(house, *system);
        assert!(done.values().all(|&times| times == 1), "{when}: nothing twice: {done:?}");
        assert_eq!(done.keys().collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>(), "{when}: the plan and no more");
        let live = house.sandbox.world(|world| world.store(*system).live());
        assert!(live.iter().all(|(_, id)| !ids.contains(id)), "{when}: all of it is gone");
    }
    let before = house.writes();
    house.expect(0, &["apply", "--yes"]);
    assert_eq!(house.writes(), before, "{when}: nothing is left to send");
    house.expect(0, &["history", "--verify"]);
    all_known(house, when);
}

/// Every intent has an end in the journal: nothing is left unknown or in flight.
fn all_known(house: &House, when: &str) {
    let history = house.expect(0, &["history", "--format", "json", "--limit", "10000"]).json();
    let mut open = BTreeMap::new();
    for body in history["records"].as_array().unwrap().iter().map(|record| &record["body"]) {
        let intent = body["intent"].as_str().unwrap_or_default().to_owned();
        match body["type"].as_str().unwrap() {
            "intent" => {
                open.insert(intent, "nothing recorded".to_owned());
            }
            "outcome" => match body["outcome"]["kind"].as_str().unwrap() {
                kind @ ("unknown" | "in_flight") => {
                    open.insert(intent, kind.to_owned());
                }
                _ => {
                    open.remove(&intent);
                }
            },
            _ => {}
        }
    }
    assert!(open.is_empty(), "{when}: {open:?}");
}

/// Every system's write number `k` never gets an answer; the process is killed once all of them arrived.
fn killed_at_write(k: usize, after_effect: bool) {
    let house = house();
    let planned = planned(&house);
    for system in System::ALL {
        let skip = u32::try_from(k).unwrap();
        house.sandbox.fault(Fault::new(system, Trouble::Hang { after_effect }).on_writes().after(skip).times(1));
    }
    let hanging = planned.values().filter(|ids| ids.len() > k).count();
    assert!(hanging > 0);
    let mut child = begin(&house, &[]);
    let writes = || house.sandbox.record().writes();
    let hung = || writes().iter().filter(|write| write.faults.contains(&"hang".to_owned())).count();
    assert!(until(&mut child, || hung() == hanging), "it waits for the answer");
    kill(child);
    recovers(&house, &planned, &format!("killed at write {k}, after the effect: {after_effect}"));
}

/// Five rows on their way, none of which took effect, and then the end of the process.
fn lost() -> (House, Planned) {
    let house = house();
    let planned = planned(&house);
    house.sandbox.fault(Fault::new(System::S2, Trouble::Hang { after_effect: false }).on_writes());
    let mut child = begin(&house, &["--target", "s2-northlight"]);
    let writes = || house.sandbox.record().writes();
    assert!(until(&mut child, || writes().iter().any(|write| write.faults.contains(&"hang".to_owned()))));
    kill(child);
    (house, planned)
}

#[test]
fn what_was_lost_and_is_sent_again_is_told_twice_and_is_no_trouble() {
    let (house, planned) = lost();
    house.sandbox.clear_faults();
    let run = house.expect(0, &["apply", "--yes", "--target", "s2-northlight", "--format", "json"]);
    let outcome = &run.json()["outcomes"][0];
    let lost = outcome["resumed"].as_array().unwrap();
    assert!(!lost.is_empty(), "{outcome}");
    for row in lost {
        assert_eq!((&row["end"], &row["made_good"]), (&"failed".into(), &"sent_again".into()), "{row}");
        let again = outcome["rows"].as_array().unwrap().iter().find(|again| again["id"] == row["id"]).unwrap();
        assert_eq!(again["end"], "done", "{again}");
    }
    assert_eq!(done(&house, System::S2).into_keys().collect::<Vec<_>>(), planned[&System::S2]);
}

#[test]
fn what_was_lost_and_fails_again_is_4() {
    let (house, _) = lost();
    house.sandbox.clear_faults();
    let no = Trouble::Status { status: 403, after_effect: false };
    house.sandbox.fault(Fault::new(System::S2, no).on_writes());
    let run = house.expect(4, &["apply", "--yes", "--target", "s2-northlight"]);
    assert!(run.out.contains("failed: from an earlier run"), "{}", run.out);
    assert!(!run.out.contains("sent again in this run"), "{}", run.out);
}

#[test]
fn what_was_lost_and_is_declared_meanwhile_is_told_and_is_no_trouble() {
    let (house, planned) = lost();
    house.sandbox.clear_faults();
    // Whatever it was, it may exist now.
    house.clear_policies();
    let all = house.sandbox.world(|world| world.store(System::S2).live());
    let declared: String = all.iter().map(|(_, id)| format!("  - {{ id: {id:?}, justification: needed }}\n")).collect();
    let policy =
        format!("version: 1\ntarget: s2-northlight\nmanage: {{ access_tokens: all }}\naccess_tokens:\n{declared}");
    house.write("policies/s2.yaml", &policy);
    let wanted = house.read("portcullis.yaml");
    let mut relaxed = String::new();
    for line in wanted.lines().filter(|line| !line.starts_with("    enforce:")) {
        relaxed.push_str(line);
        relaxed.push('\n');
    }
    house.write("portcullis.yaml", &relaxed);
    let before = house.writes();
    let run = house.expect(0, &["apply", "--yes", "--target", "s2-northlight"]);
    assert!(run.out.contains("had no effect; its removal is not wanted any more"), "{}", run.out);
    assert_eq!(house.writes(), before);
    assert!(!planned[&System::S2].is_empty() && done(&house, System::S2).is_empty());
}

#[test]
fn killed_at_every_write_before_its_effect() {
    (0..7).for_each(|k| killed_at_write(k, false));
}

#[test]
fn killed_at_every_write_after_its_effect() {
    (0..7).for_each(|k| killed_at_write(k, true));
}

/// A system's read number `k` never gets an answer: lists, looks right before a write, and the read-back.
fn killed_at_reads(system: System, most: u32) {
    let name = target(system);
    for k in 0..most {
        let house = house();
        let planned = planned(&house);
        house.sandbox.fault(Fault::new(system, Trouble::Hang { after_effect: true }).on_reads().after(k).times(1));
        let mut child = begin(&house, &["--target", &name]);
        let requests = || house.sandbox.record().requests();
        let hung = until(&mut child, || requests().iter().any(|one| one.faults.contains(&"hang".to_owned())));
        kill(child);
        if !hung {
            // A whole run has fewer reads than that.
            assert!(k > 3, "only {k} reads at {name}");
            return;
        }
        recovers(&house, &planned, &format!("killed at read {k} of {name}"));
    }
}

#[test]
fn killed_at_every_read_of_a_system_that_removes_at_once() {
    killed_at_reads(System::S2, 10);
}

#[test]
fn killed_at_the_reads_of_a_system_that_lists_its_removals() {
    killed_at_reads(System::AccessOwl, 12);
}

/// Killed as soon as the servers have seen so many requests: wherever the process is then, in the journal or between two steps.
#[test]
fn killed_anywhere() {
    for requests in (1..100).step_by(9) {
        let house = house();
        let planned = planned(&house);
        house.sandbox.record().clear();
        let mut child = begin(&house, &[]);
        until(&mut child, || house.sandbox.record().requests().len() >= requests);
        kill(child);
        recovers(&house, &planned, &format!("killed after {requests} requests"));
    }
}

fn interrupt(child: &Child) {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -INT {}", child.id())).status().unwrap();
    assert!(sent.success());
}

#[test]
fn ctrl_c_sends_nothing_new_and_tells_of_what_was_in_flight() {
    let house = house();
    let planned = planned(&house);
    let s2 = &planned[&System::S2];
    house.edit("portcullis.yaml", "concurrency: 4", "concurrency: 1");
    house.sandbox.fault(Fault::new(System::S2, Trouble::Delay { ms: 700, after_effect: true }).on_writes());
    let mut child = begin(&house, &["--target", "s2-northlight", "--format", "json"]);
    let token_is_gone = || s2.iter().any(|id| house.sandbox.world(|world| !world.s2.has(id)));
    assert!(until(&mut child, token_is_gone));
    // The first write took effect and its answer is on the way.
    interrupt(&child);
    let run = Run::of(child.wait_with_output().unwrap());
    assert_eq!(run.code, 4, "{}", run.all());
    let done = done(&house, System::S2);
    assert!(!done.is_empty() && done.len() < s2.len(), "stopped in the middle: {done:?}");
    let report = run.json();
    assert_eq!(report["outcomes"][0]["stopped"], true);
    for row in report["outcomes"][0]["rows"].as_array().unwrap() {
        let id = row["id"].as_str().unwrap();
        let end = if done.contains_key(id) { "done" } else { "skipped" };
        assert_eq!(row["end"], end, "{row}");
    }
    let history = house.expect(0, &["history", "--format", "json"]).json();
    let records = history["records"].as_array().unwrap();
    let count = |kind: &str| records.iter().filter(|record| record["body"]["type"] == kind).count();
    assert!(count("outcome") >= done.len(), "what was in flight is recorded");
    assert_eq!(house.writes(), done.len(), "nothing new was sent");
    recovers(&house, &planned, "stopped by Ctrl-C");
}
