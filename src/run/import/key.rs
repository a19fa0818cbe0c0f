//! By which fields an entry is named in a file.

use crate::{
    access::{Entry, Field, FieldRole, Object, Resolved, Shape, Snapshot, Text, Value},
    plan::LoneResources,
    policy::{People, is_address, is_unsafe},
};

/// What names can be checked against.
pub(super) struct Known<'a> {
    pub(super) system: &'a str,
    pub(super) snapshot: &'a Snapshot,
    pub(super) people: People,
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
                key.push((field.name, written(&entry.id)?));
            }
            None => return None,
        }
    }
    (!key.is_empty()).then_some(key)
}

/// A text as an identifying field is read back: a star stands behind a backslash, and a blank text is refused there.
fn written(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.replace('*', r"\*"))
}

fn spelling(known: &Known<'_>, entry: &Entry, field: &'static Field) -> Option<String> {
    match (&field.shape, entry.value(field.name)) {
        (_, Value::Absent) => None,
        (Shape::Person, Value::Object(user)) => person(known, user),
        (Shape::Object { within, .. }, Value::Object(object)) => {
            let parent = within.and(object.parent.as_deref());
            unambiguous(known, object, parent)
        }
        (Shape::TypedObject { .. }, Value::Object(object)) => written(&format!("{}/{}", object.class, object.id)),
        (_, Value::Text(text)) => written(text),
        (_, Value::Object(object)) => written(&object.id),
        _ => None,
    }
}

/// The name in the people file, else the address; nothing where neither stands for exactly this user.
fn person(known: &Known<'_>, user: &Object) -> Option<String> {
    let means = |text: &str| match known.snapshot.directory.resolve(&user.class, text, None) {
        Resolved::Nothing => None,
        Resolved::One(one) => Some(one.id == user.id),
        Resolved::Several(_) => Some(false),
    };
    let mut named = known.people.all().values().filter(|person| person.is(known.system, user));
    match (named.next(), named.next()) {
        // Two live users may have the address, in another case.
        (Some(person), None) => {
            return (means(person.known_by(known.system)?) != Some(false)).then(|| person.name.to_string());
        }
        (Some(_), Some(_)) => return None,
        (None, _) => {}
    }
    let address = user.names.iter().find(|name| is_address(name) && !name.chars().any(is_unsafe))?;
    // A system without a list of people tells them by their entries alone. A person of the people file who has this address
    // is known by another id. Written down, an address is read in small letters.
    let unclear = means(address) == Some(false) || means(&address.to_ascii_lowercase()) != means(address);
    (!unclear && known.people.find(address, known.system).is_none()).then(|| address.to_string())
}

/// A name where it stands for this object alone, else the id.
fn unambiguous(known: &Known<'_>, object: &Object, parent: Option<&str>) -> Option<String> {
    let alone = |name: &&Text| match known.snapshot.directory.resolve(&object.class, name, parent) {
        Resolved::One(one) => one.id == object.id,
        _ => false,
    };
    object.names.first().filter(alone).and_then(|name| written(name)).or_else(|| written(&object.id))
}
