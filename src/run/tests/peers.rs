//! What targets that are looked at in runs of their own owe each other.

use std::collections::BTreeSet;

use super::*;
use crate::run::peers::FIRST_READINGS;

/// Two targets of one system, `a` with something to remove where that is wanted.
fn pair(directory: &Path, drift: bool) -> (Loaded, Fake) {
    let loaded = loaded(&directory.join("j.db"), vec![target("a"), target("b")]);
    let worlds = ["a", "b"].map(|name| {
        let extra = (drift && name == "a").then(|| entry("old"));
        let world = World::of([entry("keep")].into_iter().chain(extra).collect::<Vec<_>>());
        world.state().account = Some(format!("acc_{name}").into());
        (Text::from(name), world)
    });
    (loaded, Fake(worlds.into()))
}

/// A look of the daemon at one target.
async fn look(loaded: &Loaded, worlds: &Fake, fleet: &Fleet, name: &str) -> RunReport {
    let performed = Perform {
        command: "watch",
        loaded,
        wishes: Wishes { only: vec![name.into()], ..Wishes::default() },
        consent: Consent::Unattended,
        new_journal: false,
        lock_wait: Duration::from_millis(20),
        clock: worlds.0[name].clock(),
        stop: Stop::new(),
        next_run: None,
        fleet: Some(fleet),
        brake: None,
        revision: None,
        before_sending: None,
    };
    perform(performed, worlds, &Quiet).await.unwrap()
}

/// The first reading of a target, once that of the other one is there.
async fn was_read(world: &World) {
    while world.state().reads == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_would_send_nothing_waits_for_no_other_target() {
    let directory = tempfile::tempdir().unwrap();
    let (loaded, worlds) = pair(directory.path(), false);
    let fleet = Fleet::open(&loaded.config, true).await.unwrap();
    let look = look(&loaded, &worlds, &fleet, "a");
    let report = tokio::time::timeout(FIRST_READINGS / 2, look).await.expect("it waited for `b`, which never comes");
    assert!(report.plan.unwrap().targets[0].in_sync());
}

#[tokio::test]
async fn nothing_is_sent_before_the_other_targets_of_the_system_were_tried() {
    for shared in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let (loaded, worlds) = pair(directory.path(), true);
        if shared {
            worlds.0["b"].state().account = Some("acc_a".into());
        }
        let fleet = Fleet::open(&loaded.config, true).await.unwrap();
        let other = async {
            was_read(&worlds.0["a"]).await;
            look(&loaded, &worlds, &fleet, "b").await
        };
        let (one, other) = tokio::join!(look(&loaded, &worlds, &fleet, "a"), other);
        let sent = worlds.0["a"].state().sent.len();
        assert_eq!(sent, usize::from(!shared), "shared: {shared}");
        for report in [one, other] {
            let plan = report.plan.unwrap();
            assert_eq!(plan.targets[0].state == TargetState::Planned, !shared, "{plan:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_is_waited_for_once() {
    let directory = tempfile::tempdir().unwrap();
    let (loaded, _) = pair(directory.path(), true);
    let peers = Peers::default();
    peers.was_tried(&"a".into());
    let systems = BTreeSet::from([MADE_UP.system]);
    let until = peers.awaits(&loaded, &systems).expect("`b` is not tried yet");
    assert_eq!(until.1, BTreeSet::from(["b".into()]));
    tokio::time::advance(FIRST_READINGS / 2).await;
    assert_eq!(peers.awaits(&loaded, &systems), Some(until), "who comes later waits for what is left of it");
    tokio::time::advance(FIRST_READINGS).await;
    assert_eq!(peers.awaits(&loaded, &systems), None);
    assert_eq!(peers.awaits(&loaded, &BTreeSet::from(["another"])), None);
    peers.was_tried(&"b".into());
    peers.begins(&"b".into());
    let until = tokio::time::Instant::now() + FIRST_READINGS;
    let awaited = peers.awaits(&loaded, &systems);
    assert_eq!(awaited, Some((until, BTreeSet::from(["b".into()]))), "one that is new again is waited for anew");
}
