//! Names in policies to live objects.
//!
//! A declaration's names are texts; what they stand for is decided here, once, against the snapshot's directory.

use std::sync::Arc;

use super::index::FieldSet;
use crate::access::{Description, Directory, FieldRole, Kind, Object, Person, Resolved, Shape, Snapshot, Text, Value};

/// The directory of a snapshot, completed by the objects that its entries name.
pub struct Names<'a> {
    system: &'static str,
    /// Whether the system lists what names stand for, so that a name can be known to be wrong.
    pub looks_up: bool,
    directory: std::borrow::Cow<'a, Directory>,
}

/// What the identifying fields of a declaration, an `absent:` item or a hold stand for.
#[derive(Debug, Clone)]
pub struct Meaning {
    /// The given fields, ascending.
    pub fields: FieldSet,
    /// For each given field the tokens that it may stand for; none: it resolves to nothing.
    pub tokens: Box<[Box<[Text]>]>,
    /// The names that did not resolve to exactly one live object, at a system that lists them.
    pub unresolved: Box<[Unresolved]>,
}

/// A name that does not stand for exactly one live object.
#[derive(Debug, Clone)]
pub struct Unresolved {
    /// The field's position.
    pub field: usize,
    /// The name as written.
    pub name: Text,
    /// The ids of the objects that it could stand for; empty where there is none.
    pub candidates: Box<[Text]>,
}

impl<'a> Names<'a> {
    /// Prepares a snapshot's names.
    pub fn of(description: &'static Description, snapshot: &'a Snapshot) -> Self {
        let looks_up = description
            .kinds
            .iter()
            .flat_map(|kind| kind.fields)
            .any(|field| matches!(field.shape, Shape::Object { lookup: true, .. } | Shape::TypedObject { .. }));
        let mut directory = std::borrow::Cow::Borrowed(&snapshot.directory);
        let mut last: Option<&Arc<Object>> = None;
        for object in snapshot.entries.iter().flat_map(|entry| entry.values.iter()).filter_map(|value| match value {
            Value::Object(object) => Some(object),
            _ => None,
        }) {
            // Neighbours often share their object: skip the common case cheaply.
            if last.is_none_or(|last| !Arc::ptr_eq(last, object)) && directory.get(&object.class, &object.id).is_none()
            {
                directory.to_mut().add(Arc::clone(object));
            }
            last = Some(object);
        }
        Self { system: description.system, looks_up, directory }
    }

    /// What the given identifying fields stand for.
    pub fn meaning(&self, kind: &'static Kind, values: &[Value], person: Option<&Arc<Person>>) -> Meaning {
        let mut fields = Vec::new();
        let mut tokens: Vec<Box<[Text]>> = Vec::new();
        let mut unresolved = Vec::new();
        for (position, field) in kind.fields.iter().enumerate() {
            if field.role == FieldRole::Content {
                continue;
            }
            let value = values.get(position).unwrap_or(&Value::Absent);
            let found = match (&field.shape, value, person) {
                (Shape::Person, _, Some(person)) => self.person(person),
                (_, Value::Absent, _) => continue,
                (Shape::Object { class, within, lookup }, Value::Text(name), _) => {
                    let parent = within
                        .and_then(|within| fields.iter().position(|&known| kind.field_index(within) == Some(known)))
                        .and_then(|known| tokens.get(known));
                    self.object(class, name, parent.map(|parent| &**parent), *lookup)
                }
                (Shape::TypedObject { .. }, Value::Text(name), _) => self.typed(name),
                (_, Value::Text(text), _) => Found { tokens: vec![text.clone()], wrong: false },
                _ => continue,
            };
            if found.wrong {
                let name = person.filter(|_| matches!(field.shape, Shape::Person)).map_or_else(
                    || match value {
                        Value::Text(name) => name.clone(),
                        _ => Text::default(),
                    },
                    |person| person.name.clone(),
                );
                unresolved.push(Unresolved { field: position, name, candidates: found.tokens.clone().into() });
            }
            fields.push(position);
            tokens.push(found.tokens.into());
        }
        Meaning { fields: fields.into(), tokens: tokens.into(), unresolved: unresolved.into() }
    }

    /// The ids of what a name stands for among the live objects of a class, in a parent where that is given.
    pub fn ids(&self, class: &str, name: &str, parent: Option<&str>) -> Vec<Text> {
        match self.directory.resolve(class, name, parent) {
            Resolved::Nothing => Vec::new(),
            Resolved::One(object) => vec![object.id.clone()],
            Resolved::Several(objects) => objects.iter().map(|object| object.id.clone()).collect(),
        }
    }

    /// Whether exactly one live user is this person.
    pub fn tells(&self, person: &Person) -> bool {
        self.person(person).tokens.len() == 1
    }

    fn person(&self, person: &Person) -> Found {
        let resolved = match person.aliases.get(self.system) {
            Some(alias) => match self.directory.get("user", alias) {
                Some(user) => Resolved::One(Arc::clone(user)),
                None => Resolved::Nothing,
            },
            None => match &person.email {
                Some(email) => self.directory.resolve("user", email, None),
                None => Resolved::Nothing,
            },
        };
        self.found(resolved, self.looks_up)
    }

    fn object(&self, class: &str, name: &str, parents: Option<&[Text]>, lookup: bool) -> Found {
        match parents {
            None => self.found(self.directory.resolve(class, name, None), lookup && self.looks_up),
            // The parent stands for nothing: whatever has this name anywhere could be meant.
            Some([]) => {
                let found = self.found(self.directory.resolve(class, name, None), false);
                Found { wrong: lookup && self.looks_up && found.tokens.is_empty(), ..found }
            }
            // The parent may itself be ambiguous: look in each of its meanings.
            Some(parents) => {
                let mut all = Vec::new();
                for parent in parents {
                    match self.directory.resolve(class, name, Some(parent)) {
                        Resolved::Nothing => {}
                        Resolved::One(object) => all.push(object.id.clone()),
                        Resolved::Several(objects) => all.extend(objects.iter().map(|object| object.id.clone())),
                    }
                }
                // A parent that is wrong is reported once, there.
                let wrong = lookup && self.looks_up && all.len() != 1 && parents.len() == 1;
                Found { tokens: all, wrong }
            }
        }
    }

    fn typed(&self, written: &str) -> Found {
        let Some((class, name)) = written.split_once('/') else { return Found { tokens: Vec::new(), wrong: true } };
        // A class that the API has no list of: the name can only be an id.
        if self.directory.of_class(class).is_empty() {
            return Found { tokens: vec![name.into()], wrong: false };
        }
        self.found(self.directory.resolve(class, name, None), self.looks_up)
    }

    fn found(&self, resolved: Resolved, lookup: bool) -> Found {
        match resolved {
            Resolved::Nothing => Found { tokens: Vec::new(), wrong: lookup },
            Resolved::One(object) => Found { tokens: vec![object.id.clone()], wrong: false },
            Resolved::Several(objects) => {
                Found { tokens: objects.iter().map(|object| object.id.clone()).collect(), wrong: lookup }
            }
        }
    }
}

struct Found {
    tokens: Vec<Text>,
    wrong: bool,
}

impl Meaning {
    /// Whether every given field stands for exactly one thing.
    pub fn is_clear(&self) -> bool {
        self.unresolved.is_empty()
    }

    /// The names that are wrong, for a sentence.
    pub fn wrong_names(&self) -> String {
        self.unresolved.iter().map(wrong_name).collect::<Vec<_>>().join("; ")
    }

    /// Every combination of tokens, each in the order of `fields`. Names that stand for one thing give exactly one; a name
    /// that stands for nothing gives none. Bounded: ambiguous names are rare and their products small.
    pub fn combinations(&self) -> Vec<Vec<&str>> {
        let mut all: Vec<Vec<&str>> = vec![Vec::with_capacity(self.fields.len())];
        for tokens in &self.tokens {
            all = all
                .into_iter()
                .flat_map(|so_far| {
                    tokens.iter().map(move |token| {
                        let mut longer = so_far.clone();
                        longer.push(token.as_str());
                        longer
                    })
                })
                .take(MAX_COMBINATIONS)
                .collect();
        }
        all
    }
}

/// How a name is wrong, for a sentence.
pub fn wrong_name(name: &Unresolved) -> String {
    let how = if name.candidates.is_empty() { "stands for nothing live" } else { "stands for several objects" };
    format!("{:?} {how}", name.name)
}

/// No set of ambiguous names is followed further than this; what lies beyond is not matched, and so held or missing.
const MAX_COMBINATIONS: usize = 256;
