//! How anything asks for a look: file watcher, webhooks, callers of the API. Never blocks, holds at most one request a target,
//! and equal requests merge.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

use super::Trigger;
use crate::{access::Text, serve::Board};

/// Asks for looks. Cheap to clone.
#[derive(Clone)]
pub struct Triggers(Arc<Inner>);

struct Inner {
    board: Arc<Board>,
    reload: Mutex<Option<Reload>>,
    wake: Notify,
    boxes: Mutex<BTreeMap<Text, Arc<Mailbox>>>,
}

/// The source is to be read again, and then targets are to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reload {
    /// Why.
    pub(super) trigger: Trigger,
    /// These besides those that changed.
    pub(super) look: Look,
}

/// Which targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Look {
    /// These.
    Some(BTreeSet<Text>),
    /// All.
    All,
}

impl Look {
    /// The targets of a caller: none named means all.
    fn of(targets: &[Text]) -> Self {
        if targets.is_empty() { Self::All } else { Self::Some(targets.iter().cloned().collect()) }
    }

    /// These and those.
    pub(super) fn join(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Some(targets), Self::Some(more)) => targets.extend(more),
            _ => *self = Self::All,
        }
    }
}

impl Triggers {
    pub(super) fn new(board: Arc<Board>) -> Self {
        board.meters().expect_triggers(Trigger::ALL.map(Trigger::name));
        let inner = Inner { board, reload: Mutex::default(), wake: Notify::new(), boxes: Mutex::default() };
        Self(Arc::new(inner))
    }

    /// Targets are looked at again; all, where none is named. The files are not read again.
    pub fn look(&self, trigger: Trigger, targets: &[Text]) {
        self.heard(trigger);
        self.post(trigger, &Look::of(targets));
    }

    /// The source is read again, and the targets that it changes are looked at.
    pub fn reload(&self, trigger: Trigger) {
        self.ask(trigger, Look::Some(BTreeSet::new()));
    }

    /// The source is read again, and then these targets are looked at in any case; all, where none is named.
    pub fn reload_and_look(&self, trigger: Trigger, targets: &[Text]) {
        self.ask(trigger, Look::of(targets));
    }

    fn ask(&self, trigger: Trigger, look: Look) {
        self.heard(trigger);
        self.want(trigger, look);
    }

    /// The source is read again, since what was read of it is too old for a look. Nobody outside asked for it.
    pub(super) fn refresh(&self, trigger: Trigger) {
        self.want(trigger, Look::Some(BTreeSet::new()));
    }

    fn want(&self, trigger: Trigger, look: Look) {
        let mut waiting = self.0.reload.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *waiting {
            Some(known) => {
                // A Git host is answered later than all others.
                if known.trigger == Trigger::Webhook {
                    known.trigger = trigger;
                }
                known.look.join(look);
            }
            None => *waiting = Some(Reload { trigger, look }),
        }
        drop(waiting);
        self.0.wake.notify_one();
    }

    fn heard(&self, trigger: Trigger) {
        tracing::debug!(trigger = trigger.name(), "asked to look again");
        self.0.board.meters().trigger(trigger.name());
    }

    /// Puts a trigger into the mailboxes.
    pub(super) fn post(&self, trigger: Trigger, look: &Look) {
        let boxes = self.0.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = |name: &Text| match look {
            Look::All => true,
            Look::Some(targets) => targets.contains(name),
        };
        boxes.iter().filter(|(name, _)| asked(name)).for_each(|(_, mailbox)| mailbox.put(trigger));
    }

    /// Waits for the next request to read the source.
    pub(super) async fn next_reload(&self) -> Reload {
        loop {
            let wake = self.0.wake.notified();
            if let Some(reload) = self.0.reload.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return reload;
            }
            wake.await;
        }
    }

    /// Opens the mailbox of a target.
    pub(super) fn open(&self, target: &Text) -> Arc<Mailbox> {
        let mut boxes = self.0.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        let mailbox = Arc::new(Mailbox::default());
        boxes.insert(target.clone(), Arc::clone(&mailbox));
        mailbox
    }

    /// Closes the mailbox of a target.
    pub(super) fn close(&self, target: &Text) {
        self.0.boxes.lock().unwrap_or_else(PoisonError::into_inner).remove(target);
    }
}

/// What one target was asked for and did not take yet.
#[derive(Default)]
pub(super) struct Mailbox {
    wanted: Mutex<BTreeSet<Trigger>>,
    wake: Notify,
}

impl Mailbox {
    fn put(&self, trigger: Trigger) {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).insert(trigger);
        self.wake.notify_one();
    }

    /// Takes what was asked for, each way once.
    pub(super) fn take(&self) -> BTreeSet<Trigger> {
        std::mem::take(&mut self.wanted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until something is asked for.
    pub(super) async fn asked(&self) {
        loop {
            let wake = self.wake.notified();
            if !self.wanted.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                return;
            }
            wake.await;
        }
    }
}
