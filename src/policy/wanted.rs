//! Names that policies use and that only a directory call at the system can resolve.

use std::collections::BTreeSet;

use crate::access::{Kind, Pattern, Person, SelectField, Selector, Shape, Text, Value};

use super::TargetPolicy;

/// One name that a policy uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NameInUse {
    /// The kind's name.
    pub kind: &'static str,
    /// The field's name.
    pub field: &'static str,
    /// The name as written; of a person the system's alias, else the address.
    pub name: Text,
    /// The name of the object it lies in, where the field has one and the policy names it.
    pub within: Option<Text>,
}

/// Every name of an object or a person in declarations, `absent:` and `holds:`, sorted and without repeats.
pub fn wanted_names(policy: &TargetPolicy, system: &str) -> Vec<NameInUse> {
    let mut names = BTreeSet::new();
    let declared = policy.declarations.iter().map(|one| (one.kind, &one.values, &one.person));
    let absent = policy.absents.iter().map(|one| (one.kind, &one.values, &one.person));
    let held = policy.holds.iter().map(|one| (one.kind, &one.values, &one.person));
    for (kind, values, person) in declared.chain(absent).chain(held) {
        names.extend(names_of(kind, values, person.as_deref(), system));
    }
    names.into_iter().collect()
}

fn names_of(kind: &'static Kind, values: &[Value], person: Option<&Person>, system: &str) -> Vec<NameInUse> {
    let text = |name: &str| match kind.field_index(name).and_then(|index| values.get(index)) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    kind.fields
        .iter()
        .filter_map(|field| {
            let (name, within) = match field.shape {
                Shape::Person => (person?.known_by(system)?.clone(), None),
                Shape::Object { within, .. } => (text(field.name)?, within.and_then(text)),
                Shape::TypedObject { .. } => (text(field.name)?, None),
                _ => return None,
            };
            Some(NameInUse { kind: kind.name, field: field.name, name, within })
        })
        .collect()
}

/// What a selector asks a field for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A name.
    Name(NameInUse),
    /// A glob: the kind's name, the field's name and the pattern.
    Glob(&'static str, &'static str, Pattern),
}

/// What selectors of a kind ask of the fields that are objects: whether an entry fits can only be told where
/// their names are known.
pub fn asked_names(kind: &'static Kind, selectors: &[Selector]) -> Vec<Asked> {
    let mut asked = Vec::new();
    for selector in selectors {
        let literals = |name: &str| {
            let field = kind.field_index(name).map(SelectField::Field);
            let of_it = selector.conditions.iter().filter(move |condition| Some(condition.field) == field);
            of_it.flat_map(|condition| &condition.any_of).filter_map(Pattern::as_literal).map(Text::from)
        };
        for condition in &selector.conditions {
            let SelectField::Field(index) = condition.field else { continue };
            let Some(field) = kind.fields.get(index) else { continue };
            let within = match field.shape {
                Shape::TypedObject { .. } => None,
                Shape::Object { within, .. } => within,
                _ => continue,
            };
            let parents: Vec<Option<Text>> = match within.map(|within| literals(within).map(Some).collect::<Vec<_>>()) {
                Some(parents) if !parents.is_empty() => parents,
                _ => vec![None],
            };
            for pattern in &condition.any_of {
                match pattern.as_literal() {
                    Some(name) => asked.extend(parents.iter().map(|within| {
                        let (name, within) = (name.into(), within.clone());
                        Asked::Name(NameInUse { kind: kind.name, field: field.name, name, within })
                    })),
                    None => asked.push(Asked::Glob(kind.name, field.name, pattern.clone())),
                }
            }
        }
    }
    asked
}

/// The selectors of a policy by kind: of managed sets, what they leave out, and what is allowed.
pub fn selectors_of(policy: &TargetPolicy) -> impl Iterator<Item = (&'static Kind, &[Selector])> {
    let sets = policy.sets.iter().flat_map(|set| [(set.kind, set.select.each()), (set.kind, set.except.as_slice())]);
    sets.chain(policy.allows.iter().map(|item| (item.kind, item.select.each())))
}
