//! The daemon's part of the operator's file.

use serde_json::{Value, json};

use super::{closed, config::by_reference, described, duration, list_of, text};
use crate::config::{bounds, names};

/// The schema of `watch`.
pub(super) fn settings() -> Value {
    closed(names::WATCH.iter().copied(), &[], |name| match name {
        "interval" => described(duration(), "How often each target is looked at, unless it says otherwise."),
        "files" => described(
            json!({ "enum": names::FILES }),
            "Whether the system tells of changed files, or they are looked for every 2 s, as on a network file system.",
        ),
        "listen" => described(text(), "An address and a port. Not on loopback it needs a `token`."),
        "token" => by_reference("Where the listener's bearer token is."),
        "metrics" => described(json!({ "enum": names::METRICS }), "Who may read /metrics besides callers on loopback."),
        "webhooks" => {
            let schema = at_most(bounds::WEBHOOKS, webhook());
            described(schema, "Git hosts that may say \"look again\".")
        }
        "max_backoff" => described(duration(), "The longest pause after failed looks."),
        "grace" => described(duration(), "How long a stop waits for what is in flight."),
        "notify" => described(at_most(bounds::RECEIVERS, receiver()), "Who is told what happens."),
        _ => json!(true),
    })
}

fn at_most(most: usize, items: Value) -> Value {
    let mut schema = list_of(items);
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("maxItems".to_owned(), json!(most));
    }
    schema
}

fn webhook() -> Value {
    closed(names::WEBHOOK.iter().copied(), names::WEBHOOK, |name| match name {
        "from" => {
            let hosts: Vec<&str> = names::WEBHOOK_HOSTS.iter().map(|(name, _)| *name).collect();
            described(json!({ "enum": hosts }), "How it proves that a webhook is its own.")
        }
        "secret" => by_reference("Where the secret is that it shares."),
        _ => json!(true),
    })
}

/// One way of telling a form: each with its fields.
fn receiver() -> Value {
    let forms: [&[&str]; 3] = [&["slack"], &["webhook", "secret"], &["command"]];
    let forms = forms.map(|required| {
        closed(
            names::NOTIFY.iter().copied().filter(|name| required.contains(name) || *name == "about"),
            required,
            field,
        )
    });
    json!({ "oneOf": forms })
}

fn field(name: &str) -> Value {
    match name {
        "slack" => by_reference("Where the address of a webhook is that takes Slack's messages; it is a secret."),
        "webhook" => described(
            json!({ "type": "string", "pattern": "^https?://[^@?#]+$", "maxLength": bounds::TEXT }),
            "An address that takes signed JSON. HTTPS, but for loopback.",
        ),
        "command" => described(list_of(text()), "A program that gets the message as JSON, and its arguments."),
        "secret" => by_reference("Where the secret is that messages are signed with."),
        "about" => {
            let words: Vec<&str> = names::NOTIFY_ABOUT.iter().map(|(word, _)| *word).collect();
            let schema = json!({ "type": "array", "items": { "enum": words }, "minItems": 1, "uniqueItems": true });
            described(schema, "Of what; everything where it is left out.")
        }
        _ => json!(true),
    }
}
