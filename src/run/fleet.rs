//! What the runs of one process share: one journal, the ceiling over all targets, and what their targets told of themselves.
//!
//! `apply` plans all targets in one run and needs none of this. The daemon looks at each target in a run of its own; what one
//! run would have judged over all of them is judged here.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::{Mutex as Turn, RwLock};

use super::{Peers, record};
use crate::{
    access::Text,
    config::{Config, JournalPlace},
    journal::{Journal, JournalError, Mode},
    plan::{self, Plan, TargetPlan, Total},
};

/// What the runs of one process share.
pub struct Fleet {
    place: JournalPlace,
    journal: RwLock<Journal>,
    /// One target at a time is judged against what all of them send.
    turn: Turn<()>,
    reserved: Arc<Mutex<Reserved>>,
    peers: Peers,
}

/// By target: what it had sent in 24 hours when it was planned, and what was planned then.
type Reserved = BTreeMap<Text, u32>;

impl Fleet {
    /// Opens the journal for all runs. `create` makes it where it is missing.
    ///
    /// # Errors
    /// [`JournalError`]: a missing journal is never made silently.
    pub async fn open(config: &Config, create: bool) -> Result<Self, JournalError> {
        Ok(Self {
            place: config.journal.clone(),
            journal: RwLock::new(record::to_write(config, create).await?),
            turn: Turn::default(),
            reserved: Arc::default(),
            peers: Peers::default(),
        })
    }

    /// Where the journal is.
    pub fn place(&self) -> &JournalPlace {
        &self.place
    }

    /// What targets told of themselves.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// The open journal. Where its file was removed or replaced, the one that is there now is opened.
    ///
    /// # Errors
    /// [`JournalError`]: there is none, or it cannot be used.
    pub async fn journal(&self) -> Result<Journal, JournalError> {
        let open = self.journal.read().await.clone();
        let Err(moved) = open.is_in_place() else { return Ok(open) };
        let JournalPlace::File(path) = &self.place else { return Ok(open) };
        let mut held = self.journal.write().await;
        if held.is_in_place().is_ok() {
            return Ok(held.clone());
        }
        match Journal::open(path, Mode::Write).await {
            Ok(journal) => {
                tracing::warn!(path = %path.display(), "the journal was replaced; the one that is there now is used");
                *held = journal.clone();
                Ok(journal)
            }
            Err(JournalError::Missing(_)) => Err(moved),
            Err(error) => Err(error),
        }
    }

    /// Judges a plan against the ceiling over all targets. What it lets through is reserved until the returned value is
    /// dropped: a target that is planned meanwhile counts it, as long as the journal does not say more.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn admit(
        &self,
        journal: &Journal,
        max: u32,
        plan: &mut Plan,
        now: Timestamp,
    ) -> Result<Reservation, JournalError> {
        let _turn = self.turn.lock().await;
        let sent = journal.sent(now).await?;
        let here = |name: &Text| plan.targets.iter().any(|part| part.target == *name);
        let mut by_target = sent.clone();
        for (name, reserved) in self.held().iter().filter(|(name, _)| !here(name)) {
            let known = by_target.entry(name.clone()).or_default();
            *known = (*known).max(*reserved);
        }
        let sum = by_target.values().copied().fold(0, u32::saturating_add);
        plan::limit_total(&mut plan.targets, Total { max, sent: sum, lifted: false });
        let mut reservation = Reservation { reserved: Arc::clone(&self.reserved), targets: Vec::new() };
        for part in &plan.targets {
            let planned = weight(part);
            if planned > 0 {
                let before = sent.get(&part.target).copied().unwrap_or(0);
                self.held().insert(part.target.clone(), before.saturating_add(planned));
                reservation.targets.push(part.target.clone());
            }
        }
        Ok(reservation)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Reserved> {
        self.reserved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn weight(part: &TargetPlan) -> u32 {
    part.changes().map(|row| row.weight).fold(0, u32::saturating_add)
}

/// What a run may still send, counted against the ceiling over all targets. Ends when dropped.
#[must_use]
pub struct Reservation {
    reserved: Arc<Mutex<Reserved>>,
    targets: Vec<Text>,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut reserved = self.reserved.lock().unwrap_or_else(PoisonError::into_inner);
        for target in &self.targets {
            reserved.remove(target);
        }
    }
}
