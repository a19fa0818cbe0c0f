//! Who is let in, what a stranger is told, and that nobody can hold the listener up.

use std::{net::SocketAddr, time::Duration};

use portcullis::serve::{Board, Health, JournalView, Options, ServeError, SourceView, bind, webhook::GitHost};
use reqwest::{Method, Response};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::stage::{Stage, TOKEN, ago, board, calm, now, records, told, view};

/// Long enough for any answer; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Every address with its method.
const ALL: &[(&str, &str)] = &[
    ("GET", "/"),
    ("GET", "/targets/s2-production"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/v1/openapi.json"),
    ("GET", "/v1/state"),
    ("GET", "/v1/targets/s2-production"),
    ("GET", "/v1/targets/s2-production/plan"),
    ("GET", "/v1/journal"),
    ("POST", "/v1/reconcile"),
    ("POST", "/v1/pause"),
    ("POST", "/v1/resume"),
    ("POST", "/v1/hooks/github"),
    ("GET", "/nowhere"),
];

/// Asks as somebody who typed another name than localhost.
async fn stranger(stage: &Stage, method: &str, path: &str, token: Option<&str>) -> Response {
    let request = stage.request(method.parse().unwrap(), path).header("host", "portcullis.example.com");
    let request = if method == "POST" { request.json(&json!({ "because": "x" })) } else { request };
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    request.send().await.unwrap()
}

fn with_token(open_metrics: bool) -> Options {
    Options { token: Some(TOKEN.into()), open_metrics, ..Options::default() }
}

#[tokio::test]
async fn a_stranger_without_the_token_sees_health_only() {
    for open_metrics in [false, true] {
        let stage = Stage::with(board(), with_token(open_metrics), records()).await;
        let document = told(200, stranger(&stage, "GET", "/v1/openapi.json", Some(TOKEN)).await).await;
        assert_eq!(document["paths"].as_object().unwrap().len(), ALL.len() - 1, "every address is asked here");
        for (method, path) in ALL {
            let open =
                matches!(*path, "/healthz" | "/readyz" | "/v1/hooks/github") || (*path == "/metrics" && open_metrics);
            let answer = stranger(&stage, method, path, None).await;
            assert_eq!(answer.status() != 401, open, "{method} {path}: {}", answer.status());
            if !open {
                assert_eq!(answer.headers()["www-authenticate"], "Bearer realm=\"portcullis\"");
                let problem = told(401, answer).await;
                assert!(problem["advice"].as_str().unwrap().contains("Authorization: Bearer"), "{problem}");
                told(401, stranger(&stage, method, path, Some("not that")).await).await;
            }
            let answer = stranger(&stage, method, path, Some(TOKEN)).await;
            assert!(![401, 403].contains(&answer.status().as_u16()), "{method} {path}: {}", answer.status());
        }
        assert_eq!(
            *stage.loop_.asked.lock().unwrap(),
            ["pause x"],
            "only what the token asked for, and what was well said"
        );
    }
}

#[tokio::test]
async fn without_a_token_only_this_machine_is_served() {
    let stage = Stage::of(board()).await;
    assert_eq!(stage.get("/v1/state").await.status(), 200);
    // The same connection, asked for by a name that somebody else lets resolve to this machine.
    let problem = told(403, stranger(&stage, "GET", "/v1/state", None).await).await;
    assert!(problem["advice"].as_str().unwrap().contains("http://localhost"), "{problem}");
    told(403, stage.request(Method::GET, "/v1/state").header("x-forwarded-for", "10.0.0.7").send().await.unwrap())
        .await;
}

#[tokio::test]
async fn with_a_token_this_machine_needs_it_too() {
    let stage = Stage::with(board(), with_token(false), records()).await;
    for path in ["/", "/metrics", "/v1/state"] {
        let answer = stage.get(path).await;
        let ways: Vec<_> = answer.headers().get_all("www-authenticate").iter().cloned().collect();
        assert_eq!(ways, ["Bearer realm=\"portcullis\"", "Basic realm=\"portcullis\""]);
        told(401, answer).await;
        assert_eq!(stage.request(Method::GET, path).bearer_auth(TOKEN).send().await.unwrap().status(), 200);
        // A browser sends it as a password.
        let asked = stage.request(Method::GET, path).basic_auth("anybody", Some(TOKEN));
        assert_eq!(asked.send().await.unwrap().status(), 200);
    }
    told(401, stage.post("/v1/resume", &json!({})).await).await;
    let locked = Stage::with(board(), Options { locked: true, ..Options::default() }, records()).await;
    let problem = told(401, locked.get("/v1/state").await).await;
    assert!(problem["detail"].as_str().unwrap().contains("cannot be had"), "{problem}");
    assert_eq!(locked.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn a_door_that_changes_counts_from_the_next_request_on() {
    let stage = Stage::with(board(), with_token(false), records()).await;
    let with = async |token: &str| stage.request(Method::GET, "/v1/state").bearer_auth(token).send().await.unwrap();
    assert_eq!(with(TOKEN).await.status(), 200);
    stage.door.change(Options { token: Some("another token altogether".into()), ..Options::default() });
    told(401, with(TOKEN).await).await;
    assert_eq!(with("another token altogether").await.status(), 200);
}

/// What is answered to these bytes, until the listener ends the connection.
async fn raw(stage: &Stage, request: &str) -> String {
    let mut socket = TcpStream::connect(stage.address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    answer(&mut socket).await
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_refused_and_the_connection_ended() {
    let stage = Stage::of(board()).await;
    for lengths in [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 4",
        "transfer-encoding: chunked",
    ] {
        let told = raw(
            &stage,
            &format!(
                "POST /v1/resume HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{lengths}\r\n\r\n\
                 2\r\n{{}}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
            ),
        )
        .await;
        assert!(told.starts_with("HTTP/1.1 400") && told.matches("HTTP/1.1").count() == 1, "{lengths}: {told}");
    }
    let told = raw(&stage, "GET /v1/state HTTP/1.1\r\nhost: user@localhost\r\n\r\n").await;
    assert!(told.starts_with("HTTP/1.1 400"), "{told}");
    assert_eq!(*stage.loop_.asked.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_webhook_without_one_proof_is_refused_before_its_body_and_counted() {
    let options = Options {
        open_metrics: true,
        webhooks: vec![(GitHost::GitHub, "a shared secret of the host".into())],
        ..Options::default()
    };
    let stage = Stage::with(board(), options, records()).await;
    // They say that a body will come, and send none of it.
    let head = |proofs: &str| {
        format!(
            "POST /v1/hooks/github HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{proofs}\
             content-length: 1000\r\n\r\n"
        )
    };
    for proofs in ["", "x-hub-signature-256: sha256=00\r\nx-hub-signature-256: sha256=00\r\n"] {
        let told = raw(&stage, &head(proofs)).await;
        assert!(told.starts_with("HTTP/1.1 401"), "{told}");
    }
    // Four that claim a proof take all turns; whoever asks for anything else is served meanwhile.
    let mut slow = Vec::new();
    for _ in 0..6 {
        let mut socket = TcpStream::connect(stage.address).await.unwrap();
        socket.write_all(head("x-hub-signature-256: sha256=00\r\n").as_bytes()).await.unwrap();
        slow.push(socket);
    }
    assert_eq!(stage.get("/healthz").await.status(), 200);
    for socket in &mut slow {
        let told = answer(socket).await;
        assert!(told.starts_with("HTTP/1.1 408"), "{told}");
    }
    let wrong = stage.request(Method::POST, "/v1/hooks/github").header("x-hub-signature-256", "sha256=00");
    told(401, wrong.json(&json!({})).send().await.unwrap()).await;
    let text = stage.get("/metrics").await.text().await.unwrap();
    for (reason, count) in [("no_proof", 2), ("wrong_proof", 1)] {
        let line = format!("portcullis_listener_denials_total{{reason=\"{reason}\"}} {count}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
}

#[tokio::test]
async fn what_is_let_in_and_not_taken_is_counted_once() {
    let stage = Stage::of(board()).await;
    told(413, stage.post("/v1/pause", &json!({ "because": "x".repeat(65 * 1024) })).await).await;
    told(400, stage.post("/v1/pause", &json!({ "why": "x" })).await).await;
    told(400, stage.get("/v1/journal?limit=many").await).await;
    told(202, stage.post("/v1/reconcile", &json!({})).await).await;
    let text = stage.get("/metrics").await.text().await.unwrap();
    for (reason, count) in [("too_large", 1), ("malformed", 2)] {
        let line = format!("portcullis_listener_denials_total{{reason=\"{reason}\"}} {count}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
}

#[tokio::test]
async fn a_foreign_page_cannot_make_a_browser_post() {
    let stage = Stage::of(board()).await;
    for form in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let request = stage.request(Method::POST, "/v1/pause").header("content-type", form);
        told(415, request.body("{\"because\":\"x\"}").send().await.unwrap()).await;
    }
    told(415, stage.request(Method::POST, "/v1/resume").send().await.unwrap()).await;
    let request = stage.request(Method::POST, "/v1/pause").header("sec-fetch-site", "cross-site");
    told(403, request.json(&json!({ "because": "x" })).send().await.unwrap()).await;
    for origin in ["http://evil.example", "null", "http://localhost"] {
        let request = stage.request(Method::POST, "/v1/pause").header("origin", origin);
        told(403, request.json(&json!({ "because": "x" })).send().await.unwrap()).await;
    }
    let own = stage.request(Method::POST, "/v1/reconcile").header("origin", format!("http://{}", stage.address));
    told(202, own.json(&json!({ "targets": ["s2-production"] })).send().await.unwrap()).await;
    assert_eq!(std::mem::take(&mut *stage.loop_.asked.lock().unwrap()), ["reconcile s2-production"]);
    // What a browser asks before it sends JSON to another site is not answered with leave.
    let asked =
        stage.request(Method::OPTIONS, "/v1/pause").header("origin", "http://evil.example").send().await.unwrap();
    assert_eq!(asked.status(), 405);
    assert!(!asked.headers().contains_key("access-control-allow-origin"));
    assert_eq!(*stage.loop_.asked.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn every_answer_goes_out_under_strict_headers() {
    let stage = Stage::of(board()).await;
    for (method, path) in ALL {
        let answer = stage.request(method.parse().unwrap(), path).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_wrong_address_or_method_says_what_there_is() {
    let stage = Stage::of(board()).await;
    told(404, stage.get("/v2").await).await;
    told(404, stage.get("/targets/no-such").await).await;
    for (method, path) in ALL.iter().filter(|(_, path)| *path != "/nowhere") {
        let answer = stage.request(Method::DELETE, path).send().await.unwrap();
        assert_eq!(answer.headers()["allow"], if *method == "GET" { "GET, HEAD" } else { "POST" }, "{path}");
        told(405, answer).await;
    }
    let head = stage.request(Method::HEAD, "/v1/state").send().await.unwrap();
    assert_eq!(head.status(), 200);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_not_read() {
    let stage = Stage::of(board()).await;
    for (path, most) in [("/v1/pause", 64 * 1024), ("/v1/hooks/github", 1024 * 1024)] {
        // Says that 100 MB will come, and sends none of it.
        let mut socket = TcpStream::connect(stage.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100000000\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let answer = answer(&mut socket).await;
        // No webhook is configured, which is said before the body is looked at.
        let status = if path == "/v1/pause" { "413" } else { "404" };
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        // Does not say how much will come.
        let body = reqwest::Body::from(vec![b' '; most + 1]);
        let request = stage.request(Method::POST, path).header("content-type", "application/json").body(body);
        let found = request.send().await.unwrap().status().as_u16();
        assert_eq!(found.to_string(), status);
    }
}

/// All that comes until the other side ends.
async fn answer(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut bytes)).await.expect("the listener ends it in time").ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn what_never_ends_or_is_too_long_is_cut_off() {
    let stage = Stage::of(board()).await;
    let mut stalled = TcpStream::connect(stage.address).await.unwrap();
    let head =
        "POST /v1/pause HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 40\r\n\r\n{";
    stalled.write_all(head.as_bytes()).await.unwrap();
    let mut slow = TcpStream::connect(stage.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: local").await.unwrap();
    let mut long = TcpStream::connect(stage.address).await.unwrap();
    let head = format!("GET /?{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(40_000));
    long.write_all(head.as_bytes()).await.unwrap();
    assert!(!answer(&mut long).await.contains("200 OK"));
    // The slow one holds nobody up, and is ended.
    assert_eq!(stage.get("/healthz").await.status(), 200);
    assert!(!answer(&mut slow).await.contains("200 OK"));
    // A body that stops in the middle is told so.
    assert!(answer(&mut stalled).await.starts_with("HTTP/1.1 408"));
    assert_eq!(*stage.loop_.asked.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn many_idle_connections_do_not_keep_others_out() {
    let stage = Stage::of(board()).await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(TcpStream::connect(stage.address).await.unwrap());
    }
    // An address has 16; who said nothing for longest is ended for one beyond, while the last ones still may speak.
    assert_eq!(answer(&mut idle[0]).await, "");
    let last = idle[99].try_read(&mut [0]);
    assert_eq!(last.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    // In the end all are ended for saying nothing.
    for socket in &mut idle {
        assert_eq!(answer(socket).await, "");
    }
    assert_eq!(stage.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn a_stop_ends_it_and_frees_the_port() {
    let stage = Stage::of(board()).await;
    let _idle = TcpStream::connect(stage.address).await.unwrap();
    assert_eq!(stage.get("/healthz").await.status(), 200);
    stage.stop.cancel();
    let free = async {
        while bind(stage.address, None).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, free).await.expect("the port is free again");
}

#[tokio::test]
async fn what_cannot_be_listened_on_says_the_way_on() {
    let stage = Stage::of(board()).await;
    let used = bind(stage.address, None).await.unwrap_err();
    assert!(matches!(used, ServeError::InUse(_)) && used.to_string().contains("--listen"), "{used}");
    let open = SocketAddr::from(([0, 0, 0, 0], 0));
    let bare = bind(open, None).await.unwrap_err();
    assert!(matches!(bare, ServeError::NoToken(_)) && bare.to_string().contains("watch: { token:"), "{bare}");
    assert!(matches!(bind(open, Some(&"short".into())).await, Err(ServeError::WeakToken(5))));
    assert!(bind(open, Some(&TOKEN.into())).await.is_ok());
    let elsewhere = bind("192.0.2.1:0".parse().unwrap(), Some(&TOKEN.into())).await.unwrap_err();
    assert!(matches!(elsewhere, ServeError::Other(..)), "{elsewhere}");
}

#[tokio::test]
async fn ready_is_who_can_do_the_work() {
    let stage = Stage::of(Board::new(now())).await;
    let board = &stage.board;
    let why = async || told(503, stage.get("/readyz").await).await["why"].to_string();
    assert!(why().await.contains("the first tree is not loaded yet"));
    board.set_source(SourceView { loaded_at: Some(ago(5)), ..SourceView::default() });
    board.set_target(portcullis::serve::TargetView::starting("secret-name".into(), "s2".into()));
    let told_of_targets = why().await;
    assert!(
        told_of_targets.contains("1 of 1 targets") && !told_of_targets.contains("secret-name"),
        "{told_of_targets}"
    );
    board.set_target(calm("secret-name", "s2"));
    assert_eq!(stage.json(200, "/readyz").await, json!({ "ok": true, "why": [] }));
    // A target that cannot be read does not make the daemon unready: the others go on.
    board.set_target(view("secret-name", "s2", Health::Unreadable, Vec::new()));
    assert_eq!(stage.get("/readyz").await.status(), 200);
    board.set_journal(JournalView { place: String::new(), failing: Some("the disk is full".into()) });
    assert!(why().await.contains("the journal cannot record"));
    assert_eq!(stage.json(200, "/healthz").await["ok"], true);
}

#[tokio::test]
async fn connections_that_say_nothing_make_room_for_who_does() {
    let stage = Stage::of(board()).await;
    let mut dawdlers = Vec::new();
    for _ in 0..16 {
        let mut socket = TcpStream::connect(stage.address).await.unwrap();
        socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: ").await.unwrap();
        dawdlers.push(socket);
    }
    for _ in 0..4 {
        let mut socket = TcpStream::connect(stage.address).await.unwrap();
        socket.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let answer = answer(&mut socket).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "a crowd keeps no seats: {answer}");
    }
}
