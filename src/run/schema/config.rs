//! The operator's file.

use serde_json::{Value, json};

use super::{
    all_or_selectors, by_list, closed, described, duration, kinds_of, list_of, selectors, some_lists, text, texts,
    watch,
};
use crate::{
    access::{Description, TargetShape},
    config::{bounds, names},
};

/// Names of people in the operator's selectors, besides the field itself.
const PEOPLE: &[&str] = &[names::USERS];

/// The schema of the file.
pub(super) fn file(descriptions: &[&'static Description]) -> Value {
    closed(names::FILE.iter().copied(), &["version", "targets"], |name| match name {
        "version" => json!({ "const": names::VERSION }),
        "policies" => described(path(), "The directory of the policy files."),
        "people" => described(path(), "The people file."),
        "journal" => described(path(), "Where the journal is; `ephemeral` for none beyond this run."),
        "stop_file" => described(path(), "A file whose existence stops all writing."),
        "guards" => closed(names::TOTAL_GUARDS.iter().copied(), &[], |_| number(bounds::COUNT)),
        "delegate" => list_of(delegation(descriptions)),
        "targets" => json!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": bounds::TARGETS,
            "propertyNames": { "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$", "maxLength": bounds::NAME },
            "additionalProperties": { "oneOf": descriptions.iter().map(|one| target(one)).collect::<Vec<_>>() },
        }),
        "freeze" => freeze(),
        "watch" => watch::settings(),
        _ => json!(true),
    })
}

fn path() -> Value {
    json!({ "$ref": "#/$defs/path" })
}

fn number((least, most): (u32, u32)) -> Value {
    json!({ "type": "integer", "minimum": least, "maximum": most })
}

fn freeze() -> Value {
    list_of(closed(names::FREEZE.iter().copied(), names::FREEZE, |name| match name {
        "cron" => described(
            json!({ "type": "string", "pattern": r"^\s*\S+(\s+\S+){4}\s*$" }),
            "Five cron fields: when it begins.",
        ),
        "duration" => duration(),
        "time_zone" => described(text(), "An IANA time zone such as Europe/Zurich."),
        _ => json!(true),
    }))
}

fn delegation(descriptions: &[&'static Description]) -> Value {
    let kinds = kinds_of(descriptions);
    closed(names::DELEGATION.iter().copied(), names::DELEGATION, |name| match name {
        "path" => described(
            json!({ "type": "string", "pattern": r"^[^\\?\[\]{}]+$" }),
            "A glob over paths below the policy root: data/**.",
        ),
        "target" => text(),
        "within" => some_lists(&kinds, |kind| all_or_selectors(kind, PEOPLE)),
        _ => json!(true),
    })
}

fn target(description: &'static Description) -> Value {
    let own = description.target_fields.iter().filter(|field| field.required).map(|field| field.name);
    let required: Vec<&str> = ["system", "credential"].into_iter().chain(own).collect();
    let kinds: Vec<_> = description.kinds.iter().collect();
    let fields = names::target_fields(description);
    let schema = closed(fields.iter().copied(), &required, |name| {
        common(name, description, &kinds).unwrap_or_else(|| own_field(name, description))
    });
    described(schema, &format!("A target of the system {}.", description.title))
}

fn common(name: &str, description: &'static Description, kinds: &[&'static crate::access::Kind]) -> Option<Value> {
    Some(match name {
        "system" => json!({ "const": description.system }),
        "credential" => by_reference("Where the credential is. Never the credential itself."),
        "account" => described(text(), "A label for systems that cannot tell who they are, or the account id to pin."),
        "own" => described(
            json!({
                "type": "object",
                "additionalProperties": false,
                "minProperties": 1,
                "properties": by_list(kinds, |kind| {
                    json!({ "anyOf": [{ "const": names::UNLISTED }, selectors(kind, PEOPLE)] })
                }),
            }),
            "What Portcullis and its pipeline live on; never removed.",
        ),
        "must_see" => {
            described(some_lists(kinds, |kind| selectors(kind, PEOPLE)), "What every complete reading has to contain.")
        }
        "protected" => described(some_lists(kinds, |kind| all_or_selectors(kind, PEOPLE)), "What is never removed."),
        "enforce" => {
            let lists: Vec<&str> = kinds.iter().map(|kind| kind.list).collect();
            let schema = json!({ "type": "array", "items": { "enum": lists }, "minItems": 1, "uniqueItems": true });
            described(schema, "The lists that may be changed; all others are observed.")
        }
        "guards" => guards(),
        "may_open" => described(texts(), "Ids or domains of gateways that may be opened."),
        "settle" => described(duration(), "How long an unknown outcome is read for."),
        "max_in_flight" => described(duration(), "How long a removal may be in flight."),
        "limits" => closed(names::LIMITS.iter().copied(), &[], |name| match name {
            "requests" => {
                described(json!({ "type": "string", "pattern": "^[1-9][0-9]*/[smh]$" }), "For instance 1000/h.")
            }
            "concurrency" => number(bounds::CONCURRENCY),
            _ => json!(true),
        }),
        "freeze" => freeze(),
        "interval" => duration(),
        "ca_file" => described(path(), "A private certificate authority to trust besides the platform's, a PEM file."),
        "allow_host" => described(json!({ "type": "boolean" }), "Lets an address be one that is not the system's own."),
        _ => return None,
    })
}

fn own_field(name: &str, description: &'static Description) -> Value {
    if let Some(field) = description.target_fields.iter().find(|field| field.name == name) {
        let schema = match field.shape {
            TargetShape::Text => json!({ "type": "string", "pattern": r"\S", "maxLength": bounds::TEXT }),
            TargetShape::OneOf(words) => json!({ "enum": words }),
            TargetShape::Auth(styles) => json!({ "enum": styles.iter().map(|(word, _)| *word).collect::<Vec<_>>() }),
            TargetShape::ManyOf(words) => json!({ "anyOf": [{ "enum": words }, list_of(json!({ "enum": words }))] }),
            TargetShape::AllOrTexts => {
                let other = json!({ "$ref": "#/$defs/text", "not": { "const": names::ALL } });
                json!({ "anyOf": [{ "const": names::ALL }, list_of(other)] })
            }
        };
        return described(schema, field.doc);
    }
    match description.hosts.iter().find(|host| host.key == name) {
        Some(host) => described(
            json!({ "type": "string", "pattern": "^https?://[^@?#]+$" }),
            &format!("The base address, {} where it is left out. HTTPS, but for loopback.", host.default),
        ),
        None => json!(true),
    }
}

/// A credential by reference.
pub(super) fn by_reference(doc: &str) -> Value {
    let mut schema = closed(names::CREDENTIAL.iter().copied(), &[], |name| match name {
        "env" => described(
            json!({ "type": "string", "pattern": "^[A-Z_][A-Z0-9_]*$", "maxLength": bounds::ENV }),
            "An environment variable.",
        ),
        "file" => described(path(), "A file that not everyone can read."),
        "command" => described(list_of(text()), "A program and its arguments; its output is the credential."),
        _ => json!(true),
    });
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("minProperties".to_owned(), json!(1));
        schema.insert("maxProperties".to_owned(), json!(1));
    }
    described(schema, doc)
}

fn guards() -> Value {
    closed(names::GUARDS.iter().copied(), &[], |name| match name {
        "max_share" => described(
            json!({ "type": "string", "pattern": "^([1-9][0-9]?|100)%$" }),
            "The largest share of entries that may go in 24 hours, such as 10%.",
        ),
        "max_count" => described(number(bounds::COUNT), "The largest number of removals in 24 hours, by weight."),
        "keep_at_least" => {
            described(number(bounds::COUNT), "Live entries of a kind that have to remain; 0 lifts the floor.")
        }
        "notice" => described(duration(), "How long an undeclared entry waits unattended."),
        "max_clock_skew" => described(duration(), "How far the clock may be off the vendor's."),
        _ => json!(true),
    })
}
