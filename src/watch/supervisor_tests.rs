//! A real datagram socket hears what the service manager would. Since the environment names it, a process of its own speaks.

use std::{
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::*;

/// Set for the process that speaks.
const ROLE: &str = "PORTCULLIS_TEST_SPEAKS";

/// What the process of its own does; run by the tests below, nothing by itself.
#[tokio::test]
async fn speaks() {
    match std::env::var(ROLE).as_deref() {
        Ok("states") => {
            tell(State::Starting(Duration::from_secs(60))).await;
            tell(State::Ready("two targets\nSTOPPING=1\u{1b}[2J".to_owned())).await;
            tell(State::Stopping).await;
        }
        Ok("follows") => {
            let looks = AtomicU32::new(0);
            let says = move || format!("{} of 2 in sync\n", looks.fetch_add(1, Ordering::Relaxed) / 5);
            let following = keep_telling(Duration::from_millis(1), "0 of 2 in sync\n".to_owned(), says);
            tokio::time::timeout(Duration::from_secs(60), following).await.ok();
        }
        Ok("lives") => {
            let beat = watchdog(|| true);
            tokio::time::timeout(Duration::from_secs(60), beat.unwrap()).await.ok();
        }
        Ok("hangs") => {
            let beat = watchdog(|| false);
            assert!(tokio::time::timeout(Duration::from_millis(200), beat.unwrap()).await.is_err());
            tell(State::Stopping).await;
        }
        _ => {
            // Nobody listens here, and nothing is wrong with that.
            tell(State::Stopping).await;
            assert!(watchdog(|| true).is_none());
        }
    }
}

/// Begins the process that speaks; what it says is heard here.
fn listen(role: &str, watchdog: Option<Duration>) -> (UnixDatagram, std::process::Child, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "watch::supervisor::tests::speaks", "--nocapture"]).stdout(Stdio::null());
    command.env(ROLE, role).env("NOTIFY_SOCKET", &path).env_remove("WATCHDOG_PID").env_remove("WATCHDOG_USEC");
    if let Some(within) = watchdog {
        command.env("WATCHDOG_USEC", within.as_micros().to_string());
    }
    (socket, command.spawn().unwrap(), dir)
}

fn hear(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 4_096];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[test]
fn the_service_manager_hears_each_state() {
    let (socket, mut child, _dir) = listen("states", None);
    assert_eq!(hear(&socket), "EXTEND_TIMEOUT_USEC=60000000\nSTATUS=reading the first tree\n");
    // What stands in a status cannot be another message.
    assert_eq!(hear(&socket), "READY=1\nSTATUS=two targets\\nSTOPPING=1\\u{1b}[2J\n");
    assert_eq!(hear(&socket), "STOPPING=1\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_it_says_of_itself_is_told_once_each_time_that_it_changes() {
    let (socket, mut child, _dir) = listen("follows", None);
    for number in 1..=3 {
        assert_eq!(hear(&socket), format!("STATUS={number} of 2 in sync\\n\n"));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_loop_that_lives_gives_signs_of_life() {
    let (socket, mut child, _dir) = listen("lives", Some(Duration::from_millis(40)));
    for _ in 0..5 {
        assert_eq!(hear(&socket), "WATCHDOG=1\n");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn one_that_hangs_gives_none() {
    let (socket, mut child, _dir) = listen("hangs", Some(Duration::from_millis(40)));
    assert_eq!(hear(&socket), "STOPPING=1\n", "the first that is heard");
    assert!(child.wait().unwrap().success());
}
