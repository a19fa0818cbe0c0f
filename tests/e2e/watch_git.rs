//! A repository as the source: a push is acted on, and everything says by which commit.

use std::process::Command;

use jiff::{SignedDuration, Timestamp};
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

/// The daemon's command, by a `git` that runs this shell text first.
fn with_git_after(house: &House, repository: &Repository<'_>, first: &str) -> Command {
    let path = std::env::var("PATH").unwrap();
    house.write("bin/git", &format!("#!/bin/sh\n{first}\nPATH='{path}' exec git \"$@\"\n"));
    std::fs::set_permissions(house.path("bin/git"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Daemon::command(house, &["--git", &repository.address()]);
    command.env("PATH", format!("{}:{path}", house.path("bin").display()));
    command
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
    let told = format!("echo \"$(date +%s) $*\" >> '{}'", house.path("git.log").display());
    let mut daemon = Daemon::of(with_git_after(&house, &repository, &told));
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

#[test]
fn an_end_comes_while_the_repository_is_out_of_reach_in_ever_other_words_and_nothing_is_read_in_a_loop() {
    let house = world("interval: 1h");
    let Some(repository) = Repository::of(&house, 8) else { return };
    let end = Timestamp::now().checked_add(SignedDuration::from_secs(15)).unwrap();
    let temporary =
        format!("version: 1\ntarget: s2\naccess_tokens:\n  - {{ id: temp/a, justification: OPS-1, expires: {end} }}\n");
    house.write("clone/policies/temp.yaml", &temporary);
    repository.push(8);
    appears(&house, "temp/a");
    let (down, log) = (house.path("down").display().to_string(), house.path("git.log").display().to_string());
    let failing = format!(
        "if [ -e '{down}' ]; then echo \"$*\" >> '{log}'; echo \"fatal: Failed to connect after $$ ms\" >&2; exit 128; fi"
    );
    let mut daemon = Daemon::of(with_git_after(&house, &repository, &failing));
    daemon.until_health("s2", "in_sync");
    // Longer than the files of a repository may be old when anything is sent.
    house.sandbox.fault(Fault::new(System::S2, Trouble::Delay { ms: 1_200, after_effect: false }).on_reads());
    house.write("down", "");
    let looks = daemon.looks("s2").len();
    assert_eq!(daemon.post("/v1/reconcile", &json!({})).status, 202);
    daemon.until_health("s2", "blocked");
    assert_eq!(house.writes(), 0, "not before its end");
    daemon.until("the end to come", |_| house.removed_tokens() == ["temp/a"]);
    assert!(Timestamp::now() >= end);
    // It is asked again and again, and fails in other words each time.
    let asked = || house.read("git.log").lines().filter(|line| line.contains("ls-remote")).count();
    let before = asked();
    daemon.until("another call", |_| asked() > before);
    assert_eq!((house.writes(), house.removed_tokens()), (1, vec!["temp/a".to_owned()]));
    let looks = daemon.looks("s2").len() - looks;
    assert!(looks <= 8, "what was asked for, the end, and what was sent are looked at, and no more: {looks}");
}

#[test]
fn an_announced_number_is_kept_where_nothing_is_sent_because_of_a_push_while_the_target_was_read() {
    let house = house(20, 3, "    enforce: [access_tokens]\n    guards: { notice: 0h, max_count: 2 }");
    watching(&house, "interval: 1h");
    let Some(repository) = Repository::of(&house, 20) else { return };
    let mut daemon = Daemon::with(&house, &["--git", &repository.address()]);
    daemon.until_health("s2", "refused");
    house.expect(0, &["expect", "s2", "3", "--until", "2h"]);
    house.sandbox.fault(Fault::new(System::S2, Trouble::Delay { ms: 3_000, after_effect: false }).on_reads().times(1));
    assert_eq!(daemon.post("/v1/reconcile", &json!({})).status, 202);
    daemon.until("the reading to begin", |_| house.sandbox.faults()[0].hits == 1);
    repository.push(21);
    daemon.until("the strays to go by the newer files", |_| house.removed_tokens() == strays(3));
    let skipped = daemon.said("a row ended").iter().filter(|row| row["end"] == "skipped").count();
    assert_eq!(skipped, 3, "the look before found that the files were others");
}
