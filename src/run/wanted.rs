//! The names that policies and the operator's selectors use, in the form that a system's reading takes.

use std::collections::BTreeSet;

use crate::{
    config::{OwnList, Target},
    policy::{Asked, NameInUse, TargetPolicy, asked_names, selectors_of, wanted_names},
    systems::{Wanted, WantedGlob, WantedName},
};

/// Every name that a reading of a target should look up besides what it sees anyway: of its policy, and of what the operator
/// lists as own, protected and to be seen.
pub fn wanted(target: &Target, policy: Option<&TargetPolicy>) -> Wanted {
    let named = |NameInUse { kind, field, name, within }: NameInUse| WantedName { kind, field, name, within };
    let in_policy = policy.map(|policy| wanted_names(policy, target.description.system)).unwrap_or_default();
    let mut names: BTreeSet<WantedName> = in_policy.into_iter().map(named).collect();
    let own = target.own.iter().filter_map(|(kind, own)| match own {
        OwnList::Listed(selectors) => Some((*kind, selectors.each())),
        OwnList::Unlisted => None,
    });
    let operators = target.protected.iter().chain(&target.must_see).map(|(kind, list)| (*kind, list.each())).chain(own);
    let mut globs: Vec<WantedGlob> = Vec::new();
    for (kind, selectors) in policy.into_iter().flat_map(selectors_of).chain(operators) {
        for asked in asked_names(kind, selectors) {
            match asked {
                Asked::Name(name) => {
                    names.insert(named(name));
                }
                Asked::Glob(kind, field, pattern) => globs.push(WantedGlob { kind, field, pattern }),
            }
        }
    }
    Wanted { names: names.into_iter().collect(), globs }
}
