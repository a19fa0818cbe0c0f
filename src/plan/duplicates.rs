//! Entries that share a declaration by natural key: which of them was meant.

use std::collections::{HashMap, HashSet};

use super::{Input, due::due, is_over, matching::Matching, row_guards::over_by, standing::gap};
use crate::{
    access::{Entry, Fingerprint, OpenIntent},
    policy::{Declaration, OnExcess},
};

/// Entries that match one declaration together.
#[derive(Debug, Default)]
pub struct Duplicates {
    /// Those of which nothing tells which one was meant.
    doubtful: HashSet<u32>,
    /// Those that were not meant, each with the one that was.
    not_meant: HashMap<u32, u32>,
}

impl Duplicates {
    /// Whether nothing tells if this entry or another one was meant.
    pub fn is_doubtful(&self, entry: u32) -> bool {
        self.doubtful.contains(&entry)
    }

    /// The entry that its declaration means instead, as the journal knows.
    pub fn meant_instead_of(&self, entry: u32) -> Option<u32> {
        self.not_meant.get(&entry).copied()
    }

    /// Looks at every declaration that several entries match. `absents` are entries that must not exist, `open` intents
    /// without a final outcome.
    pub fn of(
        input: &Input<'_>,
        matching: &Matching,
        absents: &HashMap<u32, u32>,
        open: &HashMap<(&str, &str), &OpenIntent>,
    ) -> Self {
        let mut found = Self::default();
        for (number, declaration) in input.policy.declarations.iter().enumerate() {
            let entries = matching.entries(number);
            if entries.len() < 2 {
                continue;
            }
            let entry = |position: u32| input.snapshot.entries.get(position as usize);
            if declaration.kind.splits_by.is_some() {
                let beyond =
                    |position: &u32| entry(*position).is_some_and(|entry| !gap(declaration, entry).excess.is_empty());
                found.doubtful.extend(entries.iter().copied().filter(beyond));
                continue;
            }
            let declared_otherwise = |position: u32| matching.declarations(position as usize).len() > 1;
            let shared: Vec<u32> = entries.iter().copied().filter(|&position| !declared_otherwise(position)).collect();
            let last_matched = |position: u32| {
                let last = entry(position)
                    .and_then(|entry| input.history.matches.get(&(entry.kind.name.into(), entry.id.clone())));
                last.filter(|last| last.declaration == declaration.key)
            };
            let known: Vec<u32> = shared.iter().copied().filter(|&position| last_matched(position).is_some()).collect();
            // That one was meant says something of the others only while it is as it was and stays: one that changed or goes
            // may have been replaced by another.
            let stays = |position: u32| {
                entry(position).zip(last_matched(position)).is_some_and(|(entry, last)| {
                    last.fingerprint == Fingerprint::of(entry)
                        && !absents.contains_key(&position)
                        && !open.contains_key(&(entry.kind.name, entry.id.as_str()))
                        && stays_declared(input, declaration, entry)
                })
            };
            match known.as_slice() {
                [meant] if stays(*meant) => {
                    let others = shared.iter().filter(|position| *position != meant);
                    found.not_meant.extend(others.map(|&position| (position, *meant)));
                }
                [meant] => found.doubtful.extend(shared.iter().filter(|position| *position != meant)),
                _ if shared.len() > 1 => found.doubtful.extend(shared),
                _ => {}
            }
        }
        found
    }
}

/// Whether an entry is live and its declaration lets it be.
fn stays_declared(input: &Input<'_>, declaration: &Declaration, entry: &Entry) -> bool {
    let by = over_by(input);
    let is_due = is_over(declaration, by) || due(entry, &declaration.limits, None, by).is_some();
    let is_excess = declaration.on_excess == OnExcess::Revoke && !gap(declaration, entry).excess.is_empty();
    entry.is_live() && !is_due && !is_excess
}
