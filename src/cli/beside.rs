//! What runs beside the daemon's loop: the listener, the notifications, and the signs of life for a service manager.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::Instant};

use super::{
    failure::{Failure, Result},
    listening::Listening,
    terminal::say,
};
use crate::{
    config::Config,
    serve::{self, Board, Health, Late},
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
/// How often it is said, while the first tree is read, that this takes its time.
const STARTING_BEAT: Duration = Duration::from_secs(10);
/// How much time that asks of the service manager.
const STARTING_GRACE: Duration = Duration::from_secs(60);

/// The listener, from before the first tree is read.
pub struct Listener {
    serving: JoinHandle<()>,
    address: SocketAddr,
    listening: Listening,
    late: Arc<Late>,
    stop: Stop,
}

impl Listener {
    /// Takes the port and serves: health, and for everything else that the first tree is not loaded yet.
    ///
    /// # Errors
    /// The port is taken, or a secret of the listener cannot be had.
    pub async fn start(config: &Config, typed: Option<SocketAddr>, board: Arc<Board>) -> Result<Self> {
        let listening = Listening::begin(config, typed, Arc::clone(&board)).await?;
        let (door, stop, late) = (listening.door(), Stop::new(), Arc::new(Late::default()));
        let bound = serve::bind(listening.address(), door.options().token.as_ref()).await;
        let bound = bound.map_err(|error| Failure::new(error.to_string()))?;
        let address = bound.address();
        tracing::info!(%address, "listening; the first tree is not loaded yet");
        let serving = serve::serve(bound, door, board, Arc::clone(&late) as _, Arc::clone(&late) as _, stop.clone());
        Ok(Self { serving: tokio::spawn(serving), address, listening, late, stop })
    }
}

/// Says again and again that the daemon still begins. Never ends.
pub async fn starting(board: &Board) {
    let mut beat = tokio::time::interval(STARTING_BEAT);
    loop {
        beat.tick().await;
        board.beat();
        supervisor::tell(State::Starting(STARTING_GRACE)).await;
    }
}

/// What runs beside the loop.
pub struct Beside {
    listener: Option<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
    watchdog: Option<JoinHandle<()>>,
    /// Tells the service manager how many targets are in sync.
    status: Option<JoinHandle<()>>,
    teller: Arc<Teller>,
    /// Of the listener, which goes on while the loop ends.
    stop: Stop,
}

impl Beside {
    /// Starts the rest of it, before the first look.
    pub async fn start(daemon: &Daemon, listener: Option<Listener>, teller: Arc<Teller>) -> Self {
        let board = daemon.board();
        let watchdog = supervisor::watchdog(move || board.since_beat() < SILENCE);
        let Some(Listener { serving, address, listening, late, stop }) = listener else {
            let status = ready(daemon.board(), "serving nothing".to_owned()).await;
            return Self { listener: None, keeper: None, watchdog, status, teller, stop: Stop::new() };
        };
        late.begin(daemon.control(), daemon.records());
        let keeper = tokio::spawn(listening.keep(daemon.configs(), stop.clone()));
        say(&format!("Serving http://{address}/"));
        let status = ready(daemon.board(), format!("serving http://{address}/")).await;
        Self { listener: Some(serving), keeper: Some(keeper), watchdog, status, teller, stop }
    }

    /// Ends all of it, after the loop: what was not told yet and who was not answered yet have until then, and little more
    /// than nothing where that is over.
    pub async fn end(self, by: Instant) {
        for telling in [self.watchdog, self.status].into_iter().flatten() {
            telling.abort();
        }
        self.stop.cancel();
        if let Some(keeper) = self.keeper {
            // What it may be waiting for is a command that gives a secret.
            keeper.abort();
        }
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

/// Tells the service manager that the daemon serves, and from then on how it is.
async fn ready(board: Arc<Board>, serving: String) -> Option<JoinHandle<()>> {
    let says = move || status(&board, &serving);
    let now = says();
    supervisor::tell(State::Ready(now.clone())).await;
    supervisor::follow(now, says)
}

/// What the daemon says of itself in one line.
fn status(board: &Board, serving: &str) -> String {
    let targets = board.targets();
    let in_sync = targets.values().filter(|view| view.health == Health::InSync).count();
    let stopped = if board.pause().is_some() { "; all writing is stopped" } else { "" };
    format!("{serving}; {in_sync} of {} targets in sync{stopped}", targets.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::system_clock;

    #[tokio::test(start_paused = true)]
    async fn all_of_it_ends_by_one_time_whatever_hangs() {
        let teller = Arc::new(Teller::start(&[], Arc::default(), system_clock()));
        let listener = Some(tokio::spawn(std::future::pending()));
        let beside = Beside { listener, keeper: None, watchdog: None, status: None, teller, stop: Stop::new() };
        let begin = Instant::now();
        beside.end(begin + Duration::from_secs(1)).await;
        assert!(begin.elapsed() <= Duration::from_millis(1_100), "{:?}", begin.elapsed());
    }
}
