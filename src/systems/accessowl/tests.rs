//! Transcripts: what AccessOwl says, and what has to follow from it.

use serde_json::{Value as Json, json};

use super::{AccessOwl, note::Trail};
use crate::{
    access::{Account, Action, Cause, Entry, Fingerprint, Life, Resolved, Snapshot},
    systems::{
        System, Wanted, WantedName,
        shared::transcript::{Transcript, answer},
    },
    wire::{Draft, Fault, Order, Prepared, Settled, Unreadable},
};

const STATES: &str = "GET /access_states?limit=100&expand=grantee_user,application,resource,target_permissions";
const NARROW: &str = "GET /access_states?limit=100&expand=grantee_user,application,resource,target_permissions\
                      &application_id=app-1&grantee_user_id=user-1";
const WIDE: &str = "GET /access_states?limit=100&expand=grantee_user,application,resource,target_permissions\
                    &application_id=app-1";
const USERS: &str = "GET /users?limit=100&status=all";
const APPLICATIONS: &str = "GET /applications?limit=100";
const REVOCATIONS: &str = "GET /access_revocations?limit=100";
const THEIRS: &str = "GET /access_revocations?limit=100&user_id=user-1&application_id=app-1";
const RESOURCES: &str = "GET /applications/app-1/resources";

fn page(rows: &[Json]) -> Json {
    json!({"data": rows, "meta": {"limit": 100, "next_cursor": null}})
}

fn page_to(rows: &[Json], next: &str) -> Json {
    json!({"data": rows, "meta": {"limit": 100, "next_cursor": next}})
}

/// An active state of user-1 on app-1 as a whole, with one permission.
fn state(id: &str) -> Json {
    json!({
        "id": id, "application_id": "app-1", "grantee_user_account_id": "account-1", "grantee_user_id": "user-1",
        "resource_id": null, "target_permission_ids": ["perm-1"],
        "effective_start": "2026-03-01T00:00:00Z", "effective_end": null,
        "application": {"id": "app-1", "title": "Wiki", "status": "requestable"},
        "grantee_user": {"id": "user-1", "email": "anna@example.com", "full_name": "Anna A"},
        "target_permissions": [{"id": "perm-1", "title": "Editor", "elevated": false}],
    })
}

fn with(mut state: Json, changes: Json) -> Json {
    for (key, value) in changes.as_object().unwrap() {
        state[key] = value.clone();
    }
    state
}

fn without(mut state: Json, key: &str) -> Json {
    state.as_object_mut().unwrap().remove(key);
    state
}

fn on_resource(id: &str, resource: &str, title: Option<&str>, parent: Option<&str>) -> Json {
    let brought = json!({"id": resource, "title": title, "parent_resource_id": parent});
    with(state(id), json!({"resource_id": resource, "resource": brought}))
}

fn revocation(id: &str, status: &str) -> Json {
    json!({
        "id": id, "application_id": "app-1", "reason": "somebody's", "status": status, "grantee_user_id": "user-1",
        "resource_id": null, "permission_ids": ["perm-1"], "inserted_at": "2026-06-01T10:00:00Z",
        "provisioning_type": "application_admin",
    })
}

fn lists() -> Transcript {
    Transcript::new()
        .on(USERS, page(&[json!({"id": "user-1", "email": "anna@example.com", "full_name": "ben@example.com"})]))
        .on(APPLICATIONS, page(&[json!({"id": "app-1", "title": "Wiki", "status": "requestable"})]))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

fn read_as(script: Transcript, account: &Account, wanted: &Wanted) -> Result<Snapshot, Unreadable> {
    let result = run(AccessOwl.read(&script, account, wanted));
    if result.is_ok() {
        script.finished();
    }
    result
}

fn read(script: Transcript) -> Result<Snapshot, Unreadable> {
    read_as(script, &Account::default(), &Wanted::default())
}

fn read_states(states: &[Json]) -> Result<Snapshot, Unreadable> {
    read(lists().on(REVOCATIONS, page(&[])).on(STATES, page(states)))
}

fn read_revocations(states: &[Json], revocations: &[Json]) -> Snapshot {
    read(lists().on(REVOCATIONS, page(revocations)).on(STATES, page(states))).unwrap()
}

fn fault(result: Result<Snapshot, Unreadable>) -> Fault {
    result.unwrap_err().fault
}

fn life<'s>(snapshot: &'s Snapshot, id: &str) -> &'s Life {
    &snapshot.entries.iter().find(|entry| entry.id == id).unwrap().life
}

#[test]
fn a_state_is_active_only_with_an_end_that_is_there_and_null() {
    let ended = with(state("s-2"), json!({"effective_end": "2026-05-01T00:00:00Z"}));
    let snapshot = read_states(&[state("s-1"), ended]).unwrap();
    assert_eq!(life(&snapshot, "s-1"), &Life::Live);
    assert!(matches!(life(&snapshot, "s-2"), Life::Dead(_)));
    assert_eq!(fault(read_states(&[without(state("s-1"), "effective_end")])), Fault::Malformed);
    assert_eq!(fault(read_states(&[without(state("s-1"), "target_permission_ids")])), Fault::Malformed);
}

#[test]
fn an_entry_says_who_where_what_and_since_when() {
    let snapshot = read_states(&[state("s-1")]).unwrap();
    let entry = &snapshot.entries[0];
    assert_eq!(entry.principal.as_ref().unwrap().shown(), "anna@example.com");
    assert_eq!(crate::access::shown(entry.value("application")), "Wiki");
    assert_eq!(crate::access::shown(entry.value("permissions")), "[Editor]");
    assert!(entry.value("resource").is_absent());
    assert_eq!(entry.created_at, Some("2026-03-01T00:00:00Z".parse().unwrap()));
    assert_eq!(entry.facts.as_ref().unwrap().lineage, ["user-1", "app-1"]);
    assert_eq!(entry.facts.as_ref().unwrap().closed_revocations, Some(0));
    assert_eq!(snapshot.evidence.requests, 4);
    assert_eq!(snapshot.evidence.pages, 1);
}

#[test]
fn nobody_can_pass_for_another_by_choosing_a_name() {
    let snapshot = read_states(&[]).unwrap();
    assert_eq!(snapshot.directory.resolve("user", "ben@example.com", None), Resolved::Nothing);
    assert!(matches!(snapshot.directory.resolve("user", "anna@example.com", None), Resolved::One(_)));
}

#[test]
fn only_an_explicit_null_ends_a_list() {
    let second = "GET /access_states?limit=100&expand=grantee_user,application,resource,target_permissions&cursor=c1";
    let start = || lists().on(REVOCATIONS, page(&[])).on(STATES, page_to(&[state("s-1")], "c1"));
    assert_eq!(read(start().on(second, page(&[state("s-2")]))).unwrap().entries.len(), 2);
    assert_eq!(fault(read(start().on(second, json!({"data": [], "meta": {"limit": 100}})))), Fault::Malformed);
    assert_eq!(fault(read(start().on(second, json!({"data": []})))), Fault::Malformed);
    assert_eq!(fault(read(start().on(second, page_to(&[], "c1")))), Fault::Incomplete);
    assert_eq!(fault(read(start().on(second, page(&[state("s-1")])))), Fault::Incomplete);
    assert_eq!(fault(read(start().fails(second, Fault::Timeout))), Fault::Timeout);
    let many: Vec<Json> = (0..101).map(|number| state(&format!("s-{number}"))).collect();
    assert_eq!(fault(read_states(&many)), Fault::Incomplete);
}

#[test]
fn a_redirect_is_the_api_switched_off() {
    let error = read(Transcript::new().on_status(USERS, 302, "")).unwrap_err();
    assert_eq!(error.fault, Fault::Permission);
    assert!(error.advice.unwrap().contains("switch on"));
    assert_eq!(fault(read(Transcript::new().on_status(USERS, 401, "{}"))), Fault::Credential);
    assert_eq!(fault(read(Transcript::new().on(USERS, "<html>"))), Fault::Malformed);
}

#[test]
fn unlinked_and_discovered_ones_are_outside_unless_included() {
    let unlinked = without(with(state("s-1"), json!({"grantee_user_id": null})), "grantee_user");
    let found = with(
        state("s-2"),
        json!({"application_id": "app-2", "application": {"id": "app-2", "title": "Toy", "status": "discovered"}}),
    );
    let script = || lists().on(REVOCATIONS, page(&[])).on(STATES, page(&[unlinked.clone(), found.clone()]));
    let snapshot = read(script()).unwrap();
    assert_eq!(snapshot.entries[0].outside(), Some("unlinked"));
    assert_eq!(snapshot.entries[0].principal.as_ref().unwrap().id, "account-1");
    assert_eq!(snapshot.entries[1].outside(), Some("discovered"));
    let account =
        Account { fields: [("include", vec!["unlinked".into(), "discovered".into()])].into(), ..Account::default() };
    let snapshot = read_as(script(), &account, &Wanted::default()).unwrap();
    assert!(snapshot.entries.iter().all(|entry| entry.outside().is_none()));
}

#[test]
fn an_application_of_unknown_status_may_be_a_discovered_one() {
    let unknown = with(state("s-1"), json!({"application_id": "app-9", "application": null}));
    assert_eq!(fault(read_states(&[unknown])), Fault::Incomplete);
}

#[test]
fn a_state_that_contradicts_itself_is_refused() {
    let other = with(state("s-1"), json!({"grantee_user": {"id": "user-2", "email": "b@example.com"}}));
    assert_eq!(fault(read_states(&[other])), Fault::Malformed);
    let other = with(state("s-1"), json!({"resource_id": "res-1", "resource": {"id": "res-2", "title": "x"}}));
    assert_eq!(fault(read_states(&[other])), Fault::Malformed);
}

#[test]
fn the_lineage_goes_through_parents_that_nobody_has_access_to() {
    let script = lists()
        .on(REVOCATIONS, page(&[]))
        .on(STATES, page(&[on_resource("s-1", "leaf", Some("Leaf"), Some("mid"))]))
        .on(
            RESOURCES,
            json!({"data": [
                {"id": "root", "title": "Root", "parent_resource_id": null},
                {"id": "mid", "title": "Mid", "parent_resource_id": "root"},
                {"id": "leaf", "title": "Leaf", "parent_resource_id": "mid"},
            ]}),
        );
    let snapshot = read(script).unwrap();
    assert_eq!(snapshot.entries[0].facts.as_ref().unwrap().lineage, ["user-1", "app-1", "root", "mid", "leaf"]);

    let script = || {
        lists().on(REVOCATIONS, page(&[])).on(STATES, page(&[on_resource("s-1", "leaf", Some("Leaf"), Some("mid"))]))
    };
    assert_eq!(fault(read(script().on(RESOURCES, json!({"data": []})))), Fault::Incomplete);
    assert_eq!(fault(read(script().on_status(RESOURCES, 404, "{}"))), Fault::Incomplete);
    let circle = json!({"data": {"resources": [{"id": "mid", "title": "Mid", "parent_resource_id": "leaf"}]}});
    assert_eq!(fault(read(script().on(RESOURCES, circle))), Fault::Malformed);
}

#[test]
fn the_siblings_of_a_resource_without_title_are_read() {
    let script = lists()
        .on(REVOCATIONS, page(&[]))
        .on(STATES, page(&[on_resource("s-1", "res-1", None, None)]))
        .on(RESOURCES, json!({"data": [{"id": "res-1", "title": null}, {"id": "res-2", "title": "Other"}]}));
    let snapshot = read(script).unwrap();
    assert_eq!(snapshot.directory.of_class("resource").len(), 2);
    assert!(snapshot.directory.get("resource", "res-1").unwrap().names.is_empty());
}

#[test]
fn a_resource_that_a_policy_names_is_looked_up_in_its_application() {
    let wanted = |within: &str| Wanted {
        names: vec![WantedName {
            kind: "access",
            field: "resource",
            name: "Handbook".into(),
            within: Some(within.into()),
        }],
    };
    let script = || lists().on(REVOCATIONS, page(&[])).on(STATES, page(&[]));
    let listed = json!({"resources": [{"id": "res-7", "title": "Handbook", "parent_resource_id": null}]});
    let snapshot = read_as(script().on(RESOURCES, listed), &Account::default(), &wanted("Wiki")).unwrap();
    assert!(matches!(snapshot.directory.resolve("resource", "Handbook", Some("app-1")), Resolved::One(_)));
    read_as(script(), &Account::default(), &wanted("Nowhere")).unwrap();
    let lacking = script().on_status(RESOURCES, 405, "");
    assert!(!read_as(lacking, &Account::default(), &wanted("Wiki")).unwrap().evidence.remarks.is_empty());
}

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

fn order_of(entry: Entry) -> Order {
    Order {
        target: "owl".into(),
        action: Action::Revoke,
        cause: Cause::Undeclared,
        fingerprint: Fingerprint::of(&entry),
        entry,
        reason: "undeclared: ask team".into(),
        peers: Vec::new(),
        may_open: false,
    }
}

fn order() -> Order {
    order_of(read_states(&[state("s-1")]).unwrap().entries.remove(0))
}

fn prepare_order(script: Transcript, order: &Order) -> Prepared {
    let prepared = run(AccessOwl.prepare(&script, &Account::default(), order)).unwrap();
    script.finished();
    prepared
}

fn prepare(script: Transcript) -> Prepared {
    prepare_order(script, &order())
}

fn draft() -> Draft {
    match prepare(Transcript::new().on(NARROW, page(&[state("s-1")])).on(THEIRS, page(&[]))) {
        Prepared::Send(draft) => *draft,
        other => panic!("{other:?}"),
    }
}

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
