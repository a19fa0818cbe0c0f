//! The exit code is the first that holds, in the order 1, 4, 3, 2, 0; only what was asked for counts.

use portcullis::sandbox::{Fault, System, Trouble};

use crate::{
    house::{House, holds, ids, issue},
    service::{AT_ONCE, appears, declaring, house, kept, refused_by},
};

/// Adds a token that may revoke tokens: nothing tells whether it is the one in use.
fn issue_manager(house: &House, id: &str) {
    let body = serde_json::json!({
        "id": id, "scope": { "access_tokens": { "prefix": "" }, "ops": ["revoke-access-token"] },
    });
    house.sandbox.world(|world| world.s2.issue(serde_json::from_value(body).unwrap()));
}

fn refuse_removals(house: &House, status: u16) {
    house.sandbox.fault(Fault::new(System::S2, Trouble::Status { status, after_effect: false }).on_writes());
}

#[test]
fn in_sync_is_0_whatever_is_asked() {
    let house = house(4, 0, AT_ONCE);
    house.expect(0, &["plan"]);
    house.expect(0, &["plan", "--detailed-exitcode", "--check-guards", "--strict"]);
    house.apply(0);
}

#[test]
fn a_change_is_2_only_where_details_are_asked_for_and_0_once_it_is_done() {
    let house = house(7, 1, AT_ONCE);
    house.expect(0, &["plan"]);
    house.expect(0, &["plan", "--check-guards"]);
    house.expect(2, &["plan", "--detailed-exitcode"]);
    house.expect(2, &["plan", "--detailed-exitcode", "--check-guards"]);
    house.apply(0);
    house.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_guard_is_3_where_guards_are_asked_for_and_of_apply_always() {
    let house = house(4, 4, AT_ONCE);
    house.expect(0, &["plan"]);
    house.expect(2, &["plan", "--detailed-exitcode"]);
    house.expect(3, &["plan", "--check-guards"]);
    house.expect(3, &["plan", "--detailed-exitcode", "--check-guards"]);
    house.apply(3);
    assert_eq!(house.writes(), 0);
}

#[test]
fn what_cannot_be_carried_out_counts_only_where_strict_is_asked_for() {
    let house = house(4, 0, AT_ONCE);
    house.write("policies/s2.yaml", &declaring(&kept(5)));
    let plan = house.plan(&[]);
    assert_eq!(ids(&plan, "s2", "finding").len(), 1, "one declaration is missing");
    house.expect(0, &["plan", "--detailed-exitcode"]);
    house.expect(2, &["plan", "--detailed-exitcode", "--strict"]);
    house.expect(1, &["plan", "--strict"]);
    house.apply(0);
}

#[test]
fn a_removal_that_fails_is_4_and_comes_before_a_guard() {
    let house = house(8, 4, AT_ONCE);
    let absent =
        format!("{}absent:\n  access_tokens: [{{ id: ci/leaked, justification: SEC-1 }}]\n", declaring(&kept(8)));
    house.write("policies/s2.yaml", &absent);
    appears(&house, "ci/leaked");
    let plan = house.plan(&[]);
    assert_eq!(ids(&plan, "s2", "change"), ["ci/leaked"]);
    assert_eq!(refused_by(&plan, "s2"), ["share", "share"], "of the kind and of the file");
    house.expect(3, &["plan", "--check-guards"]);
    refuse_removals(&house, 403);
    house.apply(4);
    assert_eq!(house.removed_tokens(), [""; 0]);
}

#[test]
fn too_long_in_flight_is_4_where_something_is_sent_and_never_out_of_sync() {
    let house = House::company();
    house.apply(0);
    let target = ["--target", "accessowl-northlight"];
    let plan = |code, more: &[&str]| house.expect(code, &[&["plan"], more, &target].concat());
    let apply = |code| house.expect(code, &[&["apply", "--yes"][..], &target].concat());
    apply(0);
    let before = house.writes();
    house.sandbox.world(|world| {
        for revocation in &mut world.accessowl.revocations {
            revocation.inserted_at -= jiff::SignedDuration::from_hours(8 * 24);
        }
    });
    let run = apply(4);
    assert_eq!(run.out.matches("in flight for too long: access ").count(), 2, "it says why\n{}", run.out);
    plan(0, &["--detailed-exitcode", "--check-guards"]);
    house.edit("portcullis.yaml", "account: northlight\n", "account: northlight\n    max_in_flight: 9d\n");
    apply(0);
    assert_eq!(house.writes(), before, "it is told, not sent again");
}

#[test]
fn an_error_comes_before_everything_and_stops_no_other_target() {
    let house = House::company();
    house.sandbox.fault(Fault::new(System::Pinata, Trouble::Html).on_reads());
    refuse_removals(&house, 403);
    house.expect(1, &["plan"]);
    house.expect(1, &["plan", "--detailed-exitcode", "--check-guards"]);
    house.apply(1);
    assert!(!house.removed(System::Buildkite, "api_token").is_empty(), "the others went on");
    assert_eq!(house.removed(System::Pinata, "api_key"), [""; 0]);
}

#[test]
fn what_is_meant_to_hold_is_no_refusal() {
    // Observe: nothing is enforced, though far too many would go.
    let observed = house(4, 4, "");
    observed.expect(0, &["plan", "--check-guards"]);
    observed.apply(0);

    // Notice.
    let noticed = house(7, 1, "    enforce: [access_tokens]");
    assert_eq!(holds(&noticed.plan(&[]), "s2", "service/stray-00"), ["notice"]);
    noticed.expect(0, &["plan", "--check-guards"]);
    noticed.apply(0);

    // A standing own and a standing protected entry that an `absent:` item names.
    let standing =
        house(7, 0, &format!("{AT_ONCE}\n    protected: {{ access_tokens: [{{ id: \"service/keep-00\" }}] }}"));
    let absent = "absent:\n  access_tokens:\n    - { id: service/keep-00, justification: SEC-1 }\n    - { id: \
                  portcullis/reconciler, justification: SEC-2 }\n";
    standing.write("policies/s2.yaml", &format!("{}{absent}", declaring(&kept(7))));
    let plan = standing.plan(&[]);
    assert_eq!(holds(&plan, "s2", "service/keep-00"), ["protected"]);
    assert_eq!(holds(&plan, "s2", "portcullis/reconciler"), ["own"]);
    standing.expect(0, &["plan", "--check-guards"]);
    standing.expect(2, &["plan", "--check-guards", "--detailed-exitcode"]);
    standing.apply(0);

    for house in [observed, noticed, standing] {
        assert_eq!(house.writes(), 0);
    }
}

#[test]
fn a_stop_file_is_no_refusal_and_nothing_is_sent() {
    let house = house(7, 1, AT_ONCE);
    house.edit("portcullis.yaml", "targets:\n", "stop_file: STOP\ntargets:\n");
    house.write("STOP", "");
    house.expect(0, &["plan", "--check-guards"]);
    house.apply(0);
    assert_eq!(house.writes(), 0);
}

#[test]
fn an_ambiguous_row_counts_only_where_its_kind_is_enforced() {
    let house = house(7, 0, "");
    issue_manager(&house, "service/manager");
    assert!(holds(&house.plan(&[]), "s2", "service/manager").contains(&"token_manager".to_owned()));
    house.expect(0, &["plan", "--check-guards"]);
    house.apply(0);

    house.s2_target(AT_ONCE);
    house.expect(3, &["plan", "--check-guards"]);
    house.apply(3);
    assert_eq!(house.writes(), 0);
}

#[test]
fn observing_since_the_own_credential_is_not_known_counts() {
    let house = house(7, 1, AT_ONCE);
    house.edit("portcullis.yaml", "    own: { access_tokens: [{ id: portcullis/reconciler }] }\n", "");
    let plan = house.plan(&[]);
    assert_eq!(holds(&plan, "s2", "service/stray-00"), ["observe"]);
    assert_eq!(refused_by(&plan, "s2"), ["own_unknown"]);
    house.expect(3, &["plan", "--check-guards"]);
    house.apply(3);
    assert_eq!(house.writes(), 0);
}

#[test]
fn rows_newer_than_the_saved_plan_are_no_refusal() {
    let house = house(16, 1, AT_ONCE);
    house.expect(0, &["plan", "--out", "plan.json"]);
    house.sandbox.world(|world| issue(world, "service/newer"));
    let run = house.expect(0, &["apply", "plan.json", "--reviewed-by", "anna", "--new-journal"]);
    assert_eq!(house.removed_tokens(), ["service/stray-00"]);
    assert!(run.all().contains("service/newer"), "it is reported\n{}", run.all());
}

#[test]
fn an_emptied_set_and_a_wrong_number_are_refusals() {
    let house = house(0, 1, AT_ONCE);
    house.write(
        "policies/s2.yaml",
        "version: 1\ntarget: s2\nmanage:\n  access_tokens: { select: [{ id: \"service/*\" }] }\n",
    );
    assert_eq!(refused_by(&house.plan(&[]), "s2"), ["allow_empty"]);
    house.expect(3, &["plan", "--check-guards"]);
    house.apply(3);
    assert_eq!(house.writes(), 0);

    house.edit("policies/s2.yaml", "\"service/*\" }]", "\"service/*\" }], allow_empty: true");
    house.expect(3, &["plan", "--check-guards", "--expect-revocations", "s2=2"]);
    house.expect(3, &["apply", "--yes", "--expect-revocations", "s2=2"]);
    assert_eq!(house.writes(), 0);
    house.apply(0);
    assert_eq!(house.removed_tokens(), ["service/stray-00"]);
}

#[test]
fn a_wrong_command_line_is_an_error_and_never_out_of_sync() {
    let house = house(1, 0, "");
    for wrong in
        [&["plan", "--nonsense"][..], &["nonsense"], &["apply", "--reviewed-by", "anna"], &["plan", "--target", "s3"]]
    {
        house.expect(1, wrong);
    }
    // Nobody can be asked here.
    let run = house.expect(1, &["apply", "--new-journal"]);
    assert!(run.err.contains("--yes"), "{}", run.err);
    assert_eq!(house.writes(), 0);
}
