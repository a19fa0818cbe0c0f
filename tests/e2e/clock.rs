//! On a wrong clock nothing that keeps an entry counts as over: no hold, no freeze window, no notice.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use portcullis::sandbox::{Fault, System, Trouble};

use crate::house::{House, holds, ids};

const DAY: i64 = 24 * 60 * 60;

/// The vendor's clock shows yesterday: ours is a day ahead of it.
fn a_day_ahead(house: &House) {
    house.sandbox.fault(Fault::new(System::S2, Trouble::ClockSkew { seconds: -DAY }));
}

#[test]
fn a_hold_that_is_over_by_a_clock_that_is_ahead_still_stands() {
    let hour_ago = Timestamp::now() - SignedDuration::from_hours(1);
    let policy = format!(
        "version: 1\ntarget: s2\nmanage: {{ access_tokens: {{ select: [{{ id: \"keep/*\" }}, {{ id: \"old/*\" }}] }} }}\naccess_tokens: [{{ id: keep/a }}]\nholds:\n  \
         access_tokens: [{{ id: old/b, until: \"{hour_ago:.0}\", justification: incident }}]\n"
    );
    let target = "    enforce: [access_tokens]\n    guards: { notice: 0h, max_share: 100%, keep_at_least: 0 }";
    let house = House::s2(&["keep/a", "old/b", "old/c"], target, &policy);
    a_day_ahead(&house);
    let plan = house.plan(&[]);
    assert_eq!(holds(&plan, "s2", "old/b"), ["hold", "clock"], "{plan}");
    assert_eq!(holds(&plan, "s2", "old/c"), ["clock"], "nothing undeclared goes: {plan}");
    house.apply(3);
    assert_eq!(house.writes(), 0);
    house.sandbox.clear_faults();
    house.apply(0);
    assert_eq!(house.removed_tokens(), ["old/b", "old/c"]);
}

#[test]
fn a_freeze_window_that_is_open_by_the_vendors_clock_holds() {
    let policy =
        "version: 1\ntarget: s2\naccess_tokens: [{ id: keep/a }]\nabsent: { access_tokens: [{ id: old/b }] }\n";
    let house = House::s2(&["keep/a", "old/b"], "    enforce: [access_tokens]", policy);
    // It opened yesterday, a while before this time of the day, and is over since.
    let opened = (Timestamp::now() - SignedDuration::from_hours(25)).to_zoned(TimeZone::UTC);
    let cron = format!("{} {} {} {} *", opened.minute(), opened.hour(), opened.day(), opened.month());
    house.edit(
        "portcullis.yaml",
        "targets:",
        &format!("freeze: [{{ cron: \"{cron}\", duration: 4h, time_zone: UTC }}]\ntargets:"),
    );
    assert_eq!(ids(&house.plan(&[]), "s2", "change"), ["old/b"]);
    a_day_ahead(&house);
    assert_eq!(holds(&house.plan(&[]), "s2", "old/b"), ["freeze"]);
    house.apply(0);
    assert_eq!(house.writes(), 0);
    house.sandbox.clear_faults();
    house.apply(0);
    assert_eq!(house.removed_tokens(), ["old/b"]);
}
