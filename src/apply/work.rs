//! What every step on one target needs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use tokio::time::Instant;

use super::{Halt, Patience, Progress};
use crate::{
    access::{Account, Text},
    journal::{Journal, Outcome},
    systems::{System, Wanted},
    transport::{Brake, Stop},
    wire::{Ask, Note},
};

/// The wall clock, as an argument.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// One target on which a plan is carried out.
pub struct Work<'a> {
    /// The target's name.
    pub target: Text,
    /// Its system.
    pub system: &'static dyn System,
    /// What the system may know of it.
    pub account: &'a Account,
    /// The account id, or the operator's label: part of the idempotency key.
    pub account_key: Text,
    /// Base address by host name: part of the idempotency key.
    pub hosts: &'a BTreeMap<&'static str, Text>,
    /// Who asks.
    pub ask: &'a dyn Ask,
    /// Names that a reading has to look up.
    pub wanted: &'a Wanted,
    /// The record.
    pub journal: &'a Journal,
    /// The run's id in it.
    pub run: Text,
    /// How long an unknown outcome is read for.
    pub settle: Duration,
    /// How long one conversation may take.
    pub patience: Patience,
    /// How long a removal may be in flight.
    pub max_in_flight: SignedDuration,
    /// What all targets together may send in 24 hours, by weight; none where a person lifted it.
    pub ceiling: Option<u32>,
    /// Rows at once.
    pub concurrency: usize,
    /// The time.
    pub clock: Clock,
    /// Asked for by Ctrl-C.
    pub stop: &'a Stop,
    /// Where a later run is sure to come (the daemon): fires when that one is due. What is not known by then is left to it, and
    /// what earlier runs left is looked at without waiting.
    pub next_run: Option<&'a Stop>,
    /// Pulled when the journal fails.
    pub halt: &'a Halt,
    /// Why nothing may be sent any more, where that is so, in a sentence: asked before each row, and before each try of one
    /// that had to wait.
    pub brake: Brake<'a>,
    /// Why this target is left alone at a time, where it is: a freeze window that opened since the plan was made. Asked with
    /// the brake. `None` for an order, which passes it.
    pub frozen: Option<Frozen<'a>>,
    /// Who hears of it.
    pub progress: &'a dyn Progress,
}

/// Whether a freeze window is open at a time, in a sentence that says until when.
pub type Frozen<'a> = Box<dyn Fn(Timestamp) -> Option<String> + Send + Sync + 'a>;

impl Work<'_> {
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Why nothing may be sent now.
    pub(super) fn stopped(&self) -> Option<String> {
        if let Some(why) = self.halt.why() {
            return Some(format!("the journal cannot record: {why}"));
        }
        if self.stop.is_cancelled() {
            return Some("stopped before it was sent".to_owned());
        }
        (self.brake)().or_else(|| self.frozen.as_ref().and_then(|frozen| frozen(self.now())))
    }

    /// Whether outcomes are not waited for any more: what is not known yet stays open, and is settled by a later run.
    pub(super) fn waits_no_more(&self) -> bool {
        self.stop.is_cancelled() || self.next_run.is_some_and(Stop::is_cancelled)
    }

    /// Whether what is not known now is left to a later run before its time.
    pub(super) fn leaves_early(&self, until: Instant) -> bool {
        self.next_run.is_some() && Instant::now() < until
    }

    /// Sleeps, at most until outcomes are not waited for any more.
    pub(super) async fn wait(&self, wait: Duration) {
        let asked = async {
            match self.next_run {
                Some(next_run) => next_run.cancelled().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.stop.cancelled() => {}
            () = asked => {}
        }
    }

    /// Until when an entry that is gone now may go on working, where the system says so.
    pub(super) fn lingering(&self) -> Option<String> {
        let lingers = self.system.lingers()?;
        let whole = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
        let dead_by = self.now().checked_add(lingers).and_then(|at| at.round(whole)).ok()?;
        let minutes = lingers.as_mins();
        Some(format!("it may go on working for up to {minutes} minutes; certainly dead by {dead_by}"))
    }

    /// Records an outcome; a journal that cannot stops all sending.
    pub(super) async fn record(&self, intent: &str, outcome: Outcome, note: Note) -> Result<(), String> {
        self.journal.outcome(&self.run, &self.target, intent, outcome, note).await.map_err(|error| {
            let what = error.to_string();
            self.halt.pull(&what);
            what
        })
    }
}
