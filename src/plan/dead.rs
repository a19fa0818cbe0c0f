//! Dead entries that are declared: a declaration that matches nothing live says more by the entry that was there.

use std::collections::{HashMap, HashSet};

use super::{
    Input,
    index::LoneResources,
    is_dead, is_over,
    matching::{Matching, dead_entries},
    resolve::Names,
    row_guards::over_by,
};

/// Declarations whose entries are all dead, each with the entry that was there last.
#[derive(Debug, Default)]
pub struct DeadDeclared {
    by_entry: HashMap<u32, u32>,
    declarations: HashSet<u32>,
}

impl DeadDeclared {
    /// Looks for the dead of every declaration that matches nothing live.
    pub fn of(input: &Input<'_>, matching: &Matching, names: &Names<'_>, lone: &LoneResources) -> Self {
        let mut all = Self::default();
        if !input.snapshot.entries.iter().any(is_dead) {
            return all;
        }
        let over_by = over_by(input);
        let unmatched = (0..).zip(&input.policy.declarations).filter(|(number, declaration)| {
            matching.entries(*number as usize).is_empty() && !is_over(declaration, over_by)
        });
        let entry = |position: u32| input.snapshot.entries.get(position as usize);
        for (number, dead) in dead_entries(unmatched, input.snapshot, names, lone) {
            // Of many that came and went, the last.
            let last = dead.into_iter().max_by_key(|&position| entry(position).map(|one| (one.created_at, &one.id)));
            if let Some(last) = last.filter(|last| !all.by_entry.contains_key(last)) {
                all.by_entry.insert(last, number);
                all.declarations.insert(number);
            }
        }
        all
    }

    /// The declaration of a dead entry.
    pub fn declaration_of(&self, entry: usize) -> Option<u32> {
        u32::try_from(entry).ok().and_then(|entry| self.by_entry.get(&entry)).copied()
    }

    /// Whether the declaration's entry is there and dead.
    pub fn has(&self, declaration: usize) -> bool {
        u32::try_from(declaration).is_ok_and(|declaration| self.declarations.contains(&declaration))
    }
}
