//! Commits as files: each is exported once, into a directory of its own that is never written to again.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

use super::Git;
use crate::watch::source::{
    SourceError,
    export::{Wanted, Written},
};

/// Exported commits that are kept: the one in force, and the one before it, which a run may still read.
const KEPT: usize = 2;

/// An exported commit.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) commit: String,
    pub(super) policies: PathBuf,
    pub(super) people: Option<PathBuf>,
    directory: PathBuf,
}

/// Exported commits of this process, the newest last.
#[derive(Debug, Default)]
pub(super) struct Trees(VecDeque<Tree>);

impl Trees {
    fn of(&self, commit: &str) -> Option<&Tree> {
        self.0.iter().find(|tree| tree.commit == commit && tree.policies.is_dir())
    }

    /// Keeps a tree as the newest; answers with those that are not kept any more.
    fn keep(&mut self, tree: Tree) -> Vec<Tree> {
        let same = self.0.iter().position(|known| known.commit == tree.commit).and_then(|at| self.0.remove(at));
        self.0.push_back(tree);
        let surplus = self.0.len().saturating_sub(KEPT);
        same.into_iter().chain(self.0.drain(..surplus)).collect()
    }
}

impl Git {
    /// A commit's policies as files, written out where they are not yet.
    pub(super) async fn export(&mut self, commit: &str) -> Result<Tree, SourceError> {
        let open = self.opened()?;
        if let Some(known) = open.trees.of(commit) {
            return Ok(known.clone());
        }
        // A random name: nobody can guess a place in which to lay something beforehand, and no half of an export is met again.
        let directory = open.place.trees().join(format!("{commit}-{}", uuid::Uuid::new_v4().simple()));
        tokio::fs::create_dir_all(&directory).await.map_err(|error| open.place.failed(error))?;
        let wanted = Wanted {
            git: &open.git,
            commit,
            path: &self.path,
            people: self.people_path.as_deref(),
            limit: self.limits.local,
        };
        let Written { policies, people } = match wanted.write(&directory).await {
            Ok(written) => written,
            Err(error) => {
                remove(&directory).await;
                return Err(error);
            }
        };
        let tree = Tree { commit: commit.to_owned(), policies, people, directory };
        let old = self.open.as_mut().map(|open| open.trees.keep(tree.clone())).unwrap_or_default();
        for tree in old {
            remove(&tree.directory).await;
        }
        Ok(tree)
    }
}

/// What is left is removed when the next process opens the checkout.
async fn remove(directory: &Path) {
    if let Err(error) = tokio::fs::remove_dir_all(directory).await {
        tracing::warn!(directory = %directory.display(), %error, "an old export cannot be removed");
    }
}
