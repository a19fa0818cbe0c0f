//! The loop, before there is one: the listener serves from the first moment, and the first tree may take its time.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Control, ControlError, Records, webhook::Hook};
use crate::{
    access::Text,
    journal::{Filter, JournalError, Record},
};

/// A loop that begins later. Until then nothing can be asked of it.
#[derive(Default)]
pub struct Late(OnceLock<(Arc<dyn Control>, Arc<dyn Records>)>);

impl Late {
    /// The loop began. Only the first one counts.
    pub fn begin(&self, control: Arc<dyn Control>, records: Arc<dyn Records>) {
        // A second one is nobody's: a process has one loop.
        let _ = self.0.set((control, records));
    }

    fn control(&self) -> Result<&Arc<dyn Control>, ControlError> {
        self.0.get().map(|(control, _)| control).ok_or(ControlError::Starting)
    }
}

#[async_trait]
impl Control for Late {
    fn reconcile(&self, targets: &[Text]) -> Result<Vec<Text>, ControlError> {
        self.control()?.reconcile(targets)
    }

    fn pushed(&self, hook: &Hook) -> Result<Vec<Text>, ControlError> {
        self.control()?.pushed(hook)
    }

    async fn pause(&self, because: String, until: Option<Timestamp>) -> Result<(), ControlError> {
        self.control()?.pause(because, until).await
    }

    async fn resume(&self) -> Result<(), ControlError> {
        self.control()?.resume().await
    }

    fn now(&self) -> Timestamp {
        self.control().map_or_else(|_| Timestamp::now(), |control| control.now())
    }
}

#[async_trait]
impl Records for Late {
    async fn records(&self, filter: &Filter) -> Result<Vec<Record>, JournalError> {
        match self.0.get() {
            Some((_, records)) => records.records(filter).await,
            None => Err(JournalError::Storage(ControlError::Starting.to_string())),
        }
    }
}
