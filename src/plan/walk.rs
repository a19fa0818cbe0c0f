//! The one walk over a snapshot: each entry goes through the table once, is counted and observed, and becomes a candidate, a
//! finding or nothing.

use std::collections::HashMap;

use super::{
    Counts, FindingKind, HoldName, Input, OriginKind, Row, TargetPlan,
    candidate::Candidate,
    coming::Coming,
    dead::DeadDeclared,
    duplicates::Duplicates,
    escaped::{Escape, Escaped},
    frame::empty,
    index::LoneResources,
    matching::natural_key,
    observe::Observer,
    reserved::Reserved,
    resolve::Names,
    rows::{finding, found},
    standing::{Standing, Table, Verdict},
    tally::{Tally, files_of},
};
use crate::access::{Cause, Entry, Group, Hasher, Life, Observation, OpenIntent, Selector, Text, title};

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
pub struct Walk<'a> {
    /// The table.
    pub table: Table<'a>,
    /// Resources that a declaration may leave out.
    pub lone: &'a LoneResources,
    /// Own and protected entries.
    pub reserved: Reserved<'a>,
    /// Entries that `absent:` items name.
    pub absents: &'a HashMap<u32, u32>,
    /// Entries that `holds:` items name.
    pub held: HashMap<u32, u32>,
    /// Entries that share a declaration.
    pub duplicates: Duplicates,
    /// Dead entries that are declared.
    pub dead: &'a DeadDeclared,
    /// Intents without a final outcome.
    pub open: &'a HashMap<(&'a str, &'a str), &'a OpenIntent>,
    /// Entries that may have escaped their end.
    pub escaped: Escaped<'a>,
}

/// What came of the walk.
pub struct Walked<'a> {
    /// The plan so far: findings, counts and remarks.
    pub plan: TargetPlan,
    /// Entries that the table removes.
    pub candidates: Vec<Candidate<'a>>,
    /// Live entries with a lineage that nothing removes: declared or not, in a set or not.
    pub staying: Vec<&'a Entry>,
    /// What was counted.
    pub tally: Tally,
    /// What to keep beside the journal's chain.
    pub observation: Observation,
    /// What time will bring.
    pub coming: Coming<'a>,
}

impl<'a> Walk<'a> {
    /// Walks.
    pub fn walk(&self, names: &Names<'_>) -> Walked<'a> {
        let input = self.table.input;
        let mut plan = empty(&input);
        plan.remarks.extend(forgetful(&input));
        let mut tally = Tally::new(input.policy);
        let mut observer = Observer::new(input);
        let mut coming = Coming::new(&input);
        let (mut candidates, mut staying) = (Vec::new(), Vec::new());
        for (position, entry) in input.snapshot.entries.iter().enumerate() {
            let sets = self.table.membership.sets_of(entry);
            if let Life::Dead(why) = &entry.life {
                plan.counts.dead += 1;
                match self.dead.declaration_of(position) {
                    Some(declaration) => plan.rows.push(self.table.declared_dead(entry, declaration, why)),
                    None if !sets.is_empty() => plan.rows.push(finding(entry, FindingKind::Dead, why.to_string())),
                    None => {}
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
            if verdict.cause.is_none()
                && let Some(Escape { verdict, hold, why, way_on }) = self.escaped.escape(&self.table, entry, &standing)
            {
                let mut candidate = self.candidate(position, entry, Cause::Expired, standing, verdict, files);
                candidate.hold(hold, why, Some(way_on));
                candidates.push(candidate);
                continue;
            }
            if verdict.cause.is_none() && entry.facts.as_ref().is_some_and(|facts| !facts.lineage.is_empty()) {
                staying.push(entry);
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
        let observation = observer.finish(&tally, self.table.clock_is_right);
        Walked { plan, candidates, staying, observation, tally, coming }
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
            own: self.reserved.is_own(entry),
            protected: self.reserved.is_protected(entry),
            absent: self.absents.get(&number).copied(),
            declarations: match self.duplicates.meant_instead_of(number) {
                Some(_) => Vec::new(),
                None => self.table.matching.declarations(position).to_vec(),
            },
            duplicate: self.duplicates.is_doubtful(number),
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
            let (noun, title) = (entry.kind.noun, title(entry));
            plan.remarks.push(format!(
                "{} left and still holds {noun} {title} [{}], which lies in no managed set",
                person.name, entry.id
            ));
        }
    }

    /// What is under way for the entry, as the system or the journal tells.
    fn leaving(&self, entry: &Entry) -> Option<Leaving> {
        let limit = self.table.input.settings.max_in_flight;
        let is_over = |since: &jiff::Timestamp| self.table.input.now.duration_since(*since) > limit;
        let told = |what: String, since: Option<jiff::Timestamp>| match since.filter(is_over) {
            Some(since) => {
                let what = format!("{what}; since {since:.0}, longer than {}", super::due::span(Some(limit)));
                Leaving { what, overdue: true }
            }
            None => Leaving { what, overdue: false },
        };
        let open = self.open.get(&(entry.kind.name, entry.id.as_str())).filter(|open| open.in_flight);
        if let Life::InFlight { since, what } = &entry.life {
            let since = since.or(open.map(|open| open.since));
            // Where nobody tells since when, it can be as old as the entry: told too early rather than never.
            if since.is_none() && entry.created_at.as_ref().is_some_and(is_over) {
                let span = super::due::span(Some(limit));
                let what = format!("{what}; nobody tells since when, and it may be for longer than {span}");
                return Some(Leaving { what, overdue: true });
            }
            return Some(told(what.to_string(), since));
        }
        open.map(|open| told(format!("a removal was sent {:.0} and is under way", open.since), Some(open.since)))
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
            remarks.push(format!("the outcome of a removal sent {:.0} is not known yet", open.since));
        }
        if let Some(meant) = self.duplicates.meant_instead_of(number)
            && let Some(meant) = self.table.input.snapshot.entries.get(meant as usize)
        {
            remarks.push(format!(
                "it shares the natural key of a declaration that the journal knows to mean [{}]; if this one is meant, \
                 declare it by its id",
                meant.id
            ));
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
    cause.group() == Group::Due && standing.goes_if_not_meant()
}

fn count(counts: &mut Counts, standing: &Standing) {
    counts.live += 1;
    counts.declared += u32::from(!standing.declarations.is_empty());
    counts.allowed += u32::from(standing.declarations.is_empty() && standing.allowed.is_some());
    counts.managed += u32::from(!standing.sets.is_empty());
    let unknown = standing.declarations.is_empty() && standing.sets.is_empty() && standing.absent.is_none();
    counts.unmanaged += u32::from(unknown);
}

/// Digest of what the policies say of an entry: a refusal stands until it changes. The journal keeps it, so it is made of
/// words that no other version spells otherwise.
fn said(input: &Input<'_>, cause: Cause, standing: &Standing, verdict: &Verdict) -> Text {
    let mut hasher = Hasher::new("said");
    hasher.text(cause.name()).text(&verdict.justification);
    if let Some(declaration) = verdict.declaration.and_then(|number| input.policy.declarations.get(number as usize)) {
        hasher.text(&declaration.key).text(declaration.on_excess.name());
        declaration.limits.feed(&mut hasher);
        declaration.values.iter().for_each(|value| {
            hasher.value(value);
        });
    }
    for set in standing.sets.iter().filter_map(|&set| input.policy.sets.get(set as usize)) {
        set.select.feed(&mut hasher);
        hasher.bag("except", set.except.iter().map(Selector::digest));
    }
    if let Some(item) = standing.absent.and_then(|item| input.policy.absents.get(item as usize)) {
        item.values.iter().for_each(|value| {
            hasher.value(value);
        });
    }
    hasher.finish_hex().into()
}
