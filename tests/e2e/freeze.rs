//! While a freeze window is open nothing is sent, whichever of the two places names it.

use crate::house::{House, holds};

#[test]
fn while_a_window_is_open_nothing_is_sent_and_the_plan_says_why() {
    let policy = "version: 1\ntarget: s2\naccess_tokens:\n  - { id: keep/a, justification: x }\nabsent:\n  access_tokens:\n    \
                  - { id: old/b, justification: x }\n";
    let target = "    enforce: [access_tokens]\n";
    let house = House::s2(&["keep/a", "old/b"], target, policy);
    let window = "freeze: [{ cron: \"* * * * *\", duration: 1h, time_zone: UTC }]\n";
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
