//! What every reading has to prove besides what its system checks: the right account, what must be seen, and that no two
//! targets look at the same account.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    access::{Condition, Entry, Kind, Pattern, SelectField, Selector, Selectors, Snapshot, Text},
    config::{OwnList, Target},
    wire::{Fault, Unreadable},
};

/// Checks one reading. `pinned` is the account id that earlier runs saw.
///
/// # Errors
/// [`Unreadable`]: another account, something that must be seen is not there, the same entry twice.
pub fn check(target: &Target, pinned: Option<&Text>, reading: &Snapshot) -> Result<(), Unreadable> {
    account(target, pinned, reading)?;
    if let Some(twice) = twice(&reading.entries) {
        return Err(Unreadable::new(Fault::Incomplete, format!("the entry {:?} is in the reading twice", twice.id)));
    }
    for (kind, wanted) in &target.must_see {
        let live = || reading.entries.iter().filter(|entry| entry.kind == *kind && entry.is_live());
        let missing = match wanted {
            Selectors::All if live().next().is_none() => Some("any entry".to_owned()),
            Selectors::All => None,
            Selectors::Any(all) => {
                all.iter().find(|one| !live().any(|entry| one.fits(entry))).map(|one| words(kind, one))
            }
        };
        if let Some(missing) = missing {
            let what = format!("`must_see` names {missing} of {}, and the reading does not hold it", kind.list);
            return Err(Unreadable::new(Fault::Missing, what).advise(
                "see whether the credential belongs to the right account and sees the whole list; \
                 if the entry is meant to be gone, change `must_see` in portcullis.yaml",
            ));
        }
    }
    Ok(())
}

/// An entry that another one before it has the name of.
fn twice(entries: &[Entry]) -> Option<&Entry> {
    // Where they ascend, none comes twice: a long list is proved so without remembering it.
    if entries.is_sorted_by(|a, b| (a.kind.name, &a.id) < (b.kind.name, &b.id)) {
        return None;
    }
    let mut seen = HashSet::with_capacity(entries.len());
    entries.iter().find(|entry| !seen.insert((entry.kind.name, entry.id.as_str())))
}

fn account(target: &Target, pinned: Option<&Text>, reading: &Snapshot) -> Result<(), Unreadable> {
    let configured = target.account.as_ref().filter(|_| target.description.knows_account);
    for (wanted, place) in [(configured, "`account:` in portcullis.yaml"), (pinned, "the journal")] {
        let Some(wanted) = wanted else { continue };
        if reading.account_id.as_ref() != Some(wanted) {
            let found = reading.account_id.as_deref().unwrap_or("an account that tells no id");
            let what = format!("the credential belongs to {found:?}, and {place} pins {wanted:?}");
            return Err(Unreadable::new(Fault::WrongAccount, what).advise(
                "give the target a credential of its own account, or a new name if the account is meant to change",
            ));
        }
    }
    Ok(())
}

fn words(kind: &Kind, selector: &Selector) -> String {
    let condition = |condition: &Condition| {
        let name = match condition.field {
            SelectField::Field(at) => kind.fields.get(at).map_or("field", |field| field.name),
            SelectField::Principal => "principal",
            SelectField::Label => "label",
        };
        let patterns: Vec<String> = condition.any_of.iter().map(Pattern::to_string).collect();
        format!("{name} {}", patterns.join(" or "))
    };
    selector.conditions.iter().map(condition).collect::<Vec<_>>().join(", ")
}

/// One target of the configuration, for [`cross`].
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The target.
    pub target: &'a Target,
    /// The account id that the journal pins for it.
    pub pinned: Option<&'a Text>,
    /// This run's reading, where there is one.
    pub reading: Option<&'a Snapshot>,
}

impl Known<'_> {
    /// The account it looks at, and how that is known.
    fn account(&self) -> Option<(&Text, &'static str)> {
        let configured = self.target.account.as_ref().filter(|_| self.target.description.knows_account);
        let read = self.reading.and_then(|reading| reading.account_id.as_ref());
        let found = read.map(|id| (id, ""));
        let found = found.or_else(|| configured.map(|id| (id, ", to which `account:` in portcullis.yaml pins it")));
        found.or_else(|| self.pinned.map(|id| (id, ", to which the journal pins it")))
    }
}

/// Finds targets of one system that share an account or an own id: all of them are unreadable. `targets` are all targets of
/// the configuration, since one that this run does not read may still be the other one.
pub fn cross<'a>(targets: impl IntoIterator<Item = Known<'a>>) -> BTreeMap<Text, Unreadable> {
    let targets: Vec<_> = targets.into_iter().collect();
    let mut wrong = BTreeMap::new();
    for (at, one) in targets.iter().enumerate() {
        let others: Vec<_> =
            targets.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, known)| *known).collect();
        for (other, shared) in shared(*one, &others) {
            let (mine, theirs) = shared.told(one.target, other.target);
            wrong.entry(one.target.name.clone()).or_insert(mine);
            wrong.entry(other.target.name.clone()).or_insert(theirs);
        }
    }
    wrong
}

/// What is wrong with one target for what it shares with others, and what each of these is told of it. What the others share
/// among each other is theirs to find out.
pub fn cross_one(one: Known<'_>, others: &[Known<'_>]) -> (Option<Unreadable>, BTreeMap<Text, Unreadable>) {
    let (mut wrong, mut told) = (None, BTreeMap::new());
    for (other, shared) in shared(one, others) {
        let (mine, theirs) = shared.told(one.target, other.target);
        wrong.get_or_insert(mine);
        told.entry(other.target.name.clone()).or_insert(theirs);
    }
    for other in others {
        for (_, shared) in shared(*other, &[one]) {
            let (theirs, mine) = shared.told(other.target, one.target);
            wrong.get_or_insert(mine);
            told.entry(other.target.name.clone()).or_insert(theirs);
        }
    }
    (wrong, told)
}

/// What a reading has in common with another target.
struct Shared {
    what: String,
    /// How it is known that it is the other one's.
    known: &'static str,
}

impl Shared {
    /// What the target that was read is told, and what the other one is.
    fn told(self, read: &Target, other: &Target) -> (Unreadable, Unreadable) {
        let Self { what, known } = self;
        let tell = |with: &Text, known: &str| {
            Unreadable::new(Fault::WrongAccount, format!("it shares {what} with target `{with}`{known}"))
                .advise("give each target its own account and its own credential")
        };
        (tell(&other.name, known), tell(&read.name, ""))
    }
}

/// What the reading of one target shares with each of the others: one walk over its entries for all of them.
fn shared<'a>(one: Known<'_>, others: &[Known<'a>]) -> Vec<(Known<'a>, Shared)> {
    let Some(reading) = one.reading else { return Vec::new() };
    let others: Vec<Known<'a>> = others
        .iter()
        .filter(|other| other.target.description.system == one.target.description.system)
        .copied()
        .collect();
    let mut own = Owned::default();
    let same_account: Vec<Option<Shared>> = others
        .iter()
        .enumerate()
        .map(|(at, other)| {
            let account = other.account().filter(|(id, _)| reading.account_id.as_ref() == Some(*id));
            if account.is_none() {
                own.add(at, other);
            }
            account.map(|(id, known)| Shared { what: format!("the account {id:?}"), known })
        })
        .collect();
    let mut entries = own.first_in(reading, others.len());
    others
        .into_iter()
        .zip(same_account)
        .zip(entries.drain(..))
        .filter_map(|((other, account), entry)| {
            let entry = entry.map(|id| Shared { what: format!("the own entry {id:?}"), known: "" });
            Some((other, account.or(entry)?))
        })
        .collect()
}

/// What several targets call their own, each under a number: by the API, or literally by the operator's list.
#[derive(Default)]
struct Owned<'a> {
    /// Whose an entry is, by its kind's name and id.
    marked: HashMap<(&'a str, &'a str), Vec<usize>>,
    /// Whose a selector is that asks for a text in a field, by kind, field and text.
    asked: HashMap<(&'static str, usize), HashMap<&'a str, Vec<Listed<'a>>>>,
    /// Selectors that ask for something else: each has to be held against every entry.
    others: Vec<(&'static Kind, Listed<'a>)>,
}

/// A selector of an operator's list, and whose it is.
type Listed<'a> = (usize, &'a Selector);

impl<'a> Owned<'a> {
    fn add(&mut self, whose: usize, known: &Known<'a>) {
        for mark in known.reading.map_or(&[][..], |reading| &reading.own) {
            self.marked.entry((&mark.kind, &mark.id)).or_default().push(whose);
        }
        for (kind, list) in &known.target.own {
            let OwnList::Listed(Selectors::Any(all)) = list else { continue };
            for selector in all.iter().filter(|selector| literal(selector)) {
                let Some((field, texts)) = selector.conditions.iter().find_map(exact_texts) else {
                    self.others.push((kind, (whose, selector)));
                    continue;
                };
                let asked = self.asked.entry((kind.name, field)).or_default();
                texts.for_each(|text| asked.entry(text).or_default().push((whose, selector)));
            }
        }
    }

    /// For each number the first live entry of a reading that is its own.
    fn first_in(&self, reading: &Snapshot, numbers: usize) -> Vec<Option<Text>> {
        let mut first = vec![None; numbers];
        if self.marked.is_empty() && self.asked.is_empty() && self.others.is_empty() {
            return first;
        }
        for entry in reading.entries.iter().filter(|entry| entry.is_live()) {
            let mut is_of = |whose: usize| {
                if let Some(first) = first.get_mut(whose) {
                    first.get_or_insert_with(|| entry.id.clone());
                }
            };
            self.marked
                .get(&(entry.kind.name, entry.id.as_str()))
                .into_iter()
                .flatten()
                .for_each(|whose| is_of(*whose));
            for (field, value) in entry.values.iter().enumerate() {
                let Some(asked) = self.asked.get(&(entry.kind.name, field)) else { continue };
                value.any_spelling(|text| {
                    let listed = asked.get(text).into_iter().flatten();
                    listed.filter(|(_, selector)| selector.fits(entry)).for_each(|(whose, _)| is_of(*whose));
                    false
                });
            }
            let listed = self.others.iter().filter(|(kind, (_, selector))| *kind == entry.kind && selector.fits(entry));
            listed.for_each(|(_, (whose, _))| is_of(*whose));
        }
        first
    }
}

/// The field of a literal condition and the texts one of which it has to be.
fn exact_texts(condition: &Condition) -> Option<(usize, impl Iterator<Item = &str>)> {
    match condition.field {
        SelectField::Field(at) if !condition.ignore_case => {
            Some((at, condition.any_of.iter().filter_map(Pattern::as_literal)))
        }
        _ => None,
    }
}

fn literal(selector: &Selector) -> bool {
    selector.conditions.iter().all(|condition| condition.any_of.iter().all(|pattern| pattern.as_literal().is_some()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        apply::tests::world::{self, KINDS, entry},
        config,
        plan::tests::world::World,
        systems,
    };

    /// Two targets of S2 with these own lists.
    fn targets(first: &str, second: &str) -> config::Config {
        let target = |name: &str, own: &str| {
            let env = name.to_uppercase();
            format!(
                "  {name}:\n    system: s2\n    account: {name}\n    credential: {{ env: {env} }}\n    \
                 own: {{ access_tokens: {own} }}\n"
            )
        };
        let text = format!(
            "version: 1\npolicies: p/\njournal: ephemeral\ntargets:\n{}{}",
            target("one", first),
            target("two", second)
        );
        config::load("portcullis.yaml", Path::new("portcullis.yaml"), text.as_bytes(), &systems::descriptions())
            .unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn reading(ids: &[&str]) -> Snapshot {
        let mut world = World::of("s2");
        ids.iter().for_each(|id| drop(world.live(id).id.clone()));
        world.snapshot
    }

    fn wrong(config: &config::Config, one: &Snapshot, two: &Snapshot) -> Vec<String> {
        let readings = config.targets.values().zip([one, two]).map(|(target, reading)| Known {
            target,
            pinned: None,
            reading: Some(reading),
        });
        cross(readings).into_iter().map(|(name, why)| format!("{name}: {}", why.what)).collect()
    }

    #[test]
    fn two_targets_that_list_the_same_own_entry_and_both_see_it_are_one_account() {
        let own = "[{ id: portcullis/reconciler }]";
        let config = targets(own, own);
        let both = reading(&["portcullis/reconciler", "service/a"]);
        let told = wrong(&config, &both, &both);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].starts_with("one: it shares the own entry \"portcullis/reconciler\" with target `two`"),
            "{told:?}"
        );
        assert!(told[1].starts_with("two: "), "{told:?}");
    }

    #[test]
    fn an_own_entry_of_the_other_target_in_a_reading_makes_both_unreadable() {
        let config = targets("[{ id: portcullis/one }]", "[{ id: portcullis/two }]");
        let (one, two) = (reading(&["portcullis/one"]), reading(&["portcullis/two"]));
        assert!(wrong(&config, &one, &two).is_empty());
        let strange = reading(&["portcullis/one", "portcullis/two"]);
        assert_eq!(wrong(&config, &strange, &two).len(), 2);
        let globbed = targets("[{ id: \"portcullis/*\" }]", "[{ id: \"portcullis/*\" }]");
        assert!(wrong(&globbed, &one, &two).is_empty(), "a glob names no entry of its own");
    }

    #[test]
    fn many_targets_with_long_own_lists_are_compared_in_one_walk() {
        // 400 targets that list 200 ids each, and a reading of 20,000 entries: 1.6 thousand million pairs one by one.
        let literal = |text: String| Selector {
            conditions: vec![Condition {
                field: SelectField::Field(0),
                any_of: vec![Pattern::literal(&text)],
                ignore_case: false,
            }],
        };
        let others: Vec<Target> = (0..400)
            .map(|number| {
                let mut other = crate::run::tests::target(&format!("t{number}"));
                let ids = (0..200).map(|id| literal(format!("own/{number}-{id}"))).collect();
                other.own = vec![(&KINDS[0], OwnList::Listed(Selectors::Any(ids)))];
                other
            })
            .collect();
        let ids = (0..20_000).map(|id| format!("service/{id}")).chain(["own/399-199".into()]);
        let reading = world::World::of(ids.map(|id| entry(&id))).snapshot();
        let one = &crate::run::tests::target("one");
        let known = |target| Known { target, pinned: None, reading: None };
        let others: Vec<Known<'_>> = others.iter().map(known).collect();
        let (wrong, told) = cross_one(Known { reading: Some(&reading), ..known(one) }, &others);
        assert!(wrong.unwrap().what.contains("\"own/399-199\" with target `t399`"));
        assert_eq!(told.keys().collect::<Vec<_>>(), ["t399"]);
        assert!(told["t399"].what.contains("with target `one`"));
    }
}
