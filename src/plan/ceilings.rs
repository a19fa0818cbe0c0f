//! Guards that refuse whole groups of rows, never cut to fit.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Counts, Guard, GuardRefusal, HoldName, Input, Settings, TargetPlan, candidate::Candidate, membership::Membership,
    tally::Tally,
};
use crate::{
    access::{BaseScope, Group, SentRow, Text},
    policy::Declaration,
};

/// The ceiling over all targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// Removals in 24 hours, by weight.
    pub max: u32,
    /// The weight that was sent in the last 24 hours to all targets.
    pub sent: u32,
    /// Whether a person stated or announced a number for every target.
    pub lifted: bool,
    /// Whether a number that is meant can only be announced, see [`super::Settings::announced_only`].
    pub announced_only: bool,
}

/// Judges the groups of one target; what is refused is held.
pub fn judge(
    input: &Input<'_>,
    candidates: &mut [Candidate<'_>],
    tally: &Tally,
    membership: &Membership<'_>,
    counts: &mut Counts,
) -> Vec<GuardRefusal> {
    let mut refusals = Vec::new();
    no_overlap(input, candidates, tally, &mut refusals);
    empty_sets(input, candidates, tally, membership, &mut refusals);
    let going = number(candidates.iter().filter(|candidate| candidate.goes()).count());
    counts.meant = going;
    if let Some(stated) = input.stated {
        if stated != going {
            refuse(candidates, |_| true, "the stated number is not met");
            refusals.push(GuardRefusal {
                guard: Guard::StatedNumber,
                over: "all rows".into(),
                figure: format!("{going} would be sent"),
                limit: format!("{stated} stated"),
                way_on: way_on(input, going),
                counts: true,
            });
        }
        return refusals;
    }
    let expected = input.history.expectation.as_ref().filter(|expected| !expected.is_over(input.now));
    if expected.is_some_and(|expected| expected.number == going) {
        return refusals;
    }
    for group in [Group::Due, Group::Undeclared] {
        share(input, candidates, tally, group, going, &mut refusals);
    }
    count(input, candidates, going, &mut refusals);
    if let Some(expected) = expected {
        let over = refusals.iter_mut().filter(|refusal| refusal.guard.yields_to_a_number());
        over.for_each(|refusal| refusal.figure.push_str(&announced(expected.number, going)));
    }
    refusals
}

/// What an announced number that is not met adds to a figure.
fn announced(number: u32, going: u32) -> String {
    format!("; {number} announced, {going} would be sent")
}

fn way_on(input: &Input<'_>, going: u32) -> String {
    let Settings { target, announced_only, .. } = input.settings;
    let meant = match going {
        0 => "if none is meant".to_owned(),
        1 => "if this one is meant".to_owned(),
        _ => format!("if all {going} are meant"),
    };
    format!("{meant}: {}", stating(target, going, *announced_only))
}

/// How a number is stated.
fn stating(target: &Text, number: u32, announced_only: bool) -> String {
    match announced_only {
        true => format!("portcullis expect {target} {number} --until 2h"),
        false => format!("--expect-revocations {target}={number}"),
    }
}

fn refuse(candidates: &mut [Candidate<'_>], which: impl Fn(&Candidate<'_>) -> bool, why: &str) -> u32 {
    let mut refused = 0;
    for candidate in candidates.iter_mut().filter(|candidate| candidate.goes() && which(candidate)) {
        candidate.hold(HoldName::Ceiling, why, None);
        refused += 1;
    }
    refused
}

/// Entries and declarations of a kind exist and none match: a wrong account or a wrong file.
fn no_overlap(input: &Input<'_>, candidates: &mut [Candidate<'_>], tally: &Tally, refusals: &mut Vec<GuardRefusal>) {
    let over_by = super::row_guards::over_by(input);
    for kind in input.description.kinds {
        let meant = |declaration: &&Declaration| declaration.kind == kind && !super::is_over(declaration, over_by);
        let declared = input.policy.declarations.iter().filter(meant).count();
        let (live, matched) = tally.kinds.get(kind.name).copied().unwrap_or_default();
        if declared == 0 || live == 0 || matched {
            continue;
        }
        let inside = |candidate: &Candidate<'_>| candidate.entry.kind == kind && candidate.group() != Group::Absent;
        if refuse(candidates, inside, "no declaration of this kind matches any live entry") > 0 {
            refusals.push(GuardRefusal {
                guard: Guard::NoOverlap,
                over: kind.list.into(),
                figure: format!("0 of {declared} declarations match any of {live} live entries"),
                limit: "at least 1".into(),
                way_on: "see whether the credential belongs to the account that the policies mean; if they are right, \
                         name one live entry in them"
                    .into(),
                counts: true,
            });
        }
    }
}

/// A set that nothing speaks of, or that would be left without any entry, needs `allow_empty: true`.
fn empty_sets(
    input: &Input<'_>,
    candidates: &mut [Candidate<'_>],
    tally: &Tally,
    membership: &Membership<'_>,
    refusals: &mut Vec<GuardRefusal>,
) {
    // For each set the rows in it that go, and how many of these still do.
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); input.policy.sets.len()];
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| candidate.goes()) {
        for &set in &candidate.sets {
            if let Some(rows) = rows.get_mut(set as usize) {
                rows.push(at);
            }
        }
    }
    let mut spoken_of = None;
    for (position, (set, rows)) in input.policy.sets.iter().zip(rows).enumerate() {
        if set.allow_empty {
            continue;
        }
        let goes = |at: &&usize| candidates.get(**at).is_some_and(Candidate::goes);
        let is_undeclared =
            |at: &&usize| candidates.get(**at).is_some_and(|candidate| candidate.group() == Group::Undeclared);
        let going = number(rows.iter().filter(goes).count());
        if !rows.iter().filter(goes).any(|at| is_undeclared(&at)) {
            continue;
        }
        let (live, spoken) = tally.by_set.get(position).copied().unwrap_or_default();
        let silent = !spoken
            && !spoken_of.get_or_insert_with(|| speaks(input, membership)).get(position).copied().unwrap_or(false);
        if !silent && going < live {
            continue;
        }
        let why =
            if silent { "no declaration and no `allow` speaks of its set" } else { "its set would be left empty" };
        for at in rows {
            let undeclared = |c: &&mut Candidate<'_>| c.goes() && c.group() == Group::Undeclared;
            if let Some(candidate) = candidates.get_mut(at).filter(undeclared) {
                candidate.hold(HoldName::Ceiling, why, None);
            }
        }
        let file = input.policy.files.get(set.place.file as usize).map_or("", |file| file.name.as_str());
        refusals.push(GuardRefusal {
            guard: Guard::AllowEmpty,
            over: format!("{} managed at {file}:{}", set.kind.list, set.place.line),
            figure: format!("{going} of {live} would go; {why}"),
            limit: "one has to stay, and something has to be declared".into(),
            way_on: format!("if that is meant, say `allow_empty: true` on the set at {file}:{}", set.place.line),
            counts: true,
        });
    }
}

/// For each set whether an `allow` item of its file, or a declaration that would lie in it, speaks of it.
fn speaks(input: &Input<'_>, membership: &Membership<'_>) -> Vec<bool> {
    let allowing: HashSet<(u32, &str)> =
        input.policy.allows.iter().map(|allow| (allow.place.file, allow.kind.name)).collect();
    let sets = input.policy.sets.iter();
    let mut spoken: Vec<bool> = sets.map(|set| allowing.contains(&(set.place.file, set.kind.name))).collect();
    for set in input
        .policy
        .declarations
        .iter()
        .flat_map(|one| membership.sets_of(&super::imagined(one, input.description.system)))
    {
        if let Some(spoken) = spoken.get_mut(set as usize) {
            *spoken = true;
        }
    }
    spoken
}

fn share(
    input: &Input<'_>,
    candidates: &mut [Candidate<'_>],
    tally: &Tally,
    group: Group,
    all: u32,
    refusals: &mut Vec<GuardRefusal>,
) {
    // Per scope: what would go now.
    let mut going: BTreeMap<BaseScope, u32> = BTreeMap::new();
    let mut ids: HashSet<(&str, &str)> = HashSet::new();
    for candidate in candidates.iter().filter(|candidate| candidate.goes() && candidate.group() == group) {
        *going.entry(BaseScope::Kind(candidate.entry.kind.name.into())).or_default() += 1;
        for &file in &candidate.files {
            if let Some(file) = input.policy.files.get(file as usize) {
                *going.entry(BaseScope::File(file.name.clone())).or_default() += 1;
            }
        }
        ids.insert((candidate.entry.kind.name, &candidate.entry.id));
    }
    let mut bases: BTreeMap<BaseScope, u32> = BTreeMap::new();
    for base in tally.bases(input.policy).into_iter().chain(input.history.bases.iter().cloned()) {
        let known = bases.entry(base.scope).or_default();
        *known = base.number.max(*known);
    }
    let mut sent_in: HashMap<BaseScope, u32> = HashMap::new();
    let counts = |sent: &&SentRow| {
        sent.group() == group && (sent.done || !ids.contains(&(sent.kind.as_str(), sent.id.as_str())))
    };
    for sent in input.history.sent.iter().filter(counts) {
        let files = sent.files.iter().cloned().map(BaseScope::File);
        for scope in files.chain([BaseScope::Kind(sent.kind.clone())]) {
            *sent_in.entry(scope).or_default() += 1;
        }
    }
    let percent = input.settings.max_share_percent;
    let mut over = Vec::new();
    for (scope, now) in going {
        let base = bases.get(&scope).copied().unwrap_or(0);
        let limit = number((u64::from(base) * u64::from(percent) / 100) as usize).max(1);
        let sent = sent_in.get(&scope).copied().unwrap_or(0);
        if now + sent > limit {
            over.push((scope, now, sent, base, limit));
        }
    }
    drop(ids);
    if over.is_empty() {
        return;
    }
    refuse(candidates, |candidate| candidate.group() == group, "its group is over the share guard");
    for (scope, now, sent, base, limit) in over {
        let what = match scope {
            BaseScope::File(file) => format!("{} rows of {file}", group.name()),
            BaseScope::Kind(kind) => format!("{} rows of kind {kind}", group.name()),
        };
        let before = if sent > 0 { format!(" and {sent} in the last 24 h") } else { String::new() };
        refusals.push(GuardRefusal {
            guard: Guard::Share,
            over: what,
            figure: format!("{now}{before} of {base} entries"),
            limit: format!("{limit} ({percent} %)"),
            way_on: way_on(input, all),
            counts: true,
        });
    }
}

fn count(input: &Input<'_>, candidates: &mut [Candidate<'_>], all: u32, refusals: &mut Vec<GuardRefusal>) {
    let ids: HashSet<(Text, Text)> = candidates
        .iter()
        .filter(|candidate| candidate.goes())
        .map(|candidate| (candidate.entry.kind.name.into(), candidate.entry.id.clone()))
        .collect();
    let before: u32 = input
        .history
        .sent
        .iter()
        .filter(|sent| sent.done || !ids.contains(&(sent.kind.clone(), sent.id.clone())))
        .map(|sent| sent.weight)
        .fold(0, u32::saturating_add);
    let limit = input.settings.max_count;
    let mut running = before;
    for group in [Group::Absent, Group::Due, Group::Undeclared] {
        let inside = |candidate: &Candidate<'_>| candidate.group() == group;
        let weight = candidates
            .iter()
            .filter(|candidate| candidate.goes() && inside(candidate))
            .map(|candidate| candidate.entry.weight())
            .fold(0, u32::saturating_add);
        if weight == 0 {
            continue;
        }
        if running.saturating_add(weight) <= limit {
            running += weight;
            continue;
        }
        refuse(candidates, inside, "its group is over the count guard");
        let sent = if running > 0 { format!(", after {running} let in or sent in 24 h before") } else { String::new() };
        refusals.push(GuardRefusal {
            guard: Guard::Count,
            over: format!("{} rows", group.name()),
            figure: format!("{} reached{sent}", super::render::count(weight.into(), "person", "people")),
            limit: format!("{limit} in 24 h"),
            way_on: way_on(input, all),
            counts: true,
        });
    }
}

/// Whether what these plans would send is too much, with what was sent.
pub fn exceeds_total(plans: &[TargetPlan], sent: u32, max: u32) -> bool {
    let planned = plans.iter().flat_map(TargetPlan::changes).map(|row| row.weight).fold(0, u32::saturating_add);
    planned > 0 && sent.saturating_add(planned) > max
}

/// The ceiling over all targets: past it every target's due and undeclared rows are refused.
pub fn limit_total(plans: &mut [TargetPlan], total: Total) {
    let planned = plans.iter().flat_map(TargetPlan::changes).map(|row| row.weight).fold(0, u32::saturating_add);
    if total.lifted || !exceeds_total(plans, total.sent, total.max) {
        return;
    }
    for plan in plans {
        let all = plan.counts.meant;
        let target = plan.target.clone();
        let mut refused = false;
        for row in &mut plan.rows {
            if row.status == super::Status::Change && row.group().is_some_and(|group| group != Group::Absent) {
                row.status = super::Status::Held;
                row.holds.push(super::Hold {
                    name: HoldName::Ceiling,
                    why: "the removals of all targets together are over the count guard".into(),
                    way_on: None,
                });
                refused = true;
            }
        }
        if refused {
            plan.refusals.push(GuardRefusal {
                guard: Guard::CountTotal,
                over: "due and undeclared rows of every target".into(),
                figure: format!("{planned} over all targets, and {} in the last 24 h", total.sent),
                limit: format!("{} in 24 h", total.max),
                way_on: match total.announced_only {
                    true => format!(
                        "announce a number for every target, 0 where nothing is to go; here: {}",
                        stating(&target, all, true)
                    ),
                    false => format!("state a number for every target; here: {}", stating(&target, all, false)),
                },
                counts: true,
            });
            super::frame::finish(plan);
        }
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
