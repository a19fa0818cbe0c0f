//! The thin seam to the imitated systems, for `sandbox` and `demo`.

use std::path::{Path, PathBuf};

use super::{
    failure::{Failure, Result},
    sandbox::SandboxArgs,
};
use crate::transport::Stop;

fn unwired() -> Failure {
    Failure::new("the sandbox is not part of this build")
}

/// Serves the imitated systems until stopped.
///
/// # Errors
/// No port could be bound, or the directory cannot be written.
pub async fn serve(_args: &SandboxArgs, _stop: &Stop) -> Result<()> {
    Err(unwired())
}

/// The imitated company of the demonstration.
pub struct Company {}

impl Company {
    /// Starts the systems and writes configuration, policies and people to a directory: the one to keep, else a temporary
    /// one that goes with this value.
    ///
    /// # Errors
    /// No port could be bound, or the directory cannot be written.
    pub async fn start(_keep: Option<&Path>) -> Result<Self> {
        Err(unwired())
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        PathBuf::new()
    }

    /// What the servers' own record saw.
    pub fn saw(&self) -> String {
        String::new()
    }
}
