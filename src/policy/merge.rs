//! Declarations of several files become one list a target; equal ones merge.

use std::{
    collections::{BTreeSet, HashSet},
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
    let first_place = place(&first.declaration);
    let mut joined = Joined::new(first.declaration);
    for Declared { declaration, through_group } in rest {
        let compared = if *through_group { None } else { direct.as_ref() };
        let differing = match compared {
            Some(direct) => {
                differs(direct.kind, &direct.values, &declaration.values).map(|field| (field, place(direct)))
            }
            None => None,
        };
        let conflict = differing.or_else(|| joined.take(declaration).map(|field| (field, first_place)));
        if let Some((field, first)) = conflict {
            conflicts.push(Conflict { field, key: declaration.key.clone(), first, second: place(declaration) });
        }
        if !through_group && direct.is_none() {
            direct = Some(declaration.clone());
        }
    }
    joined.finish()
}

fn differs(kind: &'static Kind, a: &[Value], b: &[Value]) -> Option<&'static str> {
    kind.fields.iter().zip(a.iter().zip(b)).find(|(_, (a, b))| a != b).map(|(field, _)| field.name)
}

/// Declarations of one key on their way into one: each is looked at once, however many there are.
struct Joined {
    known: Declaration,
    values: Vec<Union>,
    justifications: Once<Text>,
    teams: Once<Text>,
    places: Once<Place>,
}

impl Joined {
    fn new(known: Declaration) -> Self {
        Self {
            values: known.values.iter().cloned().map(Union::of).collect(),
            justifications: Once::of(&known.justifications),
            teams: Once::of(&known.teams),
            places: Once::of(&known.places),
            known,
        }
    }

    /// Takes another declaration in, or nothing of it: then gives the field whose values have no union.
    fn take(&mut self, other: &Declaration) -> Option<&'static str> {
        let Declaration { kind, key: _, values, person: _, justifications, teams, limits, on_excess, places } = other;
        let fields = || kind.fields.iter().zip(values);
        let unfit = self.values.iter().zip(fields()).find(|(union, (field, value))| !union.fits(&field.shape, value));
        if let Some((_, (field, _))) = unfit {
            return Some(field.name);
        }
        for (union, (field, value)) in self.values.iter_mut().zip(fields()) {
            union.take(&field.shape, value);
        }
        self.justifications.extend(justifications);
        self.teams.extend(teams);
        self.places.extend(places);
        self.known.limits = self.known.limits.loosest(**limits).into();
        if *on_excess == OnExcess::Report {
            self.known.on_excess = OnExcess::Report;
        }
        None
    }

    fn finish(self) -> Declaration {
        let Self { known, values, justifications, teams, places } = self;
        Declaration {
            values: values.into_iter().map(Union::finish).collect(),
            justifications: justifications.list.into(),
            teams: teams.list.into(),
            places: places.list.into(),
            ..known
        }
    }
}

/// A list in which each item stands once, in the order in which they came.
struct Once<T> {
    list: Vec<T>,
    seen: HashSet<T>,
}

impl<T: Clone + Eq + std::hash::Hash> Once<T> {
    fn of(list: &[T]) -> Self {
        let mut once = Self { list: Vec::new(), seen: HashSet::new() };
        once.extend(list);
        once
    }

    fn extend(&mut self, more: &[T]) {
        for item in more {
            if self.seen.insert(item.clone()) {
                self.list.push(item.clone());
            }
        }
    }
}

/// The least that holds several values; where one of them leaves a field out, it is not compared at all.
enum Union {
    /// So far all were the same, or it is a value that grows no parts.
    One(Value),
    /// Words of sets that differed.
    Words(BTreeSet<Text>),
    /// Records that differed, part by part.
    Parts(Vec<Union>),
}

impl Union {
    fn of(value: Value) -> Self {
        Self::One(value)
    }

    /// Whether there is a union with this value.
    fn fits(&self, shape: &Shape, other: &Value) -> bool {
        match (self, other) {
            (Self::One(known), other) => known == other || fits(shape, known, other),
            (Self::Words(_), Value::Set(_)) | (Self::Words(_) | Self::Parts(_), Value::Absent) => true,
            (Self::Parts(parts), Value::Record(values)) => {
                let Shape::Record(fields) = shape else { return false };
                let mut all = fields.iter().zip(parts.iter().zip(values.iter()));
                // Within a record, left out means none.
                all.all(|(field, (part, value))| {
                    matches!(part, Self::One(Value::Absent)) || value.is_absent() || part.fits(&field.shape, value)
                })
            }
            _ => false,
        }
    }

    /// Takes in a value that fits.
    fn take(&mut self, shape: &Shape, other: &Value) {
        if let Self::One(known) = self {
            if known == other || known.is_absent() {
                return;
            }
            match (&*known, other) {
                (_, Value::Absent) => *known = Value::Absent,
                (Value::Set(words), Value::Set(_)) => *self = Self::Words(words.iter().cloned().collect()),
                (Value::Record(values), Value::Record(_)) => {
                    *self = Self::Parts(values.iter().cloned().map(Self::of).collect());
                }
                (Value::Bool(a), Value::Bool(b)) => *known = Value::Bool(*a || *b),
                (Value::Text(a), Value::Text(b)) if rank(shape, a) < rank(shape, b) => *known = other.clone(),
                (Value::Region(a), Value::Region(b)) if a.lies_in(b) => *known = other.clone(),
                _ => {}
            }
        }
        match (&mut *self, other) {
            (Self::Words(_) | Self::Parts(_), Value::Absent) => *self = Self::One(Value::Absent),
            (Self::Words(words), Value::Set(more)) => words.extend(more.iter().cloned()),
            (Self::Parts(parts), Value::Record(values)) => {
                let Shape::Record(fields) = shape else { return };
                for (field, (part, value)) in fields.iter().zip(parts.iter_mut().zip(values.iter())) {
                    match part {
                        Self::One(Value::Absent) => *part = Self::of(value.clone()),
                        part if !value.is_absent() => part.take(&field.shape, value),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn finish(self) -> Value {
        match self {
            Self::One(value) => value,
            Self::Words(words) => Value::set(words),
            Self::Parts(parts) => Value::Record(parts.into_iter().map(Self::finish).collect()),
        }
    }
}

/// Whether two values that differ have a union.
fn fits(shape: &Shape, a: &Value, b: &Value) -> bool {
    match (shape, a, b) {
        (_, Value::Absent, _)
        | (_, _, Value::Absent)
        | (_, Value::Set(_), Value::Set(_))
        | (_, Value::Bool(_), Value::Bool(_))
        | (Shape::Level(_), Value::Text(_), Value::Text(_)) => true,
        (_, Value::Region(a), Value::Region(b)) => a.lies_in(b) || b.lies_in(a),
        (Shape::Record(fields), Value::Record(a), Value::Record(b)) => {
            let mut all = fields.iter().zip(a.iter().zip(b.iter()));
            all.all(|(field, (a, b))| a == b || fits(&field.shape, a, b))
        }
        _ => false,
    }
}

/// How much a level gives.
fn rank(shape: &Shape, text: &Text) -> Option<usize> {
    match shape {
        Shape::Level(levels) => levels.iter().position(|level| level == text),
        _ => None,
    }
}
