//! What stops all writing: a person's pause, the stop file, the environment.

use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::{
    config::Config,
    journal::{JournalError, Paused, RecordBody, RunInfo},
    run::{self, Fleet, VERSION},
    serve::Pause,
};

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
}

impl Pauses {
    /// The pause that the journal remembers.
    pub(super) fn from_journal(paused: Option<Paused>) -> Self {
        let pause = paused.map(|Paused { since, because, until }| Pause { since: Some(since), until, because });
        Self { set: RwLock::new(Set { pause, times: 0 }), turn: Mutex::default() }
    }

    /// The pause in force, if there is one.
    fn set(&self, now: Timestamp) -> Option<Pause> {
        let pause = self.set.read().unwrap_or_else(PoisonError::into_inner).pause.clone();
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
        self.put(pause.clone());
        tracing::warn!(because, until = ?until.map(|until| until.to_string()), "all writing is stopped");
        let _turn = self.turn.lock().await;
        // One that was taken back meanwhile is set again: it is recorded after that.
        self.put(pause);
        record(fleet, RecordBody::Paused { because, until }).await
    }

    fn put(&self, pause: Pause) {
        let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
        *set = Set { pause: Some(pause), times: set.times + 1 };
    }

    /// Records the pause that is in force once more, where the journal that is used now knows of none.
    pub(super) async fn keep_anew(&self, fleet: &Fleet, now: Timestamp) -> Result<(), JournalError> {
        let _turn = self.turn.lock().await;
        let Some(Pause { because, until, .. }) = self.set(now) else { return Ok(()) };
        if fleet.journal().await?.paused(now).await?.is_some() {
            return Ok(());
        }
        record(fleet, RecordBody::Paused { because, until }).await
    }

    /// Lets writing go on, once that is recorded. A pause that is set meanwhile stays.
    pub(super) async fn resume(&self, fleet: &Fleet) -> Result<(), JournalError> {
        let known = self.set.read().unwrap_or_else(PoisonError::into_inner).times;
        let _turn = self.turn.lock().await;
        record(fleet, RecordBody::Resumed).await?;
        let mut set = self.set.write().unwrap_or_else(PoisonError::into_inner);
        if set.times == known {
            set.pause = None;
            tracing::info!("writing goes on");
        }
        Ok(())
    }
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
        let because = || pauses.set(now).map(|pause| pause.because);
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
}
