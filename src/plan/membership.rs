//! Which managed sets and `allow` items an entry lies in.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{narrowed::Narrowed, persons::Persons};
use crate::{
    access::{Entry, Person, Text},
    policy::{Allow, Limits, ManagedSet, TargetPolicy},
};

/// The managed sets of a target, ready to be asked.
pub struct Membership<'a> {
    sets: &'a [ManagedSet],
    allows: &'a [Allow],
    selecting: Narrowed<'a>,
    excepting: Narrowed<'a>,
    allowing: Narrowed<'a>,
}

/// What a target's `allow` items say of one entry.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// The first item that covers it.
    pub item: u32,
    /// The loosest of the limits of all items that cover it.
    pub limits: Limits,
}

impl<'a> Membership<'a> {
    /// Takes a policy's sets and allow items.
    pub fn new(policy: &'a TargetPolicy) -> Self {
        Self {
            sets: &policy.sets,
            allows: &policy.allows,
            selecting: Narrowed::new(policy.sets.iter().map(|set| (set.kind, &set.select))),
            excepting: Narrowed::of(policy.sets.iter().map(|set| (set.kind, Some(set.except.as_slice())))),
            allowing: Narrowed::covering(policy.allows.iter().map(|item| (item.kind, &item.select))),
        }
    }

    /// Positions of the sets that the entry lies in.
    pub fn sets_of(&self, entry: &Entry) -> Vec<u32> {
        if entry.outside().is_some() {
            return Vec::new();
        }
        let mut found = self.selecting.naming(entry);
        if !found.is_empty() {
            let excepted = self.excepting.naming(entry);
            found.retain(|set| excepted.binary_search(set).is_err());
        }
        found
    }

    /// Whether an `allow` item of the file of one of these sets covers the entry, and with which limits.
    pub fn allowed(&self, entry: &Entry, sets: &[u32], now: Timestamp, clock_is_right: bool) -> Option<Allowed> {
        let mut files: Vec<u32> =
            sets.iter().filter_map(|&set| self.sets.get(set as usize)).map(|set| set.place.file).collect();
        files.sort_unstable();
        let mut found: Option<Allowed> = None;
        for position in self.allowing.naming(entry) {
            let Some(item) = self.allows.get(position as usize) else { continue };
            if files.binary_search(&item.place.file).is_err() {
                continue;
            }
            if clock_is_right && item.must_expire_within.is_some_and(|within| !expires_within(entry, now, within)) {
                continue;
            }
            found = Some(match found {
                None => Allowed { item: position, limits: item.limits },
                Some(known) => Allowed { item: known.item, limits: known.limits.loosest(item.limits) },
            });
        }
        found
    }
}

/// Why an `allow` item does not cover an entry that it selects.
pub struct Fails {
    /// The item.
    pub item: u32,
    /// In words.
    pub why: String,
}

impl Membership<'_> {
    /// The first `allow` item of the file of one of these sets that selects the entry and still does not cover it: since its
    /// holder left, or since it does not expire soon enough.
    pub fn fails(&self, entry: &Entry, sets: &[u32], leaver: Option<&Person>) -> Option<Fails> {
        let in_charge = |item: &Allow| {
            sets.iter().filter_map(|&set| self.sets.get(set as usize)).any(|set| set.place.file == item.place.file)
        };
        let naming = self.allowing.naming(entry);
        let mut selecting = naming
            .into_iter()
            .filter_map(|at| Some((at, self.allows.get(at as usize)?)))
            .filter(|(_, item)| in_charge(item));
        let (position, item) = selecting.next()?;
        let why = match (leaver, item.must_expire_within) {
            (Some(person), _) => {
                let since = person.until.map_or_else(String::new, |until| format!(" on {}", super::due::until(until)));
                format!("{} left{since}, and nothing is allowed to who has left", person.name)
            }
            (None, Some(within)) => {
                let end = match entry.expires_at {
                    Some(at) => format!("it expires only on {}", super::due::until(at)),
                    None => "it never expires".to_owned(),
                };
                format!("{end} and must_expire_within is {}", super::due::span(Some(within)))
            }
            (None, None) => return None,
        };
        Some(Fails { item: position, why })
    }
}

/// Whether the vendor itself ends an entry within this time from now.
pub fn expires_within(entry: &Entry, now: Timestamp, within: SignedDuration) -> bool {
    entry.expires_at.is_some_and(|at| at.duration_since(now) <= within)
}

/// The people who have left, for a system.
pub struct Leavers<'a> {
    gone: Persons<'a>,
}

impl<'a> Leavers<'a> {
    /// Everybody whose `until` has passed.
    pub fn new(system: &'static str, people: &'a BTreeMap<Text, std::sync::Arc<Person>>, now: Timestamp) -> Self {
        let left = |person: &&Person| person.until.is_some_and(|until| until <= now);
        Self { gone: Persons::new(system, people.values().map(AsRef::as_ref).filter(left)) }
    }

    /// The leaver who holds the entry, if one does.
    pub fn holder(&self, entry: &Entry) -> Option<&'a Person> {
        let principal = entry.principal.as_ref().filter(|principal| principal.class == "user")?;
        self.gone.who_is(principal)
    }
}
