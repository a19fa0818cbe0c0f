//! What a change does, why, and whether it can be undone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Takes access away.
    Revoke,
}

impl Action {
    /// Its name in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Revoke => "revoke",
        }
    }
}

/// Why a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// An `absent:` item names it.
    Absent,
    /// Its declaration's or its holder's end has passed.
    Expired,
    /// It is older than `max_age`, or lives longer than `must_expire_within`.
    TooOld,
    /// It was not used for longer than `max_idle`.
    Idle,
    /// It was never used, for longer than `max_unused`.
    Unused,
    /// It holds more than declared, and the declaration says `on_excess: revoke`.
    OverScoped,
    /// It lies in a managed set and nothing declares it.
    Undeclared,
    /// A person ordered it with the command `revoke`.
    Ordered,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 8] = [
        Self::Absent,
        Self::Expired,
        Self::TooOld,
        Self::Idle,
        Self::Unused,
        Self::OverScoped,
        Self::Undeclared,
        Self::Ordered,
    ];

    /// Its name in files and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Expired => "expired",
            Self::TooOld => "too_old",
            Self::Idle => "idle",
            Self::Unused => "unused",
            Self::OverScoped => "over_scoped",
            Self::Undeclared => "undeclared",
            Self::Ordered => "ordered",
        }
    }

    /// The group in which guards judge it.
    pub fn group(self) -> Group {
        match self {
            Self::Absent | Self::Ordered => Group::Absent,
            Self::Expired | Self::TooOld | Self::Idle | Self::Unused | Self::OverScoped => Group::Due,
            Self::Undeclared => Group::Undeclared,
        }
    }

    /// Whether the passing of time makes it true.
    pub fn is_time_based(self) -> bool {
        matches!(self, Self::Expired | Self::TooOld | Self::Idle | Self::Unused)
    }
}

/// The groups of a target's rows that guards let in or refuse, each whole, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Named in `absent:`, or ordered.
    Absent,
    /// A limit is due.
    Due,
    /// Not declared.
    Undeclared,
}

impl Group {
    /// Its name in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Due => "due",
            Self::Undeclared => "undeclared",
        }
    }
}

/// A limit that a declaration or an `allow` item can set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Must not live beyond this time.
    Expires,
    /// Must not be older.
    MaxAge,
    /// Must have been used within.
    MaxIdle,
    /// Must have been used at all within this time since creation.
    MaxUnused,
    /// Must itself expire within this time from now, at the vendor.
    MustExpireWithin,
}

impl Limit {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expires => "expires",
            Self::MaxAge => "max_age",
            Self::MaxIdle => "max_idle",
            Self::MaxUnused => "max_unused",
            Self::MustExpireWithin => "must_expire_within",
        }
    }
}

/// Whether a change can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reversibility {
    /// The same access can be given back.
    Reversible,
    /// It can come back, but people have to ask again.
    Lossy,
    /// It can never come back: a secret that cannot be issued again.
    Irreversible,
}

impl Reversibility {
    /// Its name in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reversible => "reversible",
            Self::Lossy => "lossy",
            Self::Irreversible => "irreversible",
        }
    }
}
