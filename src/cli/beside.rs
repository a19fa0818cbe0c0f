//! What runs beside the daemon's loop: the listener, the notifications, and the signs of life for a service manager.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::Instant};

use super::{
    failure::{Failure, Result},
    terminal::say,
};
use crate::{
    config::{CredentialRef, WatchSettings, WebhookHost},
    run::credential::{self, Whose},
    serve::{self, Board, webhook::GitHost},
    transport::Stop,
    watch::{
        Daemon,
        supervisor::{self, State},
        tell::{self, Teller},
    },
};

/// The loop says every few seconds that it lives; after this long a service manager may take it for dead.
const SILENCE: Duration = Duration::from_secs(60);
/// What there always is for last words.
const LEAST: Duration = Duration::from_millis(200);

/// What runs beside the loop.
pub struct Beside {
    listener: Option<JoinHandle<()>>,
    watchdog: Option<JoinHandle<()>>,
    teller: Arc<Teller>,
    /// Of the listener, which goes on while the loop ends.
    stop: Stop,
}

impl Beside {
    /// Starts all of it, before the first look.
    ///
    /// # Errors
    /// The port is taken, or a secret of the listener cannot be had.
    pub async fn start(daemon: &Daemon, listen: Option<SocketAddr>, teller: Arc<Teller>) -> Result<Self> {
        let stop = Stop::new();
        let board = daemon.board();
        let (listener, status) = match listen {
            Some(address) => {
                let (listener, address) = listener(daemon, address, stop.clone()).await?;
                say(&format!("Serving http://{address}/"));
                (Some(listener), format!("serving http://{address}/"))
            }
            None => (None, "serving nothing".to_owned()),
        };
        supervisor::tell(State::Ready(status)).await;
        Ok(Self { listener, watchdog: watchdog(board), teller, stop })
    }

    /// Ends all of it, after the loop: what was not told yet and who was not answered yet have until then, and little more
    /// than nothing where that is over.
    pub async fn end(self, by: Instant) {
        if let Some(watchdog) = self.watchdog {
            watchdog.abort();
        }
        self.stop.cancel();
        let left = by.saturating_duration_since(Instant::now()).max(LEAST);
        let answered = async {
            if let Some(listener) = self.listener
                && tokio::time::timeout(left, listener).await.is_err()
            {
                tracing::warn!("the listener did not end in time");
            }
        };
        tokio::join!(self.teller.close(left.min(tell::FLUSH)), answered);
    }
}

fn watchdog(board: Arc<Board>) -> Option<JoinHandle<()>> {
    supervisor::watchdog(move || board.since_beat() < SILENCE)
}

async fn listener(daemon: &Daemon, address: SocketAddr, stop: Stop) -> Result<(JoinHandle<()>, SocketAddr)> {
    let config = daemon.config();
    let WatchSettings { token, open_metrics, webhooks, .. } = &config.watch;
    let token = match token {
        Some(from) => Some(secret("token", from).await?),
        None => None,
    };
    let mut hooks = Vec::new();
    for one in webhooks {
        let host = git_host(one.from);
        hooks.push((host, secret("webhooks: secret", &one.secret).await?));
    }
    let bound = serve::bind(address, token.as_ref()).await.map_err(|error| Failure::new(error.to_string()))?;
    let address = bound.address();
    let options = serve::Options { token, open_metrics: *open_metrics, webhooks: hooks, ..Default::default() };
    let serving = serve::serve(
        bound,
        Arc::new(serve::Door::new(options)),
        daemon.board(),
        daemon.records(),
        daemon.control(),
        stop,
    );
    Ok((tokio::spawn(serving), address))
}

async fn secret(field: &str, from: &CredentialRef) -> Result<secrecy::SecretString> {
    let found = credential::resolve(Whose::Watch(field), from).await;
    found.map_err(|error| Failure::new(error.to_string()).hint(error.advice))
}

fn git_host(from: WebhookHost) -> GitHost {
    match from {
        WebhookHost::GitHub => GitHost::GitHub,
        WebhookHost::GitLab => GitHost::GitLab,
        WebhookHost::Gitea => GitHost::Gitea,
        WebhookHost::Bitbucket => GitHost::Bitbucket,
    }
}
