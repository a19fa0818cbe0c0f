//! The names that policies use and that a reading should look up besides what it sees anyway.

use crate::{
    access::{Kind, Person, Shape, Text, Value},
    policy::TargetPolicy,
    systems::{Wanted, WantedName},
};

/// Every such name of a target's policy, sorted, without repeats.
pub fn wanted(system: &str, policy: &TargetPolicy) -> Wanted {
    let mut names = Vec::new();
    let declared = policy.declarations.iter().map(|item| (item.kind, &item.values, item.person.as_deref()));
    let absent = policy.absents.iter().map(|item| (item.kind, &item.values, item.person.as_deref()));
    let held = policy.holds.iter().map(|item| (item.kind, &item.values, item.person.as_deref()));
    for (kind, values, person) in declared.chain(absent).chain(held) {
        add(system, kind, values, person, &mut names);
    }
    names.sort_unstable();
    names.dedup();
    Wanted { names }
}

fn add(system: &str, kind: &'static Kind, values: &[Value], person: Option<&Person>, names: &mut Vec<WantedName>) {
    for (field, value) in kind.fields.iter().zip(values) {
        match &field.shape {
            Shape::Person => names.extend(person.map(|person| WantedName {
                kind: kind.name,
                field: field.name,
                name: known_as(system, person),
                within: None,
            })),
            Shape::Object { within, .. } => names.extend(text(value).map(|name| WantedName {
                kind: kind.name,
                field: field.name,
                name,
                within: within.and_then(|within| kind.field_index(within)).and_then(|at| values.get(at)).and_then(text),
            })),
            Shape::TypedObject { .. } => names.extend(text(value).map(|name| WantedName {
                kind: kind.name,
                field: field.name,
                name,
                within: None,
            })),
            _ => {}
        }
    }
}

/// How a system knows a person: by its own user id where the people file tells it, else by e-mail address.
fn known_as(system: &str, person: &Person) -> Text {
    person.aliases.get(system).or(person.email.as_ref()).unwrap_or(&person.name).clone()
}

fn text(value: &Value) -> Option<Text> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}
