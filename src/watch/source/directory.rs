//! A directory as the source: files that somebody else writes, read when they are at rest.
//!
//! Links on the way to the root are resolved once, so that policies and people are of the same side of a swap.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Checkout, SourceError, rest};
use crate::{
    config,
    run::{Sources, files},
    systems,
    watch::survey::{Survey, Watched, survey},
};

/// A directory that somebody else updates.
#[derive(Debug)]
pub struct Directory {
    sources: Sources,
    /// What was looked at last, under the names by which it is reached.
    watched: Watched,
    /// How it looked when it was at rest.
    stamp: Option<[u8; 32]>,
    patience: Duration,
    lock_age: Duration,
}

impl Directory {
    /// These files. Nothing is looked at yet.
    pub fn new(sources: Sources) -> Self {
        let named = Places::named_by(&sources, None);
        Self { sources, watched: named.watched(), stamp: None, patience: rest::PATIENCE, lock_age: rest::LOCK_AGE }
    }

    /// The directory for people.
    pub fn place(&self) -> String {
        self.watched.trees.first().unwrap_or(&self.sources.config).display().to_string()
    }

    /// What was looked at last. Under the names by which it is reached: where a link leads is not all that can change.
    pub fn watched(&self) -> Watched {
        self.watched.clone()
    }

    /// The files, once they are at rest.
    ///
    /// # Errors
    /// The policy root cannot be read, or the files do not come to rest.
    pub async fn fetch(&mut self) -> Result<Checkout, SourceError> {
        self.stamp = None;
        let sources = self.sources.clone();
        let named = rest::off_thread(move || Ok(Places::read(&sources))).await?;
        self.watched = named.watched();
        let sources = self.sources.clone();
        let lock_age = self.lock_age;
        let look = move || {
            let places = Places::read(&sources);
            let (survey, stirring) = look(&places, lock_age)?;
            // The stamp has seen the file that this is read from, so that later looks tell whether it still holds.
            let stirring =
                if Places::read(&sources) == places { stirring } else { Some("portcullis.yaml changes".into()) };
            Ok((survey, stirring, places))
        };
        let (now, places) = rest::reach(self.patience, look).await?;
        self.watched = places.watched();
        self.stamp = Some(now.stamp);
        Ok(Checkout { sources: self.through_links(&places, &now), revision: None })
    }

    /// Whether everything still is as the last fetch saw it: not where that gave nothing.
    pub async fn is_as_fetched(&self) -> bool {
        match self.stamp {
            Some(stamp) => rest::is_as_seen(&self.watched, stamp).await,
            None => false,
        }
    }

    /// The sources, with the real places of those that are reached through a link.
    fn through_links(&self, places: &Places, now: &Survey) -> Sources {
        let real = |at: usize, as_given: &Path| {
            let real = now.real.get(at)?.clone()?;
            (std::path::absolute(as_given).is_ok_and(|path| path != real)).then_some(real)
        };
        // One that was named on the command line is read as it was named: it may be no link out of its directory.
        let of_config = self.sources.people.is_none();
        let people = places.people.as_ref().filter(|_| of_config).and_then(|people| real(1, people));
        let root = 1 + usize::from(places.people.is_some());
        let policies = places.policies.as_ref().and_then(|policies| real(root, policies));
        Sources {
            config: self.sources.config.clone(),
            policies: policies.or_else(|| self.sources.policies.clone()),
            people: people.or_else(|| self.sources.people.clone()),
        }
    }
}

/// What a run would read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) config: PathBuf,
    pub(super) people: Option<PathBuf>,
    /// None where nothing that can be read names it.
    policies: Option<PathBuf>,
}

impl Places {
    /// As the operator's file names them. A broken one names nothing; who loads it tells what is wrong.
    pub(super) fn read(sources: &Sources) -> Self {
        let shown = sources.config.display().to_string();
        let bytes = files::read_file(&sources.config).ok();
        let config =
            bytes.and_then(|bytes| config::load(&shown, &sources.config, &bytes, &systems::descriptions()).ok());
        Self::named_by(sources, config)
    }

    fn named_by(sources: &Sources, config: Option<config::Config>) -> Self {
        let (people, policies) = config.map_or((None, None), |config| (config.people, Some(config.policies)));
        Self {
            config: sources.config.clone(),
            people: sources.people.clone().or(people),
            policies: sources.policies.clone().or(policies),
        }
    }

    /// In the order in which [`Directory::through_links`] finds them again.
    fn watched(&self) -> Watched {
        let files = std::iter::once(self.config.clone()).chain(self.people.clone());
        Watched { files: files.collect(), trees: self.policies.clone().into_iter().collect() }
    }
}

/// One look, and what is going on there.
fn look(places: &Places, lock_age: Duration) -> Result<(Survey, Option<String>), SourceError> {
    let Some(root) = &places.policies else { return Ok((survey(&places.watched()), None)) };
    if let Err(error) = std::fs::read_dir(root) {
        return Err(SourceError::Directory { path: root.clone(), why: error.to_string() });
    }
    let seen = survey(&places.watched());
    let stirring = rest::git_at_work(root, seen.newest, lock_age);
    Ok((seen, stirring))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use std::time::SystemTime;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    use super::*;
    use rest::REST;

    fn directory(dir: &Path) -> Directory {
        let sources = Sources { config: dir.join("portcullis.yaml"), ..Sources::default() };
        Directory { patience: 3 * REST, ..Directory::new(sources) }
    }

    fn prepared() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let config = "version: 1\npolicies: policies\npeople: people.yaml\njournal: ephemeral\ntargets:\n  s2:\n    system: s2\n    \
                      account: x\n    credential: { env: S2 }\n    own: { access_tokens: unlisted }\n";
        fs::write(dir.path().join("portcullis.yaml"), config).unwrap();
        fs::write(dir.path().join("people.yaml"), "version: 1\n").unwrap();
        dir
    }

    #[tokio::test]
    async fn links_are_resolved_once_so_that_all_is_of_one_side() {
        let dir = prepared();
        for side in ["one", "two"] {
            fs::create_dir_all(dir.path().join(side).join("policies")).unwrap();
            fs::write(dir.path().join(side).join("people.yaml"), side).unwrap();
        }
        symlink("one", dir.path().join("current")).unwrap();
        symlink("current/policies", dir.path().join("policies")).unwrap();
        fs::remove_file(dir.path().join("people.yaml")).unwrap();
        symlink("current/people.yaml", dir.path().join("people.yaml")).unwrap();
        let mut directory = directory(dir.path());
        let checkout = directory.fetch().await.unwrap();
        let real = fs::canonicalize(dir.path()).unwrap();
        assert_eq!(checkout.sources.policies, Some(real.join("one/policies")));
        assert_eq!(checkout.sources.people, Some(real.join("one/people.yaml")));
        assert_eq!(checkout.revision, None);
        assert!(directory.is_as_fetched().await);
        let watched = directory.watched();
        assert_eq!(watched.trees, [dir.path().join("policies")], "by the link, or its swap would not be seen");
        symlink("two", dir.path().join("new")).unwrap();
        fs::rename(dir.path().join("new"), dir.path().join("current")).unwrap();
        assert!(!directory.is_as_fetched().await, "what was loaded meanwhile is thrown away");
        assert_eq!(directory.fetch().await.unwrap().sources.policies, Some(real.join("two/policies")));
    }

    #[tokio::test]
    async fn a_root_that_is_gone_is_an_error_and_a_broken_configuration_is_left_to_its_reader() {
        let dir = prepared();
        let mut directory = directory(dir.path());
        assert!(!directory.is_as_fetched().await, "nothing was fetched yet");
        let told = directory.fetch().await.unwrap_err();
        assert!(matches!(&told, SourceError::Directory { path, .. } if path.ends_with("policies")), "{told}");
        assert!(!directory.is_as_fetched().await, "the fetch gave nothing");
        fs::write(dir.path().join("policies"), "a file").unwrap();
        assert!(matches!(directory.fetch().await, Err(SourceError::Directory { .. })));
        fs::write(dir.path().join("portcullis.yaml"), "version: 9").unwrap();
        assert_eq!(directory.fetch().await.unwrap().sources.config, dir.path().join("portcullis.yaml"));
    }

    #[tokio::test]
    async fn half_of_a_checkout_is_never_read() {
        let dir = prepared();
        fs::create_dir_all(dir.path().join("policies")).unwrap();
        fs::create_dir_all(dir.path().join(".git")).unwrap();
        let lock = dir.path().join(".git/index.lock");
        fs::write(&lock, "").unwrap();
        let mut directory = directory(dir.path());
        let told = directory.fetch().await.unwrap_err();
        assert!(told.to_string().contains("index.lock"), "{told}");
        // One that was left behind does not stop everything for good, unless files changed after it: git was ended half-way.
        let of_lock = |time| fs::File::options().write(true).open(&lock).unwrap().set_modified(time).unwrap();
        of_lock(SystemTime::now());
        directory.lock_age = Duration::ZERO;
        directory.fetch().await.unwrap();
        let file = dir.path().join("policies/a.yaml");
        fs::write(&file, "half").unwrap();
        of_lock(SystemTime::now() - DAY);
        let told = directory.fetch().await.unwrap_err();
        assert!(told.to_string().contains("remove the lock"), "{told}");
        directory.lock_age = 2 * DAY;
        // A work tree's own directory is named by a file.
        fs::rename(dir.path().join(".git"), dir.path().join("elsewhere")).unwrap();
        fs::write(dir.path().join(".git"), "gitdir: elsewhere\n").unwrap();
        fs::write(dir.path().join("elsewhere/index.lock"), "").unwrap();
        assert!(matches!(directory.fetch().await, Err(SourceError::Unsettled { .. })));
        fs::remove_file(dir.path().join("elsewhere/index.lock")).unwrap();
        directory.fetch().await.unwrap();
    }

    #[tokio::test]
    async fn a_git_operation_that_waits_for_a_person_leaves_no_tree() {
        let dir = prepared();
        fs::create_dir_all(dir.path().join("policies")).unwrap();
        let mut directory = directory(dir.path());
        fs::create_dir_all(dir.path().join("elsewhere")).unwrap();
        fs::write(dir.path().join(".git"), "gitdir: elsewhere\n").unwrap();
        directory.fetch().await.unwrap();
        for (name, is_directory) in [("rebase-merge", true), ("rebase-apply", true), ("sequencer", true)]
            .into_iter()
            .chain(["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG"].map(|name| (name, false)))
        {
            let mark = dir.path().join("elsewhere").join(name);
            if is_directory { fs::create_dir(&mark) } else { fs::write(&mark, "") }.unwrap();
            let told = directory.fetch().await.unwrap_err();
            assert!(told.to_string().contains(name) && told.to_string().contains("git status"), "{told}");
            if is_directory { fs::remove_dir(&mark) } else { fs::remove_file(&mark) }.unwrap();
            directory.fetch().await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_tree_counts_once_it_is_at_rest() {
        let dir = prepared();
        fs::create_dir_all(dir.path().join("policies")).unwrap();
        let file = dir.path().join("policies/a.yaml");
        let mut directory = directory(dir.path());
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let writer = std::thread::spawn(move || {
            let mut number = 0_u64;
            while stopped.try_recv() == Err(tokio::sync::oneshot::error::TryRecvError::Empty) {
                number += 1;
                fs::write(&file, number.to_string()).unwrap();
            }
        });
        let told = directory.fetch().await.unwrap_err();
        drop(stop);
        writer.join().unwrap();
        assert!(matches!(told, SourceError::Unsettled { .. }), "{told}");
        directory.fetch().await.unwrap();
    }
}
