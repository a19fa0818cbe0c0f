//! What an answer means, and how an outcome is settled.

use super::*;

fn judged(draft: &Draft, status: u16, body: &str) -> Settled {
    AccessOwl.judge(draft, &answer(status, body)).settled
}

#[test]
fn a_created_revocation_is_followed_and_never_done_at_once() {
    let draft = draft();
    for (status, envelope) in [("processing_access", true), ("revoked", false)] {
        let record = revocation("r-1", status);
        let body = if envelope { json!({"data": record}) } else { record };
        let judgement = AccessOwl.judge(&draft, &answer(201, body.to_string()));
        assert!(matches!(judgement.settled, Settled::InFlight(_)), "{status}");
        assert_eq!(Trail::of(&judgement.note).revocation.as_deref(), Some("r-1"));
    }
    assert!(matches!(judged(&draft, 201, &revocation("r-1", "rejected").to_string()), Settled::Refused(_)));
    assert!(matches!(judged(&draft, 201, "<html>"), Settled::Unknown(_)));
    let other = with(revocation("r-1", "revoked"), json!({"application_id": "app-2"}));
    assert!(matches!(judged(&draft, 201, &other.to_string()), Settled::Unknown(_)));
}

#[test]
fn every_other_answer_is_refused_or_unknown_and_never_done() {
    let draft = draft();
    for status in [400, 403, 405, 422] {
        assert!(matches!(judged(&draft, status, r#"{"error":"no"}"#), Settled::Refused(_)), "{status}");
    }
    for status in [302, 401, 404, 409, 429, 500, 503] {
        assert!(matches!(judged(&draft, status, "{}"), Settled::Unknown(_)), "{status}");
    }
    let reused = r#"{"error":{"message":"Idempotency key was used with another body"}}"#;
    assert!(matches!(judged(&draft, 422, reused), Settled::Unknown(_)));
}

#[test]
fn where_revocations_cannot_be_listed_received_means_in_flight() {
    let script = Transcript::new().on(NARROW, page(&[state("s-1")])).on_status(THEIRS, 404, "");
    let Prepared::Send(draft) = prepare(script) else { panic!("nothing to send") };
    assert_eq!(draft.generation, None);
    let settle = |note: &Json| {
        let script = Transcript::new().on(NARROW, page(&[state("s-1")])).on_status(THEIRS, 405, "");
        run(AccessOwl.settle(&script, &Account::default(), &order(), note)).unwrap()
    };
    for status in [201, 409] {
        let judgement = AccessOwl.judge(&draft, &answer(status, ""));
        assert!(matches!(judgement.settled, Settled::InFlight(_)), "{status}");
        assert!(matches!(settle(&judgement.note), Settled::InFlight(_)), "{status}");
    }
    assert!(matches!(settle(&draft.note), Settled::Untold(_)));
}

fn settle(note: &Json, state: Json, script: impl FnOnce(Transcript) -> Transcript) -> Settled {
    let script = script(Transcript::new().on(NARROW, page(&[state])));
    let settled = run(AccessOwl.settle(&script, &Account::default(), &order(), note)).unwrap();
    script.finished();
    settled
}

#[test]
fn a_followed_revocation_is_done_only_when_revoked_and_ended() {
    let note = Trail { revocation: Some("r-1".into()), listed: true, received: true, ..Trail::default() }.note();
    let one = "GET /access_revocations/r-1";
    let ended = || with(state("s-1"), json!({"effective_end": "2026-06-02T00:00:00Z"}));
    let at = |state: Json, status: &str| settle(&note, state, |script| script.on(one, revocation("r-1", status)));
    assert!(matches!(at(state("s-1"), "processing_access"), Settled::InFlight(_)));
    assert!(matches!(at(state("s-1"), "revoked"), Settled::InFlight(_)));
    assert!(matches!(at(state("s-1"), "rejected"), Settled::Refused(_)));
    assert_eq!(at(ended(), "revoked"), Settled::Done(None));
    assert_eq!(at(ended(), "rejected"), Settled::Gone);
    let listed = settle(&note, state("s-1"), |script| {
        script.on_status(one, 404, "").on(THEIRS, page(&[revocation("r-1", "processing_access")]))
    });
    assert!(matches!(listed, Settled::InFlight(_)));
}

#[test]
fn an_unknown_outcome_is_settled_by_what_is_new_in_the_list() {
    let note = Trail { known: vec!["r-0".into()], listed: true, ..Trail::default() }.note();
    let with_list = |revocations: &[Json]| settle(&note, state("s-1"), |script| script.on(THEIRS, page(revocations)));
    let old = revocation("r-0", "rejected");
    assert!(matches!(with_list(&[old.clone(), revocation("r-1", "processing_access")]), Settled::InFlight(_)));
    assert!(matches!(with_list(&[old.clone(), revocation("r-1", "rejected")]), Settled::Refused(_)));
    assert_eq!(with_list(std::slice::from_ref(&old)), Settled::Present);
    let elsewhere = with(revocation("r-1", "processing_access"), json!({"resource_id": "res-1"}));
    assert_eq!(with_list(&[old, elsewhere]), Settled::Present);
    let script = Transcript::new().on(NARROW, page(&[state("s-1")])).fails(THEIRS, Fault::Network);
    assert!(run(AccessOwl.settle(&script, &Account::default(), &order(), &note)).is_err());
}
