//! The question at a terminal: only a typed `yes` sends, and nothing has to be typed to get away.

use std::{
    io::{Read as _, Write as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::Duration,
};

use crate::{
    house::House,
    needs::missing,
    service::{AT_ONCE, house, strays},
};

/// A run at a terminal of its own, which `script` makes.
struct Seat {
    child: Child,
    shown: String,
}

impl Seat {
    /// Starts `apply` and waits for its question. None without `script`: there is no terminal to sit at.
    fn at(house: &House) -> Option<Self> {
        Self::with(house, "")
    }

    /// The same with more arguments.
    fn with(house: &House, more: &str) -> Option<Self> {
        // Other systems have another program of this name.
        let has_script = Command::new("script").arg("--version").output().is_ok_and(|output| output.status.success());
        if !has_script {
            missing("script of util-linux");
            return None;
        }
        let run = format!("exec {} apply --new-journal {more}", env!("CARGO_BIN_EXE_portcullis"));
        let mut command = Command::new("script");
        command.args(["--quiet", "--flush", "--return", "--command", &run, "/dev/null"]);
        command
            .current_dir(house.path("."))
            .env("SHELL", "/bin/sh")
            .env("TERM", "dumb")
            .env_remove("PORTCULLIS_OBSERVE");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut seat = Self { child, shown: String::new() };
        let mut output = seat.child.stdout.take().unwrap();
        let mut piece = [0; 1024];
        while !seat.shown.contains("Type `yes`") {
            let read = output.read(&mut piece).unwrap();
            assert!(read > 0, "it ended without a question:\n{}", seat.shown);
            seat.shown.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        seat.child.stdout = Some(output);
        Some(seat)
    }

    /// Types something and waits for the end.
    fn types(mut self, text: &[u8]) -> (ExitStatus, String) {
        let mut keys = self.child.stdin.take().unwrap();
        keys.write_all(text).unwrap();
        keys.flush().unwrap();
        let mut output = self.child.stdout.take().unwrap();
        let (reply, rest) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = output.read_to_end(&mut bytes);
            reply.send(String::from_utf8_lossy(&bytes).into_owned())
        });
        // The terminal's output ends with the last process that holds it.
        let Ok(rest) = rest.recv_timeout(Duration::from_secs(30)) else {
            self.child.kill().unwrap();
            panic!("it hangs after {text:?}:\n{}", self.shown);
        };
        let status = self.child.wait().unwrap();
        // Kept open till here: a terminal that is closed is another way to say no.
        drop(keys);
        self.shown.push_str(&rest);
        (status, self.shown)
    }
}

#[test]
fn ctrl_c_the_end_of_input_and_another_word_send_nothing_and_yes_does() {
    let house = house(9, 1, AT_ONCE);
    for (typed, sent) in [(&b"\x03"[..], 0), (b"\x04", 0), (b"no\n", 0), (b"yes\n", 1)] {
        let Some(seat) = Seat::at(&house) else { return };
        let (status, shown) = seat.types(typed);
        assert!(status.success(), "{typed:?} {status}\n{shown}");
        // The open question must not keep the signal from being told of.
        assert_eq!(shown.contains("Stopping"), typed == b"\x03", "{typed:?}\n{shown}");
        assert_eq!(house.removed_tokens(), strays(sent), "{typed:?}\n{shown}");
    }
}

#[test]
fn what_a_person_answered_does_not_wait_for_its_notice() {
    let house = house(9, 1, "    enforce: [access_tokens]");
    let Some(seat) = Seat::at(&house) else { return };
    let (status, shown) = seat.types(b"yes\n");
    assert!(status.success(), "{status}\n{shown}");
    assert_eq!(house.removed_tokens(), strays(1), "{shown}");
    let history = house.expect(0, &["history"]).out;
    assert!(history.contains("confirmed by a person"), "{history}");
}

#[test]
fn a_question_that_nobody_answers_ends_and_sends_nothing() {
    let house = house(9, 1, AT_ONCE);
    let Some(seat) = Seat::with(&house, "--answer-within 1") else { return };
    let (status, shown) = seat.types(b"");
    assert!(status.success() && shown.contains("plan again"), "{status}\n{shown}");
    assert_eq!(house.writes(), 0);
    // Nothing of it is left that another run would wait for.
    house.expect(0, &["apply", "--yes", "--lock-wait", "0"]);
    assert_eq!(house.removed_tokens(), strays(1));
}
