//! Entries by the values of some of their fields: built once for each set of fields that is asked for, so that matching is
//! linear in entries and declarations.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash as _, Hasher as _, RandomState},
};

use crate::access::{Entry, FieldRole, Kind, Shape, Snapshot, Value};

/// No further entry in a chain.
const END: u32 = u32::MAX;

/// Which fields of a kind a look-up uses, as positions in ascending order.
pub type FieldSet = Box<[usize]>;

/// Entries of one kind by the tokens of some fields.
pub struct Index<'a> {
    entries: &'a [Entry],
    fields: FieldSet,
    /// The first entry of each chain; a hash belongs to the chain of its last bits.
    heads: Vec<u32>,
    next: Vec<u32>,
    hasher: RandomState,
    lone: &'a LoneResources,
}

impl<'a> Index<'a> {
    /// Indexes the entries that are not dead, or those that are.
    pub fn new(
        kind: &'static Kind,
        fields: FieldSet,
        entries: &'a [Entry],
        lone: &'a LoneResources,
        dead: bool,
    ) -> Self {
        let hasher = RandomState::new();
        let mut heads = vec![END; entries.len().next_power_of_two()];
        let mut next = vec![END; entries.len()];
        // Walked backwards so that chains run in the order of the snapshot.
        for (position, entry) in entries.iter().enumerate().rev() {
            if entry.kind != kind || super::is_dead(entry) != dead {
                continue;
            }
            let tokens = fields.iter().map(|&field| lone.token(entry, field));
            let chain = chain(hash_tokens(&hasher, tokens), heads.len());
            if let (Some(head), Some(slot)) = (heads.get_mut(chain), next.get_mut(position)) {
                *slot = std::mem::replace(head, u32::try_from(position).unwrap_or(END));
            }
        }
        Self { entries, fields, heads, next, hasher, lone }
    }

    /// Positions of the entries whose fields have exactly these tokens, in the order of the snapshot.
    pub fn find<'s>(&'s self, tokens: &'s [&'s str]) -> impl Iterator<Item = usize> + 's {
        let hash = hash_tokens(&self.hasher, tokens.iter().copied());
        let mut at = self.heads.get(chain(hash, self.heads.len())).copied().unwrap_or(END);
        std::iter::from_fn(move || {
            while at != END {
                let position = at as usize;
                at = self.next.get(position).copied().unwrap_or(END);
                let Some(entry) = self.entries.get(position) else { continue };
                let same =
                    self.fields.iter().zip(tokens).all(|(&field, token)| self.lone.token(entry, field) == *token);
                if same {
                    return Some(position);
                }
            }
            None
        })
    }
}

/// The chain of a hash, of so many; their number is a power of two.
fn chain(hash: u64, chains: usize) -> usize {
    usize::try_from(hash & (chains as u64).saturating_sub(1)).unwrap_or(0)
}

fn hash_tokens<'t>(hasher: &RandomState, tokens: impl Iterator<Item = &'t str>) -> u64 {
    let mut state = hasher.build_hasher();
    for token in tokens {
        token.hash(&mut state);
    }
    state.finish()
}

/// Objects that a declaration may leave out: the only resource of an application, where it has no title.
#[derive(Debug, Default)]
pub struct LoneResources {
    ids: std::collections::HashSet<crate::access::Text>,
}

impl LoneResources {
    /// Finds them in a snapshot's directory.
    pub fn of(snapshot: &Snapshot, kinds: &'static [Kind]) -> Self {
        let mut ids = std::collections::HashSet::new();
        let classes = kinds.iter().flat_map(|kind| kind.fields).filter_map(|field| match (field.role, &field.shape) {
            (FieldRole::OptionalKey, Shape::Object { class, .. }) => Some(*class),
            _ => None,
        });
        for class in classes {
            let mut siblings: HashMap<&str, (usize, Option<&crate::access::Text>)> = HashMap::new();
            for object in snapshot.directory.of_class(class) {
                let (count, untitled) = siblings.entry(object.parent.as_deref().unwrap_or("")).or_default();
                *count += 1;
                if object.names.is_empty() {
                    *untitled = Some(&object.id);
                }
            }
            ids.extend(siblings.into_values().filter_map(|(count, untitled)| untitled.filter(|_| count == 1)).cloned());
        }
        Self { ids }
    }

    /// The token of an object's id as look-ups have it.
    pub fn canonical<'t>(&self, token: &'t str) -> &'t str {
        if self.ids.contains(token) { "" } else { token }
    }

    /// What stands for a field's value in a look-up: an object's id, a text, the empty text for nothing.
    pub fn token<'e>(&self, entry: &'e Entry, field: usize) -> &'e str {
        match entry.values.get(field) {
            Some(Value::Text(text)) => text,
            Some(Value::Object(object)) if self.ids.contains(&object.id) => "",
            Some(Value::Object(object)) => &object.id,
            Some(Value::Bool(true)) => "true",
            Some(Value::Bool(false)) => "false",
            _ => "",
        }
    }
}
