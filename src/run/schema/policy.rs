//! Policy files and the people file.

use serde_json::{Map, Value, json};

use super::{
    all_or_selectors, by_list, closed, described, duration, end, kinds_of, list_of, selector, selectors, some_lists,
    text, texts,
};
use crate::access::{Cause, Description, Field, FieldRole, Kind, Limit, Shape};

/// Fields of a policy file besides the lists.
pub(super) const FILE: &[&str] =
    &["version", "target", "targets", "team", "manage", "allow", "absent", "holds", "reason"];
/// Fields of a managed set.
pub(super) const MANAGED: &[&str] = &["select", "except", "allow_empty"];
/// The names by which several people are meant.
pub(super) const PEOPLE: &[&str] = &["users", "groups"];
/// Every limit.
pub(super) const LIMITS: [Limit; 5] =
    [Limit::Expires, Limit::MaxAge, Limit::MaxIdle, Limit::MaxUnused, Limit::MustExpireWithin];

/// The schema of a policy file.
pub(super) fn file(descriptions: &[&'static Description]) -> Value {
    let kinds = kinds_of(descriptions);
    let mut schema = closed(FILE.iter().copied(), &["version"], |name| match name {
        "version" => json!({ "const": 1 }),
        "target" => described(text(), "The target that this file speaks of."),
        "targets" => described(texts(), "The targets that this file speaks of."),
        "team" => described(text(), "Who answers for it."),
        "manage" => described(some_lists(&kinds, managed), "The entries that this file is in charge of."),
        "allow" => described(
            some_lists(&kinds, |kind| list_of(allow(kind))),
            "Classes that may exist without being named one by one.",
        ),
        "absent" => described(
            some_lists(&kinds, |kind| list_of(literal(kind, &["justification", "team"], &[]))),
            "What must not exist.",
        ),
        "holds" => described(
            some_lists(&kinds, |kind| list_of(literal(kind, &["until", "justification"], &["until", "justification"]))),
            "What waits until a time.",
        ),
        "reason" => reason(),
        _ => json!(true),
    });
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("oneOf".to_owned(), json!([{ "required": ["target"] }, { "required": ["targets"] }]));
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.extend(by_list(&kinds, |kind| list_of(declaration(kind))));
        }
    }
    schema
}

/// The schema of the people file.
pub(super) fn people(descriptions: &[&'static Description]) -> Value {
    let mut person = closed(["email", "aliases", "until", "service"], &[], |name| match name {
        "email" => json!({ "type": "string", "pattern": r"^[^\s*@]+@[^\s*@]+$" }),
        "aliases" => {
            let systems: Vec<&str> = descriptions.iter().map(|description| description.system).collect();
            let id = json!({ "$ref": "#/$defs/text", "pattern": "^[^@]*$" });
            let aliases = json!({
                "type": "object",
                "properties": systems.iter().map(|system| ((*system).to_owned(), id.clone())).collect::<Map<_, _>>(),
                "additionalProperties": false,
            });
            described(aliases, "The vendor's user id by system, never an address.")
        }
        "until" => described(end(), "When this person has left."),
        "service" => described(json!({ "type": "boolean" }), "Whether it is a service and not a human."),
        _ => json!(true),
    });
    if let Some(person) = person.as_object_mut() {
        person.insert("anyOf".to_owned(), json!([{ "required": ["email"] }, { "required": ["aliases"] }]));
    }
    closed(["version", "people", "groups"], &["version", "people"], |name| match name {
        "version" => json!({ "const": 1 }),
        "people" => json!({
            "type": "object",
            "propertyNames": { "pattern": r"^[^\s@*]+$" },
            "additionalProperties": person,
        }),
        "groups" => json!({
            "type": "object",
            "additionalProperties": { "type": "array", "items": text(), "uniqueItems": true },
        }),
        _ => json!(true),
    })
}

fn managed(kind: &'static Kind) -> Value {
    let set = closed(MANAGED.iter().copied(), &["select"], |name| match name {
        "select" => all_or_selectors(kind, PEOPLE),
        "except" => selectors(kind, PEOPLE),
        "allow_empty" => described(json!({ "type": "boolean" }), "Whether it may end up with no entry at all."),
        _ => json!(true),
    });
    // One selector alone would look like a set of its own, so only a list of them stands for `select`.
    let list = list_of(selector(kind, PEOPLE));
    json!({ "anyOf": [{ "const": "all" }, list, set] })
}

fn person_field(kind: &'static Kind) -> Option<&'static str> {
    kind.fields.iter().find(|field| matches!(field.shape, Shape::Person)).map(|field| field.name)
}

fn limit(limit: Limit) -> Value {
    if limit == Limit::Expires { described(end(), "It must not live beyond this.") } else { duration() }
}

/// What an item of a kind may say.
fn declaration(kind: &'static Kind) -> Value {
    let fields = kind.fields.iter().map(|field| field.name);
    let people = person_field(kind).map_or(&[][..], |_| PEOPLE);
    let limits = kind.limits.iter().map(|limit| limit.name());
    let common = ["justification", "team", "on_excess"];
    let names = fields.chain(people.iter().copied()).chain(limits).chain(common);
    let mut schema = closed(names, &[], |name| match (kind.field(name), name) {
        (Some(field), _) if field.role == FieldRole::Content => described(value(&field.shape), field.doc),
        (Some(field), _) => described(literal_value(field), field.doc),
        (None, "on_excess") => json!({ "enum": ["report", "revoke"] }),
        (None, "justification" | "team") => text(),
        (None, "users" | "groups") => texts(),
        (None, name) => LIMITS.into_iter().find(|one| one.name() == name).map_or(json!(true), limit),
    });
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("anyOf".to_owned(), identities(kind));
        schema.extend(one_or_several(kind));
    }
    schema
}

/// One way to name an entry has to be whole, and nothing of another may stand beside it.
fn identities(kind: &'static Kind) -> Value {
    let person = person_field(kind);
    let identifying = || kind.fields.iter().filter(|field| field.role != FieldRole::Content);
    let ways: Vec<Value> = kind
        .identities
        .iter()
        .map(|identity| {
            let optional = |name: &str| kind.field(name).is_some_and(|field| field.role == FieldRole::OptionalKey);
            let needed: Vec<&str> =
                identity.iter().copied().filter(|name| !optional(name) && person != Some(*name)).collect();
            let mut foreign: Vec<&str> =
                identifying().map(|field| field.name).filter(|name| !identity.contains(name)).collect();
            let mut way = Map::new();
            match person {
                Some(person) if identity.contains(&person) => {
                    way.insert("anyOf".to_owned(), any_required([person].into_iter().chain(PEOPLE.iter().copied())));
                }
                Some(_) => foreign.extend(PEOPLE),
                None => {}
            }
            way.insert("required".to_owned(), json!(needed));
            let never: Map<String, Value> = foreign.into_iter().map(|name| (name.to_owned(), json!(false))).collect();
            way.insert("properties".to_owned(), Value::Object(never));
            Value::Object(way)
        })
        .collect();
    json!(ways)
}

fn any_required<'n>(names: impl Iterator<Item = &'n str>) -> Value {
    names.map(|name| json!({ "required": [name] })).collect()
}

/// The field of one person does not stand beside those of several.
fn one_or_several(kind: &'static Kind) -> Map<String, Value> {
    let mut further = Map::new();
    if let Some(person) = person_field(kind) {
        let never: Map<String, Value> = PEOPLE.iter().map(|name| ((*name).to_owned(), json!(false))).collect();
        further.insert("dependentSchemas".to_owned(), json!({ person: { "properties": never } }));
    }
    further
}

/// An item that names entries literally, by at least one identifying field.
fn literal(kind: &'static Kind, common: &[&'static str], required: &[&str]) -> Value {
    let own = kind.fields.iter().filter(|field| field.role != FieldRole::Content).map(|field| field.name);
    let people = person_field(kind).map_or(&[][..], |_| PEOPLE);
    let identifying: Vec<&str> = own.chain(people.iter().copied()).collect();
    let names = identifying.iter().copied().chain(common.iter().copied());
    let mut schema = closed(names, required, |name| match (kind.field(name), name) {
        (Some(field), _) => described(literal_value(field), field.doc),
        (None, "until") => end(),
        (None, "justification" | "team") => text(),
        (None, "users" | "groups") => texts(),
        _ => json!(true),
    });
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("anyOf".to_owned(), any_required(identifying.iter().copied()));
        schema.extend(one_or_several(kind));
    }
    schema
}

/// A value without a star, since it would be taken literally; `\*` is a star that is meant.
fn literal_value(field: &Field) -> Value {
    json!({ "allOf": [value(&field.shape), { "if": { "type": "string" }, "then": { "pattern": r"^(\\\*|[^*])+$" } }] })
}

fn allow(kind: &'static Kind) -> Value {
    let limits = kind.limits.iter().chain(kind.allow_limits).map(|limit| limit.name());
    let names = ["select", "justification", "team"].into_iter().chain(limits);
    closed(names, &["select"], |name| match name {
        "select" => described(
            all_or_selectors(kind, PEOPLE),
            "Which entries. Of a field that is a set (scopes, permissions), every word has to fit a pattern.",
        ),
        "justification" | "team" => text(),
        name => LIMITS.into_iter().find(|one| one.name() == name).map_or(json!(true), limit),
    })
}

/// Reason templates by cause; an order's reason is what the person says.
fn reason() -> Value {
    let causes = Cause::ALL.into_iter().filter(|cause| *cause != Cause::Ordered).map(Cause::name);
    let schema = closed(
        causes,
        &[],
        |_| json!({ "type": "string", "pattern": r"^(?=[\s\S]*\S)([^{}]|\{(cause|file|team|justification)\})+$" }),
    );
    described(schema, "The reason that goes to the system and the journal, by cause.")
}

/// A declared value.
fn value(shape: &Shape) -> Value {
    match shape {
        Shape::Text | Shape::Person | Shape::Object { .. } => text(),
        Shape::TypedObject { classes, .. } => {
            json!({ "type": "string", "pattern": format!("^({})/.", classes.join("|")) })
        }
        Shape::Set { known } => {
            let word = if known.is_empty() { text() } else { json!({ "enum": known }) };
            json!({ "anyOf": [word, { "type": "array", "items": word }] })
        }
        Shape::Level(levels) => json!({ "enum": levels }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Region => json!({
            "oneOf": [
                closed(["exact"], &["exact"], |_| text()),
                closed(["prefix"], &["prefix"], |_| json!({ "type": "string" })),
            ],
        }),
        Shape::Flags(groups) => closed(groups.iter().map(|(group, _)| *group), &[], |name| {
            let flags = groups.iter().find(|(group, _)| *group == name).map_or(&[][..], |(_, flags)| flags);
            closed(flags.iter().copied(), &[], |_| json!({ "type": "boolean" }))
        }),
        Shape::Record(fields) => closed(fields.iter().map(|field| field.name), &[], |name| {
            fields
                .iter()
                .find(|field| field.name == name)
                .map_or(json!(true), |field| described(value(&field.shape), field.doc))
        }),
    }
}
