//! What the operator's file says, as plain data.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::SignedDuration;
use url::Url;

use crate::access::{AuthStyle, Description, Kind, RequestRate, Selectors, Text};

/// The operator's file.
#[derive(Debug)]
pub struct Config {
    /// Where it stands; paths in it are relative to its directory and are already joined.
    pub path: PathBuf,
    /// The policy root.
    pub policies: PathBuf,
    /// The people file, where there is one.
    pub people: Option<PathBuf>,
    /// The journal.
    pub journal: JournalPlace,
    /// Guards over all targets.
    pub max_count_total: u32,
    /// What each path of the policy tree may act on; empty: every file may do all.
    pub delegate: Vec<Delegation>,
    /// The targets by name.
    pub targets: BTreeMap<Text, Target>,
    /// Freeze windows of all targets.
    pub freeze: Vec<FreezeWindow>,
    /// A file whose existence stops all writing.
    pub stop_file: Option<PathBuf>,
    /// Settings of the daemon.
    pub watch: WatchSettings,
}

/// Where the journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalPlace {
    /// A SQLite file.
    File(PathBuf),
    /// Said by the operator: this run only, in memory.
    Ephemeral,
}

/// What files below a path may act on.
#[derive(Debug)]
pub struct Delegation {
    /// A glob over paths below the policy root: `data/**`.
    pub path: String,
    /// The target.
    pub target: Text,
    /// Per kind, what a file there may act on.
    pub within: Vec<(&'static Kind, Selectors)>,
}

/// One account at a system.
#[derive(Debug)]
pub struct Target {
    /// Its name.
    pub name: Text,
    /// Its system.
    pub description: &'static Description,
    /// The system's own target fields, each as a list of texts.
    pub fields: BTreeMap<&'static str, Vec<Text>>,
    /// Base address by host name; every host of the description is here.
    pub hosts: BTreeMap<&'static str, Url>,
    /// How the credential is sent.
    pub auth: AuthStyle,
    /// Where the credential comes from.
    pub credential: CredentialRef,
    /// A private certificate authority to trust besides the platform's, a PEM file.
    pub ca_file: Option<PathBuf>,
    /// The operator's label for systems that cannot tell who they are, or the account id to pin.
    pub account: Option<Text>,
    /// What Portcullis and its pipeline live on, by kind.
    pub own: Vec<(&'static Kind, OwnList)>,
    /// What every complete reading has to contain.
    pub must_see: Vec<(&'static Kind, Selectors)>,
    /// What is never removed.
    pub protected: Vec<(&'static Kind, Selectors)>,
    /// The kinds that may be changed; the others are observed.
    pub enforce: Vec<&'static Kind>,
    /// Its guards.
    pub guards: Guards,
    /// Ids or domains of gateways that may be opened.
    pub may_open: Vec<Text>,
    /// How long an unknown outcome is read for. Default 2 minutes.
    pub settle: SignedDuration,
    /// How long a removal may be in flight before it counts as failed. Default 7 days.
    pub max_in_flight: SignedDuration,
    /// Its rate and concurrency.
    pub limits: RequestLimits,
    /// Freeze windows of this target besides the common ones.
    pub freeze: Vec<FreezeWindow>,
    /// How often the daemon looks.
    pub interval: Option<SignedDuration>,
}

/// The operator's list of own entries of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnList {
    /// These; each must be seen live.
    Listed(Selectors),
    /// The own credential is in no list of this system (`unlisted`).
    Unlisted,
}

/// Where a credential comes from. Never the credential itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialRef {
    /// An environment variable.
    Env(String),
    /// A file that not everyone can read.
    File {
        /// Where it is.
        path: PathBuf,
        /// Whether it may be shown: a text without `/` could be the credential itself.
        shown: bool,
    },
    /// A program and its arguments, run with a cleared environment; its standard output is the credential.
    Command(Vec<String>),
}

/// A target's guards. A figure that is left out has its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guards {
    /// The largest share of entries in 24 hours, in percent. Default 25.
    pub max_share_percent: u32,
    /// The largest number of removals in 24 hours, by weight. Default 50.
    pub max_count: u32,
    /// How many live entries of a kind (and of each floor group) have to remain. Default 1; 0 lifts the floor.
    pub keep_at_least: u32,
    /// How long an undeclared entry waits unattended. Default 20 hours.
    pub notice: SignedDuration,
    /// How far our clock may be off the vendor's. Default 5 minutes.
    pub max_clock_skew: SignedDuration,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            max_share_percent: 25,
            max_count: 50,
            keep_at_least: 1,
            notice: SignedDuration::from_hours(20),
            max_clock_skew: SignedDuration::from_mins(5),
        }
    }
}

/// How fast a target may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Requests in a time.
    pub requests: RequestRate,
    /// Requests at once.
    pub concurrency: u32,
}

/// A time in which nothing is revoked (with the daemon).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeWindow {
    /// When it begins, five cron fields.
    pub cron: String,
    /// How long it lasts.
    pub duration: SignedDuration,
    /// Its IANA time zone.
    pub time_zone: String,
}

/// Settings of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchSettings {
    /// How often each target is looked at, unless the target says otherwise. Default 5 minutes.
    pub interval: SignedDuration,
    /// Whether changes of files are looked for again and again, and not told by the system: a network file system tells nobody of
    /// what another machine writes.
    pub poll_files: bool,
    /// Where the listener is. Default 127.0.0.1:9464.
    pub listen: std::net::SocketAddr,
    /// The bearer token of the listener; without one it serves loopback only.
    pub token: Option<CredentialRef>,
    /// Whether `/metrics` is open to everybody who reaches the listener.
    pub open_metrics: bool,
    /// Git hosts that may say "look again".
    pub webhooks: Vec<Webhook>,
    /// The longest pause after failures. Default 15 minutes.
    pub max_backoff: SignedDuration,
    /// How long a stop waits for what is in flight. Default 25 seconds.
    pub grace: SignedDuration,
    /// Who is told.
    pub notify: Vec<Notify>,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            interval: SignedDuration::from_mins(5),
            poll_files: false,
            listen: std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 9464)),
            token: None,
            open_metrics: false,
            webhooks: Vec::new(),
            max_backoff: SignedDuration::from_mins(15),
            grace: SignedDuration::from_secs(25),
            notify: Vec::new(),
        }
    }
}

/// A Git host whose push webhooks are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// How it signs.
    pub from: WebhookHost,
    /// The shared secret.
    pub secret: CredentialRef,
}

/// How a Git host proves that a webhook is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WebhookHost {
    /// `X-Hub-Signature-256`: HMAC-SHA-256 over the body.
    GitHub,
    /// `X-Gitlab-Token`: the secret itself.
    GitLab,
    /// `X-Gitea-Signature`: HMAC-SHA-256 over the body, of Gitea and Forgejo.
    Gitea,
    /// `X-Hub-Signature`: HMAC-SHA-256 over the body, of Bitbucket.
    Bitbucket,
}

/// Somebody who is told what happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// How.
    pub to: NotifyTo,
    /// Of what (`about` in the file: `on` is a truth value to some readers of YAML); empty: of everything.
    pub on: Vec<NotifyOn>,
}

/// How somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotifyTo {
    /// A webhook that takes Slack's messages; its address is a secret.
    Slack {
        /// The address.
        url: CredentialRef,
    },
    /// A webhook of the operator's, signed with HMAC-SHA-256.
    Webhook {
        /// The address.
        url: Url,
        /// The shared secret.
        secret: CredentialRef,
    },
    /// A program that gets the message as JSON on its standard input.
    Command(Vec<String>),
}

/// What somebody is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotifyOn {
    /// A target went out of sync, or differs in another way.
    Changes,
    /// Revocations were sent.
    Revocations,
    /// A guard refused.
    Refusals,
    /// A target, the policies, the source or the journal fails.
    Failures,
    /// What failed works again.
    Recoveries,
}
