//! Transcripts of Buildkite: each promise of a reading and of a removal with the answers that would break it.

use serde_json::{Value as Json, json};

use crate::{
    access::{Account, Action, Cause, Entry, Fingerprint, Life, Snapshot, Value},
    systems::{
        System as _, Wanted,
        buildkite::Buildkite,
        shared::transcript::{Transcript, answer},
    },
    wire::{Draft, Fault, Method, Order, Prepared, Settled, Unreadable},
};

const OWN: &str = "rest: GET /access-token";

fn account(include: &[&str]) -> Account {
    let mut account = Account::default();
    account.fields.insert("organization", vec!["acme".into()]);
    account.fields.insert("include", include.iter().map(|&word| word.into()).collect());
    account
}

fn ask_page(after: Option<&str>) -> String {
    format!("graphql: QUERY OrganizationApiTokens {}", json!({ "organization": "acme", "first": 100, "after": after }))
}

fn token(name: &str) -> Json {
    json!({
        "id": format!("gid-{name}"), "uuid": format!("uuid-{name}"), "description": format!("token {name}"),
        "createdAt": "2026-01-01T00:00:00.000Z", "expiresAt": null, "lastAccessedAt": null,
        "scopes": ["READ_BUILDS", "GRAPHQL", "LEVITATE"],
        "owner": { "uuid": "user-1", "email": "Anna@example.com", "bot": false },
    })
}

fn with(mut token: Json, field: &str, value: Json) -> Json {
    token[field] = value;
    token
}

fn page(tokens: &[Json], next: Option<&str>) -> Json {
    let edges: Vec<Json> = tokens.iter().map(|token| json!({ "node": token })).collect();
    json!({ "data": { "organization": { "id": "gid-acme", "uuid": "uuid-acme", "apiAccessTokens": {
        "edges": edges, "pageInfo": { "hasNextPage": next.is_some(), "endCursor": next } } } } })
}

fn one_page(tokens: &[Json]) -> Transcript {
    Transcript::new().on(&ask_page(None), page(tokens, None)).on(OWN, json!({ "uuid": "uuid-own" }))
}

async fn read_as(ask: Transcript, account: &Account) -> Result<Snapshot, Unreadable> {
    Buildkite.read(&ask, account, &Wanted::default()).await
}

async fn read(ask: Transcript) -> Result<Snapshot, Unreadable> {
    read_as(ask, &account(&[])).await
}

async fn entry(token: Json) -> Entry {
    read(one_page(&[token])).await.unwrap().entries.remove(0)
}

#[tokio::test]
async fn pages_follow_the_cursor_and_the_calling_token_is_marked() {
    let ask = Transcript::new()
        .on(&ask_page(None), page(&[token("a"), token("b")], Some("c1")))
        .on(&ask_page(Some("c1")), page(&[token("own")], None))
        .on(OWN, json!({ "uuid": "UUID-OWN", "scopes": [], "description": "x" }));
    let snapshot = read(ask).await.unwrap();
    let ids: Vec<&str> = snapshot.entries.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids, ["uuid-a", "uuid-b", "uuid-own"]);
    assert_eq!(snapshot.account_id.as_deref(), Some("uuid-acme"));
    assert_eq!(snapshot.own[0].id, "uuid-own");
    assert_eq!(snapshot.own.len(), 1);
}

#[tokio::test]
async fn a_token_is_read_with_its_owner_its_use_and_scopes_that_nobody_knows() {
    let entry = entry(token("a")).await;
    assert_eq!((entry.id.as_str(), entry.revoke_handle().as_str()), ("uuid-a", "gid-a"));
    assert_eq!(entry.label.as_deref(), Some("token a"));
    assert_eq!(entry.value("scopes"), &Value::set(["read_builds", "graphql", "levitate"].map(Into::into)));
    assert_eq!(entry.principal.as_ref().unwrap().names, ["Anna@example.com"]);
    assert_eq!((entry.last_used_at, entry.expires_at), (None, None));
    assert!(entry.created_at.is_some() && entry.outside().is_none());
}

#[tokio::test]
async fn an_organization_that_is_null_is_missing_and_never_empty() {
    for body in [json!({ "data": { "organization": null } }), json!({ "data": null })] {
        let ask = Transcript::new().on(&ask_page(None), body).on(OWN, json!({ "uuid": "u" }));
        let error = read(ask).await.unwrap_err();
        assert_eq!(error.fault, Fault::Missing);
        assert!(error.advice.unwrap().contains("organization:"));
    }
}

#[tokio::test]
async fn nulls_and_missing_fields_are_malformed() {
    let mut null_edges = page(&[], None);
    null_edges["data"]["organization"]["apiAccessTokens"]["edges"] = Json::Null;
    let mut null_edge = page(&[], None);
    null_edge["data"]["organization"]["apiAccessTokens"]["edges"] = json!([null]);
    let mut no_expiry = token("a");
    no_expiry.as_object_mut().unwrap().remove("expiresAt");
    let mut no_owner = token("a");
    no_owner.as_object_mut().unwrap().remove("owner");
    let bodies = [
        null_edges,
        null_edge,
        page(&[Json::Null], None),
        page(&[no_expiry], None),
        page(&[no_owner], None),
        page(&[with(token("a"), "scopes", Json::Null)], None),
        page(&[with(token("a"), "createdAt", json!("soon"))], None),
        json!({ "data": {} }),
        json!({}),
    ];
    for body in bodies {
        let ask = Transcript::new().on(&ask_page(None), &body).on(OWN, json!({ "uuid": "u" }));
        assert_eq!(read(ask).await.unwrap_err().fault, Fault::Malformed, "{body}");
    }
}

#[tokio::test]
async fn a_list_that_is_not_proved_whole_is_incomplete() {
    let two = |first: Json, second: Json| {
        Transcript::new().on(&ask_page(None), first).on(&ask_page(Some("c1")), second).on(OWN, json!({ "uuid": "u" }))
    };
    let mut other = page(&[token("b")], None);
    other["data"]["organization"]["id"] = json!("gid-other");
    let mut no_cursor = page(&[token("a")], Some("c1"));
    no_cursor["data"]["organization"]["apiAccessTokens"]["pageInfo"]["endCursor"] = Json::Null;
    let same_handle = with(token("b"), "id", json!("gid-a"));
    let broken = [
        two(page(&[token("a")], Some("c1")), page(&[token("b")], Some("c1"))),
        two(page(&[token("a")], Some("c1")), other),
        Transcript::new().on(&ask_page(None), no_cursor).on(OWN, json!({ "uuid": "u" })),
        Transcript::new().on(&ask_page(None), page(&[], Some("c1"))).on(OWN, json!({ "uuid": "u" })),
        one_page(&[token("a"), same_handle]),
    ];
    for (index, ask) in broken.into_iter().enumerate() {
        assert_eq!(read(ask).await.unwrap_err().fault, Fault::Incomplete, "{index}");
    }
}

#[tokio::test]
async fn a_list_that_shifts_is_read_again_three_times_and_then_given_up() {
    let start = || Transcript::new().on(OWN, json!({ "uuid": "u" }));
    let shifted = |ask: Transcript| {
        ask.on(&ask_page(None), page(&[token("a")], Some("c1"))).on(&ask_page(Some("c1")), page(&[token("a")], None))
    };
    let healed = (0..3).fold(start(), |ask, _| shifted(ask)).on(&ask_page(None), page(&[token("a"), token("b")], None));
    assert_eq!(read(healed).await.unwrap().entries.len(), 2, "and nothing of the readings before is kept");
    assert_eq!(read((0..4).fold(start(), |ask, _| shifted(ask))).await.unwrap_err().fault, Fault::Shifted);
}

#[tokio::test]
async fn errors_inside_200_make_it_unreadable_even_with_data() {
    let cases = [
        ("Authentication required. Please supply a valid API Access Token", Fault::Credential),
        ("You do not have permission to see this", Fault::Permission),
        ("Query has complexity of 60000, which exceeds max complexity of 50000", Fault::Request),
        ("Something else", Fault::Malformed),
    ];
    for (message, fault) in cases {
        let mut body = page(&[token("a")], None);
        body["errors"] = json!([{ "message": message }]);
        let ask = Transcript::new().on(&ask_page(None), body).on(OWN, json!({ "uuid": "u" }));
        assert_eq!(read(ask).await.unwrap_err().fault, fault, "{message}");
    }
}

#[tokio::test]
async fn an_expired_token_is_dead_though_it_is_still_listed() {
    let ended = with(token("a"), "expiresAt", json!("2026-10-01T12:00:00.000Z"));
    assert_eq!(entry(ended).await.life, Life::Dead("expired".into()));
    let ending = with(token("a"), "expiresAt", json!("2026-10-01T12:00:00.001Z"));
    assert_eq!(entry(ending).await.life, Life::Live);
}

#[tokio::test]
async fn nobodys_and_bots_tokens_lie_outside_unless_included() {
    let bot = with(token("b"), "owner", json!({ "uuid": "user-2", "email": "bot@example.com", "bot": true }));
    let tokens = [with(token("a"), "owner", Json::Null), bot];
    for entry in read(one_page(&tokens)).await.unwrap().entries {
        assert_eq!(entry.outside(), Some("system"));
    }
    for entry in read_as(one_page(&tokens), &account(&["system"])).await.unwrap().entries {
        assert_eq!(entry.outside(), None);
    }
}

#[tokio::test]
async fn without_the_calling_token_there_is_no_mark_but_a_bad_credential_is_an_error() {
    let list = || Transcript::new().on(&ask_page(None), page(&[token("a")], None));
    let silent = [
        list().on_status(OWN, 403, r#"{"message":"no"}"#),
        list().on_status(OWN, 500, ""),
        list().on(OWN, json!({ "description": "x" })),
        list().on(OWN, json!({ "uuid": "uuid-elsewhere" })),
        list().fails(OWN, Fault::Network),
    ];
    for ask in silent {
        let snapshot = read(ask).await.unwrap();
        assert!(snapshot.own.is_empty());
        assert_eq!(snapshot.evidence.remarks.len(), 1);
    }
    let refused = list().on_status(OWN, 401, r#"{"message":"no"}"#);
    assert_eq!(read(refused).await.unwrap_err().fault, Fault::Credential);
}

async fn order(token: Json) -> Order {
    let entry = entry(token).await;
    Order {
        target: "buildkite-acme".into(),
        action: Action::Revoke,
        cause: Cause::Undeclared,
        fingerprint: Fingerprint::of(&entry),
        entry,
        reason: "nobody declares it".to_owned(),
        peers: Vec::new(),
        may_open: false,
    }
}

async fn prepare(ask: Transcript, order: &Order) -> Result<Prepared, Unreadable> {
    let prepared = Buildkite.prepare(&ask, &account(&[]), order).await;
    ask.finished();
    prepared
}

async fn draft() -> (Order, Box<Draft>) {
    let order = order(token("a")).await;
    let ask = Transcript::new().on(&ask_page(None), page(&[token("a")], Some("c1")));
    match prepare(ask, &order).await.unwrap() {
        Prepared::Send(draft) => (order, draft),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_mutation_takes_graphql_ids_and_is_the_same_bytes_every_time() {
    let (_, draft) = draft().await;
    assert_eq!((draft.host, draft.method, draft.shown().as_str()), ("graphql", Method::Post, "POST /"));
    let body: Json = serde_json::from_slice(draft.body.as_ref().unwrap()).unwrap();
    let input = &body["variables"]["input"];
    assert_eq!(
        input,
        &json!({ "organizationId": "gid-acme", "apiAccessTokenId": "gid-a", "clientMutationId": "uuid-a" })
    );
    assert!(body["query"].as_str().unwrap().starts_with("mutation"));
    assert_eq!(draft.body, self::draft().await.1.body);
}

#[tokio::test]
async fn only_the_token_that_was_planned_is_removed() {
    let order = order(token("a")).await;
    let again = |token: Json| Transcript::new().on(&ask_page(None), page(&[token], None));
    let used = with(token("a"), "lastAccessedAt", json!("2026-09-30T00:00:00Z"));
    assert!(matches!(prepare(again(used.clone()), &order).await.unwrap(), Prepared::Send(_)));
    let idle = Order { cause: Cause::Idle, ..order.clone() };
    assert!(matches!(prepare(again(used), &idle).await.unwrap(), Prepared::Changed(_)));
    for description in [json!("new"), Json::Null] {
        let renamed = with(token("a"), "description", description);
        assert!(
            matches!(prepare(again(renamed), &order).await.unwrap(), Prepared::Changed(_)),
            "it may be declared so"
        );
    }
    let mut readdressed = token("a");
    readdressed["owner"]["email"] = json!("other@example.com");
    assert!(matches!(prepare(again(readdressed), &order).await.unwrap(), Prepared::Changed(_)), "or its owner");
    let wider = with(token("a"), "scopes", json!(["WRITE_BUILDS"]));
    assert!(matches!(prepare(again(wider), &order).await.unwrap(), Prepared::Changed(_)));
    let ended = with(token("a"), "expiresAt", json!("2026-09-01T00:00:00Z"));
    assert!(matches!(prepare(again(ended), &order).await.unwrap(), Prepared::Gone));
    let gone = Transcript::new()
        .on(&ask_page(None), page(&[token("b")], Some("c1")))
        .on(&ask_page(Some("c1")), page(&[token("c")], None));
    assert!(matches!(prepare(gone, &order).await.unwrap(), Prepared::Gone), "only after the last page");
    let cut = Transcript::new().on(&ask_page(None), page(&[token("b")], Some("c1"))).on_status(
        &ask_page(Some("c1")),
        500,
        "",
    );
    assert_eq!(prepare(cut, &order).await.unwrap_err().fault, Fault::Server);
}

#[tokio::test]
async fn only_an_answer_that_names_the_token_is_done() {
    let (_, draft) = draft().await;
    let judged = |status, body: Json| Buildkite.judge(&draft, &answer(status, body.to_string())).settled;
    let named = |id: &str| json!({ "data": { "organizationApiAccessTokenRevoke": { "revokedApiAccessTokenId": id, "clientMutationId": null } } });
    let failed = |message: &str| json!({ "data": null, "errors": [{ "message": message }] });
    let unknown = |settled: Settled| matches!(settled, Settled::Unknown(_));
    assert_eq!(judged(200, named("gid-a")), Settled::Done(None));
    assert!(unknown(judged(200, named("gid-b"))));
    assert!(unknown(judged(200, json!({ "data": { "organizationApiAccessTokenRevoke": null } }))));
    assert!(unknown(judged(200, json!({}))));
    assert!(unknown(judged(200, failed("No token found"))), "the list decides whether it is gone");
    assert!(unknown(judged(200, failed("Authentication required"))));
    assert!(unknown(judged(502, json!({}))));
    assert!(unknown(judged(404, json!({}))));
    assert!(matches!(judged(200, failed("You do not have permission")), Settled::Refused(_)));
    assert!(matches!(judged(403, json!({})), Settled::Refused(_)));
    let mut half = named("gid-a");
    half["errors"] = json!([{ "message": "odd" }]);
    assert!(unknown(judged(200, half)));
}

#[tokio::test]
async fn the_whole_list_settles() {
    let (order, draft) = draft().await;
    let done = Buildkite.judge(
        &draft,
        &answer(200, r#"{"data":{"organizationApiAccessTokenRevoke":{"revokedApiAccessTokenId":"gid-a"}}}"#),
    );
    let account = account(&[]);
    let gone = || Transcript::new().on(&ask_page(None), page(&[token("b")], None));
    assert_eq!(Buildkite.settle(&gone(), &account, &order, &done.note).await.unwrap(), Settled::Done(None));
    assert_eq!(Buildkite.settle(&gone(), &account, &order, &draft.note).await.unwrap(), Settled::Gone);
    let there = Transcript::new().on(&ask_page(None), page(&[token("a")], None));
    assert_eq!(Buildkite.settle(&there, &account, &order, &draft.note).await.unwrap(), Settled::Present);
    let mut other = page(&[], None);
    other["data"]["organization"]["id"] = json!("gid-other");
    let other = Transcript::new().on(&ask_page(None), other);
    let error = Buildkite.settle(&other, &account, &order, &draft.note).await.unwrap_err();
    assert_eq!(error.fault, Fault::WrongAccount, "absence elsewhere proves nothing");
}
