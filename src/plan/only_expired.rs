//! The row guard of a broken tree: nothing goes but what the last good tree had given an end that has come.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{HoldName, Input, candidate::Candidate};
use crate::{
    access::{Cause, Text},
    policy::Declaration,
};

/// The files of a target are broken: all its rows are held, but for those of declarations whose end was already in the last
/// good tree and whose files are as they were in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlyExpired {
    /// Since when the tree is broken.
    pub since: Timestamp,
    /// What is wrong, one sentence.
    pub why: String,
    /// The ends that still hold, by the kind's name and the declaration's key.
    pub ends: HashMap<(Text, Text), Timestamp>,
    /// Whether the tree is known only in part, so that the entry's last recorded match has to be the declaration, too.
    pub by_last_match: bool,
}

/// When a declaration ends by itself: at its `expires`, or when the person it names leaves.
pub fn effective_end(declaration: &Declaration) -> Option<Timestamp> {
    let leaves = declaration.person.as_ref().and_then(|person| person.until);
    [declaration.limits.expires, leaves].into_iter().flatten().min()
}

impl OnlyExpired {
    /// Whether a declaration's end stood like this in the last good tree.
    fn holds(&self, declaration: &Declaration) -> bool {
        let key = (Text::from(declaration.kind.name), declaration.key.clone());
        let end = effective_end(declaration);
        end.is_some() && self.ends.get(&key).copied() == end
    }
}

/// Holds the row unless it is such a one.
pub fn judge(input: &Input<'_>, candidate: &mut Candidate<'_>) {
    let Some(only) = &input.settings.only_expired else { return };
    if candidate.cause != Cause::Expired || !qualifies(only, input, candidate) {
        let why = format!("the policies that bear on it are broken since {}: {}", only.since, only.why);
        candidate.hold(HoldName::Observe, why, Some("mend the files that the problems name".into()));
    }
}

fn qualifies(only: &OnlyExpired, input: &Input<'_>, candidate: &Candidate<'_>) -> bool {
    let declarations = || {
        let number = |number: &u32| input.policy.declarations.get(*number as usize);
        candidate.declarations.iter().filter_map(number)
    };
    let as_before = |declaration: &Declaration| {
        only.holds(declaration) && effective_end(declaration).is_some_and(|end| end <= input.now)
    };
    let all = !candidate.declarations.is_empty() && declarations().all(as_before);
    let last = || {
        let last = input.history.matches.get(&(candidate.entry.kind.name.into(), candidate.entry.id.clone()));
        last.is_some_and(|last| declarations().any(|declaration| declaration.key == last.declaration))
    };
    all && (!only.by_last_match || last())
}
