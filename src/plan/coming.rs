//! Finds what time alone will bring: limits that come due, people who leave, notices, holds and freezes that end.

use jiff::Timestamp;

use super::{
    HoldName, Input, MAX_UPCOMING, Origin, OriginKind, Upcoming, UpcomingKind,
    candidate::Candidate,
    due::{due, due_at},
    membership::Leavers,
    row_guards::undeclared_since,
    standing::{Standing, Table, Verdict},
};
use crate::{
    access::{Cause, Entry, title},
    policy::Declaration,
};

/// So many are gathered before the later ones are dropped.
const GATHERED: usize = 16 * MAX_UPCOMING;

/// Gathers what will come while the snapshot is walked.
pub struct Coming<'a> {
    input: Input<'a>,
    /// Everybody who leaves at some time; empty where nothing is gathered.
    leaving: Option<Leavers<'a>>,
    found: Vec<Upcoming>,
}

impl<'a> Coming<'a> {
    /// Begins.
    pub fn new(input: &Input<'a>) -> Self {
        let leaving = input.upcoming.then(|| Leavers::new(input.description.system, input.people, Timestamp::MAX));
        Self { input: *input, leaving, found: Vec::new() }
    }

    /// Notes a live entry: when its limits come due, where they are not. One that another cause names already may be held, and
    /// its limits let it go all the same.
    pub fn see(&mut self, table: &Table<'_>, entry: &Entry, standing: &Standing, verdict: &Verdict) {
        let Some(leaving) = &self.leaving else { return };
        let is_due_later = matches!(verdict.cause, None | Some(Cause::Undeclared | Cause::OverScoped));
        let goes_when_due = !standing.duplicate || standing.goes_if_not_meant();
        if !is_due_later || !goes_when_due || standing.own || standing.protected {
            return;
        }
        let holder_leaves = leaving.holder(entry).and_then(|person| person.until);
        let next = if standing.declarations.is_empty() {
            allowed(table, entry, standing, holder_leaves)
        } else {
            declared(table, entry, standing, holder_leaves)
        };
        if let Some((at, cause, origin)) = next.filter(|(at, ..)| *at >= self.input.now) {
            self.add(at, UpcomingKind::Due(cause), entry, origin);
        }
    }

    /// Notes the rows that only time holds: when the last of it ends.
    pub fn held(&mut self, candidates: &[Candidate<'_>], clock_is_right: bool) {
        if self.leaving.is_none() {
            return;
        }
        let now = self.input.now;
        for candidate in candidates.iter().filter(|candidate| !candidate.holds.is_empty()) {
            let ends = candidate.holds.iter().map(|hold| match hold.name {
                HoldName::Notice if clock_is_right => self.notice_ends(candidate),
                HoldName::Hold => {
                    let item = candidate.held.and_then(|item| self.input.policy.holds.get(item as usize));
                    item.map(|item| (item.until, UpcomingKind::HoldEnds))
                }
                HoldName::Freeze => self.input.settings.frozen_until.map(|at| (at, UpcomingKind::FreezeEnds)),
                _ => None,
            });
            let last: Option<Vec<(Timestamp, UpcomingKind)>> = ends.collect();
            let last = last.and_then(|ends| ends.into_iter().max());
            if let Some((at, what)) = last.filter(|(at, _)| *at >= now) {
                self.add(at, what, candidate.entry, candidate.verdict.origin.clone());
            }
        }
    }

    /// The earliest, in order of time.
    pub fn finish(mut self) -> Vec<Upcoming> {
        self.keep_earliest();
        self.found
    }

    /// When the notice of an undeclared entry runs out; one that begins with this plan begins now.
    fn notice_ends(&self, candidate: &Candidate<'_>) -> Option<(Timestamp, UpcomingKind)> {
        if !self.input.history.persistent {
            return None;
        }
        let entry = candidate.entry;
        let since = match undeclared_since(&self.input, entry) {
            Some(since) => since,
            None if self.input.observe => self.input.now,
            None => return None,
        };
        since.checked_add(self.input.settings.notice).ok().map(|end| (end, UpcomingKind::NoticeEnds))
    }

    fn add(&mut self, at: Timestamp, what: UpcomingKind, entry: &Entry, origin: Option<Origin>) {
        self.found.push(Upcoming {
            at,
            what,
            kind: entry.kind.name.into(),
            id: entry.id.clone(),
            title: title(entry),
            principal: entry.principal.as_ref().map(|principal| principal.shown().into()),
            origin,
        });
        if self.found.len() >= GATHERED {
            self.keep_earliest();
        }
    }

    fn keep_earliest(&mut self) {
        self.found.sort_by(|a, b| (a.at, a.what, &a.kind, &a.id).cmp(&(b.at, b.what, &b.kind, &b.id)));
        self.found.truncate(MAX_UPCOMING);
    }
}

/// When a declared entry comes due: where several declare it, when it is due for all of them.
fn declared(
    table: &Table<'_>,
    entry: &Entry,
    standing: &Standing,
    holder_leaves: Option<Timestamp>,
) -> Option<(Timestamp, Cause, Option<Origin>)> {
    let declarations: Vec<&Declaration> = standing
        .declarations
        .iter()
        .filter_map(|&number| table.input.policy.declarations.get(number as usize))
        .collect();
    let at = due_everywhere_at(entry, &declarations, holder_leaves)?;
    let first = declarations.first()?;
    let cause = due(entry, &first.limits, leaves(first, holder_leaves), just_after(at))?.cause;
    let origin = first.places.first().map(|&place| table.origin(place, OriginKind::Declaration));
    Some((at, cause, origin))
}

/// When an entry is due for every one of these declarations; `None` where one of them has no limit.
pub fn due_everywhere_at(
    entry: &Entry,
    declarations: &[&Declaration],
    holder_leaves: Option<Timestamp>,
) -> Option<Timestamp> {
    let each =
        declarations.iter().map(|declaration| due_at(entry, &declaration.limits, leaves(declaration, holder_leaves)));
    each.collect::<Option<Vec<Timestamp>>>()?.into_iter().max()
}

fn leaves(declaration: &Declaration, holder_leaves: Option<Timestamp>) -> Option<Timestamp> {
    declaration.person.as_ref().and_then(|person| person.until).or(holder_leaves)
}

/// When an allowed entry comes due, or is allowed no longer since its holder leaves.
fn allowed(
    table: &Table<'_>,
    entry: &Entry,
    standing: &Standing,
    holder_leaves: Option<Timestamp>,
) -> Option<(Timestamp, Cause, Option<Origin>)> {
    let allowed = standing.allowed?;
    let item = table.input.policy.allows.get(allowed.item as usize)?;
    let origin = || Some(table.origin(item.place, OriginKind::Allow));
    let by_limit = due_at(entry, &allowed.limits, None)
        .and_then(|at| Some((at, due(entry, &allowed.limits, None, just_after(at))?.cause, origin())));
    let by_leaving = holder_leaves.map(|at| (at, Cause::Undeclared, origin()));
    by_limit.into_iter().chain(by_leaving).min_by_key(|(at, ..)| *at)
}

/// Limits but `expires` are due only after their time.
fn just_after(at: Timestamp) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(at)
}

/// Times at which candidates came due, for those that time alone made so.
pub fn came_due(table: &Table<'_>, candidate: &Candidate<'_>) -> Option<Timestamp> {
    let entry = candidate.entry;
    match candidate.cause {
        cause if cause.is_time_based() && !candidate.declarations.is_empty() => {
            let declarations: Vec<&Declaration> = candidate
                .declarations
                .iter()
                .filter_map(|&number| table.input.policy.declarations.get(number as usize))
                .collect();
            let left = table.leavers.holder(entry).and_then(|person| person.until);
            due_everywhere_at(entry, &declarations, left)
        }
        cause if cause.is_time_based() => {
            let input = &table.input;
            let allowed = table.membership.allowed(entry, &candidate.sets, input.now, table.clock_is_right)?;
            due_at(entry, &allowed.limits, None)
        }
        Cause::Undeclared if !candidate.no_longer_declared => {
            let end = undeclared_since(&table.input, entry)?.checked_add(table.input.settings.notice).ok()?;
            (end <= table.input.now).then_some(end)
        }
        _ => None,
    }
}
