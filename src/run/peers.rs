//! What each target of a process told of itself in its last complete reading, so that two targets that are read in runs of
//! their own are still found to share an account or an own entry.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::{Loaded, checks, read::Reading};
use crate::{
    access::{Entry, Life, OwnMark, Snapshot, Text},
    config::Target,
    wire::Unreadable,
};

/// How long a target's first reading waits for those of the other targets of its system. A target that is slow or down must
/// not delay the others for good.
pub const FIRST_READINGS: Duration = Duration::from_secs(20);

/// What targets told of themselves.
#[derive(Default)]
pub struct Peers {
    known: Mutex<Known>,
    heard: Notify,
}

#[derive(Default)]
struct Known {
    /// By target: the last complete reading, without its entries but for the own ones.
    seen: BTreeMap<Text, Snapshot>,
    /// Targets that were read, or tried to be read, at least once.
    tried: BTreeSet<Text>,
    /// By target: what its last reading was found to share, and what the other one is told of it.
    shared: BTreeMap<Text, BTreeMap<Text, Unreadable>>,
}

impl Peers {
    /// Takes the readings of a run, and makes those unreadable that share an account or an own entry with another target.
    pub(super) async fn meet(&self, loaded: &Loaded, readings: &mut BTreeMap<Text, Result<Reading, Unreadable>>) {
        let first = self.remember(readings);
        if first {
            let all_tried = async {
                loop {
                    let heard = self.heard.notified();
                    if self.all_tried(loaded, readings) {
                        return;
                    }
                    heard.await;
                }
            };
            if tokio::time::timeout(FIRST_READINGS, all_tried).await.is_err() {
                tracing::warn!("not every target of the same system was read yet; what they share is found out later");
            }
        }
        let mut known = self.known();
        let Known { seen, shared, .. } = &mut *known;
        seen.retain(|name, _| loaded.config.targets.contains_key(name));
        shared.retain(|name, _| loaded.config.targets.contains_key(name));
        for (name, reading) in readings.iter_mut() {
            if let Ok(read) = reading {
                let of = |target: &Target| match target.name == *name {
                    true => Some(&*read.snapshot),
                    false => seen.get(&target.name),
                };
                // What the journal pins was compared when the reading was made.
                let pairs: Vec<checks::Known<'_>> = loaded
                    .config
                    .targets
                    .values()
                    .map(|target| checks::Known { target, pinned: None, reading: of(target) })
                    .collect();
                // A pair of others is theirs to find out.
                let Some(own) = pairs.iter().find(|known| known.target.name == *name).copied() else { continue };
                let mut found = BTreeMap::new();
                let mut mine = None;
                for other in pairs.iter().filter(|known| known.target.name != *name) {
                    let mut wrong = checks::cross([own, *other]);
                    if let Some(unreadable) = wrong.remove(&other.target.name) {
                        found.insert(other.target.name.clone(), unreadable);
                    }
                    mine = mine.or_else(|| wrong.remove(name));
                }
                shared.insert(name.clone(), found);
                if let Some(unreadable) = mine {
                    *reading = Err(unreadable);
                    continue;
                }
            }
            if reading.is_ok()
                && let Some(told) = shared.values().find_map(|found| found.get(name))
            {
                *reading = Err(told.clone());
            }
        }
    }

    /// Keeps what the readings tell. Returns whether one of them is its target's first.
    fn remember(&self, readings: &BTreeMap<Text, Result<Reading, Unreadable>>) -> bool {
        let mut first = false;
        let mut known = self.known();
        for (name, reading) in readings {
            first |= known.tried.insert(name.clone());
            if let Ok(reading) = reading {
                known.seen.insert(name.clone(), introduction(&reading.snapshot));
            }
        }
        drop(known);
        self.heard.notify_waiters();
        first
    }

    /// Whether every target of the systems of these readings was tried.
    fn all_tried(&self, loaded: &Loaded, readings: &BTreeMap<Text, Result<Reading, Unreadable>>) -> bool {
        let known = self.known();
        let system = |name: &Text| loaded.config.targets.get(name).map(|target| target.description.system);
        let systems: BTreeSet<_> = readings.keys().filter_map(system).collect();
        loaded
            .config
            .targets
            .values()
            .filter(|target| systems.contains(target.description.system))
            .all(|target| known.tried.contains(&target.name))
    }

    /// A target was tried, or never will be: nobody waits for its first reading.
    pub fn was_tried(&self, target: &Text) {
        self.known().tried.insert(target.clone());
        self.heard.notify_waiters();
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
