//! The report of an unattended run says what stands in the way, and how to go on: a job's log has nothing else.

use crate::house::House;

#[test]
fn what_a_guard_refused_is_told_with_its_figure_and_the_exact_way_on() {
    let policy = "version: 1\ntarget: s2\nmanage: { access_tokens: { select: [{ id: \"a/*\" }] } }\naccess_tokens:\n  \
                  - { id: a/1, justification: x }\n";
    let house =
        House::s2(&["a/1", "a/2", "a/3", "a/4"], "    enforce: [access_tokens]\n    guards: { notice: 0h }\n", policy);
    let run = house.apply(3);
    assert_eq!(house.writes(), 0);
    for told in [
        "refused by share",
        "the limit is 1 (25 %)",
        "way on: if all 3 are meant: --expect-revocations s2=3",
        "access token a/2",
    ] {
        assert!(run.out.contains(told), "{told}\n{}", run.out);
    }
    house.expect(0, &["apply", "--yes", "--expect-revocations", "s2=3"]);
    assert_eq!(house.removed_tokens(), ["a/2", "a/3", "a/4"], "and that way leads on");
}
