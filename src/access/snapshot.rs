//! A complete, verified reading of one target.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Directory, Entry, Text};

/// A complete reading of one target. It exists only if every page was walked to the API's own end mark; anything less is
/// an error, never a shorter snapshot.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The system's name.
    pub system: &'static str,
    /// The account's own id, where the API tells one.
    pub account_id: Option<Text>,
    /// When the first answer that holds entries arrived; ages count from here.
    pub started_at: Timestamp,
    /// When the last answer arrived.
    pub finished_at: Timestamp,
    /// Our clock less the vendor's `Date`, the largest seen in this reading; absent where no answer had one.
    pub clock_skew: Option<SignedDuration>,
    /// Every entry, dead and leaving ones too, in the order of the API.
    pub entries: Vec<Entry>,
    /// Live objects by name, for names in policies.
    pub directory: Directory,
    /// The own credential's entries that the API itself pointed out.
    pub own: Vec<OwnMark>,
    /// What guards things besides entries (a Pinata gateway's hosts and addresses).
    pub controls: Vec<Controls>,
    /// How the reading proves that it is whole.
    pub evidence: Evidence,
}

/// An entry that is Portcullis' own credential, as the API told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnMark {
    /// The kind's name.
    pub kind: Text,
    /// The entry's id.
    pub id: Text,
}

/// A thing that is closed only while it has at least one control: removing the last one opens it to all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Controls {
    /// The id that [`super::Facts::control`] names.
    pub id: Text,
    /// Other spellings of it (a gateway's domain).
    pub names: Vec<Text>,
    /// How many controls it has besides entries (hosts, addresses).
    pub others: u32,
}

/// How a reading proves that it is whole, for people and for the saved snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Requests that were answered for this reading.
    pub requests: u32,
    /// Pages of entry lists.
    pub pages: u32,
    /// In words of ours: the end mark and the totals that were met, a line a list.
    pub proofs: Vec<String>,
    /// What a reader has to know and nobody has to do (a list that this system does not offer).
    pub remarks: Vec<String>,
}
