//! What is left to go where the newest files cannot be used: what had come to its end in the last good tree.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    Basis, Changed, Trees,
    good::{Good, account, still_ending, unchanged},
};
use crate::{
    access::Text,
    plan::{Newest, OnlyExpired},
    run::{Digests, Loaded},
};

/// What is told where files of a target do not load, and what to do then.
const BROKEN: &str = "its files are broken";
const MEND: &str = "mend the files that the problems name; it goes on by itself";
/// What is told where no newer files can be had.
const NOT_TAKEN: &str = "the policies cannot be taken";

/// Why a target is not looked at by the newest files.
pub(super) struct Broken<'a> {
    pub(super) why: &'a str,
    /// Where it is the source itself: since when, and what to do.
    pub(super) source: Option<(Timestamp, String)>,
    pub(super) digests: &'a Digests,
    /// Whether the files may speak for an entry in a way that is not known, so that nothing goes.
    pub(super) unclear: bool,
}

impl Trees {
    /// Nothing newer than what there is can be used: every target is held. The files are not parsed, so whatever is not as it was
    /// when they were parsed last may speak for any entry of any target.
    pub(super) fn all_broken(
        &mut self,
        why: &str,
        source: Option<(Timestamp, String)>,
        digests: &Digests,
        now: Timestamp,
    ) -> Changed {
        let mut changed = Changed::default();
        let is_unknown = digests.files != self.files || !digests.unreadable.is_empty();
        let names: Vec<Text> = self.config.targets.keys().cloned().collect();
        for name in names {
            let unclear = is_unknown || self.unclear.contains(&name);
            let broken = Broken { why, source: source.clone(), digests, unclear };
            let basis = self.held(&name, &broken, now);
            if self.differs(&name, &basis) {
                changed.look.insert(name.clone());
            }
            self.bases.insert(name, basis);
        }
        changed
    }

    /// A basis by which nothing goes but what had come to its end in the last good tree.
    pub(super) fn held(&mut self, name: &Text, broken: &Broken<'_>, now: Timestamp) -> Basis {
        let (what, since, advice) = match &broken.source {
            Some((since, advice)) => (NOT_TAKEN, *since, advice.clone()),
            None => (BROKEN, *self.bad_since.entry(name.clone()).or_insert(now), MEND.to_owned()),
        };
        let target = self.config.targets.get(name);
        if !self.good.contains_key(name)
            && let Some(target) = target
            && let Some(kept) = self.kept.get(name)
            && let Some(good) = Good::remembered(&self.config, target, kept)
        {
            self.good.insert(name.clone(), good);
        }
        let mut only = OnlyExpired {
            since,
            what,
            why: broken.why.to_owned(),
            advice,
            has_tree: false,
            ends: HashMap::new(),
            as_before: BTreeSet::new(),
            newest: Some(Newest { policies: Arc::clone(&self.policies), target: name.clone() }),
        };
        let good = self.good.get(name).zip(target).filter(|(good, target)| good.system == target.description.system);
        let (policies, revision) = match good {
            Some((good, target)) => {
                let is_same = good.people == broken.digests.people && good.account == account(target);
                if let Some(policy) = good.policies.targets.get(name).filter(|_| is_same && !broken.unclear) {
                    only.as_before = unchanged(policy, broken.digests);
                    only.ends = still_ending(policy, &only.as_before);
                }
                only.has_tree = true;
                (Arc::clone(&good.policies), good.revision.clone())
            }
            // Nothing is known of a good tree: by what loads, and nothing is said, nor does anything go.
            None => (Arc::clone(&self.policies), self.revision.as_ref().map(|revision| revision.commit.clone())),
        };
        let loaded = Loaded {
            config: Arc::clone(&self.config),
            policies,
            problems: Vec::new(),
            blocked: BTreeMap::new(),
            unclear: BTreeMap::new(),
        };
        Basis { loaded: Arc::new(loaded), revision, only_expired: Some(Arc::new(only)) }
    }
}
