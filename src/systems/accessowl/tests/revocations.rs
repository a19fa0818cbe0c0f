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

/// An account that is linked to nobody, with the same access.
fn unlinked(id: &str) -> Json {
    without(
        without(with(state(id), json!({"grantee_user_account_id": "account-9"})), "grantee_user_id"),
        "grantee_user",
    )
}

/// The same access of another person.
fn another(id: &str, user: &str) -> Json {
    with(
        state(id),
        json!({"grantee_user_id": user, "grantee_user": {"id": user, "email": format!("{user}@example.com")}}),
    )
}

/// How the states stand: `-` live, `>` in flight, `x` refused, `.` ended.
fn stand(states: &[Json], revocations: &[Json]) -> String {
    let snapshot = read_revocations(states, revocations);
    let mark = |entry: &Entry| match &entry.life {
        Life::InFlight { .. } => '>',
        Life::Dead(_) => '.',
        Life::Live if entry.facts.as_ref().is_some_and(|facts| facts.refused.is_some()) => 'x',
        Life::Live => '-',
    };
    snapshot.entries.iter().map(mark).collect()
}

fn unnamed(id: &str, status: &str) -> Json {
    without(revocation(id, status), "grantee_user_id")
}

#[test]
fn a_revocation_that_names_nobody_means_one_state_and_an_unlinked_one_first() {
    let ended = |id: &str, end: &str| with(unlinked(id), json!({"effective_end": end}));
    let people = [state("s-1"), another("s-2", "user-2")];
    let among = |more: &[Json], revocations: &[Json]| stand(&[&people[..], more].concat(), revocations);
    for (status, mark) in [("processing_access", '>'), ("revoked", '>'), ("rejected", 'x')] {
        let one = unnamed("r-1", status);
        assert_eq!(among(&[unlinked("s-9")], std::slice::from_ref(&one)), format!("--{mark}"));
        assert_eq!(among(&[ended("s-9", "2026-06-02T00:00:00Z")], std::slice::from_ref(&one)), "--.", "{status}");
        // It had ended before: nothing tells which of the others is meant, and it is the same one in every run.
        assert_eq!(among(&[ended("s-9", "2026-05-02T00:00:00Z")], std::slice::from_ref(&one)), format!("{mark}-."));
        assert_eq!(among(&[], &[unnamed("r-1", status), unnamed("r-2", status)]), format!("{mark}{mark}"));
        let elsewhere = with(one, json!({"permission_ids": ["perm-2"]}));
        assert_eq!(among(&[unlinked("s-9")], &[elsewhere]), "---");
    }
    // One end answers for one revocation.
    let both = [unnamed("r-1", "revoked"), unnamed("r-2", "revoked")];
    let (one, other) = (ended("s-8", "2026-06-02T00:00:00Z"), ended("s-9", "2026-06-03T00:00:00Z"));
    assert_eq!(among(&[one.clone(), unlinked("s-7")], &both), "--.>");
    assert_eq!(among(&[one, other, unlinked("s-7")], &both), "--..-");
    let rejections = among(&[unlinked("s-9")], &[unnamed("r-1", "rejected"), unnamed("r-2", "rejected")]);
    assert_eq!(rejections, "--x");
}

#[test]
fn an_end_that_is_cut_off_is_the_answer_to_the_request_right_before_it() {
    let twin = |end: &str| with(state("s-2"), json!({"effective_end": end}));
    let asked = |at: &str| [with(revocation("r-1", "revoked"), json!({"inserted_at": at}))];
    let at = asked("2026-06-01T10:00:04.900Z");
    assert_eq!(stand(&[state("s-1"), twin("2026-06-01T10:00:04Z")], &at), "-.");
    assert_eq!(stand(&[state("s-1"), twin("2026-06-01T10:00:00Z")], &at), "-.");
    assert_eq!(stand(&[state("s-1"), twin("2026-06-01T09:58:00Z")], &at), ">.");
}
