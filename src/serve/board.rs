//! What the loop knows, for whoever looks.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{Freeze, JournalView, ListenerView, Meters, Pause, SourceView, TargetView};
use crate::access::Text;

/// The state of the daemon, read by every page and filled by the loop.
#[derive(Debug)]
pub struct Board {
    started: Timestamp,
    beat: Mutex<Instant>,
    source: RwLock<SourceView>,
    pause: RwLock<Option<Pause>>,
    freezes: RwLock<Vec<Freeze>>,
    journal: RwLock<JournalView>,
    listener: RwLock<ListenerView>,
    targets: RwLock<BTreeMap<Text, Arc<TargetView>>>,
    meters: Meters,
}

impl Default for Board {
    fn default() -> Self {
        Self::new(Timestamp::now())
    }
}

impl Board {
    /// An empty board of a daemon that began at this time.
    pub fn new(started: Timestamp) -> Self {
        Self {
            started,
            beat: Mutex::new(Instant::now()),
            source: RwLock::default(),
            pause: RwLock::default(),
            freezes: RwLock::default(),
            journal: RwLock::default(),
            listener: RwLock::default(),
            targets: RwLock::default(),
            meters: Meters::default(),
        }
    }

    /// When the daemon began.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// The loop says that it lives. It has to, at least every minute.
    pub fn beat(&self) {
        *self.beat.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long ago the loop said that it lives, or was started. Not touched by a wall clock that jumps.
    pub fn since_beat(&self) -> Duration {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// The source.
    pub fn source(&self) -> SourceView {
        self.source.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts the source's new state up.
    pub fn set_source(&self, view: SourceView) {
        *self.source.write().unwrap_or_else(PoisonError::into_inner) = view;
    }

    /// The pause, where all writing is stopped.
    pub fn pause(&self) -> Option<Pause> {
        self.pause.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts the pause up, or takes it down.
    pub fn set_pause(&self, pause: Option<Pause>) {
        *self.pause.write().unwrap_or_else(PoisonError::into_inner) = pause;
    }

    /// The freeze windows that are open.
    pub fn freezes(&self) -> Vec<Freeze> {
        self.freezes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts up the freeze windows that are open.
    pub fn set_freezes(&self, freezes: Vec<Freeze>) {
        *self.freezes.write().unwrap_or_else(PoisonError::into_inner) = freezes;
    }

    /// The journal's state.
    pub fn journal(&self) -> JournalView {
        self.journal.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts the journal's state up.
    pub fn set_journal(&self, view: JournalView) {
        *self.journal.write().unwrap_or_else(PoisonError::into_inner) = view;
    }

    /// How the listener stands to its configuration.
    pub fn listener(&self) -> ListenerView {
        self.listener.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts the listener's state up.
    pub fn set_listener(&self, view: ListenerView) {
        *self.listener.write().unwrap_or_else(PoisonError::into_inner) = view;
    }

    /// All targets by name. Cheap: the views are shared.
    pub fn targets(&self) -> BTreeMap<Text, Arc<TargetView>> {
        self.targets.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One target.
    pub fn target(&self, name: &str) -> Option<Arc<TargetView>> {
        self.targets.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Puts a target's new state up.
    pub fn set_target(&self, view: TargetView) {
        let name = view.target.clone();
        self.targets.write().unwrap_or_else(PoisonError::into_inner).insert(name, Arc::new(view));
    }

    /// Puts the new state up of a target that is there: what ends late about one that was taken down puts nothing up.
    pub fn replace_target(&self, view: TargetView) {
        if let Some(known) = self.targets.write().unwrap_or_else(PoisonError::into_inner).get_mut(&view.target) {
            *known = Arc::new(view);
        }
    }

    /// Changes what is up of a target that is there.
    pub fn change_target(&self, name: &str, change: impl FnOnce(&mut TargetView)) {
        if let Some(known) = self.targets.write().unwrap_or_else(PoisonError::into_inner).get_mut(name) {
            change(Arc::make_mut(known));
        }
    }

    /// Takes a target down that is not configured any more.
    pub fn drop_target(&self, name: &str) {
        self.targets.write().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// The counters.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_late_about_a_target_that_was_taken_down_puts_nothing_up() {
        let board = Board::default();
        let view = |failures| TargetView { failures, ..TargetView::starting("s2".into(), "s2".into()) };
        board.set_target(view(0));
        board.replace_target(view(1));
        assert_eq!(board.target("s2").map(|view| view.failures), Some(1));
        board.drop_target("s2");
        board.replace_target(view(2));
        assert!(board.targets().is_empty());
    }
}
