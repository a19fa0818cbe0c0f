//! What the journal says, to be shown: its records, and the revocations that they tell of.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    access::{Cause, Text},
    journal::{Filter, Journal, JournalError, Outcome, OutcomeKind, Record, RecordBody},
};

/// Records of which the revocations of a page are made.
const RECENT_RECORDS: u32 = 400;

/// Where records are read. The loop opens the journal anew when its file was replaced, so that this is not always the same one.
#[async_trait]
pub trait Records: Send + Sync {
    /// The newest records that fit, in the order of the chain.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    async fn records(&self, filter: &Filter) -> Result<Vec<Record>, JournalError>;
}

#[async_trait]
impl Records for Journal {
    async fn records(&self, filter: &Filter) -> Result<Vec<Record>, JournalError> {
        Journal::records(self, filter).await
    }
}

/// A removal that was sent, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Revocation {
    pub(super) at: Timestamp,
    pub(super) target: Option<Text>,
    pub(super) kind: Text,
    pub(super) id: Text,
    /// What people call it; may be empty.
    pub(super) title: String,
    pub(super) principal: Option<Text>,
    pub(super) cause: Cause,
    pub(super) reason: String,
    /// Absent where nothing is known yet.
    pub(super) outcome: Option<Outcome>,
}

/// The records that the revocations of a page are made of.
pub(super) fn recent(target: Option<&Text>) -> Filter {
    Filter { target: target.cloned(), limit: Some(RECENT_RECORDS), ..Filter::default() }
}

/// The newest revocations that these records tell of, the newest first.
pub(super) fn revocations(records: Vec<Record>, most: usize) -> Vec<Revocation> {
    let mut found = Vec::<(Text, Revocation)>::new();
    for Record { at, target, body, .. } in records {
        match body {
            RecordBody::Intent { intent, kind, id, title, cause, reason, principal, .. } => {
                let told = Revocation { at, target, kind, id, title, principal, cause, reason, outcome: None };
                found.push((intent, told));
            }
            RecordBody::Outcome { intent, outcome, .. } => {
                if let Some((_, told)) = found.iter_mut().rev().find(|(known, _)| *known == intent) {
                    told.outcome = Some(outcome);
                }
            }
            _ => {}
        }
    }
    // What was never sent took nothing away.
    let sent = |(_, told): &(Text, Revocation)| {
        told.outcome.as_ref().is_none_or(|outcome| outcome.kind != OutcomeKind::NotSent)
    };
    found.into_iter().rev().filter(sent).take(most).map(|(_, told)| told).collect()
}
