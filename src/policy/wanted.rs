//! Names that policies use and that only a directory call at the system can resolve.

use std::collections::BTreeSet;

use crate::access::{Kind, Person, Shape, Text, Value};

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
