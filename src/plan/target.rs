//! The plan of one target, step by step: names, matching and sets; the walk through the table; ambiguity, guards and ceilings.

use std::collections::HashMap;

use super::{
    Guard, GuardRefusal, Input, Origin, OriginKind, Planned,
    ambiguity::Ambiguity,
    candidate::Candidate,
    ceilings, coming,
    dead::DeadDeclared,
    duplicates::Duplicates,
    escaped::Escaped,
    fights::Fights,
    frame::finish,
    idle,
    implied::Implied,
    index::LoneResources,
    keepers::Keepers,
    matching::{AbsentEntries, Matching, held_entries},
    membership::{Leavers, Membership},
    only_expired::{self, Spared},
    reserved::{self, Reserved},
    resolve::Names,
    row_guards::{self, RowGuards},
    rows::{missing, row},
    saved,
    standing::Table,
    walk::{Walk, Walked},
};
use crate::access::{Cause, Fingerprint, OpenIntent};

/// Plans one target: what goes, what is held and by what, what is only told.
pub fn plan_target(input: &Input<'_>) -> Planned {
    let names = Names::of(input.description, input.snapshot);
    let lone = LoneResources::of(input.snapshot, input.description.kinds);
    let matching = Matching::new(input.policy, input.snapshot, &names, &lone);
    let dead = DeadDeclared::of(input, &matching, &names, &lone);
    let absents = AbsentEntries::of(&input.policy.absents, input.snapshot, &names, &lone);
    let open: HashMap<(&str, &str), &OpenIntent> =
        input.history.open.iter().map(|open| ((open.kind.as_str(), open.id.as_str()), open)).collect();
    let membership = Membership::new(input.policy);
    let clock_is_right = row_guards::clock_is_right(input);
    let over_by = row_guards::over_by(input);
    let leavers = Leavers::new(input.description.system, input.people, over_by);
    let table =
        Table { input: *input, matching: &matching, membership: &membership, leavers: &leavers, clock_is_right };
    let walk = Walk {
        table,
        lone: &lone,
        reserved: Reserved::of(input),
        held: held_entries(&input.policy.holds, input.snapshot, &names, &lone, over_by),
        duplicates: Duplicates::of(input, &matching, &absents.named, &open),
        absents: &absents.named,
        dead: &dead,
        open: &open,
        escaped: Escaped::of(input, &matching, &names),
    };
    let Walked { mut plan, mut candidates, staying, tally, observation, mut coming } = walk.walk(&names);

    plan.remarks.extend(names_nothing(&walk.table, &absents));
    plan.remarks.extend(idle::told(&walk.table));
    plan.remarks.extend(left_elsewhere(input));
    let ambiguity = Ambiguity::new(*input, &matching, &candidates);
    let keepers = Keepers::of(input, (&names, &lone), &candidates, clock_is_right);
    let mut implied = Implied::of(&candidates);
    staying.into_iter().for_each(|entry| implied.stays(entry));
    let own_unknown = reserved::own_unknown(input);
    let unknown_kinds: Vec<_> = own_unknown.iter().map(|(kind, _)| *kind).collect();
    let fights = Fights::of(input);
    let spared = Spared::of(input, &names, &lone);
    let guards =
        RowGuards { input: *input, own_unknown: &unknown_kinds, clock_is_right, fights: &fights, spared: &spared };
    for candidate in &mut candidates {
        told_by_journal(input, &ambiguity, candidate);
        guards.judge(candidate);
        ambiguity.judge(candidate);
        keepers.judge(candidate, &leavers);
        implied.judge(candidate);
        candidate.due_at = coming::came_due(&walk.table, candidate);
    }
    for (kind, why) in own_unknown.iter().filter(|(kind, _)| input.settings.enforce.contains(kind)) {
        plan.refusals.push(GuardRefusal {
            guard: Guard::OwnUnknown,
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
    saved::narrow(input, &mut candidates, &mut plan);
    row_guards::widening(input, &mut candidates, &tally);
    row_guards::floor(input, &mut candidates, &tally);
    // Before the ceilings, so that they count what would be sent, and after them, for what they hold.
    implied.held_stay_too(&mut candidates);
    plan.refusals.extend(ceilings::judge(input, &mut candidates, &tally, &membership, &mut plan.counts));
    implied.held_stay_too(&mut candidates);
    plan.rows.extend(fights.told(&candidates));
    coming.held(&candidates, clock_is_right);
    plan.rows.extend(candidates.into_iter().map(|candidate| row(input, candidate)));
    missing(&walk.table, &matching, &dead, &mut plan);
    finish(&mut plan);
    let mut planned = Planned { plan, observation, upcoming: coming.finish() };
    only_expired::say_nothing(input, &mut planned);
    planned
}

/// So many removals of another account are named.
const MAX_ELSEWHERE: usize = 3;

/// Removals that were sent to another account under this target's name, and whose outcome nobody knows.
fn left_elsewhere(input: &Input<'_>) -> Option<String> {
    let left = &input.history.open_elsewhere;
    let named: Vec<&str> = left.iter().take(MAX_ELSEWHERE).map(|open| open.id.as_str()).collect();
    let more = left.len().saturating_sub(named.len());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    (!left.is_empty()).then(|| {
        format!(
            "this target was another account before (its host, `account` or organization is another one now), and the outcome \
             of {}{more} was not known there: look at that account by hand, or let a run with its old settings settle it",
            named.join(", ")
        )
    })
}

/// So many `absent:` items that name nothing are told one by one.
const MAX_UNCLEAR: usize = 20;

/// An `absent:` item whose name does not resolve names nothing, and whoever wrote it believes that it does.
fn names_nothing(table: &Table<'_>, absents: &AbsentEntries) -> Vec<String> {
    let item = |(item, how): &(u32, String)| {
        let item = table.input.policy.absents.get(*item as usize)?;
        let Origin { file, line, .. } = table.origin(item.place, OriginKind::Absent);
        Some(format!("the `absent:` item at {file}:{line} names nothing: {how}"))
    };
    let mut told: Vec<String> = absents.unclear.iter().take(MAX_UNCLEAR).filter_map(item).collect();
    let more = absents.unclear.len().saturating_sub(MAX_UNCLEAR);
    if more > 0 {
        told.push(format!("{more} more `absent:` items name nothing, since their names do not resolve"));
    }
    told
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
    let is_unchanged =
        last.in_set && !candidate.sets.is_empty() && last.fingerprint == Fingerprint::of(candidate.entry);
    match ambiguity.meant_elsewhere(candidate.entry).filter(|_| is_unchanged) {
        Some(declaration) if !input.settings.notice.is_zero() => candidate.remarks.push(format!(
            "the declaration {declaration} matches nothing and may have been meant for it: so it has notice all the same"
        )),
        Some(_) => {}
        None => candidate.no_longer_declared = is_unchanged,
    }
    if candidate.no_longer_declared {
        candidate.verdict.why = "no longer declared".into();
    }
    debug_assert!(input.history.persistent || input.history.matches.is_empty(), "no memory without a journal");
}
