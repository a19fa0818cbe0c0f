//! What a vendor's data leaves in doubt holds rows.

use super::world::{World, accessowl, object};
use crate::{
    access::{Condition, Pattern, SelectField, Selector, Selectors, Value},
    plan::{FindingKind, HoldName},
    policy::OnExcess,
};

fn managed(mut world: World) -> World {
    world.policy.sets.clear();
    world.manage(0, "all");
    world
}

#[test]
fn whatever_keeps_a_narrower_access_keeps_the_wider_one() {
    let narrow_and_wide = || {
        let mut world = accessowl();
        world.state("wide", "anna", "GitHub", "", &[]);
        world.state("narrow", "anna", "GitHub", "prod", &[]);
        world.state("other", "ben", "Jira", "prod", &[]);
        world.access("ben", "Jira", "prod", &[]);
        world
    };
    let mut unmanaged = narrow_and_wide();
    unmanaged.manage(0, "wide").allow_empty = true;
    assert_eq!(unmanaged.holds("wide"), [HoldName::Implied]);
    let plan = unmanaged.plan();
    let why = &plan.rows.iter().find(|row| row.id == "wide").unwrap().holds[0].why;
    assert!(why.contains("[narrow]"), "{why}");
    let mut allowed = managed(narrow_and_wide());
    allowed.allow(0, "narrow");
    assert_eq!(allowed.holds("wide"), [HoldName::Implied]);
    // Held by its notice, which the wider one has behind it.
    let mut noticed = managed(narrow_and_wide());
    noticed.settings.notice = jiff::SignedDuration::from_hours(20);
    noticed.remember();
    for known in noticed.history.undeclared.values_mut() {
        known.since = super::world::days_ago(2);
    }
    assert_eq!(noticed.sent_ids(), ["narrow", "wide"]);
    noticed.history.undeclared.retain(|(_, id), _| id == "wide");
    assert_eq!((noticed.holds("narrow"), noticed.holds("wide")), (vec![HoldName::Notice], vec![HoldName::Implied]));
    assert!(noticed.sent_ids().is_empty());
    // Not in the saved plan.
    let mut saved = managed(narrow_and_wide());
    let mut plan = saved.plan();
    plan.rows.retain(|row| row.id != "narrow");
    saved.saved = Some(plan);
    assert_eq!((saved.holds("narrow"), saved.holds("wide")), (vec![HoldName::NotInPlan], vec![HoldName::Implied]));
    // What is leaving by itself, and what lies above, keeps nothing.
    let mut leaving = managed(narrow_and_wide());
    leaving.snapshot.entries[1].life = crate::access::Life::InFlight { since: None, what: "waits".into() };
    assert_eq!(leaving.sent_ids(), ["wide"]);
    let mut above = narrow_and_wide();
    above.manage(0, "narrow").allow_empty = true;
    assert_eq!(above.sent_ids(), ["narrow"]);
}

#[test]
fn a_permission_that_a_declaration_names_and_nothing_live_is_called_holds_what_is_more() {
    let mut world = accessowl();
    world.state("s1", "anna", "GitHub", "prod", &["contributor"]);
    world.state("s2", "ben", "GitHub", "test", &["member"]);
    world.state("s3", "cleo", "GitHub", "test", &["member", "owner"]);
    for (user, resource) in [("anna", "prod"), ("ben", "test"), ("cleo", "test")] {
        world.access(user, "GitHub", resource, &["member"]).on_excess = OnExcess::Revoke;
    }
    assert_eq!(world.holds("s1"), [HoldName::Unresolved], "what it is called elsewhere is another permission");
    assert_eq!(world.sent(), [("s3".to_owned(), "over_scoped")], "a name that stands for something says what is more");
    // A permission without a title is nothing that anybody could compare.
    world.snapshot.entries.remove(0);
    world.state("s1", "anna", "GitHub", "prod", &[]).values[4] =
        Value::objects([object("permission", "p-contributor", "", None)]);
    let plan = world.plan();
    let row = plan.rows.iter().find(|row| row.id == "s1").unwrap();
    assert_eq!(row.finding, Some(FindingKind::Differs));
    assert!(row.why.contains("nothing tells") && !row.why.contains("less"), "{}", row.why);
}

#[test]
fn a_permission_without_a_title_is_not_what_no_selector_keeps() {
    let permissions = 4;
    let mut world = accessowl();
    world.state("s1", "anna", "GitHub", "prod", &[]).values[permissions] =
        Value::objects([object("permission", "p-viewer", "", None)]);
    world.state("s2", "anna", "Jira", "prod", &["admin"]);
    world.state("s3", "ben", "Jira", "test", &[]);
    world.access("ben", "Jira", "test", &[]);
    let world = managed(world);
    assert_eq!(world.sent_ids(), ["s1", "s2"]);
    let viewers = |pattern: &str| {
        let mut selector = super::world::selector(pattern);
        selector.conditions[0].field = crate::access::SelectField::Field(permissions);
        selector
    };
    let mut excepted = managed(world);
    excepted.policy.sets[0].except = vec![viewers("viewer")];
    assert_eq!((excepted.holds("s1"), excepted.sent_ids()), (vec![HoldName::Unresolved], vec!["s2".to_owned()]));
    let mut protected = managed(excepted);
    let protects = crate::access::Selectors::Any(vec![viewers("viewer")]);
    protected.settings.protected.push((protected.kind(), protects));
    assert_eq!((protected.holds("s1"), protected.sent_ids()), (vec![HoldName::Unresolved], vec!["s2".to_owned()]));
}

#[test]
fn a_declaration_that_differs_only_in_form_holds_the_row_whatever_would_remove_it() {
    let mut world = World::of("s2");
    world.live("service/e\u{301}tat");
    world.live("service/b");
    world.declare("service/b");
    world.declare("Service/\u{c9}tat");
    let mut world = managed(world);
    assert_eq!(world.holds("service/e\u{301}tat"), [HoldName::MaybeRenamed]);
    // A looser item must not have it by its limits either.
    let limits = world.allow(0, "service/*");
    limits.limits.expires = Some(super::world::days_ago(1));
    assert_eq!(world.holds("service/e\u{301}tat"), [HoldName::MaybeRenamed]);
    // Only a declaration that matches nothing could have meant it.
    world.live("Service/\u{c9}tat");
    assert!(world.sent_ids().contains(&"service/e\u{301}tat".to_owned()));
}

#[test]
fn a_name_that_is_gone_is_not_the_former_one_of_what_is_named() {
    let kept = |kept: fn(&mut World)| {
        let mut world = accessowl();
        world.state("github", "anna", "GitHub", "prod", &[]);
        world.state("jira", "ben", "Jira", "test", &[]);
        world.state("declared", "cleo", "Jira", "prod", &[]);
        world.declare("declared");
        let mut world = managed(world);
        kept(&mut world);
        assert_eq!(world.sent_ids(), [""; 0], "either application may have been called so");
        world
    };
    let world = || kept(|world| world.policy.sets[0].except.push(by(&[(2, "Okta")])));
    let protected =
        || kept(|world| world.settings.protected.push((world.kind(), Selectors::Any(vec![by(&[(2, "Okta")])]))));
    let github = |more: (usize, &str)| by(&[(2, "GitHub"), more]);
    let nobody = || github((1, "zoe@example.com"));
    let ways: [&dyn Fn(&mut World); 6] = [
        &|world| {
            world.access("cleo", "GitHub", "prod", &[]);
        },
        &|world| world.manage(0, "none").select = Selectors::Any(vec![nobody()]),
        &|world| world.policy.sets[0].except.push(nobody()),
        &|world| world.allow(0, "none").select = Selectors::Any(vec![nobody()]),
        &|world| world.settings.protected.push((world.kind(), Selectors::Any(vec![github((3, "test"))]))),
        &|world| world.allow(0, "none").select = Selectors::Any(vec![by(&[(2, "a-GitHub"), (3, "test")])]),
    ];
    for (number, way) in ways.iter().enumerate() {
        let mut world = world();
        way(&mut world);
        world.policy.sets.iter_mut().for_each(|set| set.allow_empty = true);
        assert_eq!(world.sent_ids(), ["github"], "{number}");
        assert_eq!(world.holds("jira"), [HoldName::Unresolved], "{number}: nobody names Jira");
        // What a team writes frees nothing that the operator protects.
        let mut world = protected();
        way(&mut world);
        world.policy.sets.iter_mut().for_each(|set| set.allow_empty = true);
        let is_operators = number == 4;
        assert_eq!(world.sent_ids().contains(&"github".to_owned()), is_operators, "{number}");
    }
    // A glob names nothing, and the same name elsewhere is another thing.
    let mut elsewhere = world();
    elsewhere.allow(0, "none").select = Selectors::Any(vec![by(&[(2, "Git*"), (1, "zoe@example.com")])]);
    assert_eq!(elsewhere.holds("github"), [HoldName::Unresolved]);
    elsewhere.policy.sets[0].except = vec![by(&[(2, "GitHub"), (3, "production")])];
    elsewhere.access("cleo", "Jira", "prod", &[]);
    assert_eq!(elsewhere.holds("github"), [HoldName::Unresolved], "what Jira calls prod is not GitHub's");
    elsewhere.access("cleo", "GitHub", "prod", &[]);
    assert!(elsewhere.sent_ids().contains(&"github".to_owned()));
}

#[test]
fn what_is_protected_by_a_name_that_is_gone_is_not_freed_by_absent() {
    let world = |kept: Selector| {
        let mut world = accessowl();
        world.state("github", "anna", "GitHub", "prod", &[]);
        world.state("jira", "ben", "Jira", "test", &[]);
        world.settings.protected.push((world.kind(), Selectors::Any(vec![kept])));
        world
    };
    let okta = || by(&[(2, "Okta")]);
    let absent = |mut world: World, field: usize, text: &str| {
        world.absent("");
        let item = &mut world.policy.absents[0];
        item.values[0] = Value::Absent;
        item.values[field] = Value::Text(text.into());
        (world.sent_ids(), world.holds("github"))
    };
    let held = (vec![], vec![HoldName::Unresolved]);
    assert_eq!(absent(world(okta()), 0, "github"), held, "what a team writes frees nothing that is protected");
    assert_eq!(absent(world(okta()), 2, "GitHub"), held);
    // Who protects this very id protects it, wherever it lies now.
    assert_eq!(absent(world(by(&[(2, "Okta"), (0, "github")])), 0, "github"), (vec![], vec![HoldName::Unresolved]));
    // Another doubt than that of a gone name stands.
    assert_eq!(absent(world(by(&[(2, "GITHUB")])), 0, "github"), (vec![], vec![HoldName::Unresolved]));
}

/// A selector of literal names and globs by field.
fn by(conditions: &[(usize, &str)]) -> Selector {
    let condition = |&(field, text): &(usize, &str)| Condition {
        field: SelectField::Field(field),
        any_of: vec![Pattern::parse(text).unwrap()],
        ignore_case: field == 1,
    };
    Selector { conditions: conditions.iter().map(condition).collect() }
}

#[test]
fn a_selector_that_keeps_entries_keeps_what_it_could_mean_and_no_more() {
    let world = |kept: Selector| {
        let mut world = accessowl();
        world.state("github", "anna", "GitHub", "prod", &[]);
        world.state("jira", "ben", "Jira", "test", &["read"]);
        world.state("declared", "cleo", "Jira", "test", &[]);
        world.declare("declared");
        let mut world = managed(world);
        world.settings.protected.push((world.kind(), Selectors::Any(vec![kept])));
        world
    };
    for (kept, sent) in [
        // A resource by a name that it has not, in the one application; the same name elsewhere is another one.
        (by(&[(2, "GitHub"), (3, "production")]), vec!["jira"]),
        (by(&[(2, "Jira"), (3, "production")]), vec!["github"]),
        // Nobody looked for it where the application is not said.
        (by(&[(3, "production")]), vec!["github", "jira"]),
        (by(&[(2, "Confluence")]), vec![]),
        (by(&[(2, "Confluence*")]), vec!["github", "jira"]),
        (by(&[(2, "Confluence"), (1, "anna@example.com")]), vec!["jira"]),
        // People are told by their addresses: somebody who is not there is nobody else.
        (by(&[(1, "zoe@example.com")]), vec!["github", "jira"]),
        (by(&[(2, "GITHUB")]), vec![]),
        (by(&[(2, "a-GitHub")]), vec!["jira"]),
        (by(&[(4, "write")]), vec!["github", "jira"]),
        (by(&[(4, "Read")]), vec!["github"]),
    ] {
        let world = world(kept.clone());
        assert_eq!(world.sent_ids(), sent, "{kept:?}");
    }
    // What is not told may have any name.
    let mut untold = world(by(&[(4, "write")]));
    untold.snapshot.entries[1].values[4] = Value::objects([object("permission", "p-read", "", None)]);
    assert_eq!((untold.sent_ids(), untold.holds("jira")), (vec!["github".to_owned()], vec![HoldName::Unresolved]));
    // A due limit is held by what the operator says, an `except` is nothing to what is declared.
    let mut due = world(by(&[(2, "Confluence"), (1, "cleo@example.com")]));
    let limits = crate::policy::Limits { expires: Some(super::world::days_ago(2)), ..Default::default() };
    due.policy.declarations[0].limits = limits.into();
    assert_eq!(due.holds("declared"), [HoldName::Unresolved]);
    let kept = due.settings.protected.pop().unwrap();
    due.policy.sets[0].except = kept.1.each().to_vec();
    assert!(due.sent_ids().contains(&"declared".to_owned()));
    // It lies in the other file's set for certain, whatever the one leaves out.
    let mut two = world(by(&[(0, "none")]));
    two.policy.sets[0].except = vec![by(&[(2, "Confluence"), (1, "anna@example.com")])];
    assert_eq!(two.holds("github"), [HoldName::Unresolved]);
    two.manage(1, "github").allow_empty = true;
    assert_eq!(two.holds("github"), [HoldName::Unresolved; 0]);
}
