//! What can hold a row, by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What holds a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// Its name.
    pub name: HoldName,
    /// Why it holds, with figures.
    pub why: String,
    /// The exact way on.
    pub way_on: Option<String>,
}

/// The names of what can hold a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldName {
    /// It is Portcullis' own credential, or its pipeline's.
    Own,
    /// The operator protects it.
    Protected,
    /// Its removal would open what it controls.
    Widening,
    /// Its id last matched a declaration that now matches nothing, or one that matches nothing differs from it only in letter
    /// case, in the form of its letters, or in what stands beside its id.
    MaybeRenamed,
    /// A declaration that could mean it, or what it holds, has a name that resolves to nothing or to several; or something that
    /// keeps entries (`own`, `protected`, `except`, `allow`, `holds`) could mean it, and nothing tells.
    Unresolved,
    /// It shares a declared entry's natural key.
    Duplicate,
    /// Removing it would remove an entry of the same holder along with it that stays.
    Implied,
    /// Its owner is null where the journal knows one.
    OwnerUnknown,
    /// It may be the token in use.
    TokenManager,
    /// The system refused it before.
    Refused,
    /// Its kind is not enforced.
    Observe,
    /// The files that bear on its target are broken.
    BadTree,
    /// Its notice has not run out.
    Notice,
    /// Too few would remain.
    Floor,
    /// The clock is off.
    Clock,
    /// A freeze window.
    Freeze,
    /// A `holds:` item.
    Hold,
    /// Its group was refused.
    Ceiling,
    /// It came back too often, and people carry removals out: asked for at most once a day.
    Fights,
    /// The saved plan does not hold this row.
    NotInPlan,
}

impl HoldName {
    /// Its name in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Protected => "protected",
            Self::Widening => "widening",
            Self::MaybeRenamed => "maybe_renamed",
            Self::Unresolved => "unresolved",
            Self::Duplicate => "duplicate",
            Self::Implied => "implied",
            Self::OwnerUnknown => "owner_unknown",
            Self::TokenManager => "token_manager",
            Self::Refused => "refused",
            Self::Observe => "observe",
            Self::BadTree => "bad_tree",
            Self::Notice => "notice",
            Self::Floor => "floor",
            Self::Clock => "clock",
            Self::Freeze => "freeze",
            Self::Hold => "hold",
            Self::Ceiling => "ceiling",
            Self::Fights => "fights",
            Self::NotInPlan => "not_in_plan",
        }
    }
}
