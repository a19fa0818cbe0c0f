//! Whatever becomes of a write and its answer: every planned entry is removed at most once, the report tells the truth, the
//! exit code says whether all went well, and the next run converges.

use std::collections::BTreeMap;

use portcullis::sandbox::{
    Fault, Mutation, System, Trouble,
    accessowl::{AccessState, Provisioning, Revocation, Status},
};
use serde_json::{Value, json};

use crate::{
    company::{Planned, done, house, planned, target},
    house::{House, holds, ids},
};

fn apply(house: &House, code: i32, args: &[&str]) -> Value {
    house.expect(code, &[&["apply", "--yes", "--new-journal", "--format", "json"], args].concat()).json()
}

/// How each row of a system ended, by id.
fn ends(report: &Value, system: System) -> BTreeMap<String, String> {
    let outcomes = report["outcomes"].as_array().unwrap();
    let rows = outcomes.iter().filter(|outcome| outcome["target"] == target(system).as_str());
    let rows = rows.flat_map(|outcome| outcome["rows"].as_array().unwrap());
    rows.map(|row| (row["id"].as_str().unwrap().to_owned(), row["end"].as_str().unwrap().to_owned())).collect()
}

fn is_live(house: &House, system: System, id: &str) -> bool {
    house.sandbox.world(|world| world.store(system).live().iter().any(|(_, live)| live == id))
}

/// The report against the servers' record: nothing unplanned, nothing twice, no end that is not so.
fn judge(house: &House, planned: &Planned, report: &Value) {
    for (system, ids) in planned {
        let done = done(house, *system);
        assert!(done.values().all(|&times| times == 1), "{system:?}: nothing twice: {done:?}");
        assert!(done.keys().all(|id| ids.contains(id)), "{system:?}: nothing unplanned: {done:?}");
        let ends = ends(report, *system);
        assert_eq!(ends.keys().collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>(), "{system:?}: a row each");
        for (id, end) in &ends {
            let true_is = match end.as_str() {
                "done" | "gone" => !is_live(house, *system, id),
                "in_flight" => *system == System::AccessOwl && done.contains_key(id),
                "failed" | "refused" | "skipped" => is_live(house, *system, id) && !done.contains_key(id),
                "unknown" => true,
                _ => false,
            };
            assert!(true_is, "{system:?}: {id} is told as {end}, and the servers did {done:?}");
        }
    }
}

/// Without faults, what is left goes in one more run, once each; then there is nothing left to send.
fn converge(house: &House, planned: &Planned, args: &[&str]) {
    house.sandbox.clear_faults();
    apply(house, 0, args);
    for (system, ids) in planned {
        let done = done(house, *system);
        assert_eq!(done.keys().collect::<Vec<_>>(), ids.iter().collect::<Vec<_>>(), "{system:?}: all of the plan went");
        assert!(done.values().all(|&times| times == 1), "{system:?}: once each: {done:?}");
    }
    let before = house.writes();
    apply(house, 0, &[]);
    assert_eq!(house.writes(), before, "nothing is left to send");
    house.expect(0, &["history", "--verify"]);
}

/// Every write of every system meets this, so many times a system.
fn meet(house: &House, trouble: &Trouble, times: Option<u32>) {
    for system in System::ALL {
        let fault = Fault::new(system, trouble.clone()).on_writes();
        house.sandbox.fault(match times {
            Some(times) => fault.times(times),
            None => fault,
        });
    }
}

fn after_effect(trouble: &Trouble) {
    let house = house();
    let planned = planned(&house);
    meet(&house, trouble, None);
    let report = apply(&house, 0, &[]);
    judge(&house, &planned, &report);
    for (system, ids) in &planned {
        assert_eq!(done(&house, *system).len(), ids.len(), "{system:?}");
        let writes = house.sandbox.record().writes().iter().filter(|write| write.system == *system).count();
        assert_eq!(writes, ids.len(), "{system:?}: what may have had an effect is not sent again");
    }
    converge(&house, &planned, &[]);
}

#[test]
fn an_answer_lost_after_the_effect_is_found_out_by_reading() {
    after_effect(&Trouble::DropAfter);
}

#[test]
fn a_server_error_after_the_effect_is_found_out_by_reading() {
    after_effect(&Trouble::Status { status: 500, after_effect: true });
}

#[test]
fn an_answer_that_breaks_off_is_found_out_by_reading() {
    after_effect(&Trouble::BrokenJson);
}

/// No write has an effect; the end of each row says so, and the next run sends again.
fn no_effect(trouble: &Trouble, end: fn(System) -> &'static str, args: &[&str]) {
    let house = house();
    let planned = planned(&house);
    meet(&house, trouble, None);
    let report = apply(&house, 4, &[]);
    judge(&house, &planned, &report);
    for (system, ids) in &planned {
        assert!(done(&house, *system).is_empty(), "{system:?}");
        let ends = ends(&report, *system);
        assert!(ends.values().all(|known| known == end(*system)), "{system:?}: {ends:?}");
        let writes = house.sandbox.record().writes().iter().filter(|write| write.system == *system).count();
        assert_eq!(writes, ids.len(), "{system:?}: not sent again");
    }
    converge(&house, &planned, args);
}

#[test]
fn a_connection_cut_before_the_effect_is_a_verified_failure() {
    no_effect(&Trouble::DropBefore, |_| "failed", &[]);
}

#[test]
fn a_server_error_before_the_effect_is_a_verified_failure() {
    no_effect(&Trouble::Status { status: 500, after_effect: false }, |_| "failed", &[]);
}

#[test]
fn a_credential_that_is_not_accepted_any_more_removes_nothing_and_is_no_unknown() {
    // Pinata says 401 of a missing right, too: that is a refusal.
    let end = |system| if system == System::Pinata { "refused" } else { "failed" };
    no_effect(&Trouble::Status { status: 401, after_effect: false }, end, &["--retry-refused"]);
}

#[test]
fn one_failure_never_stops_the_other_rows() {
    let house = house();
    let planned = planned(&house);
    meet(&house, &Trouble::DropBefore, Some(1));
    let report = apply(&house, 4, &[]);
    judge(&house, &planned, &report);
    for (system, ids) in &planned {
        let failed = ends(&report, *system).values().filter(|end| *end == "failed").count();
        assert_eq!((failed, done(&house, *system).len()), (1, ids.len() - 1), "{system:?}");
    }
    converge(&house, &planned, &[]);
}

#[test]
fn a_rate_limit_in_the_vendors_own_header_is_waited_out() {
    let house = house();
    let planned = planned(&house);
    meet(&house, &Trouble::RateLimit { after_ms: 1000 }, Some(1));
    let report = apply(&house, 0, &[]);
    judge(&house, &planned, &report);
    for (system, ids) in &planned {
        assert_eq!(done(&house, *system).len(), ids.len(), "{system:?}");
        let writes: Vec<_> =
            house.sandbox.record().writes().into_iter().filter(|write| write.system == *system).collect();
        assert_eq!(writes.len(), ids.len() + 1, "{system:?}: one was turned away and sent again");
        let away = writes.iter().find(|write| write.status == Some(429)).unwrap();
        let same: Vec<_> =
            writes.iter().filter(|write| (&write.path, &write.body) == (&away.path, &away.body)).collect();
        assert_eq!(same.len(), 2, "{system:?}: the same bytes");
        assert_eq!(same[0].idempotency_key, same[1].idempotency_key, "{system:?}");
        let waited = same[1].at.duration_since(same[0].at);
        assert!(waited >= jiff::SignedDuration::from_millis(999), "{system:?}: not before the hint: {waited}");
    }
    converge(&house, &planned, &[]);
}

#[test]
fn a_rate_limit_that_lasts_is_told_and_nothing_is_forced() {
    let house = house();
    let planned = planned(&house);
    meet(&house, &Trouble::RateLimit { after_ms: 3_600_000 }, None);
    let report = apply(&house, 4, &[]);
    judge(&house, &planned, &report);
    for system in System::ALL {
        assert!(done(&house, system).is_empty());
        assert!(ends(&report, system).values().all(|end| end == "failed"), "{system:?}");
    }
    converge(&house, &planned, &[]);
}

#[test]
fn what_a_system_refuses_is_held_and_not_sent_again_until_a_person_asks() {
    let house = house();
    let planned = planned(&house);
    meet(&house, &Trouble::Status { status: 403, after_effect: false }, None);
    let report = apply(&house, 4, &[]);
    judge(&house, &planned, &report);
    for system in System::ALL {
        assert!(ends(&report, system).values().all(|end| end == "refused"), "{system:?}");
    }
    house.sandbox.clear_faults();
    let before = house.writes();
    let report = apply(&house, 3, &[]);
    assert_eq!(house.writes(), before, "not sent again by itself");
    for row in
        report["plan"]["targets"].as_array().unwrap().iter().flat_map(|target| target["rows"].as_array().unwrap())
    {
        assert_ne!(row["status"], "change", "{row}");
        // Every system says of a right that is missing whose it is, and so what to do.
        let refused = row["holds"].as_array().into_iter().flatten().find(|hold| hold["name"] == "refused");
        if let Some(hold) = refused {
            assert!(hold["way_on"].as_str().unwrap().starts_with("give the credential the right, then"), "{hold}");
        }
    }
    converge(&house, &planned, &["--retry-refused"]);
}

fn only_accessowl(house: &House, code: i32, args: &[&str]) -> Value {
    apply(house, code, &[&["--target", "accessowl-northlight"], args].concat())
}

fn posts(house: &House) -> usize {
    house.sandbox.record().writes().iter().filter(|write| write.system == System::AccessOwl).count()
}

/// The plan's rows of AccessOwl that are to be sent, and whether it is in sync.
fn accessowl_plan(house: &House, code: i32) -> Value {
    house.expect(code, &["plan", "--format", "json", "--detailed-exitcode", "--target", "accessowl-northlight"]).json()
}

#[test]
fn a_conflict_without_effect_is_sent_again_under_another_key_and_takes_effect_once() {
    let house = house();
    let planned = planned(&house);
    house.sandbox.fault(
        Fault::new(System::AccessOwl, Trouble::Status { status: 409, after_effect: false }).on_writes().times(1),
    );
    only_accessowl(&house, 0, &[]);
    let done = done(&house, System::AccessOwl);
    assert_eq!(done.len(), planned[&System::AccessOwl].len());
    assert!(done.values().all(|&times| times == 1));
    let writes = house.sandbox.record().writes();
    let away = writes.iter().find(|write| write.status == Some(409)).unwrap();
    let keys: Vec<_> =
        writes.iter().filter(|write| write.body == away.body).map(|write| write.idempotency_key.clone()).collect();
    assert!(keys.len() == 2 && keys[0] != keys[1], "{keys:?}");
}

#[test]
fn a_conflict_that_stays_ends_after_three_steps() {
    let house = house();
    house
        .sandbox
        .fault(Fault::new(System::AccessOwl, Trouble::Status { status: 409, after_effect: false }).on_writes());
    let planned = planned(&house);
    let report = only_accessowl(&house, 4, &[]);
    assert!(ends(&report, System::AccessOwl).values().all(|end| end == "failed"));
    assert_eq!(posts(&house), 4 * planned[&System::AccessOwl].len());
    converge(&house, &planned, &[]);
}

#[test]
fn a_conflict_after_the_effect_is_in_flight_and_not_sent_again() {
    let house = house();
    let planned = planned(&house);
    house.sandbox.fault(Fault::new(System::AccessOwl, Trouble::Status { status: 409, after_effect: true }).on_writes());
    let report = only_accessowl(&house, 0, &[]);
    assert!(ends(&report, System::AccessOwl).values().all(|end| matches!(end.as_str(), "in_flight" | "done")));
    assert_eq!(posts(&house), planned[&System::AccessOwl].len());
    converge(&house, &planned, &[]);
}

#[test]
fn what_accessowl_does_itself_is_done_in_the_same_run_and_what_people_do_is_in_flight_and_in_sync() {
    let house = house();
    let planned = planned(&house)[&System::AccessOwl].clone();
    let report = only_accessowl(&house, 0, &[]);
    let ends = ends(&report, System::AccessOwl);
    let of = |wanted: &str| ends.iter().filter(|(_, end)| *end == wanted).map(|(id, _)| id.clone()).collect::<Vec<_>>();
    assert_eq!((of("done").len(), of("in_flight").len()), (5, 2), "{ends:?}");
    let waiting = of("in_flight");
    assert!(waiting.iter().all(|id| is_live(&house, System::AccessOwl, id)));

    let plan = accessowl_plan(&house, 0);
    assert_eq!(ids(&plan, "accessowl-northlight", "change"), [""; 0]);
    only_accessowl(&house, 0, &[]);
    assert_eq!(posts(&house), planned.len(), "what waits for people is not asked for again");

    house.sandbox.mutate(System::AccessOwl, &Mutation::Approve { id: None }).unwrap();
    let report = only_accessowl(&house, 0, &[]);
    let resumed = report["outcomes"][0]["resumed"].as_array().unwrap();
    let mut done: Vec<&str> = resumed.iter().map(|row| row["id"].as_str().unwrap()).collect();
    done.sort_unstable();
    assert_eq!(done, waiting, "the next run tells that they are done");
    assert!(resumed.iter().all(|row| row["end"] == "done"), "{report}");
    assert_eq!(posts(&house), planned.len());
    assert!(waiting.iter().all(|id| !is_live(&house, System::AccessOwl, id)));
}

#[test]
fn an_automatic_removal_that_takes_its_time_is_in_flight_and_done_by_the_next_run() {
    let house = house();
    house.sandbox.world(|world| world.accessowl.settings.automatic_after_looks = 10_000);
    let report = only_accessowl(&house, 0, &[]);
    assert!(ends(&report, System::AccessOwl).values().all(|end| end == "in_flight"), "{report}");
    let sent = posts(&house);
    accessowl_plan(&house, 0);
    house.sandbox.world(|world| world.accessowl.settings.automatic_after_looks = 1);
    let report = only_accessowl(&house, 0, &[]);
    let resumed = report["outcomes"][0]["resumed"].as_array().unwrap();
    assert_eq!(resumed.iter().filter(|row| row["end"] == "done").count(), 5, "{report}");
    assert_eq!(posts(&house), sent);
}

#[test]
fn what_people_reject_is_refused_and_held_and_not_sent_again() {
    let house = house();
    only_accessowl(&house, 0, &[]);
    let sent = posts(&house);
    house.sandbox.mutate(System::AccessOwl, &Mutation::Reject { id: None }).unwrap();
    let report = only_accessowl(&house, 4, &[]);
    let resumed = report["outcomes"][0]["resumed"].as_array().unwrap();
    assert_eq!(resumed.iter().filter(|row| row["end"] == "refused").count(), 2, "{report}");
    let plan = accessowl_plan(&house, 2);
    assert_eq!(ids(&plan, "accessowl-northlight", "held").len(), 2, "{plan}");
    only_accessowl(&house, 3, &[]);
    assert_eq!(posts(&house), sent, "not sent again");
    only_accessowl(&house, 0, &["--retry-refused"]);
    assert_eq!(posts(&house), sent + 2, "a person may ask for another try");
}

#[test]
fn what_only_the_vendor_remembers_as_rejected_is_refused_all_the_same() {
    let house = house();
    only_accessowl(&house, 0, &[]);
    let sent = posts(&house);
    house.sandbox.mutate(System::AccessOwl, &Mutation::Reject { id: None }).unwrap();
    std::fs::remove_dir_all(house.path(".portcullis")).unwrap();
    let plan = accessowl_plan(&house, 2);
    let held = ids(&plan, "accessowl-northlight", "held");
    assert_eq!(held.len(), 2, "{plan}");
    assert!(held.iter().all(|id| holds(&plan, "accessowl-northlight", id) == ["refused"]), "{plan}");
    only_accessowl(&house, 3, &[]);
    assert_eq!(posts(&house), sent, "not sent again");
}

#[test]
fn a_revocation_that_tells_no_time_is_never_asked_for_again_and_never_kept_quiet() {
    let house = house();
    let planned = planned(&house)[&System::AccessOwl].clone();
    // Somebody's revocation is told to be done, and its access never ended; or was it of an earlier life?
    let id = house.sandbox.world(|world| {
        let owl = &mut world.accessowl;
        let state = owl.states.iter().find(|state| planned.contains(&state.id)).unwrap().clone();
        owl.revocations.push(Revocation {
            id: "00000000-0000-4000-8000-00000000000a".to_owned(),
            state_id: "another".to_owned(),
            application_id: state.application_id,
            grantee_user_id: state.grantee_user_id,
            resource_id: state.resource_id,
            permission_ids: (!state.target_permission_ids.is_empty()).then_some(state.target_permission_ids),
            provisioning_type: Provisioning::ApplicationAdmin,
            reason: "somebody's".to_owned(),
            status: Status::Revoked,
            inserted_at: state.effective_start,
            looks: 0,
        });
        state.id
    });
    let untimed = Trouble::MissingField { field: "inserted_at".to_owned() };
    house.sandbox.fault(Fault::new(System::AccessOwl, untimed).at("/api/v1/access_revocations").on_reads());
    only_accessowl(&house, 4, &[]);
    assert!(!done(&house, System::AccessOwl).contains_key(&id), "nothing is sent for it");
    assert_eq!(posts(&house), planned.len() - 1, "the others go");
    let plan = accessowl_plan(&house, 0);
    let rows = plan["targets"][0]["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == id.as_str()).unwrap();
    assert!(row["finding"] == "in_flight" && row["overdue"] == true, "{row}");

    // A state of the same look that has ended answers for it: the access goes after all.
    house.sandbox.world(|world| {
        let state = world.accessowl.states.iter().find(|state| state.id == id).unwrap().clone();
        world.accessowl.states.push(AccessState {
            id: "00000000-0000-4000-8000-00000000000b".to_owned(),
            effective_end: Some(state.effective_start),
            ..state
        });
    });
    only_accessowl(&house, 0, &[]);
    assert_eq!(done(&house, System::AccessOwl).get(&id), Some(&1));
}

#[test]
fn the_journal_keeps_the_name_that_a_vendor_gives_an_exchange_in_its_error() {
    let house = house();
    house.sandbox.fault(Fault::new(System::Aitronos, Trouble::Status { status: 403, after_effect: false }).on_writes());
    apply(&house, 4, &["--target", "aitronos-northlight"]);
    let history = house.expect(0, &["history", "--format", "json"]).out;
    let (_, id) = history.split_once(r#""request_id":"#).unwrap_or_else(|| panic!("{history}"));
    let id = id.trim_start().trim_start_matches('"').split('"').next().unwrap();
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "the trace_id of its body: {id}");
}

fn without_lists(status: u16) {
    let house = house();
    house
        .sandbox
        .mutate(System::AccessOwl, &Mutation::Set { setting: "revocation_lists".to_owned(), value: json!(status) })
        .unwrap();
    let planned = planned(&house)[&System::AccessOwl].clone();
    // One of the answers is lost.
    house.sandbox.fault(Fault::new(System::AccessOwl, Trouble::DropAfter).on_writes().times(1));
    let first = house.run(&["apply", "--yes", "--new-journal", "--format", "json", "--target", "accessowl-northlight"]);
    assert!(matches!(first.code, 0 | 4), "{}", first.all());
    for _ in 0..2 {
        house.run(&["apply", "--yes", "--target", "accessowl-northlight"]);
    }
    house.sandbox.mutate(System::AccessOwl, &Mutation::Approve { id: None }).unwrap();
    only_accessowl(&house, 0, &[]);
    let done = done(&house, System::AccessOwl);
    assert_eq!(done.keys().collect::<Vec<_>>(), planned.iter().collect::<Vec<_>>());
    assert!(done.values().all(|&times| times == 1), "nothing twice: {done:?}");
    assert!(planned.iter().all(|id| !is_live(&house, System::AccessOwl, id)));
}

#[test]
fn revocations_that_cannot_be_listed_are_in_flight_404() {
    without_lists(404);
}

#[test]
fn revocations_that_cannot_be_listed_are_in_flight_405() {
    without_lists(405);
}
