//! A directory as the source: files that somebody else writes, read when they are at rest.
//!
//! Half of a `git checkout`, or of an editor's save, looks like declarations that were taken out. So a tree counts only once
//! nothing in it has changed for a moment and no Git operation is under way in it. Links on the way to the root are
//! resolved once, so that policies and people are of the same side of a swap.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{Checkout, SourceError};
use crate::{
    config,
    run::{Sources, files},
    systems,
    watch::survey::{Survey, Watched, survey},
};

/// How long nothing may have changed before a tree counts as at rest.
const REST: Duration = Duration::from_millis(100);
/// How long a fetch waits for that.
const PATIENCE: Duration = Duration::from_secs(5);
/// How old an `index.lock` may be and still tell of a Git operation; an older one was left behind, or an editor holds it.
const LOCK_AGE: Duration = Duration::from_secs(60);

/// A directory that somebody else updates.
#[derive(Debug)]
pub struct Directory {
    sources: Sources,
    /// What was looked at last, and how it looked.
    last: Option<(Watched, [u8; 32])>,
}

impl Directory {
    /// These files. Nothing is looked at yet.
    pub fn new(sources: Sources) -> Self {
        Self { sources, last: None }
    }

    /// The directory for people.
    pub fn place(&self) -> String {
        let policies = self.sources.policies.as_ref().or_else(|| self.last.as_ref()?.0.trees.first());
        policies.unwrap_or(&self.sources.config).display().to_string()
    }

    /// Nothing but what the operator's file and the options name.
    pub fn watched(&self) -> Watched {
        Watched {
            files: self.sources.people.clone().into_iter().collect(),
            trees: self.sources.policies.clone().into_iter().collect(),
        }
    }

    /// The files, once they are at rest.
    ///
    /// # Errors
    /// The policy root cannot be read, or the files do not come to rest.
    pub async fn fetch(&mut self) -> Result<Checkout, SourceError> {
        let sources = self.sources.clone();
        let found = tokio::task::spawn_blocking(move || places(&sources)).await.ok().flatten();
        // A broken operator's file names nothing; who loads it tells what is wrong.
        let Some(places) = found else {
            self.last = None;
            return Ok(Checkout { sources: self.sources.clone(), revision: None });
        };
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut before: Option<[u8; 32]> = None;
        loop {
            let (now, stirring) = look(&places).await?;
            let at_rest = before == Some(now.stamp) || now.newest.is_none_or(is_past);
            if at_rest && stirring.is_none() {
                self.last = Some((places.watched(), now.stamp));
                return Ok(Checkout { sources: self.through_links(&places, &now), revision: None });
            }
            if tokio::time::Instant::now() >= deadline {
                let what =
                    stirring.unwrap_or_else(|| format!("something below {} keeps changing", places.policies.display()));
                return Err(SourceError::Unsettled { what });
            }
            before = Some(now.stamp);
            tokio::time::sleep(REST).await;
        }
    }

    /// Whether everything still is as the last fetch saw it.
    pub async fn is_as_fetched(&self) -> bool {
        let Some((watched, stamp)) = self.last.clone() else { return true };
        tokio::task::spawn_blocking(move || survey(&watched).stamp == stamp).await.unwrap_or(false)
    }

    /// The sources, with the real places of those that are reached through a link.
    fn through_links(&self, places: &Places, now: &Survey) -> Sources {
        let real = |at: usize, as_given: &Path| {
            let real = now.real.get(at)?.clone()?;
            (std::path::absolute(as_given).is_ok_and(|path| path != real)).then_some(real)
        };
        let people = places.people.as_ref().and_then(|people| real(1, people));
        let policies = real(1 + usize::from(places.people.is_some()), &places.policies);
        Sources {
            config: self.sources.config.clone(),
            policies: policies.or_else(|| self.sources.policies.clone()),
            people: people.or_else(|| self.sources.people.clone()),
        }
    }
}

/// What a run would read.
#[derive(Debug, Clone)]
struct Places {
    config: PathBuf,
    people: Option<PathBuf>,
    policies: PathBuf,
}

impl Places {
    /// In the order in which [`Directory::through_links`] finds them again.
    fn watched(&self) -> Watched {
        let files = std::iter::once(self.config.clone()).chain(self.people.clone());
        Watched { files: files.collect(), trees: vec![self.policies.clone()] }
    }
}

fn places(sources: &Sources) -> Option<Places> {
    let bytes = files::read_file(&sources.config).ok()?;
    let shown = sources.config.display().to_string();
    let config = config::load(&shown, &sources.config, &bytes, &systems::descriptions()).ok()?;
    Some(Places {
        config: sources.config.clone(),
        people: sources.people.clone().or(config.people),
        policies: sources.policies.clone().unwrap_or(config.policies),
    })
}

/// One look, and what is going on there.
async fn look(places: &Places) -> Result<(Survey, Option<String>), SourceError> {
    let places = places.clone();
    let root = places.policies.clone();
    let looked = tokio::task::spawn_blocking(move || {
        // The reader's own words for what is wrong with a root.
        std::fs::read_dir(&places.policies)?;
        let stirring = git_at_work(&places.policies);
        Ok((survey(&places.watched()), stirring))
    });
    let cut_off = |_| Err(std::io::Error::other("reading it was cut off"));
    let looked: std::io::Result<_> = looked.await.unwrap_or_else(cut_off);
    looked.map_err(|error| SourceError::Directory { path: root, why: error.to_string() })
}

fn is_past(newest: SystemTime) -> bool {
    // A time that is still to come (two clocks) tells nothing; then two equal looks have to do.
    newest.elapsed().is_ok_and(|age| age >= REST)
}

/// Git's lock of the work tree that the policies lie in: it changes many files, one after the other.
fn git_at_work(policies: &Path) -> Option<String> {
    let real = std::fs::canonicalize(policies).ok()?;
    let found = real.ancestors().map(|at| at.join(".git")).find(|git| git.exists())?;
    let directory = if found.is_dir() {
        found
    } else {
        let text = String::from_utf8(files::read_file(&found).ok()?).ok()?;
        found.parent()?.join(text.strip_prefix("gitdir:")?.trim())
    };
    let lock = directory.join("index.lock");
    let made = std::fs::metadata(&lock).and_then(|about| about.modified()).ok()?;
    let is_fresh = made.elapsed().map_or(true, |age| age < LOCK_AGE);
    is_fresh.then(|| format!("a Git operation is under way: {} is there", lock.display()))
}
