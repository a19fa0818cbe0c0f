//! The own checkout on disk: its lock, and the commit that runs are pinned to, which survives a restart.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::SourceError;
use crate::{access::Text, journal::make_private_directory};

const LOCK: &str = "lock";
const PINNED: &str = "pinned.json";
/// How long the process before may take to let go of it.
const LOCK_WAIT: Duration = Duration::from_secs(2);
const MAX_PINNED_BYTES: u64 = 64 * 1024;
/// The version of the file's form.
const VERSION: u32 = 1;

/// The commit that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pinned {
    version: u32,
    pub(super) commit: Text,
    /// The whole name of the ref that it was on.
    pub(super) git_ref: Text,
    /// A digest of the repository's address.
    pub(super) origin: Text,
    /// The last head of a rewritten ref that a person accepted: one word of acceptance is good once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) accepted: Option<Text>,
    /// What the ref was on when the remote was asked last, where that was not this commit and was not taken; empty where there
    /// was no such ref any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) moved_to: Option<Text>,
}

impl Pinned {
    pub(super) fn new(commit: Text, git_ref: Text, origin: Text, accepted: Option<Text>) -> Self {
        Self { version: VERSION, commit, git_ref, origin, accepted, moved_to: None }
    }
}

/// Works on files of the checkout, on a thread for what blocks: the daemon's loop goes on meanwhile.
pub(super) async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    let cut_off = |_| Err(SourceError::Checkout { path: path.to_owned(), why: "working on it was cut off".into() });
    tokio::task::spawn_blocking(work).await.unwrap_or_else(cut_off)
}

/// The checkout's directory, held by this process alone for as long as this lives.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
    _lock: File,
}

impl Place {
    /// Makes the directory where there is none, and takes its lock. What an earlier process exported is removed.
    pub(super) fn open(root: &Path) -> Result<Self, SourceError> {
        let failed = |error: io::Error| SourceError::Checkout { path: root.to_owned(), why: error.to_string() };
        make_private_directory(root).map_err(failed)?;
        let root = fs::canonicalize(root).map_err(failed)?;
        let lock = File::options().create(true).truncate(false).write(true).open(root.join(LOCK)).map_err(failed)?;
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(LOCK_WAIT / 20),
                Err(fs::TryLockError::WouldBlock) => return Err(SourceError::Busy { path: root }),
                Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        let place = Self { root, _lock: lock };
        match fs::remove_dir_all(place.trees()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        fs::create_dir(place.trees()).map_err(failed)?;
        Ok(place)
    }

    /// The bare repository.
    pub(super) fn repository(&self) -> PathBuf {
        self.root.join("repository.git")
    }

    /// Where commits are written out, one directory each.
    pub(super) fn trees(&self) -> PathBuf {
        self.root.join("trees")
    }

    /// An error of this place.
    pub(super) fn failed(&self, why: impl ToString) -> SourceError {
        SourceError::Checkout { path: self.root.clone(), why: why.to_string() }
    }

    /// The commit that is in force. A file that cannot be read is an error: forgetting it would forgive a rewritten ref.
    pub(super) fn pinned(&self) -> Result<Option<Pinned>, SourceError> {
        let path = self.root.join(PINNED);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_PINNED_BYTES).read_to_end(&mut bytes).map_err(|error| self.failed(error))?;
        match serde_json::from_slice::<Pinned>(&bytes) {
            Ok(pinned) if pinned.version == VERSION => Ok(Some(pinned)),
            Ok(pinned) => Err(self.failed(format!("{PINNED} has version {}, not {VERSION}", pinned.version))),
            Err(error) => Err(self.failed(format!("{PINNED} is damaged ({error}); remove the whole directory"))),
        }
    }

    /// Keeps the commit that is in force: whole or not at all, and on disk before it is used.
    pub(super) fn pin(&self, pinned: &Pinned) -> Result<(), SourceError> {
        let keep = || -> io::Result<()> {
            let new = self.root.join("pinned.new");
            let mut file = File::create(&new)?;
            file.write_all(&serde_json::to_vec(pinned)?)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&new, self.root.join(PINNED))?;
            File::open(&self.root)?.sync_all()
        };
        keep().map_err(|error| self.failed(error))
    }
}
