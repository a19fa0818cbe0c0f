//! Numbers over all live entries that guards are measured against.

use std::collections::HashMap;

use super::standing::Standing;
use crate::{
    access::{Base, BaseScope, Entry, Text},
    policy::{Place, TargetPolicy},
};

/// What the one walk over the snapshot counted.
#[derive(Default)]
pub struct Tally {
    /// For each policy file the live entries that it declares or manages.
    pub by_file: Vec<u32>,
    /// For each kind the live entries that are declared or managed.
    pub by_kind: HashMap<&'static str, u32>,
    /// For each kind the live entries that the floor counts: not own, protected, in flight or dead.
    pub floor_by_kind: HashMap<&'static str, u32>,
    /// The same for each further floor group, with its kind.
    pub floor_by_group: HashMap<(&'static str, Text), u32>,
    /// For each control the live entries on it.
    pub live_by_control: HashMap<Text, u32>,
    /// For each managed set the live entries in it, and whether one of them is declared or allowed.
    pub by_set: Vec<(u32, bool)>,
    /// For each kind: live entries, and whether one matched a declaration.
    pub kinds: HashMap<&'static str, (u32, bool)>,
}

impl Tally {
    /// An empty tally for a policy.
    pub fn new(policy: &TargetPolicy) -> Self {
        Self { by_file: vec![0; policy.files.len()], by_set: vec![(0, false); policy.sets.len()], ..Self::default() }
    }

    /// Counts an entry that is not dead. One that is leaving is none that remains.
    pub fn count(&mut self, entry: &Entry, standing: &Standing, files: &[u32], leaving: bool) {
        let kind = entry.kind.name;
        let known = !standing.declarations.is_empty() || standing.allowed.is_some();
        if known || !standing.sets.is_empty() {
            *self.by_kind.entry(kind).or_default() += 1;
        }
        for &file in files {
            if let Some(count) = self.by_file.get_mut(file as usize) {
                *count += 1;
            }
        }
        for &set in &standing.sets {
            if let Some((count, spoken)) = self.by_set.get_mut(set as usize) {
                *count += u32::from(!leaving);
                *spoken |= known;
            }
        }
        let seen = self.kinds.entry(kind).or_default();
        seen.0 += 1;
        seen.1 |= !standing.declarations.is_empty();
        if leaving {
            return;
        }
        let control = entry.facts.as_ref().and_then(|facts| facts.control.as_ref());
        if let Some(control) = control {
            *self.live_by_control.entry(control.clone()).or_default() += 1;
        }
        self.floor(entry, standing);
    }

    fn floor(&mut self, entry: &Entry, standing: &Standing) {
        if standing.own || standing.protected {
            return;
        }
        *self.floor_by_kind.entry(entry.kind.name).or_default() += 1;
        for group in entry.facts.iter().flat_map(|facts| &facts.floor_groups) {
            *self.floor_by_group.entry((entry.kind.name, group.clone())).or_default() += 1;
        }
    }

    /// The numbers that the share guard measures against, for the journal.
    pub fn bases(&self, policy: &TargetPolicy) -> Vec<Base> {
        let files = policy.files.iter().zip(&self.by_file);
        let mut bases: Vec<Base> = files
            .map(|(file, &number)| Base { scope: BaseScope::File(file.name.clone()), number })
            .chain(self.by_kind.iter().map(|(&kind, &number)| Base { scope: BaseScope::Kind(kind.into()), number }))
            .filter(|base| base.number > 0)
            .collect();
        bases.sort_by(|a, b| a.scope.cmp(&b.scope));
        bases
    }
}

/// The files that an entry counts against: those that declare or manage it.
pub fn files_of(policy: &TargetPolicy, standing: &Standing) -> Vec<u32> {
    let sets = standing.sets.iter().filter_map(|&set| policy.sets.get(set as usize)).map(|set| set.place);
    let declared = standing
        .declarations
        .iter()
        .filter_map(|&number| policy.declarations.get(number as usize))
        .flat_map(|declaration| declaration.places.iter().copied());
    let mut files: Vec<u32> = sets.chain(declared).map(|place: Place| place.file).collect();
    files.sort_unstable();
    files.dedup();
    files
}
