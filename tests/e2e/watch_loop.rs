//! The loop: what says "look again" is looked after once, what comes due goes when it does, one target never waits for another,
//! and a stop leaves nothing half recorded.

use std::{sync::Arc, time::Duration};

use portcullis::sandbox::{Fault, System, Trouble};

use crate::{
    daemon::{Daemon, Log, every, last_word},
    house::House,
    service::{AT_ONCE, appears, declaring, house, kept, strays},
};

fn records(house: &House) -> usize {
    let history = house.expect(0, &["history", "--format", "json", "--limit", "100000"]).json();
    history["records"].as_array().unwrap().len()
}

#[test]
fn a_change_of_a_policy_file_is_acted_on_before_the_interval_is_over() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1h");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    house.write("policies/s2.yaml", &declaring(&kept(7)));
    daemon.until("the token to go", |_| !house.removed_tokens().is_empty());
    assert_eq!(house.removed_tokens(), ["service/keep-07"]);
    daemon.until("the look after it", |daemon| daemon.looks("s2").len() >= 3);
    assert_eq!(daemon.looks("s2")[2]["health"], "in_sync");
    assert_eq!(daemon.triggers("s2"), ["start", "files", "confirm"], "one look more to see it in sync, and no chain");
}

#[test]
fn what_a_confirming_look_sends_is_seen_to_be_in_sync_too() {
    let house = house(20, 1, AT_ONCE);
    every(&house, "1h");
    house.sandbox.fault(Fault::new(System::S2, Trouble::Delay { ms: 2_000, after_effect: true }).on_writes().times(1));
    let mut daemon = Daemon::start(&house);
    // It appears after the first look has read, so that the look that confirms is the first to see it.
    daemon.until("the first revocation to arrive", |_| !house.sandbox.world(|world| world.s2.has("service/stray-00")));
    appears(&house, "service/stray-01");
    daemon.until("the three looks", |daemon| daemon.looks("s2").len() >= 3);
    assert_eq!(house.removed_tokens(), strays(2));
    daemon.until_brief("s2", "what is shown to be of the last look", |brief| brief["health"] == "in_sync");
    assert_eq!(daemon.triggers("s2"), ["start", "confirm", "confirm"]);
}

#[test]
fn looks_that_change_nothing_leave_no_record() {
    let house = house(4, 0, AT_ONCE);
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    daemon.looked_again("s2", 2);
    let before = records(&house);
    daemon.looked_again("s2", 3);
    assert_eq!(records(&house), before);
    appears(&house, "service/stray-00");
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    daemon.until_health("s2", "in_sync");
    assert_eq!(daemon.stop().0, 0);
    let told = house.expect(0, &["history"]).out;
    assert_eq!(told.matches("run began: watch").count(), told.matches("run ended with exit code 0").count(), "{told}");
    house.expect(0, &["history", "--verify"]);
}

#[test]
fn what_says_look_again_during_a_look_causes_exactly_one_more() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1h");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    house.sandbox.fault(Fault::new(System::S2, Trouble::Delay { ms: 4_000, after_effect: false }).on_reads());
    house.write("policies/s2.yaml", &declaring(&kept(7)));
    daemon.until("the look to begin", |_| house.sandbox.faults()[0].hits == 1);
    for number in [6, 5, 4] {
        let taken = daemon.said("the files were taken").len();
        house.write("policies/s2.yaml", &declaring(&kept(number)));
        daemon.until("the files to be taken", |daemon| daemon.said("the files were taken").len() > taken);
    }
    assert_eq!(daemon.looks("s2").len(), 1, "the second look is still reading");
    house.sandbox.clear_faults();
    daemon.until("what follows", |daemon| daemon.looks("s2").len() >= 3);
    assert_eq!(
        daemon.looks("s2")[2]["held"],
        4,
        "by the newest files, past the share guard; the look before sent nothing by older ones"
    );
    house.write("policies/s2.yaml", &declaring(&kept(8)));
    daemon.until("the next change", |daemon| daemon.looks("s2").len() >= 4);
    assert_eq!(daemon.triggers("s2"), ["start", "files", "files", "files"]);
}

#[test]
fn an_end_that_comes_is_acted_on_when_it_does() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1h");
    let end = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_secs(4)).unwrap();
    let policy =
        declaring(&kept(8)).replacen("justification: needed", &format!("justification: needed, expires: {end}"), 1);
    house.write("policies/s2.yaml", &policy);
    let mut daemon = Daemon::start(&house);
    assert_eq!(daemon.first_look("s2")["health"], "in_sync");
    daemon.until("the token to go", |_| !house.removed_tokens().is_empty());
    let removed = jiff::Timestamp::now();
    assert_eq!(house.removed_tokens(), ["service/keep-00"]);
    assert!(removed >= end, "not before its time");
    daemon.until("the look after it", |daemon| daemon.looks("s2").len() >= 3);
    assert_eq!(daemon.triggers("s2"), ["start", "due", "confirm"]);
}

#[test]
fn a_target_that_hangs_delays_no_other() {
    let house = House::company();
    every(&house, "1h");
    house.sandbox.fault(Fault::new(System::AccessOwl, Trouble::Hang { after_effect: false }));
    let mut daemon = Daemon::start(&house);
    for system in ["aitronos", "buildkite", "pinata", "s2"] {
        daemon.first_look(&format!("{system}-northlight"));
    }
    assert!(daemon.looks("accessowl-northlight").is_empty());
    let gone = house.removed_tokens().len();
    assert!(gone > 0);
    appears(&house, "leaked/now");
    house.edit(
        "policies/data/s2.yaml",
        "absent:\n  access_tokens:\n",
        "absent:\n  access_tokens:\n    - { id: leaked/now, justification: x }\n",
    );
    daemon.until("the change to be acted on", |_| house.removed_tokens().len() > gone);
}

#[test]
fn a_target_that_fails_is_tried_again_and_recovers_by_itself() {
    let house = house(8, 1, AT_ONCE);
    every(&house, "1s");
    house.sandbox.fault(Fault::new(System::S2, Trouble::Html).on_reads());
    let mut daemon = Daemon::start(&house);
    daemon.until("two failed looks", |daemon| daemon.looks("s2").len() >= 2);
    assert!(daemon.looks("s2").iter().all(|look| look["health"] == "unreadable"));
    assert_eq!(house.writes(), 0);
    house.sandbox.clear_faults();
    daemon.until_health("s2", "in_sync");
    assert_eq!(house.removed_tokens(), strays(1));
}

#[test]
fn a_change_of_the_files_stops_what_was_planned_by_the_older_ones() {
    let house = house(20, 4, AT_ONCE);
    house.edit("portcullis.yaml", "concurrency: 4", "concurrency: 1");
    every(&house, "1h");
    house.sandbox.fault(Fault::new(System::S2, Trouble::Delay { ms: 3_000, after_effect: true }).on_writes().times(1));
    let mut daemon = Daemon::start(&house);
    let left = || house.sandbox.world(|world| strays(4).iter().filter(|id| world.s2.has(id)).count());
    daemon.until("the first revocation to arrive", |_| left() < 4);
    house.write("policies/s2.yaml", &declaring(&[kept(20), strays(4)].concat()));
    daemon.until("the files to be taken", |daemon| daemon.said("the files were taken").len() == 1);
    assert_eq!((left(), house.writes()), (3, 0), "its answer is still under way");
    daemon.until("the looks by the new files", |daemon| daemon.looks("s2").len() >= 2);
    daemon.until_health("s2", "in_sync");
    assert_eq!((house.removed_tokens().len(), house.writes()), (1, 1), "{}", daemon.log());
}

#[test]
fn a_stop_waits_for_what_is_in_flight_and_records_it() {
    let house = house(8, 1, AT_ONCE);
    house.sandbox.fault(Fault::new(System::S2, Trouble::Delay { ms: 2_000, after_effect: true }).on_writes().times(1));
    let mut daemon = Daemon::start(&house);
    // The token is gone, and the answer is not there yet: the record gets the request with its answer.
    daemon.until("the revocation to arrive", |_| house.sandbox.world(|world| !world.s2.has("service/stray-00")));
    assert_eq!(house.writes(), 0, "it is in flight");
    let (code, took) = daemon.stop();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(27), "{took:?}");
    let told = house.expect(0, &["history"]).out;
    assert!(told.contains("intent") && told.contains(": done"), "{told}");
    house.expect(0, &["apply", "--yes"]);
    assert_eq!(house.removed_tokens(), strays(1), "once");
    assert_eq!(house.writes(), 1);
}

#[test]
fn a_stop_ends_in_time_whatever_hangs_and_the_next_run_settles_what_was_left() {
    let house = house(8, 1, AT_ONCE);
    house.sandbox.fault(Fault::new(System::S2, Trouble::Hang { after_effect: true }).on_writes().times(1));
    let log = Log::default();
    let mut daemon = Daemon::logging(Daemon::command(&house, &[]), Arc::clone(&log));
    daemon.until("the revocation to be sent", |_| house.writes() > 0);
    daemon.terminate();
    let said = |daemon: &Daemon, begin: &str| {
        daemon.lines().iter().any(|line| line["message"].as_str().is_some_and(|said| said.starts_with(begin)))
    };
    daemon.until("the stop to be heard", |daemon| said(daemon, "Stopping: nothing new is sent"));
    daemon.terminate();
    daemon.until("it to say what it waits for", |daemon| {
        said(daemon, "Still waiting for what is in flight; what is not known at the end is settled by the next run.")
    });
    let (code, took) = daemon.stop();
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(27), "the grace, and a second: {took:?}");
    assert_eq!(last_word(&log), "Stopped; 1 removal is left open for the next start.");
    let told = house.expect(0, &["history"]).out;
    assert!(told.contains("intent") && !told.contains(": done"), "it stands open: {told}");
    house.sandbox.clear_faults();
    house.expect(0, &["apply", "--yes"]);
    let told = house.expect(0, &["history"]).out;
    assert!(told.contains(": gone already") || told.contains(": done"), "{told}");
    assert_eq!((house.removed_tokens(), house.writes()), (strays(1), 1), "once");
}

#[cfg(unix)]
#[test]
fn a_link_that_is_led_to_another_tree_is_acted_on() {
    use std::{fs, os::unix::fs::symlink};
    let house = house(8, 0, AT_ONCE);
    every(&house, "1h");
    // As Kubernetes and git-sync have it: the root is a link through a link, and only the inner one is replaced.
    fs::rename(house.path("policies"), house.path("first")).unwrap();
    fs::create_dir(house.path("second")).unwrap();
    house.write("second/s2.yaml", &declaring(&kept(7)));
    symlink("first", house.path("..data")).unwrap();
    symlink("..data", house.path("policies")).unwrap();
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    symlink("second", house.path("..next")).unwrap();
    fs::rename(house.path("..next"), house.path("..data")).unwrap();
    daemon.until("the token to go", |_| house.removed_tokens() == ["service/keep-07"]);
}
