//! What callers of the API may ask of the loop.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::task::JoinError;

use super::{Trigger, shared::Shared};
use crate::{
    access::Text,
    journal::JournalError,
    serve::{Control, ControlError, webhook::Hook},
};

/// The daemon, as far as a caller may steer it.
#[derive(Clone)]
pub struct Steering(pub(super) Arc<Shared>);

#[async_trait]
impl Control for Steering {
    fn reconcile(&self, targets: &[Text]) -> Result<Vec<Text>, ControlError> {
        let config = self.0.config();
        let known: Vec<&Text> = config.targets.keys().filter(|name| self.0.watches(name)).collect();
        if let Some(unknown) = targets.iter().find(|name| !known.contains(name)) {
            return Err(ControlError::UnknownTarget(unknown.clone()));
        }
        self.0.triggers.reload_and_look(Trigger::Request, targets);
        Ok(if targets.is_empty() { known.into_iter().cloned().collect() } else { targets.to_vec() })
    }

    /// Only the source is read again, and what it changes is looked at: a push says nothing of the targets.
    fn pushed(&self, hook: &Hook) -> Result<Vec<Text>, ControlError> {
        if hook.concerns(self.0.git_ref.as_deref()) {
            self.0.triggers.reload(Trigger::Webhook);
        }
        Ok(Vec::new())
    }

    async fn pause(&self, because: String, until: Option<Timestamp>) -> Result<(), ControlError> {
        let shared = Arc::clone(&self.0);
        // A task of its own: a caller who does not wait for the journal leaves nothing half done.
        let paused = tokio::spawn(async move {
            let paused = shared.pauses.pause(&shared.fleet, because, until, shared.now()).await;
            shared.show_pause();
            paused
        });
        ended(paused.await)
    }

    async fn resume(&self) -> Result<(), ControlError> {
        let shared = Arc::clone(&self.0);
        let resumed = tokio::spawn(async move {
            shared.pauses.resume(&shared.fleet).await?;
            shared.show_pause();
            shared.triggers.look(Trigger::Request, &[]);
            Ok(())
        });
        ended(resumed.await)
    }

    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

fn ended(ended: Result<Result<(), JournalError>, JoinError>) -> Result<(), ControlError> {
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(ControlError::Journal(error.to_string())),
        Err(error) => Err(ControlError::Journal(format!("it broke off: {error}"))),
    }
}
