//! The last good tree of one target: what of it is remembered, and what the journal keeps.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::Timestamp;

use crate::{
    access::{Condition, Hasher, Kind, SelectField, Selectors, Text},
    config::{Config, OwnList, Target},
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

/// Digest of what decides to which account a request goes, and what may never go there. The journal keeps it, so it is made of
/// what the operator wrote, field by field, and not of how this version happens to hold it.
pub(super) fn account(target: &Target) -> Text {
    let mut hasher = Hasher::new("account");
    let Target { description, fields, hosts, account, own, protected, enforce, .. } = target;
    hasher.text(description.system);
    match account {
        Some(account) => hasher.text("some").text(account),
        None => hasher.text("none"),
    };
    count(&mut hasher, "fields", fields.len());
    for (name, values) in fields {
        count(&mut hasher, name, values.len());
        values.iter().for_each(|value| {
            hasher.text(value);
        });
    }
    count(&mut hasher, "hosts", hosts.len());
    for (name, host) in hosts {
        hasher.text(name).text(host.as_str());
    }
    count(&mut hasher, "enforce", enforce.len());
    enforce.iter().for_each(|kind| {
        hasher.text(kind.name);
    });
    count(&mut hasher, "own", own.len());
    for (kind, list) in own {
        match list {
            OwnList::Listed(list) => selectors(&mut hasher, kind, list),
            OwnList::Unlisted => {
                hasher.text(kind.name).text("unlisted");
            }
        }
    }
    count(&mut hasher, "protected", protected.len());
    for (kind, list) in protected {
        selectors(&mut hasher, kind, list);
    }
    hasher.finish_hex().into()
}

/// A list with its length, so that what follows it is never taken for a part of it.
fn count(hasher: &mut Hasher, name: &str, length: usize) {
    hasher.text(name).text(&length.to_string());
}

fn selectors(hasher: &mut Hasher, kind: &Kind, list: &Selectors) {
    hasher.text(kind.name);
    let Selectors::Any(list) = list else {
        hasher.text("all");
        return;
    };
    count(hasher, "any", list.len());
    for selector in list {
        count(hasher, "selector", selector.conditions.len());
        for Condition { field, any_of, ignore_case } in &selector.conditions {
            match field {
                // By name: a position changes with every field that a kind gains.
                SelectField::Field(index) => {
                    hasher.text("field").text(kind.fields.get(*index).map_or("", |field| field.name))
                }
                SelectField::Principal => hasher.text("principal"),
                SelectField::Label => hasher.text("label"),
            };
            count(hasher, if *ignore_case { "people" } else { "texts" }, any_of.len());
            any_of.iter().for_each(|pattern| {
                hasher.text(&pattern.to_string());
            });
        }
    }
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{config, systems};

    const WRITTEN: &str = "version: 1\ntargets:\n  bk:\n    system: buildkite\n    organization: acme\n    credential: { env: \
                           BK }\n    include: [system]\n    account: o-1\n    enforce: [api_tokens]\n    own: { api_tokens: \
                           [{ uuid: t-1 }, { description: \"ci *\" }] }\n    protected: { api_tokens: [{ user: anna@x.example, \
                           scopes: read_user }] }\n";

    fn of(written: &str) -> Text {
        let read =
            config::load("portcullis.yaml", Path::new("portcullis.yaml"), written.as_bytes(), &systems::descriptions());
        account(&read.unwrap_or_else(|problems| panic!("{problems:?}")).targets["bk"])
    }

    /// Another digest of the same words would lose the ends of every good tree that a journal keeps.
    #[test]
    fn the_account_is_told_from_what_was_written_by_every_version_alike() {
        assert_eq!(of(WRITTEN), "c13fbf813b017d484789bd1348adabc43952cd143da473b82f7359566fe18c47");
    }

    #[test]
    fn whatever_decides_where_a_request_goes_and_what_may_not_go_there_makes_another_account() {
        let edits = [
            ("acme", "northlight"),
            ("    include: [system]\n", ""),
            ("account: o-1", "account: o-2"),
            ("    account: o-1\n", ""),
            ("    enforce: [api_tokens]\n", ""),
            ("uuid: t-1", "uuid: t-2"),
            ("uuid: t-1", "description: t-1"),
            ("[{ uuid: t-1 }, { description: \"ci *\" }]", "unlisted"),
            ("[{ uuid: t-1 }, { description: \"ci *\" }]", "[{ uuid: t-1, description: \"ci *\" }]"),
            ("ci *", "ci \\\\*"),
            ("user: anna@x.example", "principal: anna@x.example"),
            ("user: anna@x.example", "label: anna@x.example"),
        ];
        let mut seen = BTreeSet::from([of(WRITTEN)]);
        for (from, to) in edits {
            assert!(WRITTEN.contains(from), "{from}");
            assert!(seen.insert(of(&WRITTEN.replace(from, to))), "{from} -> {to}");
        }
        let notice = format!("{WRITTEN}    guards: {{ notice: 48h }}\n    interval: 5m\n");
        assert_eq!(of(&notice), of(WRITTEN), "what decides neither");
    }
}
