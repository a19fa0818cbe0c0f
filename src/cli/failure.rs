//! The one error of the edge: what happened, why, what to do next, and the exit code.

use std::fmt;

use super::Exit;
use crate::{
    journal::JournalError,
    plan::{OrderRefused, render::neutral},
    run::{self, ExpectError, RunError},
    wire::Unreadable,
};

/// Why a command ended early. Built where an error of a lower layer reaches the command.
#[derive(Debug)]
pub struct Failure {
    /// What happened, one sentence, or a report of several lines that is already neutralized.
    pub message: String,
    /// What led to it, outermost first.
    pub causes: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// The exit code.
    pub exit: Exit,
}

/// What commands return.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// An error of exit code 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), causes: Vec::new(), hint: None, exit: Exit::Error }
    }

    /// Names what was being done when an error came up, with the error's own chain below it.
    pub fn while_doing(what: impl Into<String>, error: &dyn std::error::Error) -> Self {
        let mut failure = Self::new(what);
        let mut next = Some(error);
        while let Some(cause) = next {
            failure.causes.push(cause.to_string());
            next = cause.source();
        }
        failure
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Ends with another exit code.
    #[must_use]
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", neutral::lines(&self.message))?;
        for cause in &self.causes {
            write!(f, "\n  because: {}", neutral::sentence(cause))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  way on: {}", neutral::sentence(hint))?;
        }
        Ok(())
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let hint = match &error {
            JournalError::Missing(_) => {
                Some("`portcullis init` makes one, or `apply --new-journal` where the old one is lost for good")
            }
            JournalError::Held { .. } | JournalError::TargetHeld { .. } => {
                Some("let the other process end, or wait longer with --lock-wait")
            }
            JournalError::Vanished(_) => Some("put the file back, or make a new journal with `portcullis init`"),
            // What to do stands in the error itself, also where only the daemon's log tells it.
            JournalError::Broken { .. } | JournalError::Lists(_) => None,
            JournalError::Storage(what) if what.contains("put back a copy") => None,
            JournalError::OverTotal { .. } => Some("plan again, or state a number for every target"),
            JournalError::Storage(_) => {
                Some("nothing is sent that cannot be recorded: look at the disk and its rights")
            }
        };
        let mut failure = match &error {
            // Nothing is wrong with the journal.
            JournalError::TargetHeld { .. } => Self::new(error.to_string()),
            _ => Self::while_doing("the journal cannot be used", &error),
        };
        failure.hint = hint.map(str::to_owned);
        failure
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let exit = Exit::of(error.exit_code());
        match error {
            RunError::Load(problems) => super::validate::problems(&problems),
            RunError::Journal(error) => error.into(),
            RunError::Refused(refused) => {
                Self::while_doing("nothing was sent", &refused).hint(way_on(&refused)).exit(exit)
            }
            RunError::SavedPlan(_) => Self::while_doing("the saved plan cannot be used", &error)
                .hint("make a new one: `portcullis plan --out FILE`"),
            RunError::Snapshot(_) => Self::while_doing("the reading cannot be used", &error)
                .hint("make a new one: `portcullis snapshot --out FILE`"),
            RunError::Unclear { .. } => Self::while_doing("nothing was sent", &error)
                .hint("`portcullis validate` shows what is wrong; repair it, or name the entries by address or id"),
            RunError::UnknownTarget { .. }
            | RunError::NothingReviewed
            | RunError::NotInSavedPlan
            | RunError::Defect
            | RunError::Stopped => Self::new(error.to_string()),
        }
    }
}

/// What to do about an order that is refused.
fn way_on(refused: &OrderRefused) -> &'static str {
    match refused {
        OrderRefused::NotFound(_) => "`portcullis snapshot TARGET` lists what there is",
        OrderRefused::Ambiguous(_) => "name one with --kind",
        OrderRefused::Dead(_) => "there is nothing to do",
        OrderRefused::InFlight(_) => "`portcullis plan` tells how far it is",
        OrderRefused::Held { name: "stopped", why } if why.contains(run::OBSERVE_VARIABLE) => {
            "unset PORTCULLIS_OBSERVE for this one command, and order again"
        }
        OrderRefused::Held { name: "stopped", why } if why.contains("--past-pause") => {
            "`POST /v1/resume` takes the pause back; to pass it for this one order, say --past-pause"
        }
        OrderRefused::Held { name: "stopped", .. } => "remove the stop file that it names, and order again",
        OrderRefused::Held { .. } => "no order passes this; change portcullis.yaml if it has to go",
    }
}

impl From<ExpectError> for Failure {
    fn from(error: ExpectError) -> Self {
        match error {
            ExpectError::Journal(error) => error.into(),
            other => Self::new(other.to_string()),
        }
    }
}

impl From<Unreadable> for Failure {
    fn from(error: Unreadable) -> Self {
        let hint = error.way_on().to_owned();
        Self::while_doing("the target could not be read", &error).hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, OrderRefused, RunError};

    #[test]
    fn a_stop_has_a_way_on_of_its_own() {
        let told =
            |name, why: &str| Failure::from(RunError::from(OrderRefused::Held { name, why: why.into() })).to_string();
        assert!(
            told("stopped", "PORTCULLIS_OBSERVE is set, and not to 0").contains("way on: unset PORTCULLIS_OBSERVE")
        );
        assert!(told("stopped", "the stop file /s is there").contains("way on: remove the stop file"));
        assert!(told("own", "ours").contains("no order passes this"));
    }

    #[test]
    fn an_error_shows_its_chain_and_hint_and_nothing_hostile() {
        let shown = Failure::while_doing("the file\u{1b}[2J cannot be read", &std::io::Error::other("a\nb\u{202e}"))
            .hint("look at it")
            .to_string();
        assert_eq!(shown, "error: the file\\u{1b}[2J cannot be read\n  because: a\\nb\\u{202e}\n  way on: look at it");
    }
}
