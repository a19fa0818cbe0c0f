//! What files mean for a target, so that what is planned by files that mean the same still goes.

use std::{collections::BTreeSet, sync::Arc};

use super::{Basis, Trees};
use crate::{
    access::{Hasher, Text},
    config::Config,
    plan::OnlyExpired,
    policy::Policies,
    run::Loaded,
};

/// What files mean for a target: digest of what they say, and what may go all the same where it is held. Compared while the
/// daemon runs, never kept.
#[derive(Debug)]
pub(super) struct Meaning {
    said: Text,
    held: Option<Arc<OnlyExpired>>,
}

/// Equal where the same may go.
impl PartialEq for Meaning {
    fn eq(&self, other: &Self) -> bool {
        self.said == other.said && lets_go_the_same(self.held.as_deref(), other.held.as_deref())
    }
}

/// Whether the same may go of a target that is held, or is not.
pub(super) fn lets_go_the_same(one: Option<&OnlyExpired>, other: Option<&OnlyExpired>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.lets_go_the_same(other),
        (one, other) => one.is_none() == other.is_none(),
    }
}

impl Trees {
    /// Notes for which of these targets, which are to be looked at again, the files mean something else than before.
    pub(super) fn note_meanings(&mut self, look: &BTreeSet<Text>) {
        // A comment is worth a look, but what is under way goes on: it would be planned the same.
        let mut people: Vec<(Arc<Policies>, Text)> = Vec::new();
        for name in look {
            let Some(basis) = self.bases.get(name) else { continue };
            let policies = &basis.loaded.policies;
            let known = people.iter().find(|(known, _)| Arc::ptr_eq(known, policies)).map(|(_, digest)| digest.clone());
            let of = known.unwrap_or_else(|| {
                let mut hasher = Hasher::new("people");
                policies.people.values().for_each(|person| {
                    hasher.text(&format!("{person:?}"));
                });
                let digest = Text::from(hasher.finish_hex());
                people.push((Arc::clone(policies), digest.clone()));
                digest
            });
            let meaning = meaning(name, basis, &of);
            let before = self.meanings.insert(name.clone(), meaning);
            if before.as_ref() != self.meanings.get(name) || !self.changed.contains_key(name) {
                self.changed.insert(name.clone(), self.taken);
            }
        }
        self.changed.retain(|name, _| self.bases.contains_key(name));
        self.meanings.retain(|name, _| self.bases.contains_key(name));
    }
}

/// What a basis means for a target: what the policies and the people file say, and the operator of it and of all targets.
fn meaning(name: &Text, basis: &Basis, people: &Text) -> Meaning {
    let Loaded { config, policies, .. } = &*basis.loaded;
    let mut hasher = Hasher::new("meaning for a target");
    let policy = policies.targets.get(name).map(|policy| policy.digest.clone());
    hasher.text(policy.as_deref().unwrap_or_default());
    hasher.text(people);
    let Config { max_count_total, delegate, freeze, stop_file, .. } = &**config;
    hasher.text(&format!("{:?} {max_count_total} {delegate:?} {freeze:?} {stop_file:?}", config.targets.get(name)));
    Meaning { said: hasher.finish_hex().into(), held: basis.only_expired.clone() }
}
