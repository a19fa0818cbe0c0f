//! Guards hold single rows or refuse whole groups, each with figure, limit and the way on.

use jiff::SignedDuration;

use super::world::{World, days_ago, facts, now, select};
use crate::{
    access::{Cause, Controls, Expectation, Group, SentRow, Value},
    plan::{Confirmation, Guard, HoldName, OrderRefused, Status, Total, limit_total},
    policy::{Hold, Place},
};

/// `undeclared` entries nobody declared besides `declared` ones, all managed.
fn drift(declared: usize, undeclared: usize) -> World {
    let mut world = World::of("s2");
    for number in 0..declared {
        world.live(&format!("service/kept-{number:03}"));
        world.declare(&format!("service/kept-{number:03}"));
    }
    for number in 0..undeclared {
        world.live(&format!("service/drift-{number:03}"));
    }
    world.manage(0, "all");
    world
}

#[test]
fn a_kind_changes_nothing_until_it_is_enforced() {
    let mut world = drift(3, 1);
    world.settings.enforce.clear();
    assert_eq!(world.holds("service/drift-000"), [HoldName::Observe]);
    let mut world = drift(3, 1);
    world.settings.stopped = Some("stop file".into());
    assert_eq!(world.holds("service/drift-000"), [HoldName::Observe]);
}

#[test]
fn an_unknown_own_credential_keeps_its_kind_in_observe() {
    let mut world = drift(3, 1);
    world.settings.own_unlisted.clear();
    assert_eq!(world.holds("service/drift-000"), [HoldName::Observe]);
    assert_eq!(world.refusals(), ["own_unknown"]);
    world.settings.own.push((world.kind(), select("service/kept-000")));
    assert_eq!(world.sent_ids(), ["service/drift-000"]);
    world.settings.own.push((world.kind(), select("ci/apply")));
    assert_eq!(world.refusals(), ["own_unknown"], "a listed own entry has to be seen live");
}

#[test]
fn notice_runs_from_the_first_record_and_a_person_need_not_wait() {
    let mut world = drift(3, 1);
    world.settings.notice = SignedDuration::from_hours(20);
    assert_eq!(world.holds("service/drift-000"), [HoldName::Notice]);
    world.remember();
    world.history.undeclared.values_mut().for_each(|known| known.since = now() - SignedDuration::from_hours(19));
    assert_eq!(world.holds("service/drift-000"), [HoldName::Notice]);
    world.history.undeclared.values_mut().for_each(|known| known.since = now() - SignedDuration::from_hours(20));
    assert_eq!(world.sent_ids(), ["service/drift-000"]);
    world.snapshot.clock_skew = Some(SignedDuration::from_mins(-6));
    assert_eq!(world.holds("service/drift-000"), [HoldName::Clock], "no notice runs out on a wrong clock");
    world.history.undeclared.clear();
    world.confirmation = Confirmation::Person(None);
    assert_eq!(world.holds("service/drift-000"), [HoldName::Clock], "nor does anything undeclared go at all");
    world.snapshot.clock_skew = None;
    assert_eq!(world.sent_ids(), ["service/drift-000"]);
    world.confirmation = Confirmation::Unattended;
    world.history.persistent = false;
    assert_eq!(world.holds("service/drift-000"), [HoldName::Notice], "it cannot be measured without a journal");
}

#[test]
fn a_wrong_clock_stops_time_based_causes_only() {
    let mut world = drift(3, 0);
    std::sync::Arc::make_mut(&mut world.policy.declarations[0].limits).expires = Some(days_ago(1));
    world.absent("service/kept-001");
    world.snapshot.clock_skew = Some(SignedDuration::from_mins(6));
    assert_eq!(world.sent(), [("service/kept-001".to_owned(), "absent")]);
    assert_eq!(world.holds("service/kept-000"), [HoldName::Clock]);
}

#[test]
fn on_a_wrong_clock_no_hold_is_over_and_nothing_undeclared_goes() {
    for skew in [SignedDuration::from_hours(48), SignedDuration::from_hours(-48)] {
        let mut world = drift(3, 1);
        world.policy.holds.push(Hold {
            kind: world.kind(),
            values: world.policy.declarations[0].values.clone(),
            person: None,
            until: days_ago(1),
            justification: "incident".into(),
            place: Place { file: 0, line: 9 },
        });
        let limits = std::sync::Arc::make_mut(&mut world.policy.declarations[0].limits);
        limits.expires = Some(days_ago(2));
        assert_eq!(world.sent_ids(), ["service/drift-000", "service/kept-000"]);
        world.snapshot.clock_skew = Some(skew);
        assert_eq!(world.sent_ids(), [""; 0]);
        assert_eq!(world.holds("service/kept-000"), [HoldName::Hold, HoldName::Clock]);
        assert_eq!(world.holds("service/drift-000"), [HoldName::Clock]);
        // Nor does what was no longer declared, which waits for no notice.
        world.snapshot.clock_skew = None;
        world.remember();
        world.policy.declarations.remove(1);
        assert!(world.sent_ids().contains(&"service/kept-001".to_owned()));
        world.snapshot.clock_skew = Some(skew);
        assert_eq!(world.holds("service/kept-001"), [HoldName::Clock]);
    }
}

#[test]
fn whoever_holds_an_entry_cannot_start_its_notice_anew_by_changing_it() {
    for (system, held) in [("buildkite", false), ("s2", true)] {
        let mut world = World::of(system);
        world.live("a");
        world.live("b");
        world.declare("a");
        world.manage(0, "all");
        world.settings.notice = SignedDuration::from_hours(20);
        world.remember();
        world.history.undeclared.values_mut().for_each(|known| known.since = now() - SignedDuration::from_hours(20));
        assert_eq!(world.sent_ids(), ["b"]);
        let last = world.snapshot.entries[1].values.len() - 1;
        world.snapshot.entries[1].values[last] = Value::Bool(true);
        let seen = world.planned(true).observation.undeclared.len();
        // At S2 another token may have taken the id over.
        assert_eq!((world.sent_ids().is_empty(), seen), (held, usize::from(held)), "{system}");
    }
}

#[test]
fn the_floor_keeps_all_of_a_kinds_rows_and_does_not_count_own_or_protected() {
    let mut world = drift(0, 2);
    world.policy.sets[0].allow_empty = true;
    world.settings.keep_at_least = 1;
    world.live("root/1");
    world.protect("root/*");
    assert_eq!(world.holds("service/drift-000"), [HoldName::Floor]);
    assert_eq!(world.holds("service/drift-001"), [HoldName::Floor]);
    world.absent("service/drift-000");
    assert_eq!(world.sent_ids(), ["service/drift-000"], "absent rows pass the floor");
}

#[test]
fn the_floor_holds_per_group_too() {
    let mut world = drift(3, 2);
    world.settings.keep_at_least = 1;
    for entry in &mut world.snapshot.entries {
        if entry.id.contains("drift") {
            entry.facts = facts(|facts| facts.floor_groups = vec!["gateway g1".into()]);
        }
    }
    assert_eq!(world.holds("service/drift-000"), [HoldName::Floor]);
}

#[test]
fn the_last_control_of_a_gateway_stays_unless_the_operator_may_open_it() {
    let mut world = drift(1, 2);
    world.snapshot.controls.push(Controls { id: "g1".into(), names: vec!["acme".into()], others: 0 });
    for entry in &mut world.snapshot.entries {
        if entry.id.contains("drift") {
            entry.facts = facts(|facts| facts.control = Some("g1".into()));
        }
    }
    assert_eq!(world.holds("service/drift-000"), [HoldName::Widening]);
    assert_eq!(world.holds("service/drift-001"), [HoldName::Widening], "judged on the end state");
    world.snapshot.controls[0].others = 1;
    assert_eq!(world.sent().len(), 2);
    world.snapshot.controls[0].others = 0;
    world.absent("service/drift-000");
    assert_eq!(world.sent_ids(), ["service/drift-000"], "alone it would not open it");
    assert_eq!(world.holds("service/drift-001"), [HoldName::Widening]);
    world.absent("service/drift-001");
    assert!(world.sent().is_empty(), "the absent rows alone would open it");
    world.settings.may_open.push("acme".into());
    assert_eq!(world.sent().len(), 2);
}

#[test]
fn share_refuses_the_whole_group_and_the_exact_number_lifts_it() {
    let mut world = drift(30, 11);
    world.settings.max_share_percent = 25;
    assert!(world.sent().is_empty());
    let plan = world.plan();
    let refusal = &plan.refusals[0];
    assert_eq!((refusal.guard.name(), refusal.figure.as_str()), ("share", "11 of 41 entries"));
    assert_eq!(refusal.limit, "10 (25 %)");
    assert!(refusal.way_on.contains("--expect-revocations t=11"), "{}", refusal.way_on);
    world.stated = Some(10);
    assert_eq!((world.sent().len(), world.refusals()), (0, vec!["stated_number"]));
    world.stated = Some(11);
    assert_eq!(world.sent().len(), 11);
    world.stated = None;
    world.history.expectation = Some(Expectation { number: 11, until: now() + SignedDuration::from_hours(1) });
    assert_eq!(world.sent().len(), 11);
    world.history.expectation = Some(Expectation { number: 11, until: now() });
    assert!(world.sent().is_empty(), "an announcement that has run out lifts nothing");
    assert_eq!(world.plan().refusals[0].figure, "11 of 41 entries", "nor is it spoken of");
    world.history.expectation = Some(Expectation { number: 10, until: now() + SignedDuration::from_hours(1) });
    assert!(world.sent().is_empty());
    assert_eq!(world.plan().refusals[0].figure, "11 of 41 entries; 10 announced, 11 would be sent");
}

#[test]
fn share_is_rounded_down_but_at_least_one_and_measured_against_the_largest_number_of_the_day() {
    let mut world = drift(2, 1);
    world.settings.max_share_percent = 25;
    assert_eq!(world.sent().len(), 1);
    let mut world = drift(6, 2);
    world.settings.max_share_percent = 25;
    assert_eq!(world.sent().len(), 2);
    world.snapshot.entries.remove(0);
    assert!(world.sent().is_empty(), "a quarter of seven is one");
    let scopes =
        [crate::access::BaseScope::Kind("access_token".into()), crate::access::BaseScope::File("a.yaml".into())];
    world.history.bases = scopes.map(|scope| crate::access::Base { scope, number: 8 }).into();
    assert_eq!(world.sent().len(), 2);
}

fn sent(id: &str, cause: Cause, weight: u32) -> SentRow {
    SentRow {
        at: days_ago(0),
        kind: "access_token".into(),
        id: id.into(),
        natural_key: id.into(),
        weight,
        cause,
        files: vec!["a.yaml".into()],
        done: true,
    }
}

#[test]
fn ceilings_roll_over_24_hours() {
    let mut world = drift(7, 1);
    world.settings.max_share_percent = 25;
    world.history.sent = vec![sent("x", Cause::Undeclared, 1), sent("y", Cause::Undeclared, 1)];
    assert_eq!(world.refusals(), ["share", "share"], "per file and per kind");
    world.settings.max_share_percent = 100;
    world.settings.max_count = 2;
    assert_eq!(world.refusals(), ["count"]);
}

#[test]
fn groups_are_let_in_whole_in_order_and_by_weight() {
    let mut world = drift(5, 2);
    world.absent("service/kept-000");
    world.settings.max_count = 2;
    assert_eq!(world.sent_ids(), ["service/kept-000"]);
    let plan = world.plan();
    assert!(
        plan.rows.iter().filter(|row| row.group() == Some(Group::Undeclared)).all(|row| row.status == Status::Held)
    );
    world.settings.max_count = 3;
    assert_eq!(world.sent().len(), 3);
    world.snapshot.entries.last_mut().unwrap().facts = facts(|facts| facts.weight = 2);
    assert_eq!(world.sent().len(), 1, "a row that stands for two people counts twice");
}

#[test]
fn past_the_total_due_and_undeclared_rows_of_every_target_are_refused() {
    let mut first = drift(9, 1);
    first.absent("service/kept-000");
    let mut plans = [first.plan(), drift(9, 2).plan()];
    limit_total(&mut plans, Total { max: 4, sent: 0, lifted: false, announced_only: false });
    assert_eq!(plans.iter().map(|plan| plan.counts.changes).collect::<Vec<_>>(), [2, 2]);
    limit_total(&mut plans, Total { max: 4, sent: 1, lifted: true, announced_only: false });
    assert_eq!(plans[1].counts.changes, 2);
    limit_total(&mut plans, Total { max: 4, sent: 1, lifted: false, announced_only: false });
    assert_eq!(plans.iter().map(|plan| plan.counts.changes).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(plans[1].refusals[0].guard, Guard::CountTotal);
    assert!(plans[1].refusals[0].way_on.ends_with("--expect-revocations t=2"), "{}", plans[1].refusals[0].way_on);
}

#[test]
fn where_there_is_no_command_line_the_way_on_is_to_announce_the_number() {
    let mut world = drift(9, 3);
    world.settings.announced_only = true;
    let mut plans = [world.plan()];
    limit_total(&mut plans, Total { max: 2, sent: 0, lifted: false, announced_only: true });
    assert!(plans[0].refusals[0].way_on.ends_with("portcullis expect t 3 --until 2h"), "{:?}", plans[0].refusals);
    world.settings.max_count = 2;
    let refused = world.plan().refusals;
    assert_eq!(refused[0].way_on, "if all 3 are meant: portcullis expect t 3 --until 2h");
    assert_eq!(refused[0].figure, "3 people reached");
    let mut world = drift(9, 1);
    world.settings.max_count = 0;
    let refused = world.plan().refusals;
    assert_eq!(refused[0].way_on, "if this one is meant: --expect-revocations t=1");
    assert_eq!(refused[0].figure, "1 person reached");
}

#[test]
fn no_overlap_means_a_wrong_account_or_a_wrong_file() {
    let mut world = drift(0, 3);
    world.declare("elsewhere/a");
    assert!(world.sent().is_empty());
    assert!(world.refusals().contains(&"no_overlap"));
}

#[test]
fn an_empty_set_has_to_be_meant() {
    let mut world = drift(0, 3);
    assert_eq!(world.refusals(), ["allow_empty"], "nothing speaks of it");
    world.policy.sets[0].allow_empty = true;
    assert_eq!(world.sent().len(), 3);
    let mut world = drift(3, 2);
    world.manage(1, "service/drift-*");
    assert_eq!(world.refusals(), ["allow_empty"], "the second set would be left empty");
    assert!(world.sent().is_empty());
}

#[test]
fn a_saved_plan_is_the_upper_bound() {
    let mut world = drift(9, 2);
    let saved = world.plan();
    world.live("service/drift-new");
    world.saved = Some(saved.clone());
    assert_eq!(world.sent().len(), 2);
    assert_eq!(world.holds("service/drift-new"), [HoldName::NotInPlan]);
    world.snapshot.entries[9].expires_at = Some(now());
    assert_eq!(world.sent().len(), 1, "another fingerprint is another row");
    world.policy.digest = "other".into();
    assert_eq!((world.sent().len(), world.refusals()), (0, vec!["policy_digest"]));
}

#[test]
fn what_a_plan_holds_by_notice_is_within_its_bound() {
    let mut world = drift(9, 1);
    world.settings.notice = SignedDuration::from_hours(20);
    world.saved = Some(world.plan());
    world.confirmation = Confirmation::Person(Some("anna".into()));
    assert_eq!(world.sent().len(), 1);
}

#[test]
fn what_came_back_three_times_is_told_loudly() {
    let mut world = drift(9, 1);
    let key = world.plan().changes().next().unwrap().natural_key.clone();
    let again = |_| SentRow { natural_key: key.clone(), ..sent("old", Cause::Undeclared, 1) };
    world.history.sent = (0..3).map(again).collect();
    let plan = world.plan();
    assert!(plan.rows.iter().any(|row| row.finding == Some(crate::plan::FindingKind::Fight)), "{:?}", plan.rows);
}

#[test]
fn an_order_passes_everything_but_own_protected_and_widening() {
    let mut world = drift(1, 1);
    world.settings.enforce.clear();
    world.settings.max_count = 0;
    let order = |world: &World, id: &str| {
        let policy = &world.policy;
        crate::plan::order_one(
            &crate::plan::Input {
                description: world.description,
                settings: &world.settings,
                policy,
                people: &world.people,
                snapshot: &world.snapshot,
                history: &world.history,
                confirmation: &world.confirmation,
                stated: None,
                saved: None,
                now: now(),
                from_file: None,
                observe: false,
                upcoming: false,
            },
            None,
            id,
            "leaked in a log",
        )
    };
    let planned = order(&world, "service/kept-000").unwrap();
    assert_eq!(planned.plan.changes().next().unwrap().reason, "ordered: leaked in a log");
    assert!(matches!(order(&world, "nobody"), Err(OrderRefused::NotFound(_))));
    world.protect("service/*");
    assert!(matches!(order(&world, "service/kept-000"), Err(OrderRefused::Held { name: "protected", .. })));
}

#[test]
fn what_is_leaving_does_not_count_as_remaining() {
    let mut world = drift(0, 2);
    world.live("elsewhere/a");
    world.declare("elsewhere/a");
    world.policy.sets.clear();
    world.manage(0, "service/*");
    world.allow(0, "nothing/*");
    world.snapshot.entries[0].life = crate::access::Life::InFlight { since: None, what: "waits".into() };
    assert_eq!(world.refusals(), ["allow_empty"], "one leaves, the other would be the last");
    world.policy.sets[0].allow_empty = true;
    assert_eq!(world.sent_ids(), ["service/drift-001"]);
}

#[test]
fn on_a_wrong_clock_no_notice_begins_and_nobody_has_left() {
    let mut world = drift(3, 1);
    world.snapshot.clock_skew = Some(SignedDuration::from_hours(24 * 365));
    let seen = world.planned(true).observation;
    assert!(seen.undeclared.is_empty() && seen.bases.is_empty());
    world.snapshot.clock_skew = None;
    assert_eq!(world.planned(true).observation.undeclared.len(), 1);
}

#[test]
fn one_look_with_a_wrong_clock_does_not_begin_a_notice_anew() {
    let mut world = drift(3, 1);
    world.settings.notice = SignedDuration::from_hours(20);
    world.allow(0, "service/drift-*").must_expire_within = Some(SignedDuration::from_hours(1));
    world.remember();
    world.history.undeclared.values_mut().for_each(|known| known.since = now() - SignedDuration::from_hours(20));
    assert_eq!(world.sent_ids(), ["service/drift-000"]);
    // Nobody knows then whether it lives too long.
    world.snapshot.clock_skew = Some(SignedDuration::from_mins(10));
    assert_eq!(world.plan().counts.allowed, 1);
    world.remember();
    world.snapshot.clock_skew = None;
    assert_eq!(world.sent_ids(), ["service/drift-000"], "it has had its notice");
}

#[test]
fn a_confirmed_removal_counts_even_if_the_same_id_is_back() {
    let mut world = drift(9, 1);
    world.settings.max_count = 1;
    world.history.sent = vec![sent("service/drift-000", Cause::Undeclared, 1)];
    assert_eq!(world.refusals(), ["count"]);
    world.history.sent[0].done = false;
    assert_eq!(world.sent().len(), 1, "an unknown one is the same removal");
}

#[test]
fn an_open_freeze_window_holds_everything() {
    let mut world = drift(3, 1);
    world.absent("service/kept-000");
    world.settings.frozen_until = Some(now() + SignedDuration::from_hours(1));
    assert_eq!(world.holds("service/kept-000"), [HoldName::Freeze]);
    assert_eq!(world.holds("service/drift-000"), [HoldName::Freeze]);
}

#[test]
fn a_group_that_another_ones_floor_holds_does_not_go() {
    let mut world = drift(3, 4);
    world.settings.keep_at_least = 1;
    // All of g1 would go; g2 would keep one, and so does not hold what g1 does not.
    for (number, entry) in world.snapshot.entries.iter_mut().skip(3).enumerate() {
        let groups = if number < 2 { vec!["g1".into(), "g2".into()] } else { vec!["g2".into()] };
        entry.facts = facts(|facts| facts.floor_groups = groups);
    }
    assert_eq!(world.holds("service/drift-000"), [HoldName::Floor]);
    assert_eq!(world.sent_ids(), ["service/drift-002", "service/drift-003"]);
}

#[test]
fn very_many_groups_sets_and_listed_entries_are_no_square() {
    const MANY: usize = 20_000;
    let mut world = drift(0, MANY);
    world.settings.keep_at_least = 1;
    world.settings.max_count = u32::MAX;
    world.policy.sets.clear();
    for number in 0..MANY {
        world.manage(0, &world.snapshot.entries[number].id.clone());
        world.declare(&format!("elsewhere/{number}"));
        world.settings.protected.push((world.kind(), select(&format!("root/{number}"))));
        let group = format!("group {}", number / 2).into();
        world.snapshot.entries[number].facts = facts(|facts| facts.floor_groups = vec![group]);
    }
    let own = (0..MANY).map(|number| super::world::selector(&world.snapshot.entries[number].id)).skip(MANY - 1);
    world.settings.own.push((world.kind(), crate::access::Selectors::Any(own.collect())));
    world.settings.own_unlisted.clear();
    let held = |plan: &crate::plan::TargetPlan, name| plan.rows.iter().filter(|row| row.holds[0].name == name).count();
    let findings = |plan: &mut crate::plan::TargetPlan| plan.rows.retain(|row| row.status == Status::Held);
    let mut plan = world.plan();
    findings(&mut plan);
    assert_eq!(held(&plan, HoldName::Floor), MANY - 1, "{:?}", plan.refusals);
    world.settings.keep_at_least = 0;
    assert_eq!(world.refusals(), ["no_overlap"]);
    world.declare(&world.snapshot.entries[0].id.clone());
    let mut plan = world.plan();
    findings(&mut plan);
    assert_eq!(held(&plan, HoldName::Ceiling), MANY - 2, "no set is spoken of but the first");
    assert_eq!(plan.refusals.len(), MANY - 2);
}
