//! Declarations to entries: by exact id where given, else by natural key. Linear in both.

use std::collections::HashMap;

use super::{
    index::{FieldSet, Index, LoneResources},
    resolve::{Meaning, Names, Unresolved},
};
use crate::{
    access::{Entry, FieldRole, Kind, Shape, Snapshot, Text, Value},
    policy::{Absent, Declaration, Hold, TargetPolicy},
};

/// Which declarations each entry matches, and which match nothing.
pub struct Matching {
    /// For each entry the declarations it matches, ascending; most have none or one.
    by_entry: HashMap<u32, Vec<u32>>,
    /// For each declaration the entries it matches, in the order of the snapshot.
    by_declaration: Vec<Vec<u32>>,
    /// Declarations with a name that does not stand for exactly one live object.
    pub unresolved: Vec<UnresolvedDeclaration>,
}

/// A declaration that could mean an entry which it does not match.
pub struct UnresolvedDeclaration {
    /// The declaration's position.
    pub declaration: u32,
    /// What its names stand for.
    pub meaning: Meaning,
}

impl UnresolvedDeclaration {
    /// The names that are wrong, for a sentence.
    pub fn names(&self) -> String {
        let one = |name: &Unresolved| {
            let how = if name.candidates.is_empty() { "stands for nothing live" } else { "stands for several objects" };
            format!("{:?} {how}", name.name)
        };
        self.meaning.unresolved.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

impl Matching {
    /// The declarations that an entry matches.
    pub fn declarations(&self, entry: usize) -> &[u32] {
        u32::try_from(entry).ok().and_then(|entry| self.by_entry.get(&entry)).map_or(&[], Vec::as_slice)
    }

    /// The entries that a declaration matches.
    pub fn entries(&self, declaration: usize) -> &[u32] {
        self.by_declaration.get(declaration).map_or(&[], Vec::as_slice)
    }

    /// Matches every declaration.
    pub fn new(policy: &TargetPolicy, snapshot: &Snapshot, names: &Names<'_>, lone: &LoneResources) -> Self {
        let mut indices = Indices { snapshot, lone, built: HashMap::new() };
        let mut by_declaration = vec![Vec::new(); policy.declarations.len()];
        let mut by_entry: HashMap<u32, Vec<u32>> = HashMap::with_capacity(policy.declarations.len());
        let mut unresolved = Vec::new();
        for (position, declaration) in policy.declarations.iter().enumerate() {
            let number = to_u32(position);
            let (found, wrong) = indices.matched(declaration, names);
            for &entry in &found {
                by_entry.entry(entry).or_default().push(number);
            }
            if let Some(slot) = by_declaration.get_mut(position) {
                *slot = found;
            }
            if let Some(meaning) = wrong {
                unresolved.push(UnresolvedDeclaration { declaration: number, meaning });
            }
        }
        Self { by_entry, by_declaration, unresolved }
    }
}

/// Entries that `absent:` items name, with the item that names each first.
pub fn absent_entries(
    absents: &[Absent],
    snapshot: &Snapshot,
    names: &Names<'_>,
    lone: &LoneResources,
) -> HashMap<u32, u32> {
    let mut indices = Indices { snapshot, lone, built: HashMap::new() };
    let mut named = HashMap::new();
    for (position, absent) in absents.iter().enumerate() {
        let meaning = names.meaning(absent.kind, &absent.values, absent.person.as_ref());
        // A name that does not stand for exactly one live object names nothing.
        if meaning.is_clear() {
            for entry in indices.with_meaning(absent.kind, &absent.values, &meaning) {
                named.entry(entry).or_insert_with(|| to_u32(position));
            }
        }
    }
    named
}

/// Entries that `holds:` items name and that have not ended.
pub fn held_entries(
    holds: &[Hold],
    snapshot: &Snapshot,
    names: &Names<'_>,
    lone: &LoneResources,
    now: jiff::Timestamp,
) -> HashMap<u32, u32> {
    let mut indices = Indices { snapshot, lone, built: HashMap::new() };
    let mut named = HashMap::new();
    for (position, hold) in holds.iter().enumerate().filter(|(_, hold)| now < hold.until) {
        let meaning = names.meaning(hold.kind, &hold.values, hold.person.as_ref());
        // A hold keeps access: where its names are ambiguous, it holds whatever it could mean.
        for entry in indices.with_meaning(hold.kind, &hold.values, &meaning) {
            named.entry(entry).or_insert_with(|| to_u32(position));
        }
    }
    named
}

/// Indices, each built when it is first asked for.
struct Indices<'a> {
    snapshot: &'a Snapshot,
    lone: &'a LoneResources,
    built: HashMap<(&'static str, FieldSet), Index<'a>>,
}

impl<'a> Indices<'a> {
    fn get(&mut self, kind: &'static Kind, fields: FieldSet) -> &Index<'a> {
        let (entries, lone) = (self.snapshot.entries.as_slice(), self.lone);
        self.built.entry((kind.name, fields.clone())).or_insert_with(|| Index::new(kind, fields, entries, lone))
    }

    fn matched(&mut self, declaration: &Declaration, names: &Names<'_>) -> (Vec<u32>, Option<Meaning>) {
        let kind = declaration.kind;
        if let Some((fields, tokens)) = plain_exact(declaration) {
            return (self.get(kind, fields).find(&[tokens]).map(to_u32).collect(), None);
        }
        let meaning = names.meaning(kind, &declaration.values, declaration.person.as_ref());
        let Some(identity) = identity(declaration, &meaning) else { return (Vec::new(), None) };
        if !meaning.is_clear() {
            return (Vec::new(), Some(meaning));
        }
        let fields = sorted_positions(kind, identity);
        let mut found = Vec::new();
        for combination in meaning.combinations() {
            let tokens: Vec<&str> = fields
                .iter()
                .map(|field| {
                    let given = meaning.fields.iter().position(|known| known == field);
                    let written = given.and_then(|given| combination.get(given)).copied().unwrap_or("");
                    if self.lone.has(written) { "" } else { written }
                })
                .collect();
            let entries = &self.snapshot.entries;
            let hits: Vec<usize> = self.get(kind, fields.clone()).find(&tokens).collect();
            found.extend(
                hits.into_iter()
                    .filter(|&hit| entries.get(hit).is_some_and(|entry| classes_agree(&declaration.values, entry)))
                    .map(to_u32),
            );
        }
        found.sort_unstable();
        found.dedup();
        (found, None)
    }

    /// Entries whose given fields have one of the given meanings; fields that are left out mean any.
    fn with_meaning(&mut self, kind: &'static Kind, values: &[Value], meaning: &Meaning) -> Vec<u32> {
        let entries = &self.snapshot.entries;
        let mut found = Vec::new();
        for combination in meaning.combinations() {
            let lone = self.lone;
            let tokens: Vec<&str> = combination.iter().map(|&word| if lone.has(word) { "" } else { word }).collect();
            let hits: Vec<usize> = self.get(kind, meaning.fields.clone()).find(&tokens).collect();
            // A lone resource that is named means this one, not every application-wide entry.
            let is_it = |entry: &Entry| {
                meaning.fields.iter().zip(&combination).filter(|(_, word)| lone.has(word)).all(|(&field, word)| {
                    matches!(entry.values.get(field), Some(Value::Object(object)) if object.id == **word)
                })
            };
            let agree =
                |hit: &usize| entries.get(*hit).is_some_and(|entry| classes_agree(values, entry) && is_it(entry));
            found.extend(hits.into_iter().filter(agree).map(to_u32));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The common case without any allocation for names: one exact id of plain text.
fn plain_exact(declaration: &Declaration) -> Option<(FieldSet, &str)> {
    let [name] = declaration.kind.identities.first()? else { return None };
    let position = declaration.kind.field_index(name)?;
    match (declaration.kind.fields.get(position)?.shape, declaration.values.get(position)?) {
        (Shape::Text, Value::Text(text)) => Some((Box::new([position]), text)),
        _ => None,
    }
}

/// The first identity of which every field that must be given is given.
fn identity(declaration: &Declaration, meaning: &Meaning) -> Option<&'static [&'static str]> {
    let kind = declaration.kind;
    kind.identities.iter().copied().find(|names| {
        names.iter().all(|name| {
            kind.field(name).is_some_and(|field| field.role == FieldRole::OptionalKey)
                || kind.field_index(name).is_some_and(|position| meaning.fields.contains(&position))
        })
    })
}

fn sorted_positions(kind: &'static Kind, names: &[&str]) -> FieldSet {
    let mut positions: Vec<usize> = names.iter().filter_map(|name| kind.field_index(name)).collect();
    positions.sort_unstable();
    positions.into()
}

/// Whether the classes of typed names (`department/…`) are those of the live objects.
pub fn classes_agree(declared: &[Value], entry: &Entry) -> bool {
    entry.kind.fields.iter().zip(declared).zip(&entry.values).all(|((field, declared), live)| {
        match (&field.shape, declared, live) {
            (Shape::TypedObject { .. }, Value::Text(written), Value::Object(object)) => {
                written.split_once('/').is_some_and(|(class, _)| object.class == class)
            }
            _ => true,
        }
    })
}

/// The natural key of an entry as one text: its key fields, or its id where it has none.
pub fn natural_key(entry: &Entry, lone: &LoneResources) -> Text {
    let mut parts = vec![entry.kind.name];
    for (position, field) in entry.kind.fields.iter().enumerate() {
        if matches!(field.role, FieldRole::Key | FieldRole::OptionalKey | FieldRole::Label) {
            parts.push(lone.token(entry, position));
        }
    }
    if parts.len() == 1 {
        parts.push(&entry.id);
    }
    parts.join("\u{1f}").into()
}

fn to_u32(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
