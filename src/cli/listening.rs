//! What the listener goes by: the configuration in force, and the secrets that it refers to, followed anew again and again.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;

use super::failure::{Failure, Result};
use crate::{
    config::{Config, CredentialRef, WatchSettings, WebhookHost},
    run::credential::{self, Whose},
    serve::{self, Board, Door, ListenerView, Options, webhook, webhook::GitHost},
    transport::Stop,
};

/// How often the references are followed anew, so that a secret that was changed in its place counts.
const FOLLOW: Duration = Duration::from_secs(60);
/// How long a secret that cannot be had just now stays valid, where the same reference gave it before: whoever replaces a file
/// must not lock everybody out, and whoever takes a secret away must not wait long.
const KEPT: Duration = Duration::from_secs(5 * 60);

/// What follows where nothing is valid.
const SHUT: &str = "nobody is let in by it";
/// What follows within [`KEPT`].
const STAYS: &str = "the one before stays valid for 5 minutes at most";

/// What the listener goes by.
pub struct Listening {
    address: SocketAddr,
    /// What `listen:` said at the start; `None` where the command line decides.
    configured: Option<SocketAddr>,
    door: Arc<Door>,
    board: Arc<Board>,
    token: Option<Kept>,
    hooks: Vec<(GitHost, Option<Kept>)>,
}

/// A secret as it was had last.
struct Kept {
    from: CredentialRef,
    secret: SecretString,
    /// Since when its reference gives nothing.
    missing: Option<Instant>,
}

/// What is wrong with a secret, and what to do.
struct Lacking {
    what: String,
    /// What that means while the listener serves.
    then: &'static str,
    advice: String,
}

impl Listening {
    /// Follows all references for the first time.
    ///
    /// # Errors
    /// A secret that cannot be had or is too short, or an address that needs a token.
    pub async fn begin(config: &Config, typed: Option<SocketAddr>, board: Arc<Board>) -> Result<Self> {
        let address = typed.unwrap_or(config.watch.listen);
        let configured = typed.is_none().then_some(address);
        let door = Arc::default();
        let mut listening = Self { address, configured, door, board, token: None, hooks: Vec::new() };
        let (options, lacking) = listening.options(&config.watch, Instant::now()).await;
        if let Some(Lacking { what, advice, .. }) = lacking.into_iter().next() {
            let failure = Failure::new(what);
            return Err(if advice.is_empty() { failure } else { failure.hint(advice) });
        }
        listening.door.change(options);
        Ok(listening)
    }

    /// Where to listen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the listener asks.
    pub fn door(&self) -> Arc<Door> {
        Arc::clone(&self.door)
    }

    /// Follows every configuration that is taken, and the references of the one in force every minute.
    pub async fn keep(mut self, mut configs: watch::Receiver<Arc<Config>>, stop: Stop) {
        loop {
            let config = Arc::clone(&configs.borrow_and_update());
            self.follow(&config, Instant::now()).await;
            tokio::select! {
                () = stop.cancelled() => return,
                changed = configs.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(FOLLOW) => {}
            }
        }
    }

    /// Goes by this configuration from now on.
    async fn follow(&mut self, config: &Config, now: Instant) {
        let (options, lacking) = self.options(&config.watch, now).await;
        let told = |Lacking { what, then, advice }| match advice.as_str() {
            "" => format!("{what}; {then}"),
            advice => format!("{what}; {then}: {advice}"),
        };
        let mut problems: Vec<String> = lacking.into_iter().map(told).collect();
        if self.configured.is_some_and(|begun| begun != config.watch.listen) {
            problems.push(format!(
                "`listen:` says {} now, and it listens on {} until the daemon is started again: restart it",
                config.watch.listen, self.address
            ));
        }
        let before = self.door.options();
        let exposed = |secret: &Option<SecretString>| {
            secret.as_ref().map(|secret| secret.expose_secret().to_owned()).map(zeroize::Zeroizing::new)
        };
        if exposed(&before.token) != exposed(&options.token) {
            tracing::info!("the token of the listener changed");
        }
        self.door.change(options);
        let known = self.board.listener();
        if known.problems != problems {
            for problem in &problems {
                tracing::error!(%problem, "the listener does not go by its configuration");
            }
            if problems.is_empty() {
                tracing::info!("the listener goes by its configuration again");
            }
            self.board.set_listener(ListenerView { problems });
        }
    }

    /// How callers are to be treated, and what of the configuration cannot be in force.
    async fn options(&mut self, settings: &WatchSettings, now: Instant) -> (Options, Vec<Lacking>) {
        let mut lacking = Vec::new();
        let mut note = |found: (Option<SecretString>, Option<Lacking>)| {
            lacking.extend(found.1);
            found.0
        };
        let address = self.address;
        let fits = |token: Option<&SecretString>| serve::fits(address, token).map_err(|error| error.to_string());
        let token = match &settings.token {
            Some(from) => note(had(&mut self.token, "token", from, |token| fits(Some(token)), now).await),
            None => {
                self.token = None;
                None
            }
        };
        let mut locked = settings.token.is_some() && token.is_none();
        if settings.token.is_none()
            && let Err(what) = fits(None)
        {
            locked = true;
            note((None, Some(Lacking { what, then: SHUT, advice: String::new() })));
        }
        let mut hooks = std::mem::take(&mut self.hooks);
        let mut webhooks = Vec::new();
        for one in &settings.webhooks {
            let host = git_host(one.from);
            let known = hooks.iter_mut().find(|(known, _)| *known == host);
            let mut kept = known.and_then(|(_, kept)| kept.take());
            let long_enough = |secret: &SecretString| match secret.expose_secret().len() {
                length if length < webhook::MIN_SECRET_BYTES => Err(format!(
                    "the secret of the webhook of {} has {length} bytes: take one of at least {} (`openssl rand -hex 32` makes one)",
                    host.name(),
                    webhook::MIN_SECRET_BYTES
                )),
                _ => Ok(()),
            };
            let secret = note(had(&mut kept, "webhooks: secret", &one.secret, long_enough, now).await);
            webhooks.extend(secret.map(|secret| (host, secret)));
            self.hooks.push((host, kept));
        }
        (Options { token, locked, open_metrics: settings.open_metrics, webhooks }, lacking)
    }
}

/// The secret of a reference, or for a while the one that it gave before; and why it gives none.
async fn had(
    kept: &mut Option<Kept>,
    field: &str,
    from: &CredentialRef,
    fits: impl Fn(&SecretString) -> std::result::Result<(), String>,
    now: Instant,
) -> (Option<SecretString>, Option<Lacking>) {
    let found = match credential::resolve(Whose::Watch(field), from).await {
        Ok(secret) => {
            fits(&secret).map(|()| secret).map_err(|what| Lacking { what, then: SHUT, advice: String::new() })
        }
        Err(error) => Err(Lacking { what: error.to_string(), then: SHUT, advice: error.advice }),
    };
    let lacking = match found {
        Ok(secret) => {
            *kept = Some(Kept { from: from.clone(), secret: secret.clone(), missing: None });
            return (Some(secret), None);
        }
        Err(lacking) => lacking,
    };
    if let Some(known) = kept.as_mut().filter(|known| known.from == *from) {
        let since = *known.missing.get_or_insert(now);
        if now.saturating_duration_since(since) < KEPT {
            return (Some(known.secret.clone()), Some(Lacking { then: STAYS, ..lacking }));
        }
    }
    *kept = None;
    (None, Some(lacking))
}

fn git_host(from: WebhookHost) -> GitHost {
    match from {
        WebhookHost::GitHub => GitHost::GitHub,
        WebhookHost::GitLab => GitHost::GitLab,
        WebhookHost::Gitea => GitHost::Gitea,
        WebhookHost::Bitbucket => GitHost::Bitbucket,
    }
}

#[cfg(test)]
#[path = "listening_tests.rs"]
mod tests;
