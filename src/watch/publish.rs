//! From what a look came to, to what is shown and told of its target. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{News, news::MAX_LINES, schedule::Went};
use crate::{
    access::{Hasher, Text},
    apply::{End, RowOutcome, TargetOutcome},
    config::{NotifyOn, Target},
    plan::{GuardRefusal, Status, TargetPlan, TargetState, Upcoming},
    run::{RunError, RunReport},
    serve::{Ended, Health, TargetView},
};

/// A look that ended.
pub(super) struct Looked<'a> {
    pub(super) target: &'a Target,
    pub(super) result: &'a Result<RunReport, RunError>,
    /// Why the target is held by the last good tree, where it is.
    pub(super) held: Option<String>,
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
            let news = vec![trouble(&view, looked, NotifyOn::Failures)];
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
        view.ended = rows().map(|row| ended(row, looked.ended_at)).collect();
    }
    let went = went(report, part, outcome);
    let result = match (part.map(|part| &part.state), went) {
        (Some(TargetState::Planned), Went::Failed) => "partial",
        (Some(TargetState::Planned), _) => "complete",
        _ => "failed",
    };
    let news = news(before, &view, part, outcome, looked);
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
            view.show(part.clone());
            view.read_at = part.reading.as_ref().map(|reading| reading.finished_at);
            view.upcoming = report.upcoming.get(&part.target).cloned().unwrap_or_default();
            if part.in_sync() && looked.held.is_none() {
                view.in_sync_at = view.read_at;
            }
            (view.health, view.why) = health(part, report, looked);
            if looked.held.is_some() {
                view.advice = Some("mend the files that the problems name; it goes on by itself".into());
            }
        }
    }
}

fn health(part: &TargetPlan, report: &RunReport, looked: &Looked<'_>) -> (Health, Option<String>) {
    if let Some(why) = &looked.held {
        return (Health::Blocked, Some(why.clone()));
    }
    if report.in_part() {
        return (Health::Refused, Some("some revocations failed, are refused, or their outcome is not known".into()));
    }
    if report.guard_refused() {
        let first = part.refusals.iter().find(|refusal| refusal.counts);
        let why = match first {
            Some(refusal) => format!("{} refused {}: {}", refusal.guard, refusal.over, refusal.figure),
            None => "a guard holds rows that are not meant to wait".into(),
        };
        return (Health::Refused, Some(why));
    }
    (if part.in_sync() { Health::InSync } else { Health::OutOfSync }, None)
}

fn went(report: &RunReport, part: Option<&TargetPlan>, outcome: Option<&TargetOutcome>) -> Went {
    let planned = part.is_some_and(|part| part.state == TargetState::Planned);
    let trouble = |row: &RowOutcome| matches!(row.end, End::Failed | End::Unknown);
    let rows = || outcome.iter().flat_map(|outcome| outcome.resumed.iter().chain(&outcome.rows));
    let journal = outcome.is_some_and(|outcome| outcome.journal_failed.is_some());
    if !planned || journal || !report.errors.is_empty() || rows().any(trouble) {
        return Went::Failed;
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

fn ended(row: &RowOutcome, at: Timestamp) -> Ended {
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

fn key(refusal: &GuardRefusal) -> (&str, &str) {
    (&refusal.guard, &refusal.over)
}

/// The guards that refused something that they had not refused in the look before.
fn anew(before: &TargetView, refusals: &[GuardRefusal]) -> Vec<Text> {
    let known: BTreeSet<_> = before.plan.iter().flat_map(|plan| &plan.refusals).map(key).collect();
    refusals.iter().filter(|refusal| !known.contains(&key(refusal))).map(|one| one.guard.as_str().into()).collect()
}

/// What is told of a look.
fn news(
    before: &TargetView,
    view: &TargetView,
    part: Option<&TargetPlan>,
    outcome: Option<&TargetOutcome>,
    looked: &Looked<'_>,
) -> Vec<News> {
    let mut news = Vec::new();
    let name = &view.target;
    let sent: Vec<&RowOutcome> = outcome.iter().flat_map(|outcome| &outcome.rows).filter(|row| was_sent(row)).collect();
    if !sent.is_empty() {
        let lines = sent.iter().map(|row| {
            let (kind, cause, end) = (row.kind.replace('_', " "), row.cause.name(), row.end.name());
            format!("{kind} {} ({cause}): {end}", row.title)
        });
        let ids: Vec<&str> = sent.iter().filter_map(|row| row.intent.as_deref()).collect();
        let title = format!("{name}: {} sent", count(ids.len(), "revocation"));
        news.push(tell(looked, NotifyOn::Revocations, "revocations", &ids.join(" "), title, lines));
    }
    match (is_bad(before.health), is_bad(view.health)) {
        (_, true) => {
            let on = if view.health == Health::Refused { NotifyOn::Refusals } else { NotifyOn::Failures };
            news.push(trouble(view, looked, on));
        }
        (true, false) => {
            let title = format!("{name}: {}", view.health.name().replace('_', " "));
            news.push(tell(looked, NotifyOn::Recoveries, "health", "recovered", title, std::iter::empty()));
        }
        (false, false) => {}
    }
    if let Some(part) = part.filter(|part| part.state == TargetState::Planned && !part.in_sync()) {
        let lines = part.rows.iter().filter(|row| row.status != Status::Finding).map(|row| {
            let what = if row.status == Status::Change { "goes" } else { "is held" };
            let by: Vec<&str> = row.holds.iter().map(|hold| hold.name.name()).collect();
            let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(", ")) };
            let cause = row.cause.map_or("", crate::access::Cause::name);
            format!("{} {} ({cause}) {what}{by}", row.kind.replace('_', " "), row.title)
        });
        let title = format!(
            "{name} is out of sync: {}, {} held",
            count(part.counts.changes as usize, "change"),
            part.counts.held
        );
        news.push(tell(looked, NotifyOn::Changes, "changes", &part.digest, title, lines));
    }
    news
}

fn is_bad(health: Health) -> bool {
    matches!(health, Health::Unreadable | Health::Blocked | Health::Refused)
}

fn trouble(view: &TargetView, looked: &Looked<'_>, on: NotifyOn) -> News {
    let title = format!("{}: {}", view.target, view.health.name().replace('_', " "));
    let lines = view.why.iter().chain(&view.advice).cloned();
    let state = format!("{} {}", view.health.name(), view.why.as_deref().unwrap_or_default());
    tell(looked, on, "health", &state, title, lines)
}

fn tell(
    looked: &Looked<'_>,
    on: NotifyOn,
    about: &str,
    state: &str,
    title: String,
    lines: impl Iterator<Item = String>,
) -> News {
    let mut lines: Vec<String> = lines.collect();
    let lines_left_out = lines.len().saturating_sub(MAX_LINES);
    lines.truncate(MAX_LINES);
    let mut digest = Hasher::new("news");
    digest.text(state);
    News {
        at: looked.ended_at,
        on,
        target: Some(looked.target.name.clone()),
        subject: format!("{} {about}", looked.target.name).into(),
        state: digest.finish_hex().into(),
        title,
        lines,
        lines_left_out,
        commit: looked.commit.clone(),
    }
}

fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// The first time after the plan was made that brings something.
fn next_due(upcoming: &[Upcoming], made_at: Timestamp) -> Option<Timestamp> {
    upcoming.iter().map(|one| one.at).filter(|at| *at > made_at).min()
}

#[cfg(test)]
#[path = "publish_tests.rs"]
mod tests;
