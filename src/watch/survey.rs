//! One look at the files that a run loads, without reading them: what they are, where links lead, and which directories tell
//! of a change.
//!
//! Two surveys with the same stamp saw the same files: replaced, rewritten, touched or re-linked files differ in inode, size
//! or change time. The stamp decides nothing but whether it is worth to look again.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ffi::{OsStr, OsString},
    fs::{self, Metadata},
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

use sha2::{Digest as _, Sha256};

use crate::{
    config::Config,
    run::files::{MAX_DEPTH, MAX_FILES},
};

/// The most links that one path may lead through.
const MAX_LINKS: usize = 40;

/// What is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// Files by name, whether they are there or not.
    pub files: Vec<PathBuf>,
    /// Directories with all that is in them.
    pub trees: Vec<PathBuf>,
}

impl Watched {
    /// What a run of this configuration loads besides credentials, and what stops it: the operator's file, the stop file,
    /// certificates, and the people and policies that it names.
    pub fn of(config: &Config) -> Self {
        let certificates = config.targets.values().filter_map(|target| target.ca_file.clone());
        let files = [Some(config.path.clone()), config.people.clone(), config.stop_file.clone()];
        Self { files: files.into_iter().flatten().chain(certificates).collect(), trees: vec![config.policies.clone()] }
            .tidy()
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.files.extend(other.files);
        self.trees.extend(other.trees);
        self.tidy()
    }

    fn tidy(mut self) -> Self {
        self.files.sort();
        self.files.dedup();
        self.trees.sort();
        self.trees.dedup();
        self
    }
}

/// What one look came to.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    /// A digest of all that was seen.
    pub(super) stamp: [u8; 32],
    /// The last change of a file or directory, by the file system's clock.
    pub(super) newest: Option<SystemTime>,
    /// Directories in which every name counts.
    pub(super) whole: BTreeSet<PathBuf>,
    /// Directories in which some names count: those of files, of directories and links on the way, and of what is missing.
    pub(super) named: BTreeMap<PathBuf, BTreeSet<OsString>>,
    /// Where the paths lead, the files' first; none for what is not there.
    pub(super) real: Vec<Option<PathBuf>>,
}

impl Survey {
    /// Every directory that tells of a change.
    pub(super) fn directories(&self) -> BTreeSet<&Path> {
        self.whole.iter().chain(self.named.keys()).map(PathBuf::as_path).collect()
    }

    /// Whether a change at a path may be one of what is watched.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        if self.whole.contains(path) || self.named.contains_key(path) {
            return true;
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else { return true };
        self.whole.contains(parent) || self.named.get(parent).is_some_and(|names| names.contains(name))
    }
}

/// Looks at everything that is watched.
pub(super) fn survey(watched: &Watched) -> Survey {
    let mut looking = Looking::default();
    for file in &watched.files {
        let real = looking.follow(file);
        looking.see(file.as_os_str(), real.as_deref());
        looking.real.push(real);
    }
    for tree in &watched.trees {
        let real = looking.follow(tree);
        looking.see(tree.as_os_str(), real.as_deref());
        if let Some(real) = real.as_ref().filter(|real| real.is_dir()) {
            looking.walk(real, 0);
        }
        looking.real.push(real);
    }
    Survey {
        stamp: looking.stamp.finalize().into(),
        newest: looking.newest,
        whole: looking.whole,
        named: looking.named,
        real: looking.real,
    }
}

#[derive(Default)]
struct Looking {
    stamp: Sha256,
    newest: Option<SystemTime>,
    whole: BTreeSet<PathBuf>,
    named: BTreeMap<PathBuf, BTreeSet<OsString>>,
    real: Vec<Option<PathBuf>>,
    seen: usize,
}

impl Looking {
    /// Follows a path link by link, and notes every directory whose change could lead it elsewhere.
    fn follow(&mut self, path: &Path) -> Option<PathBuf> {
        let path = std::path::absolute(path).ok()?;
        let mut at: PathBuf =
            path.components().take_while(|part| matches!(part, Component::Prefix(_) | Component::RootDir)).collect();
        let mut rest: VecDeque<OsString> = parts(&path);
        let mut links = 0;
        while let Some(part) = rest.pop_front() {
            if part == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&part);
            // Each of them: whoever deploys may swap any directory on the way.
            self.note(&at, &part);
            match fs::symlink_metadata(&next) {
                Ok(about) if about.is_symlink() => {
                    links += 1;
                    let target = fs::read_link(&next).ok().filter(|_| links <= MAX_LINKS)?;
                    if target.is_absolute() {
                        at = target
                            .components()
                            .take_while(|part| matches!(part, Component::Prefix(_) | Component::RootDir))
                            .collect();
                    }
                    for part in parts(&target).into_iter().rev() {
                        rest.push_front(part);
                    }
                }
                Ok(_) => at = next,
                Err(_) => return None,
            }
        }
        Some(at)
    }

    fn note(&mut self, directory: &Path, name: &OsStr) {
        match self.named.get_mut(directory) {
            Some(names) => drop(names.insert(name.to_owned())),
            None => drop(self.named.insert(directory.to_owned(), BTreeSet::from([name.to_owned()]))),
        }
    }

    /// Takes what a name leads to into the stamp.
    fn see(&mut self, name: &OsStr, real: Option<&Path>) {
        self.word(name.as_encoded_bytes());
        match real.map(|real| (real, fs::metadata(real))) {
            Some((real, Ok(about))) => {
                self.word(real.as_os_str().as_encoded_bytes());
                self.about(&about);
            }
            Some((_, Err(error))) => self.word(error.kind().to_string().as_bytes()),
            None => self.word(b"none"),
        }
    }

    fn word(&mut self, bytes: &[u8]) {
        self.stamp.update(bytes.len().to_le_bytes());
        self.stamp.update(bytes);
    }

    fn about(&mut self, about: &Metadata) {
        let changed = changed(about);
        self.newest = self.newest.max(changed);
        let since = changed.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok()).unwrap_or_default();
        self.stamp.update(since.as_nanos().to_le_bytes());
        // A directory's size and inode change with what is in it, which is seen for itself.
        self.stamp.update(about.len().to_le_bytes());
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            for number in [about.dev(), about.ino(), u64::from(about.mode())] {
                self.stamp.update(number.to_le_bytes());
            }
        }
    }

    /// A directory of a tree. What its reader skips (names with a dot before them) does not count here either.
    fn walk(&mut self, directory: &Path, depth: usize) {
        self.whole.insert(directory.to_owned());
        let mut names: Vec<(OsString, fs::FileType)> = fs::read_dir(directory)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|found| !found.file_name().as_encoded_bytes().starts_with(b"."))
            .filter_map(|found| Some((found.file_name(), found.file_type().ok()?)))
            .take(MAX_FILES)
            .collect();
        names.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, kind) in names {
            self.seen += 1;
            if self.seen > MAX_FILES {
                return;
            }
            let path = directory.join(&name);
            if kind.is_symlink() {
                let real = self.follow(&path);
                self.see(&name, real.as_deref());
            } else {
                self.see(&name, Some(&path));
                if kind.is_dir() && depth < MAX_DEPTH {
                    self.walk(&path, depth + 1);
                }
            }
        }
        self.word(b"end");
    }
}

/// The names on the way; what a link's target begins with is left out.
fn parts(path: &Path) -> VecDeque<OsString> {
    let named = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    });
    named.collect()
}

/// The later of the times at which what is in a file, and what is said of it, changed.
fn changed(about: &Metadata) -> Option<SystemTime> {
    let modified = about.modified().ok();
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let (seconds, nanos) = (u64::try_from(about.ctime()).ok()?, u32::try_from(about.ctime_nsec()).ok()?);
        let said = SystemTime::UNIX_EPOCH.checked_add(std::time::Duration::new(seconds, nanos));
        modified.max(said)
    }
    #[cfg(not(unix))]
    modified
}

#[cfg(test)]
#[path = "survey_tests.rs"]
mod tests;
