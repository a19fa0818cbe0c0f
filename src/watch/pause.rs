//! What stops all writing: a person's pause, the stop file, the environment.

use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;

use crate::{
    config::Config,
    journal::{JournalError, Paused, RecordBody, RunInfo},
    run::{self, Fleet, VERSION},
    serve::Pause,
};

/// The pause that a person set.
#[derive(Debug, Default)]
pub(super) struct Pauses(RwLock<Option<Pause>>);

impl Pauses {
    /// The pause that the journal remembers.
    pub(super) fn from_journal(paused: Option<Paused>) -> Self {
        let pause = paused.map(|Paused { since, because, until }| Pause { since: Some(since), until, because });
        Self(RwLock::new(pause))
    }

    /// The pause in force, if there is one.
    fn set(&self, now: Timestamp) -> Option<Pause> {
        let pause = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        pause.filter(|pause| pause.until.is_none_or(|until| until > now))
    }

    /// Why all writing is stopped, where it is. Asked before each send.
    pub(super) fn why(&self, config: &Config, now: Timestamp) -> Option<String> {
        run::stopped(config).or_else(|| self.set(now).map(|pause| format!("paused: {}", pause.because)))
    }

    /// The same for people who look.
    pub(super) fn view(&self, config: &Config, now: Timestamp) -> Option<Pause> {
        let switch = run::stopped(config).map(|because| Pause { since: None, until: None, because });
        switch.or_else(|| self.set(now))
    }

    /// Stops all writing at once, and records it. In force even where it cannot be recorded.
    pub(super) async fn pause(
        &self,
        fleet: &Fleet,
        because: String,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let pause = Pause { since: Some(now), until, because: because.clone() };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(pause);
        tracing::warn!(%because, until = ?until.map(|until| until.to_string()), "all writing is stopped");
        record(fleet, RecordBody::Paused { because, until }).await
    }

    /// Records the pause that is in force once more, where the journal that is used now knows of none.
    pub(super) async fn keep_anew(&self, fleet: &Fleet, now: Timestamp) -> Result<(), JournalError> {
        let Some(Pause { because, until, .. }) = self.set(now) else { return Ok(()) };
        if fleet.journal().await?.paused(now).await?.is_some() {
            return Ok(());
        }
        record(fleet, RecordBody::Paused { because, until }).await
    }

    /// Lets writing go on, once that is recorded.
    pub(super) async fn resume(&self, fleet: &Fleet) -> Result<(), JournalError> {
        record(fleet, RecordBody::Resumed).await?;
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
        tracing::info!("writing goes on");
        Ok(())
    }
}

async fn record(fleet: &Fleet, body: RecordBody) -> Result<(), JournalError> {
    let info = RunInfo { command: "watch".into(), version: VERSION.into(), confirmed: true, ..RunInfo::default() };
    let (journal, run) = fleet.journal().await?.begin_lazily(info);
    journal.append(&run, None, body).await?;
    journal.end(&run, 0).await
}
