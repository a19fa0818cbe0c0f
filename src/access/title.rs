//! What people call an entry and who holds it, in a plan, in the journal and in every output.

use super::{Entry, Field, FieldRole, Kind, Shape, Text, Value, shown};

/// What people call an entry: its key fields but the holder, and how much it gives.
pub fn title(entry: &Entry) -> String {
    let keys = key_fields(entry.kind);
    let mut parts: Vec<String> = keys
        .filter_map(|(position, field)| {
            let value = entry.values.get(position)?;
            (!value.is_absent() && !is_holder(field, entry, value)).then(|| shown(value))
        })
        .collect();
    if parts.is_empty() {
        parts.push(entry.label.as_ref().unwrap_or(&entry.id).to_string());
    }
    let mut title = parts.join(" / ");
    for (field, value) in entry.kind.fields.iter().zip(&entry.values) {
        match (&field.shape, value) {
            (Shape::Level(_), Value::Text(level)) => title.push_str(&format!(" ({level})")),
            (Shape::Set { known: [] }, Value::Objects(objects)) if !objects.is_empty() => {
                let names: Vec<&str> = objects.iter().map(|object| object.shown()).collect();
                title.push_str(&format!(" ({})", names.join(", ")));
            }
            _ => {}
        }
    }
    title
}

/// The fields that a title is made of, with their positions.
pub fn key_fields(kind: &'static Kind) -> impl Iterator<Item = (usize, &'static Field)> {
    let only_exact = kind.identities.len() == 1;
    kind.fields.iter().enumerate().filter(move |(_, field)| match field.role {
        FieldRole::Exact => only_exact,
        FieldRole::Key | FieldRole::OptionalKey | FieldRole::Label => true,
        FieldRole::Content => false,
    })
}

fn is_holder(field: &Field, entry: &Entry, value: &Value) -> bool {
    let principal = entry.principal.as_ref().map(|principal| &principal.id);
    matches!(field.shape, Shape::Person) || matches!(value, Value::Object(object) if Some(&object.id) == principal)
}

/// Who holds an entry, as shown.
pub fn holder(entry: &Entry) -> Option<Text> {
    entry.principal.as_ref().map(|principal| match principal.typed && principal.class != "user" {
        true => format!("{}/{}", principal.class, principal.shown()).into(),
        false => principal.shown().into(),
    })
}
