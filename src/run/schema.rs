//! JSON Schemas of every file that people write, and of the documents of plan and snapshot, for editors and for programs.
//!
//! Composed from the systems' descriptions and from the tables of names that the parsers themselves use: a further system
//! or field is in here by itself. A schema cannot say all that a parser checks (that a name is known, that two targets are
//! one account), so what a schema accepts is still validated by `validate`; what it refuses, the parser refuses too.

mod config;
mod policy;
#[cfg(test)]
pub(crate) mod tests;
mod watch;

use serde_json::{Map, Value, json};

use crate::{
    access::{Description, Kind, Selectable, SnapshotRecord},
    config::{bounds, names},
    plan::Plan,
};

/// The dialect of every schema.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The documents that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// A policy file.
    Policy,
    /// The people file.
    People,
    /// `portcullis.yaml`.
    Config,
    /// A saved plan.
    Plan,
    /// A reading's line in a snapshot file.
    Snapshot,
}

impl Which {
    /// Every document.
    pub const ALL: [Self; 5] = [Self::Policy, Self::People, Self::Config, Self::Plan, Self::Snapshot];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::People => "people",
            Self::Config => "config",
            Self::Plan => "plan",
            Self::Snapshot => "snapshot",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Policy => "Portcullis policy file",
            Self::People => "Portcullis people file",
            Self::Config => "Portcullis configuration (portcullis.yaml)",
            Self::Plan => "Portcullis plan",
            Self::Snapshot => "Portcullis snapshot (a line of its file, one a target)",
        }
    }
}

/// The JSON Schema of a document.
pub fn schema(which: Which, descriptions: &[&'static Description]) -> Value {
    let mut schema = match which {
        Which::Policy => policy::file(descriptions),
        Which::People => policy::people(descriptions),
        Which::Config => config::file(descriptions),
        Which::Plan => schemars::schema_for!(Plan).to_value(),
        Which::Snapshot => schemars::schema_for!(SnapshotRecord).to_value(),
    };
    if let Some(root) = schema.as_object_mut() {
        root.insert("$schema".to_owned(), json!(DIALECT));
        root.insert("title".to_owned(), json!(which.title()));
        if !matches!(which, Which::Plan | Which::Snapshot) {
            root.insert("$defs".to_owned(), definitions());
        }
    }
    schema
}

/// What the schemas of files share.
fn definitions() -> Value {
    json!({
        "text": { "type": "string", "pattern": r"\S" },
        "texts": {
            "anyOf": [
                { "$ref": "#/$defs/text" },
                { "type": "array", "items": { "$ref": "#/$defs/text" }, "minItems": 1 },
            ],
        },
        "pattern": {
            "type": "string",
            "pattern": r"^(?=[\s\S]*\S)([^\\]|\\[*\\])+$",
            "description": r"`*` stands for any text, `/` included; `\*` is a star.",
        },
        "patterns": {
            "anyOf": [
                { "$ref": "#/$defs/pattern" },
                { "type": "array", "items": { "$ref": "#/$defs/pattern" }, "minItems": 1 },
            ],
        },
        "duration": {
            "type": "string",
            "pattern": "^[0-9]+[smhdw]$",
            "description": "A whole number and a unit: 90s, 30m, 20h, 2d, 4w.",
        },
        "end": {
            "type": "string",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[^\[]+)?$",
            "description": "A date, which means its end in UTC, or a time with its offset.",
        },
        "path": { "type": "string", "pattern": r"\S", "maxLength": bounds::TEXT },
    })
}

fn text() -> Value {
    json!({ "$ref": "#/$defs/text" })
}

fn texts() -> Value {
    json!({ "$ref": "#/$defs/texts" })
}

fn duration() -> Value {
    json!({ "$ref": "#/$defs/duration" })
}

fn end() -> Value {
    json!({ "$ref": "#/$defs/end" })
}

fn list_of(items: Value) -> Value {
    json!({ "type": "array", "items": items, "minItems": 1 })
}

/// A schema with a description for editors.
fn described(mut schema: Value, doc: &str) -> Value {
    if let Some(schema) = schema.as_object_mut()
        && !doc.is_empty()
    {
        schema.insert("description".to_owned(), json!(doc));
    }
    schema
}

/// A mapping with these fields and no others.
fn closed<'n>(names: impl IntoIterator<Item = &'n str>, required: &[&str], of: impl Fn(&str) -> Value) -> Value {
    let properties: Map<String, Value> = names.into_iter().map(|name| (name.to_owned(), of(name))).collect();
    let mut schema = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if let (Some(schema), false) = (schema.as_object_mut(), required.is_empty()) {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

/// A mapping from the lists of these kinds to something.
fn by_list(kinds: &[&'static Kind], of: impl Fn(&'static Kind) -> Value) -> Map<String, Value> {
    let mut properties: Map<String, Value> = Map::new();
    for kind in kinds {
        let schema = of(kind);
        // Two systems may call their lists alike: then either form is right here, and the parser knows which is meant.
        let joined = match properties.remove(kind.list) {
            None => schema,
            Some(earlier) => json!({ "anyOf": [earlier, schema] }),
        };
        properties.insert(kind.list.to_owned(), joined);
    }
    properties
}

fn kinds_of(descriptions: &[&'static Description]) -> Vec<&'static Kind> {
    descriptions.iter().flat_map(|description| description.kinds).collect()
}

/// A closed mapping from lists that is not empty.
fn some_lists(kinds: &[&'static Kind], of: impl Fn(&'static Kind) -> Value) -> Value {
    json!({ "type": "object", "additionalProperties": false, "minProperties": 1, "properties": by_list(kinds, of) })
}

/// One selector; `further` names are written like names of people.
fn selector(kind: &'static Kind, further: &[&str]) -> Value {
    let mut properties: Map<String, Value> = Map::new();
    for selectable in Selectable::all(kind) {
        let patterns =
            if selectable.is_flag { json!({ "type": "boolean" }) } else { json!({ "$ref": "#/$defs/patterns" }) };
        properties.insert(selectable.name.to_owned(), patterns);
        if names::is_person_field(&selectable) {
            properties.extend(further.iter().map(|name| ((*name).to_owned(), json!({ "$ref": "#/$defs/patterns" }))));
        }
    }
    json!({ "type": "object", "additionalProperties": false, "minProperties": 1, "properties": properties })
}

/// One selector or a list of them.
fn selectors(kind: &'static Kind, further: &[&str]) -> Value {
    let one = selector(kind, further);
    json!({ "anyOf": [one, list_of(one.clone())] })
}

/// `all`, one selector or a list of them.
fn all_or_selectors(kind: &'static Kind, further: &[&str]) -> Value {
    json!({ "anyOf": [{ "const": names::ALL }, selectors(kind, further)] })
}
