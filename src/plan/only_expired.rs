//! The row guard of a broken tree: nothing goes but what the last good tree had given an end that has come.
//!
//! The plan is made by the last good tree whole, so whatever it said of an entry counts: a hold, or a further declaration that ends
//! later or never. What may have changed since then speaks for the entry only: a declaration or a hold of a file that is not as
//! it was, and what loads of the newest files.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    Counts, HoldName, Input, Planned,
    candidate::Candidate,
    frame::finish,
    index::LoneResources,
    matching::{Matching, held_entries},
    resolve::Names,
    row_guards::over_by,
};
use crate::{
    access::{Cause, Text},
    policy::{Declaration, Hold, Policies, TargetPolicy},
};

/// The files of a target are broken: all its rows are held, but for those of declarations whose end was already in the last
/// good tree and whose files are as they were in it.
#[derive(Debug, Clone, PartialEq)]
pub struct OnlyExpired {
    /// Since when the tree is broken, or cannot be taken.
    pub since: Timestamp,
    /// What sort of trouble it is, in words that come before the time: `its files are broken`.
    pub what: &'static str,
    /// What is wrong, one sentence.
    pub why: String,
    /// What to do next.
    pub advice: String,
    /// Whether a last good tree is known. Without one nothing can be said of the entries: what loads is not all that there is.
    pub has_tree: bool,
    /// The ends that still hold, by the kind's name and the declaration's key.
    pub ends: HashMap<(Text, Text), Timestamp>,
    /// The files of the last good tree that are byte for byte as they were in it, by their positions.
    pub as_before: BTreeSet<u32>,
    /// What loads of the newest files, where anything does.
    pub newest: Option<Newest>,
}

/// What loads of files that are broken in part.
#[derive(Debug, Clone)]
pub struct Newest {
    /// Of all targets.
    pub policies: Arc<Policies>,
    /// The target that it is asked for.
    pub target: Text,
}

impl Newest {
    fn policy(&self) -> Option<&TargetPolicy> {
        self.policies.targets.get(&self.target)
    }
}

/// Equal where it means the same.
impl PartialEq for Newest {
    fn eq(&self, other: &Self) -> bool {
        let meaning = |newest: &Self| newest.policy().map(|policy| policy.digest.clone());
        self.target == other.target && meaning(self) == meaning(other)
    }
}

/// When a declaration ends by itself: at its `expires`, or when the person it names leaves.
pub fn effective_end(declaration: &Declaration) -> Option<Timestamp> {
    let leaves = declaration.person.as_ref().and_then(|person| person.until);
    [declaration.limits.expires, leaves].into_iter().flatten().min()
}

impl OnlyExpired {
    /// Whether the same may go. In what words it is told why no more does is left out: a repository out of reach has ever other
    /// ones, and what was planned by the ones before would never be sent.
    pub fn lets_go_the_same(&self, other: &Self) -> bool {
        let Self { since: _, what: _, why: _, advice: _, has_tree, ends, as_before, newest } = self;
        (has_tree, ends, as_before, newest) == (&other.has_tree, &other.ends, &other.as_before, &other.newest)
    }

    /// Why the target is held.
    pub fn told(&self) -> String {
        let Self { since, what, why, .. } = self;
        let nothing = if self.has_tree { "" } else { "; until then nothing can be said of its entries" };
        format!("{what} since {since:.0}: {why}{nothing}")
    }

    /// Whether a declaration's end stood like this in the last good tree.
    fn holds(&self, declaration: &Declaration) -> bool {
        let key = (Text::from(declaration.kind.name), declaration.key.clone());
        let end = effective_end(declaration);
        end.is_some() && self.ends.get(&key).copied() == end
    }
}

/// Entries for which something speaks that may have changed since the last good tree.
#[derive(Default)]
pub struct Spared(HashSet<(Text, Text)>);

impl Spared {
    /// Empty where no tree is broken.
    pub fn of(input: &Input<'_>, names: &Names<'_>, lone: &LoneResources) -> Self {
        let Some(only) = &input.settings.only_expired else { return Self::default() };
        let (snapshot, over_by) = (input.snapshot, over_by(input));
        // A hold that is over may have been given more time in a file that is not as it was.
        let is_doubtful = |hold: &&Hold| !only.as_before.contains(&hold.place.file);
        let doubtful: Vec<Hold> = input.policy.holds.iter().filter(is_doubtful).cloned().collect();
        let mut spared: HashSet<u32> =
            held_entries(&doubtful, snapshot, names, lone, Timestamp::MIN).into_keys().collect();
        if let Some(newest) = only.newest.as_ref().and_then(Newest::policy) {
            spared.extend(held_entries(&newest.holds, snapshot, names, lone, over_by).into_keys());
            let goes_on = |declaration: &Declaration| effective_end(declaration).is_none_or(|end| end > over_by);
            let matching = Matching::new(newest, snapshot, names, lone);
            for (number, declaration) in newest.declarations.iter().enumerate() {
                if goes_on(declaration) {
                    spared.extend(matching.entries(number));
                }
            }
        }
        let entries = spared.into_iter().filter_map(|at| snapshot.entries.get(at as usize));
        Self(entries.map(|entry| (entry.kind.name.into(), entry.id.clone())).collect())
    }

    fn has(&self, candidate: &Candidate<'_>) -> bool {
        self.0.contains(&(candidate.entry.kind.name.into(), candidate.entry.id.clone()))
    }
}

/// Takes back all that was concluded, where no good tree is known: an entry that the broken lines declare is not undeclared.
pub fn say_nothing(input: &Input<'_>, planned: &mut Planned) {
    if input.settings.only_expired.as_ref().is_none_or(|only| only.has_tree) {
        return;
    }
    let Planned { plan, upcoming, .. } = planned;
    plan.rows.clear();
    plan.refusals.clear();
    upcoming.clear();
    let Counts { live, dead, .. } = plan.counts;
    finish(plan);
    plan.counts = Counts { live, dead, ..Counts::default() };
}

/// Holds the row unless it is such a one.
pub fn judge(input: &Input<'_>, spared: &Spared, candidate: &mut Candidate<'_>) {
    let Some(only) = &input.settings.only_expired else { return };
    if candidate.cause != Cause::Expired || !qualifies(only, input, candidate) || spared.has(candidate) {
        candidate.hold(HoldName::BadTree, only.told(), Some(only.advice.clone()));
    }
}

fn qualifies(only: &OnlyExpired, input: &Input<'_>, candidate: &Candidate<'_>) -> bool {
    let number = |number: &u32| input.policy.declarations.get(*number as usize);
    let mut declarations = candidate.declarations.iter().filter_map(number);
    let as_before = |declaration: &Declaration| {
        only.holds(declaration) && effective_end(declaration).is_some_and(|end| end <= input.now)
    };
    !candidate.declarations.is_empty() && declarations.all(as_before)
}
