//! What the daemon asks of the chain: whether it is paused, and what every target sent.

use std::collections::BTreeMap;

use super::{Journal, JournalError, Record, RecordBody, observed::WINDOW_MS, past, sent};
use crate::access::Text;
use jiff::Timestamp;

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

impl Paused {
    /// Whether it is in force at a time.
    pub fn stands(&self, at: Timestamp) -> bool {
        self.until.is_none_or(|until| until > at)
    }
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
        Ok(self.last_pause().await?.filter(|paused| paused.stands(now)))
    }

    /// The pause that was set last and that nobody took back, be it over or not: on a wrong clock it may seem to be.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn last_pause(&self) -> Result<Option<Paused>, JournalError> {
        let mut connection = self.connection.lock().await;
        let last = past::newest_of(&mut connection, ["paused", "resumed"]).await?;
        Ok(match last {
            Some(Record { at, body: RecordBody::Paused { because, until }, .. }) => {
                Some(Paused { since: at, because, until })
            }
            _ => None,
        })
    }

    /// The weight that each target sent in the last 24 hours: unknown outcomes too, verified failures not.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn sent(&self, now: Timestamp) -> Result<BTreeMap<Text, u32>, JournalError> {
        sent::by_target(&mut *self.connection.lock().await, now.as_millisecond() - WINDOW_MS).await
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
