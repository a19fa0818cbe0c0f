//! Tells people what happens: Slack-compatible webhooks, signed webhooks, programs.
//!
//! The loop hands over [`News`] and goes on. Each receiver has a queue, a memory and a task of its own, so that one that is
//! slow or hangs delays neither another one nor the loop. What a receiver gets:
//!
//! - **Once.** News of a subject are told when the subject's state changes, not while it stays. The memory is in memory: after a
//!   restart, what still fails is told once more.
//! - **A recovery only after the failure.** Who was not told of the one is not told of the other.
//! - **Not too often.** [`BURST`] messages at once, then one every [`EVERY`]; what comes in between is merged into one message.
//! - **As far as it can be delivered.** A message is tried [`TRIES`] times within [`PATIENCE`], then it is given up, logged and
//!   counted. It does not count as told, so that the next news of the same state are.
//!
//! Nothing here decides what happens to an entry, and nothing that a receiver answers is believed.

mod bucket;
mod delivery;
mod document;
mod inbox;
mod program;
mod receiver;
mod slack;
#[cfg(test)]
mod tests;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::task::JoinHandle;

use self::receiver::Receiver;
use super::{News, Tell};
use crate::{apply::Clock, config::Notify, serve::Board};

pub use delivery::{SIGNATURE, signature};
pub use document::DOCUMENT_VERSION;

/// Messages that a receiver gets without a pause between them.
pub const BURST: u32 = 5;
/// How long it takes until a receiver may get a further message.
pub const EVERY: Duration = Duration::from_secs(10);
/// How often a message is tried.
pub const TRIES: u32 = 5;
/// How long a message is tried, pauses included; a try that is under way ends by its own deadline.
pub const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// The largest first pause between tries; each further one doubles.
pub const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// How long one try may take: following a reference to its secret, and sending.
pub const ATTEMPT: Duration = Duration::from_secs(60);
/// News that wait for one receiver; of more the oldest are dropped, and counted.
pub const QUEUE: usize = 256;
/// How long a stop waits for what has not been told yet.
pub const FLUSH: Duration = Duration::from_secs(5);

/// Tells every receiver what concerns it.
pub struct Teller {
    board: Arc<Board>,
    clock: Clock,
    running: Mutex<Vec<Running>>,
    /// Who still has to be told at the end.
    closing: Mutex<Vec<Arc<Receiver>>>,
}

struct Running {
    receiver: Arc<Receiver>,
    task: JoinHandle<()>,
}

impl Teller {
    /// Begins with these receivers. What is sent, fails or is dropped is counted on the board. Has to be called in a runtime.
    pub fn start(notify: &[Notify], board: Arc<Board>, clock: Clock) -> Self {
        let teller = Self { board, clock, running: Mutex::default(), closing: Mutex::default() };
        teller.set_receivers(notify);
        teller
    }

    /// Tells these receivers from now on. One that is the same as before keeps its queue and its memory. Where another one
    /// stands in the place of one that is gone, as after a slip in it was mended, it is told what that one was not told yet; what
    /// nobody takes over is given up, logged and counted.
    pub fn set_receivers(&self, notify: &[Notify]) {
        let mut running = self.lock();
        let mut before = std::mem::take(&mut *running);
        let kept: Vec<Option<Running>> = notify
            .iter()
            .map(|one| before.iter().position(|known| known.receiver.is(one)).map(|at| before.swap_remove(at)))
            .collect();
        before.iter().for_each(|gone| gone.task.abort());
        for (index, (one, kept)) in notify.iter().zip(kept).enumerate() {
            let place = index + 1;
            if let Some(kept) = &kept {
                kept.receiver.moved(place);
            }
            let one = kept.unwrap_or_else(|| {
                let receiver = Receiver::new(one, place);
                if let Some(gone) = before.iter().find(|gone| gone.receiver.place() == place) {
                    receiver.inherit(&gone.receiver, self.board.meters());
                }
                self.run(receiver)
            });
            one.receiver.expect(self.board.meters());
            running.push(one);
        }
        before.iter().for_each(|gone| gone.receiver.given_up(self.board.meters()));
    }

    /// Hands news over to every receiver that they concern. Never waits.
    pub fn tell(&self, news: News) {
        for one in self.lock().iter() {
            one.receiver.offer(&news, self.board.meters());
        }
    }

    /// Ends: what still waits is sent at once, merged and tried once more; what is not delivered within this time is given up
    /// and logged. News that come later are told to nobody.
    pub async fn close(&self, within: Duration) {
        let running = std::mem::take(&mut *self.lock());
        let closing = running.iter().map(|one| Arc::clone(&one.receiver));
        self.closing.lock().unwrap_or_else(PoisonError::into_inner).extend(closing);
        running.iter().for_each(|one| one.receiver.close());
        let deadline = tokio::time::Instant::now() + within;
        for mut one in running {
            if tokio::time::timeout_at(deadline, &mut one.task).await.is_err() {
                one.task.abort();
                one.receiver.given_up(self.board.meters());
            }
        }
    }

    /// How many news somebody was not told yet.
    pub fn untold(&self) -> usize {
        let closing = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting: usize = self.lock().iter().map(|one| one.receiver.untold()).sum();
        waiting + closing.iter().map(|receiver| receiver.untold()).sum::<usize>()
    }

    fn run(&self, receiver: Receiver) -> Running {
        let receiver = Arc::new(receiver);
        let task = receiver::run(Arc::clone(&receiver), Arc::clone(&self.board), Arc::clone(&self.clock));
        Running { receiver, task: tokio::spawn(task) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tell for Teller {
    fn tell(&self, news: News) {
        Self::tell(self, news);
    }

    fn set_receivers(&self, notify: &[Notify]) {
        Self::set_receivers(self, notify);
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.lock().iter().for_each(|one| one.task.abort());
    }
}

impl std::fmt::Debug for Teller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teller").field("receivers", &self.lock().len()).finish_non_exhaustive()
    }
}
