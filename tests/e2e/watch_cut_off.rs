//! What a look removed that was cut off is told by whoever begins after it, once, and what is under way is left alone.

use portcullis::sandbox::{Fault, System, Trouble};
use serde_json::Value;

use crate::{
    daemon::{Daemon, watching},
    house::House,
    letterbox::Letterbox,
    service::{AT_ONCE, appears, house, strays},
};

/// A daemon that tells the letterbox, with little grace.
fn start(house: &House) -> Daemon {
    let mut command = Daemon::command(house, &[]);
    command.env("SECRET", "the-secret-of-the-receiver");
    Daemon::of(command)
}

fn tells(house: &House, letters: &Letterbox) {
    let hook = format!("webhook: \"{}\", secret: {{ env: SECRET }}, about: [revocations]", letters.url("/hook"));
    watching(house, &format!("interval: 1h, grace: 1s, notify: [{{ {hook} }}]"));
}

/// How many removals ended for good by the metrics.
fn counted(daemon: &mut Daemon) -> f64 {
    let text = daemon.get("/metrics").text;
    let samples = text.lines().filter(|line| line.starts_with("portcullis_revocations_total"));
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

fn titles(letters: &Letterbox) -> Vec<String> {
    letters.news("revocations").iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect()
}

/// Three removals, of which the last one is never answered; then the daemon is ended.
fn cut_off_by(end: impl FnOnce(Daemon)) {
    let house = house(30, 3, AT_ONCE);
    let letters = Letterbox::open();
    tells(&house, &letters);
    let hangs = Fault::new(System::S2, Trouble::Hang { after_effect: true }).on_writes();
    house.sandbox.fault(hangs.at("/v1/access-tokens/service%2Fstray-02").times(1));
    let mut daemon = start(&house);
    daemon.until("two to end", |daemon| house.writes() == 3 && daemon.said("a row ended").len() == 2);
    end(daemon);
    assert_eq!(titles(&letters), Vec::<String>::new());
    house.sandbox.clear_faults();

    let mut daemon = start(&house);
    daemon.until("both are told", |_| letters.news("revocations").len() == 2);
    let news = letters.news("revocations");
    assert_eq!(news[0]["title"], "s2: 2 revocations of a look that was cut off");
    assert_eq!(news[1]["title"], "s2: 1 revocation of before ended");
    let lines = |one: &Value| serde_json::from_value::<Vec<String>>(one["lines"].clone()).unwrap();
    // In the order in which they were recorded: several are sent at once.
    let mut told = [lines(&news[0]), lines(&news[1])].concat();
    told.sort();
    for (id, line) in strays(3).iter().zip(&told) {
        assert!(line.starts_with(&format!("access token {id} (undeclared, irreversible): ")), "{told:?}");
    }
    daemon.until_health("s2", "in_sync");
    let all = |document: &Value| document["ended"].as_array().is_some_and(|ended| ended.len() == 3);
    let document = daemon.until_document("/v1/targets/s2", "all of it", all);
    let mut shown: Vec<_> =
        document["ended"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    shown.sort_unstable();
    assert_eq!(shown, strays(3));
    assert!(daemon.get("/targets/s2").text.contains("service/stray-00"));
    assert!((counted(&mut daemon) - 3.0).abs() < 0.1, "{}", daemon.get("/metrics").text);
    assert_eq!(daemon.stop().0, 0);

    // It was told: who begins next tells what is new.
    let mut daemon = start(&house);
    daemon.until_health("s2", "in_sync");
    appears(&house, "service/stray-03");
    daemon.looked_anew("s2");
    daemon.until("the new one is told", |_| letters.news("revocations").len() == 3);
    assert_eq!(titles(&letters)[2], "s2: 1 revocation sent");
    assert!((counted(&mut daemon) - 1.0).abs() < 0.1);
    assert_eq!(house.removed_tokens(), strays(4));
    let history = house.expect(0, &["history", "--limit", "1000"]).out;
    assert_eq!(history.matches("run was cut off").count(), 1, "{history}");
    house.expect(0, &["history", "--verify"]);
}

#[test]
fn what_was_removed_before_a_kill_is_told_shown_and_counted_once() {
    cut_off_by(Daemon::kill);
}

#[test]
fn what_was_removed_before_the_end_of_the_grace_is_told_shown_and_counted_once() {
    cut_off_by(|daemon| assert_eq!(daemon.stop().0, 0));
}

#[test]
fn what_was_cut_off_at_a_target_that_is_not_configured_any_more_is_told_too() {
    let house = house(30, 2, AT_ONCE);
    let letters = Letterbox::open();
    tells(&house, &letters);
    let hangs = Fault::new(System::S2, Trouble::Hang { after_effect: true }).on_writes();
    house.sandbox.fault(hangs.at("/v1/access-tokens/service%2Fstray-01").times(1));
    let mut daemon = start(&house);
    daemon.until("one to end", |daemon| house.writes() == 2 && daemon.said("a row ended").len() == 1);
    daemon.kill();
    house.sandbox.clear_faults();
    house.edit("portcullis.yaml", "\n  s2:\n", "\n  other:\n");
    house.edit("policies/s2.yaml", "target: s2\n", "target: other\n");
    let mut daemon = start(&house);
    daemon.until("it is told", |_| letters.news("revocations").len() == 1);
    assert_eq!(titles(&letters), ["s2: 1 revocation of a look that was cut off"]);
    daemon.first_look("other");
}

#[test]
fn a_look_of_another_process_that_is_under_way_is_left_alone() {
    let house = house(30, 1, AT_ONCE);
    let letters = Letterbox::open();
    tells(&house, &letters);
    let slow = Fault::new(System::S2, Trouble::Delay { ms: 8_000, after_effect: true }).on_writes();
    house.sandbox.fault(slow.times(1));
    let mut first = start(&house);
    first.until("it to arrive", |_| !house.sandbox.world(|world| world.s2.has("service/stray-00")));
    let mut second = start(&house);
    second.until("it finds the run", |daemon| !daemon.said("what was cut off is not closed yet").is_empty());
    assert!(first.looks("s2").is_empty(), "it is under way");
    first.until_health("s2", "in_sync");
    second.until_health("s2", "in_sync");
    first.until("it is told", |_| !letters.news("revocations").is_empty());
    appears(&house, "service/stray-01");
    second.looked_anew("s2");
    second.until("the next one is told", |_| letters.news("revocations").len() == 2);
    assert_eq!(titles(&letters), ["s2: 1 revocation sent", "s2: 1 revocation sent"]);
    let history = house.expect(0, &["history", "--limit", "1000"]).out;
    assert!(!history.contains("cut off"), "{history}");
}
