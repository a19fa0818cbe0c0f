//! A removal of which nobody knows yet what came of it holds up nothing else: what is asked for or comes due meanwhile is acted
//! on, and the one in doubt is read on and never sent again.

use jiff::{SignedDuration, Timestamp, Unit};
use portcullis::sandbox::{Fault, System, Trouble};
use serde_json::Value;

use crate::{
    daemon::{Daemon, watching},
    house::House,
    service::{AT_ONCE, appears, declaring, house, kept},
};

const STRAY: &str = "service/stray-00";
const AT: &str = "/v1/access-tokens/service%2Fstray-00";

/// A daemon at a target in sync that follows what is in doubt for an hour, and looks by itself as rarely.
fn start(policy: &str) -> (House, Daemon) {
    let house = house(40, 0, &format!("{AT_ONCE}\n    settle: 1h"));
    house.write("policies/s2.yaml", policy);
    watching(&house, "interval: 1h, max_backoff: 2s");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    (house, daemon)
}

/// An entry that nobody declared, whose removal is lost on its way without effect.
fn lose_a_removal(house: &House, daemon: &mut Daemon) {
    house.sandbox.fault(Fault::new(System::S2, Trouble::DropBefore).on_writes().at(AT).times(1));
    appears(house, STRAY);
    daemon.post("/v1/reconcile", &serde_json::json!({}));
    daemon.until("the removal to be lost", |_| asked(house) == 1);
}

/// How often its removal was asked for.
fn asked(house: &House) -> usize {
    house.sandbox.record().requests().iter().filter(|seen| seen.method == "DELETE" && seen.path == AT).count()
}

/// By now it is known, since somebody else removed it.
fn settles(house: &House, mut daemon: Daemon) {
    let open = |document: &Value| document["ended"][0]["end"] == "unknown";
    daemon.until_document("/v1/targets/s2", "it to be in doubt", open);
    assert!(house.sandbox.world(|world| world.s2.remove(STRAY, Timestamp::now())));
    daemon.until_health("s2", "in_sync");
    assert_eq!(asked(house), 1, "what is in doubt is read, and not sent again");
    assert_eq!(daemon.stop().0, 0);
    let history = house.expect(0, &["history", "--limit", "1000"]).out;
    assert!(history.contains("absent in a complete reading"), "{history}");
    house.expect(0, &["history", "--verify"]);
}

#[test]
fn an_outcome_in_doubt_does_not_hold_up_what_a_change_of_a_policy_removes() {
    let (house, mut daemon) = start(&declaring(&kept(40)));
    lose_a_removal(&house, &mut daemon);
    house.write("policies/s2.yaml", &declaring(&kept(39)));
    daemon.until("the other to go", |_| house.removed_tokens() == ["service/keep-39"]);
    // And the next one, in a look that begins while the first is still in doubt.
    house.write("policies/s2.yaml", &declaring(&kept(38)));
    daemon.until("the next to go", |_| house.removed_tokens() == ["service/keep-38", "service/keep-39"]);
    settles(&house, daemon);
}

#[test]
fn an_outcome_in_doubt_does_not_hold_up_what_comes_due() {
    let end = Timestamp::now().checked_add(SignedDuration::from_secs(6)).unwrap().round(Unit::Second).unwrap();
    let policy = declaring(&kept(40));
    let policy = policy.replacen("justification: needed", &format!("justification: needed, expires: {end}"), 1);
    let (house, mut daemon) = start(&policy);
    lose_a_removal(&house, &mut daemon);
    daemon.until("it to end", |_| house.removed_tokens() == ["service/keep-00"]);
    settles(&house, daemon);
}
