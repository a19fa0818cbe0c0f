//! Declarations of several files become one list a target; equal ones merge.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use crate::access::{Kind, Shape, Text, Value};

use super::{Declaration, OnExcess, Place, items::Declared};

/// Two declarations of the same entry that do not agree.
#[derive(Debug)]
pub struct Conflict {
    /// The field.
    pub field: &'static str,
    /// The key of both.
    pub key: Text,
    /// Where the first stands.
    pub first: Place,
    /// Where the other stands.
    pub second: Place,
}

/// Merges declarations with equal keys: justifications and teams accumulate, the loosest limits win. Different content is a
/// conflict, unless one of the two came through a group: then the union holds. Ordered by file and line.
pub fn merge(mut declared: Vec<Declared>, conflicts: &mut Vec<Conflict>) -> Vec<Declaration> {
    // There can be a million of these, most of them alone: so they are found by a list of hashes and stay where they are.
    if !declared.is_sorted_by_key(|one| place(&one.declaration)) {
        declared.sort_by_key(|one| place(&one.declaration));
    }
    let mut hashes: Vec<(u64, usize)> = declared.iter().map(|one| hash(&one.declaration)).zip(0..).collect();
    hashes.sort_unstable();
    let mut gone: HashSet<usize> = HashSet::new();
    for run in hashes.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() > 1) {
        let mut left: Vec<usize> = run.iter().map(|(_, position)| *position).collect();
        while let Some(first) = left.first().and_then(|position| declared.get(*position)).cloned() {
            let same = |position: &usize| {
                let other = declared.get(*position).map(|one| &one.declaration);
                other.is_some_and(|one| one.kind == first.declaration.kind && one.key == first.declaration.key)
            };
            let (group, others): (Vec<usize>, Vec<usize>) = left.iter().partition(|position| same(position));
            let rest = group.iter().skip(1).filter_map(|position| declared.get(*position));
            let joined = join_all(first, rest, conflicts);
            if let Some(known) = group.first().and_then(|position| declared.get_mut(*position)) {
                known.declaration = joined;
            }
            gone.extend(group.iter().skip(1));
            left = others;
        }
    }
    drop(hashes);
    let kept = declared.into_iter().enumerate().filter(|(position, _)| !gone.contains(position));
    kept.map(|(_, one)| one.declaration).collect()
}

fn place(declaration: &Declaration) -> Place {
    declaration.places.first().copied().unwrap_or(Place { file: 0, line: 0 })
}

fn hash(declaration: &Declaration) -> u64 {
    let mut hasher = DefaultHasher::new();
    (declaration.kind.name, &declaration.key).hash(&mut hasher);
    hasher.finish()
}

/// Takes further declarations of the same key into the first.
fn join_all<'d>(
    first: Declared,
    rest: impl Iterator<Item = &'d Declared>,
    conflicts: &mut Vec<Conflict>,
) -> Declaration {
    // The first that names its person itself: what others say directly has to equal it.
    let mut direct = (!first.through_group).then(|| first.declaration.clone());
    let mut known = first.declaration;
    for Declared { declaration, through_group } in rest {
        let compared = if *through_group { None } else { direct.as_ref() };
        let differing = match compared {
            Some(direct) => {
                differs(direct.kind, &direct.values, &declaration.values).map(|field| (field, place(direct)))
            }
            None => None,
        };
        let conflict = differing.or_else(|| {
            let at = place(&known);
            join(&mut known, declaration.clone()).map(|field| (field, at))
        });
        if let Some((field, first)) = conflict {
            conflicts.push(Conflict { field, key: known.key.clone(), first, second: place(declaration) });
        }
        if !through_group && direct.is_none() {
            direct = Some(declaration.clone());
        }
    }
    known
}

fn differs(kind: &'static Kind, a: &[Value], b: &[Value]) -> Option<&'static str> {
    kind.fields.iter().zip(a.iter().zip(b)).find(|(_, (a, b))| a != b).map(|(field, _)| field.name)
}

/// Takes another declaration of the same key in. Gives the field whose values have no union.
fn join(known: &mut Declaration, other: Declaration) -> Option<&'static str> {
    let Declaration { kind, key: _, values, person: _, justifications, teams, limits, on_excess, places } = other;
    let mut joined = Vec::with_capacity(values.len());
    for (field, (a, b)) in kind.fields.iter().zip(known.values.iter().zip(&values)) {
        match union(&field.shape, a, b) {
            Some(value) => joined.push(value),
            None => return Some(field.name),
        }
    }
    known.values = joined.into();
    known.justifications = accumulated(&known.justifications, &justifications).into();
    known.teams = accumulated(&known.teams, &teams).into();
    known.limits = known.limits.loosest(*limits).into();
    if on_excess == OnExcess::Report {
        known.on_excess = OnExcess::Report;
    }
    known.places = accumulated(&known.places, &places).into();
    None
}

fn accumulated<T: Clone + PartialEq>(a: &[T], b: &[T]) -> Vec<T> {
    let mut all = a.to_vec();
    for item in b {
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
    all
}

/// The least that holds both; where one leaves the field out, it is not compared at all.
fn union(shape: &Shape, a: &Value, b: &Value) -> Option<Value> {
    if a == b {
        return Some(a.clone());
    }
    match (shape, a, b) {
        (Shape::Record(fields), Value::Record(a), Value::Record(b)) => {
            let parts = fields.iter().zip(a.iter().zip(b.iter()));
            let parts: Option<Vec<Value>> = parts
                .map(|(field, (a, b))| match (a, b) {
                    // Within a record, left out means none.
                    (Value::Absent, other) | (other, Value::Absent) => Some(other.clone()),
                    _ => union(&field.shape, a, b),
                })
                .collect();
            parts.map(|parts| Value::Record(parts.into()))
        }
        (_, Value::Absent, _) | (_, _, Value::Absent) => Some(Value::Absent),
        (_, Value::Set(a), Value::Set(b)) => Some(Value::set(a.iter().chain(b.iter()).cloned())),
        (_, Value::Bool(a), Value::Bool(b)) => Some(Value::Bool(*a || *b)),
        (Shape::Level(levels), Value::Text(x), Value::Text(y)) => {
            let rank = |text: &Text| levels.iter().position(|level| level == text);
            Some(if rank(x) >= rank(y) { a.clone() } else { b.clone() })
        }
        (_, Value::Region(x), Value::Region(y)) if x.lies_in(y) => Some(b.clone()),
        (_, Value::Region(x), Value::Region(y)) if y.lies_in(x) => Some(a.clone()),
        _ => None,
    }
}
