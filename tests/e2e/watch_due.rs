//! What time brings, and what stops it: ends, holds, freeze windows, announced numbers and switches, all within an interval of
//! an hour.

use std::fs;

use jiff::{SignedDuration, Timestamp, Unit};
use portcullis::sandbox::Deed;
use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, watching},
    house::House,
    letterbox::Letterbox,
    service::{AT_ONCE, appears, declaring, house, kept, strays},
};

fn world(keep: usize, stray: usize, target: &str) -> House {
    let house = house(keep, stray, target);
    watching(&house, "interval: 1h");
    house
}

fn ahead(seconds: i64) -> Timestamp {
    let at = Timestamp::now().checked_add(SignedDuration::from_secs(seconds)).unwrap();
    at.round(Unit::Second).unwrap()
}

/// When the first token went, by the server's record.
fn went_at(house: &House) -> Timestamp {
    let changes = house.sandbox.record().changes();
    changes.iter().find(|changed| changed.effect.action == Deed::Removed).unwrap().at
}

/// What comes next at the target, of this sort.
fn upcoming(document: &Value, what: &str) -> Vec<Value> {
    let all = document["upcoming"].as_array().unwrap();
    all.iter().filter(|one| one["what"]["is"] == what).cloned().collect()
}

fn held_by(daemon: &mut Daemon) -> Vec<String> {
    let plan = daemon.get("/v1/targets/s2/plan").json();
    let rows = plan["targets"][0]["rows"].as_array().unwrap();
    let holds = rows.iter().flat_map(|row| row["holds"].as_array().unwrap());
    holds.map(|hold| hold["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_end_is_acted_on_when_it_comes_and_the_lag_is_measured() {
    let house = world(8, 0, AT_ONCE);
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    let end = ahead(4);
    let policy = declaring(&kept(8));
    house.write(
        "policies/s2.yaml",
        &policy.replacen("justification: needed", &format!("justification: needed, expires: {end}"), 1),
    );
    daemon.until("the token to go", |_| house.removed_tokens() == ["service/keep-00"]);
    assert!(went_at(&house) >= end, "not before its time");
    assert_eq!(daemon.looked_anew("s2")["health"], "in_sync");
    assert_eq!(daemon.metric("portcullis_due_lag_seconds_count{target=\"s2\"}"), Some(1.0));
    assert!(daemon.metric("portcullis_due_lag_seconds_sum{target=\"s2\"}").unwrap() >= 0.0);
    assert_eq!(daemon.metric("portcullis_triggers_total{trigger=\"due\"}"), Some(1.0));
}

#[test]
fn a_held_entry_goes_after_its_until() {
    let house = world(8, 1, AT_ONCE);
    let holding = |until: Timestamp| {
        let hold = format!("{{ id: service/stray-00, until: {until}, justification: \"DATA-31, the migration\" }}");
        house.write("policies/s2.yaml", &format!("{}holds:\n  access_tokens:\n    - {hold}\n", declaring(&kept(8))));
    };
    holding(ahead(7_200));
    let mut daemon = Daemon::start(&house);
    daemon.first_look("s2");
    daemon.looked_anew("s2");
    assert_eq!(house.writes(), 0);
    assert_eq!(held_by(&mut daemon), ["hold"]);
    let until = ahead(5);
    holding(until);
    daemon.until("the entry to go", |_| house.removed_tokens() == strays(1));
    assert!(went_at(&house) >= until, "not before its time");
}

/// A world of declared tokens alone whose daemon tells the letterbox of changes.
fn telling(stray: usize, target: &str, letters: &Letterbox) -> (House, Daemon) {
    let house = house(8, stray, target);
    let hook = format!("webhook: \"{}\", secret: {{ env: SECRET }}, about: [changes]", letters.url("/hook"));
    watching(&house, &format!("interval: 1h, notify: [{{ {hook} }}]"));
    let mut command = Daemon::command(&house, &[]);
    command.env("SECRET", "the-secret-of-the-receiver");
    (house, Daemon::of(command))
}

fn titles(letters: &Letterbox) -> Vec<String> {
    letters.news("changes").iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_hold_that_ends_within_a_day_is_told_once_when_that_day_begins() {
    let letters = Letterbox::open();
    let (house, mut daemon) = telling(0, AT_ONCE, &letters);
    daemon.until_health("s2", "in_sync");
    for id in strays(2) {
        appears(&house, &id);
    }
    let (soon, late) = (ahead(86_400 + 8), ahead(2 * 86_400));
    let holds = [(0, soon), (1, late)].map(|(number, until)| {
        format!("    - {{ id: service/stray-0{number}, until: {until}, justification: \"DATA-31, the migration\" }}\n")
    });
    house.write("policies/s2.yaml", &format!("{}holds:\n  access_tokens:\n{}", declaring(&kept(8)), holds.concat()));
    let ending = || letters.news("changes").into_iter().filter(|one| one["title"].to_string().contains("a hold ends"));
    // By itself: the interval is an hour.
    daemon.until("its end is told", |_| ending().count() > 0);
    let told = ending().next().unwrap();
    assert!(Timestamp::now().duration_since(soon) >= SignedDuration::from_hours(-24), "not before");
    assert_eq!(told["title"], json!(format!("s2: a hold ends at {soon}, and 1 entry goes then")));
    assert_eq!((&told["lines"], &told["target"]), (&json!(["access token service/stray-00"]), &json!("s2")));
    daemon.looked_anew("s2");
    appears(&house, "service/stray-03");
    daemon.looked_anew("s2");
    assert_eq!(ending().count(), 1, "{:#?}", letters.documents());
    assert_eq!(house.removed_tokens(), ["service/stray-03"]);
}

#[test]
fn a_freeze_window_is_seen_where_nothing_waits_and_its_begin_and_end_are_told() {
    let letters = Letterbox::open();
    let (house, mut daemon) = telling(0, AT_ONCE, &letters);
    daemon.until_health("s2", "in_sync");
    assert_eq!(daemon.state()["freezes"], json!([]));
    assert_eq!(daemon.metric("portcullis_frozen{target=\"s2\"}"), Some(0.0));
    let end = ahead(15);
    let trunc = jiff::TimestampRound::new().smallest(Unit::Minute).mode(jiff::RoundMode::Trunc);
    let begin = ahead(-60).round(trunc).unwrap();
    let (lasts, at) = (end.duration_since(begin).as_secs(), begin.to_zoned(jiff::tz::TimeZone::UTC));
    let cron = format!("{} {} * * *", at.minute(), at.hour());
    let freeze = format!("    freeze: [{{ cron: \"{cron}\", duration: {lasts}s, time_zone: UTC }}]\n");
    house.edit("portcullis.yaml", AT_ONCE, &format!("{AT_ONCE}\n{}", freeze.trim_end()));
    let state = daemon.until_state("the window is shown", |state| !state["freezes"].as_array().unwrap().is_empty());
    let window = &state["freezes"][0];
    assert_eq!((&window["target"], &window["until"]), (&json!("s2"), &json!(end)));
    assert!(window["window"].as_str().unwrap().starts_with(&format!("{cron}, for ")), "{window}");
    assert_eq!(daemon.get("/v1/targets/s2").json()["freezes"], state["freezes"]);
    assert_eq!(daemon.metric("portcullis_frozen{target=\"s2\"}"), Some(1.0));
    assert!(daemon.get("/").text.contains("A freeze window is open: nothing goes"));
    daemon.until("its begin and its end are told", |_| titles(&letters).len() == 2);
    assert!(Timestamp::now() >= end, "not before its end");
    assert_eq!(titles(&letters), [format!("Frozen until {end}: s2"), "The freeze is over: s2".to_owned()]);
    let said = |daemon: &Daemon, message: &str| daemon.said(message).len();
    assert_eq!(said(&daemon, "a freeze window is open: nothing goes"), 1);
    assert_eq!(said(&daemon, "a freeze window is over"), 1);
    daemon.until_state("it is gone", |state| state["freezes"] == json!([]));
    assert_eq!(daemon.metric("portcullis_frozen{target=\"s2\"}"), Some(0.0));
}

#[test]
fn the_lag_is_that_of_the_loop_and_not_of_people_who_stopped_it() {
    let house = world(8, 0, "    enforce: [access_tokens]\n    guards: { notice: 2s }");
    house.edit("portcullis.yaml", "watch:", "stop_file: STOP\nwatch:");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    house.write("STOP", "");
    daemon.until_state("the stop is shown", |state| !state["pause"].is_null());
    appears(&house, "service/stray-00");
    daemon.post("/v1/reconcile", &json!({ "targets": ["s2"] }));
    daemon.until_brief("s2", "it is found", |brief| brief["tally"]["held"] != json!([]));
    let seen = Timestamp::now();
    daemon.until("its notice to end", |_| Timestamp::now().duration_since(seen) > SignedDuration::from_secs(4));
    fs::remove_file(house.path("STOP")).unwrap();
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    daemon.until_health("s2", "in_sync");
    let count = "portcullis_due_lag_seconds_count{target=\"s2\"}";
    assert_eq!(daemon.metric(count), None, "it waited for the stop to end");
    appears(&house, "service/stray-01");
    daemon.looked_anew("s2");
    daemon.until("the other one to go", |_| house.removed_tokens() == strays(2));
    daemon.until_health("s2", "in_sync");
    assert_eq!(daemon.metric(count), Some(1.0), "it waited for its notice alone");
}

#[test]
fn a_freeze_window_holds_and_its_end_is_told_and_acted_on() {
    let house = world(8, 1, AT_ONCE);
    let whole = house.read("portcullis.yaml");
    let frozen = |window: &str| {
        let freeze = format!("freeze: [{{ {window}, time_zone: UTC }}]\ntargets:\n");
        house.write("portcullis.yaml", &whole.replace("targets:\n", &freeze));
    };
    // Every minute begins a window of two hours: one is open at any time, and none ends soon.
    frozen("cron: \"* * * * *\", duration: 2h");
    let mut daemon = Daemon::start(&house);
    daemon.first_look("s2");
    daemon.looked_anew("s2");
    assert_eq!(house.writes(), 0);
    assert_eq!(held_by(&mut daemon), ["freeze"], "plans go on");
    // One that began with the minute before this one, once this day.
    let end = ahead(10);
    let trunc = jiff::TimestampRound::new().smallest(Unit::Minute).mode(jiff::RoundMode::Trunc);
    let begin = ahead(-60).round(trunc).unwrap();
    let lasts = end.duration_since(begin).as_secs();
    let at = begin.to_zoned(jiff::tz::TimeZone::UTC);
    frozen(&format!("cron: \"{} {} * * *\", duration: {lasts}s", at.minute(), at.hour()));
    daemon.until_document("/v1/targets/s2", "its end is told", |document| {
        upcoming(document, "freeze_ends").iter().any(|one| one["at"] == json!(end.to_string()))
    });
    daemon.until("the entry to go", |_| !house.removed_tokens().is_empty());
    assert_eq!(house.removed_tokens(), strays(1));
    assert!(went_at(&house) >= end, "not before its end");
}

#[test]
fn an_announced_number_lets_a_plan_pass_once() {
    let house = world(20, 3, "    enforce: [access_tokens]\n    guards: { notice: 0h, max_count: 2 }");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "refused");
    assert_eq!(daemon.looked_anew("s2")["refusals"][0]["guard"], "count");
    assert_eq!(house.writes(), 0);
    house.expect(0, &["expect", "s2", "3", "--until", "2h"]);
    daemon.looked_anew("s2");
    assert_eq!(house.removed_tokens(), strays(3));
    for id in &strays(6)[3..] {
        appears(&house, id);
    }
    let brief = daemon.looked_anew("s2");
    assert_eq!(brief["health"], "refused", "{brief:#}");
    assert_eq!(house.removed_tokens(), strays(3), "once");
}

#[test]
fn the_environment_stops_all_writing_and_says_so() {
    let house = world(8, 1, AT_ONCE);
    let mut command = Daemon::command(&house, &[]);
    command.env("PORTCULLIS_OBSERVE", "1");
    let mut daemon = Daemon::of(command);
    daemon.first_look("s2");
    daemon.looked_anew("s2");
    assert_eq!(house.writes(), 0);
    let because = daemon.state()["pause"]["because"].to_string();
    assert!(because.contains("PORTCULLIS_OBSERVE"), "{because}");
    assert_eq!(daemon.post("/v1/resume", &json!({})).status, 200);
    daemon.looked_anew("s2");
    assert_eq!(house.writes(), 0, "no caller takes it back");
}

#[test]
fn a_stop_file_stops_and_its_removal_lets_go_on_without_waiting_for_the_interval() {
    let house = world(8, 0, AT_ONCE);
    house.edit("portcullis.yaml", "watch:", "stop_file: STOP\nwatch:");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    house.write("STOP", "");
    appears(&house, "service/stray-00");
    daemon.looked_anew("s2");
    assert_eq!(house.writes(), 0);
    daemon.until_state("the stop is shown", |state| !state["pause"].is_null());
    fs::remove_file(house.path("STOP")).unwrap();
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    daemon.until_state("the stop is over", |state| state["pause"].is_null());
    daemon.until_health("s2", "in_sync");
    assert_eq!(daemon.metric("portcullis_due_lag_seconds_count{target=\"s2\"}"), None, "nothing of it came due");
}
