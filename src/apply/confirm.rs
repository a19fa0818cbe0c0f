//! Reads a changed target back, until every removal is confirmed or its deadline has passed.

use std::{collections::HashMap, time::Duration};

use futures::{StreamExt as _, stream};
use tokio::time::Instant;

use super::{
    End, Event, RowOutcome, Work,
    fresh::Fresh,
    patience::within,
    remove::unrecorded,
    settle::{FIRST_WAIT, next_wait},
};
use crate::{
    access::{EntryKey, Fingerprint, Life, Snapshot},
    journal::{Outcome, OutcomeKind},
    wire::{Order, Settled},
};

/// The longest that a removal in flight is followed within one run.
const LONGEST_FOLLOW: Duration = Duration::from_secs(10);
/// The part of the settle deadline that it is followed for at most.
const FOLLOW_PART: u32 = 12;

/// What a row waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The system called it done: a reading has to agree.
    Confirm,
    /// The system is at it by itself: it may be done in a moment.
    Follow,
}

/// A row to be read back, with the order that was sent.
pub(super) struct Claimed<'a> {
    pub(super) outcome: &'a mut RowOutcome,
    pub(super) order: &'a Order,
    pub(super) wait: Wait,
}

/// How a reading sees an entry that was to go.
enum Seen {
    /// Gone or dead.
    Away,
    /// Another life under the same id, at a system that gives ids out again.
    Anew,
    /// Leaving.
    Leaving(String),
    /// Still there, as before or changed.
    Still,
}

/// Confirms what was called done, and follows for a moment what the system carries out by itself; what is still in flight then
/// is followed by later runs. Returns why the target could not be read, where it could not.
pub(super) async fn confirm(
    work: &Work<'_>,
    fresh: &Fresh<'_>,
    mut claimed: Vec<Claimed<'_>>,
    until: Instant,
) -> Option<String> {
    if claimed.is_empty() {
        return None;
    }
    work.progress.tell(&Event::ReadingBack { target: &work.target });
    let follow_until = Instant::now() + (work.settle / FOLLOW_PART).min(LONGEST_FOLLOW);
    let mut wait = FIRST_WAIT;
    loop {
        let now = Instant::now();
        let last = now >= until || work.waits_no_more();
        let followed = last || now >= follow_until;
        let read = fresh.again(work).await;
        if let Ok(reading) = &read {
            claimed = settle_by(work, reading, claimed).await;
        }
        if followed {
            claimed.retain(|row| row.wait == Wait::Confirm);
        }
        if claimed.is_empty() {
            return read.err().map(|unreadable| unreadable.to_string());
        }
        if last {
            let failed = read.err().map(|unreadable| unreadable.to_string());
            for row in claimed {
                give_up(work, row, failed.as_deref(), until).await;
            }
            return failed;
        }
        let next = if claimed.iter().any(|row| row.wait == Wait::Follow) { follow_until.min(until) } else { until };
        let rest = next.saturating_duration_since(Instant::now());
        work.wait(wait.min(rest)).await;
        wait = next_wait(wait);
    }
}

/// Settles every row that this reading can settle; returns those that are still there.
async fn settle_by<'a>(work: &Work<'_>, reading: &Snapshot, claimed: Vec<Claimed<'a>>) -> Vec<Claimed<'a>> {
    let index: HashMap<EntryKey, usize> = reading
        .entries
        .iter()
        .enumerate()
        .map(|(at, entry)| ((entry.kind.name.into(), entry.id.clone()), at))
        .collect();
    let mut still = Vec::new();
    let mut away = Vec::new();
    for mut row in claimed {
        let seen = seen(reading, &index, row.order);
        if row.wait == Wait::Follow {
            match seen {
                Seen::Leaving(_) => still.push(row),
                _ => still.extend(followed(work, row).await),
            }
            continue;
        }
        match seen {
            Seen::Still => still.push(row),
            Seen::Leaving(what) => {
                row.outcome.end = End::InFlight;
                row.outcome.detail = what.clone();
                record(work, &mut row, OutcomeKind::InFlight, what).await;
            }
            Seen::Anew => {
                row.outcome.confirmed = true;
                row.outcome.remarks.push("an entry with the same id is there again, and it is another one".into());
                away.push(row);
            }
            Seen::Away => {
                row.outcome.confirmed = true;
                away.push(row);
            }
        }
    }
    stream::iter(away)
        .for_each_concurrent(work.concurrency.max(1), |row| async move {
            // A look at other paths is for the report only; it must not hold up a stop.
            if work.stop.is_cancelled() {
                return;
            }
            let looking = work.system.still_reachable(work.ask, work.account, &row.order.entry, &reading.directory);
            match within(work.patience.look, looking).await {
                Ok(paths) => row.outcome.remarks.extend(paths),
                Err(unreadable) => row
                    .outcome
                    .remarks
                    .push(format!("whether it can still be reached another way could not be read: {unreadable}")),
            }
        })
        .await;
    still
}

/// Asks the system how a removal went that is not in flight any more; gives the row back where that is not known yet.
async fn followed<'a>(work: &Work<'_>, mut row: Claimed<'a>) -> Option<Claimed<'a>> {
    let looking = work.system.settle(work.ask, work.account, row.order, &row.outcome.note);
    let settled = within(work.patience.look, looking).await;
    let (end, kind, detail) = match settled {
        Ok(Settled::Done(remark)) => {
            row.outcome.remarks.extend(remark);
            (End::Done, OutcomeKind::Done, String::new())
        }
        Ok(Settled::Gone) => (End::Gone, OutcomeKind::Gone, "absent in a complete reading".to_owned()),
        Ok(Settled::Refused(why)) => (End::Refused, OutcomeKind::Refused, why),
        Ok(Settled::InFlight(_) | Settled::Present | Settled::Untold(_) | Settled::Unknown(_)) | Err(_) => {
            return Some(row);
        }
    };
    row.outcome.end = end;
    row.outcome.confirmed = end != End::Refused;
    row.outcome.detail = detail.clone();
    record(work, &mut row, kind, detail).await;
    None
}

fn seen(reading: &Snapshot, index: &HashMap<EntryKey, usize>, order: &Order) -> Seen {
    let key = (order.entry.kind.name.into(), order.entry.id.clone());
    match index.get(&key).and_then(|&at| reading.entries.get(at)) {
        None => Seen::Away,
        Some(entry) => match &entry.life {
            Life::Dead(_) => Seen::Away,
            Life::InFlight { what, .. } => Seen::Leaving(what.to_string()),
            Life::Live if entry.kind.reissues_ids && Fingerprint::of(entry) != order.fingerprint => Seen::Anew,
            Life::Live => Seen::Still,
        },
    }
}

async fn give_up(work: &Work<'_>, mut row: Claimed<'_>, failed: Option<&str>, until: Instant) {
    let (end, kind, detail) = match failed {
        Some(why) => (
            End::Unknown,
            OutcomeKind::Unknown,
            format!("the system called it done, and the target could not be read back: {why}"),
        ),
        None if Instant::now() >= until => (
            End::Failed,
            OutcomeKind::Failed,
            "the system called it done, and it is still there after the settle deadline".to_owned(),
        ),
        None => (
            End::Unknown,
            OutcomeKind::Unknown,
            "the system called it done, and it is still there; the settle deadline was not waited for".to_owned(),
        ),
    };
    row.outcome.end = end;
    row.outcome.confirmed = end == End::Failed;
    row.outcome.is_early = failed.is_none() && end == End::Unknown && work.leaves_early(until);
    row.outcome.detail = detail.clone();
    record(work, &mut row, kind, detail).await;
}

async fn record(work: &Work<'_>, row: &mut Claimed<'_>, kind: OutcomeKind, detail: String) {
    let Some(intent) = row.outcome.intent.clone() else { return };
    let outcome = Outcome { kind, detail, status: None, request_id: None };
    let recorded = work.record(&intent, outcome, row.outcome.note.clone()).await;
    row.outcome.remarks.extend(recorded.err().map(unrecorded));
}
