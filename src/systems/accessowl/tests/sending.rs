//! What is sent, and when nothing is.

use super::*;

#[test]
fn the_draft_is_the_same_bytes_every_time() {
    let draft = draft();
    assert_eq!(draft.shown(), "POST /access_revocations");
    assert_eq!(draft.key_header, Some("Idempotency-Key"));
    assert_eq!(draft.generation, Some(0));
    let body = br#"{"access_state_id":"s-1","reason":"undeclared: ask team"}"#;
    assert_eq!(draft.body.as_deref(), Some(body.as_slice()));
}

#[test]
fn a_reason_is_never_longer_than_255_bytes_nor_empty() {
    let reason = |reason: &str| {
        let order = Order { reason: reason.into(), ..order() };
        let script = Transcript::new().on(NARROW, page(&[state("s-1")])).on(THEIRS, page(&[]));
        let Prepared::Send(draft) = prepare_order(script, &order) else { panic!("nothing to send") };
        let body: Json = serde_json::from_slice(&draft.body.unwrap()).unwrap();
        body["reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason(&"é".repeat(200)), "é".repeat(127));
    assert_eq!(reason(" "), "undeclared");
}

#[test]
fn nothing_is_sent_for_a_state_that_ended_changed_or_vanished() {
    let ended = with(state("s-1"), json!({"effective_end": "2026-09-01T00:00:00Z"}));
    assert!(matches!(prepare(Transcript::new().on(NARROW, page(&[ended]))), Prepared::Gone));
    let grown = with(state("s-1"), json!({"target_permission_ids": ["perm-1", "perm-2"]}));
    assert!(matches!(prepare(Transcript::new().on(NARROW, page(&[grown]))), Prepared::Changed(_)));
    let nowhere = || Transcript::new().on(NARROW, page(&[state("s-9")]));
    assert!(matches!(prepare(nowhere().on(WIDE, page(&[state("s-9")]))), Prepared::Gone));
    let moved = with(state("s-1"), json!({"grantee_user_id": "user-2", "grantee_user": null}));
    assert!(matches!(prepare(nowhere().on(WIDE, page(&[moved]))), Prepared::Changed(_)));
}

#[test]
fn nothing_is_sent_where_a_revocation_is_under_way_or_was_rejected() {
    let with_revocation =
        |one: Json| prepare(Transcript::new().on(NARROW, page(&[state("s-1")])).on(THEIRS, page(&[one])));
    for status in ["processing_access", "revoked"] {
        let Prepared::InFlight(note) = with_revocation(revocation("r-1", status)) else { panic!("{status}") };
        assert_eq!(Trail::of(&note).revocation.as_deref(), Some("r-1"));
    }
    assert!(matches!(with_revocation(revocation("r-1", "rejected")), Prepared::Refused(_)));
    let older = with(revocation("r-1", "rejected"), json!({"inserted_at": "2026-01-01T00:00:00Z"}));
    let Prepared::Send(draft) = with_revocation(older) else { panic!("an older life") };
    assert_eq!(draft.generation, Some(1));
    assert_eq!(Trail::of(&draft.note).known, ["r-1"]);
}

#[test]
fn a_rejection_that_the_plan_knew_of_is_tried_again_and_a_newer_one_is_not() {
    let snapshot = read_revocations(&[state("s-1")], &[revocation("r-1", "rejected")]);
    let order = order_of(snapshot.entries.into_iter().next().unwrap());
    let prepare = |revocations: &[Json]| {
        prepare_order(Transcript::new().on(NARROW, page(&[state("s-1")])).on(THEIRS, page(revocations)), &order)
    };
    let Prepared::Send(draft) = prepare(&[revocation("r-1", "rejected")]) else { panic!("it was known") };
    assert_eq!(draft.generation, Some(1));
    let both = [revocation("r-1", "rejected"), revocation("r-2", "rejected")];
    assert!(matches!(prepare(&both), Prepared::Refused(_)));
}

#[test]
fn an_unlinked_account_is_found_by_its_application_only() {
    let unlinked = without(without(state("s-1"), "grantee_user_id"), "grantee_user");
    let order = order_of(read_states(std::slice::from_ref(&unlinked)).unwrap().entries.remove(0));
    let script = Transcript::new()
        .on(WIDE, page(&[unlinked]))
        .on("GET /access_revocations?limit=100&application_id=app-1", page(&[revocation("r-1", "revoked")]));
    assert!(matches!(prepare_order(script, &order), Prepared::Send(_)), "another holder's revocation says nothing");
}

#[test]
fn nothing_is_sent_for_a_state_that_a_revocation_without_a_time_may_mean() {
    let undated = without(revocation("r-1", "revoked"), "inserted_at");
    let look = |states: &[Json]| {
        prepare(Transcript::new().on(NARROW, page(states)).on(THEIRS, page(std::slice::from_ref(&undated))))
    };
    assert!(matches!(look(&[state("s-1")]), Prepared::InFlight(_)));
    let twin = with(state("s-0"), json!({"effective_end": "2026-06-02T00:00:00Z"}));
    let Prepared::Send(draft) = look(&[state("s-1"), twin]) else { panic!("the twin's") };
    assert_eq!(draft.generation, Some(1), "under another key than the one before");
}
