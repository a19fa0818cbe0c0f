//! One entry, now: the command `revoke` for a leaked token. Passes observe, notice, freeze, floor, share and count; never
//! own, protected or widening.

use super::{
    HoldName, Input, Origin, OriginKind, Planned,
    candidate::Candidate,
    describe, frame,
    index::LoneResources,
    keepers::Keepers,
    matching::{Matching, natural_key},
    membership::{Leavers, Membership},
    reserved::{self, Reserved},
    resolve::Names,
    row_guards, rows,
    standing::{Standing, Verdict},
    tally::{Tally, files_of},
};
use crate::access::{Cause, Entry, Gap, Group, Hasher, Life, Observation, Text, cut};

/// Why an order cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefused {
    /// No entry has this id.
    #[error("no entry of this target has the id {0:?}")]
    NotFound(String),
    /// Several kinds have an entry with this id.
    #[error("several kinds have an entry with this id: {0}; name one with --kind")]
    Ambiguous(String),
    /// It gives no access any more.
    #[error("it gives no access any more: {0}")]
    Dead(String),
    /// A removal is already under way.
    #[error("a removal is already under way: {0}")]
    InFlight(String),
    /// A guard that no order passes holds it.
    #[error("{name} holds it: {why}")]
    Held {
        /// The guard.
        name: &'static str,
        /// Why, with the way on.
        why: String,
    },
}

/// Plans the removal of exactly one entry, by its id.
///
/// # Errors
/// [`OrderRefused`]: nothing is to be sent.
pub fn order_one(input: &Input<'_>, kind: Option<&str>, id: &str, because: &str) -> Result<Planned, OrderRefused> {
    let found: Vec<(usize, &Entry)> = input
        .snapshot
        .entries
        .iter()
        .enumerate()
        .filter(|(_, entry)| {
            entry.id == id && kind.is_none_or(|kind| entry.kind.name == kind || entry.kind.list == kind)
        })
        .collect();
    let (position, entry) = match found.as_slice() {
        [] => return Err(OrderRefused::NotFound(id.to_owned())),
        [found] => *found,
        several => {
            let kinds: Vec<&str> = several.iter().map(|(_, entry)| entry.kind.name).collect();
            return Err(OrderRefused::Ambiguous(kinds.join(", ")));
        }
    };
    match &entry.life {
        Life::Live => {}
        Life::Dead(why) => return Err(OrderRefused::Dead(why.to_string())),
        Life::InFlight { what, .. } => return Err(OrderRefused::InFlight(what.to_string())),
    }
    let under_way = |open: &&crate::access::OpenIntent| open.kind == entry.kind.name && open.id == entry.id;
    if let Some(open) = input.history.open.iter().find(under_way) {
        let what = if open.in_flight { "the system works on it" } else { "its outcome is not known yet" };
        return Err(OrderRefused::InFlight(format!("sent {}; {what}", open.since)));
    }
    let lone = LoneResources::of(input.snapshot, input.description.kinds);
    let membership = Membership::new(input.policy);
    let reserved = Reserved::of(input);
    let mut tally = Tally::new(input.policy);
    for other in input.snapshot.entries.iter().filter(|other| other.is_live()) {
        tally.count(other, &Standing::default(), &[], false);
    }
    let standing = Standing { sets: membership.sets_of(entry), ..Standing::default() };
    let mut said = Hasher::new("said");
    said.text(Cause::Ordered.name()).text(because);
    let mut candidate = Candidate {
        entry,
        cause: Cause::Ordered,
        verdict: Verdict {
            cause: Some(Cause::Ordered),
            finding: None,
            why: format!("ordered by a person: {because}"),
            origin: declared_at(input, position, &lone),
            place: None,
            justification: Text::from(because),
            team: None,
            gap: Gap::default(),
            declaration: None,
        },
        own: reserved.is_own(entry),
        protected: reserved.is_protected(entry),
        held: None,
        files: files_of(input.policy, &standing),
        declarations: Vec::new(),
        sets: standing.sets,
        holds: Vec::new(),
        remarks: Vec::new(),
        no_longer_declared: false,
        due_at: None,
        said: said.finish_hex().into(),
        natural_key: natural_key(entry, &lone),
    };
    debug_assert_eq!(candidate.group(), Group::Absent, "an order passes what an absent row passes");
    if candidate.own {
        candidate.hold(HoldName::Own, "Portcullis or its pipeline lives on it", None);
    }
    if candidate.protected {
        candidate.hold(HoldName::Protected, "the operator protects it in portcullis.yaml", None);
    }
    if let Some((_, why)) = reserved::own_unknown(input).into_iter().find(|(kind, _)| *kind == entry.kind) {
        candidate.hold(
            HoldName::Own,
            format!("it could be the own credential: {why}"),
            Some(format!("list the own one under `own:` of {}, or say `unlisted`", input.settings.target)),
        );
    }
    let mut candidates = [candidate];
    let clock_is_right = row_guards::clock_is_right(input);
    let names = Names::of(input.description, input.snapshot);
    let keepers = Keepers::of(input, (&names, &lone), &candidates, clock_is_right);
    let leavers = Leavers::new(input.description.system, input.people, input.now);
    candidates.iter_mut().for_each(|candidate| keepers.judge(candidate, &leavers));
    row_guards::widening(input, &mut candidates, &tally);
    let [candidate] = candidates;
    if let Some(hold) = candidate.holds.first() {
        let way_on = hold.way_on.as_ref().map_or_else(String::new, |way_on| format!("; {way_on}"));
        return Err(OrderRefused::Held { name: hold.name.name(), why: format!("{}{way_on}", hold.why) });
    }
    let reason = cut(&format!("ordered: {because}"), describe::MAX_REASON_BYTES).to_owned();
    let mut plan = frame::empty(input);
    let mut row = rows::row(input, candidate);
    row.reason = reason;
    plan.rows.push(row);
    frame::finish(&mut plan);
    Ok(Planned { plan, observation: Observation::default(), upcoming: Vec::new() })
}

/// Where the entry is declared, by its id or by its natural key: the line to change in Git.
fn declared_at(input: &Input<'_>, position: usize, lone: &LoneResources) -> Option<Origin> {
    let names = Names::of(input.description, input.snapshot);
    let matching = Matching::new(input.policy, input.snapshot, &names, lone);
    let declaration = matching.declarations(position).first()?;
    let place = input.policy.declarations.get(*declaration as usize)?.places.first()?;
    let file = input.policy.files.get(place.file as usize).map_or(String::new(), |file| file.name.to_string());
    Some(Origin { file, line: place.line, what: OriginKind::Declaration })
}
