//! The guards that refuse a group of rows, or a whole target, by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A guard that refused a group of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GuardRefusal {
    /// The guard.
    pub guard: Guard,
    /// What it refused: a group, a kind, a file.
    pub over: String,
    /// The figure.
    pub figure: String,
    /// The limit.
    pub limit: String,
    /// The exact way on.
    pub way_on: String,
    /// Whether it counts for exit code 3.
    pub counts: bool,
}

/// The names of the guards that refuse groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// The number that a person stated is not the number that would go.
    StatedNumber,
    /// Entries and declarations of a kind exist, and none match.
    NoOverlap,
    /// A set that nothing speaks of, or that would be left without any entry.
    AllowEmpty,
    /// Too large a share of the entries would go.
    Share,
    /// Too many of one target would go.
    Count,
    /// Too many of all targets together would go.
    CountTotal,
    /// Which entry is the own credential is not known.
    OwnUnknown,
    /// The policies are not those of the saved plan.
    PolicyDigest,
    /// The saved plan was carried out before.
    UsedUp,
}

impl Guard {
    /// Its name in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::StatedNumber => "stated_number",
            Self::NoOverlap => "no_overlap",
            Self::AllowEmpty => "allow_empty",
            Self::Share => "share",
            Self::Count => "count",
            Self::CountTotal => "count_total",
            Self::OwnUnknown => "own_unknown",
            Self::PolicyDigest => "policy_digest",
            Self::UsedUp => "used_up",
        }
    }

    /// Whether it tells that a reading or a set is not what it was: then nothing more is sent by it, other groups included.
    pub fn stops_everything(self) -> bool {
        match self {
            Self::NoOverlap | Self::AllowEmpty | Self::OwnUnknown => true,
            Self::StatedNumber | Self::Share | Self::Count | Self::CountTotal | Self::PolicyDigest | Self::UsedUp => {
                false
            }
        }
    }

    /// Whether a number announced for the target passes it.
    pub fn yields_to_a_number(self) -> bool {
        match self {
            Self::Share | Self::Count => true,
            // The number of one target alone does not lift what holds for all.
            Self::CountTotal => false,
            Self::StatedNumber
            | Self::NoOverlap
            | Self::AllowEmpty
            | Self::OwnUnknown
            | Self::PolicyDigest
            | Self::UsedUp => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Guard;

    #[test]
    fn documents_know_guards_by_their_names_and_no_others() {
        for name in [
            "stated_number",
            "no_overlap",
            "allow_empty",
            "share",
            "count",
            "count_total",
            "own_unknown",
            "policy_digest",
            "used_up",
        ] {
            let guard: Guard = serde_json::from_value(name.into()).unwrap();
            assert_eq!((guard.name(), serde_json::to_value(guard).unwrap()), (name, name.into()));
        }
        let error = serde_json::from_value::<Guard>("quota".into()).unwrap_err().to_string();
        assert!(error.contains("quota") && error.contains("own_unknown"), "{error}");
    }
}
