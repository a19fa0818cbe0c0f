//! What bears on all targets is told once and not by each of them; that nothing goes is told, and what nobody looks after any more.

use std::fs;

use portcullis::sandbox::{Fault, System, Trouble};

use crate::{
    daemon::{Daemon, watching},
    house::House,
    letterbox::Letterbox,
    service::{AT_ONCE, house},
};

/// A daemon of this house that tells the letterbox everything.
fn telling(house: &House, letters: &Letterbox) -> Daemon {
    let hook = format!("webhook: \"{}\", secret: {{ env: SECRET }}", letters.url("/hook"));
    watching(house, &format!("interval: 1h, max_backoff: 1s, notify: [{{ {hook} }}]"));
    let mut command = Daemon::command(house, &[]);
    command.env("SECRET", "the-secret-of-the-receiver");
    Daemon::of(command)
}

fn titles(letters: &Letterbox, about: &str) -> Vec<String> {
    letters.news(about).iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_mistake_that_blocks_all_targets_is_told_once() {
    let (house, letters) = (House::company(), Letterbox::open());
    let mut daemon = telling(&house, &letters);
    let all = |daemon: &mut Daemon, what: &str, met: fn(&str) -> bool| {
        daemon.until_state(what, |state| {
            let targets = state["targets"].as_array().unwrap();
            let met =
                |brief: &serde_json::Value| met(brief["health"].as_str().unwrap()) && brief["running_since"].is_null();
            targets.len() == 5 && targets.iter().all(met)
        });
    };
    all(&mut daemon, "all to be looked at", |health| !matches!(health, "starting" | "blocked"));
    let people = house.read("people.yaml");
    house.write("people.yaml", &format!("{people}\n  - nonsense\n"));
    all(&mut daemon, "all to be blocked", |health| health == "blocked");
    daemon.until("it is told", |_| !letters.news("failures").is_empty());
    house.write("people.yaml", &people);
    all(&mut daemon, "all to go on", |health| !matches!(health, "starting" | "blocked"));
    daemon.until("its end is told", |_| !letters.news("recoveries").is_empty());
    assert_eq!(titles(&letters, "failures").len(), 1, "{:#?}", letters.documents());
    assert_eq!(titles(&letters, "recoveries"), ["The policies load again"]);
    let mut changes = titles(&letters, "changes");
    changes.sort();
    changes.dedup_by_key(|title| title.split(' ').next().map(str::to_owned));
    assert_eq!(changes.len(), titles(&letters, "changes").len(), "each target once: {:#?}", letters.documents());
}

#[test]
fn that_all_writing_is_stopped_is_told_also_where_nothing_waits() {
    let (house, letters) = (house(8, 0, AT_ONCE), Letterbox::open());
    house.edit("portcullis.yaml", "targets:\n", "stop_file: STOP\ntargets:\n");
    let mut daemon = telling(&house, &letters);
    daemon.until_health("s2", "in_sync");
    fs::write(house.path("STOP"), "").unwrap();
    daemon.until("it is told", |_| titles(&letters, "changes") == ["All writing is stopped"]);
    fs::remove_file(house.path("STOP")).unwrap();
    daemon.until("its end is told", |_| titles(&letters, "changes").len() == 2);
    assert_eq!(titles(&letters, "changes")[1], "Writing goes on");
    let pause = serde_json::json!({ "because": "the move", "until": "2099-01-01T00:00:00Z" });
    assert_eq!(daemon.post("/v1/pause", &pause).status, 200);
    daemon.until("the pause is told", |_| titles(&letters, "changes").len() == 3);
    let told = &letters.news("changes")[2];
    assert_eq!(told["title"], "All writing is stopped until 2099-01-01T00:00:00Z");
    assert_eq!(told["lines"][0], "the move");
}

#[test]
fn a_target_that_is_taken_away_before_its_removals_ended_is_told() {
    let (house, letters) = (house(30, 1, &format!("{AT_ONCE}\n    settle: 1h")), Letterbox::open());
    house.sandbox.fault(Fault::new(System::S2, Trouble::DropBefore).on_writes().times(1));
    let mut daemon = telling(&house, &letters);
    daemon.until("the removal to be lost", |_| house.writes() == 1);
    house.edit("policies/s2.yaml", "target: s2\n", "target: other\n");
    house.edit("portcullis.yaml", "\n  s2:\n", "\n  other:\n");
    let gone = "s2 is not configured any more, and 1 removal there did not end";
    daemon.until("it is told", |_| titles(&letters, "failures").iter().any(|title| title == gone));
}
