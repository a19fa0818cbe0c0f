//! What runs beside the daemon's loop: the listener, the notifications, and the signs of life for a service manager.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    task::JoinHandle,
    time::{Instant, timeout_at},
};

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
/// How long the listener may take to end; it gives what is under way five seconds.
const LAST_ANSWERS: Duration = Duration::from_secs(6);

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

    /// Ends all of it, after the loop: all at once, and by this time whatever hangs.
    pub async fn end(self, by: Instant) {
        if let Some(watchdog) = self.watchdog {
            watchdog.abort();
        }
        self.stop.cancel();
        let left = |most: Duration| most.min(by.saturating_duration_since(Instant::now()));
        let listener = async {
            let Some(mut listener) = self.listener else { return };
            if timeout_at(Instant::now() + left(LAST_ANSWERS), &mut listener).await.is_err() {
                listener.abort();
                tracing::warn!("the listener did not end in time");
            }
        };
        let told = timeout_at(by, supervisor::tell(State::Stopping));
        let (_, (), ()) = tokio::join!(told, self.teller.close(left(tell::FLUSH)), listener);
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
    let options = serve::Options { token, open_metrics: *open_metrics, webhooks: hooks };
    let serving = serve::serve(bound, options, daemon.board(), daemon.records(), daemon.control(), stop);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::system_clock;

    #[tokio::test(start_paused = true)]
    async fn all_of_it_ends_by_one_time_whatever_hangs() {
        let teller = Arc::new(Teller::start(&[], Arc::default(), system_clock()));
        let listener = Some(tokio::spawn(std::future::pending()));
        let beside = Beside { listener, watchdog: None, teller, stop: Stop::new() };
        let begin = Instant::now();
        beside.end(begin + Duration::from_secs(1)).await;
        assert!(begin.elapsed() <= Duration::from_millis(1_100), "{:?}", begin.elapsed());
    }
}
