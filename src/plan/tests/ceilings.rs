//! What floor, share, count and fights count, and in which order.

use std::sync::Arc;

use super::world::{World, accessowl, days_ago, facts, now};
use crate::{
    access::{Cause, Life, SentRow},
    plan::{FindingKind, HoldName},
};

/// Tokens that are declared and stay, that are declared and past their end, and that nobody declared; all managed.
fn drift(kept: usize, due: usize, undeclared: usize) -> World {
    let mut world = World::of("s2");
    for (word, count) in [("kept", kept), ("due", due), ("stray", undeclared)] {
        for number in 0..count {
            let id = format!("service/{word}-{number}");
            world.live(&id);
            if word != "stray" {
                let declaration = world.declare(&id);
                Arc::make_mut(&mut declaration.limits).expires = (word == "due").then(|| days_ago(1));
            }
        }
    }
    world.manage(0, "all");
    world
}

fn sent(id: &str, key: &str, cause: Cause) -> SentRow {
    SentRow {
        at: now(),
        kind: "access_token".into(),
        id: id.into(),
        natural_key: key.into(),
        weight: 1,
        cause,
        files: Vec::new(),
        done: true,
    }
}

#[test]
fn the_floor_counts_no_entry_that_is_own_leaving_or_dead() {
    let held = |life: Life, own: bool| {
        let mut world = drift(1, 0, 2);
        world.policy.sets[0].allow_empty = true;
        world.settings.keep_at_least = 1;
        world.snapshot.entries[0].life = life;
        if own {
            world.own("service/kept-0");
        }
        world.holds("service/stray-0")
    };
    assert_eq!(held(Life::Live, false), [], "the declared one remains");
    assert_eq!(held(Life::Live, true), [HoldName::Floor]);
    assert_eq!(held(Life::InFlight { since: None, what: "waits".into() }, false), [HoldName::Floor]);
    assert_eq!(held(Life::Dead("ended".into()), false), [HoldName::Floor]);
}

#[test]
fn groups_are_let_in_in_the_order_absent_due_undeclared() {
    let mut world = drift(8, 2, 2);
    world.absent("service/kept-0");
    world.settings.max_count = 5;
    assert_eq!(world.sent_ids().len(), 5);
    world.settings.max_count = 4;
    assert_eq!(world.sent_ids(), ["service/due-0", "service/due-1", "service/kept-0"]);
    // A smaller group that comes later is let in where a larger one before it is refused.
    world.settings.max_count = 2;
    assert_eq!(world.sent_ids(), ["service/kept-0"]);
    world.live("service/due-2");
    Arc::make_mut(&mut world.declare("service/due-2").limits).expires = Some(days_ago(1));
    world.settings.max_count = 3;
    assert_eq!(world.sent_ids(), ["service/kept-0", "service/stray-0", "service/stray-1"]);
}

#[test]
fn share_looks_at_due_and_at_undeclared_rows_apart_and_never_at_absent_ones() {
    let mut world = drift(4, 2, 2);
    world.settings.max_share_percent = 25;
    assert_eq!(world.sent_ids().len(), 4, "two of eight each");
    world.policy.sets[0].allow_empty = true;
    for number in 0..4 {
        world.absent(&format!("service/kept-{number}"));
    }
    assert_eq!(world.sent_ids().len(), 8);
    // What went for one group says nothing about the other.
    world.history.sent = vec![sent("x", "x", Cause::Expired), sent("y", "y", Cause::Absent)];
    assert_eq!(world.refusals(), ["share"]);
    let gone = world.sent_ids();
    assert!(gone.len() == 6 && gone.iter().all(|id| !id.contains("due")), "{gone:?}");
}

#[test]
fn an_entry_of_two_files_counts_in_both() {
    let mut world = drift(6, 0, 2);
    world.settings.max_share_percent = 25;
    assert_eq!(world.sent_ids().len(), 2);
    // The other file is in charge of the two alone: of its entries, all would go.
    world.manage(1, "service/stray-*").allow_empty = true;
    assert!(world.sent_ids().is_empty());
    let refused = world.plan().refusals;
    assert_eq!(refused.iter().map(|one| one.over.as_str()).collect::<Vec<_>>(), ["undeclared rows of b.yaml"]);
    assert_eq!((refused[0].figure.as_str(), refused[0].limit.as_str()), ("2 of 2 entries", "1 (25 %)"));
}

#[test]
fn what_lies_outside_of_sets_and_declarations_is_no_part_of_the_share() {
    let mut world = drift(3, 0, 2);
    world.policy.sets.clear();
    world.manage(0, "service/*");
    world.settings.max_share_percent = 25;
    for number in 0..40 {
        world.live(&format!("elsewhere/{number}"));
    }
    assert_eq!(world.plan().refusals[0].figure, "2 of 5 entries");
}

#[test]
fn people_are_asked_for_the_same_at_most_once_a_day() {
    let mut world = accessowl();
    world.state("s1", "anna", "GitHub", "prod", &[]);
    world.state("s2", "ben", "GitHub", "prod", &[]);
    world.access("ben", "GitHub", "prod", &[]);
    world.manage(0, "all");
    let key = world.plan().changes().next().unwrap().natural_key.clone();
    let asked = |id: &str| SentRow { kind: "access".into(), at: days_ago(1), ..sent(id, &key, Cause::Undeclared) };
    // Another state of the same key went, and this one began after that.
    world.history.sent = vec![asked("s0")];
    world.snapshot.entries[0].created_at = Some(now());
    assert_eq!(world.holds("s1"), [HoldName::Fights]);
    // It was there all along: it is not what came back.
    world.snapshot.entries[0].created_at = Some(days_ago(2));
    assert_eq!(world.sent_ids(), ["s1"]);
    world.history.sent = vec![asked("s1")];
    assert_eq!(world.holds("s1"), [HoldName::Fights]);
    let plan = world.plan();
    let fight = plan.rows.iter().flat_map(|row| &row.holds).next().unwrap();
    assert!(fight.why.starts_with("it was removed once in 24 hours and is back"), "{}", fight.why);
    world.history.sent[0].done = false;
    assert_eq!(world.sent_ids(), ["s1"], "what never went cannot have come back");
    // A leak does not wait for a day.
    world.history.sent[0].done = true;
    world.absent("s1");
    assert_eq!(world.sent(), [("s1".to_owned(), "absent")]);
}

#[test]
fn what_a_machine_removes_is_removed_each_time_and_told_from_the_third_time_on() {
    let mut world = drift(9, 0, 1);
    let key = world.plan().changes().next().unwrap().natural_key.clone();
    let fights = |world: &World| world.plan().rows.iter().filter(|row| row.finding == Some(FindingKind::Fight)).count();
    for times in 1..=4 {
        world.history.sent.push(sent(&format!("old-{times}"), &key, Cause::Undeclared));
        assert_eq!((world.sent_ids().len(), fights(&world)), (1, usize::from(times >= 3)), "{times} times");
    }
    world.history.sent.truncate(3);
    world.history.sent[0].natural_key = "another".into();
    assert_eq!(fights(&world), 0);
}

#[test]
fn absent_names_every_entry_that_agrees_with_the_fields_that_it_has() {
    let mut world = accessowl();
    for (id, user, app, resource) in [
        ("s1", "anna", "GitHub", "prod"),
        ("s2", "anna", "Jira", "prod"),
        ("s3", "ben", "GitHub", "prod"),
        ("s4", "ben", "GitHub", "test"),
    ] {
        world.state(id, user, app, resource, &[]);
        world.access(user, app, resource, &[]);
    }
    let named = |world: &mut World, user: &str, app: &str, resource: &str| {
        world.access(user, app, resource, &[]);
        let wanted = world.policy.declarations.pop().unwrap();
        world.absent("x");
        let item = world.policy.absents.last_mut().unwrap();
        item.values = wanted.values;
        item.person = (!user.is_empty()).then_some(wanted.person).flatten();
        let sent = world.sent();
        world.policy.absents.clear();
        assert!(sent.iter().all(|(_, cause)| *cause == "absent"), "{sent:?}");
        sent.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(named(&mut world, "anna", "", ""), ["s1", "s2"]);
    assert_eq!(named(&mut world, "", "GitHub", ""), ["s1", "s3", "s4"]);
    assert_eq!(named(&mut world, "ben", "GitHub", "test"), ["s4"]);
    assert_eq!(named(&mut world, "", "", "prod"), [""; 0], "a resource stands for itself only in its application");
    // None of what makes a row doubtful or puts it off holds what must not exist.
    world.settings.keep_at_least = 4;
    world.settings.notice = jiff::SignedDuration::from_hours(20);
    world.snapshot.clock_skew = Some(jiff::SignedDuration::from_hours(2));
    world.snapshot.entries[0].facts = facts(|facts| {
        facts.lineage = vec!["u-anna".into()];
        facts.revokes_tokens = true;
    });
    assert_eq!(named(&mut world, "anna", "", ""), ["s1", "s2"]);
}
