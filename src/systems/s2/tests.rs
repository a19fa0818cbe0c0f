//! Transcripts of S2: each promise of a reading and of a removal with the answers that would break it.

use std::time::Duration;

use crate::{
    access::{Account, Action, Cause, Entry, Fingerprint, Life, Region, Snapshot, Value, part},
    systems::{
        System as _, Wanted,
        s2::S2,
        shared::transcript::{Transcript, answer},
    },
    wire::{Answer, Draft, Fault, Method, Order, Prepared, Settled, Unreadable, Verdict},
};

const FIRST: &str = "GET /access-tokens?limit=1000";

fn page(rows: &[&str], more: bool) -> String {
    format!(r#"{{"access_tokens":[{}],"has_more":{more}}}"#, rows.join(","))
}

fn row(id: &str) -> String {
    format!(r#"{{"id":"{id}","expires_at":null,"auto_prefix_streams":false,"scope":{{"ops":["read"]}}}}"#)
}

async fn read(ask: Transcript) -> Result<Snapshot, Unreadable> {
    let snapshot = S2.read(&ask, &Account::default(), &Wanted::default()).await;
    ask.finished();
    snapshot
}

async fn one(row: &str) -> Entry {
    read(Transcript::new().on(FIRST, page(&[row], false))).await.unwrap().entries.remove(0)
}

fn order(entry: &Entry) -> Order {
    Order {
        target: "s2-production".into(),
        action: Action::Revoke,
        cause: Cause::Undeclared,
        fingerprint: Fingerprint::of(entry),
        entry: entry.clone(),
        reason: "nobody declares it".to_owned(),
        peers: Vec::new(),
        may_open: false,
    }
}

async fn prepare(ask: Transcript, order: &Order) -> Prepared {
    let prepared = S2.prepare(&ask, &Account::default(), order).await.unwrap();
    ask.finished();
    prepared
}

async fn draft(id: &str) -> (Order, Box<Draft>) {
    let order = order(&one(&row(id)).await);
    let ask = Transcript::new().on(&format!("{FIRST}&prefix={id}"), page(&[&row(id)], false));
    match prepare(ask, &order).await {
        Prepared::Send(draft) => (order, draft),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn pages_follow_start_after_until_has_more_is_false() {
    let ask = Transcript::new()
        .on(FIRST, page(&[&row("a"), &row("b/1")], true))
        .on(&format!("{FIRST}&start_after=b/1"), page(&[&row("c")], false));
    let snapshot = read(ask).await.unwrap();
    let ids: Vec<&str> = snapshot.entries.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(ids, ["a", "b/1", "c"]);
    assert_eq!((snapshot.evidence.pages, snapshot.account_id), (2, None));
}

#[tokio::test]
async fn a_list_that_is_not_proved_whole_is_incomplete() {
    let next = format!("{FIRST}&start_after=b");
    let broken = [
        Transcript::new().on(FIRST, page(&[&row("b"), &row("a")], false)),
        Transcript::new().on(FIRST, page(&[&row("a"), &row("a")], false)),
        Transcript::new().on(FIRST, page(&[&row("b")], true)).on(&next, page(&[&row("b")], false)),
        Transcript::new().on(FIRST, page(&[], true)),
        Transcript::new().on(FIRST, page(&[&row("")], false)),
    ];
    for ask in broken {
        assert_eq!(read(ask).await.unwrap_err().fault, Fault::Incomplete);
    }
}

#[tokio::test]
async fn what_the_api_does_not_promise_is_malformed_and_never_an_empty_list() {
    let rows = [
        r#"{"id":"a"}"#,
        r#"{"id":"a","scope":null}"#,
        r#"{"id":"a","scope":{"basins":{"exact":"b","prefix":"b"}}}"#,
        r#"{"id":"a","scope":{"basins":{}}}"#,
        r#"{"id":"a","scope":{"ops":"read"}}"#,
        r#"{"id":"a","scope":{},"expires_at":"soon"}"#,
        r#"{"id":"a","scope":{},"expires_at":1700000000}"#,
    ];
    let mut bodies: Vec<String> = rows.iter().map(|row| page(&[row], false)).collect();
    bodies.extend(
        ["{}", r#"{"access_tokens":[]}"#, r#"{"access_tokens":null,"has_more":false}"#, "<html>", ""].map(String::from),
    );
    for body in bodies {
        let error = read(Transcript::new().on(FIRST, &body)).await.unwrap_err();
        assert_eq!(error.fault, Fault::Malformed, "{body}");
    }
}

#[tokio::test]
async fn errors_name_whose_fault_it_was() {
    let code = |code: &str| format!(r#"{{"code":"{code}","message":"no"}}"#);
    let cases = [
        (401, code("authn"), Fault::Credential),
        (403, code("permission_denied"), Fault::Permission),
        (404, code("access_token_not_found"), Fault::Credential),
        (404, String::new(), Fault::Missing),
        (500, code("other"), Fault::Server),
    ];
    for (status, body, fault) in cases {
        let error = read(Transcript::new().on_status(FIRST, status, body)).await.unwrap_err();
        assert_eq!(error.fault, fault, "{status}");
    }
    let error = read(Transcript::new().on_status(FIRST, 404, "")).await.unwrap_err();
    assert!(error.advice.unwrap().contains("base_url"));
}

#[tokio::test]
async fn every_spelling_of_none_reads_the_same_and_no_order_of_words_matters() {
    let silent = one(r#"{"id":"a","scope":{"ops":["read","append"]}}"#).await;
    let spelled =
        one(r#"{"id":"a","expires_at":null,"auto_prefix_streams":false,"scope":{"basins":{"exact":""},"streams":null,
            "access_tokens":null,"op_groups":{"account":{"read":false,"write":false},"basin":null,"stream":{}},
            "ops":["append","read"]}}"#)
        .await;
    assert_eq!(silent.values, spelled.values);
    assert_eq!(Fingerprint::of(&silent), Fingerprint::of(&spelled));
    assert_eq!(silent.value("auto_prefix_streams"), &Value::Bool(false));
}

#[tokio::test]
async fn scopes_keep_words_and_groups_that_nobody_knows() {
    let entry = one(
        r#"{"id":"a","scope":{"basins":{"prefix":""},"op_groups":{"zone":{"tilt":true}},"ops":["levitate"],"zones":1}}"#,
    )
    .await;
    let scope = entry.value("scope");
    assert_eq!(part(scope, 0), &Value::Region(Region::Prefix("".into())));
    assert_eq!(part(scope, 3), &Value::set(["zone.tilt".into()]));
    assert_eq!(part(scope, 4), &Value::set(["levitate".into()]));
}

#[tokio::test]
async fn an_end_that_has_passed_is_dead_and_the_end_of_time_is_an_end() {
    let ending = |end: &str| format!(r#"{{"id":"a","expires_at":"{end}","scope":{{}}}}"#);
    assert_eq!(one(&ending("2026-10-01T11:59:59.5Z")).await.life, Life::Dead("expired".into()));
    assert_eq!(one(&ending("2026-10-01T17:30:00.1+05:30")).await.life, Life::Live);
    assert_eq!(one(&ending("9999-12-31T23:59:59Z")).await.expires_at, Some(jiff::Timestamp::MAX));
}

#[tokio::test]
async fn a_token_that_may_revoke_tokens_says_so() {
    let entry =
        one(r#"{"id":"a","scope":{"access_tokens":{"prefix":"ci/"},"op_groups":{"account":{"write":true}}}}"#).await;
    assert!(entry.facts.unwrap().revokes_tokens);
    assert!(one(&row("a")).await.facts.is_none());
}

#[tokio::test]
async fn the_id_travels_as_one_segment_and_the_delete_has_no_body() {
    let (_, draft) = draft("user/ann é?").await;
    assert_eq!(draft.shown(), "DELETE /access-tokens/user%2Fann%20%C3%A9%3F");
    assert_eq!((draft.method, draft.body, draft.key_header), (Method::Delete, None, None));
}

#[tokio::test]
async fn only_exactly_the_same_token_is_removed() {
    let planned = order(&one(&row("a")).await);
    let asked = format!("{FIRST}&prefix=a");
    let longer = Transcript::new().on(&asked, page(&[&row("a2")], false));
    assert!(matches!(prepare(longer, &planned).await, Prepared::Gone));
    let reissued = r#"{"id":"a","scope":{"ops":["append"]}}"#;
    let changed = Transcript::new().on(&asked, page(&[reissued, &row("a2")], true));
    assert!(matches!(prepare(changed, &planned).await, Prepared::Changed(_)));
    let ended = r#"{"id":"a","expires_at":"2026-10-01T11:00:00Z","scope":{"ops":["read"]}}"#;
    let ended = Transcript::new().on(&asked, page(&[ended], false));
    assert!(matches!(prepare(ended, &planned).await, Prepared::Gone));
}

#[tokio::test]
async fn absence_is_said_only_after_the_last_page() {
    let planned = order(&one(&row("a")).await);
    let asked = format!("{FIRST}&prefix=a");
    let ask = Transcript::new()
        .on(&asked, page(&[&row("a2")], true))
        .on(&format!("{asked}&start_after=a2"), page(&[&row("a3")], false));
    assert!(matches!(prepare(ask, &planned).await, Prepared::Gone));
    let foreign = Transcript::new().on(&asked, page(&[&row("b")], false));
    let error = S2.prepare(&foreign, &Account::default(), &planned).await.unwrap_err();
    assert_eq!(error.fault, Fault::Incomplete, "a server that ignores the prefix proves nothing");
}

#[tokio::test]
async fn answers_to_the_delete_mean_what_they_say_and_no_more() {
    let (order, draft) = draft("a").await;
    let judged = |status, code: &str| {
        let body = if code.is_empty() { String::new() } else { format!(r#"{{"code":"{code}","message":"no"}}"#) };
        S2.judge(&draft, &answer(status, body)).settled
    };
    let unknown = |settled: Settled| matches!(settled, Settled::Unknown(_));
    assert!(unknown(judged(404, "access_token_not_found")));
    assert!(unknown(judged(404, "")));
    assert!(unknown(judged(401, "authn")));
    assert!(unknown(judged(408, "request_timeout")));
    assert!(unknown(judged(503, "unavailable")));
    assert!(unknown(judged(200, "")), "only 204 is promised");
    assert!(matches!(judged(403, "permission_denied"), Settled::Refused(_)));
    assert!(matches!(judged(400, "bad_path"), Settled::Refused(_)));

    let done = S2.judge(&draft, &answer(204, ""));
    let Settled::Done(Some(remark)) = &done.settled else { panic!("{done:?}") };
    assert!(remark.contains("10 minutes") && remark.contains("2026-10-01T12:10:00Z"), "{remark}");
    let asked = format!("{FIRST}&prefix=a");
    let gone = || Transcript::new().on(&asked, page(&[], false));
    let account = Account::default();
    assert_eq!(S2.settle(&gone(), &account, &order, &done.note).await.unwrap(), done.settled);
    assert_eq!(S2.settle(&gone(), &account, &order, &draft.note).await.unwrap(), Settled::Gone);
    let there = Transcript::new().on(&asked, page(&[&row("a")], false));
    assert_eq!(S2.settle(&there, &account, &order, &done.note).await.unwrap(), Settled::Present);
    let anew = Transcript::new().on(&asked, page(&[r#"{"id":"a","scope":{"ops":["trim"]}}"#], false));
    assert_eq!(S2.settle(&anew, &account, &order, &draft.note).await.unwrap(), Settled::Gone);
}

#[tokio::test]
async fn only_what_had_no_effect_may_be_sent_again_and_not_before_the_hint() {
    let (_, draft) = draft("a").await;
    let verdict = |status, code: &str| {
        let headers = vec![("retry-after-ms".to_owned(), "250".to_owned())];
        let told = Answer { headers, ..answer(status, format!(r#"{{"code":"{code}","message":"no"}}"#)) };
        (draft.judge)(&told)
    };
    let after = Some(Duration::from_millis(250));
    assert_eq!(verdict(429, "rate_limited"), Verdict::Retry { after });
    assert_eq!(verdict(409, "transaction_conflict"), Verdict::Retry { after });
    assert_eq!(verdict(502, "hot_server"), Verdict::Retry { after });
    assert_eq!(verdict(503, "server_draining"), Verdict::Retry { after });
    assert_eq!(verdict(503, "unavailable"), Verdict::MaybeApplied { after });
    assert_eq!(verdict(408, "request_timeout"), Verdict::MaybeApplied { after });
    assert_eq!(verdict(500, "brand_new"), Verdict::MaybeApplied { after });
    assert_eq!(verdict(409, "resource_already_exists"), Verdict::Final);
    assert_eq!(verdict(404, "access_token_not_found"), Verdict::Final);
    assert_eq!(verdict(501, "not_implemented"), Verdict::Final);
}
