//! The trees of files: what loads now, what loaded last as a whole, and by which of them each target is looked at.
//!
//! Pure: files come in as what was loaded of them and as digests. A tree that does not load never acts, and never makes an old
//! one act: a target that it touches is planned by the last good tree with everything held, but for what that tree had given an
//! end, as long as the files that say so are as they were in it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;

use super::{Revision, SourceError};
use crate::{
    access::Text,
    config::Config,
    journal::GoodTree,
    plan::{OnlyExpired, effective_end},
    policy::{Policies, TargetPolicy},
    run::{Digests, Loaded},
    yaml::Problem,
};

/// By what a target is looked at.
#[derive(Debug, Clone)]
pub struct Basis {
    /// Configuration and policies.
    pub loaded: Arc<Loaded>,
    /// The commit of the policies.
    pub revision: Option<Text>,
    /// Where the files are broken: what may go all the same.
    pub only_expired: Option<Arc<OnlyExpired>>,
}

/// What a look at the source came to.
#[derive(Debug)]
pub enum Found {
    /// Files, of which all that is not blocked is in force.
    Tree {
        /// What loaded, with every problem.
        loaded: Loaded,
        /// The files.
        digests: Digests,
        /// The commit.
        revision: Option<Revision>,
    },
    /// The operator's file is broken.
    BrokenConfig {
        /// Every problem.
        problems: Vec<Problem>,
        /// The other files, as the last configuration names them.
        digests: Digests,
    },
    /// The source cannot be read.
    Unreadable {
        /// Why.
        error: SourceError,
        /// The files as they are on this machine, as the last configuration names them.
        digests: Digests,
    },
}

/// What a new tree changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Targets that are to be looked at again.
    pub look: BTreeSet<Text>,
    /// Targets that are not configured any more.
    pub gone: BTreeSet<Text>,
    /// What the journal has to keep, by target.
    pub keep: Vec<(Text, GoodTree)>,
}

/// The trees.
#[derive(Debug)]
pub struct Trees {
    config: Arc<Config>,
    config_digest: Text,
    policies: Arc<Policies>,
    people: Text,
    revision: Option<Revision>,
    problems: Vec<Problem>,
    failing: Option<(Timestamp, SourceError)>,
    loaded_at: Timestamp,
    bad_since: BTreeMap<Text, Timestamp>,
    good: BTreeMap<Text, Good>,
    kept: BTreeMap<Text, GoodTree>,
    bases: BTreeMap<Text, Basis>,
    /// How often files were taken, and by target when they last changed anything for it.
    taken: u64,
    changed: BTreeMap<Text, u64>,
}

/// The last good tree of a target.
#[derive(Debug)]
struct Good {
    loaded: Arc<Loaded>,
    people: Text,
    revision: Option<Text>,
}

/// Why a target is not looked at by the newest files.
struct Broken<'a> {
    why: &'a str,
    digests: &'a Digests,
    /// What loads of the policies now, where anything does.
    partly: Option<&'a Policies>,
    unclear: bool,
}

impl Trees {
    /// Trees of which none was taken yet. `loaded`: the configuration, and what there is of policies. `kept`: what the journal
    /// knows of the last good tree, by target.
    pub fn new(loaded: &Loaded, kept: BTreeMap<Text, GoodTree>, now: Timestamp) -> Self {
        Self {
            config: Arc::clone(&loaded.config),
            config_digest: Text::default(),
            policies: Arc::clone(&loaded.policies),
            people: Text::default(),
            revision: None,
            problems: loaded.problems.clone(),
            failing: None,
            loaded_at: now,
            bad_since: BTreeMap::new(),
            good: BTreeMap::new(),
            kept,
            bases: BTreeMap::new(),
            taken: 0,
            changed: BTreeMap::new(),
        }
    }

    /// Takes what a look at the source came to.
    pub fn take(&mut self, found: Found, now: Timestamp) -> Changed {
        let changed = self.take_found(found, now);
        self.taken += 1;
        self.changed.extend(changed.look.iter().map(|name| (name.clone(), self.taken)));
        self.changed.retain(|name, _| self.bases.contains_key(name));
        changed
    }

    fn take_found(&mut self, found: Found, now: Timestamp) -> Changed {
        match found {
            Found::Tree { loaded, digests, revision } => {
                self.failing = None;
                self.tree(loaded, &digests, revision, now)
            }
            Found::BrokenConfig { problems, digests } => {
                self.failing = None;
                let why = problems.first().map_or("portcullis.yaml cannot be used".to_owned(), |problem| {
                    format!("portcullis.yaml cannot be used: {}", problem.message)
                });
                self.problems = problems;
                self.all_broken(&why, &digests, now)
            }
            Found::Unreadable { error, digests } => {
                let why = format!("the source of the policies cannot be read: {error}");
                let since = self.failing.as_ref().map_or(now, |(since, _)| *since);
                self.failing = Some((since, error));
                self.all_broken(&why, &digests, now)
            }
        }
    }

    /// By what a target is looked at; `None` where it is not configured.
    pub fn basis(&self, target: &str) -> Option<&Basis> {
        self.bases.get(target)
    }

    /// The generation of a target's files: another one wherever the target is to be looked at anew, so that what was planned
    /// by an older one must not be sent any more. `None` where the target is not configured.
    pub fn generation(&self, target: &str) -> Option<u64> {
        self.bases.get(target).and_then(|_| self.changed.get(target)).copied()
    }

    /// The configuration in force.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The commit of the newest files.
    pub fn revision(&self) -> Option<&Revision> {
        self.revision.as_ref()
    }

    /// Every problem of the newest files.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Why the source cannot be read, and since when.
    pub fn failing(&self) -> Option<&(Timestamp, SourceError)> {
        self.failing.as_ref()
    }

    /// When a tree was last loaded.
    pub fn loaded_at(&self) -> Timestamp {
        self.loaded_at
    }

    /// Since when there are problems.
    pub fn bad_since(&self) -> Option<Timestamp> {
        self.bad_since.values().min().copied()
    }

    fn tree(&mut self, mut loaded: Loaded, digests: &Digests, revision: Option<Revision>, now: Timestamp) -> Changed {
        // Problems are told of the source, not of each target that they do not touch.
        self.problems = std::mem::take(&mut loaded.problems);
        let loaded = Arc::new(loaded);
        let mut changed = Changed::default();
        let all = self.config_digest != digests.config || self.people != digests.people;
        self.config = Arc::clone(&loaded.config);
        self.config_digest = digests.config.clone();
        self.policies = Arc::clone(&loaded.policies);
        self.people = digests.people.clone();
        self.revision = revision;
        self.loaded_at = now;
        let commit = self.revision.as_ref().map(|revision| revision.commit.clone());
        let names: Vec<Text> = loaded.config.targets.keys().cloned().collect();
        for name in names {
            let basis = match loaded.blocked.get(&name) {
                None => {
                    self.bad_since.remove(&name);
                    let policy = loaded.policies.targets.get(&name);
                    let tree = good_tree(policy, &digests.people);
                    if self.kept.get(&name) != Some(&tree) {
                        changed.keep.push((name.clone(), tree.clone()));
                        self.kept.insert(name.clone(), tree);
                    }
                    let good =
                        Good { loaded: Arc::clone(&loaded), people: digests.people.clone(), revision: commit.clone() };
                    self.good.insert(name.clone(), good);
                    Basis { loaded: Arc::clone(&loaded), revision: commit.clone(), only_expired: None }
                }
                Some(why) => {
                    let unclear = loaded.unclear.contains_key(&name);
                    let broken = Broken { why, digests, partly: Some(&loaded.policies), unclear };
                    self.held(&name, &broken, now)
                }
            };
            if all || self.differs(&name, &basis) {
                changed.look.insert(name.clone());
            }
            self.bases.insert(name, basis);
        }
        changed.gone = self.bases.keys().filter(|name| !loaded.config.targets.contains_key(*name)).cloned().collect();
        for name in &changed.gone {
            self.bases.remove(name);
            self.good.remove(name);
            self.bad_since.remove(name);
        }
        changed
    }

    /// Nothing newer than what there is can be used: every target is held.
    fn all_broken(&mut self, why: &str, digests: &Digests, now: Timestamp) -> Changed {
        let mut changed = Changed::default();
        let names: Vec<Text> = self.config.targets.keys().cloned().collect();
        for name in names {
            let basis = self.held(&name, &Broken { why, digests, partly: None, unclear: false }, now);
            if self.differs(&name, &basis) {
                changed.look.insert(name.clone());
            }
            self.bases.insert(name, basis);
        }
        changed
    }

    /// A basis by which nothing goes but what had come to its end in the last good tree.
    fn held(&mut self, name: &Text, broken: &Broken<'_>, now: Timestamp) -> Basis {
        let since = *self.bad_since.entry(name.clone()).or_insert(now);
        let target = self.config.targets.get(name);
        let good = self.good.get(name).filter(|good| {
            let before = good.loaded.config.targets.get(name).map(|target| target.description.system);
            target.map(|target| target.description.system) == before
        });
        let (policies, revision, ends, by_last_match) = match good {
            Some(good) => {
                let policy = good.loaded.policies.targets.get(name);
                let same_people = good.people == broken.digests.people;
                let ends = policy.filter(|_| same_people && !broken.unclear).map(|policy| {
                    let now_says = broken.partly.and_then(|partly| partly.targets.get(name));
                    still_ending(policy, now_says, broken.digests)
                });
                (Arc::clone(&good.loaded.policies), good.revision.clone(), ends.unwrap_or_default(), false)
            }
            // After a restart: by what loads, as far as the journal knows that it stood like this in the last good tree.
            None => {
                let kept = self.kept.get(name).filter(|kept| kept.people == broken.digests.people && !broken.unclear);
                let policy = self.policies.targets.get(name);
                let ends = kept.zip(policy).map(|(kept, policy)| known_ends(policy, kept, broken.digests));
                let commit = self.revision.as_ref().map(|revision| revision.commit.clone());
                (Arc::clone(&self.policies), commit, ends.unwrap_or_default(), true)
            }
        };
        let loaded = Loaded {
            config: Arc::clone(&self.config),
            policies,
            problems: Vec::new(),
            blocked: BTreeMap::new(),
            unclear: BTreeMap::new(),
        };
        let only = OnlyExpired { since, why: broken.why.to_owned(), ends, by_last_match };
        Basis { loaded: Arc::new(loaded), revision, only_expired: Some(Arc::new(only)) }
    }

    /// Whether a target is to be looked at again by this basis.
    fn differs(&self, name: &Text, basis: &Basis) -> bool {
        let Some(before) = self.bases.get(name) else { return true };
        let digest = |basis: &Basis| basis.loaded.policies.targets.get(name).map(|policy| policy.digest.clone());
        digest(before) != digest(basis) || before.only_expired != basis.only_expired
    }
}

/// What the journal keeps of a good tree.
fn good_tree(policy: Option<&TargetPolicy>, people: &Text) -> GoodTree {
    let mut tree = GoodTree { people: people.clone(), ..GoodTree::default() };
    let Some(policy) = policy else { return tree };
    tree.files = policy.files.iter().map(|file| (file.name.clone(), file.digest.clone())).collect();
    for declaration in &policy.declarations {
        if let Some(end) = effective_end(declaration) {
            tree.ends.insert((declaration.kind.name.into(), declaration.key.clone()), end);
        }
    }
    tree
}

/// The ends of declarations whose own files are as they were, unless what loads now says otherwise of them.
fn still_ending(
    policy: &TargetPolicy,
    now_says: Option<&TargetPolicy>,
    digests: &Digests,
) -> HashMap<(Text, Text), Timestamp> {
    let now_says: HashMap<(&str, &str), Option<Timestamp>> = now_says
        .iter()
        .flat_map(|policy| &policy.declarations)
        .map(|declaration| ((declaration.kind.name, declaration.key.as_str()), effective_end(declaration)))
        .collect();
    let same = unchanged(policy, digests);
    let mut ends = HashMap::new();
    for declaration in &policy.declarations {
        let Some(end) = effective_end(declaration) else { continue };
        let as_before = declaration.places.iter().all(|place| same.contains(&place.file));
        let otherwise = now_says.get(&(declaration.kind.name, declaration.key.as_str()));
        if as_before && otherwise.is_none_or(|said| *said == Some(end)) {
            ends.insert((declaration.kind.name.into(), declaration.key.clone()), end);
        }
    }
    ends
}

/// The positions of the files that are byte for byte as they were when the policy was loaded.
fn unchanged(policy: &TargetPolicy, digests: &Digests) -> BTreeSet<u32> {
    let same = policy.files.iter().enumerate().filter(|(_, file)| digests.files.get(&file.name) == Some(&file.digest));
    same.filter_map(|(position, _)| u32::try_from(position).ok()).collect()
}

/// The ends of declarations of a tree that loads in part, as far as the journal knows them from the last good one.
fn known_ends(policy: &TargetPolicy, kept: &GoodTree, digests: &Digests) -> HashMap<(Text, Text), Timestamp> {
    let same: BTreeSet<u32> = unchanged(policy, digests)
        .into_iter()
        .filter(|&position| {
            let file = policy.files.get(position as usize);
            file.is_some_and(|file| kept.files.get(&file.name) == Some(&file.digest))
        })
        .collect();
    let mut ends = HashMap::new();
    for declaration in &policy.declarations {
        let key = (Text::from(declaration.kind.name), declaration.key.clone());
        let end = effective_end(declaration);
        let as_before = declaration.places.iter().all(|place| same.contains(&place.file));
        if let Some(end) = end.filter(|end| as_before && kept.ends.get(&key) == Some(end)) {
            ends.insert(key, end);
        }
    }
    ends
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
