//! What the daemon asks of the chain: whether it is paused, and what every target sent.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::Row as _;

use super::{Journal, JournalError, Record, RecordBody, observed::WINDOW_MS, past, problem::storage};
use crate::access::Text;

/// All writing of the daemon is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub because: String,
    /// Until when, where it ends by itself.
    pub until: Option<Timestamp>,
}

/// A number that a person announced for a target, be it used or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// The number.
    pub number: u32,
    /// How many removals were sent there since: unknown outcomes too, verified failures not.
    pub sent_since: u32,
}

impl Journal {
    /// The pause that is in force, if there is one. One that ended by itself is none.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn paused(&self, now: Timestamp) -> Result<Option<Paused>, JournalError> {
        let mut connection = self.connection.lock().await;
        let last = past::newest_of(&mut connection, ["paused", "resumed"]).await?;
        Ok(match last {
            Some(Record { at, body: RecordBody::Paused { because, until }, .. }) => {
                until.is_none_or(|until| until > now).then_some(Paused { since: at, because, until })
            }
            _ => None,
        })
    }

    /// The weight that each target sent in the last 24 hours: unknown outcomes too, verified failures not.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn sent(&self, now: Timestamp) -> Result<BTreeMap<Text, u32>, JournalError> {
        let since = now.as_millisecond() - WINDOW_MS;
        let mut connection = self.connection.lock().await;
        let mut sent: BTreeMap<Text, u32> = BTreeMap::new();
        for row in past::sent_since(&mut connection, since).await? {
            let target: Option<&str> = row.try_get("target").map_err(storage)?;
            let weight = past::weight_sent(&row)?;
            if let (Some(target), Some(weight)) = (target, weight) {
                let sum = sent.entry(target.into()).or_default();
                *sum = sum.saturating_add(weight);
            }
        }
        Ok(sent)
    }

    /// The newest number that was announced for each target, where its time is not over.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn announced(&self, now: Timestamp) -> Result<BTreeMap<Text, Announced>, JournalError> {
        let mut connection = self.connection.lock().await;
        past::announced(&mut connection, now).await
    }
}
