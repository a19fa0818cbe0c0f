//! Programs that are given a message: real ones.

use std::{path::Path, time::Duration};

use rustix::process::{Pid, test_kill_process};

use crate::{
    run::program::COMMAND_LIMIT,
    transport::{Again, Undelivered},
    watch::tell::program::run,
};

async fn shell(script: &str, input: &str, limit: Duration) -> Result<(), Undelivered> {
    run(&["/bin/sh", "-c", script, "page", "argument-1"].map(str::to_owned), input.as_bytes(), limit).await
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn it_gets_the_document_on_standard_input_and_nothing_of_our_environment() {
    let dir = tempfile::tempdir().unwrap();
    let (input, environment) = (dir.path().join("input"), dir.path().join("environment"));
    let script = format!("cat > {}; env > {}; test \"$1\" = argument-1", input.display(), environment.display());
    shell(&script, "{\"version\":1}", COMMAND_LIMIT).await.unwrap();
    assert_eq!(read(&input), "{\"version\":1}");
    // The shell itself adds PWD, SHLVL and _.
    let known = ["PATH", "HOME", "PWD", "SHLVL", "_"];
    for line in read(&environment).lines() {
        assert!(known.contains(&line.split('=').next().unwrap()), "{line}");
    }
    assert!(std::env::vars_os().any(|(name, _)| name.to_str().is_some_and(|name| !known.contains(&name))));
}

#[tokio::test]
async fn one_that_fails_is_told_of_with_what_it_says_made_harmless() {
    let error = shell("printf 'no such \\033[2Jteam' >&2; exit 3", "{}", COMMAND_LIMIT).await.unwrap_err();
    assert!(matches!(error.again, Again::After(_)) && error.what.contains("exit status: 3"), "{error:?}");
    assert_eq!(error.advice.as_deref(), Some("it says: no such \\u{1b}[2Jteam"));
    let error = shell("echo on standard output; exit 1", "{}", COMMAND_LIMIT).await.unwrap_err();
    assert_eq!(error.advice.as_deref(), Some("it says: on standard output"));
    assert!(!error.what.contains("argument-1"), "arguments may hold secrets: {error:?}");
}

#[tokio::test]
async fn it_may_ignore_its_input_and_say_as_much_as_it_likes() {
    let much = "x".repeat(1 << 20);
    shell("exec true", &much, COMMAND_LIMIT).await.unwrap();
    shell("cat", &much, COMMAND_LIMIT).await.unwrap();
    let error = shell("cat >&2; exit 1", &much, COMMAND_LIMIT).await.unwrap_err();
    assert!(error.advice.unwrap().len() < 4_096, "only the beginning is kept");
}

#[tokio::test]
async fn one_that_does_not_start_is_not_tried_again() {
    let missing = run(&["/no/such/program".to_owned()], b"{}", COMMAND_LIMIT).await.unwrap_err();
    assert!(missing.again == Again::Never && missing.what.contains("/no/such/program"), "{missing:?}");
    let bare = run(&["no-such-program-at-all".to_owned()], b"{}", COMMAND_LIMIT).await.unwrap_err();
    assert!(bare.again == Again::Never && !bare.what.contains("no-such-program-at-all"), "{bare:?}");
}

#[tokio::test]
async fn what_it_leaves_running_does_not_hold_us_up() {
    // The child of the shell keeps standard error open.
    shell("sleep 25 & exit 0", "{}", Duration::from_secs(20)).await.unwrap();
    let error = shell("sleep 25 & echo gone wrong >&2; exit 1", "{}", Duration::from_secs(20)).await.unwrap_err();
    assert_eq!(error.advice.as_deref(), Some("it says: gone wrong"));
}

/// The ids that a script wrote, once it has.
async fn ids(path: &Path) -> Vec<Pid> {
    let wanted = async {
        loop {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if let [one, other] = text.lines().collect::<Vec<_>>()[..] {
                return [one, other].map(|id| Pid::from_raw(id.parse().unwrap()).unwrap()).to_vec();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wanted).await.unwrap()
}

/// Waits until nobody with this id runs any more.
async fn ended(id: Pid) {
    let is_there = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero())).unwrap_or_default();
        let is_dead = stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'));
        test_kill_process(id).is_ok() && !is_dead
    };
    let gone = async {
        while is_there() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
}

#[tokio::test]
async fn one_that_hangs_is_killed_with_all_that_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ids");
    let script = format!("sleep 600 & printf '%s\\n%s\\n' $$ $! > {}; wait", file.display());
    let limit = Duration::from_secs(600);
    let task = tokio::spawn(async move { shell(&script, "{}", limit).await });
    let ids = ids(&file).await;
    // However long the script took to begin, the limit is over now.
    tokio::time::pause();
    tokio::time::advance(limit).await;
    tokio::time::resume();
    let error = task.await.unwrap().unwrap_err();
    assert!(error.what.ends_with("did not end within 600 s and was killed"), "{error:?}");
    for id in ids {
        ended(id).await;
    }
}

#[tokio::test]
async fn a_stop_kills_it_too() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ids");
    let script = format!("sleep 600 & printf '%s\\n%s\\n' $$ $! > {}; wait", file.display());
    let task = tokio::spawn(async move { shell(&script, "{}", COMMAND_LIMIT).await });
    let ids = ids(&file).await;
    task.abort();
    assert!(task.await.is_err());
    for id in ids {
        ended(id).await;
    }
}
