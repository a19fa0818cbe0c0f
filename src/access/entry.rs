//! One live thing that gives access.

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Kind, Object, Text, Value};

/// A live (or dead, or leaving) grant or token as a system listed it. Never holds a secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its kind.
    pub kind: &'static Kind,
    /// What identifies it at its target, within its kind.
    pub id: Text,
    /// What the vendor's revoke call takes, where that is not the id.
    pub handle: Option<Text>,
    /// Its fields, in the order of [`Kind::fields`].
    pub values: Box<[Value]>,
    /// Who holds it, where the API tells.
    pub principal: Option<Arc<Object>>,
    /// What people call it, where that is not the id.
    pub label: Option<Text>,
    /// When it came to be.
    pub created_at: Option<Timestamp>,
    /// When the vendor ends it by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was last used; of a kind that tells, absent means never.
    pub last_used_at: Option<Timestamp>,
    /// Whether it still gives access.
    pub life: Life,
    /// What else the plan has to know of it; most entries have none of it.
    pub facts: Option<Box<Facts>>,
}

impl Entry {
    /// The value of a field by name; [`Value::Absent`] where there is none.
    pub fn value(&self, field: &str) -> &Value {
        self.kind.field_index(field).and_then(|index| self.values.get(index)).unwrap_or(&Value::Absent)
    }

    /// What the vendor's revoke call takes.
    pub fn revoke_handle(&self) -> &Text {
        self.handle.as_ref().unwrap_or(&self.id)
    }

    /// How many people it reaches, at least 1.
    pub fn weight(&self) -> u32 {
        self.facts.as_ref().map_or(1, |facts| facts.weight.max(1))
    }

    /// Why it lies outside every selector, where it does.
    pub fn outside(&self) -> Option<&str> {
        self.facts.as_ref().and_then(|facts| facts.outside.as_deref())
    }

    /// Whether it gives access now and is not leaving.
    pub fn is_live(&self) -> bool {
        matches!(self.life, Life::Live)
    }
}

/// Whether an entry still gives access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Life {
    /// It does.
    Live,
    /// It does not: past the vendor's own expiry, already revoked, ended. The text says which, in a few words of ours.
    Dead(Text),
    /// A removal is under way at the system.
    InFlight {
        /// Since when, where the system tells.
        since: Option<Timestamp>,
        /// In a few words of ours, what is waited for.
        what: Text,
    },
}

/// What the plan has to know of a vendor for one entry, as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Facts {
    /// Outside every selector, and why (`discovered`, `unlinked`, `system`): only an exact declaration or `absent:` reaches it.
    pub outside: Option<Text>,
    /// Ids from the widest to the narrowest thing it is on. Removing an entry removes every entry of the same principal
    /// whose lineage begins with this one (`implied`).
    pub lineage: Vec<Text>,
    /// Further floor groups besides its kind: of each, one live entry has to remain.
    pub floor_groups: Vec<Text>,
    /// The id of the [`super::Controls`] that this entry is one of (a Pinata gateway).
    pub control: Option<Text>,
    /// Whether it may revoke tokens (S2), and so could be the token in use.
    pub revokes_tokens: bool,
    /// The people it reaches; 0 and 1 both count as one.
    pub weight: u32,
    /// The system lists a removal of this very life as rejected: why, in words of ours.
    pub refused: Option<Text>,
    /// Whether that rejection may as well be of another entry.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refused_in_doubt: bool,
    /// How many closed revocations of this entry the system lists; `None` where it lists none at all.
    pub closed_revocations: Option<u32>,
    /// The same for entries whose removals the system's records do not tell apart: these go one at a time, the oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alike: Option<Text>,
}
