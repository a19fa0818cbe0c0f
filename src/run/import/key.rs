//! By which fields an entry is named in a file.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    access::{Entry, Field, FieldRole, Object, Person, Resolved, Shape, Snapshot, Text, Value},
    plan::LoneResources,
};

/// What names can be checked against.
pub(super) struct Known<'a> {
    pub(super) system: &'a str,
    pub(super) snapshot: &'a Snapshot,
    pub(super) people: &'a BTreeMap<Text, Arc<Person>>,
    /// Objects that are left out, since nothing but their id names them and there is no other.
    pub(super) lone: LoneResources,
}

/// The fields and values of one of the kind's identities; `None` where the entry cannot be named by it for certain. The first
/// identity is the exact one and falls back to the entry's id.
pub(super) fn key_of(known: &Known<'_>, entry: &Entry, identity: usize) -> Option<Vec<(&'static str, String)>> {
    let names = entry.kind.identities.get(identity)?;
    let mut key = Vec::new();
    for name in *names {
        let field = entry.kind.field(name)?;
        if let (FieldRole::OptionalKey, Value::Object(object)) = (field.role, entry.value(name))
            && known.lone.canonical(&object.id).is_empty()
        {
            continue;
        }
        match spelling(known, entry, field) {
            Some(value) => key.push((field.name, value)),
            None if field.role == FieldRole::OptionalKey && entry.value(name).is_absent() => {}
            None if field.role == FieldRole::Exact && entry.value(name).is_absent() => {
                key.push((field.name, entry.id.to_string()));
            }
            None => return None,
        }
    }
    (!key.is_empty()).then_some(key)
}

fn spelling(known: &Known<'_>, entry: &Entry, field: &'static Field) -> Option<String> {
    match (&field.shape, entry.value(field.name)) {
        (_, Value::Absent) => None,
        (Shape::Person, Value::Object(user)) => person(known, user),
        (Shape::Object { within, .. }, Value::Object(object)) => {
            let parent = within.and(object.parent.as_deref());
            Some(unambiguous(known, object, parent))
        }
        (Shape::TypedObject { .. }, Value::Object(object)) => Some(format!("{}/{}", object.class, object.id)),
        (_, Value::Text(text)) => Some(text.to_string()),
        (_, Value::Object(object)) => Some(object.id.to_string()),
        _ => None,
    }
}

/// The name in the people file, else the address; nothing where neither stands for exactly this user.
fn person(known: &Known<'_>, user: &Object) -> Option<String> {
    let mut named = known.people.values().filter(|person| person.is(known.system, user));
    match (named.next(), named.next()) {
        (Some(person), None) => return Some(person.name.to_string()),
        (Some(_), Some(_)) => return None,
        (None, _) => {}
    }
    let address = user.names.iter().find(|name| name.contains('@'))?;
    // An address that several users have, or that a person of the people file has who is known by another id, proves nothing.
    let taken = known
        .people
        .values()
        .any(|person| person.email.as_ref().is_some_and(|email| email.eq_ignore_ascii_case(address)));
    match known.snapshot.directory.resolve(&user.class, address, None) {
        Resolved::Several(_) => None,
        Resolved::One(one) if one.id != user.id => None,
        _ if taken => None,
        _ => Some(address.to_string()),
    }
}

/// A name where it stands for this object alone, else the id.
fn unambiguous(known: &Known<'_>, object: &Object, parent: Option<&str>) -> String {
    let alone = |name: &&Text| match known.snapshot.directory.resolve(&object.class, name, parent) {
        Resolved::One(one) => one.id == object.id,
        _ => false,
    };
    object.names.first().filter(alone).unwrap_or(&object.id).to_string()
}
