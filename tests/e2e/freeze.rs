//! A freeze window is never ignored: as long as its times are not judged, it holds at all times.

use crate::house::{House, holds};

#[test]
fn where_a_window_is_set_nothing_is_sent_and_the_plan_says_why() {
    let policy = "version: 1\ntarget: s2\naccess_tokens:\n  - { id: keep/a, justification: x }\nabsent:\n  access_tokens:\n    \
                  - { id: old/b, justification: x }\n";
    let target = "    enforce: [access_tokens]\n";
    let house = House::s2(&["keep/a", "old/b"], target, policy);
    let window = "freeze: [{ cron: \"0 18 * * FRI\", duration: 62h, time_zone: UTC }]\n";
    house.edit("portcullis.yaml", "targets:", &format!("{window}targets:"));
    assert_eq!(holds(&house.plan(&[]), "s2", "old/b"), ["freeze"], "a window of all targets");
    house.apply(0);
    assert_eq!(house.writes(), 0);
    house.s2_target(&format!("{target}    {window}"));
    assert_eq!(holds(&house.plan(&[]), "s2", "old/b"), ["freeze"], "a window of this target");
    house.s2_target(target);
    house.apply(0);
    assert_eq!(house.removed_tokens(), ["old/b"], "without a window it goes");
}
