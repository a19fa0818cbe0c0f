//! Nothing in AccessOwl's record of a revocation names the access that it means. Of accesses that look the same each is asked
//! for once all the same, whichever request or answer is lost, and nobody claims to have asked for what was not.

use std::collections::BTreeMap;

use portcullis::sandbox::{
    Deed, Fault, Mutation, System, Trouble,
    accessowl::{AccessState, Provisioning, Status},
};
use serde_json::json;

use crate::{
    house::{House, holds, ids, rows},
    vendors::{ANNA, ANNA_ALONE, BEN, ELSE, access, accessowl, unlinked, unnamed},
};

fn member(id: &str, user: &str) -> AccessState {
    access(id, user, Some("res-code"), &["perm-member"])
}

/// Anna's access, which is declared, and two equal ones that are not, of which the second has been there for longer.
fn twins(of: fn(&str) -> AccessState, provisioning: Provisioning) -> House {
    let older = AccessState { effective_start: "2025-06-01T00:00:00Z".parse().unwrap(), ..of(ELSE) };
    let house = accessowl(vec![member(ANNA, "u-anna"), of(BEN), older], ANNA_ALONE);
    house.sandbox.world(|world| world.accessowl.applications[0].provisioning_type = provisioning);
    house.edit("portcullis.yaml", "    settle: 1s", "    settle: 1s\n    include: [unlinked]");
    house
}

/// How often each access was asked for.
fn asked(house: &House) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for changed in house.sandbox.record().changes() {
        if changed.effect.action == Deed::Requested {
            *asked.entry(changed.effect.id).or_default() += 1;
        }
    }
    asked
}

fn each(ids: &[&str], times: usize) -> BTreeMap<String, usize> {
    ids.iter().map(|id| ((*id).to_owned(), times)).collect()
}

fn run(house: &House) -> i32 {
    house.run(&["apply", "--yes", "--new-journal"]).code
}

/// Whatever is lost of either request, both go, each asked for once.
fn one_is_lost(of: fn(&str) -> AccessState, provisioning: Provisioning) {
    for trouble in [Trouble::DropBefore, Trouble::DropAfter] {
        for skip in [0, 1] {
            let house = twins(of, provisioning);
            house.sandbox.world(|world| world.accessowl.settings.end_lag_looks = 2);
            let fault = Fault::new(System::AccessOwl, trouble.clone()).on_writes().times(1);
            house.sandbox.fault(Fault { skip, ..fault });
            for _ in 0..4 {
                run(&house);
                house.sandbox.mutate(System::AccessOwl, &Mutation::Approve { id: None }).unwrap();
            }
            let case = format!("{trouble:?} after {skip}");
            assert_eq!(asked(&house), each(&[BEN, ELSE], 1), "{case}");
            assert_eq!(house.removed(System::AccessOwl, "access"), [BEN, ELSE], "{case}");
            let before = house.writes();
            house.apply(0);
            assert_eq!(house.writes(), before, "{case}: nothing is left");
        }
    }
}

#[test]
fn of_one_persons_equal_accesses_each_is_asked_for_once_where_accessowl_does_it() {
    one_is_lost(|id| member(id, "u-ben"), Provisioning::Automatic);
}

#[test]
fn of_one_persons_equal_accesses_each_is_asked_for_once_where_people_do_it() {
    one_is_lost(|id| member(id, "u-ben"), Provisioning::ApplicationAdmin);
}

#[test]
fn of_equal_accounts_without_a_person_each_is_asked_for_once_where_accessowl_does_it() {
    one_is_lost(unlinked, Provisioning::Automatic);
}

#[test]
fn of_equal_accounts_without_a_person_each_is_asked_for_once_where_people_do_it() {
    one_is_lost(unlinked, Provisioning::ApplicationAdmin);
}

#[test]
fn an_account_whose_answer_is_lost_is_not_asked_for_again_for_an_equal_one_that_stays() {
    let house = twins(unlinked, Provisioning::ApplicationAdmin);
    house.edit("policies/t.yaml", "access: all", &format!("access: {{ select: all, except: [{{ id: {ELSE} }}] }}"));
    house.sandbox.fault(Fault::new(System::AccessOwl, Trouble::DropAfter).on_writes().times(1));
    for _ in 0..3 {
        run(&house);
    }
    assert_eq!(asked(&house), each(&[BEN], 1));
    house.sandbox.mutate(System::AccessOwl, &Mutation::Approve { id: None }).unwrap();
    house.apply(0);
    assert_eq!(house.removed(System::AccessOwl, "access"), [BEN]);
}

#[test]
fn equal_accounts_without_a_person_are_asked_for_in_one_run_and_again_when_a_policy_changes() {
    for concurrency in [1, 4] {
        let house = twins(unlinked, Provisioning::ApplicationAdmin);
        house.edit("portcullis.yaml", "concurrency: 4", &format!("concurrency: {concurrency}"));
        house.apply(0);
        assert_eq!(asked(&house), each(&[BEN, ELSE], 1), "{concurrency} at once");
        house.sandbox.mutate(System::AccessOwl, &Mutation::Reject { id: None }).unwrap();
        house.apply(4);
        let plan = house.plan(&[]);
        assert_eq!(ids(&plan, "t", "held"), [BEN, ELSE], "{plan}");
        house.apply(3);
        assert_eq!(asked(&house), each(&[BEN, ELSE], 1), "not by itself");
        house.edit("policies/t.yaml", "access: all", "access: { select: all, except: [{ id: none }] }");
        house.apply(0);
        assert_eq!(asked(&house), each(&[BEN, ELSE], 2), "what holds them says that this helps");
    }
}

#[test]
fn an_account_is_asked_for_once_where_the_rejection_may_be_another_ones() {
    let rejected = |house: &House| {
        house.sandbox.world(|world| {
            world.accessowl.revocations.push(unnamed(BEN, Status::Rejected));
        });
    };
    let house = twins(unlinked, Provisioning::ApplicationAdmin);
    rejected(&house);
    let plan = house.plan(&[]);
    let row = rows(&plan, "t").iter().find(|row| row["id"] == ELSE).unwrap();
    assert!(row["remarks"].to_string().contains("may be another account's was rejected"), "{row}");
    house.apply(0);
    assert_eq!(asked(&house), each(&[BEN, ELSE], 1));
    house.sandbox.mutate(System::AccessOwl, &Mutation::Reject { id: None }).unwrap();
    house.apply(4);
    house.apply(3);
    assert_eq!(asked(&house), each(&[BEN, ELSE], 1), "now each has a rejection of its own");

    // Without a lasting journal nothing would tell that it was asked for.
    let house = twins(unlinked, Provisioning::ApplicationAdmin);
    rejected(&house);
    house.edit("portcullis.yaml", "journal: .portcullis/journal.db", "journal: ephemeral");
    let plan = house.plan(&[]);
    assert_eq!(holds(&plan, "t", ELSE), ["refused"], "{plan}");
    assert!(plan.to_string().contains("may be another account's was rejected"), "{plan}");

    // Where it can mean one account only it is that one's.
    let house = twins(unlinked, Provisioning::ApplicationAdmin);
    rejected(&house);
    house.sandbox.world(|world| world.accessowl.states.retain(|state| state.id != ELSE));
    assert_eq!(holds(&house.plan(&[]), "t", BEN), ["refused"]);
}

/// At an AccessOwl that lists no revocations: a request or its answer is lost, then the order comes for another reason.
fn another_reason(again: &dyn Fn(&House)) {
    for trouble in [Trouble::DropAfter, Trouble::DropBefore] {
        let house = twins(|id| member(id, "u-ben"), Provisioning::ApplicationAdmin);
        house.sandbox.world(|world| world.accessowl.states.retain(|state| state.id != ELSE));
        house.write(
            "policies/t.yaml",
            &format!("version: 1\ntarget: t\nabsent: {{ access: [{{ id: {BEN}, justification: one }}] }}\n"),
        );
        let setting = Mutation::Set { setting: "revocation_lists".to_owned(), value: json!(405) };
        house.sandbox.mutate(System::AccessOwl, &setting).unwrap();
        house.sandbox.fault(Fault::new(System::AccessOwl, trouble.clone()).on_writes().times(1));
        house.apply(4);
        again(&house);
        let writes = house.sandbox.record().writes();
        assert_eq!(writes.len(), 2, "{trouble:?}: sent again");
        assert_eq!(writes[0].idempotency_key, writes[1].idempotency_key, "{trouble:?}: under the same key");
        assert_eq!(writes[0].body, writes[1].body, "{trouble:?}: the same bytes");
        assert_eq!(asked(&house), each(&[BEN], 1), "{trouble:?}");
        run(&house);
        assert_eq!(asked(&house), each(&[BEN], 1), "{trouble:?}");
        house.expect(0, &["history", "--verify"]);
    }
}

#[test]
fn a_request_of_unknown_arrival_is_sent_again_as_it_was_whatever_the_justification() {
    another_reason(&|house| {
        house.edit("policies/t.yaml", "justification: one", "justification: two");
        run(house);
    });
}

#[test]
fn a_request_of_unknown_arrival_is_sent_again_as_it_was_whatever_the_cause_and_the_file() {
    another_reason(&|house| {
        let other = format!("version: 1\ntarget: t\nmanage: {{ access: all }}\naccess: [{{ id: {ANNA} }}]\n");
        house.clear_policies();
        house.write("policies/other.yaml", &other);
        run(house);
    });
}

#[test]
fn a_request_of_unknown_arrival_is_sent_again_as_it_was_where_a_person_orders_it() {
    another_reason(&|house| {
        house.run(&["revoke", "t", BEN, "--because", "leaked", "--yes"]);
    });
}
