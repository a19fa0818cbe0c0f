//! Declarations to entries: by exact id where given, else by natural key. Linear in both.

use std::collections::HashMap;

use super::{
    index::{FieldSet, Index, LoneResources},
    resolve::{Meaning, Names},
};
use crate::{
    access::{Entry, FieldRole, Kind, Shape, Snapshot, Text, Value},
    policy::{Absent, Declaration, Hold, TargetPolicy},
};

/// Which declarations each entry matches, and which match nothing.
pub struct Matching {
    /// For each entry the declarations it matches, ascending; most have none or one.
    by_entry: Lists,
    /// For each declaration the entries it matches, in the order of the snapshot.
    by_declaration: Lists,
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

impl Matching {
    /// The declarations that an entry matches.
    pub fn declarations(&self, entry: usize) -> &[u32] {
        self.by_entry.get(entry)
    }

    /// The entries that a declaration matches.
    pub fn entries(&self, declaration: usize) -> &[u32] {
        self.by_declaration.get(declaration)
    }

    /// Matches every declaration.
    pub fn new(policy: &TargetPolicy, snapshot: &Snapshot, names: &Names<'_>, lone: &LoneResources) -> Self {
        let mut indices = Indices { snapshot, lone, dead: false, built: Vec::new() };
        let mut by_declaration = Lists::with_capacity(policy.declarations.len());
        let mut unresolved = Vec::new();
        for (position, declaration) in policy.declarations.iter().enumerate() {
            let wrong = indices.matched(declaration, names, &mut by_declaration.items);
            by_declaration.end_list();
            if let Some(meaning) = wrong {
                unresolved.push(UnresolvedDeclaration { declaration: to_u32(position), meaning });
            }
        }
        Self { by_entry: by_declaration.turned(snapshot.entries.len()), by_declaration, unresolved }
    }
}

/// Many short lists of positions, one after the other.
#[derive(Debug)]
struct Lists {
    /// Where each list begins, and the end of the last.
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    fn with_capacity(lists: usize) -> Self {
        let mut starts = Vec::with_capacity(lists + 1);
        starts.push(0);
        Self { starts, items: Vec::with_capacity(lists) }
    }

    /// Ends the list to which the last items were added.
    fn end_list(&mut self) {
        self.starts.push(to_u32(self.items.len()));
    }

    fn get(&self, list: usize) -> &[u32] {
        let bounds = self.starts.get(list).zip(self.starts.get(list + 1));
        bounds.and_then(|(&from, &to)| self.items.get(from as usize..to as usize)).unwrap_or(&[])
    }

    /// For each of so many items the lists that hold it, ascending.
    fn turned(&self, items: usize) -> Self {
        let mut starts = vec![0_u32; items + 1];
        for &item in &self.items {
            if let Some(count) = starts.get_mut(item as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut free = starts.clone();
        let mut turned = vec![0; self.items.len()];
        for list in 0..self.starts.len().saturating_sub(1) {
            for &item in self.get(list) {
                if let Some(free) = free.get_mut(item as usize) {
                    if let Some(slot) = turned.get_mut(*free as usize) {
                        *slot = to_u32(list);
                    }
                    *free += 1;
                }
            }
        }
        Self { starts, items: turned }
    }
}

/// What `absent:` items name.
#[derive(Debug, Default)]
pub struct AbsentEntries {
    /// Entries with the item that names each first.
    pub named: HashMap<u32, u32>,
    /// Items with a name that does not stand for exactly one live object, and how: they name nothing.
    pub unclear: Vec<(u32, String)>,
}

impl AbsentEntries {
    /// Looks for what items name.
    pub fn of(absents: &[Absent], snapshot: &Snapshot, names: &Names<'_>, lone: &LoneResources) -> Self {
        let mut indices = Indices { snapshot, lone, dead: false, built: Vec::new() };
        let mut all = Self::default();
        for (position, absent) in absents.iter().enumerate() {
            let meaning = names.meaning(absent.kind, &absent.values, absent.person.as_ref());
            if !meaning.is_clear() {
                all.unclear.push((to_u32(position), meaning.wrong_names()));
                continue;
            }
            for entry in indices.with_meaning(absent.kind, &absent.values, &meaning) {
                all.named.entry(entry).or_insert_with(|| to_u32(position));
            }
        }
        all
    }
}

/// Entries that `holds:` items name and that have not ended by then.
pub fn held_entries(
    holds: &[Hold],
    snapshot: &Snapshot,
    names: &Names<'_>,
    lone: &LoneResources,
    over_by: jiff::Timestamp,
) -> HashMap<u32, u32> {
    let mut indices = Indices { snapshot, lone, dead: false, built: Vec::new() };
    let mut named = HashMap::new();
    for (position, hold) in holds.iter().enumerate().filter(|(_, hold)| over_by < hold.until) {
        let meaning = names.meaning(hold.kind, &hold.values, hold.person.as_ref());
        // A hold keeps access: where its names are ambiguous, it holds whatever it could mean.
        for entry in indices.with_meaning(hold.kind, &hold.values, &meaning) {
            named.entry(entry).or_insert_with(|| to_u32(position));
        }
    }
    named
}

/// The dead entries that declarations match, by the declaration's number.
pub fn dead_entries<'d>(
    declarations: impl Iterator<Item = (u32, &'d Declaration)>,
    snapshot: &Snapshot,
    names: &Names<'_>,
    lone: &LoneResources,
) -> Vec<(u32, Vec<u32>)> {
    let mut indices = Indices { snapshot, lone, dead: true, built: Vec::new() };
    let matched = declarations.map(|(number, declaration)| {
        let mut found = Vec::new();
        indices.matched(declaration, names, &mut found);
        (number, found)
    });
    matched.filter(|(_, found)| !found.is_empty()).collect()
}

/// Indices, each built when it is first asked for.
struct Indices<'a> {
    snapshot: &'a Snapshot,
    lone: &'a LoneResources,
    /// Whether the dead are looked for, or the others.
    dead: bool,
    built: Vec<(&'static Kind, FieldSet, Index<'a>)>,
}

impl<'a> Indices<'a> {
    /// Adds the entries of which these fields have exactly these tokens.
    fn find(&mut self, kind: &'static Kind, fields: &[usize], tokens: &[&str], into: &mut Vec<u32>) {
        let is = |(known, of, _): &&(&'static Kind, FieldSet, Index<'a>)| *known == kind && **of == *fields;
        if let Some((.., index)) = self.built.iter().find(is) {
            into.extend(index.find(tokens).map(to_u32));
            return;
        }
        let index = Index::new(kind, fields.into(), &self.snapshot.entries, self.lone, self.dead);
        into.extend(index.find(tokens).map(to_u32));
        self.built.push((kind, fields.into(), index));
    }

    /// Adds the entries that a declaration matches; returns what it means where its names are not clear.
    fn matched(&mut self, declaration: &Declaration, names: &Names<'_>, into: &mut Vec<u32>) -> Option<Meaning> {
        let kind = declaration.kind;
        if let Some((field, token)) = plain_exact(declaration) {
            self.find(kind, &[field], &[token], into);
            return None;
        }
        let meaning = names.meaning(kind, &declaration.values, declaration.person.as_ref());
        let identity = identity(declaration, &meaning)?;
        if !meaning.is_clear() {
            return Some(meaning);
        }
        let fields = sorted_positions(kind, identity);
        let mut found = Vec::new();
        for combination in meaning.combinations() {
            let tokens: Vec<&str> = fields
                .iter()
                .map(|field| {
                    let given = meaning.fields.iter().position(|known| known == field);
                    given.and_then(|given| combination.get(given)).map_or("", |token| self.lone.canonical(token))
                })
                .collect();
            let mut hits = Vec::new();
            self.find(kind, &fields, &tokens, &mut hits);
            self.keep_spelled_out(&meaning, &combination, &mut hits);
            found.append(&mut hits);
        }
        self.keep_agreeing(&declaration.values, &mut found);
        found.sort_unstable();
        found.dedup();
        into.append(&mut found);
        None
    }

    fn keep_agreeing(&self, values: &[Value], found: &mut Vec<u32>) {
        let entries = &self.snapshot.entries;
        found.retain(|&hit| entries.get(hit as usize).is_some_and(|entry| classes_agree(values, entry)));
    }

    fn keep_spelled_out(&self, meaning: &Meaning, combination: &[&str], found: &mut Vec<u32>) {
        let entries = &self.snapshot.entries;
        found.retain(|&hit| entries.get(hit as usize).is_some_and(|entry| is_spelled_out(meaning, combination, entry)));
    }

    /// Entries whose given fields have one of the given meanings; fields that are left out mean any.
    fn with_meaning(&mut self, kind: &'static Kind, values: &[Value], meaning: &Meaning) -> Vec<u32> {
        let mut found = Vec::new();
        for combination in meaning.combinations() {
            let tokens: Vec<&str> = combination.iter().map(|token| self.lone.canonical(token)).collect();
            let mut hits = Vec::new();
            self.find(kind, &meaning.fields, &tokens, &mut hits);
            self.keep_spelled_out(meaning, &combination, &mut hits);
            found.append(&mut hits);
        }
        self.keep_agreeing(values, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The common case without any allocation for names: one exact id of plain text.
fn plain_exact(declaration: &Declaration) -> Option<(usize, &str)> {
    let [name] = declaration.kind.identities.first()? else { return None };
    let position = declaration.kind.field_index(name)?;
    match (declaration.kind.fields.get(position)?.shape, declaration.values.get(position)?) {
        (Shape::Text, Value::Text(text)) => Some((position, text)),
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

/// The id of the object that a field of an entry holds, or its text.
pub fn object_id(entry: &Entry, field: usize) -> Option<&str> {
    match entry.values.get(field)? {
        Value::Object(object) => Some(&object.id),
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Whether an object that is named is the entry's own: a lone resource that is spelled out is not the application as a whole.
fn is_spelled_out(meaning: &Meaning, combination: &[&str], entry: &Entry) -> bool {
    meaning.fields.iter().zip(combination).all(|(&field, token)| match entry.values.get(field) {
        Some(Value::Object(object)) => object.id == *token,
        Some(Value::Absent) | None => token.is_empty(),
        _ => true,
    })
}

/// The natural key of an entry as one text: its key fields, and its id where these do not tell it from others.
pub fn natural_key(entry: &Entry, lone: &LoneResources) -> Text {
    let mut parts = vec![entry.kind.name];
    let mut tells = false;
    for (position, field) in entry.kind.fields.iter().enumerate() {
        let token = match field.role {
            FieldRole::Key | FieldRole::OptionalKey | FieldRole::Label => lone.token(entry, position),
            FieldRole::Exact | FieldRole::Content => continue,
        };
        // A gateway key is fought over by its gateway; an account without a person by its own id.
        let nobody = matches!(field.shape, Shape::Person) && token.is_empty();
        tells |= !token.is_empty() && !nobody;
        parts.push(if nobody { entry.principal.as_ref().map_or(&entry.id, |principal| &principal.id) } else { token });
    }
    if !tells {
        parts.push(&entry.id);
    }
    parts.join("\u{1f}").into()
}

fn to_u32(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
