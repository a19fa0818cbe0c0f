//! Promises of transport, over real HTTP on loopback.

mod compressed;
mod deadlines;
mod tls;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::{join, join_all};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use url::Url;

use super::*;
use crate::{
    access::{AuthStyle, RequestRate},
    config::RequestLimits,
    wire::{Answer, Ask as _, Draft, Durable, Fault, Method, Path, QueryDoc, Read, Receipt, Unreadable, Verdict},
};

const SECRET: &str = "sk-very-secret-value";

/// What the server does with its nth request.
#[derive(Clone)]
enum Does {
    /// Sends these bytes and closes.
    Says(Vec<u8>),
    /// Closes without a word.
    Drops,
    /// Answers 200 `{}` after so many milliseconds.
    Waits(u64),
}

fn says(head: &str, body: &str) -> Does {
    Does::Says(
        format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes(),
    )
}

/// A server that follows a script; its last line repeats. It keeps every request as it came.
struct Server {
    base: Url,
    requests: Arc<Mutex<Vec<String>>>,
    most_at_once: Arc<AtomicUsize>,
}

impl Server {
    async fn start(script: Vec<Does>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}/v1", listener.local_addr().unwrap())).unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (now, most_at_once) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (seen, most) = (Arc::clone(&requests), Arc::clone(&most_at_once));
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (script, seen, now, most) =
                    (script.clone(), Arc::clone(&seen), Arc::clone(&now), Arc::clone(&most));
                tokio::spawn(async move {
                    let request = receive(&mut socket).await;
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let index = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request);
                        seen.len() - 1
                    };
                    let bytes = match script[index.min(script.len() - 1)].clone() {
                        Does::Says(bytes) => bytes,
                        Does::Drops => Vec::new(),
                        Does::Waits(ms) => {
                            tokio::time::sleep(Duration::from_millis(ms)).await;
                            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".to_vec()
                        }
                    };
                    now.fetch_sub(1, Ordering::SeqCst);
                    let _ = socket.write_all(&bytes).await;
                    let _ = socket.shutdown().await;
                });
            }
        });
        Self { base, requests, most_at_once }
    }

    fn seen(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    fn connect(&self) -> (Reader, Writer) {
        connect(
            self.base.clone(),
            RequestLimits { requests: RequestRate { count: 10_000, seconds: 1 }, concurrency: 4 },
        )
    }
}

async fn receive(socket: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = socket.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            body.len() >= length.map_or(0, |length| length.parse().unwrap())
        });
        if read == 0 || whole {
            return text;
        }
    }
}

fn connection(base: Url, limits: RequestLimits) -> Connection {
    Connection {
        target: "s2-test".into(),
        hosts: [("api", base)].into(),
        auth: AuthStyle::Bearer,
        credential: SECRET.to_owned().into(),
        limits,
        ca_pem: None,
    }
}

fn connect(base: Url, limits: RequestLimits) -> (Reader, Writer) {
    read_and_write(connection(base, limits), None).unwrap()
}

fn fine(_: &Answer) -> Verdict {
    Verdict::Final
}

/// 409 may have been applied, 425 and 429 had no effect, the rest is final but server errors.
fn careful(answer: &Answer) -> Verdict {
    match answer.status {
        425 | 429 => Verdict::Retry { after: None },
        409 | 500..=599 => Verdict::MaybeApplied { after: None },
        _ => Verdict::Final,
    }
}

fn read(path: &[&str]) -> Read {
    Read::get("api", path, &[], fine).unwrap()
}

fn receipt() -> Receipt {
    let draft = Draft {
        host: "api",
        method: Method::Post,
        path: Path::new(&["revocations"]).unwrap(),
        body: Some(br#"{"reason":"undeclared"}"#.to_vec()),
        key_header: Some("Idempotency-Key"),
        generation: None,
        judge: careful,
        note: serde_json::Value::Null,
    };
    Receipt::seal("intent-1".into(), "key-1".into(), draft, Durable::synced())
}

/// A port where nobody listens.
async fn nobody() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap()
}

#[tokio::test]
async fn a_read_travels_exactly_and_answers_with_headers() {
    let server =
        Server::start(vec![says("200 OK\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\nX-RateLimit-Remaining: -3", "[]")])
            .await;
    let (reader, _) = server.connect();
    let request = Read::get("api", &["tokens", "a/b %2e"], &[("prefix", "x y/")], fine).unwrap();
    let answer = reader.ask(request).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"[]"[..]));
    assert_eq!(answer.header("date"), Some("Sat, 21 Nov 2026 12:00:00 GMT"));
    let seen = server.seen().remove(0);
    assert!(seen.starts_with("GET /v1/tokens/a%2Fb%20%252e?prefix=x%20y%2F HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains(&format!("authorization: Bearer {SECRET}")));
    assert!(seen.contains(&format!("user-agent: portcullis/{}", env!("CARGO_PKG_VERSION"))));
    assert_eq!((reader.usage().requests, reader.usage().retries, reader.usage().remaining), (1, 0, Some(-3)));
}

#[tokio::test]
async fn graphql_goes_to_the_base_itself() {
    let server = Server::start(vec![says("200 OK", "{}")]).await;
    let (reader, _) = server.connect();
    let document = QueryDoc::new("query Tokens($n: Int) { a }");
    reader.ask(Read::graphql("api", document, serde_json::json!({"n": 1}), fine)).await.unwrap();
    let seen = server.seen().remove(0);
    assert!(seen.starts_with("POST /v1 HTTP/1.1\r\n") && seen.contains("content-type: application/json"), "{seen}");
    assert!(seen.ends_with(r#"{"query":"query Tokens($n: Int) { a }","variables":{"n":1}}"#), "{seen}");
}

#[tokio::test]
async fn a_read_is_repeated_after_what_the_vendor_told() {
    let script = vec![
        says("429 Too Many\r\nretry-after-ms: 300", ""),
        says("503 Busy\r\nRetry-After: 0.2", ""),
        Does::Drops,
        says("200 OK", "{}"),
    ];
    let server = Server::start(script).await;
    let (reader, _) = server.connect();
    let begin = Instant::now();
    assert_eq!(reader.ask(read(&["x"])).await.unwrap().status, 200);
    assert!(begin.elapsed() >= Duration::from_millis(500));
    assert_eq!((server.seen().len(), reader.usage().retries), (4, 3));
}

#[tokio::test]
async fn a_judge_sees_errors_inside_200() {
    let server = Server::start(vec![says("200 OK", "later"), says("200 OK", "now")]).await;
    let (reader, _) = server.connect();
    let judge = |answer: &Answer| match answer.body.as_slice() {
        b"later" => Verdict::Retry { after: Some(Duration::from_millis(10)) },
        _ => Verdict::Final,
    };
    let answer = reader.ask(Read::get("api", &["x"], &[], judge).unwrap()).await.unwrap();
    assert_eq!(answer.body, b"now");
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_an_error_that_tells_when() {
    let server = Server::start(vec![says("429 Too Many\r\nRetry-After: 3000", "")]).await;
    let (reader, writer) = server.connect();
    let error = reader.ask(read(&["x"])).await.unwrap_err();
    assert_eq!((error.fault, error.request.as_deref()), (Fault::RateLimited, Some("GET /x")));
    assert!(error.what.contains("in 3000 s (at 20"), "{error}");
    let failure = writer.send(&receipt(), &Stop::new(), &|| None).await.unwrap_err();
    assert!(matches!(failure, SendFailure::NotSent(NotSent::RateLimited(_))), "{failure}");
    assert_eq!((server.seen().len(), reader.usage().retries), (1, 0), "the vendor asked for quiet");
}

#[tokio::test]
async fn a_redirect_is_handed_over_with_its_origin_only_and_never_followed() {
    let elsewhere = Server::start(vec![says("200 OK", "{}")]).await;
    let location = format!("{}/login?token=hush", elsewhere.base);
    let server = Server::start(vec![says(&format!("302 Found\r\nLocation: {location}"), "")]).await;
    let (reader, writer) = server.connect();
    let origin = elsewhere.base.origin().ascii_serialization();
    let answers = [
        reader.ask(read(&["x"])).await.unwrap(),
        // What it means for a write is the system's word, too.
        writer.send(&receipt(), &Stop::new(), &|| None).await.unwrap(),
    ];
    for answer in answers {
        assert_eq!((answer.status, answer.header("location")), (302, Some(origin.as_str())));
        assert!(answer.body.is_empty() && answer.headers.iter().all(|(_, value)| !value.contains("hush")));
    }
    assert!(elsewhere.seen().is_empty());
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn truncated_and_oversized_answers_are_errors() {
    let short = Does::Says(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\n[1,2".to_vec());
    let server = Server::start(vec![short]).await;
    let error = server.connect().0.ask(read(&["x"])).await.unwrap_err();
    assert_eq!(error.fault, Fault::Network, "{error}");

    // A promise of too much is refused before it is read, a flood without a promise when it passes the limit.
    let promise = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", limits::READ_BYTES + 1).into_bytes();
    let server = Server::start(vec![Does::Says(promise)]).await;
    let error = server.connect().0.ask(read(&["x"])).await.unwrap_err();
    assert!(error.fault == Fault::Malformed && error.what.contains("larger than"), "{error}");
    assert_eq!(server.seen().len(), 1, "more of the same helps nobody");

    let mut flood = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    flood.resize(limits::WRITE_BYTES + 1000, b' ');
    let server = Server::start(vec![Does::Says(flood)]).await;
    let failure = server.connect().1.send(&receipt(), &Stop::new(), &|| None).await.unwrap_err();
    assert!(matches!(&failure, SendFailure::Unknown(what) if what.contains("larger than")), "{failure}");
}

#[tokio::test]
async fn a_write_without_an_answer_is_unknown_and_sent_once() {
    for does in [Does::Drops, says("502 Bad Gateway", ""), says("500 Oops", "")] {
        let server = Server::start(vec![does]).await;
        let failure = server.connect().1.send(&receipt(), &Stop::new(), &|| None).await.unwrap_err();
        assert!(matches!(failure, SendFailure::Unknown(_)), "{failure}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_that_only_the_system_understands_is_handed_over() {
    let server = Server::start(vec![says("409 Conflict", "{}")]).await;
    let answer = server.connect().1.send(&receipt(), &Stop::new(), &|| None).await.unwrap();
    assert_eq!((answer.status, server.seen().len()), (409, 1));
}

#[tokio::test]
async fn a_write_without_effect_is_sent_again_unchanged() {
    let server = Server::start(vec![says("425 Too Early", ""), says("429 No", ""), says("201 Created", "{}")]).await;
    let answer = server.connect().1.send(&receipt(), &Stop::new(), &|| None).await.unwrap();
    assert_eq!(answer.status, 201);
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen[0].contains("idempotency-key: key-1") && seen[0].ends_with(r#"{"reason":"undeclared"}"#));
    assert!(seen.iter().all(|request| *request == seen[0]));
}

#[tokio::test]
async fn a_refused_connection_sends_nothing() {
    let base = nobody().await;
    let limits = RequestLimits { requests: RequestRate { count: 1000, seconds: 1 }, concurrency: 1 };
    let (reader, writer) = connect(base, limits);
    let failure = writer.send(&receipt(), &Stop::new(), &|| None).await.unwrap_err();
    assert!(matches!(failure, SendFailure::NotSent(NotSent::Unreachable(_))), "{failure}");
    assert_eq!(reader.usage().retries, u64::from(limits::TRIES) - 1, "what did not leave may be tried again");
    let error = reader.ask(read(&["x"])).await.unwrap_err();
    assert!(error.fault == Fault::Network && error.what.contains("refuses") && error.advice.is_some(), "{error}");
}

#[tokio::test]
async fn a_stop_lets_nothing_new_out_and_waits_for_what_is_in_flight() {
    let server = Server::start(vec![Does::Waits(300)]).await;
    let (_, writer) = server.connect();
    let stop = Stop::new();
    let (receipt, canceller) = (receipt(), stop.clone());
    let in_flight = writer.send(&receipt, &stop, &|| None);
    let cancel = async {
        while server.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        canceller.cancel();
    };
    let (answer, ()) = tokio::join!(in_flight, cancel);
    assert_eq!(answer.unwrap().status, 200);
    assert_eq!(writer.send(&receipt, &stop, &|| None).await.unwrap_err(), SendFailure::NotSent(NotSent::Stopped));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn the_brake_is_asked_again_before_each_try() {
    let server = Server::start(vec![says("429 No", ""), says("201 Created", "{}")]).await;
    let (_, writer) = server.connect();
    for tries in [0, 1] {
        let before = server.seen().len();
        let brake = || (server.seen().len() - before == tries).then(|| "paused".to_owned());
        let failure = writer.send(&receipt(), &Stop::new(), &brake).await.unwrap_err();
        assert_eq!(failure, SendFailure::NotSent(NotSent::Braked("paused".into())));
        assert_eq!(server.seen().len() - before, tries);
    }
}

#[tokio::test]
async fn the_brake_counts_at_the_end_of_the_wait_for_a_turn() {
    let server = Server::start(vec![says("201 Created", "{}")]).await;
    // The second one's turn comes after half a minute: on a slow machine too the first one has gone by then.
    let limits = RequestLimits { requests: RequestRate { count: 2, seconds: 30 }, concurrency: 1 };
    let (_, writer) = connect(server.base.clone(), limits);
    writer.send(&receipt(), &Stop::new(), &|| None).await.unwrap();
    // Nothing is on its way any more, and nobody has to sit out the wait.
    tokio::time::pause();
    let paused = AtomicBool::new(false);
    let brake = || paused.load(Ordering::SeqCst).then(|| "paused".to_owned());
    let (receipt, stop) = (receipt(), Stop::new());
    let waiting = writer.send(&receipt, &stop, &brake);
    // Polled after the send, which waits for its turn by then.
    let pause = async { paused.store(true, Ordering::SeqCst) };
    let (failure, ()) = join(waiting, pause).await;
    assert_eq!(failure.unwrap_err(), SendFailure::NotSent(NotSent::Braked("paused".into())));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn the_server_never_sees_more_than_the_limits() {
    let server = Server::start(vec![Does::Waits(30)]).await;
    let limits = RequestLimits { requests: RequestRate { count: 10_000, seconds: 1 }, concurrency: 3 };
    let (reader, _) = connect(server.base.clone(), limits);
    let answers = join_all((0..30).map(|_| reader.ask(read(&["x"])))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!((server.seen().len(), server.most_at_once.load(Ordering::SeqCst)), (30, 3));

    // A burst of 3, then one every 20 minutes: longer than a read waits for its turn.
    let server = Server::start(vec![says("200 OK", "{}")]).await;
    let limits = RequestLimits { requests: RequestRate { count: 6, seconds: 3600 }, concurrency: 4 };
    let (reader, _) = connect(server.base.clone(), limits);
    let answers = join_all((0..30).map(|_| reader.ask(read(&["x"])))).await;
    let faults: Vec<Fault> = answers.into_iter().filter_map(Result::err).map(|error| error.fault).collect();
    assert_eq!(faults, [Fault::RateLimited; 27]);
    assert_eq!(server.seen().len(), 3);
}

#[test]
fn where_a_credential_must_not_go_nothing_is_connected() {
    let limits = RequestLimits { requests: RequestRate { count: 1, seconds: 1 }, concurrency: 1 };
    let refused = |base: &str| read_only(connection(Url::parse(base).unwrap(), limits), None).unwrap_err();
    assert_eq!(refused("http://api.example.com").fault, Fault::Request);
    assert!(!refused("https://ann:pw@api.example.com").to_string().contains("pw"));
    let mut broken = connection(Url::parse("https://api.example.com").unwrap(), limits);
    broken.credential = "two\nlines".to_owned().into();
    let error = read_only(broken, None).unwrap_err();
    assert!(error.fault == Fault::Credential && !format!("{error:?}").contains("lines\""), "{error:?}");
    let mut no_ca = connection(Url::parse("https://api.example.com").unwrap(), limits);
    no_ca.ca_pem = Some(b"not a certificate".to_vec());
    assert!(read_only(no_ca, None).unwrap_err().advice.unwrap().contains("ca_file"));
}

#[tokio::test]
async fn no_log_error_or_debug_shows_the_credential() {
    let log = crate::test_log::Log::default();
    let _listening = log.begin();
    let server = Server::start(vec![says("200 OK\r\nX-Request-Id: req-7\u{e9}", "{}"), Does::Drops]).await;
    let (reader, writer) = server.connect();
    reader.ask(read(&["tokens", "t1"])).await.unwrap();
    let failure = writer.send(&receipt(), &Stop::new(), &|| None).await.unwrap_err();
    let log = log.text();
    let line = log.lines().find(|line| line.contains("req-7")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("GET /tokens/t1") && line.contains("status=200") && line.contains("millis="), "{line}");
    let shown = format!(
        "{log}{failure:?}{failure}{reader:?}{writer:?}{:?}",
        connection(
            server.base.clone(),
            RequestLimits { requests: RequestRate { count: 1, seconds: 1 }, concurrency: 1 }
        )
    );
    assert!(!shown.contains(SECRET) && !shown.contains("very-secret"));
}

#[tokio::test]
async fn a_credential_that_a_vendor_quotes_is_struck_out() {
    let quoting = format!("{{\"message\":\"token {SECRET} is not known\"}}");
    let server = Server::start(vec![says("401 Unauthorized", &quoting)]).await;
    let answer = server.connect().0.ask(read(&["x"])).await.unwrap();
    let body = String::from_utf8(answer.body).unwrap();
    assert!(!body.contains(SECRET) && body.contains("is not known"), "{body}");
}

#[tokio::test]
async fn a_credential_that_a_vendor_quotes_in_a_header_or_as_escapes_is_struck_out() {
    let escaped: String = SECRET.chars().map(|char| format!("\\u{:04x}", u32::from(char))).collect();
    let head = format!("401 Unauthorized\r\nx-request-id: {SECRET}");
    let server = Server::start(vec![says(&head, &format!("{{\"message\":\"token {escaped} is not known\"}}"))]).await;
    let answer = server.connect().0.ask(read(&["x"])).await.unwrap();
    assert!(!request_id(&answer).unwrap().contains(SECRET));
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body["message"], format!("token {} is not known", "*".repeat(escaped.len())));
}
