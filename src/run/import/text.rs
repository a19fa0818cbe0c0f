//! Values as YAML that the strict parser reads back unchanged. Text is always in double quotes: no word of an API can be
//! taken for a truth value, a number or a comment.

use std::fmt::Write as _;

use crate::{
    access::{Region, Shape, Value},
    yaml::is_unsafe,
};

/// A text in double quotes with everything but plain letters, digits, spaces and marks escaped where it could mislead.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            _ if c.is_alphanumeric() && !is_unsafe(c) => out.push(c),
            _ => {
                let code = u32::from(c);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
        }
    }
    out.push('"');
    out
}

/// A content field's value in flow style; `None` where there is nothing that a declaration can say.
pub(super) fn content(shape: &Shape, value: &Value) -> Option<String> {
    match (shape, value) {
        (Shape::Set { known }, Value::Set(words)) => {
            // A word that this binary does not know is never excess, and no declaration can name it.
            list(words.iter().map(|word| word.as_str()).filter(|word| known.is_empty() || known.contains(word)))
        }
        (Shape::Set { .. }, Value::Objects(objects)) => list(objects.iter().map(|object| {
            let named = object.names.first().filter(|name| !name.trim().is_empty());
            named.unwrap_or(&object.id).as_str()
        })),
        (Shape::Level(levels), Value::Text(level)) => levels.contains(&level.as_str()).then(|| quoted(level)),
        (Shape::Bool, Value::Bool(flag)) => Some(flag.to_string()),
        (Shape::Region, Value::Region(Region::Exact(name))) => Some(format!("{{ exact: {} }}", quoted(name))),
        (Shape::Region, Value::Region(Region::Prefix(prefix))) => Some(format!("{{ prefix: {} }}", quoted(prefix))),
        (Shape::Flags(groups), Value::Set(words)) => {
            let mut written = Vec::new();
            for (group, flags) in *groups {
                let on: Vec<String> = flags
                    .iter()
                    .filter(|flag| words.iter().any(|word| word.split_once('.') == Some((group, flag))))
                    .map(|flag| format!("{flag}: true"))
                    .collect();
                if !on.is_empty() {
                    written.push(format!("{group}: {{ {} }}", on.join(", ")));
                }
            }
            mapping(&written)
        }
        (Shape::Record(fields), Value::Record(values)) => {
            let written: Vec<String> = fields
                .iter()
                .zip(values.iter())
                .filter_map(|(field, value)| Some(format!("{}: {}", field.name, content(&field.shape, value)?)))
                .collect();
            mapping(&written)
        }
        (Shape::Text, Value::Text(text)) => Some(quoted(text)),
        (Shape::Object { .. }, Value::Object(object)) => Some(quoted(&object.id)),
        (Shape::TypedObject { .. }, Value::Object(object)) => Some(quoted(&format!("{}/{}", object.class, object.id))),
        _ => None,
    }
}

fn mapping(written: &[String]) -> Option<String> {
    (!written.is_empty()).then(|| format!("{{ {} }}", written.join(", ")))
}

fn list<'a>(words: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut words: Vec<&str> = words.collect();
    words.sort_unstable();
    words.dedup();
    let words: Vec<String> = words.into_iter().map(quoted).collect();
    (!words.is_empty()).then(|| format!("[{}]", words.join(", ")))
}
