//! What a journal can tell of a target's past, as plain data, and what a run adds to it.
//!
//! The plan takes a [`History`] and returns an [`Observation`]; only `apply` and `watch` have it written.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cause, Fingerprint, Group, Text};

/// A kind's name and an entry's id.
pub type EntryKey = (Text, Text);

/// A target's past.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Whether this comes from a journal that lasts; an ephemeral one knows this run only.
    pub persistent: bool,
    /// Whether a lasting journal is configured and none was there to be read: what it would tell is not known.
    pub unread: bool,
    /// The account id that earlier runs saw.
    pub account_id: Option<Text>,
    /// The last declaration that each entry matched.
    pub matches: HashMap<EntryKey, LastMatch>,
    /// Since when each entry is recorded as undeclared, and with which fingerprint.
    pub undeclared: HashMap<EntryKey, UndeclaredSince>,
    /// The last owner known of an entry.
    pub owners: HashMap<EntryKey, Text>,
    /// Rows sent in the last 24 hours, unknown outcomes too, verified failures not.
    pub sent: Vec<SentRow>,
    /// The weight that other targets sent in the last 24 hours.
    pub sent_elsewhere: u32,
    /// The largest numbers of declared or managed entries seen in the last 24 hours.
    pub bases: Vec<Base>,
    /// Intents without a final outcome.
    pub open: Vec<OpenIntent>,
    /// The same, of another account that the target was then: nothing here tells of them.
    pub open_elsewhere: Vec<OpenIntent>,
    /// Entries whose removal was refused for good.
    pub refusals: HashMap<EntryKey, Refusal>,
    /// A number that a person announced for this target.
    pub expectation: Option<Expectation>,
}

impl History {
    /// What is left of it where the target is another account now: what was sent counts on, what was seen says nothing.
    pub fn at_another_account(self) -> Self {
        let Self { persistent, account_id, sent, sent_elsewhere, open, mut open_elsewhere, .. } = self;
        open_elsewhere.extend(open);
        Self { persistent, account_id, sent, sent_elsewhere, open_elsewhere, ..Self::default() }
    }
}

/// The declaration that an entry last matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastMatch {
    /// The entry's kind.
    pub kind: Text,
    /// The entry's id.
    pub id: Text,
    /// The declaration's key as written, people by name: what makes it the same declaration.
    pub declaration: Text,
    /// The file it stood in.
    pub file: Text,
    /// The line.
    pub line: u32,
    /// The entry's fingerprint at that time.
    #[schemars(with = "String")]
    pub fingerprint: Fingerprint,
    /// Whether the entry lay in a managed set too.
    pub in_set: bool,
    /// Which object each name in the declaration stood for: field and object id.
    pub objects: Vec<(Text, Text)>,
}

/// Since when an entry is recorded as undeclared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UndeclaredSince {
    /// The first record.
    pub since: Timestamp,
    /// With this fingerprint; another one starts anew where the system gives an id to a new entry again.
    #[schemars(with = "String")]
    pub fingerprint: Fingerprint,
}

/// A row that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SentRow {
    /// When.
    pub at: Timestamp,
    /// The entry's kind.
    pub kind: Text,
    /// The entry's id.
    pub id: Text,
    /// Its natural key in one text, for fights.
    pub natural_key: Text,
    /// The people it reached.
    pub weight: u32,
    /// Why.
    pub cause: Cause,
    /// The policy files it counted against.
    pub files: Vec<Text>,
    /// Whether its removal is confirmed.
    pub done: bool,
}

impl SentRow {
    /// Its group.
    pub fn group(&self) -> Group {
        self.cause.group()
    }
}

/// What a share is measured against.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BaseScope {
    /// A policy file.
    File(Text),
    /// A kind of the target.
    Kind(Text),
}

/// How many declared or managed entries a file or a kind had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Base {
    /// Of what.
    pub scope: BaseScope,
    /// How many.
    pub number: u32,
}

/// An intent whose end is not known yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OpenIntent {
    /// The journal's id of it.
    pub intent: Text,
    /// The entry's kind.
    pub kind: Text,
    /// The entry's id.
    pub id: Text,
    /// When it was recorded.
    pub since: Timestamp,
    /// Whether the system said that it is under way; otherwise the outcome is unknown.
    pub in_flight: bool,
}

/// A removal that the system refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// When.
    pub at: Timestamp,
    /// The system's answer in words of ours.
    pub why: Text,
    /// Digest of what the policies said of the entry then; another one lets it be sent again.
    pub said: Text,
}

/// "So many revocations are meant", announced by a person for one use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    /// Exactly this many by weight.
    pub number: u32,
    /// Until then; at this very time it is over.
    pub until: Timestamp,
}

impl Expectation {
    /// How far ahead a number may be announced at most.
    pub const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

    /// Whether its time is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.until <= now
    }
}

/// What a run has seen and `apply` or `watch` keeps beside the chain.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// Matches of this run, each replacing the one before.
    pub matched: Vec<LastMatch>,
    /// Matches that ended: the entry is gone, was changed or lies in no set any more.
    pub forgotten: Vec<EntryKey>,
    /// Entries first seen undeclared in this run, or another entry under an id that was given again.
    pub undeclared: Vec<(EntryKey, Fingerprint)>,
    /// Entries that are not undeclared any more.
    pub declared_again: Vec<EntryKey>,
    /// Owners seen.
    pub owners: Vec<(EntryKey, Text)>,
    /// Entries whose owners need not be known any more: they are gone.
    pub disowned: Vec<EntryKey>,
    /// Numbers of declared or managed entries.
    pub bases: Vec<Base>,
}
