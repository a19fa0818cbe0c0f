//! One process applies to one target at a time: a locked file beside the journal, which names its holder.
//!
//! The operating system gives the lock back when its holder dies, so that no stale lock is left. The file itself stays.

use std::{
    collections::HashSet,
    fs::{File, TryLockError},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{JournalError, store};

/// How often a held lock is tried again.
const POLL: Duration = Duration::from_millis(100);

/// The longest note of a holder that is read.
const HOLDER_BYTES: u64 = 512;

/// What may stand in a file's name as it is.
const FILE_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// One process applies to one target at a time. Released when dropped.
#[derive(Debug)]
pub struct TargetLock {
    _held: Held,
}

#[derive(Debug)]
enum Held {
    /// A locked file: closing it releases.
    File { _file: File },
    /// A name in the set of a journal in memory.
    Name { names: Names, name: String },
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Self::Name { names, name } = self {
            names.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        }
    }
}

/// The targets locked through a journal in memory, which no other process can see.
pub(super) type Names = Arc<Mutex<HashSet<String>>>;

/// Where the locks of a journal are.
#[derive(Clone)]
pub(super) enum Locks {
    Directory(PathBuf),
    Memory(Names),
}

impl Locks {
    /// The locks of a journal file: `<journal>.locks/`, beside the file itself, by whatever link it is reached.
    pub(super) fn beside(journal: &Path) -> Self {
        // It is there, and open. Where its place cannot be told all the same, its name has to do.
        let mut path = std::fs::canonicalize(journal).unwrap_or_else(|_| journal.to_owned()).into_os_string();
        path.push(".locks");
        Self::Directory(path.into())
    }

    pub(super) async fn take(&self, target: &str, wait: Duration) -> Result<TargetLock, JournalError> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            let by = match self.try_take(target)? {
                Ok(_held) => return Ok(TargetLock { _held }),
                Err(by) => by,
            };
            let now = tokio::time::Instant::now();
            if now >= deadline {
                return Err(JournalError::TargetHeld { target: target.to_owned(), by });
            }
            tokio::time::sleep(POLL.min(deadline - now)).await;
        }
    }

    /// The lock, or who holds it.
    fn try_take(&self, target: &str) -> Result<Result<Held, String>, JournalError> {
        match self {
            Self::Directory(directory) => try_file(directory, target),
            Self::Memory(names) => {
                let fresh = names.lock().unwrap_or_else(PoisonError::into_inner).insert(target.to_owned());
                let held = || Held::Name { names: Arc::clone(names), name: target.to_owned() };
                Ok(if fresh { Ok(held()) } else { Err("this process".into()) })
            }
        }
    }
}

fn try_file(directory: &Path, target: &str) -> Result<Result<Held, String>, JournalError> {
    let path = directory.join(utf8_percent_encode(target, FILE_NAME).to_string());
    let failed = |error: std::io::Error| {
        JournalError::Storage(format!("cannot lock target {target} with {}: {error}", path.display()))
    };
    store::make_private_directory(directory).map_err(failed)?;
    let mut file = store::private_file().read(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {
            let since = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
            let holder = format!("process {} on {} since {since}", std::process::id(), host_name());
            // The note is for people only; the lock holds without it.
            if file.set_len(0).and_then(|()| file.write_all(holder.as_bytes())).is_err() {
                tracing::debug!(target, "the lock's holder could not be noted");
            }
            Ok(Ok(Held::File { _file: file }))
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let read = file.take(HOLDER_BYTES).read_to_string(&mut holder);
            let known = read.is_ok() && !holder.is_empty();
            Ok(Err(if known { holder } else { "another process".into() }))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn host_name() -> String {
    let known = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .map(|name| name.trim().to_owned());
    known.filter(|name| !name.is_empty()).unwrap_or_else(|| "this host".into())
}
