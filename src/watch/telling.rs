//! What people are told of a look. Pure. Who hears it, and how often, is the teller's.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};

use super::{
    News,
    news::MAX_LINES,
    publish::{Looked, ended_for_good, was_sent},
};
use crate::{
    access::{Cause, Hasher, Text},
    apply::{End, MadeGood, RowOutcome, TargetOutcome},
    config::NotifyOn,
    plan::{FindingKind, GuardRefusal, HoldName, Row, Status, TargetPlan, TargetState, Upcoming, UpcomingKind},
    run::{RunError, RunReport, stands_in_the_way},
    serve::{Health, TargetView},
};

/// How long before its end a hold is told to end.
const HOLD_LEAD: SignedDuration = SignedDuration::from_hours(24);

/// When the end of a hold is told, where this is one whose end lets its entry go.
pub(super) fn told_at(coming: &Upcoming) -> Option<Timestamp> {
    (coming.what == UpcomingKind::HoldEnds).then(|| coming.at.checked_sub(HOLD_LEAD).unwrap_or(Timestamp::MIN))
}

/// A look that ended, beside what was shown before it and is shown now.
pub(super) struct Seen<'a> {
    pub(super) before: &'a TargetView,
    pub(super) view: &'a TargetView,
    /// Absent where the run as a whole failed.
    pub(super) report: Option<&'a RunReport>,
    pub(super) part: Option<&'a TargetPlan>,
    pub(super) outcome: Option<&'a TargetOutcome>,
    pub(super) looked: &'a Looked<'a>,
}

impl Seen<'_> {
    /// What is told of it.
    pub(super) fn news(&self) -> Vec<News> {
        let rows = |of: fn(&TargetOutcome) -> &[RowOutcome]| self.outcome.map_or(&[][..], of);
        let sent: Vec<_> = rows(|outcome| &outcome.rows).iter().filter(|row| was_sent(row)).collect();
        let settled: Vec<_> = rows(|outcome| &outcome.resumed).iter().filter(|row| ended_for_good(row)).collect();
        [
            self.revocations(&settled, |count| format!("{count} of before ended")),
            self.revocations(&sent, |count| format!("{count} sent")),
            self.guards(),
            self.health(),
            self.left(),
        ]
        .into_iter()
        .flatten()
        .chain(self.ending())
        .collect()
    }

    /// Holds whose end is near and lets their entries go, by that time.
    fn ending(&self) -> Vec<News> {
        let made_at = self.report.and_then(|report| report.plan.as_ref()).map(|plan| plan.made_at);
        let planned = self.part.filter(|part| part.state == TargetState::Planned).zip(self.report).zip(made_at);
        let Some(((part, report), made_at)) = planned else { return Vec::new() };
        let mut ends = BTreeMap::<Timestamp, Vec<&Upcoming>>::new();
        for coming in report.upcoming.get(&part.target).into_iter().flatten() {
            if told_at(coming).is_some_and(|at| at <= made_at) {
                ends.entry(coming.at).or_default().push(coming);
            }
        }
        let tell = |(until, held): (Timestamp, Vec<&Upcoming>)| {
            let mut state = Hasher::new("ending");
            held.iter().for_each(|one| _ = state.text(&one.kind).text(&one.id));
            let entries = count(held.len(), "entry goes", "entries go");
            let title = format!("{}: a hold ends at {until:.0}, and {entries} then", part.target);
            let lines = held.iter().map(|one| named(&one.kind, &one.title, one.principal.as_ref())).collect();
            self.tell(NotifyOn::Changes, &format!("holds until {until}"), &state.finish_hex(), title, lines)
        };
        ends.into_iter().map(tell).collect()
    }

    fn revocations(&self, rows: &[&RowOutcome], title: fn(String) -> String) -> Option<News> {
        let ends = rows.iter().map(|row| format!("{} {}", row.intent.as_deref().unwrap_or_default(), row.end.name()));
        let state = ends.collect::<Vec<_>>().join(" ");
        let title = format!("{}: {}", self.view.target, title(count(rows.len(), "revocation", "revocations")));
        let lines = rows.iter().map(|row| revocation(row)).collect();
        (!rows.is_empty()).then(|| self.tell(NotifyOn::Revocations, "revocations", &state, title, lines))
    }

    /// Whether it can be looked at at all. That it was told to be bad is known where it was told: a target may have been away
    /// meanwhile. So the end is offered by each look. What only broken files block is told once for all targets, by the files.
    fn health(&self) -> Option<News> {
        let is_read = self.part.is_some_and(|part| part.state == TargetState::Planned);
        match self.view.health {
            Health::Blocked if is_read && self.looked.held.is_some() => None,
            Health::Unreadable | Health::Blocked => Some(self.bad(NotifyOn::Failures, "health")),
            _ => Some(self.good("health", "read and planned again")),
        }
    }

    /// That a trouble is over, and how it is now: `over` where that is not in sync yet.
    fn good(&self, about: &str, over: &str) -> News {
        let title = match self.view.health {
            Health::InSync => self.title(),
            _ => format!("{}: {over}", self.view.target),
        };
        self.tell(NotifyOn::Recoveries, about, "recovered", title, Vec::new())
    }

    /// What a guard refused, or failed. While all writing is stopped guards are not asked, so that nothing ends by that; nor does
    /// it while nobody can look.
    fn guards(&self) -> Option<News> {
        match self.view.health {
            Health::Refused => Some(self.bad(NotifyOn::Refusals, "guards")),
            Health::Unreadable | Health::Blocked | Health::Starting => None,
            Health::OutOfSync | Health::InSync if self.is_stopped() => None,
            Health::OutOfSync | Health::InSync => Some(self.good("guards", "nothing is refused any more")),
        }
    }

    fn bad(&self, on: NotifyOn, about: &str) -> News {
        let state = format!("{} {}", self.view.health.name(), self.sort());
        self.tell(on, about, &state, self.title(), self.trouble())
    }

    fn title(&self) -> String {
        format!("{}: {}", self.view.target, self.view.health.name().replace('_', " "))
    }

    fn is_stopped(&self) -> bool {
        let mut holds = self.part.iter().flat_map(|part| &part.rows).flat_map(|row| &row.holds);
        self.looked.stopped || holds.any(|hold| hold.name == HoldName::Freeze)
    }

    /// What sort of trouble it is: the same over looks that find it in other words, at another request or by another figure.
    fn sort(&self) -> String {
        let Some(report) = self.report else {
            return match self.looked.result {
                Err(RunError::Journal(_)) => "journal".to_owned(),
                Err(error) => error.to_string(),
                Ok(_) => String::new(),
            };
        };
        if let Some(error) = report.errors.first() {
            return error.clone();
        }
        match self.part.map(|part| &part.state) {
            // What to do next goes by the fault, not by where it showed.
            Some(TargetState::Unreadable { advice, .. }) => advice.clone().unwrap_or_default(),
            Some(TargetState::Blocked { what }) => what.clone(),
            _ if self.view.health == Health::Blocked => self.view.advice.clone().unwrap_or_default(),
            _ => {
                let rows = self.in_the_way().map(|row| format!("{} {}", row.kind, row.id));
                let ended = self.in_part().map(|row| format!("{} {} {}", row.kind, row.id, row.end.name()));
                let guards = self.refusals().map(|refusal| format!("{} {}", refusal.guard.name(), refusal.over));
                guards.chain(rows).chain(ended).collect::<Vec<_>>().join("\n")
            }
        }
    }

    /// What is the trouble, and the way on.
    fn trouble(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.refusals().map(refusal).collect();
        if self.view.health == Health::Refused {
            lines.extend(self.in_the_way().map(|row| held(row, true)));
            lines.extend(self.in_part().map(revocation));
        }
        let errors = || self.report.iter().flat_map(|report| &report.errors);
        // Otherwise it says in short what the lines say of each.
        let is_said = self.view.health == Health::Refused && !lines.is_empty() && errors().next().is_none();
        let why = self.view.why.iter().filter(|_| !is_said);
        // The first of them is the why.
        why.chain(errors().skip(1)).chain(&self.view.advice).cloned().chain(lines).collect()
    }

    fn refusals(&self) -> impl Iterator<Item = &GuardRefusal> {
        let is_refused = self.view.health == Health::Refused;
        self.part.iter().flat_map(|part| &part.refusals).filter(move |_| is_refused)
    }

    /// Rows that a guard holds which is not meant to; what only its group's refusal holds is told by the refusal.
    fn in_the_way(&self) -> impl Iterator<Item = &Row> {
        let by_group = |row: &Row| row.holds.first().is_some_and(|hold| hold.name == HoldName::Ceiling);
        let rows = self.part.iter().flat_map(|part| &part.rows);
        rows.filter(move |row| row.overdue || (stands_in_the_way(row) && !by_group(row)))
    }

    fn in_part(&self) -> impl Iterator<Item = &RowOutcome> {
        let rows = self.outcome.iter().flat_map(|outcome| outcome.resumed.iter().chain(&outcome.rows));
        rows.filter(|row| row.is_trouble() || row.end == End::Blocked)
    }

    /// What keeps the target out of sync after all that was sent: what was sent is told as a revocation.
    fn left(&self) -> Option<News> {
        let part = self.part.filter(|part| part.state == TargetState::Planned && !part.in_sync())?;
        let outcomes = self.outcome.iter().flat_map(|outcome| &outcome.rows);
        let outcomes: HashMap<_, _> = outcomes.map(|row| ((&row.kind, &row.id), row)).collect();
        let (mut lines, mut state) = (Vec::new(), Hasher::new("left"));
        let (mut changes, mut holds, mut more, mut twice) = (0, 0, 0, 0);
        for row in &part.rows {
            let ended = outcomes.get(&(&row.kind, &row.id)).copied();
            let number = match (row.status, row.finding) {
                (Status::Change, _) if ended.is_some_and(is_under_way) => continue,
                (Status::Change, _) => &mut changes,
                (Status::Held, _) => &mut holds,
                (_, Some(FindingKind::OverScoped)) => &mut more,
                (_, Some(FindingKind::Duplicate)) => &mut twice,
                _ => continue,
            };
            *number += 1;
            state.text(&row.kind).text(&row.id).text(row.cause.map_or("", Cause::name));
            // What holds all targets for a time is told of itself.
            let passes = |name| matches!(name, HoldName::BadTree | HoldName::Observe | HoldName::Freeze);
            for hold in row.holds.iter().filter(|hold| !passes(hold.name)) {
                state.text(hold.name.name());
            }
            if lines.len() < MAX_LINES {
                lines.push(standing(row, ended));
            }
        }
        let all = changes + holds + more + twice;
        let parts = [
            (changes, count(changes, "change", "changes")),
            (holds, format!("{holds} held")),
            (more, count(more, "entry holds more than declared", "entries hold more than declared")),
            (twice, count(twice, "duplicate", "duplicates")),
        ];
        let parts: Vec<String> = parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, text)| text).collect();
        let title = format!("{} is out of sync: {}", self.view.target, parts.join(", "));
        // The same rows once more, after it was in sync, are news.
        state.text(&self.before.in_sync_at.map(|at| at.to_string()).unwrap_or_default());
        let news = self.tell(NotifyOn::Changes, "changes", &state.finish_hex(), title, lines);
        (all > 0).then(|| News { lines_left_out: all - news.lines.len(), ..news })
    }

    fn tell(&self, on: NotifyOn, about: &str, state: &str, title: String, mut lines: Vec<String>) -> News {
        let Looked { target, commit, ended_at, .. } = self.looked;
        let lines_left_out = lines.len().saturating_sub(MAX_LINES);
        lines.truncate(MAX_LINES);
        let mut digest = Hasher::new("news");
        digest.text(state);
        News {
            at: *ended_at,
            on,
            target: Some(target.name.clone()),
            subject: format!("{} {about}", target.name).into(),
            state: digest.finish_hex().into(),
            title,
            lines,
            lines_left_out,
            commit: commit.clone(),
        }
    }
}

/// What is told of looks of before that were cut off, by what they recorded.
pub(super) fn cut_off(target: &Text, rows: &[RowOutcome], at: Timestamp, commit: Option<Text>) -> Option<News> {
    let mut state = Hasher::new("news");
    for row in rows {
        state.text(row.intent.as_deref().unwrap_or_default()).text(row.end.name());
    }
    (!rows.is_empty()).then(|| News {
        at,
        on: NotifyOn::Revocations,
        target: Some(target.clone()),
        subject: format!("{target} revocations").into(),
        state: state.finish_hex().into(),
        title: format!("{target}: {} of a look that was cut off", count(rows.len(), "revocation", "revocations")),
        lines: rows.iter().take(MAX_LINES).map(revocation).collect(),
        lines_left_out: rows.len().saturating_sub(MAX_LINES),
        commit,
    })
}

/// Whether it was sent, by this run or an earlier one, or is gone already: nothing is left to do but to wait.
fn is_under_way(row: &RowOutcome) -> bool {
    was_sent(row) || matches!(row.end, End::Done | End::Gone | End::InFlight | End::Unknown)
}

fn named(kind: &Text, title: &str, principal: Option<&Text>) -> String {
    let holder = principal.map_or_else(String::new, |principal| format!(" of {principal}"));
    format!("{} {title}{holder}", kind.replace('_', " "))
}

fn entry(row: &Row) -> String {
    named(&row.kind, &row.title, row.principal.as_ref())
}

fn with_cause(row: &Row) -> String {
    let cause = row.cause.map_or("", Cause::name);
    format!("{} ({}, {})", entry(row), cause.replace('_', " "), row.reversibility.name())
}

/// A row that was not sent, and why.
fn standing(row: &Row, ended: Option<&RowOutcome>) -> String {
    match (row.status, row.finding) {
        (Status::Held, _) => held(row, false),
        (_, Some(FindingKind::OverScoped)) => format!("{} holds more than declared", entry(row)),
        (_, Some(FindingKind::Duplicate)) => format!("{} cannot be told apart from a declared one", entry(row)),
        _ => match ended {
            Some(ended) => format!("{} was not sent: {}", with_cause(row), ended.detail),
            None => format!("{} is to go", with_cause(row)),
        },
    }
}

/// A revocation: what went, whose it was, why, whether it can be undone, and how it ended.
fn revocation(row: &RowOutcome) -> String {
    let (cause, end) = (row.cause.name().replace('_', " "), row.end.name().replace('_', " "));
    let undone = row.reversibility.map_or_else(String::new, |one| format!(", {}", one.name()));
    let is_plain = row.detail.is_empty() || matches!(row.end, End::Done | End::Gone);
    let detail = if is_plain { String::new() } else { format!(": {}", row.detail) };
    let since = match row.made_good {
        Some(MadeGood::SentAgain) => ", sent again since",
        Some(MadeGood::NotWanted) => ", not wanted any more",
        None if row.overdue => ", for longer than `max_in_flight`",
        None => "",
    };
    format!("{} ({cause}{undone}): {end}{since}{detail}", named(&row.kind, &row.title, row.principal.as_ref()))
}

/// A row that does not go, by what holds it; for one that has to be acted on with the reason and the way on.
fn held(row: &Row, with_way_on: bool) -> String {
    if row.status == Status::Finding {
        return format!("{} is in flight for longer than `max_in_flight`", entry(row));
    }
    let by = row.holds.iter().map(|hold| match (&hold.way_on, with_way_on) {
        (_, false) => hold.name.name().to_owned(),
        (None, true) => format!("{}: {}", hold.name.name(), hold.why),
        (Some(way_on), true) => format!("{}: {}; {way_on}", hold.name.name(), hold.why),
    });
    let by: Vec<String> = by.collect();
    format!("{} is held by {}", with_cause(row), by.join(if with_way_on { "; " } else { ", " }))
}

/// A refusal as every output of ours has it: the guard, the figure, the limit and the exact way on.
fn refusal(refusal: &GuardRefusal) -> String {
    let GuardRefusal { guard, over, figure, limit, way_on, .. } = refusal;
    let guard = guard.name();
    format!("{guard} refused {over}: {figure}; the limit is {limit}; to go on: {way_on}")
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
