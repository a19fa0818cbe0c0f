//! The listener of a running daemon: there before the first tree, true to secrets that are replaced, and deaf to pushes of other
//! refs.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::Command,
    time::Duration,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;

use crate::{
    daemon::{Daemon, every},
    house::House,
    needs::has,
    service::{AT_ONCE, declaring, house, kept},
};

const FIRST: &str = "the-first-secret-of-them-all";
const SECOND: &str = "the-second-secret-of-them-all";

fn secret(house: &House, name: &str, secret: &str) {
    house.write(name, secret);
    fs::set_permissions(house.path(name), fs::Permissions::from_mode(0o600)).unwrap();
}

/// An answer: its status and its body.
struct Answer {
    status: u16,
    text: String,
}

fn ask(address: &str, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n");
    socket.write_all(format!("{head}{headers}\r\n{body}").as_bytes()).unwrap();
    let mut told = String::new();
    socket.read_to_string(&mut told).unwrap();
    let (head, text) = told.split_once("\r\n\r\n").unwrap();
    Answer { status: head[9..12].parse().unwrap(), text: text.to_owned() }
}

/// Where the daemon listens, once it does.
fn address(daemon: &mut Daemon) -> String {
    let said = "listening; the first tree is not loaded yet";
    daemon.until("it listens", |daemon| !daemon.said(said).is_empty());
    daemon.said(said)[0]["address"].as_str().unwrap().to_owned()
}

fn get(address: &str, path: &str, token: &str) -> Answer {
    ask(address, "GET", path, &format!("authorization: Bearer {token}\r\n"), "")
}

fn push(address: &str, git_ref: &str, secret: &str) -> u16 {
    let body = json!({ "ref": git_ref, "after": "4f1c2d9a8b7e6f5041322314253647586970a1b2" }).to_string();
    let mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&body).finalize();
    let proof = mac.into_bytes().iter().fold("sha256=".to_owned(), |text, byte| format!("{text}{byte:02x}"));
    let kind = "content-type: application/json\r\nx-github-event: push\r\n";
    ask(address, "POST", "/v1/hooks/github", &format!("{kind}x-hub-signature-256: {proof}\r\n"), &body).status
}

fn triggered(address: &str, by: &str) -> u64 {
    let text = get(address, "/metrics", FIRST).text;
    let mark = format!("portcullis_triggers_total{{trigger=\"{by}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&mark)).map_or(0, |count| count.parse().unwrap())
}

#[test]
fn while_the_first_tree_takes_its_time_the_daemon_says_so_and_can_be_stopped() {
    if !has("git") {
        return;
    }
    let house = house(1, 0, AT_ONCE);
    // Takes connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}/access.git", silent.local_addr().unwrap());
    let line = ["watch", "--new-journal", "--listen", "127.0.0.1:0", "--log-format", "json", "--git", &origin];
    let mut daemon = Daemon::of(house.command(&line));
    let address = address(&mut daemon);
    let _held = silent.accept().unwrap();
    assert_eq!(get(&address, "/healthz", "").status, 200);
    let ready = get(&address, "/readyz", "");
    assert_eq!(ready.status, 503);
    assert!(ready.text.contains("the first tree is not loaded yet"));
    assert_eq!(get(&address, "/v1/journal", "").status, 503);
    let (code, took) = daemon.stop();
    assert_eq!(code, 0);
    assert!(took.as_secs() < 27, "at once, not when git gives up: {took:?}");
}

#[test]
fn a_token_and_a_webhook_secret_that_are_replaced_in_the_configuration_count_without_a_restart() {
    let house = house(2, 0, AT_ONCE);
    for (name, text) in [("first", FIRST), ("second", SECOND)] {
        secret(&house, name, text);
    }
    let watch = |name: &str, more: &str| {
        format!(
            "watch: {{ interval: 1h, token: {{ file: ./{name} }}, webhooks: [{{ from: github, secret: {{ file: ./{name} }} }}]{more} }}\n"
        )
    };
    house.edit("portcullis.yaml", "targets:\n", &format!("{}targets:\n", watch("first", "")));
    let mut daemon = Daemon::start(&house);
    let address = address(&mut daemon);
    daemon.first_look("s2");
    assert_eq!(get(&address, "/v1/state", FIRST).status, 200);
    assert_eq!(get(&address, "/v1/state", SECOND).status, 401);
    assert_eq!(push(&address, "refs/heads/main", FIRST), 202);
    house.edit("portcullis.yaml", &watch("first", ""), &watch("second", ", listen: 127.0.0.1:9"));
    daemon.until("the new token to count", |_| get(&address, "/v1/state", SECOND).status == 200);
    assert_eq!(get(&address, "/v1/state", FIRST).status, 401);
    assert_eq!((push(&address, "refs/heads/main", FIRST), push(&address, "refs/heads/main", SECOND)), (401, 202));
    // What needs a restart says so.
    house.edit("portcullis.yaml", ", listen: 127.0.0.1:9", "");
    house.edit("portcullis.yaml", &watch("second", ""), &watch("missing", ""));
    daemon.until("nobody to be let in", |_| get(&address, "/v1/state", SECOND).status == 401);
    daemon.until("it to be said", |daemon| !daemon.said("the listener does not go by its configuration").is_empty());
    assert_eq!(push(&address, "refs/heads/main", SECOND), 404);
    assert_eq!(get(&address, "/v1/state", "").status, 401, "not open for want of a token");
}

#[test]
fn a_push_reads_the_source_again_and_looks_at_what_it_changed_only() {
    let house = house(8, 0, AT_ONCE);
    secret(&house, "hook", FIRST);
    let watch = "watch: { interval: 1h, webhooks: [{ from: github, secret: { file: ./hook } }] }\n";
    house.edit("portcullis.yaml", "targets:\n", &format!("{watch}targets:\n"));
    let mut daemon = Daemon::start(&house);
    let address = address(&mut daemon);
    daemon.until_health("s2", "in_sync");
    assert_eq!(push(&address, "refs/heads/anything", FIRST), 202);
    assert_eq!(triggered(&address, "webhook"), 1);
    daemon.until("the source to be read", |daemon| {
        daemon.said("the source is as it was").iter().any(|line| line["trigger"] == "webhook")
    });
    house.write("policies/s2.yaml", &declaring(&kept(7)));
    daemon.until("the change to be acted on", |_| !house.removed_tokens().is_empty());
    assert!(!daemon.triggers("s2").contains(&"webhook".to_owned()), "nothing had changed: {:?}", daemon.triggers("s2"));
}

#[test]
fn a_push_of_another_ref_is_no_reason_to_look() {
    if !has("git") {
        return;
    }
    let house = house(2, 0, AT_ONCE);
    secret(&house, "hook", FIRST);
    let watch = "watch: { interval: 1h, webhooks: [{ from: github, secret: { file: ./hook } }] }\n";
    house.edit("portcullis.yaml", "targets:\n", &format!("{watch}targets:\n"));
    house.write("origin/policies/s2.yaml", &house.read("policies/s2.yaml"));
    for line in ["init --quiet --initial-branch=main", "add --all", "commit --quiet --message first"] {
        let mut git = Command::new("git");
        git.current_dir(house.path("origin")).env("HOME", house.path(".")).args([
            "-c",
            "user.name=A",
            "-c",
            "user.email=a@b",
        ]);
        assert!(git.args(line.split(' ')).status().unwrap().success());
    }
    let line = ["watch", "--new-journal", "--listen", "127.0.0.1:0", "-v", "--log-format", "json", "--git", "origin"];
    let mut daemon = Daemon::of(house.command(&line));
    let address = address(&mut daemon);
    daemon.first_look("s2");
    assert_eq!(push(&address, "refs/heads/other", FIRST), 202);
    assert_eq!(triggered(&address, "webhook"), 0);
    assert_eq!(push(&address, "refs/heads/main", FIRST), 202);
    assert_eq!(triggered(&address, "webhook"), 1);
}

#[test]
fn a_state_that_lasts_is_told_once_at_the_level_of_warnings() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1s");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    house.write("policies/s2.yaml", "version: 1\nno such thing\n");
    daemon.until_health("s2", "blocked");
    daemon.looked_again("s2", 3);
    let loud = |daemon: &Daemon| {
        daemon.looks("s2").iter().filter(|look| look["health"] == "blocked" && look["level"] == "WARN").count()
    };
    assert_eq!(loud(&daemon), 1, "{}", daemon.log());
    house.write("policies/s2.yaml", &declaring(&kept(8)));
    daemon.until_health("s2", "in_sync");
    house.write("policies/s2.yaml", "version: 1\nno such thing again\n");
    daemon.until_health("s2", "blocked");
    assert_eq!(loud(&daemon), 2, "a new state is told anew");
}

#[test]
fn what_cannot_be_taken_from_the_command_line_says_what_can() {
    let house = house(1, 0, AT_ONCE);
    let wrong = house.expect(1, &["watch", "--new-journal", "--listen", "127.0.0.1:0", "--target", "nope"]);
    assert!(wrong.err.contains("its targets are: s2"), "{}", wrong.err);
    let wrong = house.expect(1, &["watch", "--listen", "localhost:9464"]);
    assert!(wrong.err.contains("127.0.0.1:9464"), "{}", wrong.err);
    let wrong = house.expect(1, &["watch", "--format", "json"]);
    assert!(wrong.err.contains("means nothing to `portcullis watch`"), "{}", wrong.err);
    let help = house.expect(0, &["watch", "--help"]).out;
    assert!(
        help.contains("portcullis init") && help.contains("--new-journal") && !help.contains("--format <"),
        "{help}"
    );
}
