//! The trees of files: what loads now, what loaded last as a whole, and by which of them each target is looked at.
//!
//! Pure: files come in as what was loaded of them and as digests. A tree that does not load never acts, and never makes an old
//! one act: a target that it touches is planned by the last good tree with everything held, but for what that tree had given an
//! end, as long as the files that say so are as they were in it.
//!
//! That tree is known whole, or nothing goes. While the daemon runs it is in memory; after a restart it is read again from the
//! bytes that the journal keeps, and counts only if it means today what it meant then. A list of ends would not do: that an entry
//! was wanted gone follows from every file of the tree, the one that is broken now as well, which may have held the entry or have
//! declared it a second time, under another of its names, without an end. Planned by the whole tree, such an entry stays. What can
//! have changed since is taken to speak for the entry: see [`OnlyExpired`]. And as the operator's own file may have changed, too,
//! an end comes only to the account, and beside the own, protected and enforced entries, for which it was meant.

mod good;
mod held;
mod meaning;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use self::{
    good::{Good, account, good_tree},
    held::Broken,
    meaning::{Meaning, lets_go_the_same},
};
use super::{Revision, SourceError};
use crate::{
    access::Text,
    config::Config,
    journal::GoodTree,
    plan::OnlyExpired,
    policy::Policies,
    run::{Contents, Digests, Loaded},
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
        /// Their bytes.
        contents: Contents,
        /// The commit.
        revision: Option<Revision>,
    },
    /// The operator's file is broken.
    BrokenConfig {
        /// Every problem.
        problems: Vec<Problem>,
        /// The other files as they are now.
        digests: Digests,
    },
    /// The source cannot be read.
    Unreadable {
        /// Why.
        error: SourceError,
        /// The files as they are now, as far as that can be told. What is not among them may be anything.
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
}

/// The trees.
#[derive(Debug)]
pub struct Trees {
    config: Arc<Config>,
    config_digest: Text,
    policies: Arc<Policies>,
    people: Text,
    /// The policy files that were parsed last.
    files: BTreeMap<Text, Text>,
    /// The targets of which these files may say more than could be read of them, or whose own entries cannot be told.
    unclear: BTreeSet<Text>,
    revision: Option<Revision>,
    problems: Vec<Problem>,
    failing: Option<(Timestamp, SourceError)>,
    loaded_at: Option<Timestamp>,
    bad_since: BTreeMap<Text, Timestamp>,
    good: BTreeMap<Text, Good>,
    /// What the journal is to keep.
    newest: BTreeMap<Text, GoodTree>,
    /// What it keeps.
    kept: BTreeMap<Text, GoodTree>,
    /// Where the two differ.
    unkept: BTreeSet<Text>,
    bases: BTreeMap<Text, Basis>,
    /// How often files were taken, and by target when they last changed anything for it.
    taken: u64,
    changed: BTreeMap<Text, u64>,
    /// What the files mean for each target, see [`Trees::generation`].
    meanings: BTreeMap<Text, Meaning>,
}

impl Trees {
    /// Trees of which none was taken yet. `loaded`: the configuration, and what there is of policies. `kept`: what the journal
    /// knows of the last good tree, by target.
    pub fn new(loaded: &Loaded, kept: BTreeMap<Text, GoodTree>) -> Self {
        Self {
            config: Arc::clone(&loaded.config),
            config_digest: Text::default(),
            policies: Arc::clone(&loaded.policies),
            people: Text::default(),
            files: BTreeMap::new(),
            unclear: BTreeSet::new(),
            revision: None,
            // What there is of a source that gives nothing is of no tree: why it gives nothing is told, and no more.
            problems: Vec::new(),
            failing: None,
            loaded_at: None,
            bad_since: BTreeMap::new(),
            good: BTreeMap::new(),
            newest: BTreeMap::new(),
            kept,
            unkept: BTreeSet::new(),
            bases: BTreeMap::new(),
            taken: 0,
            changed: BTreeMap::new(),
            meanings: BTreeMap::new(),
        }
    }

    /// Takes what a look at the source came to.
    pub fn take(&mut self, found: Found, now: Timestamp) -> Changed {
        let changed = self.take_found(found, now);
        self.taken += 1;
        self.note_meanings(&changed.look);
        changed
    }

    fn take_found(&mut self, found: Found, now: Timestamp) -> Changed {
        match found {
            Found::Tree { loaded, digests, contents, revision } => {
                self.failing = None;
                self.tree(loaded, &digests, &contents, revision, now)
            }
            Found::BrokenConfig { problems, digests } => {
                self.failing = None;
                let why = problems.first().map_or("portcullis.yaml cannot be used".to_owned(), |problem| {
                    format!("portcullis.yaml cannot be used: {}", problem.message)
                });
                self.problems = problems;
                self.all_broken(&why, None, &digests, now)
            }
            Found::Unreadable { error, digests } => {
                let since = self.failing.as_ref().map_or(now, |(since, _)| *since);
                let (why, advice) = (error.to_string(), error.advice());
                self.failing = Some((since, error));
                self.all_broken(&why, Some((since, advice)), &digests, now)
            }
        }
    }

    /// By what a target is looked at; `None` where it is not configured.
    pub fn basis(&self, target: &str) -> Option<&Basis> {
        self.bases.get(target)
    }

    /// The generation of a target's files: another one wherever they mean something else for the target, so that what was
    /// planned by an older one must not be sent any more. `None` where the target is not configured.
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

    /// When a tree was last loaded by which any target can be planned.
    pub fn loaded_at(&self) -> Option<Timestamp> {
        self.loaded_at
    }

    /// Since when there are problems.
    pub fn bad_since(&self) -> Option<Timestamp> {
        self.bad_since.values().min().copied()
    }

    /// Whether an `expires` of a last good tree may still act somewhere: whether any target that is held knows of one whose file
    /// is as it was.
    pub fn still_acts(&self) -> bool {
        self.bases.values().filter_map(|basis| basis.only_expired.as_ref()).any(|only| !only.ends.is_empty())
    }

    /// What the journal has to keep still, by target.
    pub fn unkept(&self) -> Vec<(Text, GoodTree)> {
        let tree = |name: &Text| Some((name.clone(), self.newest.get(name)?.clone()));
        self.unkept.iter().filter_map(tree).collect()
    }

    /// The journal keeps it.
    pub fn was_kept(&mut self, target: &Text, tree: GoodTree) {
        if self.newest.get(target) == Some(&tree) {
            self.unkept.remove(target);
        }
        self.kept.insert(target.clone(), tree);
    }

    /// Another journal is used, which may keep nothing of this.
    pub fn keep_anew(&mut self) {
        self.kept.clear();
        self.unkept = self.newest.keys().cloned().collect();
    }

    fn tree(
        &mut self,
        mut loaded: Loaded,
        digests: &Digests,
        contents: &Contents,
        revision: Option<Revision>,
        now: Timestamp,
    ) -> Changed {
        // Problems are told of the source, not of each target that they do not touch.
        self.problems = std::mem::take(&mut loaded.problems);
        let loaded = Arc::new(loaded);
        let mut changed = Changed::default();
        let all = self.config_digest != digests.config || self.people != digests.people;
        self.config = Arc::clone(&loaded.config);
        self.config_digest = digests.config.clone();
        self.policies = Arc::clone(&loaded.policies);
        self.people = digests.people.clone();
        self.files = digests.files.clone();
        self.unclear.clear();
        self.revision = revision;
        if loaded.config.targets.is_empty()
            || loaded.config.targets.keys().any(|name| !loaded.blocked.contains_key(name))
        {
            self.loaded_at = Some(now);
        }
        let commit = self.revision.as_ref().map(|revision| revision.commit.clone());
        let names: Vec<Text> = loaded.config.targets.keys().cloned().collect();
        for name in names {
            let basis = match loaded.blocked.get(&name) {
                None => {
                    self.bad_since.remove(&name);
                    let Some(target) = loaded.config.targets.get(&name) else { continue };
                    let policy = loaded.policies.targets.get(&name);
                    let account = account(target);
                    let tree = good_tree(policy, &digests.people, &account, contents);
                    if self.kept.get(&name) == Some(&tree) {
                        self.unkept.remove(&name);
                    } else {
                        self.unkept.insert(name.clone());
                    }
                    self.newest.insert(name.clone(), tree);
                    let good = Good {
                        policies: Arc::clone(&loaded.policies),
                        system: target.description.system,
                        people: digests.people.clone(),
                        account,
                        revision: commit.clone(),
                    };
                    self.good.insert(name.clone(), good);
                    Basis { loaded: Arc::clone(&loaded), revision: commit.clone(), only_expired: None }
                }
                Some(why) => {
                    let unclear = loaded.unclear.contains_key(&name)
                        || loaded.policies.unread.contains(&name)
                        || !digests.unreadable.is_empty();
                    if unclear {
                        self.unclear.insert(name.clone());
                    }
                    self.held(&name, &Broken { why, source: None, digests, unclear }, now)
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
            self.newest.remove(name);
            self.unkept.remove(name);
            self.bad_since.remove(name);
        }
        changed
    }

    /// Whether a target is to be looked at again by this basis.
    fn differs(&self, name: &Text, basis: &Basis) -> bool {
        let Some(before) = self.bases.get(name) else { return true };
        let digest = |basis: &Basis| basis.loaded.policies.targets.get(name).map(|policy| policy.digest.clone());
        digest(before) != digest(basis)
            || !lets_go_the_same(before.only_expired.as_deref(), basis.only_expired.as_deref())
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
