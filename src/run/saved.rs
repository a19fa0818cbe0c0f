//! A saved plan: read back, found used up, and settled.
//!
//! A saved plan is only an upper bound. Everything is computed anew; what the file does not hold is not sent.

use std::collections::HashSet;

use crate::{
    access::{Entry, Hasher, Snapshot, Text},
    apply::{End, TargetOutcome},
    plan::{
        self, Guard, GuardRefusal, Hold, HoldName, PLAN_VERSION, Plan, Row, Status, TargetPlan, Ticket, render::count,
    },
};

/// The largest saved plan, in bytes.
pub const MAX_PLAN_BYTES: usize = 512 * 1024 * 1024;

/// Why a saved plan cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedPlanError {
    /// Too large.
    #[error("the saved plan is larger than {MAX_PLAN_BYTES} bytes")]
    TooLarge,
    /// Not a plan.
    #[error("this is no plan that this version saved: {0}")]
    NoPlan(String),
    /// Of another version.
    #[error("the saved plan has version {0}, this binary reads version {PLAN_VERSION}; make a new one")]
    Version(u32),
    /// Names a target twice.
    #[error("the saved plan names target `{0}` twice")]
    Twice(Text),
}

/// Reads a saved plan.
///
/// # Errors
/// [`SavedPlanError`].
pub fn parse(bytes: &[u8]) -> Result<Plan, SavedPlanError> {
    if bytes.len() > MAX_PLAN_BYTES {
        return Err(SavedPlanError::TooLarge);
    }
    #[derive(serde::Deserialize)]
    struct Head {
        version: u32,
    }
    let head: Head = serde_json::from_slice(bytes).map_err(|error| SavedPlanError::NoPlan(error.to_string()))?;
    if head.version != PLAN_VERSION {
        return Err(SavedPlanError::Version(head.version));
    }
    let plan: Plan = serde_json::from_slice(bytes).map_err(|error| SavedPlanError::NoPlan(error.to_string()))?;
    let mut names = HashSet::new();
    match plan.targets.iter().find(|target| !names.insert(&target.target)) {
        Some(twice) => Err(SavedPlanError::Twice(twice.target.clone())),
        None => Ok(plan),
    }
}

/// What identifies one target's part of a saved plan in the journal. The time it was made belongs to it: a later plan of the
/// same rows is another plan.
pub fn digest(plan: &Plan, target: &TargetPlan) -> Text {
    let mut hasher = Hasher::new("saved plan");
    hasher.text(&plan.made_at.to_string()).text(&target.target).text(&target.digest);
    hasher.finish_hex().into()
}

/// Holds every change of a plan whose saved plan is used up: its entries live again, and nobody reviewed that.
pub fn hold_used_up(plan: &mut TargetPlan) {
    let mut again = 0_u64;
    for row in plan.rows.iter_mut().filter(|row| row.status == Status::Change) {
        row.status = Status::Held;
        row.holds.push(Hold {
            name: HoldName::Ceiling,
            why: "the saved plan is used up, and the entry lives again".into(),
            way_on: Some("make and review a new plan".into()),
        });
        again += 1;
    }
    if again > 0 {
        plan.refusals.push(GuardRefusal {
            guard: Guard::UsedUp,
            over: "all rows".into(),
            figure: format!(
                "{} again after the saved plan was carried out",
                count(again, "entry lives", "entries live")
            ),
            limit: "a saved plan is carried out once".into(),
            way_on: "make and review a new plan".into(),
            counts: true,
        });
        plan::finish(plan);
    }
}

/// The rows that the saved plan lets go: what it would send, and what it holds by notice, which a reviewed one need not wait for.
fn bound(saved: &TargetPlan) -> impl Iterator<Item = &Row> {
    saved.rows.iter().filter(|row| row.is_bound())
}

/// Whether the saved plan lets anything go at all.
pub fn binds(saved: &TargetPlan) -> bool {
    bound(saved).next().is_some()
}

/// Whether every row of the saved plan is settled: carried out now, or not to be sent any more.
pub fn is_settled(saved: &TargetPlan, now: &TargetPlan, outcome: &TargetOutcome) -> bool {
    let bound: HashSet<Ticket> = bound(saved).map(Row::ticket).collect();
    let ended: HashSet<(&Text, &Text)> = outcome
        .rows
        .iter()
        .filter(|ended| matches!(ended.end, End::Done | End::Gone))
        .map(|ended| (&ended.kind, &ended.id))
        .collect();
    let done = |row: &Row| ended.contains(&(&row.kind, &row.id));
    now.rows
        .iter()
        .filter(|row| row.status != Status::Finding && bound.contains(&row.ticket()))
        .all(|row| row.status == Status::Change && done(row))
}

/// What to tell where no row of the saved plan has a live entry any more; nothing where one has.
pub fn all_done(saved: &TargetPlan, snapshot: &Snapshot) -> Option<String> {
    let rows: HashSet<(&str, &str)> = bound(saved).map(|row| (row.kind.as_str(), row.id.as_str())).collect();
    let lives = |entry: &Entry| entry.is_live() && rows.contains(&(entry.kind.name, entry.id.as_str()));
    if rows.is_empty() || snapshot.entries.iter().any(lives) {
        return None;
    }
    let rows = count(rows.len() as u64, "row", "rows");
    Some(format!(
        "{}: all of the saved plan, {rows}, is done already or under way; nothing is left to send",
        saved.target
    ))
}
