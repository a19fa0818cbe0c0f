//! What will come due, so that a person sees it coming and the daemon looks when it does.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Origin;
use crate::access::{Cause, Text};

/// The most that is kept of what comes next; the earliest is always there.
pub const MAX_UPCOMING: usize = 50;

/// Something that time alone will bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Upcoming {
    /// When.
    pub at: Timestamp,
    /// What happens then.
    pub what: UpcomingKind,
    /// The entry's kind.
    pub kind: Text,
    /// The entry's id.
    pub id: Text,
    /// What people call it.
    pub title: String,
    /// Who holds it.
    pub principal: Option<Text>,
    /// The policy line it comes from.
    pub origin: Option<Origin>,
}

/// What time brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is", content = "cause")]
pub enum UpcomingKind {
    /// A limit comes due, with this cause.
    Due(Cause),
    /// The notice of an undeclared entry runs out.
    NoticeEnds,
    /// A `holds:` item ends, and the entry is enforced again.
    HoldEnds,
    /// A freeze window ends, and what it held goes.
    FreezeEnds,
}
