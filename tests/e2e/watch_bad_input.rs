//! The list "Bad input" of the README's section on the daemon: each has the answer that stands there, and none causes a
//! revocation. In each world something would go, were the daemon to act.

use std::{
    ffi::OsStr,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Command, Stdio},
    time::Duration,
};

use portcullis::sandbox::{Fault, System, Trouble};
use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, Log, watching},
    house::House,
    letterbox::Letterbox,
    needs::has,
    push_hook,
    repository::Repository,
    service::{AT_ONCE, appears, declaring, house, kept, strays},
};

fn world(stray: usize, fields: &str) -> House {
    let house = house(8, stray, AT_ONCE);
    watching(&house, fields);
    house
}

fn failing(state: &Value) -> String {
    state["source"]["failing"]["what"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_repository_that_cannot_be_read_holds_everything_until_it_is_back() {
    let house = world(0, "interval: 1h");
    let Some(repository) = Repository::of(&house, 8) else { return };
    let mut daemon = Daemon::with(&house, &["--git", &repository.address()]);
    daemon.until_health("s2", "in_sync");
    repository.vanish();
    appears(&house, "service/stray-00");
    let brief = daemon.looked_anew("s2");
    assert_eq!(brief["health"], "blocked", "{brief:#}");
    assert_eq!(brief["tally"]["held"][0]["rows"], 1, "it is planned and reported: {brief:#}");
    assert!(failing(&daemon.state()).contains("cannot be read"));
    assert_eq!(daemon.metric("portcullis_source_failing"), Some(1.0));
    assert_eq!(house.writes(), 0);
    repository.come_back();
    // By itself: a source that cannot be read is tried again long before the interval is over.
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    assert_eq!(failing(&daemon.state()), "");
    assert_eq!(daemon.metric("portcullis_source_failing"), Some(0.0));
}

#[test]
fn a_force_pushed_ref_holds_everything_until_exactly_its_head_is_accepted() {
    let house = world(0, "interval: 1h");
    let Some(repository) = Repository::of(&house, 8) else { return };
    let base = repository.git(&["rev-parse", "HEAD"]);
    let git = ["--git", &repository.address()];
    let mut daemon = Daemon::with(&house, &git);
    daemon.until_health("s2", "in_sync");
    repository.git(&["commit", "--quiet", "--amend", "--message", "rewritten"]);
    let head = repository.commit(7);
    repository.git(&["push", "--quiet", "--force", "origin", "main"]);
    appears(&house, "service/stray-00");
    let brief = daemon.looked_anew("s2");
    assert_eq!((&brief["health"], &brief["commit"]), (&json!("blocked"), &json!(base)), "{brief:#}");
    let told = failing(&daemon.state());
    assert!(told.contains("rewritten") && told.contains(&head), "{told}");
    // The target says the same: none of its files is broken, and no mending of files goes on.
    let why = brief["why"].as_str().unwrap();
    assert!(why.starts_with("the policies cannot be taken since ") && why.contains("was rewritten"), "{brief:#}");
    let plan = daemon.get("/v1/targets/s2/plan").json();
    let hold = &plan["targets"][0]["rows"][0]["holds"][0];
    for advice in [&brief["advice"], &hold["way_on"]] {
        assert!(advice.as_str().unwrap().contains(&format!("--accept-rewrite {head}")), "{advice}");
    }
    assert_eq!(hold["why"], brief["why"]);
    assert_eq!(daemon.stop().0, 0);

    let mut daemon = Daemon::with(&house, &[&git[..], &["--accept-rewrite", &base]].concat());
    daemon.first_look("s2");
    daemon.looked_anew("s2");
    assert!(failing(&daemon.state()).contains("rewritten"), "another commit is not its head");
    assert_eq!(daemon.stop().0, 0);
    assert_eq!(house.writes(), 0);

    let mut daemon = Daemon::with(&house, &[&git[..], &["--accept-rewrite", &head]].concat());
    daemon.until("both to go", |_| house.removed_tokens() == ["service/keep-07", "service/stray-00"]);
    assert_eq!(daemon.looked_anew("s2")["health"], "in_sync");
}

#[test]
fn what_is_said_of_an_expires_holds_for_a_repository_that_is_gone_and_for_one_that_was_rewritten() {
    let letters = Letterbox::open();
    let hook = format!("webhook: \"{}\", secret: {{ env: SECRET }}, about: [failures]", letters.url("/hook"));
    let house = world(0, &format!("interval: 1h, notify: [{{ {hook} }}]"));
    let Some(repository) = Repository::of(&house, 8) else { return };
    appears(&house, "temp/a");
    let ending =
        "version: 1\ntarget: s2\naccess_tokens:\n  - { id: temp/a, justification: OPS-1, expires: 2099-01-01 }\n";
    house.write("clone/policies/temp.yaml", ending);
    repository.push(8);
    let mut command = Daemon::command(&house, &["--git", &repository.address()]);
    command.env("SECRET", "the-secret-of-the-receiver");
    let mut daemon = Daemon::of(command);
    daemon.until_health("s2", "in_sync");
    let title = |daemon: &mut Daemon| {
        let mut title = String::new();
        daemon.until("it is told", |_| {
            let mut told = letters.news("failures").into_iter().filter(|one| one["target"].is_null());
            title = told.next_back().map(|one| one["title"].as_str().unwrap().to_owned()).unwrap_or_default();
            !title.is_empty()
        });
        title
    };
    repository.vanish();
    daemon.looked_anew("s2");
    assert_eq!(daemon.state()["source"]["still_acts"], true);
    assert!(title(&mut daemon).ends_with("with everything held but an `expires` of it"));
    assert!(daemon.get("/").text.contains("with everything held, but an <code>expires</code> of it still acts."));
    repository.come_back();
    daemon.looked_anew("s2");
    assert_eq!(failing(&daemon.state()), "");
    repository.git(&["commit", "--quiet", "--amend", "--message", "rewritten"]);
    repository.git(&["push", "--quiet", "--force", "origin", "main"]);
    daemon.looked_anew("s2");
    assert_eq!(daemon.state()["source"]["still_acts"], false, "its file may say something else now");
    daemon.until("it is told, too", |_| {
        letters.news("failures").iter().any(|one| one["title"].as_str().unwrap().ends_with("with everything held"))
    });
    assert!(!daemon.get("/").text.contains("still acts"));
}

#[test]
fn a_policy_directory_that_was_never_there_is_told_once_and_as_what_it_is() {
    let house = house(8, 0, AT_ONCE);
    watching(
        &house,
        &format!(
            "interval: 1h, notify: [{{ command: [sh, \"-c\", \"cat >> {0}; echo >> {0}\"] }}]",
            house.path("told").display()
        ),
    );
    std::fs::rename(house.path("policies"), house.path("away")).unwrap();
    let mut daemon = Daemon::start(&house);
    let brief = daemon.looked_anew("s2");
    assert_eq!((&brief["health"], &brief["in_sync_at"]), (&json!("blocked"), &json!(null)), "{brief:#}");
    let state = daemon.state();
    assert_eq!(state["source"]["problems"], json!([]), "{state:#}");
    assert!(failing(&state).contains("the policy directory"), "{state:#}");
    let said = |daemon: &Daemon, message: &str| daemon.said(message).len();
    let times = ["the policies cannot be taken", "the files are broken", "the files were taken"]
        .map(|message| said(&daemon, message));
    assert_eq!(times, [1, 0, 0], "{}", daemon.log());
    std::fs::rename(house.path("away"), house.path("policies")).unwrap();
    daemon.until_health("s2", "in_sync");
    let told = || std::fs::read_to_string(house.path("told")).unwrap_or_default();
    daemon.until("its end is told", |_| told().contains("The policies load again"));
    assert_eq!(told().matches("The policies cannot be taken").count(), 2, "one message, its title twice: {}", told());
    assert!(!told().contains(":0:"), "{}", told());
}

/// How many requests a look makes that finds nothing to do.
fn reads_of_a_look(house: &House, daemon: &mut Daemon) -> usize {
    let before = house.sandbox.record().requests().len();
    daemon.looked_anew("s2");
    let both = house.sandbox.record().requests().len() - before;
    assert_eq!(both % 2, 0, "two looks alike");
    both / 2
}

#[test]
fn a_webhook_with_a_wrong_signature_is_refused_and_a_right_one_looks_at_what_changed_only() {
    let house = world(0, &format!("interval: 1h, {}", push_hook::SETTING));
    let mut command = Daemon::command(&house, &[]);
    command.env("HOOK_SECRET", push_hook::SECRET);
    let mut daemon = Daemon::of(command);
    daemon.until_health("s2", "in_sync");
    let each = reads_of_a_look(&house, &mut daemon);
    let before = house.sandbox.record().requests().len();
    let since = |house: &House| house.sandbox.record().requests().len() - before;

    for secret in ["another-secret-of-nobody", ""] {
        let refused = push_hook::push(&mut daemon, if secret.is_empty() { "x" } else { secret });
        assert_eq!(refused.status, 401, "{refused:?}");
        assert_eq!(refused.media, "application/problem+json");
        assert!(!refused.text.contains(push_hook::SECRET));
    }
    let unsigned = daemon.post("/v1/hooks/github", &json!({ "ref": "refs/heads/main" }));
    assert_eq!(unsigned.status, 401, "{unsigned:?}");
    assert_eq!(daemon.post("/v1/hooks/gitlab", &json!({})).status, 404, "no such host is configured");

    assert_eq!(push_hook::push(&mut daemon, push_hook::SECRET).status, 202);
    daemon.until("the source to be read", |daemon| {
        daemon.said("the source is as it was").iter().any(|line| line["trigger"] == "webhook")
    });
    daemon.looked_anew("s2");
    assert_eq!(since(&house), 2 * each, "no look but those that were asked for: nothing had changed");
    assert_eq!(house.writes(), 0);
}

/// A body of 100 MB.
const HUGE: usize = 100 * 1024 * 1024;
/// What the process may grow by: far less than a body, far more than noise.
const GROWTH_KIB: u64 = 24 * 1024;

#[test]
fn a_body_of_100_mb_is_refused_unread_and_costs_no_memory() {
    let house = world(0, &format!("interval: 1h, {}", push_hook::SETTING));
    let mut command = Daemon::command(&house, &[]);
    command.env("HOOK_SECRET", push_hook::SECRET);
    let mut daemon = Daemon::of(command);
    daemon.until_health("s2", "in_sync");
    daemon.looked_anew("s2");
    let before = daemon.memory("VmHWM");
    let address = daemon.address();
    let head = |length: &str| {
        format!(
            "POST /v1/hooks/github HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nX-GitHub-Event: \
             push\r\nX-Hub-Signature-256: sha256={}\r\n{length}\r\n\r\n",
            "0".repeat(64)
        )
    };
    let connect = || {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    };

    // By its own word too long: refused before a byte of it came, and the connection ends.
    let mut said = connect();
    said.write_all(head(&format!("Content-Length: {HUGE}")).as_bytes()).unwrap();
    let mut answer = String::new();
    said.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");

    // Without a word about its length: refused by its head, and the connection ends.
    let mut unsaid = connect();
    unsaid.write_all(head("Transfer-Encoding: chunked").as_bytes()).unwrap();
    let mut answer = String::new();
    unsaid.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let chunk = [format!("{:x}\r\n", 64 * 1024).as_bytes(), &[b' '; 64 * 1024], b"\r\n"].concat();
    // At the latest when the buffers on the way are full.
    let sent = (0..HUGE / chunk.len()).take_while(|_| unsaid.write_all(&chunk).is_ok()).count();
    assert!(sent < HUGE / chunk.len() - 16, "the connection is closed before the end");

    daemon.looked_anew("s2");
    if let (Some(before), Some(after)) = (before, daemon.memory("VmHWM")) {
        assert!(after < before + GROWTH_KIB, "its peak grew from {before} to {after} KiB");
    }
    assert_eq!(house.writes(), 0);
}

/// Runs `prlimit` on the daemon: its files may grow to this size at most.
fn limit(daemon: &Daemon, size: &str) {
    let pid = daemon.id().to_string();
    let set = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={size}:")]).status();
    assert!(set.unwrap().success());
}

#[test]
fn a_full_disk_stops_the_sending_until_there_is_room_again() {
    // It makes a disk seem full.
    if !has("prlimit") {
        return;
    }
    let house = world(0, "interval: 1h, max_backoff: 1s");
    // With the signal ignored a write beyond the limit fails like one to a full disk, rather than ending the process.
    let plain = Daemon::command(&house, &[]);
    let mut command = Command::new("sh");
    command.args([OsStr::new("-c"), OsStr::new("trap '' XFSZ; exec \"$0\" \"$@\""), plain.get_program()]);
    command.args(plain.get_args()).current_dir(house.path(".")).stdin(Stdio::null());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", house.path("."));
    let mut daemon = Daemon::of(command);
    daemon.until_health("s2", "in_sync");
    assert_eq!(daemon.get("/readyz").status, 200);
    limit(&daemon, "1");
    appears(&house, "service/stray-00");
    daemon.looked_anew("s2");
    assert_eq!(house.writes(), 0, "what cannot be recorded is not sent");
    let state = daemon.state();
    assert!(!state["journal"]["failing"].is_null(), "{state:#}");
    let ready = daemon.get("/readyz");
    assert!(ready.status == 503 && ready.text.contains("journal"), "{ready:?}");
    assert_eq!(daemon.metric("portcullis_journal_failing"), Some(1.0));
    limit(&daemon, "unlimited");
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    daemon.until_state("the journal records", |state| state["journal"]["failing"].is_null());
    assert_eq!(daemon.get("/readyz").status, 200);
    house.expect(0, &["history", "--verify"]);
}

#[test]
fn a_port_in_use_ends_the_start_with_the_ways_on() {
    let house = world(1, "interval: 1h");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = house.expect(1, &["watch", "--new-journal", "--listen", &address]);
    for word in ["the port is in use", &address, "--listen", "--no-listen"] {
        assert!(run.err.contains(word), "{word}: {}", run.err);
    }
    assert_eq!(house.sandbox.record().requests().len(), 0, "nothing was even read");
}

#[test]
fn a_notification_endpoint_that_hangs_holds_up_nothing() {
    let (hanging, good) = (Letterbox::hanging(), Letterbox::open());
    let house = house(8, 1, AT_ONCE);
    let to = |letterbox: &Letterbox| format!("{{ webhook: \"{}\", secret: {{ env: S }} }}", letterbox.url("/hook"));
    watching(&house, &format!("interval: 1h, grace: 1s, notify: [{}, {}]", to(&hanging), to(&good)));
    let mut command = Daemon::command(&house, &[]);
    command.env("S", "the-secret-of-a-receiver");
    let log = Log::default();
    let mut daemon = Daemon::logging(command, Log::clone(&log));
    daemon.until("the other is told", |_| !good.news("revocations").is_empty());
    daemon.until("the message hangs", |_| !hanging.letters().is_empty());
    assert_eq!(house.removed_tokens(), strays(1));
    appears(&house, "service/stray-01");
    daemon.looked_anew("s2");
    assert_eq!(house.removed_tokens(), strays(2), "the loop goes on");
    assert_eq!(daemon.stop().0, 0);
    let given_up = |line: &Value| line["message"].as_str().unwrap_or_default().contains("could not be told");
    assert_eq!(log.lock().unwrap().iter().filter(|line| given_up(line)).count(), 1, "the one that hangs, and no other");
    assert_eq!(good.news("revocations").len(), 2, "what still waited for the other is sent at the stop");
}

#[test]
fn a_clock_that_is_off_stops_what_time_decides() {
    let house = world(0, "interval: 1h");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    house.sandbox.fault(Fault::new(System::S2, Trouble::ClockSkew { seconds: 3_600 }));
    // By this machine's clock it has ended; by the vendor's nobody knows what this machine's is worth.
    let ended = declaring(&kept(8)).replacen("needed", "needed, expires: 2026-01-31", 1);
    house.write("policies/s2.yaml", &ended);
    let brief = daemon.looked_anew("s2");
    assert_eq!(brief["tally"]["held"][0]["name"], "clock", "{brief:#}");
    assert_eq!(house.writes(), 0);
    house.sandbox.clear_faults();
    daemon.looked_anew("s2");
    assert_eq!(house.removed_tokens(), ["service/keep-00"]);
}
