//! How old the files may be by which a target is looked at.
//!
//! A repository tells nobody that something was pushed, and a network file system nothing of what other machines write, so files
//! that are read once in an interval would let an end come that was put off long ago. And where a tree is broken, what may still
//! go depends on every byte of the files as they are now.

use std::{convert::Infallible, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::{Trigger, Triggers};
use crate::transport::Stop;

/// How old the files of a repository may be when a look begins.
const MAX_AGE: Duration = Duration::from_secs(30);
/// The same for a directory, where to see that nothing changed costs next to nothing.
const MAX_AGE_BESIDE: Duration = Duration::from_secs(1);
/// A repository's host is asked at most this often, whoever asks for it and however often. So the files of a repository may be
/// so old when a look begins to send: a reading may take hours, and what was pushed meanwhile may say that an entry stays.
const REST: Duration = Duration::from_secs(1);
/// How long the files are waited for before anything is sent: the lock of the target is held meanwhile, and what its rows count
/// for is reserved. A repository that keeps silent is given up after 30 s, and there may be a try under way already: neither
/// holds an end back that still counts then. Only a fetch, or a disk, that takes longer does.
const MAX_WAIT_TO_SEND: Duration = Duration::from_secs(75);

/// When the source was read last.
pub(super) struct Fresh {
    read_at: watch::Sender<Instant>,
    /// Whether the files are fetched from somewhere else.
    is_fetched: bool,
}

impl Fresh {
    /// The source was read when the daemon began.
    pub(super) fn new(read_at: Instant, is_fetched: bool) -> Self {
        Self { read_at: watch::Sender::new(read_at), is_fetched }
    }

    /// The files are as they were at this time; where the source could not be read: it is left alone since then.
    pub(super) fn was_read(&self, at: Instant) {
        self.read_at.send_replace(at);
    }

    /// Waits until the source may be read again. A directory may be at any time.
    pub(super) async fn may_be_read(&self) {
        let read_at = *self.read_at.borrow();
        if self.is_fetched {
            tokio::time::sleep_until(read_at + REST).await;
        }
    }

    /// Waits until the files are new enough for a look: within the limits of the source, which end every reading of it. Returns
    /// whether they are; otherwise a stop was asked for.
    pub(super) async fn wait(&self, triggers: &Triggers, is_broken: bool, stop: &Stop) -> bool {
        let max_age = if self.is_fetched { MAX_AGE } else { age_beside(is_broken) };
        self.wait_for(max_age, triggers, stop).await
    }

    /// The same before anything is sent, for a bounded time. Whether the files are others by then, the brake tells; where they are
    /// not new enough, nothing may be sent.
    pub(super) async fn wait_to_send(&self, triggers: &Triggers, is_broken: bool, stop: &Stop) -> bool {
        let max_age = if self.is_fetched { REST } else { age_beside(is_broken) };
        tokio::time::timeout(MAX_WAIT_TO_SEND, self.wait_for(max_age, triggers, stop)).await.unwrap_or(false)
    }

    /// Has the files read again and again while a look goes on, so that its brake tells soon of what was changed meanwhile.
    pub(super) async fn keep(&self, triggers: &Triggers, stop: &Stop) -> Infallible {
        loop {
            tokio::time::sleep(MAX_AGE).await;
            self.wait(triggers, false, stop).await;
        }
    }

    async fn wait_for(&self, max_age: Duration, triggers: &Triggers, stop: &Stop) -> bool {
        let now = Instant::now();
        let oldest = now.checked_sub(max_age).unwrap_or(now);
        let mut read_at = self.read_at.subscribe();
        if *read_at.borrow() >= oldest {
            return true;
        }
        triggers.refresh(Trigger::Source);
        tokio::select! {
            read = read_at.wait_for(|at| *at >= oldest) => read.is_ok(),
            () = stop.cancelled() => false,
        }
    }
}

fn age_beside(is_broken: bool) -> Duration {
    if is_broken { Duration::ZERO } else { MAX_AGE_BESIDE }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::serve::Board;

    fn triggers() -> Triggers {
        Triggers::new(Arc::new(Board::default()))
    }

    async fn asks(fresh: &Fresh, is_broken: bool) -> bool {
        let (triggers, stop) = (triggers(), Stop::new());
        let asked = async {
            triggers.next_reload().await;
            fresh.was_read(Instant::now());
        };
        tokio::select! {
            biased;
            is_fresh = fresh.wait(&triggers, is_broken, &stop) => { assert!(is_fresh); false }
            () = asked => true,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn old_files_of_a_repository_and_any_that_are_broken_are_read_anew() {
        let fresh = Fresh::new(Instant::now(), true);
        assert!(!asks(&fresh, false).await && !asks(&fresh, true).await);
        tokio::time::advance(MAX_AGE + Duration::from_secs(1)).await;
        assert!(asks(&fresh, false).await);
        assert!(!asks(&fresh, false).await, "they were read just now");
        let fresh = Fresh::new(Instant::now(), false);
        assert!(!asks(&fresh, false).await);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(!asks(&fresh, false).await, "they were read just now");
        assert!(asks(&fresh, true).await);
        tokio::time::advance(MAX_AGE_BESIDE + Duration::from_millis(1)).await;
        assert!(asks(&fresh, false).await, "nobody may tell of changes in a directory");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_goes_by_files_of_the_last_second_and_a_long_look_has_them_read_meanwhile() {
        let fresh = Fresh::new(Instant::now(), true);
        let (triggers, stop) = (triggers(), Stop::new());
        assert!(fresh.wait_to_send(&triggers, false, &stop).await);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert!(!asks(&fresh, false).await, "new enough to begin with");
        let asked = async {
            triggers.next_reload().await;
            fresh.was_read(Instant::now());
        };
        assert!(tokio::join!(fresh.wait_to_send(&triggers, false, &stop), asked).0);
        let began = Instant::now();
        let twice = async {
            for _ in 0..2 {
                triggers.next_reload().await;
                fresh.was_read(Instant::now());
            }
        };
        tokio::select! {
            () = twice => {}
            never = fresh.keep(&triggers, &stop) => match never {},
        }
        assert!(began.elapsed() <= 4 * MAX_AGE, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_waited_for_without_end_before_sending_and_then_the_files_are_not_new_enough() {
        let (triggers, stop) = (triggers(), Stop::new());
        for is_fetched in [true, false] {
            let (fresh, began) = (Fresh::new(Instant::now(), is_fetched), Instant::now());
            tokio::time::advance(Duration::from_secs(3)).await;
            assert!(!fresh.wait_to_send(&triggers, true, &stop).await, "nobody reads them");
            assert!(began.elapsed() <= 2 * MAX_WAIT_TO_SEND, "{:?}", began.elapsed());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_repository_is_left_alone_for_a_moment_and_a_directory_is_not() {
        let began = Instant::now();
        Fresh::new(began, false).may_be_read().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        let fresh = Fresh::new(began, true);
        fresh.may_be_read().await;
        assert_eq!(began.elapsed(), REST);
        fresh.may_be_read().await;
        assert_eq!(began.elapsed(), REST, "it was read a while ago");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_the_wait() {
        let (fresh, stop) = (Fresh::new(Instant::now(), false), Stop::new());
        tokio::time::advance(Duration::from_secs(1)).await;
        stop.cancel();
        assert!(!fresh.wait(&triggers(), true, &stop).await);
    }
}
