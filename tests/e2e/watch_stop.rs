//! All writing stops at once when the operator says so, and goes on when that is taken back.

use std::{fs, sync::Arc};

use serde_json::json;
use sqlx::ConnectOptions as _;

use crate::{
    daemon::{Daemon, Log, every, last_word},
    service::{AT_ONCE, appears, house, strays},
};

#[test]
fn a_stop_file_stops_all_writing_until_it_is_gone() {
    let house = house(8, 1, AT_ONCE);
    every(&house, "1s");
    house.edit("portcullis.yaml", "targets:\n", "stop_file: STOP\ntargets:\n");
    house.write("STOP", "");
    let mut daemon = Daemon::start(&house);
    daemon.looked_again("s2", 2);
    assert_eq!(house.writes(), 0);
    assert_eq!(daemon.looks("s2").last().unwrap()["held"], 1, "plans go on");
    fs::remove_file(house.path("STOP")).unwrap();
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    house.write("STOP", "");
    appears(&house, "service/stray-01");
    daemon.until("the new stray to be held", |daemon| daemon.looks("s2").last().unwrap()["held"] == 1);
    daemon.looked_again("s2", 2);
    assert_eq!(house.writes(), 1);
}

#[test]
fn a_stop_that_nothing_is_in_flight_for_says_so_once_however_many_signals_come() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1h");
    let log = Log::default();
    let mut daemon = Daemon::logging(Daemon::command(&house, &[]), Arc::clone(&log));
    daemon.until_health("s2", "in_sync");
    daemon.until_brief("s2", "the look to be over", |brief| brief["running_since"].is_null());
    // Both are there before it hears of either, as when Ctrl-C ends a script that ends the daemon.
    for signal in ["-STOP", "-INT", "-TERM", "-CONT"] {
        daemon.signal(signal);
    }
    daemon.ends();
    assert_eq!(last_word(&log), "Stopped; nothing is left open.");
    let log = log.lock().unwrap();
    assert!(
        !log.iter().any(|line| line["message"].as_str().is_some_and(|said| said.starts_with("Still waiting"))),
        "{log:#?}"
    );
}

#[test]
fn the_environment_stops_all_writing_of_its_process() {
    let house = house(8, 1, AT_ONCE);
    every(&house, "1s");
    let mut command = Daemon::command(&house, &[]);
    command.env("PORTCULLIS_OBSERVE", "1");
    let mut daemon = Daemon::of(command);
    daemon.looked_again("s2", 2);
    assert_eq!(house.writes(), 0);
    let told = daemon.said("all writing is stopped");
    assert_eq!(told.len(), 1, "once: {told:?}");
    assert_eq!(
        (&told[0]["level"], &told[0]["because"]),
        (&json!("WARN"), &json!("PORTCULLIS_OBSERVE is set, and not to 0"))
    );
    assert_eq!(daemon.stop().0, 0);
    let mut daemon = Daemon::start(&house);
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
}

#[test]
fn a_pause_stops_every_process_of_its_journal() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    let mut other = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    other.until_health("s2", "in_sync");
    assert_eq!(daemon.post("/v1/pause", &json!({ "because": "incident 7" })).status, 200);
    appears(&house, "service/stray-00");
    other.until_state("the other daemon to be paused", |state| !state["pause"].is_null());
    for daemon in [&mut daemon, &mut other] {
        daemon.until("the stray to be held", |daemon| daemon.looks("s2").last().unwrap()["held"] == 1);
        daemon.looked_again("s2", 2);
    }
    let applied = house.expect(0, &["apply", "--yes"]);
    assert!(applied.all().contains("incident 7") && applied.all().contains("/v1/resume"), "{}", applied.all());
    let because = ["--because", "leaked", "--yes"];
    let ordered = house.expect(3, &[&["revoke", "s2", "service/stray-00"][..], &because].concat());
    assert!(ordered.err.contains("incident 7") && ordered.err.contains("--past-pause"), "{}", ordered.err);
    assert_eq!(house.writes(), 0);
    // A person passes it for one order; it stays in force.
    house.expect(0, &[&["revoke", "s2", "service/stray-00", "--past-pause"][..], &because].concat());
    assert_eq!(house.removed_tokens(), strays(1));
    appears(&house, "service/stray-01");
    other.looked_again("s2", 2);
    assert_eq!(house.removed_tokens(), strays(1));
    // Taken back at one, it goes on at both, and in any process.
    assert_eq!(other.post("/v1/resume", &json!({})).status, 200);
    daemon.until_state("the first daemon to go on", |state| state["pause"].is_null());
    daemon.until("the other stray to go", |_| house.removed_tokens() == strays(2));
}

#[test]
fn a_short_pause_does_not_end_the_one_that_nobody_took_back() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    assert_eq!(daemon.post("/v1/pause", &json!({ "because": "incident 9" })).status, 200);
    appears(&house, "service/stray-00");
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2);
    let answer = daemon.post("/v1/pause", &json!({ "because": "maintenance", "until": until }));
    assert_eq!((answer.status, &answer.json()["pause"]["because"]), (200, &json!("incident 9")), "who asks is told");
    daemon.until("the short one to be over", |_| jiff::Timestamp::now() > until);
    daemon.looked_again("s2", 2);
    assert_eq!(daemon.state()["pause"]["because"], "incident 9");
    assert_eq!(house.writes(), 0);
    assert_eq!(daemon.post("/v1/resume", &json!({})).status, 200);
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
}

#[test]
fn a_pause_that_could_not_be_recorded_at_once_is_recorded_later_and_outlives_a_restart() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    let held = Held::of(&house.path(".portcullis/journal.db"));
    assert_eq!(daemon.post("/v1/pause", &json!({ "because": "incident 8" })).status, 503);
    assert_eq!(daemon.state()["pause"]["because"], "incident 8", "in force all the same");
    drop(held);
    let paused =
        |house: &crate::house::House| house.expect(0, &["history", "--format", "json"]).out.contains("\"paused\"");
    daemon.until("it to be recorded", |_| paused(&house));
    daemon.kill();
    appears(&house, "service/stray-00");
    let mut daemon = Daemon::start(&house);
    daemon.looked_again("s2", 2);
    assert_eq!(daemon.state()["pause"]["because"], "incident 8");
    assert_eq!(house.writes(), 0);
}

#[test]
fn an_announced_number_is_not_used_up_by_a_run_that_was_broken_off() {
    let house = house(8, 6, "    enforce: [access_tokens]\n    guards: { notice: 0h, max_count: 1 }");
    house.edit("portcullis.yaml", "requests: 500/s, concurrency: 4", "requests: 4/s, concurrency: 1");
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "refused");
    house.expect(0, &["expect", "s2", "6", "--until", "1h"]);
    daemon.until("the first ones to go", |_| !house.removed_tokens().is_empty());
    assert_eq!(daemon.post("/v1/pause", &json!({ "because": "wait" })).status, 200);
    daemon.until("the run to end", |daemon| daemon.looks("s2").last().unwrap()["held"] != 0);
    assert!(house.removed_tokens().len() < 6, "it was broken off");
    assert_eq!(daemon.post("/v1/resume", &json!({})).status, 200);
    daemon.until("the others to go", |_| house.removed_tokens() == strays(6));
    appears(&house, "service/stray-06");
    daemon.until_health("s2", "refused");
    assert_eq!(house.removed_tokens(), strays(6), "a number is used once");
}

/// The lock on a journal, which another process took and keeps until this is dropped.
struct Held {
    runtime: tokio::runtime::Runtime,
    connection: sqlx::SqliteConnection,
}

impl Held {
    fn of(path: &std::path::Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options =
            sqlx::sqlite::SqliteConnectOptions::new().filename(path).busy_timeout(std::time::Duration::from_secs(30));
        let connection = runtime.block_on(async {
            let mut connection = options.connect().await.unwrap();
            sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut connection).await.unwrap();
            connection
        });
        Self { runtime, connection }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let ended = self.runtime.block_on(sqlx::raw_sql("ROLLBACK").execute(&mut self.connection));
        assert!(ended.is_ok());
    }
}
