//! Files that change in the ways of editors, of Git and of Kubernetes: each change is acted on long before an interval of an hour
//! is over, and exactly what it takes out goes.

use std::{fs, os::unix::fs::symlink, process::Command};

use portcullis::sandbox::{Fault, Sandbox, System, Trouble};
use serde_json::{Value, json};

use crate::{
    daemon::{Daemon, watching},
    house::House,
    needs::has,
    service::{AT_ONCE, appears, declaring, house, kept, strays},
    soak::account::{self, Account},
};

fn world(keep: usize) -> House {
    let house = house(keep, 0, AT_ONCE);
    watching(&house, "interval: 1h");
    house
}

#[test]
fn an_editor_that_renames_over_the_file_is_seen() {
    let house = world(8);
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    // As vim does: the old file is moved away, the new one is written under its name, the old one goes.
    let file = |name: &str| house.path("policies").join(name);
    fs::rename(file("s2.yaml"), file("s2.yaml~")).unwrap();
    house.write("policies/s2.yaml", &declaring(&kept(7)));
    fs::remove_file(file("s2.yaml~")).unwrap();
    daemon.until("the first to go", |_| house.removed_tokens() == ["service/keep-07"]);
    // As most others do: written beside it, renamed over it.
    house.write("policies/.s2.yaml.swp", &declaring(&kept(6)));
    fs::rename(file(".s2.yaml.swp"), file("s2.yaml")).unwrap();
    daemon.until("the second to go", |_| house.removed_tokens() == ["service/keep-06", "service/keep-07"]);
    assert_eq!(daemon.looked_anew("s2")["health"], "in_sync");
    assert_eq!(house.writes(), 2);
}

/// A file of its own for each token, which only declares.
fn many(house: &House, directory: &str, ids: &[String]) {
    for id in ids {
        let text = format!("version: 1\ntarget: s2\naccess_tokens:\n  - {{ id: {id}, justification: needed }}\n");
        house.write(&format!("{directory}/{}.yaml", id.replace('/', "-")), &text);
    }
}

#[test]
fn a_checkout_of_many_files_at_once_is_taken_as_a_whole() {
    if !has("git") {
        return;
    }
    let house = world(40);
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(house.path("policies")).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", house.path(".")).args(["-c", "user.name=Anna", "-c", "user.email=anna@example.com"]);
        assert!(command.args(args).output().unwrap().status.success(), "{args:?}");
    };
    // One branch declares all of them in many files, the other the same in other files, but for two.
    git(&["init", "--quiet", "--initial-branch=before"]);
    house.write("policies/s2.yaml", &declaring(&kept(1)));
    many(&house, "policies", &kept(40)[1..]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "before"]);
    git(&["checkout", "--quiet", "-b", "after"]);
    git(&["rm", "--quiet", "-r", "."]);
    house.write("policies/s2.yaml", &declaring(&kept(1)));
    many(&house, "policies/moved", &kept(38)[1..]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "after"]);
    git(&["checkout", "--quiet", "before"]);

    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    git(&["checkout", "--quiet", "after"]);
    daemon.until("both to go", |_| house.removed_tokens() == ["service/keep-38", "service/keep-39"]);
    assert_eq!(daemon.looked_anew("s2")["health"], "in_sync");
    assert_eq!(house.writes(), 2, "nothing that only moved");
}

#[test]
fn a_rebase_that_stopped_at_a_conflict_removes_nothing() {
    if !has("git") {
        return;
    }
    let house = world(8);
    let run = |directory: &str, args: &[&str]| {
        let mut command = Command::new("git");
        command.current_dir(house.path(directory)).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", house.path(".")).args(["-c", "user.name=Anna", "-c", "user.email=anna@example.com"]);
        command.args(args).output().unwrap().status.success()
    };
    let git = |args: &[&str]| assert!(run("policies", args), "{args:?}");
    git(&["init", "--quiet", "--initial-branch=upstream"]);
    house.write("policies/s2.yaml", &declaring(&kept(6)));
    house.write("policies/README.md", "one");
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "both begin here"]);
    git(&["checkout", "--quiet", "-b", "local"]);
    house.write("policies/README.md", "one, here");
    git(&["commit", "--quiet", "--all", "--message", "words"]);
    many(&house, "policies", &kept(8)[6..]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "--message", "two more are needed"]);
    git(&["worktree", "add", "--quiet", "../up", "upstream"]);
    house.write("up/README.md", "one, there");
    assert!(run("up", &["commit", "--quiet", "--all", "--message", "other words"]));

    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    assert!(!run("policies", &["rebase", "upstream"]), "it stops at a conflict");
    assert!(!house.path("policies/service-keep-07.yaml").exists(), "what the last commit declares is away");
    let why = daemon.until_state("the operation to be told", |state| !state["source"]["failing"].is_null());
    let why = why["source"]["failing"]["what"].to_string();
    assert!(why.contains("rebase") && why.contains("git status"), "{why}");
    daemon.looked_anew("s2");
    assert_eq!(house.writes(), 0);
    git(&["rebase", "--abort"]);
    daemon.until_state("it to go on by itself", |state| state["source"]["failing"].is_null());
    assert_eq!(daemon.looked_anew("s2")["health"], "in_sync");
    assert_eq!(house.writes(), 0);
}

#[test]
fn the_swapped_link_of_a_config_map_is_seen() {
    let house = world(8);
    let data = |name: &str, count: usize| {
        house.write(&format!("policies/..{name}/s2.yaml"), &declaring(&kept(count)));
        symlink(format!("..{name}"), house.path("policies/..data_tmp")).unwrap();
        fs::rename(house.path("policies/..data_tmp"), house.path("policies/..data")).unwrap();
    };
    fs::remove_file(house.path("policies/s2.yaml")).unwrap();
    data("2026_11_21_1", 8);
    symlink("..data/s2.yaml", house.path("policies/s2.yaml")).unwrap();
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    data("2026_11_21_2", 7);
    fs::remove_dir_all(house.path("policies/..2026_11_21_1")).unwrap();
    daemon.until("the token to go", |_| house.removed_tokens() == ["service/keep-07"]);
    assert_eq!(daemon.looked_anew("s2")["health"], "in_sync");
    assert_eq!(house.writes(), 1);
}

#[test]
fn a_target_is_gained_and_lost_while_the_daemon_runs() {
    let house = world(8);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(account::world(7))).unwrap();
    let without = house.read("portcullis.yaml");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");

    // Its policy file comes with it: the configuration first, as it may be written in any order.
    let mut account = Account::new(7, sandbox, &house.path("."));
    account.appear_stray();
    house.write("portcullis.yaml", &format!("{without}{}", account.configuration()));
    daemon.until("its stray to go", |_| account.differs().is_none());
    assert_eq!(account.judge(), 1);
    daemon.until_brief("s2-007", "in sync", |brief| brief["health"] == "in_sync");

    house.write("portcullis.yaml", &without);
    fs::remove_file(house.path("policies/s2-007.yaml")).unwrap();
    daemon.until_state("it is gone", |state| {
        let targets: Vec<_> = state["targets"].as_array().unwrap().iter().map(|brief| &brief["target"]).collect();
        targets == [&json!("s2")] && state["source"]["problems"] == json!([])
    });
    let asked = account.sandbox.record().requests().len();
    account.appear_stray();
    appears(&house, "service/stray-00");
    let refused = daemon.post("/v1/reconcile", &json!({ "targets": ["s2-007"] }));
    assert_eq!(refused.status, 404, "{refused:?}");
    daemon.looked_anew("s2");
    assert_eq!(house.removed_tokens(), strays(1), "the other goes on");
    assert_eq!(account.sandbox.record().requests().len(), asked, "nobody asks it any more");
}

#[test]
fn a_target_that_is_renamed_while_its_removal_is_on_the_way_does_not_send_it_again() {
    let house = world(8);
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    let late = Trouble::Delay { ms: 4_000, after_effect: false };
    house.sandbox.fault(Fault::new(System::S2, late).on_writes().times(1));
    house.write("policies/s2.yaml", &declaring(&kept(7)));
    daemon.until("the removal to be on the way", |_| house.sandbox.faults()[0].hits == 1);
    house.write("policies/s2.yaml", &declaring(&kept(7)).replace("target: s2", "target: s2-new"));
    house.edit("portcullis.yaml", "  s2:\n", "  s2-new:\n");
    daemon.until_health("s2-new", "in_sync");
    assert_eq!(daemon.looked_anew("s2-new")["health"], "in_sync");
    assert_eq!(house.removed_tokens(), ["service/keep-07"]);
    assert_eq!(house.writes(), 1);
}

/// Whether a process has the system tell it of changed files.
#[cfg(target_os = "linux")]
fn is_told(daemon: &Daemon) -> bool {
    let open = std::fs::read_dir(format!("/proc/{}/fd", daemon.id())).unwrap();
    let mut leads_to = open.flatten().filter_map(|file| std::fs::read_link(file.path()).ok());
    leads_to.any(|what| what.to_string_lossy().contains("inotify"))
}

#[cfg(target_os = "linux")]
#[test]
fn changes_are_looked_for_where_the_operator_says_so_and_told_again_where_he_does_not() {
    let house = house(8, 0, AT_ONCE);
    watching(&house, "interval: 1h, files: poll");
    let mut daemon = Daemon::start(&house);
    daemon.until_health("s2", "in_sync");
    let polls = |state: &Value| state["source"]["polling"].as_str().is_some_and(|why| why.contains("`files: poll`"));
    daemon.until_state("the way to be told", polls);
    assert!(!is_told(&daemon));
    house.write("policies/s2.yaml", &declaring(&kept(7)));
    daemon.until("the token to go", |_| house.removed_tokens() == ["service/keep-07"]);
    // It takes effect while the daemon runs.
    house.edit("portcullis.yaml", "files: poll", "files: events");
    daemon.until_state("the system to be asked", |state| state["source"]["polling"].is_null());
    daemon.until("the system to tell", is_told);
    house.write("policies/s2.yaml", &declaring(&kept(6)));
    daemon.until("the next token to go", |_| house.removed_tokens().len() == 2);
}
