//! Declarations of several files become one list a target; equal ones merge.

use std::collections::HashMap;

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
    // Stable, so that people of one line keep their order.
    declared.sort_by_key(|one| one.declaration.places.first().copied());
    let mut first: HashMap<(&'static str, Text), usize> = HashMap::with_capacity(declared.len());
    let mut merged: Vec<Declaration> = Vec::with_capacity(declared.len());
    // The first direct declaration of a key that has several: others are compared with it.
    let mut through_group: Vec<bool> = Vec::with_capacity(declared.len());
    let mut direct: HashMap<usize, (Box<[Value]>, Place)> = HashMap::new();
    for Declared { declaration, through_group: by_group } in declared {
        let at = *first.entry((declaration.kind.name, declaration.key.clone())).or_insert(merged.len());
        let Some(known) = merged.get_mut(at) else {
            merged.push(declaration);
            through_group.push(by_group);
            continue;
        };
        let place =
            |declaration: &Declaration| declaration.places.first().copied().unwrap_or(Place { file: 0, line: 0 });
        if !by_group {
            let first_is_direct = !through_group.get(at).copied().unwrap_or(false);
            if first_is_direct {
                direct.entry(at).or_insert_with(|| (known.values.clone(), place(known)));
            }
            match direct.get(&at) {
                Some((values, first)) => {
                    if let Some(field) = differs(known.kind, values, &declaration.values) {
                        let (key, second) = (known.key.clone(), place(&declaration));
                        conflicts.push(Conflict { field, key, first: *first, second });
                        continue;
                    }
                }
                None => {
                    direct.insert(at, (declaration.values.clone(), place(&declaration)));
                }
            }
        }
        if let Some(field) = join(known, declaration.clone()) {
            let (key, first, second) = (known.key.clone(), place(known), place(&declaration));
            conflicts.push(Conflict { field, key, first, second });
        }
    }
    merged.shrink_to_fit();
    merged
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
    known.limits = known.limits.loosest(limits);
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
