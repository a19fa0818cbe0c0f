//! Transcripts of Pinata: each promise of a reading and of a removal with the answers that would break it.

use serde_json::{Value as Json, json};

use crate::{
    access::{Account, Action, Cause, Entry, Fingerprint, Life, Snapshot, Value},
    systems::{
        System as _, Wanted,
        pinata::Pinata,
        shared::transcript::{Transcript, answer},
    },
    wire::{Draft, Fault, Order, Prepared, Settled, Unreadable, Verdict},
};

const GATEWAYS: &str = "GET /gateways?pageSize=100&page=1";
const KEYS: &str = "GET /api_keys?offset=0";

fn gateway(id: &str) -> Json {
    json!({ "id": id, "domain": format!("domain-{id}"), "restrict": true, "created_at": "2026-01-01T00:00:00.000Z",
        "custom_domains": [{ "domain": format!("{id}.example.com"), "ssl_validation_status": "initializing" }] })
}

fn gateways(ids: &[&str], count: u64) -> Json {
    json!({ "data": { "count": count, "rows": ids.iter().map(|id| gateway(id)).collect::<Vec<_>>() } })
}

fn control(id: &str) -> Json {
    json!({ "id": id, "value": "CLEAR-TEXT", "createdAt": "2026-01-02T03:04:05.123456789Z" })
}

fn controls(ids: &[&str]) -> Vec<Json> {
    ids.iter().map(|id| control(id)).collect()
}

fn details(id: &str, keys: &[&str], hosts: &[&str], ips: &[&str]) -> Json {
    json!({ "data": { "id": id, "domain": "d", "settings": { "restriction_policies": {
        "accessTokens": controls(keys), "allowedHosts": controls(hosts), "allowedIPAddresses": controls(ips) } } } })
}

fn key(key: &str) -> Json {
    json!({ "id": format!("row-{key}"), "name": format!("name {key}"), "key": key, "secret": "CLEAR-TEXT",
        "max_uses": null, "uses": 7, "user_id": "u", "revoked": false,
        "scopes": { "admin": false, "endpoints": { "pinning": { "unpin": true, "pinJobs": false } } },
        "createdAt": "2026-01-02T03:04:05.678Z", "updatedAt": "2026-01-02T03:04:05.678Z" })
}

fn with(mut row: Json, field: &str, value: Json) -> Json {
    row[field] = value;
    row
}

fn keys(rows: &[Json]) -> Json {
    json!({ "keys": rows, "count": rows.len() })
}

/// All these keys on one page, and how the list then ends.
fn whole(ask: Transcript, rows: &[Json]) -> Transcript {
    let Some((last, at)) = rows.last().zip(rows.len().checked_sub(1)) else { return ask.on(KEYS, keys(&[])) };
    let count = rows.len();
    ask.on(KEYS, keys(rows))
        .on(&format!("GET /api_keys?offset={at}"), json!({ "keys": [last], "count": count }))
        .on(&format!("GET /api_keys?offset={count}"), json!({ "keys": [], "count": count }))
}

fn no_gateways() -> Transcript {
    Transcript::new().on(GATEWAYS, gateways(&[], 0))
}

fn no_keys() -> Transcript {
    Transcript::new().on(KEYS, keys(&[]))
}

async fn read_as(ask: Transcript, account: &Account) -> Result<Snapshot, Unreadable> {
    Pinata.read(&ask, account, &Wanted::default()).await
}

async fn read(ask: Transcript) -> Result<Snapshot, Unreadable> {
    read_as(ask, &Account::default()).await
}

fn ids(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.entries.iter().map(|entry| entry.id.as_str()).collect()
}

#[tokio::test]
async fn keys_come_from_the_details_of_every_gateway_and_their_values_nowhere() {
    let ask = no_keys()
        .on(GATEWAYS, gateways(&["g1"], 2))
        .on("GET /gateways?pageSize=100&page=2", gateways(&["g2"], 2))
        // A list of several pages is read twice.
        .on(GATEWAYS, gateways(&["g1"], 2))
        .on("GET /gateways?pageSize=100&page=2", gateways(&["g2"], 2))
        .on("GET /gateways/g1", details("g1", &["k1", "k2"], &["h"], &["i", "j"]))
        .on("GET /gateways/g2", details("g2", &[], &[], &[]));
    let snapshot = read(ask).await.unwrap();
    assert_eq!(ids(&snapshot), ["k1", "k2"]);
    let entry = &snapshot.entries[0];
    assert_eq!(entry.created_at.unwrap().subsec_nanosecond(), 123_456_789);
    let facts = entry.facts.as_ref().unwrap();
    assert_eq!((facts.control.as_deref(), &facts.floor_groups[..]), (Some("g1"), &["g1".into()][..]));
    assert_eq!((snapshot.controls[0].others, snapshot.controls[1].others), (3, 0));
    assert_eq!(snapshot.controls[0].names, ["domain-g1", "domain-g1.mypinata.cloud", "g1.example.com"]);
    assert!(matches!(entry.value("gateway"), Value::Object(gateway) if gateway.id == "g1"));
    assert!(!format!("{snapshot:?}").contains("CLEAR-TEXT"));
}

#[tokio::test]
async fn controls_that_are_not_told_are_unreadable_and_never_none() {
    let whole = details("g1", &["k1"], &[], &[]);
    let mut broken = Vec::new();
    for field in ["accessTokens", "allowedHosts", "allowedIPAddresses"] {
        let mut null = whole.clone();
        null["data"]["settings"]["restriction_policies"][field] = Json::Null;
        broken.push(null);
        let mut missing = whole.clone();
        missing["data"]["settings"]["restriction_policies"].as_object_mut().unwrap().remove(field);
        broken.push(missing);
    }
    broken.push(json!({ "data": { "id": "g1", "settings": null } }));
    broken.push(json!({ "data": { "id": "g1" } }));
    broken.push(json!({ "data": null }));
    broken.push(details("g2", &[], &[], &[]));
    for body in broken {
        let ask = no_keys().on(GATEWAYS, gateways(&["g1"], 1)).on("GET /gateways/g1", &body);
        let error = read(ask).await.unwrap_err();
        assert_eq!(error.fault, Fault::Malformed, "{body}");
        assert!(!format!("{error:?}").contains("CLEAR-TEXT"));
    }
}

#[tokio::test]
async fn one_gateway_that_fails_makes_all_unreadable() {
    for (status, fault) in [(500, Fault::Server), (404, Fault::Missing), (403, Fault::Permission)] {
        let ask = no_keys()
            .on(GATEWAYS, gateways(&["g1", "g2"], 2))
            .on("GET /gateways/g1", details("g1", &["k1"], &[], &[]))
            .on_status("GET /gateways/g2", status, "{}");
        assert_eq!(read(ask).await.unwrap_err().fault, fault);
    }
}

#[tokio::test]
async fn a_list_of_gateways_that_shifts_is_read_again_three_times_and_no_more() {
    let second = "GET /gateways?pageSize=100&page=2";
    let shifted = |ask: Transcript| ask.on(GATEWAYS, gateways(&["g1"], 2)).on(second, gateways(&["g1"], 2));
    let steady = |ask: Transcript| {
        ask.on(GATEWAYS, gateways(&["g1"], 1)).on("GET /gateways/g1", details("g1", &["k1"], &[], &[]))
    };
    let snapshot = read(steady(shifted(shifted(shifted(no_keys()))))).await.unwrap();
    assert_eq!(ids(&snapshot), ["k1"]);
    let error = read(shifted(shifted(shifted(shifted(no_keys()))))).await.unwrap_err();
    assert_eq!(error.fault, Fault::Shifted);
}

#[tokio::test]
async fn a_gateway_that_another_one_hides_is_found_by_reading_the_pages_twice() {
    let second = "GET /gateways?pageSize=100&page=2";
    let two = |ask: Transcript, first: &[&str], rest: &[&str]| {
        ask.on(GATEWAYS, gateways(first, 4)).on(second, gateways(rest, 4))
    };
    // g1 leaves behind the first page and g9 comes at the end: g3 moves over to the page that was read already.
    let ask = two(no_keys(), &["g1", "g2"], &["g4", "g9"]);
    let ask = two(ask, &["g2", "g3"], &["g4", "g9"]);
    let mut ask = two(two(ask, &["g2", "g3"], &["g4", "g9"]), &["g2", "g3"], &["g4", "g9"]);
    for id in ["g2", "g3", "g4", "g9"] {
        ask = ask.on(&format!("GET /gateways/{id}"), details(id, &[&format!("k-{id}")], &[], &[]));
    }
    assert_eq!(ids(&read(ask).await.unwrap()), ["k-g2", "k-g3", "k-g4", "k-g9"]);
}

#[tokio::test]
async fn a_count_of_gateways_that_changes_between_pages_is_a_shift_whatever_the_last_page_says() {
    let mut ask = no_keys();
    for _ in 0..4 {
        // The last page's count would fit what was collected.
        ask =
            ask.on(GATEWAYS, gateways(&["g1", "g2"], 4)).on("GET /gateways?pageSize=100&page=2", gateways(&["g4"], 3));
    }
    let error = read(ask).await.unwrap_err();
    assert!(error.fault == Fault::Shifted && error.what.contains("count changed"), "{error}");
}

#[tokio::test]
async fn fewer_gateways_than_counted_are_incomplete() {
    let mut ask = no_keys();
    for _ in 0..4 {
        ask = ask.on(GATEWAYS, gateways(&["g1"], 2)).on("GET /gateways?pageSize=100&page=2", gateways(&[], 2));
    }
    assert_eq!(read(ask).await.unwrap_err().fault, Fault::Shifted);
    let ask = no_keys().on(GATEWAYS, json!({ "data": { "count": 0, "rows": null } }));
    assert_eq!(read(ask).await.unwrap_err().fault, Fault::Malformed);
}

#[tokio::test]
async fn a_target_may_name_its_gateways_by_id_or_domain_and_each_has_to_be_there() {
    let account = |names: &[&str]| {
        let mut account = Account::default();
        account.fields.insert("gateways", names.iter().map(|&name| name.into()).collect());
        account
    };
    for name in ["g2", "domain-g2", "Domain-g2.mypinata.cloud", "g2.example.com"] {
        let ask =
            no_keys().on(GATEWAYS, gateways(&["g1", "g2"], 2)).on("GET /gateways/g2", details("g2", &["k2"], &[], &[]));
        assert_eq!(ids(&read_as(ask, &account(&[name])).await.unwrap()), ["k2"]);
    }
    let ask = no_keys().on(GATEWAYS, gateways(&["g1"], 1));
    let error = read_as(ask, &account(&["g1", "g9"])).await.unwrap_err();
    assert_eq!(error.fault, Fault::Missing);
    assert!(error.what.contains("g9"));
}

#[tokio::test]
async fn api_keys_are_read_to_an_empty_page_and_revoked_ones_are_dead() {
    let resources = with(key("c"), "scopes", json!({ "resources": ["org:files:read"], "levitate": { "x": true } }));
    let exhausted = with(with(key("b"), "max_uses", json!(5)), "name", Json::Null);
    let ask = no_gateways()
        .on(KEYS, keys(&[key("a"), exhausted.clone()]))
        .on("GET /api_keys?offset=1", keys(&[exhausted, with(resources.clone(), "revoked", json!(true))]))
        .on("GET /api_keys?offset=2", keys(&[with(resources, "revoked", json!(true))]))
        .on("GET /api_keys?offset=3", keys(&[]));
    let snapshot = read(ask).await.unwrap();
    assert_eq!(ids(&snapshot), ["a", "b", "c"]);
    let [a, b, c] = &snapshot.entries[..] else { panic!() };
    assert_eq!((a.label.as_deref(), a.revoke_handle().as_str(), &a.life), (Some("name a"), "a", &Life::Live));
    assert_eq!(a.value("scopes"), &Value::set(["endpoints.pinning.unpin".into()]));
    assert_eq!((b.label.as_deref(), &b.life), (None, &Life::Live));
    assert_eq!(c.life, Life::Dead("revoked".into()));
    assert_eq!(c.value("scopes"), &Value::set(["org:files:read", "levitate.x"].map(Into::into)));
    assert!(snapshot.evidence.remarks.iter().any(|remark| remark.starts_with("1 API keys")));
    assert!(!format!("{snapshot:?}").contains("CLEAR-TEXT"));
}

#[tokio::test]
async fn use_and_change_times_are_not_part_of_an_api_key() {
    let fingerprint = async |row: Json| {
        let ask = whole(no_gateways(), &[row]);
        Fingerprint::of(&read(ask).await.unwrap().entries[0])
    };
    let moved = with(with(key("a"), "uses", json!(8)), "updatedAt", json!("2026-09-09T00:00:00Z"));
    assert_eq!(fingerprint(key("a")).await, fingerprint(moved).await);
    let wider = with(key("a"), "scopes", json!({ "admin": true }));
    assert_ne!(fingerprint(key("a")).await, fingerprint(wider).await);
}

#[tokio::test]
async fn a_list_of_api_keys_that_shifts_is_read_again_three_times_and_then_given_up() {
    let listed = |keys: &[&str], count: usize| json!({ "keys": keys.iter().map(|id| key(id)).collect::<Vec<_>>(), "count": count });
    let second = "GET /api_keys?offset=1";
    let damaged = [
        // Without the overlap, d would follow b, and c be hidden.
        ("a row went", vec![(KEYS, listed(&["a", "b"], 4)), (second, listed(&["c", "d"], 4))]),
        ("an id twice", vec![(KEYS, listed(&["a", "b"], 4)), (second, listed(&["b", "a"], 4))]),
        ("the last row went", vec![(KEYS, listed(&["a", "b"], 4)), (second, listed(&[], 4))]),
        ("the count changed", vec![(KEYS, listed(&["a", "b"], 4)), (second, listed(&["b", "c"], 3))]),
        (
            "fewer than counted",
            vec![
                (KEYS, listed(&["a", "b"], 3)),
                (second, listed(&["b"], 3)),
                ("GET /api_keys?offset=2", listed(&[], 3)),
            ],
        ),
        (
            "it goes on behind its end",
            vec![
                (KEYS, listed(&["a", "b"], 2)),
                (second, listed(&["b"], 2)),
                ("GET /api_keys?offset=2", listed(&["c"], 3)),
            ],
        ),
    ];
    for (what, pages) in damaged {
        let shifted = |ask: Transcript| pages.iter().fold(ask, |ask, (request, body)| ask.on(request, body));
        let healed = whole((0..3).fold(no_gateways(), |ask, _| shifted(ask)), &["a", "b", "c", "d"].map(key));
        assert_eq!(ids(&read(healed).await.unwrap()), ["a", "b", "c", "d"], "{what}");
        let error = read((0..4).fold(no_gateways(), |ask, _| shifted(ask))).await.unwrap_err();
        assert_eq!(error.fault, Fault::Shifted, "{what}");
    }
}

#[tokio::test]
async fn what_a_count_of_api_keys_counts_is_not_known_and_either_is_met() {
    for counts in [[2, 2, 1, 0], [3, 3, 3, 3]] {
        let bodies = [["a", "b"].as_slice(), &["b", "c"], &["c"], &[]];
        let ask = bodies.iter().zip(counts).enumerate().fold(no_gateways(), |ask, (offset, (page, count))| {
            let body = json!({ "keys": page.iter().map(|id| key(id)).collect::<Vec<_>>(), "count": count });
            ask.on(&format!("GET /api_keys?offset={offset}"), body)
        });
        assert_eq!(ids(&read(ask).await.unwrap()), ["a", "b", "c"], "{counts:?}");
    }
}

#[tokio::test]
async fn api_keys_without_their_fields_are_malformed() {
    let mut no_state = key("a");
    no_state.as_object_mut().unwrap().remove("revoked");
    for body in [keys(&[no_state]), json!({}), json!({ "keys": null, "count": 0 }), json!({ "data": { "keys": [] } })] {
        assert_eq!(read(no_gateways().on(KEYS, body)).await.unwrap_err().fault, Fault::Malformed);
    }
}

#[tokio::test]
async fn a_missing_right_is_told_whether_it_comes_as_401_or_403() {
    for (status, fault) in [(401, Fault::Credential), (403, Fault::Permission)] {
        for body in [r#"{"error":"not authenticated"}"#, r#"{"error":{"reason":"NO_SCOPES_FOUND"}}"#] {
            let error = read(no_gateways().on_status(KEYS, status, body)).await.unwrap_err();
            assert_eq!(error.fault, fault);
            assert!(error.advice.unwrap().contains("org:write"));
        }
    }
}

#[tokio::test]
async fn the_own_key_is_the_one_that_the_credential_names_if_it_lives() {
    let account = |claim: Option<&str>| Account { own_claim: claim.map(Into::into), ..Account::default() };
    let ask = || {
        let rows = [key("a"), with(key("b"), "revoked", json!(true))];
        whole(no_gateways(), &rows)
    };
    let snapshot = read_as(ask(), &account(Some("a"))).await.unwrap();
    assert_eq!((snapshot.own[0].kind.as_str(), snapshot.own[0].id.as_str()), ("api_key", "a"));
    for claim in [None, Some("b"), Some("z")] {
        let snapshot = read_as(ask(), &account(claim)).await.unwrap();
        assert!(snapshot.own.is_empty() && snapshot.evidence.remarks.len() == 1, "{claim:?}");
    }
}

fn order(entry: &Entry, peers: &[&str], may_open: bool) -> Order {
    Order {
        target: "pinata-media".into(),
        action: Action::Revoke,
        cause: Cause::Undeclared,
        fingerprint: Fingerprint::of(entry),
        entry: entry.clone(),
        reason: "nobody declares it".to_owned(),
        peers: peers.iter().map(|&id| id.into()).collect(),
        may_open,
    }
}

async fn gateway_key() -> Entry {
    let ask = no_keys().on(GATEWAYS, gateways(&["g1"], 1)).on("GET /gateways/g1", details("g1", &["k1"], &[], &[]));
    read(ask).await.unwrap().entries.remove(0)
}

async fn api_key() -> Entry {
    let ask = whole(no_gateways(), &[key("a")]);
    read(ask).await.unwrap().entries.remove(0)
}

async fn prepare(ask: Transcript, order: &Order) -> Result<Prepared, Unreadable> {
    let prepared = Pinata.prepare(&ask, &Account::default(), order).await;
    ask.finished();
    prepared
}

async fn draft(order: &Order) -> Box<Draft> {
    let ask = Transcript::new();
    let ask = match order.entry.kind.name {
        "gateway_key" => ask.on("GET /gateways/g1", details("g1", &["k1", "k2"], &[], &[])),
        _ => ask.on(KEYS, keys(&[key("a")])),
    };
    match prepare(ask, order).await.unwrap() {
        Prepared::Send(draft) => draft,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_that_has_another_name_now_is_not_the_one_that_was_planned() {
    let ask = Transcript::new().on(KEYS, keys(&[with(key("a"), "name", json!("a declared one"))]));
    let prepared = prepare(ask, &order(&api_key().await, &[], false)).await.unwrap();
    assert!(matches!(prepared, Prepared::Changed(_)), "{prepared:?}");
}

#[tokio::test]
async fn a_removal_names_exactly_one_key() {
    let of_gateway = draft(&order(&gateway_key().await, &[], false)).await;
    assert_eq!(of_gateway.shown(), "DELETE /gateways/g1/access_tokens/k1");
    let of_account = draft(&order(&api_key().await, &[], false)).await;
    assert_eq!(of_account.shown(), "DELETE /api_keys/a");
    assert_eq!((of_gateway.body, of_account.body), (None, None));
    let mut nameless = gateway_key().await;
    nameless.id = "".into();
    let error = prepare(Transcript::new(), &order(&nameless, &[], false)).await.unwrap_err();
    assert_eq!(error.fault, Fault::Request, "without the key's id the path would be the gateway's");
}

#[tokio::test]
async fn the_last_control_of_a_gateway_stays() {
    let entry = gateway_key().await;
    let now = |keys: &[&str], hosts: &[&str], ips: &[&str]| {
        Transcript::new().on("GET /gateways/g1", details("g1", keys, hosts, ips))
    };
    let blocked = |prepared: Prepared| matches!(prepared, Prepared::Blocked(_));
    let sent = |prepared: Prepared| matches!(prepared, Prepared::Send(_));
    assert!(blocked(prepare(now(&["k1"], &[], &[]), &order(&entry, &[], false)).await.unwrap()));
    assert!(blocked(prepare(now(&["k1", "k2"], &[], &[]), &order(&entry, &["k2"], false)).await.unwrap()));
    assert!(sent(prepare(now(&["k1", "k2"], &[], &[]), &order(&entry, &[], false)).await.unwrap()));
    assert!(sent(prepare(now(&["k1"], &["h"], &[]), &order(&entry, &[], false)).await.unwrap()));
    assert!(sent(prepare(now(&["k1"], &[], &["i"]), &order(&entry, &[], false)).await.unwrap()));
    assert!(sent(prepare(now(&["k1"], &[], &[]), &order(&entry, &[], true)).await.unwrap()));
    assert!(matches!(prepare(now(&["k2"], &[], &[]), &order(&entry, &[], false)).await.unwrap(), Prepared::Gone));
    let mut changed = order(&entry, &[], false);
    changed.fingerprint = Fingerprint::of(&api_key().await);
    assert!(matches!(prepare(now(&["k1", "k2"], &[], &[]), &changed).await.unwrap(), Prepared::Changed(_)));
}

#[tokio::test]
async fn a_gateway_that_answers_404_is_gone_only_by_the_list_of_gateways() {
    let order = order(&gateway_key().await, &[], false);
    let lost = || Transcript::new().on_status("GET /gateways/g1", 404, "{}");
    let gone = lost().on(GATEWAYS, gateways(&["g2"], 1));
    assert!(matches!(prepare(gone, &order).await.unwrap(), Prepared::Gone));
    let there = lost().on(GATEWAYS, gateways(&["g1"], 1));
    assert_eq!(prepare(there, &order).await.unwrap_err().fault, Fault::Missing);
}

#[tokio::test]
async fn an_api_key_is_gone_when_it_is_revoked_or_absent_from_the_whole_list() {
    let order = order(&api_key().await, &[], false);
    let revoked = Transcript::new().on(KEYS, keys(&[with(key("a"), "revoked", json!(true))]));
    assert!(matches!(prepare(revoked, &order).await.unwrap(), Prepared::Gone));
    let absent = whole(Transcript::new(), &[key("b")]);
    assert!(matches!(prepare(absent, &order).await.unwrap(), Prepared::Gone));
    let wider = Transcript::new().on(KEYS, keys(&[with(key("a"), "scopes", json!({ "admin": true }))]));
    assert!(matches!(prepare(wider, &order).await.unwrap(), Prepared::Changed(_)));
}

#[tokio::test]
async fn the_key_that_is_calling_is_never_removed() {
    let account = Account { own_claim: Some("a".into()), ..Account::default() };
    let prepared = Pinata.prepare(&Transcript::new(), &account, &order(&api_key().await, &[], true)).await;
    assert!(matches!(prepared.unwrap(), Prepared::Blocked(_)));
}

#[tokio::test]
async fn odd_bodies_of_success_are_settled_by_reading_and_refusals_are_never_gone() {
    let (of_gateway, of_account) = (gateway_key().await, api_key().await);
    let (of_gateway, of_account) = (order(&of_gateway, &[], false), order(&of_account, &[], false));
    let (gateway_draft, account_draft) = (draft(&of_gateway).await, draft(&of_account).await);
    let unknown = |draft: &Draft, status, body: &str| {
        matches!(Pinata.judge(draft, &answer(status, body)).settled, Settled::Unknown(_))
    };
    let refused =
        |draft: &Draft, status| matches!(Pinata.judge(draft, &answer(status, "{}")).settled, Settled::Refused(_));
    assert_eq!(Pinata.judge(&gateway_draft, &answer(200, "{\"data\":null}\n")).settled, Settled::Done(None));
    assert_eq!(Pinata.judge(&account_draft, &answer(200, "\"Revoked\"")).settled, Settled::Done(None));
    for (status, body) in [(200, "\"Revoked\""), (200, ""), (204, ""), (200, "{}"), (404, "{}"), (500, ""), (400, "{}")]
    {
        assert!(unknown(&gateway_draft, status, body), "{status} {body}");
    }
    for (status, body) in [(200, "{\"data\":null}"), (200, "\"revocation queued\""), (404, "{}"), (409, "{}")] {
        assert!(unknown(&account_draft, status, body), "{status} {body}");
    }
    for draft in [&gateway_draft, &account_draft] {
        assert!(refused(draft, 401) && refused(draft, 403));
    }
    let account = Account::default();
    let note = Pinata.judge(&gateway_draft, &answer(200, "{\"data\":null}")).note;
    let now = |keys: &[&str]| Transcript::new().on("GET /gateways/g1", details("g1", keys, &[], &[]));
    assert_eq!(Pinata.settle(&now(&["k2"]), &account, &of_gateway, &note).await.unwrap(), Settled::Done(None));
    let open = &gateway_draft.note;
    assert_eq!(Pinata.settle(&now(&["k2"]), &account, &of_gateway, open).await.unwrap(), Settled::Gone);
    assert_eq!(Pinata.settle(&now(&["k1"]), &account, &of_gateway, open).await.unwrap(), Settled::Present);
    let revoked = Transcript::new().on(KEYS, keys(&[with(key("a"), "revoked", json!(true))]));
    assert_eq!(Pinata.settle(&revoked, &account, &of_account, &account_draft.note).await.unwrap(), Settled::Gone);
}

#[tokio::test]
async fn a_rate_limit_had_no_effect_and_a_server_error_may_have() {
    let draft = draft(&order(&api_key().await, &[], false)).await;
    assert_eq!((draft.judge)(&answer(429, "{}")), Verdict::Retry { after: None });
    assert_eq!((draft.judge)(&answer(502, "")), Verdict::MaybeApplied { after: None });
    assert_eq!((draft.judge)(&answer(200, "odd")), Verdict::Final);
}
