//! What a run tells while it is under way. Talk, not data: nothing depends on it being heard.

use super::RowOutcome;

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
