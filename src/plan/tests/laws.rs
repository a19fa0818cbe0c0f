//! Laws that hold for every world.

use proptest::prelude::*;

use super::world::{World, days_ago};
use crate::plan::{Status, TargetPlan};

/// What one generated entry is.
#[derive(Debug, Clone, Copy)]
struct Spec {
    set: u8,
    declared: bool,
    absent: bool,
    due: bool,
    protected: bool,
    allowed: bool,
}

fn spec() -> impl Strategy<Value = Spec> {
    (
        0u8..3,
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
        any::<bool>(),
    )
        .prop_map(|(set, declared, absent, due, protected, allowed)| Spec {
            set,
            declared,
            absent,
            due,
            protected,
            allowed,
        })
}

fn id(number: usize, spec: &Spec) -> String {
    let set = ["foreign", "service", "ci"][spec.set as usize];
    let allowed = if spec.allowed { "run-" } else { "" };
    let protected = if spec.protected { "root-" } else { "" };
    format!("{set}/{protected}{allowed}{number:03}")
}

fn world(specs: &[Spec]) -> World {
    let mut world = World::of("s2");
    for (number, spec) in specs.iter().enumerate() {
        let id = id(number, spec);
        world.live(&id);
        if spec.declared {
            let declaration = world.declare(&id);
            std::sync::Arc::make_mut(&mut declaration.limits).expires = spec.due.then(|| days_ago(1));
        }
        if spec.absent {
            world.absent(&id);
        }
    }
    world.manage(0, "service/*").allow_empty = true;
    world.manage(1, "ci/*").allow_empty = true;
    world.allow(1, "ci/run-*");
    world.protect("*root-*");
    world
}

fn touched(plan: &TargetPlan) -> Vec<String> {
    plan.rows.iter().filter(|row| row.status != Status::Finding).map(|row| row.id.to_string()).collect()
}

proptest! {
    #[test]
    fn nothing_outside_sets_absent_items_and_due_limits_is_ever_a_row(specs in prop::collection::vec(spec(), 0..40)) {
        let plan = world(&specs).plan();
        let touched = touched(&plan);
        for (number, spec) in specs.iter().enumerate() {
            let rows = plan.rows.iter().filter(|row| row.status != Status::Finding);
            prop_assert!(rows.clone().all(|row| row.removal().is_some()), "what goes or is held has an entry and a cause");
            let reachable = spec.absent || (spec.declared && spec.due) || (spec.set > 0 && !spec.declared);
            prop_assert!(reachable || !touched.contains(&id(number, spec)), "{spec:?}");
            let goes = plan.changes().any(|row| row.id == id(number, spec));
            prop_assert!(!(goes && spec.protected), "a protected entry never goes: {spec:?}");
            let allowed = spec.set == 2 && spec.allowed && !spec.absent && !spec.declared;
            prop_assert!(!(goes && allowed), "an allowed entry does not go: {spec:?}");
        }
    }

    #[test]
    fn carrying_a_plan_out_leaves_an_empty_plan(specs in prop::collection::vec(spec(), 0..40)) {
        let mut world = world(&specs);
        // A kind whose declarations all match nothing is refused, and that is another law.
        world.live("anchor");
        world.declare("anchor");
        let gone = world.sent_ids();
        world.snapshot.entries.retain(|entry| !gone.contains(&entry.id.to_string()));
        prop_assert!(world.sent().is_empty());
    }

    #[test]
    fn the_order_of_entries_declarations_and_sets_does_not_matter(
        specs in prop::collection::vec(spec(), 0..30),
        seed in any::<u64>(),
    ) {
        let straight = world(&specs);
        let mut shuffled = world(&specs);
        let mut random = fastrand::Rng::with_seed(seed);
        random.shuffle(&mut shuffled.snapshot.entries);
        random.shuffle(&mut shuffled.policy.declarations);
        random.shuffle(&mut shuffled.policy.absents);
        let (a, b) = (straight.plan(), shuffled.plan());
        prop_assert_eq!(serde_json::to_string(&a).unwrap(), serde_json::to_string(&b).unwrap());
    }

    #[test]
    fn foreign_entries_change_nothing_about_the_others(specs in prop::collection::vec(spec(), 0..30), foreign in 0usize..20) {
        let before = world(&specs).plan();
        let mut with = world(&specs);
        for number in 0..foreign {
            with.live(&format!("somebody-else/{number}"));
        }
        let after = with.plan();
        prop_assert_eq!(touched(&before), touched(&after));
        prop_assert!(touched(&after).iter().all(|id| !id.starts_with("somebody-else")));
    }

    #[test]
    fn one_more_guard_never_sends_more(specs in prop::collection::vec(spec(), 1..40), share in 1u32..100, count in 0u32..20) {
        let wide = world(&specs);
        let mut narrow = world(&specs);
        narrow.settings.max_share_percent = share;
        narrow.settings.max_count = count;
        narrow.settings.keep_at_least = 1;
        let (wide, narrow) = (wide.sent_ids(), narrow.sent_ids());
        prop_assert!(narrow.iter().all(|id| wide.contains(id)));
        prop_assert!(narrow.len() <= count as usize);
    }
}

#[test]
fn an_all_managing_file_leaves_no_entry_unspoken() {
    let mut world = World::of("s2");
    world.live("x");
    world.manage(0, "all");
    assert_eq!(world.plan().counts.unmanaged, 0);
}
