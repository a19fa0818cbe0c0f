//! What the tasks of the daemon share. Nothing of it is held across a call to a vendor.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Tell, Trees, Triggers, pause::Pauses, schedule::Moment};
use crate::{
    access::Text,
    apply::Clock,
    config::Config,
    journal::JournalError,
    run::{Connect, Fleet},
    serve::Board,
    transport::Stop,
};

/// What the tasks of the daemon share.
pub(super) struct Shared {
    pub(super) board: Arc<Board>,
    pub(super) fleet: Fleet,
    pub(super) trees: RwLock<Trees>,
    pub(super) pauses: Pauses,
    pub(super) triggers: Triggers,
    pub(super) connect: Arc<dyn Connect>,
    pub(super) tell: Arc<dyn Tell>,
    pub(super) clock: Clock,
    pub(super) began: Instant,
    /// Only these targets; empty: all.
    pub(super) only: Vec<Text>,
    pub(super) stop: Stop,
}

impl Shared {
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(super) fn moment(&self) -> Moment {
        Moment { run: self.began.elapsed(), wall: self.now() }
    }

    pub(super) fn trees(&self) -> RwLockReadGuard<'_, Trees> {
        self.trees.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(self.trees().config())
    }

    /// Whether the daemon looks at a target.
    pub(super) fn watches(&self, target: &Text) -> bool {
        self.only.is_empty() || self.only.contains(target)
    }

    /// Puts up whether all writing is stopped. Returns whether that changed.
    pub(super) fn show_pause(&self) -> bool {
        let view = self.pauses.view(&self.config(), self.now());
        let changed = self.board.pause().is_some() != view.is_some();
        self.board.set_pause(view);
        changed
    }

    /// Puts up whether the journal can be used.
    pub(super) fn show_journal(&self, failing: Option<&JournalError>) {
        let mut view = self.board.journal();
        let failing = failing.map(ToString::to_string);
        if view.failing != failing {
            view.failing = failing;
            self.board.set_journal(view);
        }
    }
}
