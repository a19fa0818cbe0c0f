//! The daemon sends nothing that it cannot record, and says so.

use std::fs;

use crate::{
    daemon::{Daemon, every},
    house::House,
    service::{AT_ONCE, appears, declaring, house, kept, strays},
};

#[test]
fn without_a_journal_it_does_not_begin() {
    let house = house(8, 1, AT_ONCE);
    let run = house.expect(1, &["watch"]);
    assert!(run.err.contains("there is no journal"), "{}", run.err);
    assert_eq!(house.sandbox.record().requests().len(), 0);
}

#[test]
fn a_journal_that_is_taken_away_under_it_stops_the_sending_until_it_is_back() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    fs::rename(house.path(".portcullis/journal.db"), house.path("kept.db")).unwrap();
    appears(&house, "service/stray-00");
    daemon.until("a look that fails", |daemon| {
        daemon.looks("s2").last().unwrap()["why"].as_str().is_some_and(|why| why.contains("removed or replaced"))
    });
    daemon.until("one more", |daemon| daemon.said("the look failed").len() >= 2);
    assert_eq!(house.writes(), 0);
    fs::rename(house.path("kept.db"), house.path(".portcullis/journal.db")).unwrap();
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    daemon.until_health("s2", "in_sync");
    house.expect(0, &["history", "--verify"]);
}

#[test]
fn the_ceiling_of_a_day_works_over_a_restart() {
    let house = house(20, 2, "    enforce: [access_tokens]\n    guards: { notice: 0h, max_count: 2 }");
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    daemon.until("the first two to go", |_| house.removed_tokens() == strays(2));
    daemon.kill();
    appears(&house, "service/stray-02");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "refused");
    daemon.looked_again("s2", 2);
    assert_eq!(house.removed_tokens(), strays(2));
    house.expect(0, &["expect", "s2", "1", "--until", "2h"]);
    daemon.until("the announced one to go", |_| house.removed_tokens() == strays(3));
}

/// A world of two targets on one account.
fn two_on_one_account() -> House {
    let house = house(8, 1, AT_ONCE);
    let text = house.read("portcullis.yaml");
    let (head, target) = text.split_once("  s2:\n").unwrap();
    // The same credential in another file, which nothing but the readings tells.
    fs::copy(house.path("credentials/s2"), house.path("credentials/again")).unwrap();
    let again =
        target.replace("account: northlight", "account: northwind").replace("credentials/s2", "credentials/again");
    house.write("portcullis.yaml", &format!("{head}  s2:\n{target}\n  s2-again:\n{again}\n"));
    house.write("policies/again.yaml", &declaring(&kept(8)).replace("target: s2", "target: s2-again"));
    house
}

#[test]
fn two_targets_on_one_own_entry_are_both_left_alone() {
    let house = two_on_one_account();
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "unreadable");
    daemon.until_health("s2-again", "unreadable");
    daemon.until("the reason to be told", |daemon| {
        let why = |target: &str| daemon.looks(target).last().unwrap()["why"].as_str().unwrap_or_default().to_owned();
        why("s2").contains("s2-again") && why("s2-again").contains("`s2`")
    });
    assert_eq!(house.writes(), 0);
}
