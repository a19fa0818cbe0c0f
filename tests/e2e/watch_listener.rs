//! The listener of the real process: who may ask, what may be steered, and that its documents are what they say they are.

use std::{net::TcpListener, os::unix::net::UnixDatagram, time::Duration};

use portcullis::sandbox::{Fault, System, Trouble};
use serde_json::{Value, json};

use crate::{
    daemon::{Answer, Daemon, watching},
    house::House,
    metrics,
    service::{AT_ONCE, appears, house, strays},
};

const TOKEN: &str = "a-token-of-the-listener-0123456789";
/// What a page of a stranger's would ask for, with a name that leads to this machine.
const FOREIGN: &str = "evil.example";

fn world(stray: usize, fields: &str) -> House {
    let house = house(8, stray, AT_ONCE);
    watching(&house, &format!("interval: 1h{fields}"));
    house
}

fn foreign(daemon: &mut Daemon, path: &str, token: Option<&str>) -> Answer {
    daemon.ask(|client, base| {
        let request = client.get(format!("{base}{path}")).header("host", FOREIGN);
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    })
}

#[test]
fn who_asks_for_another_host_needs_the_token() {
    let house = world(0, ", token: { env: TOKEN }");
    let mut command = Daemon::command(&house, &[]);
    command.env("TOKEN", TOKEN);
    let mut daemon = Daemon::of(command);
    daemon.until_health("s2", "in_sync");
    for path in ["/", "/targets/s2", "/metrics", "/v1/state", "/v1/targets/s2", "/v1/journal", "/v1/openapi.json"] {
        assert_eq!(daemon.get(path).status, 401, "{path} from this machine");
        assert_eq!(foreign(&mut daemon, path, None).status, 401, "{path}");
        assert_eq!(foreign(&mut daemon, path, Some("another-token-of-nobody")).status, 401, "{path}");
        assert_eq!(foreign(&mut daemon, path, Some(TOKEN)).status, 200, "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(foreign(&mut daemon, path, None).status, 200, "{path} is open");
    }
    let pause = |daemon: &mut Daemon, token: Option<&str>| {
        daemon.ask(|client, base| {
            let request = client.post(format!("{base}/v1/pause")).header("host", FOREIGN);
            let request = request.json(&json!({ "because": "a stranger says so" }));
            if let Some(token) = token { request.bearer_auth(token) } else { request }
        })
    };
    let paused = |daemon: &mut Daemon| foreign(daemon, "/v1/state", Some(TOKEN)).json()["pause"].clone();
    assert_eq!(pause(&mut daemon, None).status, 401);
    assert_eq!(paused(&mut daemon), Value::Null);
    assert_eq!(pause(&mut daemon, Some(TOKEN)).status, 200);
    assert_eq!(paused(&mut daemon)["because"], "a stranger says so");
}

#[test]
fn without_a_token_other_hosts_get_nothing_but_what_is_open() {
    let house = world(0, ", metrics: open");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    assert_eq!(foreign(&mut daemon, "/v1/state", None).status, 403);
    assert_eq!(foreign(&mut daemon, "/metrics", None).status, 200, "the operator opened it");
    let form = daemon.ask(|client, base| client.post(format!("{base}/v1/pause")).body("{\"because\":\"a form\"}"));
    assert_eq!(form.status, 415, "what a form can send changes nothing");
    assert_eq!(daemon.state()["pause"], Value::Null);
}

#[test]
fn a_caller_can_stop_all_writing_and_let_it_go_on() {
    let house = world(0, "");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    let paused = daemon.post("/v1/pause", &json!({ "because": "an audit" }));
    assert_eq!((paused.status, &paused.json()["pause"]["because"]), (200, &json!("an audit")));
    appears(&house, "service/stray-00");
    let brief = daemon.looked_anew("s2");
    assert_eq!(brief["tally"]["held"][0]["rows"], 1, "plans go on: {brief:#}");
    assert_eq!(daemon.metric("portcullis_paused"), Some(1.0));
    assert_eq!(daemon.stop().0, 0);
    let mut daemon = Daemon::start(&house);
    daemon.first_look("s2");
    assert_eq!(daemon.state()["pause"]["because"], "an audit", "it outlives a restart");
    daemon.looked_anew("s2");
    assert_eq!(house.writes(), 0);
    let resumed = daemon.post("/v1/resume", &json!({}));
    assert_eq!((resumed.status, &resumed.json()["pause"]), (200, &Value::Null));
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    let unknown = daemon.post("/v1/reconcile", &json!({ "targets": ["s3"] }));
    assert_eq!(unknown.status, 404, "{unknown:?}");
}

/// Validates an answer by what the OpenAPI document says of it.
fn fits(openapi: &Value, method: &str, path: &str, answer: &Answer) {
    let operation = &openapi["paths"][path][method];
    assert!(operation.is_object(), "{method} {path} is not documented");
    let said = &operation["responses"][answer.status.to_string()]["content"][answer.media.as_str()]["schema"];
    assert!(!said.is_null(), "{method} {path} answers {} as {}", answer.status, answer.media);
    let schema = json!({ "allOf": [said], "components": openapi["components"] });
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let document = answer.json();
    let wrong: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{method} {path}: {wrong:#?}\n{document:#}");
}

#[test]
fn its_documents_are_as_the_open_api_document_says() {
    let house = House::company();
    watching(&house, "interval: 1h");
    house.sandbox.fault(Fault::new(System::Pinata, Trouble::Html));
    let mut daemon = Daemon::start(&house);
    daemon.until_state("all were looked at", |state| {
        state["targets"].as_array().unwrap().iter().all(|brief| !brief["looked_at"].is_null())
    });
    let openapi = daemon.get("/v1/openapi.json").json();
    let named = |path: &str, name: &str| path.replace("{name}", name);
    for path in ["/healthz", "/readyz", "/v1/state", "/v1/journal", "/v1/openapi.json"] {
        let answer = daemon.get(path);
        assert_eq!(answer.status, 200, "{path}");
        fits(&openapi, "get", path, &answer);
    }
    for path in ["/v1/targets/{name}", "/v1/targets/{name}/plan"] {
        for system in ["accessowl", "aitronos", "buildkite", "s2"] {
            let answer = daemon.get(&named(path, &format!("{system}-northlight")));
            assert_eq!(answer.status, 200, "{path} {system}");
            fits(&openapi, "get", path, &answer);
        }
        let missing = daemon.get(&named(path, "nowhere"));
        assert_eq!(missing.status, 404);
        fits(&openapi, "get", path, &missing);
    }
    let unread = daemon.get("/v1/targets/pinata-northlight");
    assert_eq!(unread.json()["health"], "unreadable");
    fits(&openapi, "get", "/v1/targets/{name}", &unread);
    for (path, body, status) in [
        ("/v1/reconcile", json!({}), 202),
        ("/v1/reconcile", json!({ "targets": ["nowhere"] }), 404),
        ("/v1/reconcile", json!({ "target": [] }), 400),
        ("/v1/pause", json!({ "because": "an audit" }), 200),
        ("/v1/pause", json!({}), 400),
        ("/v1/resume", json!({}), 200),
    ] {
        let answer = daemon.post(path, &body);
        assert_eq!(answer.status, status, "{path} {body}: {answer:?}");
        fits(&openapi, "post", path, &answer);
    }
}

#[test]
fn its_metrics_are_open_metrics_and_tell_what_an_alert_needs() {
    let house = world(1, "");
    let mut daemon = Daemon::start(&house);
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    assert_eq!(daemon.looked_anew("s2")["health"], "in_sync");
    let answer = daemon.get("/metrics");
    assert!(answer.media.starts_with("application/openmetrics-text"), "{}", answer.media);
    let samples = metrics::parse(&answer.text);
    for name in [
        "build_info",
        "calls_total",
        "convergence_age_seconds",
        "failures_in_a_row",
        "journal_failing",
        "loop_age_seconds",
        "paused",
        "policy_problems",
        "reading_age_seconds",
        "run_duration_seconds_count",
        "source_failing",
        "target_state",
        "triggers_total",
    ] {
        let name = format!("portcullis_{name}");
        assert!(samples.iter().any(|(known, ..)| *known == name), "{name}\n{}", answer.text);
    }
    let done = "portcullis_revocations_total{target=\"s2\",cause=\"undeclared\",outcome=\"done\"}";
    assert_eq!(daemon.metric(done), Some(1.0), "{}", answer.text);
}

#[test]
fn a_service_manager_hears_of_the_beginning_and_of_the_end() {
    let house = world(1, "");
    let socket = UnixDatagram::bind(house.path("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let hear = || {
        let mut bytes = [0; 4_096];
        let length = socket.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    house.sandbox.fault(Fault::new(System::S2, Trouble::Delay { ms: 3_000, after_effect: true }).on_writes().times(1));
    let mut command = Daemon::command(&house, &[]);
    command.env("NOTIFY_SOCKET", house.path("notify"));
    let mut daemon = Daemon::of(command);
    let ready = std::iter::repeat_with(hear).find(|told| !told.contains("EXTEND_TIMEOUT_USEC")).unwrap();
    let status = format!("STATUS=serving http://{}/; ", daemon.address());
    assert_eq!(ready, format!("READY=1\n{status}0 of 1 targets in sync\n"));
    daemon.until("the revocation to arrive", |_| house.sandbox.world(|world| !world.s2.has("service/stray-00")));
    assert_eq!(house.writes(), 0, "its answer is still under way");
    daemon.terminate();
    assert_eq!(hear().trim(), "STOPPING=1");
    daemon.is_alive("what is in flight is settled");
    assert_eq!(daemon.stop().0, 0);

    let mut command = Daemon::command(&house, &[]);
    command.env("NOTIFY_SOCKET", house.path("notify"));
    let mut daemon = Daemon::of(command);
    let status = format!("STATUS=serving http://{}/; 1 of 1 targets in sync", daemon.address());
    let heard = |line: &str| std::iter::repeat_with(hear).find(|told| told.trim() == line).unwrap();
    heard(&status);
    assert_eq!(daemon.post("/v1/pause", &json!({ "because": "a drill" })).status, 200);
    heard(&format!("{status}; all writing is stopped"));
}

#[test]
fn a_machine_of_many_cores_gets_no_more_threads_than_a_service_may_have() {
    let house = world(1, "");
    let mut command = Daemon::command(&house, &[]);
    command.env("TOKIO_WORKER_THREADS", "160");
    let mut daemon = Daemon::of(command);
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    // Where the system does not tell it, nothing can be seen.
    let threads = daemon.threads().unwrap_or_default();
    assert!(threads <= 64, "{threads}, and the units allow 128 tasks with all that is started");
}

#[test]
fn every_line_of_a_log_of_json_is_json() {
    let house = world(1, "");
    let mut daemon = Daemon::start(&house);
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    house.write("policies/s2.yaml", "version: 1\ntarget: [\n");
    daemon.looked_anew("s2");
    house.sandbox.fault(Fault::new(System::S2, Trouble::Html));
    daemon.looked_anew("s2");
    let parsed = |line: &Value| line["level"].is_string() && line["timestamp"].is_string();
    assert!(daemon.lines().len() > 5);
    let lines = daemon.lines();
    daemon.stop();
    let odd: Vec<&Value> = lines.iter().filter(|line| !parsed(line)).collect();
    assert!(odd.is_empty(), "{odd:#?}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for args in
        [&["watch", "--listen", &address][..], &["watch", "--target", "nowhere"], &["watch", "--git", "nowhere"]]
    {
        let run = house.expect(1, &[args, &["--log-format", "json"]].concat());
        for line in run.err.lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| parsed(&line)), "{args:?}: {line}");
        }
        assert!(!run.err.is_empty());
    }
}
