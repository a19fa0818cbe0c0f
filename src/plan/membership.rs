//! Which managed sets and `allow` items an entry lies in.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::{
    access::{Entry, Person, Text},
    policy::{Allow, Limits, ManagedSet, TargetPolicy},
};

/// The managed sets of a target, ready to be asked.
pub struct Membership<'a> {
    sets: &'a [ManagedSet],
    allows: &'a [Allow],
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
        Self { sets: &policy.sets, allows: &policy.allows }
    }

    /// Positions of the sets that the entry lies in.
    pub fn sets_of(&self, entry: &Entry) -> Vec<u32> {
        let mut found = Vec::new();
        if entry.outside().is_some() {
            return found;
        }
        for (position, set) in self.sets.iter().enumerate() {
            if contains(set, entry) {
                found.push(u32::try_from(position).unwrap_or(u32::MAX));
            }
        }
        found
    }

    /// Whether an `allow` item of the file of one of these sets covers the entry, and with which limits.
    pub fn allowed(&self, entry: &Entry, sets: &[u32], now: Timestamp, clock_is_right: bool) -> Option<Allowed> {
        let mut found: Option<Allowed> = None;
        for (position, item) in self.allows.iter().enumerate() {
            let in_own_set = sets.iter().any(|&set| {
                self.sets
                    .get(set as usize)
                    .is_some_and(|set| set.place.file == item.place.file && set.kind == item.kind)
            });
            if !in_own_set || item.kind != entry.kind || !item.select.select(entry) {
                continue;
            }
            if clock_is_right && item.must_expire_within.is_some_and(|within| !expires_within(entry, now, within)) {
                continue;
            }
            found = Some(match found {
                None => Allowed { item: u32::try_from(position).unwrap_or(u32::MAX), limits: item.limits },
                Some(known) => Allowed { item: known.item, limits: known.limits.loosest(item.limits) },
            });
        }
        found
    }
}

/// Whether a set holds the entry.
pub fn contains(set: &ManagedSet, entry: &Entry) -> bool {
    set.kind == entry.kind && set.select.select(entry) && !set.except.iter().any(|selector| selector.fits(entry))
}

fn expires_within(entry: &Entry, now: Timestamp, within: SignedDuration) -> bool {
    entry.expires_at.is_some_and(|at| at.duration_since(now) <= within)
}

/// The people who have left, for a system.
pub struct Leavers<'a> {
    system: &'static str,
    gone: Vec<&'a Person>,
}

impl<'a> Leavers<'a> {
    /// Everybody whose `until` has passed.
    pub fn new(system: &'static str, people: &'a BTreeMap<Text, std::sync::Arc<Person>>, now: Timestamp) -> Self {
        let left = |person: &&Person| person.until.is_some_and(|until| until <= now);
        Self { system, gone: people.values().map(AsRef::as_ref).filter(left).collect() }
    }

    /// The leaver who holds the entry, if one does.
    pub fn holder(&self, entry: &Entry) -> Option<&'a Person> {
        let principal = entry.principal.as_ref().filter(|principal| principal.class == "user")?;
        self.gone.iter().copied().find(|person| person.is(self.system, principal))
    }
}
