//! The pause that a person set at a daemon, as the journal tells it: it stops every process that sends by this journal.

use std::{
    convert::Infallible,
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    apply::Clock,
    journal::{Journal, JournalError, Paused},
};

/// How often the journal is asked while something is sent.
const EVERY: Duration = Duration::from_secs(1);

/// What the journal says of a pause, asked again and again while a run sends.
pub(super) struct PauseSwitch<'a> {
    journal: &'a Journal,
    clock: &'a Clock,
    /// Whether a person said that this run passes it.
    is_passed: bool,
    why: Mutex<Option<String>>,
}

impl<'a> PauseSwitch<'a> {
    /// Of which nothing is known yet.
    pub(super) fn new(journal: &'a Journal, clock: &'a Clock, is_passed: bool) -> Self {
        Self { journal, clock, is_passed, why: Mutex::default() }
    }

    /// Asks the journal, and returns what was set last, be it over or not; nothing where it is passed. Whether it is paused has to
    /// be known before anything is sent.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub(super) async fn look(&self) -> Result<Option<Paused>, JournalError> {
        if self.is_passed {
            return Ok(None);
        }
        let last = self.journal.last_pause().await?;
        let now = (self.clock)();
        self.set(last.as_ref().filter(|paused| paused.stands(now)).map(why));
        Ok(last)
    }

    /// Why all writing is stopped, where it was when the journal was asked last.
    pub(super) fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same in a sentence, for rows that are not sent any more.
    pub(super) fn brake(&self) -> Option<String> {
        self.why().map(|why| format!("all writing is stopped: {why}"))
    }

    /// Sends, and asks all the while: paused at another process meanwhile, what is not sent yet stays.
    pub(super) async fn over<T>(&self, sending: impl Future<Output = T>) -> T {
        if self.is_passed {
            return sending.await;
        }
        tokio::select! {
            sent = sending => sent,
            never = self.keep_looking() => match never {},
        }
    }

    /// Goes on asking. A journal that does not answer stops the sending, too: nobody knows what it would say.
    async fn keep_looking(&self) -> Infallible {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Err(error) = self.look().await {
                self.set(Some(format!("the journal does not tell whether a person paused it: {error}")));
            }
        }
    }

    fn set(&self, why: Option<String>) {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }
}

/// Who is told of a pause has to know since when, why, and how it ends.
pub(super) fn why(paused: &Paused) -> String {
    let Paused { since, because, until } = paused;
    let until = until.map(|until| format!(" until {until}")).unwrap_or_default();
    format!(
        "paused at a daemon since {since}{until}: {because} (`POST /v1/resume` at a daemon of this journal takes it back; \
         `--past-pause` passes it for one command of a person)"
    )
}
