//! What stops all writing: a person's pause, the stop file, the environment.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::shared::{Recording, Shared};
use crate::{
    config::Config,
    journal::{JournalError, Paused, RecordBody, RunInfo},
    run::{self, Fleet, VERSION},
    serve::Pause,
};

/// How often the daemon and its journal are compared.
const EVERY: Duration = Duration::from_secs(2);

/// The pause that a person set.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    set: RwLock<Set>,
    /// What the journal says last is what is in force: one at a time is recorded.
    turn: Mutex<()>,
}

/// The pause, and how often one was set: whoever takes one back means those that he could know of.
#[derive(Debug, Default)]
struct Set {
    pause: Option<Pause>,
    times: u64,
    /// Whether the journal is still to be told of it.
    unrecorded: bool,
    /// Which journal told of it, or was told: the first, or the one that took its place so many times.
    kept_in: u64,
}

impl Pauses {
    /// The pause that the journal remembers.
    pub(super) fn from_journal(paused: Option<Paused>) -> Self {
        let pause = paused.map(pause_of);
        Self { set: RwLock::new(Set { pause, ..Set::default() }), turn: Mutex::default() }
    }

    /// The pause in force, if there is one.
    fn in_force(&self, now: Timestamp) -> Option<Pause> {
        let pause = self.set.read().unwrap_or_else(PoisonError::into_inner).pause.clone();
        pause.filter(|pause| stands(pause, now))
    }

    /// Why all writing is stopped, where it is. Asked before each send.
    pub(super) fn why(&self, config: &Config, now: Timestamp) -> Option<String> {
        run::stopped(config).or_else(|| self.in_force(now).map(|pause| format!("paused: {}", pause.because)))
    }

    /// The same for people who look.
    pub(super) fn view(&self, config: &Config, now: Timestamp) -> Option<Pause> {
        let switch = run::stopped(config).map(|because| Pause { since: None, until: None, because });
        switch.or_else(|| self.in_force(now))
    }

    /// Stops all writing at once, and records it. In force even where it cannot be recorded: that is tried again by
    /// [`Pauses::keep`]. One in force that ends later stays in its place: only who resumes ends that.
    pub(super) async fn pause(
        &self,
        fleet: &Fleet,
        because: String,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let pause = Pause { since: Some(now), until, because: because.clone() };
        let (stays, _) = self.put(pause.clone());
        let end = |until: Option<Timestamp>| until.map(|until| until.to_string());
        if stays == pause {
            tracing::warn!(because, until = ?end(until), "all writing is stopped");
        } else {
            tracing::warn!(because, until = ?end(until), stays = ?end(stays.until), "all writing is stopped already, for longer");
        }
        let _turn = self.turn.lock().await;
        // One that was taken back meanwhile is set again: it is recorded after that.
        let mut put = self.put(pause);
        // Another process of the journal may have set one that nobody here has heard of yet.
        let said = fleet.journal().await?.last_pause().await?;
        if let Some(said) = said.as_ref().filter(|said| ends_later(said.until, put.0.until)) {
            put = self.put(pause_of(said.clone()));
        }
        let (Pause { until, because, .. }, times) = put;
        if said.is_none_or(|said| said.because != because || said.until != until) {
            record(fleet, RecordBody::Paused { because, until }).await?;
        }
        self.was_recorded(times, fleet.reopened());
        Ok(())
    }

    /// Puts it in force, where none is known that ends later, be that over by our clock or not: it may be wrong. Returns the one
    /// that is, and how often one was set.
    fn put(&self, pause: Pause) -> (Pause, u64) {
        let mut set = self.write();
        let known = set.pause.take().filter(|known| ends_later(known.until, pause.until));
        let pause = known.unwrap_or(pause);
        *set = Set { pause: Some(pause.clone()), times: set.times + 1, unrecorded: true, kept_in: set.kept_in };
        (pause, set.times)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Set> {
        self.set.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn was_recorded(&self, times: u64, kept_in: u64) {
        let mut set = self.write();
        if set.times == times {
            (set.unrecorded, set.kept_in) = (false, kept_in);
        }
    }

    /// Keeps the daemon and its journal of one mind. A pause that the journal could not be told of, or that the journal which
    /// is used now knows nothing of, is recorded; else what another process did to it is taken over.
    ///
    /// # Errors
    /// The journal cannot be used. What is in force stays so.
    pub(super) async fn keep(&self, fleet: &Fleet, now: Timestamp) -> Result<(), JournalError> {
        // Whoever has the turn is about to record something newer.
        let Ok(_turn) = self.turn.try_lock() else { return Ok(()) };
        let journal = fleet.journal().await?;
        journal.is_same().await?;
        let reopened = fleet.reopened();
        let (pause, times, is_known) = {
            let set = self.set.read().unwrap_or_else(PoisonError::into_inner);
            (set.pause.clone(), set.times, !set.unrecorded && set.kept_in == reopened)
        };
        // Those that are over, too: on a wrong clock one may only seem to be, and it stays known until the clock is right.
        let said = journal.last_pause().await?;
        match (pause, said) {
            (Some(pause), said)
                if !is_known && !said.as_ref().is_some_and(|said| ends_later(said.until, pause.until)) =>
            {
                let is_said = said.is_some_and(|said| said.because == pause.because && said.until == pause.until);
                if !is_said && stands(&pause, now) {
                    let Pause { because, until, .. } = pause;
                    record(fleet, RecordBody::Paused { because, until }).await?;
                }
                self.was_recorded(times, reopened);
            }
            (pause, said) => {
                let is_same = match (&pause, &said) {
                    (Some(pause), Some(said)) => pause.because == said.because && pause.until == said.until,
                    (None, None) => true,
                    _ => false,
                };
                let mut set = self.write();
                // What was set since this was asked is newer.
                if set.times == times {
                    if !is_same {
                        if [&pause, &said.clone().map(pause_of)].into_iter().flatten().any(|pause| stands(pause, now)) {
                            let state = if said.is_some() { "paused" } else { "resumed" };
                            tracing::warn!(
                                now = state,
                                "another process of this journal changed whether all writing is stopped"
                            );
                        }
                        set.pause = said.map(pause_of);
                    }
                    (set.unrecorded, set.kept_in) = (false, reopened);
                }
            }
        }
        Ok(())
    }

    /// Lets writing go on, once that is recorded. A pause that is set meanwhile stays.
    pub(super) async fn resume(&self, fleet: &Fleet) -> Result<(), JournalError> {
        let known = self.set.read().unwrap_or_else(PoisonError::into_inner).times;
        let _turn = self.turn.lock().await;
        record(fleet, RecordBody::Resumed).await?;
        let mut set = self.write();
        if set.times == known {
            (set.pause, set.unrecorded) = (None, false);
            tracing::info!("writing goes on");
        }
        Ok(())
    }
}

/// Keeps the daemon's pause and the journal's the same, for as long as the daemon runs. Apart from its loop: a journal that
/// another process holds makes this wait, and nothing else.
pub(super) async fn keep(shared: Arc<Shared>) {
    let mut failed = false;
    loop {
        tokio::time::sleep(EVERY).await;
        match shared.pauses.keep(&shared.fleet, shared.now()).await {
            Ok(()) if failed => {
                failed = false;
                shared.journal_served(&Recording::Pause).await;
            }
            Ok(()) => {}
            Err(error) if failed => tracing::debug!(%error, "the journal cannot be asked for a pause"),
            Err(error) => {
                failed = true;
                shared.journal_failed(Recording::Pause, error.to_string());
            }
        }
    }
}

fn stands(pause: &Pause, at: Timestamp) -> bool {
    pause.until.is_none_or(|until| until > at)
}

/// Whether one pause ends after another; one without an end is taken back by somebody, some day.
fn ends_later(one: Option<Timestamp>, other: Option<Timestamp>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one > other,
        (None, other) => other.is_some(),
        (Some(_), None) => false,
    }
}

fn pause_of(Paused { since, because, until }: Paused) -> Pause {
    Pause { since: Some(since), until, because }
}

async fn record(fleet: &Fleet, body: RecordBody) -> Result<(), JournalError> {
    let info = RunInfo { command: "watch".into(), version: VERSION.into(), confirmed: true, ..RunInfo::default() };
    let (journal, run) = fleet.journal().await?.begin_lazily(info);
    journal.append(&run, None, body).await?;
    journal.end(&run, 0).await
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use futures::poll;

    use super::*;
    use crate::{config, systems};

    async fn fleet() -> Fleet {
        let text = "version: 1\njournal: ephemeral\ntargets:\n  t:\n    system: s2\n    account: x\n    credential: { env: T }\n";
        let path = Path::new("portcullis.yaml");
        let config = config::load("portcullis.yaml", path, text.as_bytes(), &systems::descriptions()).unwrap();
        Fleet::open(&config, true).await.unwrap()
    }

    #[tokio::test]
    async fn a_pause_that_is_set_while_an_older_one_is_taken_back_stays() {
        let (fleet, pauses, now) = (fleet().await, Pauses::default(), Timestamp::now());
        let because = || pauses.in_force(now).map(|pause| pause.because);
        pauses.pause(&fleet, "the first".into(), None, now).await.unwrap();
        // Both are under way at once: the one that takes back came first and has not recorded yet.
        let turn = pauses.turn.lock().await;
        let mut resume = Box::pin(pauses.resume(&fleet));
        assert!(poll!(&mut resume).is_pending());
        let mut pause = Box::pin(pauses.pause(&fleet, "the second".into(), None, now));
        assert!(poll!(&mut pause).is_pending());
        assert_eq!(because().as_deref(), Some("the second"), "at once");
        drop(turn);
        resume.await.unwrap();
        assert_eq!(because().as_deref(), Some("the second"), "not for a moment is it gone");
        pause.await.unwrap();
        assert_eq!(because().as_deref(), Some("the second"));
        let kept = fleet.journal().await.unwrap().paused(now).await.unwrap();
        assert_eq!(kept.map(|kept| kept.because).as_deref(), Some("the second"), "and the journal says the same");
        pauses.resume(&fleet).await.unwrap();
        assert_eq!(because(), None);
    }

    #[tokio::test]
    async fn of_two_pauses_the_one_that_ends_later_stays_whoever_set_it() {
        let (fleet, pauses, now) = (fleet().await, Pauses::default(), Timestamp::now());
        let minutes = |minutes| Some(now + jiff::SignedDuration::from_mins(minutes));
        let journal = fleet.journal().await.unwrap();
        for (because, until, stays) in
            [("short", minutes(5), "short"), ("longer", minutes(9), "longer"), ("short again", minutes(5), "longer")]
        {
            pauses.pause(&fleet, because.into(), until, now).await.unwrap();
            assert_eq!(pauses.in_force(now).unwrap().because, stays);
            assert_eq!(journal.paused(now).await.unwrap().unwrap().because, stays);
        }
        // At another daemon of the journal, which this one has not heard of.
        let other = Pauses::default();
        other.pause(&fleet, "for good".into(), None, now).await.unwrap();
        pauses.pause(&fleet, "an hour".into(), minutes(60), now).await.unwrap();
        for pauses in [&pauses, &other] {
            assert_eq!(pauses.in_force(now).unwrap().because, "for good");
        }
        assert_eq!(journal.paused(now).await.unwrap().unwrap().because, "for good");
    }
}
