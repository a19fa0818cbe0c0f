//! Ctrl-C and SIGTERM: the first stops sending, further ones say what is waited for.
//!
//! Nothing is ever dropped in flight: an outcome that nobody waits for has to be found out by the next run's reading.

use super::{
    failure::{Failure, Result},
    terminal::say,
};
use crate::transport::Stop;

/// Listens until the process ends. The returned token is pulled by the first signal.
///
/// # Errors
/// The system does not let signals be listened for.
pub fn listen() -> Result<Stop> {
    listen_while(|| Some("what is in flight"))
}

/// Listens until the process ends. Further signals say what is waited for, where that is anything: one that goes to a whole
/// group of processes is often sent once more by their parent.
///
/// # Errors
/// The system does not let signals be listened for.
pub fn listen_while(awaited: impl Fn() -> Option<&'static str> + Send + 'static) -> Result<Stop> {
    let stop = Stop::new();
    let mut signals = Signals::new().map_err(|error| Failure::while_doing("signals cannot be listened for", &error))?;
    let pulled = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        pulled.cancel();
        say("Stopping: nothing new is sent; what is in flight is waited for, then reported.");
        loop {
            signals.next().await;
            if let Some(awaited) = awaited() {
                say(&format!("Still waiting for {awaited}."));
            }
        }
    });
    Ok(stop)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! { _ = self.interrupt.recv() => {}, _ = self.terminate.recv() => {} }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
