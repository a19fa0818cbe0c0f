//! The two ends of the talk: what is printed where, and the question before anything is sent.

use std::{
    io::{self, BufRead, IsTerminal as _, Write},
    sync::OnceLock,
};

use jiff::Timestamp;
use serde_json::json;

use super::{
    args::LogFormat,
    failure::{Failure, Result},
    resolve::Surroundings,
};
use crate::plan::{
    Plan,
    render::{Sums, count, neutral},
};

/// What this process runs in. Together with [`now`] the only place of the command line that asks.
pub fn surroundings() -> Surroundings {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let stdout_is_terminal = io::stdout().is_terminal();
    Surroundings {
        stdin_is_terminal: io::stdin().is_terminal(),
        stdout_is_terminal,
        stderr_is_terminal: io::stderr().is_terminal(),
        no_colour: set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb"),
        width: if stdout_is_terminal { comfy_table::Table::new().width() } else { None },
        now: now(),
    }
}

/// The time.
pub fn now() -> Timestamp {
    (crate::run::system_clock())()
}

/// Writes a result to standard output. A reader that has gone away (`| head`) is no error.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(result: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(result.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::while_doing("the result cannot be written to standard output", &error))
        }
        _ => Ok(()),
    }
}

/// How this process talks on standard error; set once, before anything is said.
static TALK: OnceLock<LogFormat> = OnceLock::new();

/// Says how this process talks: what reads a log of JSON must find nothing else between its lines.
pub fn talk_as(format: LogFormat) {
    // A second command line in one process (tests) talks as the first.
    let _ = TALK.set(format);
}

/// Says something on standard error, in one neutralized line.
pub fn say(line: &str) {
    talk(&neutral::sentence(line));
}

/// Says several lines on standard error, each neutralized.
pub fn say_lines(text: &str) {
    talk(&neutral::lines(text));
}

fn talk(safe: &str) {
    let said = match TALK.get() {
        Some(LogFormat::Json) => record(safe, now()),
        Some(LogFormat::Text) | None => safe.to_owned(),
    };
    let _ = writeln!(io::stderr().lock(), "{said}");
}

/// What is said, with the members that a record of the log has.
fn record(said: &str, at: Timestamp) -> String {
    let level = if said.starts_with("error") { "ERROR" } else { "INFO" };
    neutral::json(&json!({ "timestamp": at, "level": level, "message": said }).to_string())
}

/// The question before a plan is sent: counts by target, what can never come back, what to type.
pub fn question(plan: &Plan) -> String {
    let mut text = String::new();
    for target in &plan.targets {
        let sums = Sums::of(target);
        if sums.changes > 0 {
            text.push_str(&format!("  {}: {}\n", neutral::line(&target.target), sums.changes_phrase()));
        }
    }
    let all = Sums::of_all(plan);
    text.push_str(&format!("This will revoke {}.", count(all.changes, "entry", "entries")));
    match all.irreversible {
        0 => {}
        1 => text.push_str(" One of them is IRREVERSIBLE: no Git revert brings it back."),
        number => text.push_str(&format!(" {number} of them are IRREVERSIBLE: no Git revert brings them back.")),
    }
    text.push_str("\nType `yes` to go on, anything else to leave all as it is: ");
    text
}

/// Asks, and hears only a whole `yes` as one.
///
/// # Errors
/// The terminal went away.
pub fn confirmed(question: &str, answers: &mut dyn BufRead, talk: &mut dyn Write) -> Result<bool> {
    let gone = |error: io::Error| Failure::while_doing("the question could not be asked", &error);
    talk.write_all(question.as_bytes()).and_then(|()| talk.flush()).map_err(gone)?;
    let mut answer = String::new();
    // A person types a word: whatever is longer is no answer.
    io::Read::take(answers, 64).read_line(&mut answer).map_err(gone)?;
    Ok(answer.trim_end_matches(['\n', '\r']) == "yes")
}

/// Whether somebody has to be asked, before any request is made.
///
/// # Errors
/// Nobody said `--yes`, no plan was saved, and there is no terminal to ask at.
pub fn has_to_ask(yes: bool, saved_plan: bool, can_ask: bool) -> Result<bool> {
    if yes || saved_plan {
        Ok(false)
    } else if can_ask {
        Ok(true)
    } else {
        Err(Failure::new("there is no terminal to ask at, so nothing was sent").hint(
            "say --yes, or apply a saved plan: `portcullis plan --out plan.json`, then `portcullis apply plan.json`",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{confirmed, has_to_ask, record};

    #[test]
    fn what_is_said_is_a_record_where_the_log_is_one() {
        let at = "2026-11-21T10:00:00Z".parse().unwrap();
        let said: serde_json::Value = serde_json::from_str(&record("error: no\n  because: \"x\"", at)).unwrap();
        assert_eq!((&said["level"], &said["message"]), (&"ERROR".into(), &"error: no\n  because: \"x\"".into()));
        assert_eq!(said["timestamp"], "2026-11-21T10:00:00Z");
        assert!(record("note: y", at).contains("\"INFO\"") && !record("a\nb", at).contains('\n'));
    }

    #[test]
    fn only_a_whole_yes_is_one() {
        for (answer, heard) in [
            ("yes\n", true),
            ("yes\r\n", true),
            ("y\n", false),
            ("Yes\n", false),
            (" yes\n", false),
            ("", false),
            ("yes please\n", false),
        ] {
            let mut talk = Vec::new();
            assert_eq!(confirmed("?", &mut answer.as_bytes(), &mut talk).unwrap(), heard, "{answer:?}");
            assert_eq!(talk, b"?");
        }
    }

    #[test]
    fn without_a_terminal_somebody_has_to_have_said_yes_before() {
        assert_eq!(has_to_ask(false, false, false).unwrap_err().exit.code(), 1);
        assert!(!has_to_ask(true, false, false).unwrap());
        assert!(!has_to_ask(false, true, false).unwrap());
        assert!(has_to_ask(false, false, true).unwrap());
        assert!(!has_to_ask(true, false, true).unwrap(), "--yes stands for the prompt");
    }
}
