//! What the runs of one process share: one journal, the ceiling over all targets, and what their targets told of themselves.
//!
//! `apply` plans all targets in one run and needs none of this. The daemon looks at each target in a run of its own; what one
//! run would have judged over all of them is judged here.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex as Turn, RwLock};

use super::{Peers, record};
use crate::{
    access::{Base, Observation, Text},
    config::{Config, JournalPlace},
    journal::{Journal, JournalError, Mode},
    plan::{self, Plan, TargetPlan, TargetState, Total},
};

/// How old a kept number may be before it is kept anew: it counts for a day.
const BASES_AGE: SignedDuration = SignedDuration::from_hours(1);

/// What the runs of one process share.
pub struct Fleet {
    place: JournalPlace,
    journal: RwLock<Journal>,
    /// How often another journal was opened in place of it.
    reopened: AtomicU64,
    /// One target at a time is judged against what all of them send.
    turn: Turn<()>,
    reserved: Arc<Mutex<Reserved>>,
    peers: Peers,
    /// By target: how many removals its newest plan means.
    meant: Mutex<BTreeMap<Text, u32>>,
    /// By target: the numbers of entries that were kept last, and when.
    bases: Mutex<BTreeMap<Text, (Timestamp, Vec<Base>)>>,
}

/// What it had sent in 24 hours when it was planned, and what was planned then.
struct Held {
    weight: u32,
    /// Whether it passes the ceiling by the number that was announced for it.
    lifted: bool,
}

/// What each target may still send.
type Reserved = BTreeMap<Text, Held>;

impl Fleet {
    /// Opens the journal for all runs. `create` makes it where it is missing.
    ///
    /// # Errors
    /// [`JournalError`]: a missing journal is never made silently.
    pub async fn open(config: &Config, create: bool) -> Result<Self, JournalError> {
        Ok(Self {
            place: config.journal.clone(),
            journal: RwLock::new(record::to_write(config, create).await?),
            reopened: AtomicU64::new(0),
            turn: Turn::default(),
            reserved: Arc::default(),
            peers: Peers::default(),
            meant: Mutex::default(),
            bases: Mutex::default(),
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
                self.reopened.fetch_add(1, Ordering::SeqCst);
                Ok(journal)
            }
            Err(JournalError::Missing(_)) => Err(moved),
            Err(error) => Err(error),
        }
    }

    /// How often the journal was replaced by another one, which may know nothing of what was kept in the one before.
    pub fn reopened(&self) -> u64 {
        self.reopened.load(Ordering::SeqCst)
    }

    /// Whether an observation tells anything that is not kept yet. Numbers that stay the same are kept once in a while: looks
    /// that see nothing new, all day long, shall not wear a disk.
    pub(super) fn is_news(&self, target: &Text, seen: &Observation, now: Timestamp) -> bool {
        let Observation { matched, forgotten, undeclared, declared_again, owners, disowned, bases } = seen;
        let same = matched.is_empty()
            && forgotten.is_empty()
            && undeclared.is_empty()
            && declared_again.is_empty()
            && owners.is_empty()
            && disowned.is_empty();
        let kept = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = kept.get(target).is_some_and(|(at, known)| {
            let age = now.duration_since(*at);
            known == bases && !age.is_negative() && age < BASES_AGE
        });
        !(same && is_known)
    }

    /// Nothing of a target is kept any more: it is another account now.
    pub(super) fn forget(&self, target: &Text) {
        self.bases.lock().unwrap_or_else(PoisonError::into_inner).remove(target);
    }

    /// An observation was kept.
    pub(super) fn was_kept(&self, target: &Text, seen: &Observation, now: Timestamp) {
        let mut kept = self.bases.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(target.clone(), (now, seen.bases.clone()));
    }

    /// Judges a plan against the ceiling over all targets. What it lets through is reserved until the returned value is
    /// dropped: a target that is planned meanwhile counts it, as long as the journal does not say more.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn admit(
        &self,
        journal: &Journal,
        config: &Config,
        plan: &mut Plan,
        now: Timestamp,
    ) -> Result<Reservation, JournalError> {
        let mut reservation = Reservation { reserved: Arc::clone(&self.reserved), targets: Vec::new() };
        self.remember(plan);
        if plan.targets.iter().all(|part| weight(part) == 0) {
            return Ok(reservation);
        }
        let _turn = self.turn.lock().await;
        let sent = journal.sent(now).await?;
        let here = |name: &Text| plan.targets.iter().any(|part| part.target == *name);
        let mut by_target = sent.clone();
        for (name, held) in self.held().iter().filter(|(name, _)| !here(name)) {
            let known = by_target.entry(name.clone()).or_default();
            *known = (*known).max(held.weight);
        }
        let sum = by_target.values().copied().fold(0, u32::saturating_add);
        let max = config.max_count_total;
        let lifted =
            plan::exceeds_total(&plan.targets, sum, max) && self.all_announced(journal, config, plan, now).await?;
        plan::limit_total(&mut plan.targets, Total { max, sent: sum, lifted, announced_only: true });
        for part in &plan.targets {
            let planned = weight(part);
            if planned > 0 {
                let before = sent.get(&part.target).copied().unwrap_or(0);
                let held = Held { weight: before.saturating_add(planned), lifted };
                self.held().insert(part.target.clone(), held);
                reservation.targets.push(part.target.clone());
            }
        }
        Ok(reservation)
    }

    /// Whether a number is announced for every target of the configuration, and each of them is met: by what is meant here, by
    /// what was sent elsewhere since it was announced and is still meant there.
    async fn all_announced(
        &self,
        journal: &Journal,
        config: &Config,
        plan: &Plan,
        now: Timestamp,
    ) -> Result<bool, JournalError> {
        let announced = journal.announced(now).await?;
        for part in &plan.targets {
            // Here it is going to be used, so it has to be unused.
            let unused = journal.expectation(&part.target, now).await?;
            if unused.is_none_or(|unused| unused.number != part.counts.meant || unused.is_over(now)) {
                return Ok(false);
            }
        }
        let meant = self.meant.lock().unwrap_or_else(PoisonError::into_inner);
        let here = |name: &Text| plan.targets.iter().any(|part| part.target == *name);
        Ok(config.targets.keys().filter(|name| !here(name)).all(|name| match (announced.get(name), meant.get(name)) {
            (Some(announced), Some(meant)) => announced.sent_since.saturating_add(*meant) == announced.number,
            _ => false,
        }))
    }

    /// Keeps how many removals each target means; of one that could not be planned nobody knows.
    fn remember(&self, plan: &Plan) {
        let mut meant = self.meant.lock().unwrap_or_else(PoisonError::into_inner);
        for part in &plan.targets {
            match part.state {
                TargetState::Planned => meant.insert(part.target.clone(), part.counts.meant),
                _ => meant.remove(&part.target),
            };
        }
    }

    /// Whether what a target sends now passes the ceiling over all targets by announced numbers only.
    pub(super) fn is_lifted(&self, target: &Text) -> bool {
        self.held().get(target).is_some_and(|held| held.lifted)
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

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
