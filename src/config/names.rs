//! The names of the fields that the operator's file may have. What parses the file and what describes it as a JSON Schema
//! both read these tables.

use super::model::{NotifyOn, WebhookHost};
use crate::access::{Description, Kind, SelectField, Selectable};

/// Fields of the file.
pub const FILE: &[&str] =
    &["version", "policies", "people", "journal", "guards", "delegate", "targets", "freeze", "stop_file", "watch"];
/// Fields of `guards` over all targets.
pub const TOTAL_GUARDS: &[&str] = &["max_count_total"];
/// Fields of a delegation.
pub const DELEGATION: &[&str] = &["path", "target", "within"];
/// Fields of a freeze window.
pub const FREEZE: &[&str] = &["cron", "duration", "time_zone"];
/// Fields of `watch`.
pub const WATCH: &[&str] =
    &["interval", "files", "listen", "token", "metrics", "webhooks", "max_backoff", "grace", "notify"];
/// The words of `files`: the system tells of changes, or they are looked for again and again.
pub const FILES: &[&str] = &["events", POLL];
/// The word in `files` where changes are looked for.
pub const POLL: &str = "poll";
/// The words of `metrics`: for everybody who reaches the listener, or for the bearer of the token.
pub const METRICS: &[&str] = &[OPEN, "token"];
/// The word in `metrics` for everybody.
pub const OPEN: &str = "open";
/// Fields of an item of `webhooks`.
pub const WEBHOOK: &[&str] = &["from", "secret"];
/// The Git hosts whose webhooks are taken.
pub const WEBHOOK_HOSTS: &[(&str, WebhookHost)] = &[
    ("github", WebhookHost::GitHub),
    ("gitlab", WebhookHost::GitLab),
    ("gitea", WebhookHost::Gitea),
    ("bitbucket", WebhookHost::Bitbucket),
];
/// Fields of an item of `notify`: one of the first three, `secret` with `webhook`.
pub const NOTIFY: &[&str] = &["slack", "webhook", "command", "secret", "about"];
/// Those of them whose lines may be shown: an address may hold a secret in its path, a command in its arguments.
pub const SHOWN_NOTIFY: &[&str] = &["about"];
/// The words of `about`.
pub const NOTIFY_ABOUT: &[(&str, NotifyOn)] = &[
    ("changes", NotifyOn::Changes),
    ("revocations", NotifyOn::Revocations),
    ("refusals", NotifyOn::Refusals),
    ("failures", NotifyOn::Failures),
    ("recoveries", NotifyOn::Recoveries),
];
/// Fields that every target takes; a system adds its own and those that override its hosts.
pub const TARGET: &[&str] = &[
    "system",
    "credential",
    "account",
    "own",
    "must_see",
    "protected",
    "enforce",
    "guards",
    "may_open",
    "settle",
    "max_in_flight",
    "limits",
    "freeze",
    "interval",
    "ca_file",
    "allow_host",
];
/// The ways to name a credential, of which exactly one is taken.
pub const CREDENTIAL: &[&str] = &["env", "file", "command"];
/// Fields of a target's `guards`.
pub const GUARDS: &[&str] = &["max_share", "max_count", "keep_at_least", "notice", "max_clock_skew"];
/// Fields of `limits`.
pub const LIMITS: &[&str] = &["requests", "concurrency"];
/// The other name of a field that names people.
pub const USERS: &str = "users";
/// The word for every entry of a kind.
pub const ALL: &str = "all";
/// The word in `own` for a credential that is in no list of its system.
pub const UNLISTED: &str = "unlisted";
/// The word in `journal` for no journal beyond this run.
pub const EPHEMERAL: &str = "ephemeral";
/// Where the policies are, beside the file, where it does not say.
pub const DEFAULT_POLICIES: &str = "policies";
/// Where the journal is, beside the file, where it does not say.
pub const DEFAULT_JOURNAL: &str = ".portcullis/journal.db";
/// The version of the file.
pub const VERSION: u32 = 1;

/// Every field that a target of this system takes.
pub fn target_fields(description: &Description) -> Vec<&'static str> {
    let own = description.target_fields.iter().map(|field| field.name);
    let hosts = description.hosts.iter().map(|host| host.key);
    TARGET.iter().copied().chain(own).chain(hosts).collect()
}

/// What a selector of this kind may name. `groups` needs the people file, which this one does not know.
pub fn selector_fields(kind: &'static Kind) -> Vec<&'static str> {
    let selectable = Selectable::all(kind);
    let has_people = selectable.iter().any(is_person_field);
    let several = has_people.then_some(USERS);
    selectable.iter().map(|one| one.name).chain(several).collect()
}

/// Whether it is a field that names people, so that it may also be written [`USERS`].
pub fn is_person_field(selectable: &Selectable) -> bool {
    selectable.is_person && matches!(selectable.field, SelectField::Field(_))
}
