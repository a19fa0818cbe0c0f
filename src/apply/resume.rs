//! Settles what earlier runs left open, by reading only. An old order is never sent again.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use tokio::time::Instant;

use super::{
    End, Event, RowOutcome, Work,
    remove::unrecorded,
    settle::{Known, settle},
};
use crate::{
    access::{Action, EntryRecord, Text},
    journal::{JournalError, Record, RecordBody},
    wire::{Note, Order},
};

/// Follows every open intent of the target and records what is known now. In the order of the journal.
///
/// # Errors
/// The journal cannot be read.
pub async fn resume(work: &Work<'_>) -> Result<Vec<RowOutcome>, JournalError> {
    let open = work.journal.open_intents(&work.target).await?;
    if open.is_empty() {
        return Ok(Vec::new());
    }
    work.progress.tell(&Event::Settling { target: &work.target, open: open.len() });
    let mut outcomes: Vec<(usize, RowOutcome)> = stream::iter(open.into_iter().enumerate())
        .map(|(at, (record, note))| async move { follow(work, record, note).await.map(|outcome| (at, outcome)) })
        .buffer_unordered(work.concurrency.max(1))
        .filter_map(std::future::ready)
        .collect()
        .await;
    outcomes.sort_by_key(|(at, _)| *at);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

async fn follow(work: &Work<'_>, record: Record, note: Note) -> Option<RowOutcome> {
    let since = record.at;
    let RecordBody::Intent { intent, id, kind, cause, reason, fingerprint, entry, .. } = record.body else {
        return None;
    };
    let description = work.system.describe();
    let entry = serde_json::from_value::<EntryRecord>(entry)
        .map_err(|error| error.to_string())
        .and_then(|record| record.into_entry(description).map_err(|error| error.to_string()));
    let entry = match entry {
        Ok(entry) => entry,
        Err(why) => return Some(lost(intent, kind, id, cause, &why)),
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
    let known = settle(work, &order, &note, Instant::now() + work.settle.saturating_sub(age)).await;
    let (end, detail) = match &known {
        Known::Done(remark) => (End::Done, remark.clone().unwrap_or_default()),
        Known::Gone => (End::Gone, "absent in a complete reading".into()),
        Known::InFlight(what) => (End::InFlight, what.clone()),
        Known::Refused(why) => (End::Refused, why.clone()),
        Known::StillThere => (End::Failed, "still there; an earlier run sent it and it had no effect".into()),
        Known::Open(why) => (End::Unknown, why.clone()),
    };
    let mut outcome = RowOutcome::of_order(&order, &intent, end, detail);
    outcome.remarks.extend(work.lingering().filter(|_| end == End::Gone));
    if end == End::InFlight && work.now().duration_since(since) > work.max_in_flight {
        outcome.overdue = true;
        outcome
            .remarks
            .push(format!("under way since {since}, longer than `max_in_flight` allows: look at the system"));
    }
    // What is open as before is not recorded again at every run.
    if !matches!(known, Known::Open(_)) {
        outcome.remarks.extend(work.record(&intent, known.outcome(None, None), note).await.err().map(unrecorded));
    }
    Some(outcome)
}

/// An intent whose entry this binary does not understand: it stays open and is told.
fn lost(intent: Text, kind: Text, id: Text, cause: crate::access::Cause, why: &str) -> RowOutcome {
    RowOutcome {
        title: id.to_string(),
        kind,
        id,
        cause,
        end: End::Unknown,
        confirmed: false,
        detail: format!("an earlier run sent it, and this binary cannot read what it recorded: {why}"),
        remarks: Vec::new(),
        intent: Some(intent),
        overdue: false,
        note: Note::Null,
    }
}
