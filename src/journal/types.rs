//! What the journal records and is asked for, as plain data.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Expectation, Text},
    wire::{Draft, Note, Order},
};

/// How a journal is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For `plan` and `history`: never writes.
    Read,
    /// For `apply`: has to exist.
    Write,
    /// For `init` and `--new-journal`: made where it does not exist.
    Create,
}

/// What is recorded before a write is sent.
#[derive(Debug)]
pub struct Intent<'a> {
    /// The approved removal.
    pub order: &'a Order,
    /// The draft.
    pub draft: Draft,
    /// The system's name: part of the idempotency key.
    pub system: Text,
    /// The account id, or the operator's label: part of the idempotency key.
    pub account: Text,
    /// The host's address: part of the idempotency key.
    pub host: Text,
    /// Its natural key, for fights.
    pub natural_key: Text,
    /// The people it reaches.
    pub weight: u32,
    /// The policy files it counts against.
    pub files: Vec<Text>,
    /// What the policies say of it, see [`crate::access::Refusal`].
    pub said: Text,
    /// How often a verified failure has already stepped the key on within this run. Failures of this run that are already
    /// recorded are not counted twice.
    pub step: u32,
    /// What all targets together may have sent in 24 hours with this one, by weight; none where that does not bound it. Plans
    /// are judged against the same figure; this one holds against another process that sends at the same time.
    pub ceiling: Option<u32>,
}

/// What happened to an intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// What.
    pub kind: OutcomeKind,
    /// In words of ours.
    pub detail: String,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// The vendor's request id, where it told one.
    pub request_id: Option<String>,
}

/// The kinds of outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// Confirmed: our removal took effect. Final.
    Done,
    /// Absent, by whoever's hand. Final.
    Gone,
    /// The system works on it. Open.
    InFlight,
    /// Rejected for good. Final.
    Refused,
    /// Verified failure: still there after the settle deadline. Final.
    Failed,
    /// Nothing was sent. Final.
    NotSent,
    /// Still there after the settle deadline at a system that cannot tell whether the removal arrived. Final for this intent:
    /// the next one carries the same idempotency key and body, and counts as sent like this one.
    Untold,
    /// Only reading can tell. Open.
    Unknown,
}

impl OutcomeKind {
    /// Whether the intent's end is still to be found out.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::InFlight | Self::Unknown)
    }
}

/// A record of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Its number, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The run.
    pub run: Text,
    /// The target, where it has one.
    pub target: Option<Text>,
    /// What it tells.
    pub body: RecordBody,
    /// SHA-256 over the record before and this one.
    pub hash: Text,
}

/// What a record tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "type")]
#[expect(clippy::large_enum_variant, reason = "most records are intents and outcomes; few are held at once")]
pub enum RecordBody {
    /// A run began.
    RunStarted(RunInfo),
    /// A run ended, with its exit code.
    RunEnded {
        /// The exit code; 1 of a run that was cut off.
        exit_code: u8,
        /// Whether it was cut off, by a kill or at the end of the grace: then whoever began after it recorded this end.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        cut_off: bool,
    },
    /// A target's account was seen for the first time: pinned from now on.
    AccountPinned {
        /// The id.
        account_id: Text,
    },
    /// A removal is about to be sent.
    Intent {
        /// The intent's id.
        intent: Text,
        /// The entry's kind.
        kind: Text,
        /// The entry's id.
        id: Text,
        /// What people call the entry; empty in records of earlier versions.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        title: String,
        /// The cause.
        cause: crate::access::Cause,
        /// The reason.
        reason: String,
        /// The idempotency key.
        key: Text,
        /// The generation in the key.
        generation: u32,
        /// The entry's fingerprint.
        #[schemars(with = "String")]
        fingerprint: crate::access::Fingerprint,
        /// Method and path.
        request: String,
        /// The exact body, as text.
        request_body: Option<String>,
        /// What the system has to remember.
        note: Note,
        /// The entry's natural key.
        natural_key: Text,
        /// The people it reaches.
        weight: u32,
        /// Policy files it counts against.
        files: Vec<Text>,
        /// What the policies say of it.
        said: Text,
        /// The entry's holder.
        principal: Option<Text>,
        /// The entry as the plan's reading saw it, an [`crate::access::EntryRecord`], so that a later run can follow it. Kept
        /// as it is written: a record of another version stays readable and its hash the same.
        entry: serde_json::Value,
    },
    /// What happened to an intent; the last one of an intent counts.
    Outcome {
        /// The intent's id.
        intent: Text,
        /// What happened.
        outcome: Outcome,
        /// The note as it is now.
        note: Note,
    },
    /// A person announced a number.
    Expected(Expectation),
    /// The announcement was used.
    ExpectationUsed,
    /// A saved plan was used up.
    PlanUsedUp {
        /// The plan's digest.
        digest: Text,
    },
    /// All writing of the daemon was stopped.
    Paused {
        /// Why, in the words of whoever did it.
        because: String,
        /// Until when, where it ends by itself.
        until: Option<Timestamp>,
    },
    /// It goes on.
    Resumed,
}

/// Who runs, and what for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// The command.
    pub command: String,
    /// Portcullis' version.
    pub version: String,
    /// Who reviewed, where a person did.
    pub reviewed_by: Option<String>,
    /// Whether a person confirmed it: at the prompt, or by typing a command that only a person types.
    pub confirmed: bool,
    /// Policy digest by target.
    pub policy_digests: std::collections::BTreeMap<Text, Text>,
    /// The commit of the policies, with a Git source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Text>,
}

/// Which records to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this target.
    pub target: Option<Text>,
    /// Only with this entry id.
    pub id: Option<Text>,
    /// Only with this principal.
    pub principal: Option<Text>,
    /// Only since then.
    pub since: Option<Timestamp>,
    /// At most so many, the newest.
    pub limit: Option<u32>,
}

/// Why the journal cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// It does not exist.
    #[error("there is no journal at {0}")]
    Missing(String),
    /// Another process holds it.
    #[error("{what} is held by {by}")]
    Held {
        /// What.
        what: String,
        /// Who: process id, host and since when.
        by: String,
    },
    /// Another process applies to the target.
    #[error("another process is applying to target {target}: {by}")]
    TargetHeld {
        /// The target.
        target: String,
        /// Who: process id, host and since when.
        by: String,
    },
    /// The chain is broken.
    #[error(
        "the journal's chain is broken at record {seq}: {what}. Put back a copy, or keep the file elsewhere as evidence and make a new journal with `portcullis init` (history is lost, correctness is not)"
    )]
    Broken {
        /// The first broken record.
        seq: u64,
        /// How.
        what: String,
    },
    /// The chain is whole, and a list of intents beside it says something else.
    #[error(
        "the journal's chain is whole, but a list beside it is not what the chain says: {0}. Put back a copy, or keep the file elsewhere as evidence and make a new journal with `portcullis init` (history is lost, correctness is not)"
    )]
    Lists(String),
    /// With this intent all targets together would have sent more than they may in 24 hours. It is not recorded.
    #[error("count_total: {sent} sent over all targets in the last 24 h, the limit is {max}")]
    OverTotal {
        /// The weight that was sent.
        sent: u32,
        /// What it may be.
        max: u32,
    },
    /// The file under the open journal is not the one at its path any more.
    #[error("the journal at {0} was removed or replaced while it was open: nothing is recorded, so nothing is sent")]
    Vanished(String),
    /// It could not be read or written (disk full, permissions, not a journal).
    #[error("{0}")]
    Storage(String),
}

/// The outcome of `history --verify`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many records.
    pub records: u64,
    /// The last hash.
    pub head: Text,
}
