//! What a run tells while it is under way. Talk, not data: nothing depends on it being heard.

use std::collections::{BTreeMap, BTreeSet};

use super::RowOutcome;
use crate::{
    access::Text,
    plan::{Plan, Upcoming},
};

/// Something that just happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// Another process may hold the target; its lock is waited for.
    Locking {
        /// The target.
        target: &'a str,
    },
    /// A reading begins.
    Reading {
        /// The target.
        target: &'a str,
    },
    /// A reading ended well.
    Read {
        /// The target.
        target: &'a str,
        /// How many entries it has.
        entries: usize,
    },
    /// A reading failed.
    Unreadable {
        /// The target.
        target: &'a str,
        /// What happened.
        what: &'a str,
    },
    /// What earlier runs left open is being settled by reading.
    Settling {
        /// The target.
        target: &'a str,
        /// How many.
        open: usize,
    },
    /// A plan that would send something waits for the first readings of other targets.
    Waiting {
        /// The plan, before it is judged against all that is sent elsewhere.
        plan: &'a Plan,
        /// What time will bring, by target.
        upcoming: &'a BTreeMap<Text, Vec<Upcoming>>,
        /// The targets that are waited for.
        awaited: &'a BTreeSet<Text>,
    },
    /// Sending begins.
    Sending {
        /// The target.
        target: &'a str,
        /// How many rows.
        rows: usize,
    },
    /// A row ended.
    Row {
        /// The target.
        target: &'a str,
        /// How.
        outcome: &'a RowOutcome,
    },
    /// The target is read again to confirm what was sent.
    ReadingBack {
        /// The target.
        target: &'a str,
    },
}

/// Who hears it: a progress bar, a log, nobody.
pub trait Progress: Send + Sync {
    /// Takes an event. Must not block.
    fn tell(&self, event: &Event<'_>);
}

/// Nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn tell(&self, _event: &Event<'_>) {}
}
