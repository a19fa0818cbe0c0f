//! What identifies the entry that an item means.

use crate::{
    access::{Field, FieldRole, Kind, Person, Shape, Text, Value},
    yaml::{self, Fields, Reporter, quoted},
};

/// The field of a kind that names a person.
pub fn person_field(kind: &'static Kind) -> Option<&'static Field> {
    kind.fields.iter().find(|field| matches!(field.shape, Shape::Person))
}

/// Exactly one identity has to be given, and whole.
pub fn check(fields: &Fields<'_, '_>, kind: &'static Kind, reporter: &mut Reporter<'_>) {
    let person = person_field(kind).map(|field| field.name);
    let given_name = |name: &str| {
        fields.get(name).is_some()
            || (person == Some(name) && (fields.get("users").is_some() || fields.get("groups").is_some()))
    };
    let given: Vec<&str> = kind
        .fields
        .iter()
        .filter(|field| field.role != FieldRole::Content && given_name(field.name))
        .map(|field| field.name)
        .collect();
    let optional = |name: &&str| kind.field(name).is_some_and(|field| field.role == FieldRole::OptionalKey);
    let whole = |identity: &&[&str]| identity.iter().all(|name| optional(name) || given.contains(name));
    let covers = |identity: &&[&str]| given.iter().all(|name| identity.contains(name));
    if kind.identities.iter().copied().any(|identity| covers(&identity) && whole(&identity)) {
        return;
    }
    let ways: Vec<String> = kind
        .identities
        .iter()
        .map(|identity| {
            let required: Vec<String> =
                identity.iter().filter(|name| !optional(name)).map(|name| format!("`{name}`")).collect();
            required.join(" and ")
        })
        .collect();
    let hint = format!("give {}", ways.join(", or "));
    let message = match kind.identities.iter().copied().find(covers) {
        _ if given.is_empty() => format!("nothing says which {} is meant", kind.noun),
        Some(identity) => {
            let missing: Vec<String> = identity
                .iter()
                .filter(|name| !optional(name) && !given.contains(name))
                .map(|name| quoted(name))
                .collect();
            format!("{} is missing", missing.join(" and "))
        }
        None => format!("{} do not go together", given.join(" and ")),
    };
    reporter.report_with(fields, message, hint);
}

/// The key as written: `user=anna application=GitHub`. A value that could be mistaken for more is quoted.
pub fn key(kind: &'static Kind, values: &[Value], person: Option<&Person>) -> Text {
    let mut key = String::new();
    for (field, value) in kind.fields.iter().zip(values) {
        let text = match (&field.shape, value) {
            _ if field.role == FieldRole::Content => continue,
            (Shape::Person, _) => match person {
                Some(person) => &person.name,
                None => continue,
            },
            (_, Value::Text(text)) => text,
            _ => continue,
        };
        if !key.is_empty() {
            key.push(' ');
        }
        key.push_str(field.name);
        key.push('=');
        let plain = !text.contains(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\\'));
        if plain && *yaml::neutral(text) == **text {
            key.push_str(text);
        } else {
            key.push_str(&format!("{text:?}"));
        }
    }
    key.into()
}
