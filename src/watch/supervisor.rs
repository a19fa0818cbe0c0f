//! Tells the service manager (systemd, or one that imitates it) how the daemon is, by `sd_notify`.
//!
//! Without `NOTIFY_SOCKET` in the environment nothing happens. What is said is one datagram; a service manager that does not
//! take it is not waited for longer than 2 seconds, and never stops the daemon.

use std::{io, thread, time::Duration};

use sd_notify::NotifyState;
use tokio::{
    sync::{Mutex, oneshot},
    task::JoinHandle,
};

use crate::plan::render::neutral;

/// How long a datagram may take.
const WAIT: Duration = Duration::from_secs(2);
/// How often is looked whether what it says of itself is still true.
const STATUS_LOOK: Duration = Duration::from_secs(2);
/// The shortest time between two signs of life.
const SHORTEST_BEAT: Duration = Duration::from_millis(10);

/// What the service manager is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The daemon serves: with what it says of itself.
    Ready(String),
    /// It still begins, and wants so much more time for that.
    Starting(Duration),
    /// What it says of itself, in one line.
    Status(String),
    /// It ends.
    Stopping,
}

/// Tells the service manager. Goes on without it where it does not listen.
pub async fn tell(state: State) {
    send(move || {
        let status = |text: &str| neutral::sentence(text);
        match &state {
            State::Ready(text) => sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status(text))]),
            State::Starting(more) => sd_notify::notify(&[
                NotifyState::ExtendTimeoutUsec(u32::try_from(more.as_micros()).unwrap_or(u32::MAX)),
                NotifyState::Status("reading the first tree"),
            ]),
            State::Status(text) => sd_notify::notify(&[NotifyState::Status(&status(text))]),
            State::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        }
    })
    .await;
}

/// Where the service manager wants signs of life (`WATCHDOG_USEC`), gives one twice in that time as long as the loop lives;
/// `None` where it wants none. A daemon that hangs gives none, and is restarted. Ends when the handle is aborted.
pub fn watchdog(is_alive: impl Fn() -> bool + Send + 'static) -> Option<JoinHandle<()>> {
    let within = sd_notify::watchdog_enabled()?;
    Some(tokio::spawn(beat((within / 2).max(SHORTEST_BEAT), is_alive)))
}

/// Tells what the daemon says of itself whenever that is another thing than was `told` last, so that `systemctl status` shows it;
/// `None` without a service manager. Ends when the handle is aborted.
pub fn follow(told: String, says: impl Fn() -> String + Send + 'static) -> Option<JoinHandle<()>> {
    std::env::var_os("NOTIFY_SOCKET")?;
    Some(tokio::spawn(keep_telling(STATUS_LOOK, told, says)))
}

async fn keep_telling(every: Duration, mut told: String, says: impl Fn() -> String + Send + 'static) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = says();
        if now != told {
            told.clone_from(&now);
            tell(State::Status(now)).await;
        }
    }
}

async fn beat(every: Duration, is_alive: impl Fn() -> bool + Send + 'static) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut was_alive = true;
    loop {
        ticks.tick().await;
        let alive = is_alive();
        if alive {
            send(|| sd_notify::notify(&[NotifyState::Watchdog])).await;
        } else if was_alive {
            tracing::error!("the loop does not answer; the service manager gets no sign of life until it does");
        }
        was_alive = alive;
    }
}

/// One datagram at a time: a service manager that hangs costs one thread.
static TURN: Mutex<()> = Mutex::const_new(());

// On a thread of its own: one that hangs must not take a worker with it, and a sign of life must not wait behind names that are
// looked up.
async fn send(what: impl FnOnce() -> io::Result<()> + Send + 'static) {
    let sending = async {
        let turn = TURN.lock().await;
        let (done, ended) = oneshot::channel();
        thread::Builder::new().name("service-manager".into()).spawn(move || {
            let _turn = turn;
            // Nobody waits any more where it took too long.
            drop(done.send(what()));
        })?;
        ended.await.map_err(io::Error::other)?
    };
    match tokio::time::timeout(WAIT, sending).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!("the service manager cannot be told (NOTIFY_SOCKET): {error}"),
        Err(_) => tracing::warn!("the service manager does not listen (NOTIFY_SOCKET)"),
    }
}

#[cfg(test)]
#[path = "supervisor_tests.rs"]
mod tests;
