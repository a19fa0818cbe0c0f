//! From what a look came to, to what is shown and told of its target. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    News,
    schedule::Went,
    telling::{Seen, told_at},
};
use crate::{
    access::Text,
    apply::{End, RowOutcome, TargetOutcome},
    config::Target,
    plan::{Guard, GuardRefusal, OnlyExpired, Plan, TargetPlan, TargetState, Upcoming},
    run::{FIRST_READINGS, RunError, RunReport},
    serve::{Ended, Health, TargetView},
};

/// A look that ended.
pub(super) struct Looked<'a> {
    pub(super) target: &'a Target,
    pub(super) result: &'a Result<RunReport, RunError>,
    /// Why the target is held by the last good tree, where it is.
    pub(super) held: Option<&'a OnlyExpired>,
    /// Whether all writing is stopped by a switch.
    pub(super) stopped: bool,
    pub(super) commit: Option<Text>,
    pub(super) ended_at: Timestamp,
}

/// What is shown and told of it.
pub(super) struct Published {
    pub(super) view: TargetView,
    pub(super) news: Vec<News>,
    pub(super) went: Went,
    /// When something comes due next.
    pub(super) due: Option<Timestamp>,
    /// `complete`, `partial` or `failed`, for the meters.
    pub(super) result: &'static str,
    /// Guards that refused, and had not in the look before.
    pub(super) refused_anew: Vec<Text>,
}

/// A target that was not looked at yet.
pub(super) fn starting(target: &Target) -> TargetView {
    TargetView {
        enforced: enforced(target),
        ..TargetView::starting(target.name.clone(), target.description.system.into())
    }
}

fn enforced(target: &Target) -> Vec<Text> {
    target.enforce.iter().map(|kind| kind.list.into()).collect()
}

/// What a look changes of what is shown, and what is told of it.
pub(super) fn publish(before: &TargetView, looked: &Looked<'_>) -> Published {
    let mut view = TargetView {
        why: None,
        advice: None,
        looked_at: Some(looked.ended_at),
        commit: looked.commit.clone(),
        enforced: enforced(looked.target),
        system: looked.target.description.system.into(),
        ..before.clone()
    };
    let report = match looked.result {
        Ok(report) => report,
        Err(error) => {
            (view.health, view.why) = (Health::Unreadable, Some(error.to_string()));
            let news = Seen { before, view: &view, report: None, part: None, outcome: None, looked }.news();
            let due = next_due(&view.upcoming, Timestamp::MIN);
            return Published { view, news, went: Went::Failed, due, result: "failed", refused_anew: Vec::new() };
        }
    };
    let part = report.plan.iter().flat_map(|plan| &plan.targets).find(|part| part.target == looked.target.name);
    let outcome = report.outcomes.iter().find(|outcome| outcome.target == looked.target.name);
    if let Some(usage) = report.usage.get(&looked.target.name) {
        view.calls = usage.requests;
        view.calls_left = usage.remaining.and_then(|left| u64::try_from(left).ok());
    }
    let mut refused_anew = Vec::new();
    if let Some(part) = part {
        refused_anew = anew(before, &part.refusals);
        show(&mut view, part, report, looked);
    }
    if let Some(error) = report.errors.first() {
        (view.health, view.why) = (Health::Refused, Some(error.clone()));
    }
    let rows = || outcome.iter().flat_map(|outcome| outcome.resumed.iter().chain(&outcome.rows));
    if rows().next().is_some() {
        let known: BTreeSet<_> = rows().map(|row| (&row.kind, &row.id)).collect();
        // What looks of before ended that were cut off stands beside what the first one ends that reads the target.
        let of_before = before.ended.iter().filter(|_| before.read_at.is_none());
        let of_before = of_before.filter(|row| !known.contains(&(&row.kind, &row.id))).cloned();
        view.ended = of_before.chain(rows().map(|row| ended(row, looked.ended_at))).collect();
    }
    let went = went(report, part, outcome);
    let result = match (part.map(|part| &part.state), went) {
        (Some(TargetState::Planned), Went::Failed | Went::Partly) => "partial",
        (Some(TargetState::Planned), _) => "complete",
        _ => "failed",
    };
    let news = Seen { before, view: &view, report: Some(report), part, outcome, looked }.news();
    // What came due since the plan was made was not in it: the end of the look is no measure. What an older plan told of is
    // still to come where this look made none.
    let planned = part.is_some_and(|part| part.state == TargetState::Planned);
    let made_at = report.plan.as_ref().filter(|_| planned).map_or(Timestamp::MIN, |plan| plan.made_at);
    let due = next_due(&view.upcoming, made_at);
    Published { view, news, went, due, result, refused_anew }
}

/// The plan and what it says of the target's health.
fn show(view: &mut TargetView, part: &TargetPlan, report: &RunReport, looked: &Looked<'_>) {
    match &part.state {
        // What is shown stays as it was read last; its age tells.
        TargetState::Unreadable { what, advice } => {
            view.health = Health::Unreadable;
            (view.why, view.advice) = (Some(what.clone()), advice.clone());
        }
        TargetState::Blocked { what } => {
            view.health = Health::Blocked;
            view.why = Some(what.clone());
        }
        TargetState::Planned => {
            let by = report.plan.as_ref().map(|plan| (plan.made_at, plan.revision.clone()));
            let (made_at, revision) = by.unwrap_or((looked.ended_at, None));
            view.show(part.clone(), made_at, revision);
            view.read_at = part.reading.as_ref().map(|reading| reading.finished_at);
            view.upcoming = report.upcoming.get(&part.target).cloned().unwrap_or_default();
            if part.in_sync() && looked.held.is_none() {
                view.in_sync_at = view.read_at;
            }
            (view.health, view.why) = health(part, report, looked);
            if let Some(only) = looked.held {
                view.advice = Some(only.advice.clone());
            }
        }
    }
}

/// What is shown while a look waits for the first readings of other targets before it sends anything.
pub(super) fn waiting(
    before: &TargetView,
    plan: &Plan,
    upcoming: &BTreeMap<Text, Vec<Upcoming>>,
    awaited: &BTreeSet<Text>,
) -> Option<TargetView> {
    let part = plan.targets.iter().find(|part| part.target == before.target)?;
    let names: Vec<String> = awaited.iter().map(|name| format!("`{name}`")).collect();
    let why = format!(
        "it waits for the first reading of {}, at most {} s, before anything is sent: two targets of one system must not be \
         one account",
        names.join(", "),
        FIRST_READINGS.as_secs()
    );
    let mut view = TargetView {
        health: if before.health == Health::Starting { Health::OutOfSync } else { before.health },
        why: Some(why),
        advice: None,
        read_at: part.reading.as_ref().map(|reading| reading.finished_at),
        upcoming: upcoming.get(&part.target).cloned().unwrap_or_default(),
        ..before.clone()
    };
    view.show(part.clone(), plan.made_at, plan.revision.clone());
    Some(view)
}

fn health(part: &TargetPlan, report: &RunReport, looked: &Looked<'_>) -> (Health, Option<String>) {
    if let Some(only) = looked.held {
        return (Health::Blocked, Some(only.told()));
    }
    if report.in_part() {
        return (Health::Refused, Some("some revocations failed, are refused, or their outcome is not known".into()));
    }
    if report.guard_refused() {
        let first = part.refusals.iter().find(|refusal| refusal.counts);
        let why = match first {
            Some(refusal) => format!("{} refused {}: {}", refusal.guard.name(), refusal.over, refusal.figure),
            None => "a guard holds rows that are not meant to wait".into(),
        };
        return (Health::Refused, Some(why));
    }
    (if part.in_sync() { Health::InSync } else { Health::OutOfSync }, None)
}

fn went(report: &RunReport, part: Option<&TargetPlan>, outcome: Option<&TargetOutcome>) -> Went {
    let planned = part.is_some_and(|part| part.state == TargetState::Planned);
    let rows = || outcome.iter().flat_map(|outcome| outcome.resumed.iter().chain(&outcome.rows));
    let journal = outcome.is_some_and(|outcome| outcome.journal_failed.is_some());
    if !planned || journal || !report.errors.is_empty() {
        return Went::Failed;
    }
    if rows().any(|row| matches!(row.end, End::Failed | End::Unknown)) {
        return Went::Partly;
    }
    let sent = outcome.is_some_and(|outcome| outcome.rows.iter().any(was_sent));
    if sent { Went::Sent } else { Went::Well }
}

/// Whether a row was recorded and not called back before it went out.
pub(super) fn was_sent(row: &RowOutcome) -> bool {
    row.intent.is_some() && row.end != End::Skipped
}

/// Whether a removal ended in this look, and no later look finds it open: what is in flight or unknown is met again in each
/// look, and what was never sent did not end.
pub(super) fn ended_for_good(row: &RowOutcome) -> bool {
    row.intent.is_some() && matches!(row.end, End::Done | End::Gone | End::Failed | End::Refused)
}

/// A row as it is shown.
pub(super) fn ended(row: &RowOutcome, at: Timestamp) -> Ended {
    let detail = match row.remarks.is_empty() {
        true => row.detail.clone(),
        false => format!("{}; {}", row.detail, row.remarks.join("; ")),
    };
    Ended {
        at,
        kind: row.kind.clone(),
        id: row.id.clone(),
        title: row.title.clone(),
        cause: row.cause,
        end: row.end.name().into(),
        detail: detail.trim_start_matches("; ").to_owned(),
    }
}

fn key(refusal: &GuardRefusal) -> (Guard, &str) {
    (refusal.guard, &refusal.over)
}

/// The guards that refused something that they had not refused in the look before.
fn anew(before: &TargetView, refusals: &[GuardRefusal]) -> Vec<Text> {
    let known: BTreeSet<_> = before.plan.iter().flat_map(|plan| &plan.refusals).map(key).collect();
    refusals.iter().filter(|refusal| !known.contains(&key(refusal))).map(|one| one.guard.name().into()).collect()
}

/// The first time after the plan was made that brings something, or at which it is to be told.
pub(super) fn next_due(upcoming: &[Upcoming], made_at: Timestamp) -> Option<Timestamp> {
    upcoming.iter().flat_map(|one| told_at(one).into_iter().chain([one.at])).filter(|at| *at > made_at).min()
}

#[cfg(test)]
#[path = "publish_tests.rs"]
mod tests;
