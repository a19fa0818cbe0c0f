//! Freshness: nothing is sent on a reading that is too old.
//!
//! The reading that a plan was made from is used as long as it is young. Then the target is read again, once for all rows
//! that wait for it, and the rules are asked again what of the plan still holds. The entry itself is looked at once more right
//! before it is sent, by itself where its kind can be read alone, and that look may not grow old either.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::{Rules, Work, patience::within};
use crate::{
    access::{Entry, EntryKey, Fingerprint, Snapshot},
    plan::{HoldName, Row, Status, TargetPlan, Ticket},
    wire::Unreadable,
};

/// How old what was read may be when something is sent on it.
pub const MAX_READING_AGE: SignedDuration = SignedDuration::from_mins(5);

/// Whether what was read is too old to send on: age counts from its beginning. A list that took longer to read than half the
/// limit may be twice its own duration old, since no newer one can be had; an entry that can be read alone may not.
pub fn too_old(started: Timestamp, finished: Timestamp, now: Timestamp, read_alone: bool) -> bool {
    let own = finished.duration_since(started).checked_mul(2).unwrap_or(SignedDuration::MAX);
    let limit = if read_alone { MAX_READING_AGE } else { MAX_READING_AGE.max(own) };
    // A clock that was set back proves nothing about the age.
    let age = now.duration_since(started);
    age > limit || age < SignedDuration::ZERO
}

/// A reading in use.
struct Current {
    snapshot: Arc<Snapshot>,
    index: HashMap<EntryKey, usize>,
    /// What the rules still let be sent on this reading; `None` on the plan's own reading.
    allowed: Option<HashSet<Ticket>>,
}

impl Current {
    fn new(snapshot: Arc<Snapshot>, allowed: Option<HashSet<Ticket>>) -> Self {
        let index = snapshot
            .entries
            .iter()
            .enumerate()
            .map(|(at, entry)| ((entry.kind.name.into(), entry.id.clone()), at))
            .collect();
        Self { snapshot, index, allowed }
    }
}

/// The readings of one target while its plan is carried out.
pub(super) struct Fresh<'a> {
    rules: &'a dyn Rules,
    current: Mutex<Result<Arc<Current>, Unreadable>>,
}

/// Whether a row may go on.
pub(super) enum Look {
    /// The entry, as planned.
    AsPlanned(Box<Entry>),
    /// It is not there any more.
    Gone,
    /// Not to be sent, and why.
    Skip(String),
    /// The target could not be read again.
    Unreadable(Unreadable),
}

impl<'a> Fresh<'a> {
    pub(super) fn new(rules: &'a dyn Rules, snapshot: Arc<Snapshot>) -> Self {
        Self { rules, current: Mutex::new(Ok(Arc::new(Current::new(snapshot, None)))) }
    }

    /// The entry of a row on a reading that is young enough, and whether the row still holds.
    pub(super) async fn look(&self, work: &Work<'_>, row: &Row) -> Look {
        let current = match self.young(work).await {
            Ok(current) => current,
            Err(unreadable) => return Look::Unreadable(unreadable),
        };
        let Some(entry) =
            current.index.get(&(row.kind.clone(), row.id.clone())).and_then(|&at| current.snapshot.entries.get(at))
        else {
            return Look::Gone;
        };
        if !entry.is_live() {
            return Look::Skip("it gives no access any more, or is leaving already".into());
        }
        if Some(Fingerprint::of(entry)) != row.fingerprint {
            return Look::Skip("it changed since the plan".into());
        }
        if current.allowed.as_ref().is_some_and(|allowed| !allowed.contains(&row.ticket())) {
            return Look::Skip("its cause no longer holds in a newer reading, or something holds it now".into());
        }
        Look::AsPlanned(Box::new(entry.clone()))
    }

    /// Whether a row still holds where its entry is this one now: the rules are asked again, over the reading in use.
    ///
    /// # Errors
    /// Why it does not, or why that cannot be known.
    pub(super) async fn still_means(&self, work: &Work<'_>, row: &Row, now: &Entry) -> Result<(), String> {
        let current = self.young(work).await.map_err(|unreadable| unreadable.to_string())?;
        let mut snapshot = Snapshot::clone(&current.snapshot);
        let at = current.index.get(&(row.kind.clone(), row.id.clone()));
        let entry = at.and_then(|&at| snapshot.entries.get_mut(at)).ok_or("it is not in the newest reading")?;
        *entry = now.clone();
        let plan = self.rules.plan(&snapshot, work.now());
        if still_meant(&plan).contains(&row.ticket()) {
            return Ok(());
        }
        let now = plan.rows.iter().find(|now| (&now.kind, &now.id) == (&row.kind, &row.id));
        let held = now.and_then(|now| now.holds.first());
        Err(held.map_or_else(
            || "judged by its new name it does not go".to_owned(),
            |hold| format!("{} holds it: {}", hold.name.name(), hold.why),
        ))
    }

    async fn young(&self, work: &Work<'_>) -> Result<Arc<Current>, Unreadable> {
        // One row reads, the others wait for it. A reading that failed is not tried again for each of a thousand rows.
        let mut current = self.current.lock().await;
        let known = Arc::clone(current.as_ref().map_err(Clone::clone)?);
        let now = work.now();
        // What is judged on it is the whole list (floor, own, the end state), and that cannot be read alone. The answer that
        // holds the entry is the look right before the call, whose age [`Looked`] counts.
        let snapshot = &known.snapshot;
        if !too_old(snapshot.started_at, snapshot.finished_at, now, false) {
            return Ok(known);
        }
        let again = self.again(work).await.map(|fresh| {
            let now = work.now();
            let plan = self.rules.plan(&fresh, now);
            Arc::new(Current::new(Arc::new(fresh), Some(still_meant(&plan))))
        });
        current.clone_from(&again);
        again
    }

    /// Reads the target whole and has the rules check the reading.
    pub(super) async fn again(&self, work: &Work<'_>) -> Result<Snapshot, Unreadable> {
        let reading = work.system.read(work.ask, work.account, work.wanted);
        let fresh = within(work.patience.reading, reading).await?;
        self.rules.check(&fresh)?;
        Ok(fresh)
    }
}

/// The look at one entry right before its removal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    /// When it began and ended.
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// Whether it was a look at this entry alone.
    pub(super) alone: bool,
}

impl Looked {
    /// Why nothing is sent on it any more.
    pub(super) fn stale(self, now: Timestamp) -> Option<String> {
        too_old(self.from, self.to, now, self.alone).then(|| {
            format!(
                "it was last looked at {:.0}, which is too long ago to send on; the next run looks again",
                self.from
            )
        })
    }
}

/// The tickets that a plan of a newer reading still means. Share and count were judged on the plan that was approved: the
/// rows that went since then must not make the rest of it look like another group. What tells that the reading or the set is
/// not what it was stops everything.
fn still_meant(plan: &TargetPlan) -> HashSet<Ticket> {
    if plan.refusals.iter().any(|refusal| refusal.guard.stops_everything()) {
        return HashSet::new();
    }
    plan.rows
        .iter()
        .filter(|row| match row.status {
            Status::Change => true,
            Status::Held => row.holds.iter().all(|hold| hold.name == HoldName::Ceiling),
            Status::Finding => false,
        })
        .map(Row::ticket)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Guard, tests::world::World};

    #[test]
    fn five_minutes_or_twice_the_readings_own_time_where_entries_cannot_be_read_alone() {
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        assert!(!too_old(at(0), at(10), at(300), false));
        assert!(too_old(at(0), at(10), at(301), false));
        assert!(!too_old(at(0), at(400), at(800), false), "twice its own duration");
        assert!(too_old(at(0), at(400), at(801), false));
        assert!(!too_old(at(0), at(250), at(300), true) && too_old(at(0), at(250), at(301), true), "can be read alone");
        assert!(too_old(at(0), at(1), at(-1), false), "a clock that went back proves nothing");
    }

    /// Three declared, one undeclared in a set of its own with an allowed one, as read for the plan.
    fn world() -> World {
        let mut world = World::of("s2");
        for id in ["service/a", "service/b", "service/c"] {
            world.live(id);
            world.declare(id);
        }
        world.live("ci/old");
        world.live("ci/run-1");
        world.manage(0, "ci/*");
        world.allow(0, "ci/run-*");
        world
    }

    #[test]
    fn a_newer_reading_in_which_nothing_declared_is_left_stops_everything() {
        let mut world = world();
        world.absent("service/a");
        assert_eq!(still_meant(&world.plan()).len(), 2);
        world.snapshot.entries.retain(|entry| entry.id.starts_with("ci/"));
        let plan = world.plan();
        assert!(plan.refusals.iter().any(|refusal| refusal.guard == Guard::NoOverlap), "{:?}", plan.refusals);
        assert!(still_meant(&plan).is_empty());
    }

    #[test]
    fn a_newer_reading_in_which_a_set_would_be_left_empty_stops_everything() {
        let mut world = world();
        world.absent("service/a");
        world.snapshot.entries.retain(|entry| entry.id != "ci/run-1");
        let plan = world.plan();
        assert_eq!(plan.refusals.iter().map(|refusal| refusal.guard).collect::<Vec<_>>(), [Guard::AllowEmpty]);
        assert!(plan.changes().next().is_some(), "the absent row itself would go");
        assert!(still_meant(&plan).is_empty());
    }

    #[test]
    fn what_only_share_or_count_refuses_in_a_newer_reading_is_still_meant() {
        let mut world = world();
        world.settings.max_count = 0;
        let plan = world.plan();
        assert_eq!(plan.refusals.iter().map(|refusal| refusal.guard).collect::<Vec<_>>(), [Guard::Count]);
        assert_eq!(still_meant(&plan).len(), 1);
    }
}
