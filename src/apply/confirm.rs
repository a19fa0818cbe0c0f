//! Reads a changed target back, until every removal is confirmed or its deadline has passed.

use std::collections::HashMap;

use futures::{StreamExt as _, stream};
use tokio::time::Instant;

use super::{
    End, Event, RowOutcome, Work,
    fresh::Fresh,
    remove::unrecorded,
    settle::{FIRST_WAIT, next_wait},
};
use crate::{
    access::{EntryKey, Fingerprint, Life, Snapshot},
    journal::{Outcome, OutcomeKind},
    wire::Order,
};

/// A row that the system called done, with the order that was sent.
pub(super) struct Claimed<'a> {
    pub(super) outcome: &'a mut RowOutcome,
    pub(super) order: &'a Order,
}

/// How a reading sees an entry that was to go.
enum Seen {
    /// Gone or dead.
    Away,
    /// Another life under the same id.
    Anew,
    /// Leaving.
    Leaving(String),
    /// As before.
    Still,
}

/// Confirms what was called done. Returns why the target could not be read, where it could not.
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
    let mut wait = FIRST_WAIT;
    loop {
        let last = Instant::now() >= until || work.stop.is_cancelled();
        let read = fresh.again(work).await;
        if let Ok(reading) = &read {
            claimed = settle_by(work, reading, claimed).await;
        }
        if claimed.is_empty() {
            return None;
        }
        if last {
            let failed = read.err().map(|unreadable| unreadable.to_string());
            let verified = failed.is_none() && Instant::now() >= until;
            for row in claimed {
                give_up(work, row, failed.as_deref(), verified).await;
            }
            return failed;
        }
        let rest = until.saturating_duration_since(Instant::now());
        tokio::select! {
            () = tokio::time::sleep(wait.min(rest)) => {}
            () = work.stop.cancelled() => {}
        }
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
        match seen(reading, &index, row.order) {
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
            match work.system.still_reachable(work.ask, work.account, &row.order.entry, &reading.directory).await {
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

fn seen(reading: &Snapshot, index: &HashMap<EntryKey, usize>, order: &Order) -> Seen {
    let key = (order.entry.kind.name.into(), order.entry.id.clone());
    match index.get(&key).and_then(|&at| reading.entries.get(at)) {
        None => Seen::Away,
        Some(entry) => match &entry.life {
            Life::Dead(_) => Seen::Away,
            Life::InFlight { what, .. } => Seen::Leaving(what.to_string()),
            Life::Live if Fingerprint::of(entry) == order.fingerprint => Seen::Still,
            Life::Live => Seen::Anew,
        },
    }
}

async fn give_up(work: &Work<'_>, mut row: Claimed<'_>, failed: Option<&str>, verified: bool) {
    let (end, kind, detail) = match failed {
        Some(why) => (
            End::Unknown,
            OutcomeKind::Unknown,
            format!("the system called it done, and the target could not be read back: {why}"),
        ),
        None if verified => (
            End::Failed,
            OutcomeKind::Failed,
            "the system called it done, and it is still there after the settle deadline".to_owned(),
        ),
        None => (
            End::Unknown,
            OutcomeKind::Unknown,
            "the system called it done, and it is still there; stopped before the settle deadline".to_owned(),
        ),
    };
    row.outcome.end = end;
    row.outcome.confirmed = end == End::Failed;
    row.outcome.detail = detail.clone();
    record(work, &mut row, kind, detail).await;
}

async fn record(work: &Work<'_>, row: &mut Claimed<'_>, kind: OutcomeKind, detail: String) {
    let Some(intent) = row.outcome.intent.clone() else { return };
    let outcome = Outcome { kind, detail, status: None, request_id: None };
    let recorded = work.record(&intent, outcome, row.outcome.note.clone()).await;
    row.outcome.remarks.extend(recorded.err().map(unrecorded));
}
