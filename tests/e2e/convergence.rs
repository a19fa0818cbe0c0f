//! Applying a plan removes exactly what it showed, and the next plan has nothing to revoke.

use portcullis::sandbox::System;

use crate::house::{House, binary, ids};

const TARGETS: [&str; 5] =
    ["accessowl-northlight", "aitronos-northlight", "buildkite-northlight", "pinata-northlight", "s2-northlight"];

#[test]
fn the_demonstration_shows_a_plan_applies_it_and_ends_with_nothing_to_revoke() {
    let dir = tempfile::tempdir().unwrap();
    let output = binary(dir.path()).arg("demo").output().unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{out}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("the next plan has nothing to revoke"), "{out}");
}

#[test]
fn what_a_plan_shows_is_what_the_servers_see_and_plan_itself_writes_nothing() {
    let house = House::company();
    let plan = house.plan(&[]);
    assert_eq!(house.writes(), 0, "a plan sends no write");
    assert!(!house.path(".portcullis").exists(), "a plan makes no journal");
    house.apply(0);
    for (target, system, kinds) in [
        (TARGETS[1], System::Aitronos, &["grant"][..]),
        (TARGETS[2], System::Buildkite, &["api_token"]),
        (TARGETS[3], System::Pinata, &["gateway_key", "api_key"]),
        (TARGETS[4], System::S2, &["access_token"]),
    ] {
        let mut removed: Vec<String> = kinds.iter().flat_map(|kind| house.removed(system, kind)).collect();
        removed.sort();
        assert_eq!(removed, ids(&plan, target, "change"), "{target}");
    }
    let asked = house.sandbox.record().writes().into_iter().filter(|write| write.system == System::AccessOwl).count();
    assert_eq!(asked, ids(&plan, TARGETS[0], "change").len());

    let next = house.plan(&[]);
    for target in TARGETS {
        assert_eq!(ids(&next, target, "change"), [""; 0], "{target}");
    }
    let before = house.writes();
    house.apply(0);
    assert_eq!(house.writes(), before, "a second apply sends nothing");
}

#[test]
fn what_is_narrowed_to_some_targets_asks_and_changes_no_other() {
    let house = House::company();
    let systems = || {
        let asked: std::collections::BTreeSet<System> =
            house.sandbox.record().requests().iter().map(|request| request.system).collect();
        asked.into_iter().collect::<Vec<_>>()
    };
    let two = ["--target", "s2-northlight", "--target", "pinata-northlight"];
    let mut wanted = [System::S2, System::Pinata];
    wanted.sort();
    house.expect(0, &[&["plan"][..], &two].concat());
    assert_eq!(systems(), wanted);
    house.expect(0, &[&["apply", "--yes", "--new-journal"][..], &two].concat());
    assert_eq!(systems(), wanted);
    assert!(!house.removed_tokens().is_empty());
}
