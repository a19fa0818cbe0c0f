//! What the operator decided for a target, and who answers for sending, as the plan needs it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::OnlyExpired;
use crate::access::{Kind, Selectors, Text};

/// The operator's decisions for one target.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The target's name.
    pub target: Text,
    /// The account's label for output and keys, where the API tells no id.
    pub account: Option<Text>,
    /// The kinds that may be changed.
    pub enforce: Vec<&'static Kind>,
    /// Own entries by kind, as the operator lists them.
    pub own: Vec<(&'static Kind, Selectors)>,
    /// Kinds whose list the own credential is said not to be in.
    pub own_unlisted: Vec<&'static Kind>,
    /// What is never removed.
    pub protected: Vec<(&'static Kind, Selectors)>,
    /// Ids or names of controls that may be opened.
    pub may_open: Vec<Text>,
    /// The share of entries that may go in 24 hours, in percent.
    pub max_share_percent: u32,
    /// The removals that may go in 24 hours, by weight.
    pub max_count: u32,
    /// Live entries of a kind or floor group that have to remain.
    pub keep_at_least: u32,
    /// How long an undeclared entry waits unattended.
    pub notice: SignedDuration,
    /// How far our clock may be off the vendor's.
    pub max_clock_skew: SignedDuration,
    /// How long a removal may be in flight.
    pub max_in_flight: SignedDuration,
    /// Why all writing is stopped (a stop file, `PORTCULLIS_OBSERVE`), where it is.
    pub stopped: Option<String>,
    /// Until when revocations are frozen, where they are.
    pub frozen_until: Option<Timestamp>,
    /// Whether refused entries are sent again.
    pub retry_refused: bool,
    /// Whether a number that is meant can only be announced: the daemon has no command line to state it on.
    pub announced_only: bool,
    /// Where the files of the target are broken: all rows are held but for what had come to its end in the last good tree.
    pub only_expired: Option<Arc<OnlyExpired>>,
}

/// Why nothing goes while a freeze window is open.
pub fn frozen_why(until: Timestamp) -> String {
    format!("a freeze window is open until {until:.0}")
}

/// Who answers for sending a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmation {
    /// Nobody: `--yes`, the daemon, or a plan that is only shown.
    Unattended,
    /// A person, at the prompt or as a named reviewer.
    Person(Option<Text>),
}
