//! What a vendor's data leaves in doubt holds rows.

use super::world::{World, accessowl};
use crate::plan::HoldName;

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
