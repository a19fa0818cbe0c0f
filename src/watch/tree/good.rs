//! The last good tree of one target: what of it is remembered, and what the journal keeps.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    access::{Hasher, Text},
    config::{Config, Target},
    journal::GoodTree,
    plan::effective_end,
    policy::{Policies, TargetPolicy},
    run::{self, Contents, Digests},
};

/// The most bytes of a target's files that the journal keeps. After a restart on a broken tree nothing goes of a larger one.
const MAX_KEPT: usize = 64 * 1024 * 1024;

/// The last good tree of a target.
#[derive(Debug)]
pub(super) struct Good {
    pub(super) policies: Arc<Policies>,
    pub(super) system: &'static str,
    pub(super) people: Text,
    pub(super) account: Text,
    pub(super) revision: Option<Text>,
}

impl Good {
    /// The last good tree of a target as the journal keeps it, where by the configuration of today it means what it meant.
    pub(super) fn remembered(config: &Config, target: &Target, kept: &GoodTree) -> Option<Self> {
        let policies = run::read_again(config, &target.name, &kept.people, &kept.files, &kept.contents)?;
        let meaning = policies.targets.get(&target.name).map(|policy| policy.digest.clone()).unwrap_or_default();
        (meaning == kept.meaning).then(|| Self {
            policies: Arc::new(policies),
            system: target.description.system,
            people: kept.people.clone(),
            account: kept.account.clone(),
            revision: None,
        })
    }
}

/// What the journal keeps of a good tree.
pub(super) fn good_tree(policy: Option<&TargetPolicy>, people: &Text, account: &Text, contents: &Contents) -> GoodTree {
    let mut tree = GoodTree { people: people.clone(), account: account.clone(), ..GoodTree::default() };
    if let Some(policy) = policy {
        tree.meaning = policy.digest.clone();
        tree.files = policy.files.iter().map(|file| (file.name.clone(), file.digest.clone())).collect();
    }
    let bytes = |digest: &Text| Some((digest.clone(), Arc::clone(contents.get(digest)?)));
    tree.contents = tree.files.values().chain([people]).filter_map(bytes).collect();
    if tree.contents.values().map(|bytes| bytes.len()).sum::<usize>() > MAX_KEPT {
        tree.contents = Contents::new();
    }
    tree
}

/// Digest of what decides to which account a request goes, and what may never go there.
pub(super) fn account(target: &Target) -> Text {
    let mut hasher = Hasher::new("account");
    let Target { description, fields, hosts, account, own, protected, enforce, .. } = target;
    hasher.text(description.system).text(&format!("{account:?} {fields:?}"));
    for (name, host) in hosts {
        hasher.text(name).text(host.as_str());
    }
    let kinds: Vec<&str> = enforce.iter().map(|kind| kind.name).collect();
    hasher.text(&kinds.join(" "));
    for (kind, list) in own {
        hasher.text(kind.name).text(&format!("{list:?}"));
    }
    for (kind, list) in protected {
        hasher.text(kind.name).text(&format!("{list:?}"));
    }
    hasher.finish_hex().into()
}

/// The ends of declarations whose own files are as they were.
pub(super) fn still_ending(policy: &TargetPolicy, as_before: &BTreeSet<u32>) -> HashMap<(Text, Text), Timestamp> {
    let mut ends = HashMap::new();
    for declaration in &policy.declarations {
        let is_as_before = declaration.places.iter().all(|place| as_before.contains(&place.file));
        if let Some(end) = effective_end(declaration).filter(|_| is_as_before) {
            ends.insert((declaration.kind.name.into(), declaration.key.clone()), end);
        }
    }
    ends
}

/// The positions of the files that are byte for byte as they were when the policy was loaded.
pub(super) fn unchanged(policy: &TargetPolicy, digests: &Digests) -> BTreeSet<u32> {
    let same = policy.files.iter().enumerate().filter(|(_, file)| digests.files.get(&file.name) == Some(&file.digest));
    same.filter_map(|(position, _)| u32::try_from(position).ok()).collect()
}
