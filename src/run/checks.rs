//! What every reading has to prove besides what its system checks: the right account, what must be seen, and that no two
//! targets look at the same account.

use std::collections::{BTreeMap, HashSet};

use crate::{
    access::{Entry, Kind, Pattern, Selector, Selectors, Snapshot, Text},
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
    let condition = |condition: &crate::access::Condition| {
        let name = match condition.field {
            crate::access::SelectField::Field(at) => kind.fields.get(at).map_or("field", |field| field.name),
            crate::access::SelectField::Principal => "principal",
            crate::access::SelectField::Label => "label",
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
        let Some(reading) = one.reading else { continue };
        for (other_at, other) in targets.iter().enumerate() {
            if at == other_at || one.target.description.system != other.target.description.system {
                continue;
            }
            let account = other.account().filter(|(id, _)| reading.account_id.as_ref() == Some(*id));
            let shared = match account {
                Some((id, known)) => Some((format!("the account {id:?}"), known)),
                None => own_of(other, reading).map(|id| (format!("the own entry {id:?}"), "")),
            };
            let Some((shared, known)) = shared else { continue };
            let advice = "give each target its own account and its own credential";
            let names = (&one.target.name, &other.target.name);
            for (name, with) in [names, (names.1, names.0)] {
                let known = if name == names.0 { known } else { "" };
                let what = format!("it shares {shared} with target `{with}`{known}");
                wrong.entry(name.clone()).or_insert_with(|| Unreadable::new(Fault::WrongAccount, what).advise(advice));
            }
        }
    }
    wrong
}

/// An entry of this reading that is the other target's own: by the API, or literally by the operator's list.
fn own_of<'a>(other: &Known<'_>, reading: &'a Snapshot) -> Option<&'a Text> {
    let marks = other.reading.map_or(&[][..], |reading| &reading.own);
    let marked = |entry: &Entry| marks.iter().any(|mark| mark.kind == entry.kind.name && mark.id == entry.id);
    let listed = |entry: &Entry| {
        other.target.own.iter().any(|(kind, own)| match own {
            OwnList::Listed(Selectors::Any(all)) if *kind == entry.kind => {
                all.iter().any(|selector| literal(selector) && selector.fits(entry))
            }
            _ => false,
        })
    };
    reading.entries.iter().find(|entry| entry.is_live() && (marked(entry) || listed(entry))).map(|entry| &entry.id)
}

fn literal(selector: &Selector) -> bool {
    selector.conditions.iter().all(|condition| condition.any_of.iter().all(|pattern| pattern.as_literal().is_some()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{config, plan::tests::world::World, systems};

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
}
