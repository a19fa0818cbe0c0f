//! Settings of the daemon: its listener, the webhooks it takes, the people it tells.

use std::{net::SocketAddr, path::Path};

use url::Url;

use super::{bounds, credential, hosts, names, scalar};
use crate::{
    config::{Notify, NotifyOn, NotifyTo, WatchSettings, Webhook, WebhookHost},
    yaml::{Fields, Node, Reporter, did_you_mean, get, quoted},
};

/// The host of Slack's incoming webhooks, whose addresses are secrets.
const SLACK_HOST: &str = "hooks.slack.com";

/// Reads `watch:`. Every problem is told; where there is one, nothing is given.
pub(super) fn settings(node: &Node<'_>, directory: &Path, reporter: &mut Reporter<'_>) -> Option<WatchSettings> {
    let fields = Fields::of(node, "`watch`", names::WATCH, reporter)?;
    let default = WatchSettings::default();
    let interval = scalar::duration(&fields, "interval", bounds::INTERVAL, default.interval, reporter);
    let max_backoff = scalar::duration(&fields, "max_backoff", bounds::MAX_BACKOFF, default.max_backoff, reporter);
    let grace = scalar::duration(&fields, "grace", bounds::GRACE, default.grace, reporter);
    let token = fields.get("token").map(|node| credential::credential(node, directory, reporter));
    let listen = match fields.get("listen") {
        None => Some(default.listen),
        Some(node) => listen(node, token.is_some(), reporter),
    };
    let files = either(&fields, "files", names::FILES, names::POLL, default.poll_files, reporter);
    let metrics = either(&fields, "metrics", names::METRICS, names::OPEN, default.open_metrics, reporter);
    let webhooks =
        items(&fields, "webhooks", bounds::WEBHOOKS, reporter, |node, reporter| webhook(node, directory, reporter));
    let notify =
        items(&fields, "notify", bounds::RECEIVERS, reporter, |node, reporter| receiver(node, directory, reporter));
    Some(WatchSettings {
        interval: interval?,
        poll_files: files?,
        listen: listen?,
        token: match token {
            None => None,
            Some(read) => Some(read?),
        },
        open_metrics: metrics?,
        webhooks: webhooks?,
        max_backoff: max_backoff?,
        grace: grace?,
        notify: notify?,
    })
}

/// Whether a field has the one of its words that is meant.
fn either(
    fields: &Fields<'_, '_>,
    name: &str,
    words: &[&'static str],
    meant: &str,
    default: bool,
    reporter: &mut Reporter<'_>,
) -> Option<bool> {
    let Some(node) = fields.get(name) else { return Some(default) };
    let words: Vec<_> = words.iter().map(|word| (*word, *word == meant)).collect();
    word(node, &format!("`{name}`"), &words, reporter)
}

// Port 0 lets the machine choose one, which the log tells.
fn listen(node: &Node<'_>, has_token: bool, reporter: &mut Reporter<'_>) -> Option<SocketAddr> {
    let text = scalar::text(node, "`listen`", reporter)?;
    let Ok(address) = text.parse::<SocketAddr>() else {
        let message = format!("`listen` has to be an address and a port, and here is {}", quoted(&text));
        reporter.report_with(node, message, "write 127.0.0.1:9464 or \"[::1]:9464\"");
        return None;
    };
    if !address.ip().is_loopback() && !has_token {
        let message = format!("`listen` opens {address} to other machines, and there is no `token`");
        reporter.report_with(node, message, "add `token: { file: secrets/token }`, or listen on 127.0.0.1");
        return None;
    }
    Some(address)
}

/// The items of a list of bounded length; none where the field is left out, nothing where one of them is wrong.
fn items<T>(
    fields: &Fields<'_, '_>,
    name: &str,
    most: usize,
    reporter: &mut Reporter<'_>,
    mut read: impl FnMut(&Node<'_>, &mut Reporter<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(node) = fields.get(name) else {
        return Some(Vec::new());
    };
    let what = quoted(name);
    let items = get::list(node, &what, reporter)?;
    if items.len() > most {
        reporter.report(node, format!("{what} has {} items, and {most} is the most", items.len()));
        return None;
    }
    let found: Vec<Option<T>> = items.iter().map(|item| read(item, reporter)).collect();
    found.into_iter().collect()
}

fn webhook(node: &Node<'_>, directory: &Path, reporter: &mut Reporter<'_>) -> Option<Webhook> {
    let fields = Fields::of(node, "a webhook", names::WEBHOOK, reporter)?;
    let from: Option<WebhookHost> =
        fields.required("from", reporter).and_then(|node| word(node, "`from`", names::WEBHOOK_HOSTS, reporter));
    let secret = fields.required("secret", reporter).and_then(|node| credential::credential(node, directory, reporter));
    Some(Webhook { from: from?, secret: secret? })
}

fn receiver(node: &Node<'_>, directory: &Path, reporter: &mut Reporter<'_>) -> Option<Notify> {
    let fields = Fields::of(node, "a receiver", names::NOTIFY, reporter)?;
    let on = match fields.get("about") {
        None => Some(Vec::new()),
        Some(node) => about(node, reporter),
    };
    let to = receiver_to(&fields, directory, reporter);
    Some(Notify { to: to?, on: on? })
}

fn receiver_to(fields: &Fields<'_, '_>, directory: &Path, reporter: &mut Reporter<'_>) -> Option<NotifyTo> {
    let (slack, webhook, command) = (fields.get("slack"), fields.get("webhook"), fields.get("command"));
    let secret = fields.entry("secret");
    if let (Some((key, _)), None) = (secret, webhook) {
        let hint = "`slack` has its secret in its address; a command gets its message unsigned";
        reporter.report_unseen(key, "`secret` belongs to a `webhook`", Some(hint.to_owned()));
        return None;
    }
    match (slack, webhook, command) {
        (Some(node), None, None) => {
            credential::credential(node, directory, reporter).map(|url| NotifyTo::Slack { url })
        }
        (None, Some(node), None) => {
            let url = address(node, reporter);
            let secret =
                fields.required("secret", reporter).and_then(|node| credential::credential(node, directory, reporter));
            Some(NotifyTo::Webhook { url: url?, secret: secret? })
        }
        (None, None, Some(node)) => credential::command(node, directory, reporter).map(NotifyTo::Command),
        _ => {
            let message = "a receiver takes exactly one of `slack`, `webhook` and `command`";
            let hint = "write one item of the list for each receiver";
            reporter.report_unseen(*fields, message, Some(hint.to_owned()));
            None
        }
    }
}

// The path of such an address is often a secret, so that no message quotes more than the host.
fn address(node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<Url> {
    const HINT: &str = "write an address such as https://ops.example.com/portcullis";
    let what = "`webhook`";
    let mut refuse = |message: String, hint: &str| {
        reporter.report_unseen(node, message, Some(hint.to_owned()));
        None
    };
    let Some(scalar) = node.as_scalar() else {
        return refuse(format!("{what} has to be an address, and here is {}", node.what()), HINT);
    };
    let Ok(url) = Url::parse(&scalar.text) else {
        return refuse(format!("{what} is no address"), HINT);
    };
    let Some(host) = url.host_str().filter(|_| scalar.text.chars().count() <= bounds::TEXT) else {
        return refuse(format!("{what} names no host, or is longer than {} characters", bounds::TEXT), HINT);
    };
    if !url.username().is_empty() || url.password().is_some() {
        let hint = "what is sent there is signed with `secret`; if this was a credential, revoke it";
        return refuse(format!("{what} may not hold a user or a password"), hint);
    }
    if url.query().is_some() || url.fragment().is_some() {
        let hint = "what is sent there is signed with `secret`; if this was a credential, revoke it";
        return refuse(format!("{what} may not have a query or a fragment"), hint);
    }
    if host == SLACK_HOST {
        let hint = "write `slack: { env: SLACK_WEBHOOK_URL }`: whoever knows a Slack address can post there";
        return refuse("an address of Slack is a secret, which does not belong into the file".to_owned(), hint);
    }
    match url.scheme() {
        "https" => Some(url),
        "http" if hosts::is_loopback(&url) => Some(url),
        "http" => {
            let message = format!("{what} is plain HTTP, which would show the message to the network");
            refuse(message, "write https://; plain HTTP is for loopback only")
        }
        _ => refuse(format!("{what} has to begin with https://"), HINT),
    }
}

fn about(node: &Node<'_>, reporter: &mut Reporter<'_>) -> Option<Vec<NotifyOn>> {
    let items = get::list(node, "`about`", reporter)?;
    let before = reporter.count();
    let mut found: Vec<NotifyOn> = Vec::new();
    for item in items {
        match word(item, "`about`", names::NOTIFY_ABOUT, reporter) {
            Some(on) if found.contains(&on) => reporter.report(item, "`about` names the same twice"),
            Some(on) => found.push(on),
            None => {}
        }
    }
    let fails = [NotifyOn::Changes, NotifyOn::Refusals, NotifyOn::Failures];
    if found.contains(&NotifyOn::Recoveries) && !fails.iter().any(|on| found.contains(on)) {
        let hint = "name `failures`, `refusals` or `changes`, too";
        reporter.report_with(node, "`recoveries` are told to who was told of what they end", hint);
    }
    (reporter.count() == before).then_some(found)
}

/// What a word of a closed list means.
fn word<T: Copy>(node: &Node<'_>, what: &str, known: &[(&str, T)], reporter: &mut Reporter<'_>) -> Option<T> {
    let given = get::text(node, what, reporter)?;
    let found = known.iter().find(|(word, _)| *word == given);
    if found.is_none() {
        let words = || known.iter().map(|(word, _)| *word);
        let hint = match did_you_mean(given, words()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", words().collect::<Vec<_>>().join(", ")),
        };
        reporter.report_with(node, format!("{what} cannot be {}", quoted(given)), hint);
    }
    found.map(|(_, meaning)| *meaning)
}
