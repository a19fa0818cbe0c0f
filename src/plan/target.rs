//! The plan of one target: one walk over the snapshot, then holds, guards and rows.

use std::collections::{HashMap, HashSet};

use super::{
    Counts, FindingKind, GuardRefusal, HoldName, Input, OriginKind, Planned, Row, Status, TargetPlan, Ticket,
    ambiguity::{Ambiguity, implied_by},
    candidate::Candidate,
    ceilings,
    coming::{self, Coming},
    describe,
    frame::{empty, finish},
    index::LoneResources,
    matching::{Matching, absent_entries, held_entries, natural_key},
    membership::{Leavers, Membership},
    observe::Observer,
    resolve::Names,
    row_guards::{self, RowGuards},
    rows::{finding, found, missing, row},
    standing::{Standing, Table, Verdict, gap},
    tally::{Tally, files_of},
};
use crate::access::{Action, Cause, Entry, Fingerprint, Group, Hasher, Life, OpenIntent, Text};

/// Plans one target: what goes, what is held and by what, what is only told.
pub fn plan_target(input: &Input<'_>) -> Planned {
    let names = Names::of(input.description, input.snapshot);
    let lone = LoneResources::of(input.snapshot, input.description.kinds);
    let matching = Matching::new(input.policy, input.snapshot, &names, &lone);
    let absents = absent_entries(&input.policy.absents, input.snapshot, &names, &lone);
    let held = held_entries(&input.policy.holds, input.snapshot, &names, &lone, input.now);
    let membership = Membership::new(input.policy);
    let clock_is_right = row_guards::clock_is_right(input);
    // On a wrong clock nobody has left: what `until` undoes would be undone by it.
    let left_by = if clock_is_right { input.now } else { jiff::Timestamp::MIN };
    let leavers = Leavers::new(input.description.system, input.people, left_by);
    let table =
        Table { input: *input, matching: &matching, membership: &membership, leavers: &leavers, clock_is_right };
    let walk = Walk {
        table,
        lone: &lone,
        absents,
        held,
        duplicates: duplicates(input, &matching),
        open: input.history.open.iter().map(|open| ((open.kind.as_str(), open.id.as_str()), open)).collect(),
    };
    let Walked { mut plan, mut candidates, mut tally, observation, mut coming } = walk.walk(&names);

    let ambiguity = Ambiguity::new(*input, &matching, tally.declared_lineages.clone());
    let own_unknown = row_guards::own_unknown(input);
    let unknown_kinds: Vec<_> = own_unknown.iter().map(|(kind, _)| *kind).collect();
    let guards = RowGuards { input: *input, own_unknown: &unknown_kinds, clock_is_right };
    for candidate in &mut candidates {
        told_by_journal(input, &ambiguity, candidate);
        guards.judge(candidate);
        ambiguity.judge(candidate);
        candidate.due_at = coming::came_due(&walk.table, candidate);
    }
    for (kind, why) in own_unknown.iter().filter(|(kind, _)| input.settings.enforce.contains(kind)) {
        plan.refusals.push(GuardRefusal {
            guard: "own_unknown".into(),
            over: kind.list.into(),
            figure: why.clone(),
            limit: "the own credential has to be known before anything of this kind is removed".into(),
            way_on: format!(
                "list it under `own:` of {}, or say `own: {{ {}: unlisted }}` if it is not among them",
                input.settings.target, kind.list
            ),
            counts: true,
        });
    }
    narrow(input, &mut candidates, &mut plan);
    row_guards::widening(input, &mut candidates, &tally);
    row_guards::floor(input, &mut candidates, &tally);
    plan.refusals.extend(ceilings::judge(input, &mut candidates, &tally, &mut plan.counts));
    held_stay_too(&mut candidates, &mut tally);
    fights(input, &candidates, &mut plan);
    coming.held(&candidates, clock_is_right);
    plan.rows.extend(candidates.into_iter().map(|candidate| row(input, candidate)));
    missing(&table_of(input, &matching, &membership, &leavers), &matching, &mut plan);
    finish(&mut plan);
    Planned { plan, observation, upcoming: coming.finish() }
}

fn table_of<'a>(
    input: &Input<'a>,
    matching: &'a Matching,
    membership: &'a Membership<'a>,
    leavers: &'a Leavers<'a>,
) -> Table<'a> {
    Table { input: *input, matching, membership, leavers, clock_is_right: row_guards::clock_is_right(input) }
}

/// What an ephemeral journal means for this plan.
fn forgetful(input: &Input<'_>) -> Option<String> {
    let notice = match input.settings.notice.is_zero() {
        true => "",
        false => {
            ", and notice cannot be measured, so that unattended runs send absent and due rows only: confirm the others \
                  with a saved plan and --reviewed-by, or set `notice: 0h`"
        }
    };
    (!input.history.persistent).then(|| format!("the journal is ephemeral: ceilings count this run only{notice}"))
}

/// What is under way for an entry.
struct Leaving {
    what: String,
    overdue: bool,
}

/// The one walk over the entries.
struct Walk<'a> {
    table: Table<'a>,
    lone: &'a LoneResources,
    absents: HashMap<u32, u32>,
    held: HashMap<u32, u32>,
    duplicates: HashSet<u32>,
    open: HashMap<(&'a str, &'a str), &'a OpenIntent>,
}

struct Walked<'a> {
    plan: TargetPlan,
    candidates: Vec<Candidate<'a>>,
    tally: Tally,
    observation: crate::access::Observation,
    coming: Coming<'a>,
}

impl<'a> Walk<'a> {
    fn walk(&self, names: &Names<'_>) -> Walked<'a> {
        let input = self.table.input;
        let mut plan = empty(&input);
        plan.remarks.extend(forgetful(&input));
        let mut tally = Tally::new(input.policy);
        let mut observer = Observer::new(input);
        let mut coming = Coming::new(&input);
        let mut candidates = Vec::new();
        for (position, entry) in input.snapshot.entries.iter().enumerate() {
            let sets = self.table.membership.sets_of(entry);
            if let Life::Dead(why) = &entry.life {
                plan.counts.dead += 1;
                if !sets.is_empty() {
                    plan.rows.push(finding(entry, FindingKind::Dead, why.to_string()));
                }
                continue;
            }
            let standing = self.standing(position, entry, sets);
            let files = files_of(input.policy, &standing);
            let leaving = self.leaving(entry);
            tally.count(entry, &standing, &files, leaving.is_some());
            count(&mut plan.counts, &standing);
            let verdict = self.verdict(entry, &standing);
            coming.see(&self.table, entry, &standing, &verdict);
            observer.see(entry, &standing, verdict.cause == Some(Cause::Undeclared), names);
            if let Some(Leaving { what, overdue }) = leaving {
                plan.rows.push(Row { overdue, ..finding(entry, FindingKind::InFlight, what) });
                continue;
            }
            let kept = !standing.declarations.is_empty() || standing.own || standing.protected;
            if verdict.cause.is_none() && kept {
                tally.stays(entry);
            }
            self.left_behind(entry, &standing, &mut plan);
            match verdict.cause {
                Some(cause) => {
                    let doubtful = standing.duplicate && cause != Cause::Absent && !goes_either_way(cause, &standing);
                    let mut candidate = self.candidate(position, entry, cause, standing, verdict, files);
                    if doubtful {
                        candidate.hold(
                            HoldName::Duplicate,
                            "it shares the natural key of a declared entry, and nothing tells which one was meant",
                            Some("declare the one that is meant by its id".into()),
                        );
                    }
                    candidates.push(candidate);
                }
                None if verdict.finding.is_some() && !standing.own && !standing.protected => {
                    plan.rows.push(found(&input, entry, verdict));
                }
                None => {}
            }
        }
        Walked { plan, candidates, observation: observer.finish(&tally, self.table.clock_is_right), tally, coming }
    }

    fn standing(&self, position: usize, entry: &Entry, sets: Vec<u32>) -> Standing {
        let number = u32::try_from(position).unwrap_or(u32::MAX);
        let input = &self.table.input;
        let leaver = self.table.leavers.holder(entry).is_some();
        let allowed = match sets.is_empty() || leaver {
            true => None,
            false => self.table.membership.allowed(entry, &sets, input.now, self.table.clock_is_right),
        };
        Standing {
            own: is_own(input, entry),
            protected: is_protected(input, entry),
            absent: self.absents.get(&number).copied(),
            declarations: self.table.matching.declarations(position).to_vec(),
            duplicate: self.duplicates.contains(&number),
            sets,
            allowed,
        }
    }

    /// The table's verdict; a duplicate that nothing else removes is undeclared where it lies in a set, and told elsewhere.
    fn verdict(&self, entry: &Entry, standing: &Standing) -> Verdict {
        let mut verdict = self.table.verdict(entry, standing);
        if standing.duplicate && verdict.cause.is_none() {
            verdict.why = "it shares the natural key of a declared entry".into();
            let set =
                standing.sets.first().filter(|_| !standing.own && !standing.protected && standing.allowed.is_none());
            match set.and_then(|&set| self.table.input.policy.sets.get(set as usize)) {
                Some(set) => {
                    verdict.cause = Some(Cause::Undeclared);
                    verdict.finding = None;
                    verdict.origin = Some(self.table.origin(set.place, OriginKind::ManagedSet));
                    verdict.place = Some(set.place);
                }
                None => verdict.finding = Some(FindingKind::Duplicate),
            }
        }
        verdict
    }

    /// People who left are reported wherever they still hold something that no file is in charge of.
    fn left_behind(&self, entry: &Entry, standing: &Standing, plan: &mut TargetPlan) {
        let spoken_for = !standing.sets.is_empty() || !standing.declarations.is_empty() || standing.absent.is_some();
        if let Some(person) = self.table.leavers.holder(entry).filter(|_| !spoken_for) {
            let (noun, title) = (entry.kind.noun, describe::title(entry));
            plan.remarks.push(format!(
                "{} left and still holds {noun} {title} [{}], which lies in no managed set",
                person.name, entry.id
            ));
        }
    }

    /// What is under way for the entry, as the system or the journal tells.
    fn leaving(&self, entry: &Entry) -> Option<Leaving> {
        let limit = self.table.input.settings.max_in_flight;
        let told = |what: String, since: Option<jiff::Timestamp>| match since
            .filter(|since| self.table.input.now.duration_since(*since) > limit)
        {
            Some(since) => {
                let what = format!("{what}; since {since}, longer than {}", super::due::span(Some(limit)));
                Leaving { what, overdue: true }
            }
            None => Leaving { what, overdue: false },
        };
        if let Life::InFlight { since, what } = &entry.life {
            return Some(told(what.to_string(), *since));
        }
        let open = self.open.get(&(entry.kind.name, entry.id.as_str()))?;
        open.in_flight.then(|| told(format!("a removal was sent {} and is under way", open.since), Some(open.since)))
    }

    fn candidate(
        &self,
        position: usize,
        entry: &'a Entry,
        cause: Cause,
        standing: Standing,
        verdict: Verdict,
        files: Vec<u32>,
    ) -> Candidate<'a> {
        let number = u32::try_from(position).unwrap_or(u32::MAX);
        let said = said(&self.table.input, cause, &standing, &verdict);
        let mut remarks = Vec::new();
        if let Some(open) = self.open.get(&(entry.kind.name, entry.id.as_str())) {
            remarks.push(format!("the outcome of a removal sent {} is not known yet", open.since));
        }
        if !verdict.gap.unknown.is_empty() {
            remarks.push(format!("not known to this version, never excess: {}", verdict.gap.unknown.join("; ")));
        }
        Candidate {
            entry,
            cause,
            own: standing.own,
            protected: standing.protected,
            held: self.held.get(&number).copied(),
            declarations: standing.declarations,
            sets: standing.sets,
            files,
            holds: Vec::new(),
            remarks,
            no_longer_declared: false,
            due_at: None,
            said,
            natural_key: natural_key(entry, self.lone),
            verdict,
        }
    }
}

/// Whether a duplicate goes whichever entry was meant: its limit is due if it was, and it is undeclared if it was not.
fn goes_either_way(cause: Cause, standing: &Standing) -> bool {
    cause.group() == Group::Due && !standing.sets.is_empty() && standing.allowed.is_none()
}

/// Whether an entry is Portcullis' own, by the API or by the operator's list.
pub fn is_own(input: &Input<'_>, entry: &Entry) -> bool {
    input.snapshot.own.iter().any(|mark| mark.kind == entry.kind.name && mark.id == entry.id)
        || input.settings.own.iter().any(|(kind, own)| *kind == entry.kind && own.name(entry))
}

/// Whether the operator protects an entry.
pub fn is_protected(input: &Input<'_>, entry: &Entry) -> bool {
    input.settings.protected.iter().any(|(kind, protected)| *kind == entry.kind && protected.name(entry))
}

/// Entries that share a declaration by natural key while nothing tells which one was meant.
fn duplicates(input: &Input<'_>, matching: &Matching) -> HashSet<u32> {
    let mut doubtful = HashSet::new();
    for (number, declaration) in input.policy.declarations.iter().enumerate() {
        let entries = matching.entries(number);
        if entries.len() < 2 {
            continue;
        }
        let entry = |position: u32| input.snapshot.entries.get(position as usize);
        if declaration.kind.splits_by.is_some() {
            let beyond =
                |position: &u32| entry(*position).is_some_and(|entry| !gap(declaration, entry).excess.is_empty());
            doubtful.extend(entries.iter().copied().filter(beyond));
            continue;
        }
        let declared_otherwise = |position: u32| matching.declarations(position as usize).len() > 1;
        let last_matched = |position: u32| {
            entry(position).is_some_and(|entry| {
                let last = input.history.matches.get(&(entry.kind.name.into(), entry.id.clone()));
                last.is_some_and(|last| last.declaration == declaration.key)
            })
        };
        let open: Vec<u32> = entries.iter().copied().filter(|&position| !declared_otherwise(position)).collect();
        let known: Vec<u32> = open.iter().copied().filter(|&position| last_matched(position)).collect();
        match known.as_slice() {
            [meant] => doubtful.extend(open.iter().filter(|position| *position != meant)),
            _ if open.len() > 1 => doubtful.extend(open),
            _ => {}
        }
    }
    doubtful
}

/// What the journal adds to an undeclared row: whether it was declared before, and where that stood.
fn told_by_journal(input: &Input<'_>, ambiguity: &Ambiguity<'_>, candidate: &mut Candidate<'_>) {
    if candidate.cause != Cause::Undeclared {
        return;
    }
    let Some(last) = ambiguity.last_match(candidate.entry) else { return };
    if ambiguity.still_declared(&last.declaration).is_some() {
        return;
    }
    candidate.remarks.push(format!("its declaration vanished: it stood at {}:{}", last.file, last.line));
    candidate.no_longer_declared = last.in_set
        && !candidate.sets.is_empty()
        && last.fingerprint == Fingerprint::of(candidate.entry)
        && !ambiguity.could_be_meant_elsewhere(candidate.entry);
    if candidate.no_longer_declared {
        candidate.verdict.why = "no longer declared".into();
    }
    debug_assert!(input.history.persistent || input.history.matches.is_empty(), "no memory without a journal");
}

/// A declared entry whose row is held stays as well: nothing may take it along.
fn held_stay_too(candidates: &mut [Candidate<'_>], tally: &mut Tally) {
    for candidate in candidates.iter().filter(|candidate| !candidate.goes()) {
        if candidate.verdict.declaration.is_some() || candidate.own || candidate.protected {
            tally.stays(candidate.entry);
        }
    }
    for candidate in candidates.iter_mut().filter(|candidate| candidate.goes()) {
        implied_by(&tally.declared_lineages, candidate);
    }
}

/// A saved plan is the upper bound: what it neither would send nor holds by notice is not sent.
fn narrow(input: &Input<'_>, candidates: &mut [Candidate<'_>], plan: &mut TargetPlan) {
    let Some(saved) = input.saved else { return };
    if saved.policy_digest != plan.policy_digest {
        for candidate in candidates.iter_mut() {
            candidate.hold(HoldName::Ceiling, "the policies changed since the plan was saved", None);
        }
        plan.refusals.push(GuardRefusal {
            guard: "policy_digest".into(),
            over: "all rows".into(),
            figure: describe::cut(&plan.policy_digest, 12).into(),
            limit: format!("{} in the saved plan", describe::cut(&saved.policy_digest, 12)),
            way_on: "make and review a new plan".into(),
            counts: true,
        });
        return;
    }
    let bound: HashSet<Ticket> = saved
        .rows
        .iter()
        .filter(|row| match row.status {
            Status::Change => true,
            Status::Held => row.holds.iter().all(|hold| hold.name == HoldName::Notice),
            Status::Finding => false,
        })
        .map(Row::ticket)
        .collect();
    for candidate in candidates.iter_mut().filter(|candidate| candidate.goes()) {
        let ticket = Ticket {
            kind: candidate.entry.kind.name.into(),
            id: candidate.entry.id.clone(),
            fingerprint: Some(Fingerprint::of(candidate.entry)),
            action: Some(Action::Revoke),
            cause: Some(candidate.cause),
        };
        if !bound.contains(&ticket) {
            candidate.hold(
                HoldName::NotInPlan,
                "the saved plan does not hold this row",
                Some("make a new plan".into()),
            );
        }
    }
}

/// The same natural key went and came back too often: told loudly.
fn fights(input: &Input<'_>, candidates: &[Candidate<'_>], plan: &mut TargetPlan) {
    const LOUD: usize = 3;
    let mut went: HashMap<&Text, usize> = HashMap::new();
    for sent in input.history.sent.iter().filter(|sent| sent.done) {
        *went.entry(&sent.natural_key).or_default() += 1;
    }
    for candidate in candidates {
        if let Some(times) = went.get(&candidate.natural_key).filter(|times| **times >= LOUD) {
            let why = format!("removed {times} times in 24 hours and back again: somebody or something grants it anew");
            plan.rows.push(finding(candidate.entry, FindingKind::Fight, why));
        }
    }
}

fn count(counts: &mut Counts, standing: &Standing) {
    counts.live += 1;
    counts.declared += u32::from(!standing.declarations.is_empty());
    counts.allowed += u32::from(standing.declarations.is_empty() && standing.allowed.is_some());
    counts.managed += u32::from(!standing.sets.is_empty());
    let unknown = standing.declarations.is_empty() && standing.sets.is_empty() && standing.absent.is_none();
    counts.unmanaged += u32::from(unknown);
}

/// Digest of what the policies say of an entry: a refusal stands until it changes.
fn said(input: &Input<'_>, cause: Cause, standing: &Standing, verdict: &Verdict) -> Text {
    let mut hasher = Hasher::new("said");
    hasher.text(cause.name()).text(&verdict.justification);
    if let Some(declaration) = verdict.declaration.and_then(|number| input.policy.declarations.get(number as usize)) {
        hasher.text(&declaration.key).text(&format!("{:?} {:?}", declaration.limits, declaration.on_excess));
        declaration.values.iter().for_each(|value| {
            hasher.value(value);
        });
    }
    for set in standing.sets.iter().filter_map(|&set| input.policy.sets.get(set as usize)) {
        hasher.text(&format!("{:?} {:?}", set.select, set.except));
    }
    if let Some(item) = standing.absent.and_then(|item| input.policy.absents.get(item as usize)) {
        item.values.iter().for_each(|value| {
            hasher.value(value);
        });
    }
    hasher.finish_hex().into()
}
