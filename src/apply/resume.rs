//! Settles what earlier runs left open, by reading only. An old order is never sent again.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    End, Event, RowOutcome, Work,
    remove::unrecorded,
    settle::{Known, settle, settle_at_once},
};
use crate::{
    access::{Action, EntryRecord, Life, Snapshot},
    journal::{JournalError, Outcome, Record, RecordBody},
    wire::{Note, Order},
};

/// Follows every open intent of the target and records what is known now. In the order of the journal. `reading` is this
/// run's own: it settles what was recorded in a form that this binary cannot follow.
///
/// # Errors
/// The journal cannot be read.
pub async fn resume(work: &Work<'_>, reading: &Snapshot) -> Result<Vec<RowOutcome>, JournalError> {
    let open = work.journal.open_intents(&work.target).await?;
    if open.is_empty() {
        return Ok(Vec::new());
    }
    work.progress.tell(&Event::Settling { target: &work.target, open: open.len() });
    let mut outcomes: Vec<(usize, RowOutcome)> = stream::iter(open.into_iter().enumerate())
        .map(|(at, intent)| async move { follow(work, reading, intent).await.map(|outcome| (at, outcome)) })
        .buffer_unordered(work.concurrency.max(1))
        .filter_map(std::future::ready)
        .collect()
        .await;
    outcomes.sort_by_key(|(at, _)| *at);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

async fn follow(
    work: &Work<'_>,
    reading: &Snapshot,
    (record, note, last): (Record, Note, Option<Outcome>),
) -> Option<RowOutcome> {
    let since = record.at;
    let RecordBody::Intent { intent, id, kind, cause, reason, fingerprint, entry, .. } = record.body.clone() else {
        return None;
    };
    let description = work.system.describe();
    let entry = serde_json::from_value::<EntryRecord>(entry)
        .map_err(|error| error.to_string())
        .and_then(|record| record.into_entry(description).map_err(|error| error.to_string()));
    let entry = match entry {
        Ok(entry) => entry,
        Err(why) => {
            let known = in_reading(work, reading, &kind, &id, since, why);
            let mut outcome = by_id(&record, &known)?;
            record_news(work, &mut outcome, &known, last.as_ref(), note).await;
            return Some(outcome);
        }
    };
    let order = Order {
        target: work.target.clone(),
        action: Action::Revoke,
        cause,
        entry,
        fingerprint,
        reason,
        peers: Vec::new(),
        may_open: false,
    };
    let age = Duration::try_from(work.now().duration_since(since)).unwrap_or_default();
    let until = Instant::now() + work.settle.saturating_sub(age);
    let known = match work.next_run {
        Some(_) => settle_at_once(work, &order, &note, until).await,
        None => settle(work, &order, &note, until).await,
    };
    let (end, detail) = ended(&known);
    let mut outcome = RowOutcome::of_order(&order, &intent, end, detail);
    outcome.is_early = end == End::Unknown && work.leaves_early(until);
    // It may still take effect.
    outcome.confirmed &= !matches!(known, Known::Untold(_));
    outcome.remarks.extend(work.lingering().filter(|_| end == End::Gone));
    if end == End::InFlight && work.now().duration_since(since) > work.max_in_flight {
        outcome.overdue = true;
        outcome
            .remarks
            .push(format!("under way since {since:.0}, longer than `max_in_flight` allows: look at the system"));
    }
    record_news(work, &mut outcome, &known, last.as_ref(), note).await;
    Some(outcome)
}

/// What is told of it.
fn ended(known: &Known) -> (End, String) {
    match known {
        Known::Done(remark) => (End::Done, remark.clone().unwrap_or_default()),
        Known::Gone => (End::Gone, "absent in a complete reading".into()),
        Known::InFlight(what) => (End::InFlight, what.clone()),
        Known::Refused(why) => (End::Refused, why.clone()),
        Known::StillThere => (End::Failed, "still there; an earlier run sent it and it had no effect".into()),
        // Not open any more: a later row of this run may be sent under the same key.
        Known::Untold(why) => (End::Failed, why.clone()),
        Known::Open(why) => (End::Unknown, why.clone()),
    }
}

/// What stands as before is not recorded again at every run.
async fn record_news(work: &Work<'_>, outcome: &mut RowOutcome, known: &Known, last: Option<&Outcome>, note: Note) {
    let now = known.outcome(None, None);
    let is_old = last.is_some_and(|last| last.kind == now.kind && last.detail == now.detail);
    if let (false, false, Some(intent)) = (is_old, matches!(known, Known::Open(_)), outcome.intent.clone()) {
        outcome.remarks.extend(work.record(&intent, now, note).await.err().map(unrecorded));
    }
}

/// What the whole reading tells of an entry by its id alone.
fn in_reading(work: &Work<'_>, reading: &Snapshot, kind: &str, id: &str, since: Timestamp, why: String) -> Known {
    let unread = format!("this binary cannot read what an earlier run recorded: {why}");
    if work.system.describe().kind_by_name(kind).is_none() {
        return Known::Open(unread);
    }
    match reading.entries.iter().find(|entry| entry.kind.name == kind && entry.id == id).map(|entry| &entry.life) {
        None | Some(Life::Dead(_)) => Known::Gone,
        Some(Life::InFlight { what, .. }) => Known::InFlight(what.to_string()),
        Some(Life::Live) => {
            let age = Duration::try_from(reading.started_at.duration_since(since)).unwrap_or_default();
            if age > work.settle { Known::StillThere } else { Known::Open(unread) }
        }
    }
}

/// The outcome of an intent whose entry this binary does not understand.
fn by_id(record: &Record, known: &Known) -> Option<RowOutcome> {
    let (end, detail) = ended(known);
    RowOutcome::of_intent(&record.body, end, detail)
}
