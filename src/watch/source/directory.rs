//! Files on this machine: a directory that people or another tool keep up to date.

use async_trait::async_trait;

use super::{Checkout, Source, SourceError};
use crate::run::Sources;

/// The files that the operator's file and the command line name.
#[derive(Debug, Clone)]
pub struct Directory {
    sources: Sources,
}

impl Directory {
    /// Takes the names of the files.
    pub fn new(sources: Sources) -> Self {
        Self { sources }
    }
}

#[async_trait]
impl Source for Directory {
    async fn fetch(&mut self) -> Result<Checkout, SourceError> {
        Ok(Checkout { sources: self.sources.clone(), revision: None })
    }

    fn place(&self) -> String {
        let path = self.sources.policies.as_ref().unwrap_or(&self.sources.config);
        path.display().to_string()
    }
}
