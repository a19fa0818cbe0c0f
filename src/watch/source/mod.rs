//! Where the policies come from: a directory, or a Git repository that runs are pinned to a commit of.
//!
//! A source says which files a run loads; it never reads what they mean. [`Source::fetch`] either gives a tree that is whole
//! and does not change under a run, or an error that tells what a person has to do. An error never means "there are no policies".

mod address;
mod directory;
mod error;
mod export;
mod git;
mod pinned;
mod program;
mod rest;
mod signature;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use secrecy::SecretString;

pub use directory::Directory;
pub use error::SourceError;
pub use git::{Git, Limits};

use super::survey::Watched;
use crate::{access::Text, run::Sources};

/// Where a run's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The files.
    pub sources: Sources,
    /// The commit that the policies are of, with a Git source.
    pub revision: Option<Revision>,
}

/// A commit and the ref that it is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The commit's whole id.
    pub commit: Text,
    /// The ref, as configured.
    pub git_ref: Text,
}

/// What the command line says of the source.
#[derive(Debug, Clone, Default)]
pub struct SourceOptions {
    /// The operator's file, and other places of policies and people than the ones that it names.
    pub sources: Sources,
    /// The repository, where the policies come from one.
    pub git: Option<GitOptions>,
}

/// What the command line says of a repository.
#[derive(Debug, Clone)]
pub struct GitOptions {
    /// Its address or path (`--git`). It may hold a password.
    pub address: SecretString,
    /// The branch, or a whole name like `refs/tags/live` (`--ref`).
    pub git_ref: String,
    /// The policy root in the repository (`--path`).
    pub path: String,
    /// The people file in the repository (`--people-path`); without it the one that the operator's file names is taken.
    pub people_path: Option<String>,
    /// Where the own checkout is kept (`--checkout`); [`DEFAULT_CHECKOUT`] beside the operator's file where it is left out.
    pub checkout: Option<PathBuf>,
    /// Whose signatures count, in the form of ssh-keygen's allowed signers (`--allowed-signers`).
    pub allowed_signers: Option<PathBuf>,
    /// A rewritten ref is taken, once, where its head is exactly this commit (`--accept-rewrite`).
    pub accept_rewrite: Option<String>,
}

/// Where the own checkout is kept, beside the operator's file.
pub const DEFAULT_CHECKOUT: &str = ".portcullis/checkout";

/// A source of policies.
#[derive(Debug)]
pub enum Source {
    /// A directory that somebody else updates.
    Directory(Directory),
    /// A repository with a checkout of our own.
    Git(Box<Git>),
}

impl Source {
    /// The source that the options name. Nothing is read yet.
    ///
    /// # Errors
    /// An address, a ref or a path that is refused.
    pub fn new(options: SourceOptions) -> Result<Self, SourceError> {
        match options.git {
            None => Ok(Self::Directory(Directory::new(options.sources))),
            Some(git) => Ok(Self::Git(Box::new(Git::new(options.sources, git, Limits::default())?))),
        }
    }

    /// The files as they are now: a tree at rest, or the newest commit. Ends within the source's own limits; where it is
    /// dropped half-way nothing is left behind that a later call does not put right.
    ///
    /// # Errors
    /// The source cannot be read, or must not be taken. What was fetched before stays in force.
    pub async fn fetch(&mut self) -> Result<Checkout, SourceError> {
        match self {
            Self::Directory(directory) => directory.fetch().await,
            Self::Git(git) => git.fetch().await,
        }
    }

    /// What an earlier fetch gave and is still on disk, for a daemon that starts while its repository cannot be read: the
    /// pinned commit. Nothing goes over a network. A directory has no such thing.
    ///
    /// # Errors
    /// The checkout cannot be used, or the pinned commit is not signed as it has to be.
    pub async fn last(&mut self) -> Result<Option<Checkout>, SourceError> {
        match self {
            Self::Directory(_) => Ok(None),
            Self::Git(git) => git.last().await,
        }
    }

    /// Whether nothing has changed since the last fetch, so that what was loaded after it is of one piece. To be asked after
    /// each load; where it is false the load is thrown away and done anew. A commit never changes, the operator's files do.
    pub async fn is_as_fetched(&self) -> bool {
        match self {
            Self::Directory(directory) => directory.is_as_fetched().await,
            Self::Git(git) => git.is_as_fetched().await,
        }
    }

    /// Whether the source, which gave this error, told nothing but what it had told when its files were taken last.
    pub fn is_silent(&self, error: &SourceError) -> bool {
        match self {
            Self::Directory(_) => false,
            Self::Git(git) => error.is_out_of_reach() && !git.is_behind(),
        }
    }

    /// The source for people, without credentials.
    pub fn place(&self) -> String {
        match self {
            Self::Directory(directory) => directory.place(),
            Self::Git(git) => git.place(),
        }
    }

    /// The ref that is followed, with a Git source.
    pub fn git_ref(&self) -> Option<&str> {
        match self {
            Self::Directory(_) => None,
            Self::Git(git) => Some(git.git_ref()),
        }
    }

    /// What the files' watcher has to watch besides what the operator's file names.
    pub fn watched(&self) -> Watched {
        match self {
            Self::Directory(directory) => directory.watched(),
            Self::Git(git) => git.watched(),
        }
    }
}
