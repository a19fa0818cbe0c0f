//! A plan as plain data: what is shown, saved, approved and carried out. Nothing is left to decide while applying.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{GuardRefusal, Hold, HoldName};
use crate::access::{Action, Cause, Evidence, Fingerprint, Group, Reversibility, Text};

/// The version of the plan document.
pub const PLAN_VERSION: u32 = 1;

/// The plan of a run: one part a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The document's version, 1.
    pub version: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// The commit of the policies, with a Git source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Text>,
    /// Every problem of every file; a target on which one bears is blocked.
    #[serde(default)]
    pub problems: Vec<FileProblem>,
    /// The targets in order of name.
    pub targets: Vec<TargetPlan>,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileProblem {
    /// The file as shown.
    pub file: String,
    /// The line, from 1; 0 where it is the whole file.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong, one sentence.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// The plan of one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetPlan {
    /// The target's name.
    pub target: Text,
    /// Its system.
    pub system: Text,
    /// Whether there is a plan at all.
    pub state: TargetState,
    /// The account as the reading told it, or the operator's label.
    pub account: Option<Text>,
    /// The reading it was made from.
    pub reading: Option<ReadingSummary>,
    /// Digest of the declarations that bear on this target.
    pub policy_digest: Text,
    /// Digest over what was read.
    pub snapshot_digest: Text,
    /// Digest over the typed effects: what would be sent, and what is held.
    pub digest: Text,
    /// Changes, held rows and findings, in a fixed order.
    pub rows: Vec<Row>,
    /// Guards that refused a group of rows, or the whole target.
    pub refusals: Vec<GuardRefusal>,
    /// Numbers for the summary.
    pub counts: Counts,
    /// What a reader has to know and that is no row.
    pub remarks: Vec<String>,
    /// Whether no journal was read, so that nobody knows which rows held by notice go at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub past_unread: bool,
}

/// Whether a target could be planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum TargetState {
    /// It could.
    Planned,
    /// Its reading failed; nothing is concluded.
    Unreadable {
        /// What happened.
        what: String,
        /// What to do.
        advice: Option<String>,
    },
    /// A policy file that bears on it is broken, or it has none.
    Blocked {
        /// Why.
        what: String,
    },
}

/// The reading behind a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadingSummary {
    /// The first answer.
    pub started_at: Timestamp,
    /// The last answer.
    pub finished_at: Timestamp,
    /// The snapshot file it came from, where it was no live reading.
    pub from_file: Option<String>,
    /// How it proves that it is whole.
    pub evidence: Evidence,
}

/// Numbers for the summary.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counts {
    /// Live entries.
    pub live: u32,
    /// Declarations.
    pub declarations: u32,
    /// Live entries that are declared.
    pub declared: u32,
    /// Live entries that an `allow` item covers.
    pub allowed: u32,
    /// Live entries in some managed set.
    pub managed: u32,
    /// Live entries that nothing speaks of: not declared, not allowed, in no set, outside every selector.
    pub unmanaged: u32,
    /// Changes that would be sent.
    pub changes: u32,
    /// Rows that would be sent if share and count let all of them: the number to state.
    #[serde(default)]
    pub meant: u32,
    /// Held rows.
    pub held: u32,
    /// Findings.
    pub findings: u32,
    /// Dead entries, shown but not counted as live.
    pub dead: u32,
}

/// A line of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Whether it will be sent, is held, or is only told.
    pub status: Status,
    /// The kind's name.
    pub kind: Text,
    /// The entry's id; for a missing declaration its key.
    pub id: Text,
    /// What people call it: label or natural key, one line.
    pub title: String,
    /// Who holds it.
    pub principal: Option<Text>,
    /// What would be done; absent for findings.
    pub action: Option<Action>,
    /// Why; absent for findings.
    pub cause: Option<Cause>,
    /// What is told; absent for changes and held rows.
    pub finding: Option<FindingKind>,
    /// The reason that goes to the system and the journal, at most 255 bytes.
    pub reason: String,
    /// The same for people: what decided it, with numbers and dates.
    pub why: String,
    /// The policy line it comes from, or the managed set that covers it.
    pub origin: Option<Origin>,
    /// What holds it, the first that fits first.
    pub holds: Vec<Hold>,
    /// Whether it can be undone.
    pub reversibility: Reversibility,
    /// Whether it is in flight for longer than `max_in_flight`: a failure for commands that send.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overdue: bool,
    /// When it came due, where time alone made it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// How many people it reaches.
    pub weight: u32,
    /// The entry's fingerprint; absent where there is no entry.
    #[schemars(with = "Option<String>")]
    pub fingerprint: Option<Fingerprint>,
    /// Its natural key as one text, for fights.
    pub natural_key: Text,
    /// The policy files that it counts against in the share guard.
    pub files: Vec<Text>,
    /// Digest of what the policies say of it; a refusal stands until this changes.
    pub said: Text,
    /// Further remarks, one line each.
    pub remarks: Vec<String>,
    /// The live entry as YAML lines, for the diff. Empty where there is none.
    pub live: String,
    /// What is declared as YAML lines, for the diff. Empty where nothing is.
    pub declared: String,
}

impl Row {
    /// Whether it tells of a declaration that nothing live fulfils.
    pub fn is_unfulfilled(&self) -> bool {
        match self.finding {
            Some(FindingKind::Missing | FindingKind::Differs) => true,
            Some(FindingKind::Dead) => self.origin.is_some(),
            _ => false,
        }
    }

    /// Whether it tells of a dead entry that no declaration names: there can be many, and nobody has to do anything.
    pub fn is_quiet(&self) -> bool {
        self.finding == Some(FindingKind::Dead) && self.origin.is_none()
    }

    /// Whether nothing but its notice holds it.
    pub fn is_held_by_notice_alone(&self) -> bool {
        self.status == Status::Held && self.holds.iter().all(|hold| hold.name == HoldName::Notice)
    }

    /// What is removed by it, and why: every change and every held row has one, no finding has.
    pub fn removal(&self) -> Option<Removal<'_>> {
        let (Some(action), Some(cause), Some(fingerprint)) = (self.action, self.cause, self.fingerprint) else {
            return None;
        };
        (self.status != Status::Finding).then_some(Removal { row: self, action, cause, fingerprint })
    }

    /// Whether a saved plan with this row lets it go: as a change, or held by its notice, which a reviewed one need not wait for.
    pub fn is_bound(&self) -> bool {
        self.status == Status::Change || self.is_held_by_notice_alone()
    }

    /// The group in which guards judge it.
    pub fn group(&self) -> Option<Group> {
        self.cause.map(Cause::group)
    }
}

/// A row that removes something, with what such a row always has.
#[derive(Debug, Clone, Copy)]
pub struct Removal<'a> {
    /// The row.
    pub row: &'a Row,
    /// What is done.
    pub action: Action,
    /// Why.
    pub cause: Cause,
    /// The fingerprint of the entry as read.
    pub fingerprint: Fingerprint,
}

/// Whether a row will be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A change: it will be sent.
    Change,
    /// It would go, and something named holds it.
    Held,
    /// Nothing to do.
    Finding,
}

/// What a finding tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Declared, and no entry matches, live or dead.
    Missing,
    /// Less than declared, or otherwise different.
    Differs,
    /// More than declared, and the declaration does not say to revoke. Out of sync.
    OverScoped,
    /// Shares the natural key of a declared entry, and nothing would remove it. Out of sync.
    Duplicate,
    /// Past the vendor's expiry, already revoked, ended. With an origin where it is declared.
    Dead,
    /// A removal is under way.
    InFlight,
    /// The same natural key went and came back too often.
    Fight,
}

impl FindingKind {
    /// Its name in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Differs => "differs",
            Self::OverScoped => "over_scoped",
            Self::Duplicate => "duplicate",
            Self::Dead => "dead",
            Self::InFlight => "in_flight",
            Self::Fight => "fight",
        }
    }
}

/// Where a row comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// The policy file.
    pub file: String,
    /// The line; 0 where it is not known any more.
    pub line: u32,
    /// What stands there.
    pub what: OriginKind,
}

/// What stands at an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OriginKind {
    /// A declaration.
    Declaration,
    /// An `absent:` item.
    Absent,
    /// An `allow` item.
    Allow,
    /// The managed set that covers the entry.
    ManagedSet,
}

/// The part of a saved row that has to be the same for it to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket {
    /// The kind's name.
    pub kind: Text,
    /// The entry's id.
    pub id: Text,
    /// The fingerprint.
    pub fingerprint: Option<Fingerprint>,
    /// The action.
    pub action: Option<Action>,
    /// The cause.
    pub cause: Option<Cause>,
}

impl Row {
    /// What identifies this row in a saved plan.
    pub fn ticket(&self) -> Ticket {
        Ticket {
            kind: self.kind.clone(),
            id: self.id.clone(),
            fingerprint: self.fingerprint,
            action: self.action,
            cause: self.cause,
        }
    }
}

impl TargetPlan {
    /// The rows that will be sent.
    pub fn changes(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.status == Status::Change)
    }

    /// No change, nothing held, nothing more than declared.
    pub fn in_sync(&self) -> bool {
        self.state == TargetState::Planned
            && self.rows.iter().all(|row| match row.status {
                Status::Change | Status::Held => false,
                Status::Finding => !matches!(row.finding, Some(FindingKind::OverScoped | FindingKind::Duplicate)),
            })
    }
}
