//! A freeze window holds every row while it is open, and none when it is not.

use crate::house::{House, holds};

#[test]
fn where_a_window_is_set_nothing_is_sent_and_the_plan_says_why() {
    let policy = "version: 1\ntarget: s2\naccess_tokens:\n  - { id: keep/a, justification: x }\nabsent:\n  access_tokens:\n    \
                  - { id: old/b, justification: x }\n";
    let target = "    enforce: [access_tokens]\n";
    let house = House::s2(&["keep/a", "old/b"], target, policy);
    // Every minute begins a window of two hours: one is open at any time.
    let window = "freeze: [{ cron: \"* * * * *\", duration: 2h, time_zone: Europe/Zurich }]\n";
    house.edit("portcullis.yaml", "targets:", &format!("{window}targets:"));
    assert_eq!(holds(&house.plan(&[]), "s2", "old/b"), ["freeze"], "a window of all targets");
    house.apply(0);
    assert_eq!(house.writes(), 0);
    house.s2_target(&format!("{target}    {window}"));
    assert_eq!(holds(&house.plan(&[]), "s2", "old/b"), ["freeze"], "a window of this target");
    // The 30th of February never comes.
    house.s2_target(&format!("{target}    {}", window.replace("* * * * *", "0 0 30 2 *")));
    house.apply(0);
    assert_eq!(house.removed_tokens(), ["old/b"], "outside of its window it goes");
}
