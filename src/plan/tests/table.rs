//! One table decides what may be removed.

use jiff::SignedDuration;

use super::world::{World, accessowl, days_ago, now, selector};
use crate::{
    access::{Life, OpenIntent, Value},
    plan::{FindingKind, Row, Status},
    policy::OnExcess,
};

fn s2() -> World {
    World::of("s2")
}

#[test]
fn only_undeclared_entries_of_a_managed_set_go() {
    let mut world = s2();
    for id in ["service/a", "service/b", "other/x"] {
        world.live(id);
    }
    world.declare("service/a");
    world.manage(0, "service/*");
    assert_eq!(world.sent(), [("service/b".to_owned(), "undeclared")]);
    assert_eq!(world.plan().counts.unmanaged, 1, "the plan tells how many nothing speaks of");
}

#[test]
fn a_declaration_in_another_file_and_outside_every_set_keeps_its_entry() {
    let mut world = s2();
    world.live("service/a");
    world.live("service/b");
    world.manage(1, "service/*");
    world.declare("service/a");
    assert_eq!(world.sent_ids(), ["service/b"]);
}

#[test]
fn except_narrows_its_own_set_only() {
    let mut world = s2();
    for id in ["service/a", "service/legacy-1"] {
        world.live(id);
    }
    world.declare("service/a");
    world.manage(0, "service/*").except.push(selector("service/legacy-*"));
    assert!(world.sent().is_empty());
    world.manage(1, "service/legacy-*").allow_empty = true;
    assert_eq!(world.sent_ids(), ["service/legacy-1"]);
}

#[test]
fn allow_speaks_for_its_own_files_sets_and_holds_against_every_file() {
    let mut world = s2();
    for id in ["ci/1", "service/a"] {
        world.live(id);
    }
    world.declare("service/a");
    world.manage(0, "*");
    world.allow(1, "ci/*");
    assert_eq!(world.sent_ids(), ["ci/1"], "its own file manages nothing");
    world.manage(1, "ci/*");
    assert!(world.sent().is_empty());
}

#[test]
fn what_must_expire_soon_and_does_not_is_not_allowed() {
    let mut world = s2();
    world.live("ci/soon").expires_at = Some(now() + SignedDuration::from_hours(2));
    world.live("ci/late").expires_at = Some(now() + SignedDuration::from_hours(200));
    world.live("ci/never");
    world.manage(0, "ci/*");
    world.allow(0, "ci/*").must_expire_within = Some(SignedDuration::from_hours(48));
    assert_eq!(world.sent_ids(), ["ci/late", "ci/never"]);
    let why: Vec<String> = world.plan().changes().map(|row| row.why.clone()).collect();
    let told =
        |how: &str| format!("not declared; `allow` at a.yaml:5 selects it, but {how} and must_expire_within is 2d");
    assert_eq!(why, [told("it expires only on 2026-11-29T20:00:00Z"), told("it never expires")]);
    world.snapshot.clock_skew = Some(SignedDuration::from_mins(6));
    assert!(world.sent().is_empty(), "with a clock that is off none fails it");
}

#[test]
fn absent_beats_declaration_and_allow() {
    let mut world = s2();
    world.live("service/a");
    world.live("service/b");
    world.declare("service/a");
    world.declare("service/b");
    world.absent("service/a");
    assert_eq!(world.sent(), [("service/a".to_owned(), "absent")]);
    let plan = world.plan();
    let row = plan.changes().next().unwrap();
    assert!(row.reason.contains("SEC-9"), "{}", row.reason);
}

#[test]
fn a_due_limit_acts_and_the_loosest_of_several_declarations_wins() {
    let mut world = s2();
    world.live("service/a");
    world.live("service/b");
    std::sync::Arc::make_mut(&mut world.declare("service/a").limits).expires = Some(days_ago(1));
    world.declare("service/b");
    assert_eq!(world.sent(), [("service/a".to_owned(), "expired")]);
    world.declare("service/a");
    assert!(world.sent().is_empty(), "one declaration has no limit at all");
}

#[test]
fn idle_and_never_used_are_two_things() {
    let mut world = World::of("buildkite");
    world.live("t1").last_used_at = Some(days_ago(9));
    world.live("t2");
    for id in ["t1", "t2"] {
        std::sync::Arc::make_mut(&mut world.declare(id).limits).max_idle = Some(SignedDuration::from_hours(24 * 5));
    }
    assert_eq!(world.sent(), [("t1".to_owned(), "idle")]);
    std::sync::Arc::make_mut(&mut world.policy.declarations[1].limits).max_unused =
        Some(SignedDuration::from_hours(24 * 5));
    assert_eq!(world.sent(), [("t1".to_owned(), "idle"), ("t2".to_owned(), "unused")]);
    std::sync::Arc::make_mut(&mut world.policy.declarations[1].limits).max_age =
        Some(SignedDuration::from_hours(24 * 5));
    assert_eq!(world.sent()[1].1, "too_old");
}

#[test]
fn more_than_declared_goes_only_where_the_declaration_says_so() {
    let mut world = accessowl();
    world.state("s1", "anna", "GitHub", "prod", &["admin", "read"]);
    world.access("anna", "GitHub", "prod", &["read"]);
    let plan = world.plan();
    assert_eq!(plan.rows[0].finding, Some(FindingKind::OverScoped));
    assert!(!plan.in_sync());
    world.policy.declarations[0].on_excess = OnExcess::Revoke;
    assert_eq!(world.sent(), [("s1".to_owned(), "over_scoped")]);
}

#[test]
fn what_several_declarations_cover_together_is_no_excess_and_the_rest_goes_only_where_all_say_so() {
    let scopes = |words: &[&str]| Value::set(words.iter().map(|word| (*word).into()));
    for turned in [false, true] {
        let mut world = World::of("buildkite");
        let field = world.kind().field_index("scopes").unwrap();
        world.live("t1").values[field] = scopes(&["read_builds", "read_agents"]);
        for (key, words, on_excess) in
            [("one", ["read_builds"], OnExcess::Revoke), ("two", ["read_agents"], OnExcess::Report)]
        {
            let declaration = world.declare("t1");
            (declaration.key, declaration.on_excess) = (key.into(), on_excess);
            declaration.values[field] = scopes(&words);
        }
        if turned {
            world.policy.declarations.reverse();
        }
        assert_eq!(world.plan().rows, [], "all of it is declared");
        // One more is covered by nobody; only one of the two says to revoke for it.
        world.snapshot.entries[0].values[field] = scopes(&["read_builds", "read_agents", "write_builds"]);
        let plan = world.plan();
        assert_eq!(plan.rows[0].finding, Some(FindingKind::OverScoped), "{turned}");
        assert!(plan.rows[0].why.ends_with("holds more than declared: scopes: write_builds"), "{}", plan.rows[0].why);
        world.policy.declarations.iter_mut().for_each(|one| one.on_excess = OnExcess::Revoke);
        assert_eq!(world.sent(), [("t1".to_owned(), "over_scoped")]);
        // A declaration that leaves the field out takes any.
        world.policy.declarations[0].values[field] = Value::Absent;
        assert_eq!(world.plan().rows, []);
    }
}

#[test]
fn an_unknown_scope_is_never_excess_and_a_content_field_left_out_is_not_compared() {
    let mut world = World::of("buildkite");
    let scopes = world.kind().field_index("scopes").unwrap();
    world.live("t1").values[scopes] = Value::set(["read_builds".into(), "teleport".into()]);
    let declaration = world.declare("t1");
    declaration.on_excess = OnExcess::Revoke;
    assert!(world.sent().is_empty());
    world.policy.declarations[0].values[scopes] = Value::set(["read_builds".into()]);
    assert!(world.sent().is_empty() && world.plan().in_sync());
    world.policy.declarations[0].values[scopes] = Value::set([]);
    assert_eq!(world.sent(), [("t1".to_owned(), "over_scoped")]);
}

#[test]
fn less_than_declared_differs_and_missing_is_told_both_in_sync() {
    let mut world = accessowl();
    world.state("s1", "anna", "GitHub", "prod", &["read"]);
    world.access("anna", "GitHub", "prod", &["read", "write"]);
    world.access("ben", "GitHub", "prod", &[]);
    let plan = world.plan();
    let findings: Vec<_> = plan.rows.iter().filter_map(|row| row.finding).collect();
    assert_eq!(findings, [FindingKind::Missing, FindingKind::Differs]);
    assert!(plan.in_sync());
}

#[test]
fn states_that_together_meet_a_declaration_are_no_duplicates_and_no_difference() {
    let mut world = accessowl();
    world.state("s1", "anna", "GitHub", "prod", &["read"]);
    world.state("s2", "anna", "GitHub", "prod", &["write"]);
    world.access("anna", "GitHub", "prod", &["read", "write"]);
    world.manage(0, "all").allow_empty = true;
    let plan = world.plan();
    assert!(plan.rows.is_empty(), "{:?}", plan.rows);
}

#[test]
fn the_dead_are_shown_and_left_alone_and_the_leaving_are_in_flight() {
    let mut world = s2();
    world.live("service/dead").life = Life::Dead("expired".into());
    world.live("service/leaving").life = Life::InFlight { since: None, what: "waits".into() };
    world.live("service/a");
    world.declare("service/a");
    world.manage(0, "service/*");
    let plan = world.plan();
    let findings: Vec<_> = plan.rows.iter().map(|row| (row.status, row.finding)).collect();
    assert_eq!(findings, [(Status::Finding, Some(FindingKind::Dead)), (Status::Finding, Some(FindingKind::InFlight))]);
    assert!(plan.in_sync());
    assert_eq!((plan.counts.live, plan.counts.dead), (2, 1));
}

#[test]
fn a_leaver_holds_nothing_declared_and_nothing_allowed() {
    let mut world = accessowl();
    let left = super::world::person("anna", Some(days_ago(1)));
    world.people.insert("anna".into(), left);
    world.state("s1", "anna", "GitHub", "prod", &[]);
    world.state("s2", "anna", "Jira", "prod", &[]);
    world.state("s3", "ben", "Jira", "prod", &[]);
    world.access("anna", "GitHub", "prod", &[]);
    world.manage(0, "all");
    world.allow(0, "all");
    assert_eq!(world.sent(), [("s1".to_owned(), "expired"), ("s2".to_owned(), "undeclared")]);
}

#[test]
fn the_only_resource_without_a_title_may_be_left_out() {
    let mut world = accessowl();
    world.snapshot.directory.add(super::world::object("application", "a-Solo", "Solo", None));
    world.snapshot.directory.add(super::world::object("resource", "r-Solo-only", "", Some("a-Solo")));
    world.state("s1", "anna", "Solo", "only", &[]);
    world.access("anna", "Solo", "", &[]);
    assert!(world.plan().rows.is_empty(), "{:?}", world.plan().rows);
}

#[test]
fn what_lies_outside_every_selector_is_reached_only_by_its_exact_name() {
    let mut world = s2();
    world.live("service/a").facts = super::world::facts(|facts| facts.outside = Some("system".into()));
    world.live("service/b");
    world.declare("service/b");
    world.manage(0, "service/*");
    assert!(world.sent().is_empty());
    world.absent("service/a");
    assert_eq!(world.sent_ids(), ["service/a"]);
}

#[test]
fn what_is_in_flight_for_too_long_is_told_as_a_failure_whoever_knows_of_it() {
    let mut world = s2();
    let leaving = |days| Life::InFlight { since: Some(days_ago(days)), what: "waits".into() };
    world.live("service/a").life = leaving(6);
    world.live("service/b").life = leaving(8);
    world.declare("service/a");
    world.declare("service/b");
    let plan = world.plan();
    let overdue: Vec<_> = plan.rows.iter().filter(|row| row.overdue).map(|row| row.id.as_str()).collect();
    assert_eq!(overdue, ["service/b"]);
    assert!(plan.in_sync(), "being in flight is not being out of sync");
}

#[test]
fn what_is_in_flight_since_nobody_knows_when_is_told_no_later_than_too_late() {
    let mut world = s2();
    for (id, age) in [("service/young", 6), ("service/old", 8), ("service/ours", 8)] {
        let entry = world.live(id);
        entry.life = Life::InFlight { since: None, what: "waits".into() };
        entry.created_at = Some(days_ago(age));
        world.declare(id);
    }
    // The journal knows since when, where it was ours.
    world.history.open.push(OpenIntent {
        intent: "i1".into(),
        kind: "access_token".into(),
        id: "service/ours".into(),
        since: days_ago(1),
        in_flight: true,
    });
    let plan = world.plan();
    let overdue: Vec<_> = plan.rows.iter().filter(|row| row.overdue).map(|row| row.id.as_str()).collect();
    assert_eq!(overdue, ["service/old"]);
}

#[test]
fn of_several_allow_items_the_loosest_limit_holds() {
    let mut world = s2();
    world.live("ci/1");
    world.live("service/a");
    world.declare("service/a");
    world.manage(0, "*");
    world.manage(1, "ci/*");
    world.allow(0, "ci/*").limits.expires = Some(days_ago(2));
    assert_eq!(world.sent(), [("ci/1".to_owned(), "expired")]);
    world.allow(1, "*").limits.expires = Some(days_ago(1));
    let why = world.plan().changes().next().unwrap().why.clone();
    assert!(why.contains("2026-11-20"), "the later end: {why}");
    world.policy.allows[1].limits.expires = Some(now() + SignedDuration::from_hours(1));
    assert!(world.sent().is_empty());
    world.policy.allows[1].limits.expires = None;
    assert!(world.sent().is_empty(), "no limit is the loosest");
    world.policy.allows[1].select = super::world::select("other/*");
    assert_eq!(world.sent_ids(), ["ci/1"], "an item of other entries loosens nothing");
}

#[test]
fn on_a_wrong_clock_a_leaver_has_not_left() {
    let mut world = accessowl();
    world.people.insert("anna".into(), super::world::person("anna", Some(days_ago(1))));
    world.state("s1", "anna", "GitHub", "prod", &[]);
    world.state("s2", "anna", "Jira", "prod", &[]);
    world.state("s3", "anna", "Jira", "test", &[]);
    world.state("s4", "ben", "Jira", "prod", &[]);
    world.access("anna", "GitHub", "prod", &[]);
    world.manage(0, "all");
    let jira = crate::access::Condition {
        field: crate::access::SelectField::Field(3),
        any_of: vec![crate::access::Pattern::literal("prod")],
        ignore_case: false,
    };
    world.allow(0, "all").select =
        crate::access::Selectors::Any(vec![crate::access::Selector { conditions: vec![jira] }]);
    assert_eq!(world.sent_ids(), ["s1", "s2", "s3"]);
    world.snapshot.clock_skew = Some(SignedDuration::from_mins(6));
    assert_eq!(world.holds("s1"), [crate::plan::HoldName::Clock], "what is declared for them is not over");
    let plan = world.plan();
    assert!(plan.rows.iter().all(|row| row.id != "s2"), "what is allowed stays allowed: {:?}", plan.rows);
    assert_eq!(world.holds("s3"), [crate::plan::HoldName::Clock], "nothing undeclared goes");
}

#[test]
fn a_declared_entry_that_is_dead_is_told_as_dead_with_its_declaration() {
    let mut world = s2();
    for (id, days) in [("service/gone", 9), ("service/other", 9)] {
        let entry = world.live(id);
        entry.life = Life::Dead("past its own expiry".into());
        entry.created_at = Some(days_ago(days));
    }
    world.live("service/a");
    world.declare("service/a");
    world.declare("service/gone");
    let plan = world.plan();
    let [row] = plan.rows.as_slice() else { panic!("one row: {:?}", plan.rows) };
    assert_eq!((row.finding, row.id.as_str()), (Some(FindingKind::Dead), "service/gone"));
    assert_eq!(row.origin.as_ref().map(|origin| (origin.file.as_str(), origin.line)), Some(("a.yaml", 11)));
    assert!(row.why.contains("past its own expiry"), "{}", row.why);
    assert!(row.is_unfulfilled() && plan.in_sync(), "`--strict` counts it");
    assert_eq!((plan.counts.live, plan.counts.dead), (1, 2));
    world.manage(0, "*");
    let plan = world.plan();
    let quiet: Vec<_> = plan.rows.iter().map(|row| (row.id.as_str(), row.is_quiet())).collect();
    assert_eq!(quiet, [("service/gone", false), ("service/other", true)], "each once");
    std::sync::Arc::make_mut(&mut world.policy.declarations[1].limits).expires = Some(days_ago(1));
    assert!(world.plan().rows.iter().all(Row::is_quiet), "what is over is not declared any more");
}

#[test]
fn of_many_that_came_and_went_only_the_last_is_told_for_its_declaration() {
    let mut world = accessowl();
    for number in 0..50 {
        let entry = world.state(&format!("s{number:02}"), "anna", "GitHub", "prod", &[]);
        entry.life = Life::Dead("ended".into());
        entry.created_at = Some(days_ago(100 - number));
    }
    world.access("anna", "GitHub", "prod", &[]);
    let plan = world.plan();
    assert_eq!(plan.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["s49"]);
    assert_eq!(plan.counts.dead, 50);
    world.state("live", "anna", "GitHub", "prod", &[]);
    assert!(world.plan().rows.is_empty(), "it was granted anew");
}
