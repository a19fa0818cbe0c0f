//! What the tasks of the daemon share. Nothing of it is held across a call to a vendor.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    News, Tell, Trees, Triggers, cut_off::CutOff, freezes::Freezes, fresh::Fresh, news::MAX_LINES, pause::Pauses,
    schedule::Moment, stopped::Stopped,
};
use crate::{
    access::{Hasher, Text},
    apply::Clock,
    config::{Config, NotifyOn},
    run::{Connect, Fleet},
    serve::Board,
    transport::Stop,
};

/// What the tasks of the daemon share.
pub(super) struct Shared {
    pub(super) board: Arc<Board>,
    pub(super) fleet: Fleet,
    pub(super) trees: RwLock<Trees>,
    pub(super) fresh: Fresh,
    pub(super) pauses: Pauses,
    pub(super) cut_off: CutOff,
    pub(super) freezes: Freezes,
    pub(super) stopped: Stopped,
    pub(super) triggers: Triggers,
    pub(super) connect: Arc<dyn Connect>,
    pub(super) tell: Arc<dyn Tell>,
    pub(super) clock: Clock,
    pub(super) began: Instant,
    /// Only these targets; empty: all.
    pub(super) only: Vec<Text>,
    pub(super) stop: Stop,
    /// The ref that the source follows, as it was configured; none of a directory.
    pub(super) git_ref: Option<String>,
    /// Whom the journal failed when they used it last.
    pub(super) journal_failed: Mutex<BTreeSet<Recording>>,
}

/// Who uses the journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Recording {
    /// The looks at a target.
    Look(Text),
    /// Who keeps the good trees.
    Trees,
    /// Who keeps the pause.
    Pause,
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

    /// The journal failed somebody: it counts as failing until the same one could use it again.
    pub(super) fn journal_failed(&self, whom: Recording, why: String) {
        // A look may end after its target was taken away: there is none that could go better.
        if !matches!(&whom, Recording::Look(target) if !self.config().targets.contains_key(target)) {
            self.failed().insert(whom);
        }
        self.show_journal(Some(why));
    }

    /// Somebody had no trouble with the journal. Whoever has nothing to write has none on a full disk either, so that it counts
    /// as working again only when nobody is left whom it failed, and it can be written.
    pub(super) async fn journal_served(&self, whom: &Recording) {
        self.failed().remove(whom);
        self.ask_journal().await;
    }

    /// Puts up that the journal works again, where it was shown as failing, nobody is left whom it failed, and it can be written.
    pub(super) async fn ask_journal(&self) {
        if !self.failed().is_empty() || self.board.journal().failing.is_none() {
            return;
        }
        let written = match self.fleet.journal().await {
            Ok(journal) => journal.can_be_written().await,
            Err(error) => Err(error),
        };
        match written {
            Ok(()) if self.failed().is_empty() => self.show_journal(None),
            Ok(()) => {}
            Err(error) => tracing::debug!(%error, "the journal cannot be written yet"),
        }
    }

    /// Nobody waits for what a target that was taken away had to record.
    pub(super) fn forget_recording(&self, target: &Text) {
        self.failed().remove(&Recording::Look(target.clone()));
    }

    fn failed(&self) -> MutexGuard<'_, BTreeSet<Recording>> {
        self.journal_failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts up whether the journal can be used.
    fn show_journal(&self, failing: Option<String>) {
        let mut view = self.board.journal();
        if view.failing == failing {
            return;
        }
        match &failing {
            Some(why) => {
                tracing::error!(why, "the journal fails: nothing is sent");
                self.announce(
                    NotifyOn::Failures,
                    "journal",
                    "fails",
                    "The journal fails: nothing is sent",
                    vec![why.clone()],
                );
            }
            None => {
                tracing::info!("the journal works again");
                self.announce(NotifyOn::Recoveries, "journal", "works", "The journal works again", Vec::new());
            }
        }
        view.failing = failing;
        self.board.set_journal(view);
    }

    /// Tells something that is no target's. `state`: what makes it other news than the last ones of the subject.
    pub(super) fn announce(&self, on: NotifyOn, subject: &str, state: &str, title: &str, mut lines: Vec<String>) {
        let mut digest = Hasher::new("news");
        digest.text(state);
        let lines_left_out = lines.len().saturating_sub(MAX_LINES);
        lines.truncate(MAX_LINES);
        self.tell.tell(News {
            at: self.now(),
            on,
            target: None,
            subject: subject.into(),
            state: digest.finish_hex().into(),
            title: title.to_owned(),
            lines,
            lines_left_out,
            commit: self.trees().revision().map(|revision| revision.commit.clone()),
        });
    }
}
