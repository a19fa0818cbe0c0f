//! What each target of a process told of itself in its last complete reading, so that two targets that are read in runs of
//! their own are still found to share an account or an own entry.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::{Loaded, PlannedAll, Ready, checks, read::Reading};
use crate::{
    access::{Entry, Life, OwnMark, Snapshot, Text},
    apply::{Event, Progress},
    transport::Stop,
    wire::Unreadable,
};

/// How long removals wait for the first reading of another target of the same system. Counted once for each such target, from
/// when it is waited for at first: one that is slow or down delays the others no second time.
pub const FIRST_READINGS: Duration = Duration::from_secs(10);

/// What targets told of themselves.
#[derive(Default)]
pub struct Peers {
    known: Mutex<Known>,
    heard: Notify,
}

#[derive(Default)]
struct Known {
    /// By target: the last complete reading, without its entries but for the own ones.
    seen: BTreeMap<Text, Arc<Snapshot>>,
    /// Targets that were read, or tried to be read, at least once.
    tried: BTreeSet<Text>,
    /// By target that was waited for: until when.
    awaited: BTreeMap<Text, Instant>,
    /// By target: what its last reading was found to share, and what the other one is told of it.
    shared: BTreeMap<Text, BTreeMap<Text, Unreadable>>,
}

impl Peers {
    /// Takes the readings of a run, and makes those unreadable that share an account or an own entry with another target, as
    /// far as is known now.
    pub(super) fn meet(&self, loaded: &Loaded, readings: &mut BTreeMap<Text, Result<Reading, Unreadable>>) {
        let introductions: Vec<_> = readings
            .iter()
            .filter_map(|(name, reading)| {
                Some((name.clone(), Arc::new(introduction(&reading.as_ref().ok()?.snapshot))))
            })
            .collect();
        // Whoever comes second sees the first: what is told here comes before what others told is looked at.
        let seen = {
            let mut known = self.known();
            known.seen.extend(introductions);
            known.seen.retain(|name, _| loaded.config.targets.contains_key(name));
            known.shared.retain(|name, _| loaded.config.targets.contains_key(name));
            known.seen.clone()
        };
        for (name, reading) in readings.iter_mut() {
            if let Ok(read) = reading {
                let (wrong, told) = compare(loaded, name, &read.snapshot, &seen);
                self.known().shared.insert(name.clone(), told);
                if let Some(wrong) = wrong {
                    *reading = Err(wrong);
                }
            }
        }
        let mut known = self.known();
        for (name, reading) in readings.iter_mut() {
            known.tried.insert(name.clone());
            if reading.is_ok()
                && let Some(told) = known.shared.values().find_map(|found| found.get(name))
            {
                *reading = Err(told.clone());
            }
        }
        drop(known);
        self.heard.notify_waiters();
    }

    /// Where a plan would send something, and another target of the same system was not tried to be read yet: tells so, waits for
    /// that, briefly, and takes the readings again. Returns whether one that was ready is not any more, so that it is to be
    /// planned anew.
    pub(super) async fn wait_before_sending(
        &self,
        loaded: &Loaded,
        planned: &PlannedAll,
        readings: &mut BTreeMap<Text, Result<Reading, Unreadable>>,
        ready: &mut BTreeMap<Text, Ready>,
        (progress, stop): (&dyn Progress, &Stop),
    ) -> bool {
        let PlannedAll { plan, upcoming, .. } = planned;
        let sends = plan.targets.iter().filter(|part| part.changes().next().is_some());
        let systems: BTreeSet<&str> = sends.map(|part| part.system.as_str()).collect();
        let mut told = BTreeSet::new();
        loop {
            let heard = self.heard.notified();
            tokio::pin!(heard);
            heard.as_mut().enable();
            let Some((until, awaited)) = self.awaits(loaded, &systems) else { break };
            if told != awaited {
                progress.tell(&Event::Waiting { plan, upcoming, awaited: &awaited });
                told = awaited;
            }
            tokio::select! {
                () = heard => {}
                () = tokio::time::sleep_until(until) => {}
                () = stop.cancelled() => return false,
            }
        }
        // One that was not there when this reading was taken may have come since, so that nothing had to be waited for.
        if systems.is_empty() {
            return false;
        }
        self.meet(loaded, readings);
        let mut changed = false;
        for (name, reading) in readings.iter() {
            if let (Err(unreadable), Some(ready)) = (reading, ready.get_mut(name))
                && ready.reading.is_ok()
            {
                ready.reading = Err(unreadable.clone());
                changed = true;
            }
        }
        changed
    }

    /// The targets of these systems that were never tried, and until when they are to be waited for; `None` where there is none.
    pub(super) fn awaits(&self, loaded: &Loaded, systems: &BTreeSet<&str>) -> Option<(Instant, BTreeSet<Text>)> {
        let mut known = self.known();
        let Known { tried, awaited, .. } = &mut *known;
        let now = Instant::now();
        let untried = loaded.config.targets.values().filter(|target| {
            let is_peer = systems.contains(target.description.system);
            is_peer && !tried.contains(&target.name)
        });
        let (times, names): (Vec<Instant>, BTreeSet<Text>) = untried
            .map(|target| (*awaited.entry(target.name.clone()).or_insert(now + FIRST_READINGS), target.name.clone()))
            .filter(|(until, _)| *until > now)
            .unzip();
        Some((times.into_iter().max()?, names))
    }

    /// A target is new, or new again: its first reading is still to come.
    pub fn begins(&self, target: &Text) {
        let mut known = self.known();
        known.tried.remove(target);
        known.awaited.remove(target);
    }

    /// A target was tried, or never will be any more: nobody waits for its first reading.
    pub fn was_tried(&self, target: &Text) {
        self.known().tried.insert(target.clone());
        self.heard.notify_waiters();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is wrong with a reading for what others told of themselves, and what these are told of it.
fn compare(
    loaded: &Loaded,
    name: &Text,
    reading: &Snapshot,
    seen: &BTreeMap<Text, Arc<Snapshot>>,
) -> (Option<Unreadable>, BTreeMap<Text, Unreadable>) {
    let Some(target) = loaded.config.targets.get(name) else { return (None, BTreeMap::new()) };
    // What the journal pins was compared when the reading was made.
    let others: Vec<checks::Known<'_>> = loaded
        .config
        .targets
        .values()
        .filter(|other| other.name != *name && other.description.system == target.description.system)
        .map(|other| checks::Known { target: other, pinned: None, reading: seen.get(&other.name).map(|seen| &**seen) })
        .collect();
    checks::cross_one(checks::Known { target, pinned: None, reading: Some(reading) }, &others)
}

/// What of a reading others are compared with: the account and the own marks.
fn introduction(reading: &Snapshot) -> Snapshot {
    let own: &[OwnMark] = &reading.own;
    let marked = |entry: &&Entry| {
        matches!(entry.life, Life::Live) && own.iter().any(|mark| mark.kind == entry.kind.name && mark.id == entry.id)
    };
    Snapshot {
        system: reading.system,
        account_id: reading.account_id.clone(),
        started_at: reading.started_at,
        finished_at: reading.finished_at,
        clock_skew: reading.clock_skew,
        entries: reading.entries.iter().filter(marked).cloned().collect(),
        directory: crate::access::Directory::default(),
        own: reading.own.clone(),
        controls: Vec::new(),
        evidence: crate::access::Evidence::default(),
    }
}
