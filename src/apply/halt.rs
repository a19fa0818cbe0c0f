//! The brake that a failing journal pulls: nothing is sent that is not recorded.

use std::sync::{Arc, OnceLock};

/// Shared by all targets of a run, since they share the journal.
#[derive(Debug, Clone, Default)]
pub struct Halt(Arc<OnceLock<String>>);

impl Halt {
    /// Stops all sending of this run. The first reason stays.
    pub fn pull(&self, why: impl Into<String>) {
        let why = why.into();
        tracing::error!(%why, "the journal cannot record: nothing more is sent");
        // A second failure adds nothing to the first.
        let _ = self.0.set(why);
    }

    /// Why nothing may be sent any more.
    pub fn why(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}
