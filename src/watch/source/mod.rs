//! Where the policies come from.

mod directory;

use async_trait::async_trait;

pub use directory::Directory;

use crate::{access::Text, run::Sources};

/// A source of policies.
#[async_trait]
pub trait Source: Send {
    /// The newest files of the source, ready to be loaded. Bounded in time by itself.
    ///
    /// # Errors
    /// [`SourceError`]: the source cannot be read now.
    async fn fetch(&mut self) -> Result<Checkout, SourceError>;

    /// The place in words, without credentials.
    fn place(&self) -> String;
}

/// What a source gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// Which files to load.
    pub sources: Sources,
    /// The commit that they are of, with a Git source.
    pub revision: Option<Revision>,
}

/// A commit on a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The commit's id.
    pub commit: Text,
    /// The ref that it is on.
    pub git_ref: Text,
}

/// Why a source cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct SourceError {
    /// What happened, without credentials.
    pub what: String,
    /// What to do.
    pub advice: String,
}
