//! What callers of the API may ask of the loop.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Trigger, shared::Shared};
use crate::{
    access::Text,
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
        let paused = self.0.pauses.pause(&self.0.fleet, because, until, self.0.now()).await;
        self.0.show_pause();
        paused.map_err(|error| ControlError::Journal(error.to_string()))
    }

    async fn resume(&self) -> Result<(), ControlError> {
        self.0.pauses.resume(&self.0.fleet).await.map_err(|error| ControlError::Journal(error.to_string()))?;
        self.0.show_pause();
        self.0.triggers.look(Trigger::Request, &[]);
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.0.now()
    }
}
