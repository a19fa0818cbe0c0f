//! What is remembered of a revocation to follow it over runs.

use serde::{Deserialize, Serialize};

use crate::{access::Text, wire::Note};

/// The note. AccessOwl's records do not name their state, so one that is new since the note was taken and that fits is ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Trail {
    /// Whether revocations can be listed at all.
    pub listed: bool,
    /// Ids of the revocations that fitted before.
    pub known: Vec<Text>,
    /// The application.
    pub application: Text,
    /// The person, where the account is linked to one.
    pub user: Option<Text>,
    /// The resource; none means the application as a whole.
    pub resource: Option<Text>,
    /// The permissions, sorted.
    pub permissions: Vec<Text>,
    /// The revocation that is followed, where its id is known.
    pub revocation: Option<Text>,
    /// Whether AccessOwl said that it has received the revocation.
    pub received: bool,
    /// Whether AccessOwl itself carries it out; else people do, or nobody has said.
    pub automatic: bool,
}

impl Trail {
    /// Reads a note. One that is not ours is an empty one: nothing is known then.
    pub fn of(note: &Note) -> Self {
        Self::deserialize(note).unwrap_or_default()
    }

    /// As a note.
    pub fn note(&self) -> Note {
        serde_json::to_value(self).unwrap_or_default()
    }
}
