//! What stands on the board, as plain data.

use std::{ops::Deref, sync::Arc};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::Tally;
use crate::{
    access::{Cause, Text},
    plan::{FileProblem, FindingKind, GuardRefusal, TargetPlan, Upcoming},
};

/// Rows of a target that are kept to be shown; the counts tell all of them.
pub const MAX_SHOWN_ROWS: usize = 2_000;

/// Where the policies come from, and whether they load.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct SourceView {
    /// The directory or the repository, without credentials.
    pub place: String,
    /// The commit that runs are pinned to, with a Git source.
    pub commit: Option<Text>,
    /// The ref that it is on.
    pub git_ref: Option<Text>,
    /// When a tree was last loaded by which any target can be planned; absent where none was since the daemon began.
    pub loaded_at: Option<Timestamp>,
    /// Why the source itself cannot be read, where it cannot.
    pub failing: Option<TreeProblem>,
    /// Every problem of the files as they are now.
    pub problems: Vec<FileProblem>,
    /// Since when there are problems.
    pub bad_since: Option<Timestamp>,
    /// Whether an `expires` of a last good tree may still act while the files have problems or cannot be taken: not where none
    /// is known to be as it was, as after a start on broken files or where a head was seen and not taken.
    pub still_acts: bool,
    /// Why the system does not tell of changed files, where it does not: then they are looked for again and again.
    pub polling: Option<String>,
}

/// How the listener stands to its configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ListenerView {
    /// What of the configuration is not in force, and what to do: a secret that cannot be had, an address that needs a restart.
    pub problems: Vec<String>,
}

/// Why a source cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TreeProblem {
    /// Since when.
    pub since: Timestamp,
    /// What happened, without credentials.
    pub what: String,
    /// What to do.
    pub advice: String,
}

/// All writing is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pause {
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// Until when, where it ends by itself.
    pub until: Option<Timestamp>,
    /// Why: what the person said, or which switch stops it.
    pub because: String,
}

/// A freeze window that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Freeze {
    /// The target whose window it is; none where it is one of all targets.
    pub target: Option<Text>,
    /// The window as it is configured: when it begins, for how long, in which time zone.
    pub window: String,
    /// When it ends.
    pub until: Timestamp,
}

impl Freeze {
    /// Whether it freezes this target.
    pub fn bears_on(&self, target: &Text) -> bool {
        self.target.as_ref().is_none_or(|own| own == target)
    }
}

/// The journal's state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JournalView {
    /// Where it is; `ephemeral` where it does not last.
    pub place: String,
    /// Why nothing can be recorded, and so nothing is sent, where that is so.
    pub failing: Option<String>,
}

/// One target, as last looked at. Its JSON is short: what is skipped has documents of its own.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TargetView {
    /// Its name.
    pub target: Text,
    /// Its system.
    pub system: Text,
    /// In one word.
    pub health: Health,
    /// Why, for a person: what failed, what blocks.
    pub why: Option<String>,
    /// What to do.
    pub advice: Option<String>,
    /// The newest plan that a look came to, see [`TargetView::show`].
    #[serde(skip)]
    pub plan: Option<Arc<ShownPlan>>,
    /// How many rows were cut off.
    #[serde(skip)]
    pub rows_left_out: usize,
    /// The numbers of all its rows.
    pub tally: Tally,
    /// What time will bring, the earliest first.
    #[serde(skip)]
    pub upcoming: Vec<Upcoming>,
    /// The changes of the last run that sent something, and how each ended; those of runs before the start that were cut off
    /// stand beside the first.
    #[serde(skip)]
    pub ended: Vec<Ended>,
    /// When the last look ended.
    pub looked_at: Option<Timestamp>,
    /// When the last complete reading ended: the age of what is shown.
    pub read_at: Option<Timestamp>,
    /// When it was last seen to be in sync.
    pub in_sync_at: Option<Timestamp>,
    /// Since when a run is under way.
    pub running_since: Option<Timestamp>,
    /// When it is looked at next, unless something happens.
    pub next_look: Option<Timestamp>,
    /// Failed looks in a row.
    pub failures: u32,
    /// The commit of the last look.
    pub commit: Option<Text>,
    /// Which kinds are enforced, by their list names.
    pub enforced: Vec<Text>,
    /// Calls made in the last run.
    pub calls: u64,
    /// What the vendor says is left of its rate, where it says so.
    pub calls_left: Option<u64>,
}

/// A plan that is shown. Looks that make none leave it as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownPlan {
    /// When it was made.
    pub made_at: Timestamp,
    /// The commit that it was made by, with a Git source.
    pub revision: Option<Text>,
    /// The plan; its rows cut to [`MAX_SHOWN_ROWS`].
    pub part: TargetPlan,
}

impl Deref for ShownPlan {
    type Target = TargetPlan;

    fn deref(&self) -> &TargetPlan {
        &self.part
    }
}

/// How a row ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// The entry's kind.
    pub kind: Text,
    /// The entry's id.
    pub id: Text,
    /// What people call it.
    pub title: String,
    /// Why it was to go.
    pub cause: Cause,
    /// How it ended: `done`, `gone`, `in_flight`, `failed`, `skipped`, `blocked`, `refused`, `unknown`.
    pub end: Text,
    /// In words.
    pub detail: String,
}

/// A target's state in one word, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Its reading failed; what is shown is old.
    Unreadable,
    /// A file that bears on it is broken: it is reported, nothing goes.
    Blocked,
    /// A guard refused, or a change failed.
    Refused,
    /// Out of sync: something will go, or is held.
    OutOfSync,
    /// In sync.
    InSync,
    /// Not looked at yet.
    Starting,
}

impl TargetView {
    /// A target that was not looked at yet.
    pub fn starting(target: Text, system: Text) -> Self {
        Self {
            target,
            system,
            health: Health::Starting,
            why: None,
            advice: None,
            plan: None,
            rows_left_out: 0,
            tally: Tally::default(),
            upcoming: Vec::new(),
            ended: Vec::new(),
            looked_at: None,
            read_at: None,
            in_sync_at: None,
            running_since: None,
            next_look: None,
            failures: 0,
            commit: None,
            enforced: Vec::new(),
            calls: 0,
            calls_left: None,
        }
    }

    /// The guards that refused in the last plan.
    pub fn refusals(&self) -> &[GuardRefusal] {
        self.plan.as_ref().map_or(&[], |plan| &plan.refusals)
    }

    /// Shows a plan: counts its rows, and keeps the most telling [`MAX_SHOWN_ROWS`] of them: changes, then held rows, then
    /// findings, dead entries last. `made_at`, `revision`: when it was made, and by which commit.
    pub fn show(&mut self, mut plan: TargetPlan, made_at: Timestamp, revision: Option<Text>) {
        self.tally = Tally::of(&plan);
        self.rows_left_out = plan.rows.len().saturating_sub(MAX_SHOWN_ROWS);
        if self.rows_left_out > 0 {
            plan.rows.sort_by_key(|row| (row.status, row.finding == Some(FindingKind::Dead)));
            plan.rows.truncate(MAX_SHOWN_ROWS);
            plan.rows.shrink_to_fit();
        }
        self.plan = Some(Arc::new(ShownPlan { made_at, revision, part: plan }));
    }
}

impl Health {
    /// Every state, the worst first.
    pub const ALL: [Self; 6] =
        [Self::Unreadable, Self::Blocked, Self::Refused, Self::OutOfSync, Self::InSync, Self::Starting];

    /// Its name in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::OutOfSync => "out_of_sync",
            Self::InSync => "in_sync",
            Self::Starting => "starting",
        }
    }
}
