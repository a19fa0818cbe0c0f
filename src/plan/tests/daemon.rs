//! What the daemon asks of a plan: the guard of a broken tree, what time will bring, and when rows came due.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::world::{World, accessowl, days_ago, now, object, person};
use crate::{
    access::{Cause, Fingerprint, Text, UndeclaredSince, Value},
    plan::{HoldName, Input, MAX_UPCOMING, Newest, OnlyExpired, Planned, Status, Upcoming, UpcomingKind, plan_target},
    policy::{Hold, OnExcess, Place, Policies},
};

fn only(ends: impl IntoIterator<Item = (String, Timestamp)>) -> Option<Arc<OnlyExpired>> {
    let ends = ends.into_iter().map(|(key, end)| ((Text::from("access_token"), Text::from(key)), end)).collect();
    let (why, as_before) = ("a.yaml is broken".into(), BTreeSet::from([0]));
    let (what, advice) = ("its files are broken", "mend them".into());
    Some(Arc::new(OnlyExpired { since: days_ago(2), what, why, advice, has_tree: true, ends, as_before, newest: None }))
}

fn hold(world: &World, id: &str, until: Timestamp, file: u32) -> Hold {
    let mut values = vec![crate::access::Value::Absent; world.kind().fields.len()];
    values[0] = crate::access::Value::Text(id.into());
    let place = Place { file, line: 9 };
    Hold { kind: world.kind(), values: values.into(), person: None, until, justification: "OPS-1".into(), place }
}

fn planned_at(world: &World, now: Timestamp, upcoming: bool) -> Planned {
    plan_target(&Input {
        description: world.description,
        settings: &world.settings,
        policy: &world.policy,
        people: &world.people,
        snapshot: &world.snapshot,
        history: &world.history,
        confirmation: &world.confirmation,
        stated: None,
        saved: None,
        now,
        from_file: None,
        observe: true,
        upcoming,
    })
}

fn upcoming(world: &World) -> Vec<Upcoming> {
    planned_at(world, now(), true).upcoming
}

fn in_days(days: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_hours(24 * days)).unwrap()
}

fn expires(world: &mut World, id: &str, at: Timestamp) {
    Arc::make_mut(&mut world.declare(id).limits).expires = Some(at);
}

/// What one generated entry is.
#[derive(Debug, Clone, Copy)]
struct Spec {
    declared: bool,
    absent: bool,
    expired: bool,
    too_old: bool,
    /// Whether the last good tree had the same end, another one, or none.
    before: u8,
    /// Whether something speaks for it: nothing, a hold of a changed file that is over, a hold or a later end in what loads now.
    spoken_for: u8,
}

fn spec() -> impl Strategy<Value = Spec> {
    (any::<bool>(), prop::bool::weighted(0.2), any::<bool>(), any::<bool>(), 0u8..3, 0u8..6).prop_map(
        |(declared, absent, expired, too_old, before, spoken_for)| Spec {
            declared,
            absent,
            expired,
            too_old,
            before,
            spoken_for,
        },
    )
}

proptest! {
    #[test]
    fn with_a_broken_tree_nothing_but_ends_of_the_last_good_one_is_ever_a_change(
        specs in prop::collection::vec(spec(), 0..30),
    ) {
        let mut world = World::of("s2");
        let mut now_says = World::of("s2");
        let mut ends = HashMap::new();
        for (number, spec) in specs.iter().enumerate() {
            let id = format!("service/{number:02}");
            world.live(&id).created_at = Some(days_ago(100));
            if spec.declared {
                let declaration = world.declare(&id);
                let key = declaration.key.to_string();
                let limits = Arc::make_mut(&mut declaration.limits);
                limits.expires = spec.expired.then(|| days_ago(1));
                limits.max_age = spec.too_old.then(|| SignedDuration::from_hours(24));
                match spec.before {
                    0 => drop(ends.insert(key.clone(), days_ago(1))),
                    1 => drop(ends.insert(key.clone(), days_ago(3))),
                    _ => {}
                }
            }
            match spec.spoken_for {
                1 => world.policy.holds.push(hold(&world, &id, days_ago(1), 7)),
                2 => now_says.policy.holds.push(hold(&world, &id, in_days(1), 0)),
                3 => expires(&mut now_says, &id, in_days(1)),
                4 => {
                    now_says.declare(&id);
                }
                // One that is over, in a file that is as it was, holds no longer.
                5 => world.policy.holds.push(hold(&world, &id, days_ago(1), 0)),
                _ => {}
            }
            if spec.absent {
                world.absent(&id);
            }
        }
        world.manage(0, "service/*").allow_empty = true;
        let free = world.sent_ids();
        let mut only = only(ends).unwrap();
        let policies = Policies { targets: [("t".into(), now_says.policy)].into(), ..Policies::default() };
        Arc::make_mut(&mut only).newest = Some(Newest { policies: Arc::new(policies), target: "t".into() });
        world.settings.only_expired = Some(only);
        let sent = world.sent();
        for (number, spec) in specs.iter().enumerate() {
            let id = format!("service/{number:02}");
            let meant = spec.declared && !spec.absent && spec.expired && spec.before == 0
                && matches!(spec.spoken_for, 0 | 5);
            let goes = sent.contains(&(id.clone(), Cause::Expired.name()));
            prop_assert_eq!(goes, meant && free.contains(&id), "{} {:?}", id, spec);
        }
        prop_assert!(sent.iter().all(|(id, cause)| free.contains(id) && *cause == "expired"));
    }

    #[test]
    fn what_is_announced_is_what_then_comes_due(ages in prop::collection::vec((0i64..50, 0i64..50, any::<bool>()), 1..20)) {
        let mut world = World::of("buildkite");
        for (number, (age, limit, used)) in ages.iter().enumerate() {
            let id = format!("t-{number:02}");
            let entry = world.live(&id);
            entry.created_at = Some(days_ago(*age));
            entry.last_used_at = used.then(|| days_ago(age / 2));
            let limits = Arc::make_mut(&mut world.declare(&id).limits);
            match number % 3 {
                0 => limits.max_age = Some(SignedDuration::from_hours(24 * limit)),
                1 => limits.max_idle = Some(SignedDuration::from_hours(24 * limit)),
                _ => limits.max_unused = Some(SignedDuration::from_hours(24 * limit)),
            }
        }
        let going = |at: Timestamp| -> Vec<(Text, Option<Cause>, Option<Timestamp>)> {
            let plan = planned_at(&world, at, false).plan;
            plan.changes().map(|row| (row.id.clone(), row.cause, row.due_at)).collect()
        };
        let announced = upcoming(&world);
        prop_assert!(announced.is_sorted_by_key(|one| one.at));
        let before = going(now());
        for one in &announced {
            prop_assert!(!before.iter().any(|(id, ..)| *id == one.id), "announced is what is not due yet");
            let UpcomingKind::Due(cause) = one.what else { panic!("only limits here: {one:?}") };
            let just_after = one.at.checked_add(SignedDuration::from_nanos(1)).unwrap();
            let row = (one.id.clone(), Some(cause), Some(one.at));
            prop_assert!(going(just_after).contains(&row), "{:?} of {:?}", row, going(just_after));
            if one.at > now() {
                let just_before = one.at.checked_sub(SignedDuration::from_nanos(1)).unwrap();
                prop_assert!(!going(just_before).iter().any(|(id, ..)| *id == one.id));
            }
        }
        let later = going(in_days(200));
        prop_assert!(later.iter().all(|(id, ..)| before.iter().chain(&later).any(|(known, ..)| known == id)));
        prop_assert_eq!(later.len(), before.len() + announced.len(), "all that will be due is announced");
    }
}

#[test]
fn a_row_of_a_broken_tree_says_since_when_and_why() {
    let mut world = World::of("s2");
    world.live("service/a");
    world.manage(0, "service/*").allow_empty = true;
    world.absent("service/a");
    world.settings.only_expired = only([]);
    assert_eq!(world.holds("service/a"), [HoldName::BadTree]);
    let plan = world.plan();
    let why = &plan.rows[0].holds[0].why;
    assert!(why.contains("a.yaml is broken") && why.contains(&days_ago(2).to_string()), "{why}");
}

#[test]
fn where_no_good_tree_is_known_nothing_is_said_of_the_entries() {
    let mut world = World::of("s2");
    for id in ["service/a", "service/b"] {
        world.live(id);
    }
    world.manage(0, "service/*").allow_empty = true;
    world.absent("service/a");
    expires(&mut world, "service/b", in_days(1));
    let mut only = only([]).unwrap();
    Arc::make_mut(&mut only).has_tree = false;
    world.settings.only_expired = Some(only);
    let Planned { plan, upcoming, .. } = planned_at(&world, now(), false);
    assert!(plan.rows.is_empty() && plan.refusals.is_empty() && upcoming.is_empty(), "{plan:?} {upcoming:?}");
    assert_eq!((plan.counts.live, plan.counts.held, plan.counts.managed), (2, 0, 0));
}

#[test]
fn the_earliest_are_kept_in_order_and_only_where_they_are_wanted() {
    let mut world = World::of("s2");
    for number in 0..(20 * MAX_UPCOMING) {
        let id = format!("service/{number:04}");
        world.live(&id);
        expires(&mut world, &id, in_days(i64::try_from((number * 7919) % 1009).unwrap() + 1));
    }
    let found = upcoming(&world);
    assert_eq!(found.len(), MAX_UPCOMING);
    assert!(found.is_sorted_by_key(|one| one.at));
    assert!(found.last().unwrap().at < in_days(60), "the earliest of all of them");
    assert!(planned_at(&world, now(), false).upcoming.is_empty());
}

#[test]
fn the_end_of_what_another_cause_names_already_is_announced_too() {
    let ends = |world: &World| -> Vec<(Text, UpcomingKind, Timestamp)> {
        upcoming(world).into_iter().map(|one| (one.id, one.what, one.at)).collect()
    };
    let due = UpcomingKind::Due(Cause::Expired);
    // More than declared, and held.
    let mut world = accessowl();
    world.state("s1", "anna", "GitHub", "prod", &["member", "owner"]);
    let declaration = world.access("anna", "GitHub", "prod", &["member"]);
    declaration.on_excess = OnExcess::Revoke;
    Arc::make_mut(&mut declaration.limits).expires = Some(in_days(3));
    assert_eq!(world.sent(), [("s1".to_owned(), "over_scoped")]);
    assert_eq!(ends(&world), [("s1".into(), due, in_days(3))]);
    // Two that share a declaration: whichever was meant, neither is left then.
    let mut world = World::of("buildkite");
    let anna = object("user", "u1", "anna@example.com", None);
    for id in ["t1", "t2"] {
        let values = vec![Value::Text(id.into()), Value::Object(anna.clone()), Value::Text("ci".into()), Value::Absent];
        world.entry(id, values).principal = Some(anna.clone());
    }
    let values = vec![Value::Absent, Value::Absent, Value::Text("ci".into()), Value::Absent];
    let declaration = world.declaration("user=anna description=ci", values, Some(person("anna", None)));
    Arc::make_mut(&mut declaration.limits).expires = Some(in_days(3));
    assert_eq!(ends(&world), [], "outside of every set they would be held then as well");
    world.manage(0, "all");
    assert_eq!(world.holds("t1"), [HoldName::Duplicate]);
    assert_eq!(ends(&world), [("t1".into(), due, in_days(3)), ("t2".into(), due, in_days(3))]);
    world.protect("t1");
    assert_eq!(ends(&world), [("t2".into(), due, in_days(3))]);
}

#[test]
fn notices_holds_and_freezes_that_alone_hold_a_row_are_announced_with_their_end() {
    let mut world = World::of("s2");
    world.settings.notice = SignedDuration::from_hours(20);
    for id in ["service/known", "service/new", "service/held", "root/x"] {
        world.live(id);
    }
    world.manage(0, "*").allow_empty = true;
    world.protect("root/*");
    let fingerprint = |id: &str| Fingerprint::of(world.snapshot.entries.iter().find(|entry| entry.id == id).unwrap());
    let known = UndeclaredSince { since: days_ago(0), fingerprint: fingerprint("service/known") };
    let since = known.since;
    world.history.undeclared.insert(("access_token".into(), "service/known".into()), known);
    let held = hold(&world, "service/held", in_days(9), 0);
    world.policy.holds.push(held);
    let told: Vec<(Text, UpcomingKind, Timestamp)> =
        upcoming(&world).into_iter().map(|one| (one.id, one.what, one.at)).collect();
    let notice = SignedDuration::from_hours(20);
    let ends = |since: Timestamp| since.checked_add(notice).unwrap();
    assert_eq!(
        told,
        [
            ("service/known".into(), UpcomingKind::NoticeEnds, ends(since)),
            ("service/new".into(), UpcomingKind::NoticeEnds, ends(now())),
            ("service/held".into(), UpcomingKind::HoldEnds, in_days(9)),
        ]
    );
    world.settings.frozen_until = Some(in_days(3));
    let told: Vec<UpcomingKind> = upcoming(&world).into_iter().map(|one| one.what).collect();
    assert_eq!(told, [UpcomingKind::FreezeEnds, UpcomingKind::FreezeEnds, UpcomingKind::HoldEnds]);
}

#[test]
fn a_row_tells_when_its_notice_ran_out() {
    let mut world = World::of("s2");
    world.settings.notice = SignedDuration::from_hours(20);
    world.live("service/a");
    world.live("service/b");
    world.declare("service/b");
    world.manage(0, "service/*").allow_empty = true;
    let since = UndeclaredSince { since: days_ago(1), fingerprint: Fingerprint::of(&world.snapshot.entries[0]) };
    world.history.undeclared.insert(("access_token".into(), "service/a".into()), since);
    let plan = world.plan();
    let row = plan.rows.iter().find(|row| row.status == Status::Change).unwrap();
    assert_eq!(row.due_at, days_ago(1).checked_add(SignedDuration::from_hours(20)).ok());
}
