//! What happened, row by row.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    access::{Cause, Description, Reversibility, Text, holder, title},
    journal::{Outcome, OutcomeKind, RecordBody},
    plan::{Removal, Row, Status, TargetPlan, TargetState},
    wire::{Note, Order},
};

/// How a row ended in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Our removal took effect.
    Done,
    /// The entry was absent already, by whoever's hand.
    Gone,
    /// The system works on it; later runs follow it.
    InFlight,
    /// It is still there, or could not be sent.
    Failed,
    /// Not sent, since the world or the wish changed since the plan.
    Skipped,
    /// Not sent: right before the call it was found that it would open what it controls, or that other runs have sent meanwhile
    /// what all targets together may.
    Blocked,
    /// The system will not do it.
    Refused,
    /// Sent, and only a later reading can tell.
    Unknown,
}

impl End {
    /// Its name in output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Gone => "gone",
            Self::InFlight => "in_flight",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// What makes up for a removal of an earlier run that had no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MadeGood {
    /// This run sent it again, and that took effect or is under way.
    SentAgain,
    /// Nothing asks for the removal any more.
    NotWanted,
}

impl MadeGood {
    /// In words, after the outcome.
    pub fn words(self) -> &'static str {
        match self {
            Self::SentAgain => "sent again in this run, see below",
            Self::NotWanted => "its removal is not wanted any more",
        }
    }
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowOutcome {
    /// The entry's kind.
    pub kind: Text,
    /// The entry's id.
    pub id: Text,
    /// What people call it.
    pub title: String,
    /// Who held it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Text>,
    /// Why it was to go.
    pub cause: Cause,
    /// How it ended.
    pub end: End,
    /// Whether a complete reading after the call agrees with the end.
    pub confirmed: bool,
    /// In words of ours; text of the vendor may be quoted, outputs neutralize it.
    pub detail: String,
    /// Further remarks: until when it may still work, where it can still be reached.
    pub remarks: Vec<String>,
    /// The journal's id of the intent, where one was recorded.
    pub intent: Option<Text>,
    /// Whether it is in flight for longer than the operator allows: reported as a failure.
    pub overdue: bool,
    /// Of an earlier run's removal that had no effect: what made up for it in this run, so that it is no trouble any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_good: Option<MadeGood>,
    /// Whether its outcome is not known only since a later run was due before the settle deadline: no trouble yet.
    #[serde(skip)]
    pub is_early: bool,
    /// Whether it can be undone, where that is known.
    #[serde(skip)]
    pub reversibility: Option<Reversibility>,
    /// What the system has to remember of it, as last recorded.
    #[serde(skip)]
    pub(super) note: Note,
}

impl RowOutcome {
    /// The outcome of a row of the plan.
    pub(super) fn of(removal: Removal<'_>, end: End, detail: impl Into<String>) -> Self {
        let Removal { row, cause, .. } = removal;
        Self {
            kind: row.kind.clone(),
            id: row.id.clone(),
            title: row.title.clone(),
            principal: row.principal.clone(),
            cause,
            end,
            confirmed: false,
            detail: detail.into(),
            remarks: Vec::new(),
            intent: None,
            overdue: false,
            made_good: None,
            is_early: false,
            reversibility: Some(row.reversibility),
            note: Note::Null,
        }
    }

    /// The outcome of an order of an earlier run.
    pub(super) fn of_order(order: &Order, intent: &Text, end: End, detail: impl Into<String>) -> Self {
        let entry = &order.entry;
        Self {
            kind: entry.kind.name.into(),
            id: entry.id.clone(),
            title: title(entry),
            principal: holder(entry),
            cause: order.cause,
            end,
            confirmed: matches!(end, End::Done | End::Gone | End::Failed),
            detail: detail.into(),
            remarks: Vec::new(),
            intent: Some(intent.clone()),
            overdue: false,
            made_good: None,
            is_early: false,
            reversibility: Some(entry.kind.reversibility),
            note: Note::Null,
        }
    }

    /// What a journal tells of an intent of which this outcome is recorded; `None` of a record that is none. `kinds`: those of
    /// the target's system, where it is known.
    pub fn recorded(intent: &RecordBody, outcome: &Outcome, kinds: Option<&Description>) -> Option<Self> {
        let end = match outcome.kind {
            OutcomeKind::Done => End::Done,
            OutcomeKind::Gone => End::Gone,
            OutcomeKind::InFlight => End::InFlight,
            OutcomeKind::Refused => End::Refused,
            OutcomeKind::Failed | OutcomeKind::Untold => End::Failed,
            OutcomeKind::NotSent => End::Skipped,
            OutcomeKind::Unknown => End::Unknown,
        };
        let told = Self::of_intent(intent, end, outcome.detail.clone())?;
        let kind = kinds.and_then(|kinds| kinds.kind_by_name(&told.kind));
        Some(Self { reversibility: kind.map(|kind| kind.reversibility), ..told })
    }

    /// What the record of an intent tells by itself, and how it ended.
    pub(super) fn of_intent(intent: &RecordBody, end: End, detail: String) -> Option<Self> {
        let RecordBody::Intent { intent, id, kind, title, principal, cause, .. } = intent else { return None };
        Some(Self {
            kind: kind.clone(),
            id: id.clone(),
            title: title.clone(),
            principal: principal.clone(),
            cause: *cause,
            end,
            confirmed: matches!(end, End::Gone | End::Failed),
            detail,
            remarks: Vec::new(),
            intent: Some(intent.clone()),
            overdue: false,
            made_good: None,
            is_early: false,
            reversibility: None,
            note: Note::Null,
        })
    }

    /// Whether it counts as applied in part: failed, refused, unknown or too long in flight.
    pub fn is_trouble(&self) -> bool {
        let ended_badly = match self.end {
            End::Failed | End::Refused => true,
            End::Unknown => !self.is_early,
            _ => false,
        };
        self.made_good.is_none() && (self.overdue || ended_badly)
    }
}

/// What became of one target's plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetOutcome {
    /// The target.
    pub target: Text,
    /// What earlier runs had left open, and how it stands now.
    pub resumed: Vec<RowOutcome>,
    /// One outcome for every row that was to be sent, in the plan's order.
    pub rows: Vec<RowOutcome>,
    /// Why the target could not be read back, where it could not.
    pub read_back_failed: Option<String>,
    /// Whether a stop was asked for before every row was sent.
    pub stopped: bool,
    /// Why the journal stopped the sending, where it did.
    pub journal_failed: Option<String>,
}

impl TargetOutcome {
    /// Tells which removals of earlier runs that had no effect are made good: those whose entry this run removed, and, where
    /// `plan` is the whole plan of the target, those that it does not ask for any more. A plan of one order is not the whole
    /// one. What a person ordered stays wanted, whatever the policies say; and so does what may still arrive.
    pub fn make_good(&mut self, plan: Option<&TargetPlan>) {
        let went = |lost: &RowOutcome, row: &RowOutcome| {
            let away = matches!(row.end, End::Done | End::Gone | End::InFlight) && !row.overdue;
            away && row.kind == lost.kind && row.id == lost.id
        };
        for lost in self.resumed.iter_mut().filter(|lost| lost.end == End::Failed) {
            let wanted = |plan: &TargetPlan| {
                let of_it = |row: &&Row| row.kind == lost.kind && row.id == lost.id;
                plan.rows.iter().filter(of_it).any(|row| matches!(row.status, Status::Change | Status::Held))
            };
            let dropped = lost.confirmed
                && lost.cause != Cause::Ordered
                && plan.is_some_and(|plan| plan.state == TargetState::Planned && !wanted(plan));
            if self.rows.iter().any(|row| went(lost, row)) {
                lost.made_good = Some(MadeGood::SentAgain);
            } else if dropped {
                lost.made_good = Some(MadeGood::NotWanted);
            }
        }
    }

    /// How many rows ended so.
    pub fn count(&self, end: End) -> usize {
        self.rows.iter().filter(|row| row.end == end).count()
    }
}
