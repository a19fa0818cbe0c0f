//! Which state a listed revocation means, and what follows from it.

use super::*;

#[test]
fn a_revocation_under_way_is_tied_to_its_state_by_all_it_says() {
    let of = |changes: Json| with(revocation("r-1", "processing_access"), changes);
    let in_flight = |revocation: Json| {
        let snapshot = read_revocations(&[state("s-1")], &[revocation]);
        matches!(life(&snapshot, "s-1"), Life::InFlight { .. })
    };
    assert!(in_flight(of(json!({}))));
    assert!(in_flight(of(json!({"reason": "another's"}))));
    assert!(in_flight(without(of(json!({})), "grantee_user_id")), "it may mean this state");
    assert!(in_flight(without(of(json!({})), "permission_ids")), "it may mean this state");
    assert!(!in_flight(of(json!({"application_id": "app-2"}))));
    assert!(!in_flight(of(json!({"grantee_user_id": "user-2"}))));
    assert!(!in_flight(of(json!({"resource_id": "res-1"}))));
    assert!(!in_flight(of(json!({"permission_ids": ["perm-1", "perm-2"]}))));
    assert!(!in_flight(of(json!({"permission_ids": null}))), "null is no permission at all");
    assert!(!in_flight(of(json!({"inserted_at": "2026-02-01T00:00:00Z"}))), "the state is a new life");
}

#[test]
fn permissions_are_compared_as_sets() {
    let both = with(state("s-1"), json!({"target_permission_ids": ["perm-2", "perm-1"]}));
    let one = with(revocation("r-1", "processing_access"), json!({"permission_ids": ["perm-1", "perm-2"]}));
    assert!(matches!(life(&read_revocations(&[both], &[one]), "s-1"), Life::InFlight { .. }));
}

#[test]
fn revoked_with_a_state_that_has_not_ended_is_in_flight() {
    let snapshot = read_revocations(&[state("s-1")], &[revocation("r-1", "revoked")]);
    assert!(matches!(life(&snapshot, "s-1"), Life::InFlight { since: Some(_), .. }));
    assert_eq!(snapshot.entries[0].facts.as_ref().unwrap().closed_revocations, Some(1));
    let ended = with(state("s-2"), json!({"effective_end": "2026-06-02T00:00:00Z"}));
    let snapshot = read_revocations(&[state("s-1"), ended], &[revocation("r-1", "revoked")]);
    assert_eq!(life(&snapshot, "s-1"), &Life::Live, "the revocation meant the twin that has ended");
    let before = with(state("s-2"), json!({"effective_end": "2026-05-02T00:00:00Z"}));
    let snapshot = read_revocations(&[state("s-1"), before], &[revocation("r-1", "revoked")]);
    assert!(matches!(life(&snapshot, "s-1"), Life::InFlight { .. }), "the twin had ended before");
}

#[test]
fn a_revocation_without_a_time_means_a_twin_that_has_ended_or_else_this_state() {
    let undated = |id: &str| without(revocation(id, "revoked"), "inserted_at");
    let ended = |id: &str, end: &str| with(state(id), json!({"effective_end": end}));
    let reborn = with(state("s-1"), json!({"effective_start": "2026-07-01T00:00:00Z"}));
    let lives = |states: &[Json], revocations: &[Json]| life(&read_revocations(states, revocations), "s-1").clone();
    let before = ended("s-0", "2026-06-02T00:00:00Z");
    assert_eq!(lives(&[reborn.clone(), before.clone()], &[undated("r-1")]), Life::Live, "it meant the life before");
    // Nothing tells whose it is: nothing is sent, and nobody claims to know since when it is under way.
    assert!(matches!(lives(std::slice::from_ref(&reborn), &[undated("r-1")]), Life::InFlight { since: None, .. }));
    let elsewhere = with(before.clone(), json!({"target_permission_ids": ["perm-2"]}));
    assert!(matches!(lives(&[reborn.clone(), elsewhere], &[undated("r-1")]), Life::InFlight { .. }));
    // One twin answers for one revocation.
    let both = [undated("r-1"), undated("r-2")];
    assert!(matches!(lives(&[reborn.clone(), before.clone()], &both), Life::InFlight { .. }));
    let another = ended("s-9", "2026-04-02T00:00:00Z");
    assert_eq!(lives(&[reborn, before.clone(), another.clone()], &both), Life::Live);
    // The one with a time fits one twin only, so it chooses first.
    let dated = [undated("r-1"), revocation("r-2", "revoked")];
    assert_eq!(lives(&[state("s-1"), before, another], &dated), Life::Live);
}

#[test]
fn a_rejected_revocation_is_a_refusal_in_this_life_only() {
    let snapshot = read_revocations(&[state("s-1")], &[revocation("r-1", "rejected")]);
    let facts = snapshot.entries[0].facts.as_ref().unwrap();
    assert_eq!(life(&snapshot, "s-1"), &Life::Live);
    assert!(facts.refused.is_some());
    let reborn = with(state("s-1"), json!({"effective_start": "2026-07-01T00:00:00Z"}));
    let snapshot = read_revocations(&[reborn], &[revocation("r-1", "rejected")]);
    assert_eq!(snapshot.entries[0].facts.as_ref().unwrap().refused, None);
    assert_eq!(snapshot.entries[0].facts.as_ref().unwrap().closed_revocations, Some(1));
}

#[test]
fn an_api_without_a_list_of_revocations_is_read_all_the_same() {
    for status in [404, 405] {
        let script = lists().on_status(REVOCATIONS, status, "").on(STATES, page(&[state("s-1")]));
        let snapshot = read(script).unwrap();
        assert_eq!(snapshot.entries[0].facts.as_ref().unwrap().closed_revocations, None);
        assert!(!snapshot.evidence.remarks.is_empty());
    }
    assert_eq!(fault(read(lists().on_status(REVOCATIONS, 500, ""))), Fault::Server);
    let odd = with(revocation("r-1", "revoked"), json!({"status": "somewhere"}));
    assert_eq!(fault(read(lists().on(REVOCATIONS, page(&[odd])))), Fault::Malformed);
}
