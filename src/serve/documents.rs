//! The documents of the JSON API. Their schemas are in `GET /v1/openapi.json`, generated from these types.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Board, Ended, Freeze, Health, JournalView, ListenerView, Pause, ShownPlan, SourceView, TargetView, tally::total,
};
use crate::{
    access::Text,
    journal::Record,
    plan::{Counts, FileProblem, GuardRefusal, PLAN_VERSION, ReadingSummary, TargetPlan, Upcoming},
};

/// The version of the documents here but the plan's, which has its own.
pub const API_VERSION: u32 = 1;

/// `GET /v1/state`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StateDocument {
    /// The document's version, 1.
    pub version: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// When the daemon began.
    pub started_at: Timestamp,
    /// Where the policies come from, and whether they load.
    pub source: SourceView,
    /// Why nothing is sent, where all writing is stopped.
    pub pause: Option<Pause>,
    /// The freeze windows that are open.
    pub freezes: Vec<Freeze>,
    /// The journal.
    pub journal: JournalView,
    /// What of the listener's configuration is not in force.
    pub listener: ListenerView,
    /// Sums over the targets.
    pub totals: Totals,
    /// The targets by name.
    pub targets: Vec<TargetBrief>,
}

/// Sums over targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// Targets.
    pub targets: u64,
    /// Targets by state.
    pub by_health: BTreeMap<String, u64>,
    /// Changes that will be sent.
    pub changes: u64,
    /// Held rows.
    pub held: u64,
    /// Guards that refuse.
    pub refusals: u64,
}

/// A target in short.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TargetBrief {
    /// What is shown of it.
    #[serde(flatten)]
    pub view: Arc<TargetView>,
    /// Guards that refuse.
    pub refusals: Vec<GuardRefusal>,
}

/// `GET /v1/targets/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct TargetDocument {
    /// The document's version, 1.
    pub version: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// The same as in the state.
    #[serde(flatten)]
    pub brief: TargetBrief,
    /// The freeze windows that are open for it.
    pub freezes: Vec<Freeze>,
    /// The account, as the reading told it.
    pub account: Option<Text>,
    /// The reading behind the plan.
    pub reading: Option<ReadingSummary>,
    /// Numbers of entries and declarations.
    pub counts: Option<Counts>,
    /// Rows of the plan that `GET /v1/targets/{name}/plan` leaves out.
    pub rows_left_out: usize,
    /// What a reader has to know besides.
    pub remarks: Vec<String>,
    /// What time will bring, the earliest first.
    pub upcoming: Vec<Upcoming>,
    /// The changes of the last run that sent something, and how each ended; those of runs before the start that were cut off
    /// stand beside the first.
    pub ended: Vec<Ended>,
}

/// `GET /v1/targets/{name}/plan`: the plan document, of one target.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlanDocument {
    /// The version of the plan document.
    pub version: u32,
    /// When the plan was made.
    pub made_at: Timestamp,
    /// The commit of the policies, with a Git source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<Text>,
    /// Rows that are left out; 0 where it is whole.
    pub rows_left_out: usize,
    /// Every problem of every file as they are now.
    pub problems: Vec<FileProblem>,
    /// The one target.
    pub targets: Vec<TargetPlan>,
}

/// `GET /v1/journal`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct JournalDocument {
    /// The document's version, 1.
    pub version: u32,
    /// The newest records that fit, in the order of the chain.
    pub records: Vec<Record>,
    /// Whether there may be older ones that fit.
    pub more: bool,
}

/// The body of `POST /v1/reconcile`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconcileRequest {
    /// The targets to look at; all where none is named.
    #[serde(default)]
    pub targets: Vec<Text>,
}

/// The answer of `POST /v1/reconcile` and of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ReconcileDocument {
    /// The document's version, 1.
    pub version: u32,
    /// The targets that will be looked at.
    pub targets: Vec<Text>,
}

/// The body of `POST /v1/pause`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseRequest {
    /// Why, for the others.
    #[schemars(length(min = 1, max = 500))]
    pub because: String,
    /// Until when; until it is taken back where left out.
    #[serde(default)]
    pub until: Option<Timestamp>,
}

/// The body of `POST /v1/resume`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResumeRequest {}

/// The answer of `POST /v1/pause` and `POST /v1/resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PauseDocument {
    /// The document's version, 1.
    pub version: u32,
    /// What stops all writing now; absent where nothing does. A stop file and the environment are not taken back here.
    pub pause: Option<Pause>,
}

impl StateDocument {
    pub(super) fn of(board: &Board, now: Timestamp) -> Self {
        let targets: Vec<TargetBrief> = board.targets().into_values().map(TargetBrief::of).collect();
        Self {
            version: API_VERSION,
            made_at: now,
            started_at: board.started(),
            source: board.source(),
            pause: board.pause(),
            freezes: board.freezes(),
            journal: board.journal(),
            listener: board.listener(),
            totals: Totals::of(&targets),
            targets,
        }
    }
}

impl Totals {
    fn of(targets: &[TargetBrief]) -> Self {
        let mut by_health: BTreeMap<String, u64> =
            Health::ALL.iter().map(|health| (health.name().to_owned(), 0)).collect();
        for brief in targets {
            *by_health.entry(brief.view.health.name().to_owned()).or_default() += 1;
        }
        Self {
            targets: targets.len() as u64,
            by_health,
            changes: targets.iter().map(|brief| total(&brief.view.tally.changes)).sum(),
            held: targets.iter().map(|brief| total(&brief.view.tally.held)).sum(),
            refusals: targets.iter().map(|brief| brief.refusals.len() as u64).sum(),
        }
    }
}

impl TargetBrief {
    fn of(view: Arc<TargetView>) -> Self {
        Self { refusals: view.refusals().to_vec(), view }
    }
}

impl TargetDocument {
    pub(super) fn of(view: &Arc<TargetView>, board: &Board, now: Timestamp) -> Self {
        let plan = view.plan.as_deref();
        Self {
            version: API_VERSION,
            made_at: now,
            brief: TargetBrief::of(Arc::clone(view)),
            freezes: board.freezes().into_iter().filter(|freeze| freeze.bears_on(&view.target)).collect(),
            account: plan.and_then(|plan| plan.account.clone()),
            reading: plan.and_then(|plan| plan.reading.clone()),
            counts: plan.map(|plan| plan.counts.clone()),
            rows_left_out: view.rows_left_out,
            remarks: plan.map(|plan| plan.remarks.clone()).unwrap_or_default(),
            upcoming: view.upcoming.clone(),
            ended: view.ended.clone(),
        }
    }
}

impl PlanDocument {
    pub(super) fn of(board: &Board, view: &TargetView) -> Option<Self> {
        let ShownPlan { made_at, revision, part } = view.plan.as_deref()?.clone();
        Some(Self {
            version: PLAN_VERSION,
            made_at,
            revision,
            rows_left_out: view.rows_left_out,
            problems: board.source().problems,
            targets: vec![part],
        })
    }
}
