//! An entry as the journal keeps it, so that a later run can follow its removal.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::{Entry, Facts, Kind, Life, Object, Text, Value};

/// Every part of an entry but its kind, which is known by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredEntry {
    kind: Text,
    id: Text,
    handle: Option<Text>,
    values: Vec<Value>,
    principal: Option<Arc<Object>>,
    label: Option<Text>,
    created_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    life: Life,
    facts: Option<Facts>,
}

impl StoredEntry {
    /// The entry, ready to be kept.
    pub fn of(entry: &Entry) -> Self {
        let Entry { kind, id, handle, values, principal, label, created_at, expires_at, last_used_at, life, facts } =
            entry.clone();
        Self {
            kind: kind.name.into(),
            id,
            handle,
            values: values.into_vec(),
            principal,
            label,
            created_at,
            expires_at,
            last_used_at,
            life,
            facts: facts.map(|facts| *facts),
        }
    }

    /// The entry that an intent's record holds, if it is one of these kinds and has their fields.
    pub fn entry(record: &serde_json::Value, kinds: &'static [Kind]) -> Option<Entry> {
        let stored = Self::deserialize(record).ok()?;
        let kind = kinds.iter().find(|kind| kind.name == stored.kind)?;
        (kind.fields.len() == stored.values.len()).then(|| Entry {
            kind,
            id: stored.id,
            handle: stored.handle,
            values: stored.values.into(),
            principal: stored.principal,
            label: stored.label,
            created_at: stored.created_at,
            expires_at: stored.expires_at,
            last_used_at: stored.last_used_at,
            life: stored.life,
            facts: stored.facts.map(Box::new),
        })
    }
}
