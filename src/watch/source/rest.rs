//! When files that somebody else writes are at rest.
//!
//! Half of a `git checkout`, or of an editor's save, looks like declarations that were taken out. So files count only once
//! nothing in them has changed for a moment and no Git operation is under way in them.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use super::SourceError;
use crate::{
    run::files,
    watch::survey::{Survey, Watched, survey},
};

/// How long nothing may have changed before files count as at rest.
pub(super) const REST: Duration = Duration::from_millis(100);
/// How long a fetch waits for that.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How old an `index.lock` is at least that was left behind, or that an editor holds.
pub(super) const LOCK_AGE: Duration = Duration::from_secs(60);

/// Looks again and again until what is seen is at rest. A look gives the survey, what else is going on there, and whatever its
/// caller wants of the one that was at rest.
pub(super) async fn reach<T: Send + 'static>(
    patience: Duration,
    look: impl Fn() -> Result<(Survey, Option<String>, T), SourceError> + Clone + Send + 'static,
) -> Result<(Survey, T), SourceError> {
    let deadline = tokio::time::Instant::now() + patience;
    let mut before: Option<[u8; 32]> = None;
    loop {
        let (now, stirring, seen) = off_thread(look.clone()).await?;
        let at_rest = before == Some(now.stamp) || now.newest.is_none_or(is_past);
        if at_rest && stirring.is_none() {
            return Ok((now, seen));
        }
        if tokio::time::Instant::now() >= deadline {
            return Err(SourceError::Unsettled { what: stirring.unwrap_or_else(|| "they keep changing".into()) });
        }
        before = Some(now.stamp);
        tokio::time::sleep(REST).await;
    }
}

/// Whether files still look as they did.
pub(super) async fn is_as_seen(watched: &Watched, stamp: [u8; 32]) -> bool {
    let watched = watched.clone();
    tokio::task::spawn_blocking(move || survey(&watched).stamp == stamp).await.unwrap_or(false)
}

/// Looks at files away from the tasks that must not wait.
pub(super) async fn off_thread<T: Send + 'static>(
    look: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let cut_off = |_| Err(SourceError::Unsettled { what: "looking at them was cut off".into() });
    tokio::task::spawn_blocking(look).await.unwrap_or_else(cut_off)
}

fn is_past(newest: SystemTime) -> bool {
    // A time that is still to come (two clocks) tells nothing; then two equal looks have to do.
    newest.elapsed().is_ok_and(|age| age >= REST)
}

/// What Git leaves beside a work tree for as long as an operation of several steps waits to be gone on with: the files are of no
/// commit until then, and declarations of later steps are missing.
const HALF_WAY: [&str; 7] =
    ["rebase-merge", "rebase-apply", "sequencer", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG"];

/// Git's lock of the work tree that a directory lies in: it changes many files, one after the other. An old lock tells nothing
/// only where no file (`newest`) changed after it was made: a git that was ended half-way, or that is slow, leaves half a tree.
/// An operation that stopped at a conflict, or for a person to look, holds no lock and leaves half a tree as well.
pub(super) fn git_at_work(directory: &Path, newest: Option<SystemTime>, lock_age: Duration) -> Option<String> {
    let real = std::fs::canonicalize(directory).ok()?;
    let found = real.ancestors().map(|at| at.join(".git")).find(|git| git.exists())?;
    let directory = if found.is_dir() {
        found
    } else {
        let text = String::from_utf8(files::read_file(&found).ok()?).ok()?;
        found.parent()?.join(text.strip_prefix("gitdir:")?.trim())
    };
    if let Some(mark) = HALF_WAY.iter().map(|name| directory.join(name)).find(|mark| mark.exists()) {
        return Some(format!(
            "a Git operation stopped half-way: {} is there; `git status` says how to end it, or to take it back",
            mark.display()
        ));
    }
    let lock = directory.join("index.lock");
    let made = std::fs::metadata(&lock).and_then(|about| about.modified()).ok()?;
    if made.elapsed().map_or(true, |age| age < lock_age) {
        return Some(format!("a Git operation is under way: {} is there", lock.display()));
    }
    newest.is_some_and(|newest| newest >= made).then(|| {
        format!(
            "{} is there, and files changed after it was made: a Git operation is under way, or was broken off half-way; where no \
             git runs there any more, see that the files are whole (`git status`) and remove the lock",
            lock.display()
        )
    })
}
