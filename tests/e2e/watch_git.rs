//! A repository as the source: a push is acted on, and everything says by which commit.

use std::process::Command;

use portcullis::sandbox::{Fault, System, Trouble};
use serde_json::json;

use crate::{
    daemon::{Daemon, watching},
    house::House,
    needs::has,
    push_hook,
    repository::Repository,
    service::{AT_ONCE, appears, house, strays},
};

fn world(fields: &str) -> House {
    let house = house(8, 0, AT_ONCE);
    watching(&house, fields);
    house
}

#[test]
fn a_push_is_acted_on_when_the_host_tells_of_it_and_all_documents_name_the_commit() {
    let house = world(&format!("interval: 1h, {}", push_hook::SETTING));
    let Some(repository) = Repository::of(&house, 8) else { return };
    let mut command = Daemon::command(&house, &["--git", &format!("file://{}", repository.address())]);
    command.env("HOOK_SECRET", push_hook::SECRET);
    let mut daemon = Daemon::of(command);
    daemon.until_health("s2", "in_sync");
    let head = repository.push(7);
    daemon.looked_anew("s2");
    assert_eq!(house.removed_tokens(), ["service/keep-07"], "a request reads the source again, too");
    let head_then = daemon.state()["source"]["commit"].clone();
    assert_eq!(head_then, json!(head));

    let head = repository.push(6);
    assert_eq!(push_hook::push(&mut daemon, push_hook::SECRET).status, 202);
    daemon.until("the token to go", |_| house.removed_tokens() == ["service/keep-06", "service/keep-07"]);
    let brief = daemon.looked_anew("s2");
    assert_eq!((&brief["health"], &brief["commit"]), (&json!("in_sync"), &json!(head)), "{brief:#}");
    let state = daemon.state();
    assert_eq!((&state["source"]["commit"], &state["source"]["git_ref"]), (&json!(head), &json!("main")));
    let plan = daemon.get("/v1/targets/s2/plan").json();
    assert_eq!(plan["revision"], json!(head));
    // A look that fails makes no plan: the one that is shown stays that of its commit.
    house.sandbox.fault(Fault::new(System::S2, Trouble::Html).on_reads());
    let newer = repository.push(5);
    let brief = daemon.looked_anew("s2");
    assert_eq!((&brief["health"], &brief["commit"]), (&json!("unreadable"), &json!(newer)), "{brief:#}");
    let shown = daemon.get("/v1/targets/s2/plan").json();
    assert_eq!((&shown["revision"], &shown["made_at"]), (&json!(head), &plan["made_at"]));
    let journal = daemon.get("/v1/journal").text;
    assert!(journal.contains(&head), "{journal}");
    assert_eq!(daemon.stop().0, 0);
    assert!(house.expect(0, &["history"]).out.contains(&head));
}

#[test]
fn a_push_while_the_target_is_read_stops_what_it_declares_again() {
    let house = world("interval: 1h");
    let Some(repository) = Repository::of(&house, 8) else { return };
    let mut daemon = Daemon::with(&house, &["--git", &repository.address()]);
    daemon.until_health("s2", "in_sync");
    let looks = daemon.looks("s2").len();
    house.sandbox.fault(Fault::new(System::S2, Trouble::Delay { ms: 3_000, after_effect: false }).on_reads().times(1));
    let older = repository.push(7);
    assert_eq!(daemon.post("/v1/reconcile", &json!({})).status, 202);
    daemon.until("the reading by it to begin", |_| house.sandbox.faults()[0].hits == 1);
    assert_eq!(daemon.said("looking").last().unwrap()["commit"], json!(older), "what it is planned by");
    let newer = repository.push(8);
    daemon.until("that look to end", |daemon| daemon.looks("s2").len() > looks);
    let brief = daemon.looked_anew("s2");
    assert_eq!((&brief["health"], &brief["commit"]), (&json!("in_sync"), &json!(newer)), "{brief:#}");
    assert_eq!(house.writes(), 0);
}

#[test]
fn a_push_is_acted_on_at_the_interval() {
    let house = world("interval: 1s");
    let Some(repository) = Repository::of(&house, 8) else { return };
    let mut daemon = Daemon::with(&house, &["--git", &repository.address()]);
    daemon.until_health("s2", "in_sync");
    let head = repository.push(7);
    daemon.until("the token to go", |_| house.removed_tokens() == ["service/keep-07"]);
    daemon.until_state("the commit is told", |state| state["source"]["commit"] == json!(head));
}

#[test]
fn a_commit_that_nobody_allowed_signed_is_not_taken_and_one_that_somebody_did_is() {
    let house = world("interval: 1h");
    if !has("ssh-keygen") {
        return;
    }
    let Some(repository) = Repository::of(&house, 8) else { return };
    let key = house.path("key").display().to_string();
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key]).status().unwrap();
    assert!(made.success());
    house.write("signers", &format!("anna@example.com {}", house.read("key.pub")));
    repository.git(&["config", "gpg.format", "ssh"]);
    repository.git(&["config", "user.signingKey", &key]);
    repository.git(&["config", "commit.gpgSign", "true"]);
    let signed = repository.push(8);
    let mut daemon = Daemon::with(&house, &["--git", &repository.address(), "--allowed-signers", "signers"]);
    daemon.until_health("s2", "in_sync");

    repository.git(&["config", "commit.gpgSign", "false"]);
    let unsigned = repository.push(7);
    appears(&house, "service/stray-00");
    let brief = daemon.looked_anew("s2");
    assert_eq!((&brief["health"], &brief["commit"]), (&json!("blocked"), &json!(signed)), "{brief:#}");
    let failing = daemon.state()["source"]["failing"]["what"].to_string();
    assert!(failing.contains(&unsigned) && failing.contains("not signed"), "{failing}");
    assert_eq!(daemon.metric("portcullis_source_failing"), Some(1.0));
    assert_eq!(house.writes(), 0, "neither by the commit that nobody signed nor by the one before it");

    repository.git(&["config", "commit.gpgSign", "true"]);
    let head = repository.push(7);
    daemon.looked_anew("s2");
    assert_eq!(house.removed_tokens(), [&["service/keep-07".to_owned()], &strays(1)[..]].concat());
    let source = &daemon.state()["source"];
    assert_eq!((&source["commit"], &source["failing"]), (&json!(head), &json!(null)));
}

#[test]
fn however_often_it_is_asked_the_repository_is_asked_once_a_second_and_no_push_is_missed() {
    let house = world("interval: 1h");
    let Some(repository) = Repository::of(&house, 8) else { return };
    // Tells of each call before it becomes git.
    let path = std::env::var("PATH").unwrap();
    let (log, program) = (house.path("git.log"), house.path("bin/git"));
    let script = format!("#!/bin/sh\necho \"$(date +%s) $*\" >> '{}'\nPATH='{path}' exec git \"$@\"\n", log.display());
    house.write("bin/git", &script);
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Daemon::command(&house, &["--git", &repository.address()]);
    command.env("PATH", format!("{}:{path}", house.path("bin").display()));
    let mut daemon = Daemon::of(command);
    daemon.until_health("s2", "in_sync");
    let asked = || -> Vec<usize> {
        let log = house.read("git.log");
        let lines = log.lines().filter(|line| line.contains("ls-remote"));
        lines.map(|line| line.split_once(' ').unwrap().0.parse().unwrap()).collect()
    };
    assert!(!asked().is_empty());
    for _ in 0..60 {
        assert_eq!(daemon.post("/v1/reconcile", &json!({})).status, 202);
    }
    repository.push(7);
    assert_eq!(daemon.post("/v1/reconcile", &json!({})).status, 202);
    daemon.until("the token to go", |_| house.removed_tokens() == ["service/keep-07"]);
    // By the repository's own record: whole seconds, and a call may begin late.
    let asked = asked();
    let seconds = asked.last().unwrap() - asked.first().unwrap();
    assert!(asked.len() <= seconds + 3, "{asked:?}");
}
