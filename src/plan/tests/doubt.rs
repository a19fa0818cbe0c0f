//! What a vendor's data leaves in doubt holds rows.

use super::world::{World, accessowl, object};
use crate::{
    access::Value,
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
