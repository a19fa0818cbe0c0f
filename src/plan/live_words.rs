//! What the words of an open set (AccessOwl permissions) stand for: nobody lists these, so a word is known where an entry on
//! the same thing has it.

use std::collections::{HashMap, HashSet};

use super::{Input, candidate::Candidate, is_dead};
use crate::{
    access::{Cause, Entry, Kind, Shape, Value},
    policy::Declaration,
};

/// Every spelling of what entries that are not dead hold, by the field and by what they are on.
#[derive(Default)]
pub struct LiveWords<'a> {
    by_place: HashMap<(&'static str, usize, Vec<&'a str>), HashSet<&'a str>>,
}

impl<'a> LiveWords<'a> {
    /// Words are gathered only where a row holds more than is declared.
    pub fn of(input: &Input<'a>, candidates: &[Candidate<'_>]) -> Self {
        let mut all = Self::default();
        if !candidates.iter().any(|candidate| candidate.cause == Cause::OverScoped) {
            return all;
        }
        for entry in input.snapshot.entries.iter().filter(|entry| !is_dead(entry)) {
            for field in open_sets(entry.kind) {
                let Some(Value::Objects(objects)) = entry.values.get(field) else { continue };
                let words = all.by_place.entry((entry.kind.name, field, place(entry))).or_default();
                for object in objects.iter() {
                    words.insert(&object.id);
                    words.extend(object.names.iter().map(|name| name.as_str()));
                }
            }
        }
        all
    }

    /// The words of a declaration that stand for nothing on what the entry is on, quoted.
    pub fn unnamed(&self, declaration: &Declaration, entry: &Entry) -> Vec<String> {
        let mut unnamed = Vec::new();
        for field in open_sets(entry.kind) {
            let Some(Value::Set(words)) = declaration.values.get(field) else { continue };
            let live = self.by_place.get(&(entry.kind.name, field, place(entry)));
            let is_live = |word: &str| live.is_some_and(|live| live.contains(word));
            unnamed.extend(words.iter().filter(|word| !is_live(word)).map(|word| format!("{word:?}")));
        }
        unnamed
    }
}

fn open_sets(kind: &'static Kind) -> impl Iterator<Item = usize> {
    let open = |field: &crate::access::Field| matches!(field.shape, Shape::Set { known: [] });
    kind.fields.iter().enumerate().filter(move |(_, field)| open(field)).map(|(position, _)| position)
}

/// What an entry is on: the objects of its fields but its holder.
fn place(entry: &Entry) -> Vec<&str> {
    let on =
        entry.kind.fields.iter().zip(&entry.values).filter(|(field, _)| matches!(field.shape, Shape::Object { .. }));
    on.map(|(_, value)| match value {
        Value::Object(object) => object.id.as_str(),
        _ => "",
    })
    .collect()
}
