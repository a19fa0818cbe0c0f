//! The JSON API says what stands on the board, takes what it documents, and refuses the rest with a way on.

use std::{collections::BTreeSet, sync::Arc};

use portcullis::{
    access::Text,
    journal::{Journal, RecordBody, RunInfo},
    plan::Status,
    serve::{Board, Health, MAX_SHOWN_ROWS, Options, webhook::GitHost},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{self, Stage, board, now, records, told, view};

/// The validator of an answer, as the OpenAPI document has it.
fn validator(document: &Value, method: &str, path: &str, status: u16, media: &str) -> jsonschema::Validator {
    let schema = &document["paths"][path][method]["responses"][status.to_string()]["content"][media]["schema"];
    assert!(schema.is_object(), "{method} {path} {status} {media} is not documented");
    // The schemas stand in the document itself, so that it is the root of their references.
    let mut root =
        json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"] });
    root["allOf"] = json!([schema]);
    jsonschema::validator_for(&root).unwrap()
}

#[tokio::test]
async fn every_answer_is_as_documented() {
    let stage = Stage::of(board()).await;
    let document = stage.json(200, "/v1/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut seen = BTreeSet::new();
    let json_type = "application/json";
    let problem = "application/problem+json";
    let target = "/v1/targets/{name}";
    let (plan, missing) = ("/v1/targets/{name}/plan", "no-such-target");
    let calls = vec![
        ("get", "/healthz", "/healthz".into(), None, 200, json_type),
        ("get", "/readyz", "/readyz".into(), None, 503, json_type),
        ("get", "/v1/openapi.json", "/v1/openapi.json".into(), None, 200, json_type),
        ("get", "/v1/state", "/v1/state".into(), None, 200, json_type),
        ("get", target, "/v1/targets/s2-production".into(), None, 200, json_type),
        ("get", target, "/v1/targets/s2-staging".into(), None, 200, json_type),
        ("get", target, format!("/v1/targets/{missing}"), None, 404, problem),
        ("get", plan, "/v1/targets/s2-production/plan".into(), None, 200, json_type),
        ("get", plan, "/v1/targets/accessowl-northlight/plan".into(), None, 200, json_type),
        ("get", plan, "/v1/targets/s2-staging/plan".into(), None, 404, problem),
        ("get", "/v1/journal", "/v1/journal".into(), None, 200, json_type),
        (
            "get",
            "/v1/journal",
            "/v1/journal?limit=2&target=s2-production&since=2026-01-01T00:00:00Z".into(),
            None,
            200,
            json_type,
        ),
        ("get", "/v1/journal", "/v1/journal?limit=0".into(), None, 400, problem),
        ("get", "/v1/journal", "/v1/journal?limit=1001".into(), None, 400, problem),
        ("get", "/v1/journal", "/v1/journal?since=yesterday".into(), None, 400, problem),
        ("get", "/v1/journal", "/v1/journal?holder=x".into(), None, 400, problem),
        ("post", "/v1/reconcile", "/v1/reconcile".into(), Some(json!({})), 202, json_type),
        (
            "post",
            "/v1/reconcile",
            "/v1/reconcile".into(),
            Some(json!({ "targets": ["s2-production"] })),
            202,
            json_type,
        ),
        ("post", "/v1/reconcile", "/v1/reconcile".into(), Some(json!({ "targets": [missing] })), 404, problem),
        ("post", "/v1/reconcile", "/v1/reconcile".into(), Some(json!({ "target": "x" })), 400, problem),
        ("post", "/v1/pause", "/v1/pause".into(), Some(json!({ "because": "SEC-1" })), 200, json_type),
        (
            "post",
            "/v1/pause",
            "/v1/pause".into(),
            Some(json!({ "because": "x", "until": "2026-11-22T00:00:00Z" })),
            200,
            json_type,
        ),
        ("post", "/v1/pause", "/v1/pause".into(), Some(json!({ "because": " " })), 400, problem),
        (
            "post",
            "/v1/pause",
            "/v1/pause".into(),
            Some(json!({ "because": "x", "until": "2026-11-20T00:00:00Z" })),
            400,
            problem,
        ),
        ("post", "/v1/pause", "/v1/pause".into(), Some(json!({})), 400, problem),
        ("post", "/v1/resume", "/v1/resume".into(), Some(json!({})), 200, json_type),
        ("post", "/v1/hooks/{host}", "/v1/hooks/github".into(), Some(json!({})), 404, problem),
    ];
    for (method, path, url, body, status, media) in calls {
        let answer = match &body {
            Some(body) => stage.post(&url, body).await,
            None => stage.get(&url).await,
        };
        assert_eq!(answer.headers()["content-type"], media, "{url}");
        let body = told(status, answer).await;
        let validator = validator(&document, method, path, status, media);
        let errors: Vec<String> =
            validator.iter_errors(&body).map(|error| format!("{error} at {}", error.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new(), "{url}: {body:#}");
        if media == problem {
            assert!(!body["advice"].as_str().unwrap().is_empty() && body["status"] == status, "{body}");
        }
        seen.insert((method.to_owned(), path.to_owned()));
    }
    // Nothing is documented that was not asked here, but for what is no JSON.
    let documented = document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| (method.clone(), path.clone()))
    });
    let left: Vec<_> = documented.filter(|known| !seen.contains(known)).map(|(_, path)| path).collect();
    assert_eq!(left, ["/", "/metrics", "/targets/{name}"]);
}

#[tokio::test]
async fn every_operation_has_a_name_and_every_part_of_a_path_is_told() {
    let stage = Stage::of(board()).await;
    let document = stage.json(200, "/v1/openapi.json").await;
    let mut names = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            assert!(names.insert(operation["operationId"].as_str().unwrap()), "{path}");
            assert!(!operation["summary"].as_str().unwrap().is_empty());
            let none = Vec::new();
            let told = operation["parameters"].as_array().unwrap_or(&none).iter().filter(|one| one["in"] == "path");
            let told: Vec<String> = told.map(|one| format!("{{{}}}", one["name"].as_str().unwrap())).collect();
            let parts: Vec<&str> = path.split('/').filter(|part| part.starts_with('{')).collect();
            assert_eq!(told, parts, "{path}");
        }
    }
}

#[tokio::test]
async fn a_schema_that_is_not_met_is_seen() {
    let stage = Stage::of(board()).await;
    let document = stage.json(200, "/v1/openapi.json").await;
    let validator = validator(&document, "get", "/v1/state", 200, "application/json");
    let mut state = stage.json(200, "/v1/state").await;
    state["targets"][0]["health"] = json!("splendid");
    assert!(!validator.is_valid(&state));
}

#[tokio::test]
async fn the_state_tells_the_sums_and_a_cut_plan_says_so() {
    let board = Board::new(now());
    let mut rows: Vec<_> = (0..MAX_SHOWN_ROWS + 500)
        .map(|number| {
            stage::finding(portcullis::plan::FindingKind::Dead, "access_token", &format!("dead/{number}"), "")
        })
        .collect();
    rows.extend((0..7).map(|number| stage::row(Status::Change, "access_token", &format!("go/{number}"), "")));
    board.set_target(view("s2", "s2", Health::OutOfSync, rows));
    let stage = Stage::of(board).await;
    let state = stage.json(200, "/v1/state").await;
    assert_eq!(state["totals"]["changes"], 7);
    assert_eq!(state["totals"]["by_health"]["out_of_sync"], 1);
    assert_eq!(
        state["targets"][0]["tally"]["findings"],
        json!([{ "kind": "access_token", "name": "dead", "rows": MAX_SHOWN_ROWS + 500 }])
    );
    let plan = stage.json(200, "/v1/targets/s2/plan").await;
    assert_eq!(plan["rows_left_out"], 507);
    assert_eq!(plan["made_at"], json!(stage::ago(121).to_string()), "not the end of the last look");
    let kept = plan["targets"][0]["rows"].as_array().unwrap();
    assert_eq!(kept.len(), MAX_SHOWN_ROWS);
    assert_eq!(kept.iter().filter(|row| row["status"] == "change").count(), 7, "what goes is never cut off first");
}

#[tokio::test]
async fn what_is_asked_of_the_loop_arrives_there() {
    let stage = Stage::of(board()).await;
    told(202, stage.post("/v1/reconcile", &json!({ "targets": ["s2-production", "pinata-media"] })).await).await;
    let paused = told(200, stage.post("/v1/pause", &json!({ "because": " SEC-1, a leak " })).await).await;
    assert_eq!(paused["pause"]["because"], "SEC-1, a leak");
    assert_eq!(told(200, stage.post("/v1/resume", &json!({})).await).await["pause"], Value::Null);
    assert_eq!(
        *stage.loop_.asked.lock().unwrap(),
        ["reconcile s2-production pinata-media", "pause SEC-1, a leak", "resume"]
    );
    // In force, but not recorded: said as what it is.
    *stage.loop_.failing.lock().unwrap() = Some("the disk is full".to_owned());
    let problem = told(503, stage.post("/v1/pause", &json!({ "because": "SEC-2" })).await).await;
    assert!(problem["detail"].as_str().unwrap().contains("the disk is full"), "{problem}");
    assert_eq!(stage.board.pause().unwrap().because, "SEC-2");
}

#[tokio::test]
async fn the_journal_gives_the_newest_and_says_whether_there_are_more() {
    let stage = Stage::of(board()).await;
    let all = stage.json(200, "/v1/journal").await;
    assert_eq!((all["records"].as_array().unwrap().len(), &all["more"]), (records().len(), &json!(false)));
    let some = stage.json(200, "/v1/journal?limit=3").await;
    assert_eq!(some["more"], true);
    assert_eq!(some["records"], json!(all["records"].as_array().unwrap()[records().len() - 3..]));
}

#[tokio::test]
async fn a_real_journal_is_asked_by_target_entry_and_time() {
    let journal = Journal::ephemeral().await.unwrap();
    let run = journal.begin(&RunInfo { command: "watch".to_owned(), ..RunInfo::default() }).await.unwrap();
    for target in ["s2-production", "s2-staging"] {
        let pinned = RecordBody::AccountPinned { account_id: "acme".into() };
        journal.append(&run, Some(target), pinned).await.unwrap();
    }
    let body = stage::intent("service/a", portcullis::access::Cause::Absent);
    journal.append(&run, Some("s2-production"), body).await.unwrap();
    let stage = Stage::over(board(), Options::default(), Arc::new(journal)).await;
    let count = async |query: &str| {
        let path = format!("/v1/journal?{query}");
        stage.json(200, &path).await["records"].as_array().unwrap().len()
    };
    assert_eq!(count("").await, 4);
    assert_eq!(count("target=s2-staging").await, 1);
    assert_eq!(count("id=service/a").await, 1);
    assert_eq!(count("id=service/b").await, 0);
    assert_eq!(count("since=2999-01-01T00:00:00Z").await, 0);
    assert!(stage.get("/").await.text().await.unwrap().contains("service/a"), "the page tells of it");
}

#[tokio::test]
async fn text_that_could_harm_a_terminal_is_written_as_escapes() {
    let board = Board::new(now());
    let name = "a\u{202e}b\u{1b}[2J\u{7f}";
    board.set_target(view("s2", "s2", Health::OutOfSync, vec![stage::row(Status::Change, "access_token", name, name)]));
    let stage = Stage::of(board).await;
    let text = stage.get("/v1/targets/s2/plan").await.text().await.unwrap();
    assert!(!text.contains(['\u{202e}', '\u{1b}', '\u{7f}']), "{text}");
    let plan: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan["targets"][0]["rows"][0]["id"], name, "a program reads the same name");
}

fn signed(secret: &str, body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body).finalize();
    mac.into_bytes().iter().fold("sha256=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

#[tokio::test]
async fn a_git_host_is_believed_by_its_signature_only() {
    let secret = "a shared secret of the host";
    let options = Options {
        token: Some(stage::TOKEN.into()),
        webhooks: vec![(GitHost::GitHub, secret.into())],
        ..Options::default()
    };
    let stage = Stage::with(board(), options, records()).await;
    let body =
        json!({ "ref": "refs/heads/main", "after": "4f1c2d9a8b7e6f5041322314253647586970a1b2", "deleted": false })
            .to_string();
    let send = |signature: String, body: String, event: &str| {
        let request = stage.request(Method::POST, "/v1/hooks/github").header("content-type", "application/json");
        // Not from this machine: the signature is all that counts.
        let request = request.header("host", "portcullis.example.com").header("x-github-event", event);
        request.header("x-hub-signature-256", signature).body(body).send()
    };
    let pushed = send(signed(secret, body.as_bytes()), body.clone(), "push").await.unwrap();
    let targets: Vec<Text> = serde_json::from_value(told(202, pushed).await["targets"].clone()).unwrap();
    assert_eq!(targets.len(), 7);
    let ping = send(signed(secret, b"{}"), "{}".to_owned(), "ping").await.unwrap();
    assert_eq!(told(202, ping).await["targets"], json!([]));
    assert_eq!(stage.loop_.asked.lock().unwrap().len(), 1);
    for wrong in [signed("another secret of nobody", body.as_bytes()), signed(secret, b"{}"), "sha256=00".to_owned()] {
        told(401, send(wrong, body.clone(), "push").await.unwrap()).await;
    }
    assert_eq!(stage.loop_.asked.lock().unwrap().len(), 1, "nothing was asked of the loop");
}
