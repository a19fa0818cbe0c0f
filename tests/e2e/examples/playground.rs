//! `examples/watch/run`: one command starts the imitated systems and the daemon, and one signal ends both.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use super::{path, text};
use crate::wait::{PATIENCE, Wait};

/// The script at work; it ends with this.
struct Playground {
    script: Child,
    listen: SocketAddr,
    dir: PathBuf,
}

impl Playground {
    fn start(dir: &Path) -> Self {
        // Free a moment ago: the script takes an address, as a person would give it.
        let listen = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let play = dir.join("play");
        let mut command = Command::new("sh");
        command.arg(path("examples/watch/run")).arg(&play).env_clear().env("HOME", dir);
        command.env("PATH", std::env::var_os("PATH").unwrap());
        command.env("PORTCULLIS", env!("CARGO_BIN_EXE_portcullis")).env("LISTEN", listen.to_string());
        command.stdin(Stdio::null()).stdout(fs::File::create(dir.join("out")).unwrap());
        command.stderr(fs::File::create(dir.join("err")).unwrap());
        Self { script: command.spawn().unwrap(), listen, dir: play }
    }

    fn said(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.dir.with_file_name(name)).unwrap_or_default();
        format!("--- out\n{}\n--- err\n{}", read("out"), read("err"))
    }

    /// Waits until it holds.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let wait = Wait::begin();
        while !holds(self) {
            let ended = self.script.try_wait().unwrap();
            assert!(ended.is_none() && wait.goes_on(), "{what}: {ended:?}\n{}", self.said());
        }
    }

    fn get(&self, place: &str) -> Option<(u16, String)> {
        ask(self.listen, place)
    }

    /// Where the sandbox answers questions about itself.
    fn control(&self) -> SocketAddr {
        let log = fs::read_to_string(self.dir.join("sandbox.log")).unwrap();
        let url = log.lines().find_map(|line| line.strip_prefix("control")).unwrap().trim().to_owned();
        url.strip_prefix("http://").unwrap().split('/').next().unwrap().parse().unwrap()
    }

    fn end(&mut self) -> i32 {
        let told = Command::new("kill").arg(self.script.id().to_string()).status().unwrap();
        assert!(told.success());
        let wait = Wait::begin();
        loop {
            if let Some(status) = self.script.try_wait().unwrap() {
                return status.code().unwrap_or(-1);
            }
            assert!(wait.goes_on(), "it does not end\n{}", self.said());
        }
    }
}

impl Drop for Playground {
    fn drop(&mut self) {
        if self.script.try_wait().is_ok_and(|ended| ended.is_none()) {
            // Not `kill`: the script has to end its own two.
            let _ = Command::new("kill").arg(self.script.id().to_string()).status();
            let _ = self.script.wait();
        }
    }
}

/// One request, one answer.
fn ask(to: SocketAddr, place: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {place} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer))
}

#[test]
fn one_command_shows_the_daemon_at_work_and_one_signal_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut playground = Playground::start(dir.path());
    playground.until("it is ready", |it| it.get("/readyz").is_some_and(|(status, _)| status == 200));
    let (status, page) = playground.get("/").unwrap();
    assert_eq!(status, 200);
    for target in ["accessowl", "aitronos", "buildkite", "pinata", "s2"] {
        assert!(page.contains(&format!("{target}-northlight")), "{target}\n{page}");
    }

    // What its README says of the state that it comes to.
    let with = |it: &Playground, health: &str| -> Vec<String> {
        let (_, answer) = it.get("/v1/state").unwrap_or_default();
        let state: Value =
            serde_json::from_str(answer.split_once("\r\n\r\n").unwrap_or_default().1).unwrap_or_default();
        let targets = state["targets"].as_array().into_iter().flatten();
        let named = targets.filter(|target| target["health"] == health).map(|target| target["target"].to_string());
        named.map(|name| name.trim_matches('"').to_owned()).collect()
    };
    playground.until("three of five are in sync", |it| {
        with(it, "in_sync").len() == 3 && with(it, "out_of_sync") == ["buildkite-northlight", "s2-northlight"]
    });

    // The first thing that its README says to try.
    let policy = playground.dir.join("policies/data/s2.yaml");
    let whole = fs::read_to_string(&policy).unwrap();
    let begins = whole.find("  - id: people/tara\n").unwrap();
    let length: usize = whole[begins..].split_inclusive('\n').take(3).map(str::len).sum();
    fs::write(&policy, format!("{}{}", &whole[..begins], &whole[begins + length..])).unwrap();
    let control = playground.control();
    let removed = |id: &str| {
        let (_, record) = ask(control, "/control/record").unwrap_or_default();
        record.lines().any(|line| line.contains("\"removed\"") && line.contains(id))
    };
    playground.until("people/tara goes", |_| removed("people/tara"));
    assert!(!removed("people/rosa"), "what is declared stays");

    assert_eq!(playground.end(), 0, "{}", playground.said());
    assert!(TcpStream::connect(playground.listen).is_err() && TcpStream::connect(control).is_err(), "both have ended");

    // The same directory again: everything begins anew.
    let mut again = Playground::start(dir.path());
    again.until("it is ready", |it| it.get("/readyz").is_some_and(|(status, _)| status == 200));
    assert_eq!(fs::read_to_string(&policy).unwrap(), whole);
    assert_eq!(again.end(), 0, "{}", again.said());
}

#[test]
fn a_directory_of_somebody_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let play = dir.path().join("play");
    fs::create_dir_all(play.join("policies")).unwrap();
    fs::write(play.join("portcullis.yaml"), "version: 1\n").unwrap();
    let mut playground = Playground::start(dir.path());
    let status = playground.script.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(playground.said().contains("no sandbox made it"), "{}", playground.said());
    assert!(play.join("policies").is_dir());
}

#[test]
fn a_port_that_nobody_knows_is_refused_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.arg(path("examples/watch/run")).arg(dir.path().join("play"));
    command.env("PORTCULLIS", env!("CARGO_BIN_EXE_portcullis")).env("LISTEN", "127.0.0.1:0").stdin(Stdio::null());
    let ended = command.output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(1) && said.contains("LISTEN=127.0.0.1:0: name the port"), "{ended:?}");
    assert!(!dir.path().join("play").exists());
}

#[test]
fn what_the_readme_says_to_try_is_there_to_be_tried() {
    let readme = text("examples/watch/README.md");
    for (file, has) in [
        ("policies/data/s2.yaml", "people/tara"),
        ("policies/platform/s2.yaml", "expires:"),
        ("policies/go-to-market/accessowl.yaml", "groups: [support]"),
    ] {
        assert!(readme.contains(file), "{file}");
        assert!(text(file).contains(has), "{file}: {has}");
    }
}
