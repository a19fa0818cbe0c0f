//! Tells when files changed: policies, people, configuration, certificates and the stop file.
//!
//! Directories are watched, never files, so that editors that rename, `git checkout`, and links that are swapped (Kubernetes'
//! `..data`, git-sync) are seen alike. An event only wakes: what it says is not believed. A burst of them is waited out, then
//! everything is looked at anew ([`super::survey`]), directories that came, went or were replaced are watched from then on,
//! and only where the look differs from the one before is "changed" said. So nothing that is written beside them (a journal,
//! an editor's swap file) counts, and a queue that ran over costs nothing but one more look.
//!
//! Where the system cannot watch (its limits are reached, a directory is not ours to read), the same look is made again and
//! again instead, and that is said. The same is done where the operator says so, as on a network file system, which tells
//! nobody of what another machine writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant, SystemTime},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};

use super::survey::{Survey, Watched, survey};

/// How long it has to be quiet before a burst of events counts as over.
const QUIET: Duration = Duration::from_millis(100);
/// How long a burst is waited for at most.
const BURST: Duration = Duration::from_secs(2);
/// How often files are looked at where the system cannot watch them.
pub const POLL: Duration = Duration::from_secs(2);
/// Why they are, where the operator chose it.
const CHOSEN: &str = "portcullis.yaml says `files: poll`";
/// After how many such looks watching is tried again.
const TRY_AGAIN: u32 = 30;
/// How often directories are looked for again that came up while others were being watched.
const ROUNDS: usize = 8;
/// A change as young as this may have a twin with the same time, which the next look could not tell from it.
const TWIN: Duration = Duration::from_millis(50);

/// How changes are seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watching {
    /// The system tells of them.
    Events,
    /// Everything is looked at every [`POLL`], because of this.
    Polling(String),
}

/// Watches files until it is dropped.
#[derive(Debug)]
pub struct FileWatcher {
    shared: Arc<Shared>,
    wake: SyncSender<()>,
}

#[derive(Debug)]
struct Shared {
    wanted: Mutex<Wanted>,
    state: Mutex<Watching>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    watched: Watched,
    /// Whether the system is not to be asked.
    poll: bool,
    is_over: bool,
}

impl FileWatcher {
    /// Watches from now on. `changed` is called, on a thread of its own, once everything is watched and then after each
    /// change; it has to return soon, and only ever means "look again". `poll`: changes are looked for every [`POLL`].
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(watched: Watched, poll: bool, changed: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (wake, woken) = sync_channel(1);
        let wanted = Wanted { watched, poll, is_over: false };
        let shared = Arc::new(Shared { wanted: Mutex::new(wanted), state: Mutex::new(Watching::Events) });
        let watcher = Self { shared: shared.clone(), wake: wake.clone() };
        let looking = Looking {
            shared,
            wake,
            woken,
            interest: Arc::default(),
            watcher: None,
            armed: BTreeMap::new(),
            before: None,
            polling: None,
        };
        std::thread::Builder::new().name("files".into()).spawn(move || looking.run(&changed))?;
        Ok(watcher)
    }

    /// Watches these from now on, in this way. Where they are others than before, "changed" is said once they are watched.
    pub fn follow(&self, watched: Watched, poll: bool) {
        let mut current = self.shared.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = Wanted { watched, poll, ..*current };
        if *current != wanted {
            *current = wanted;
            drop(current);
            let _ = self.wake.try_send(());
        }
    }

    /// How changes are seen just now.
    pub fn watching(&self) -> Watching {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for FileWatcher {
    fn drop(&mut self) {
        self.shared.wanted.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
        let _ = self.wake.try_send(());
    }
}

/// The thread's own.
struct Looking {
    shared: Arc<Shared>,
    wake: SyncSender<()>,
    woken: Receiver<()>,
    /// Which events wake it.
    interest: Arc<RwLock<Option<Survey>>>,
    watcher: Option<RecommendedWatcher>,
    /// The directories that are watched, and which ones they were.
    armed: BTreeMap<PathBuf, Identity>,
    before: Option<([u8; 32], Watched)>,
    /// Why nothing can be watched, and for how many looks it is not tried again.
    polling: Option<(String, u32)>,
}

impl Looking {
    fn run(mut self, changed: &dyn Fn()) {
        loop {
            let Wanted { watched, poll, is_over } =
                self.shared.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if is_over {
                return;
            }
            let now = self.look(&watched, poll);
            let seen = (now.stamp, watched);
            if self.before.as_ref() != Some(&seen) {
                changed();
            }
            let has_twin = now.newest.is_some_and(is_young);
            self.before = (!has_twin).then_some(seen);
            self.tell();
            self.wait();
        }
    }

    /// Watches what has to be watched, then looks: what changes in between is told by an event.
    fn look(&mut self, watched: &Watched, poll: bool) -> Survey {
        if poll {
            self.watcher = None;
            self.armed.clear();
            // Watching is tried at once where it is not chosen any more.
            self.polling = Some((CHOSEN.to_owned(), 0));
            return survey(watched);
        }
        if let Some((_, looks @ 1..)) = &mut self.polling {
            *looks -= 1;
            return survey(watched);
        }
        let mut now = survey(watched);
        for _ in 0..ROUNDS {
            *self.interest.write().unwrap_or_else(PoisonError::into_inner) = Some(now.clone());
            let armed_before: BTreeSet<PathBuf> = self.armed.keys().cloned().collect();
            if let Err(why) = self.arm(&now) {
                self.polling = Some((why, TRY_AGAIN));
                return survey(watched);
            }
            now = survey(watched);
            if now.directories().into_iter().all(|directory| armed_before.contains(directory)) {
                break;
            }
        }
        self.polling = None;
        now
    }

    fn arm(&mut self, now: &Survey) -> Result<(), String> {
        let needed = now.directories();
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            None => {
                self.armed.clear();
                let made = watcher(self.interest.clone(), self.wake.clone()).map_err(|error| said(&error))?;
                self.watcher.insert(made)
            }
        };
        let gone: Vec<PathBuf> = self.armed.keys().filter(|known| !needed.contains(known.as_path())).cloned().collect();
        for directory in gone {
            self.armed.remove(&directory);
            // It may have ended by itself with its directory.
            let _ = watcher.unwatch(&directory);
        }
        for directory in needed {
            let is = identity(directory);
            if self.armed.get(directory).is_some_and(|was| Some(*was) != is) {
                let _ = watcher.unwatch(directory);
            }
            // Those that are watched too: what was moved away and back is forgotten by the watcher. It costs next to nothing.
            match (watcher.watch(directory, RecursiveMode::NonRecursive), is) {
                (Ok(()), Some(is)) => drop(self.armed.insert(directory.to_owned(), is)),
                // It went just now; the directory above tells of it.
                (Err(_), _) if !directory.exists() => drop(self.armed.remove(directory)),
                (Ok(()), None) => {}
                (Err(error), _) => {
                    // Nothing half: events that come from some directories only would look as if all were well.
                    self.watcher = None;
                    return Err(said(&error));
                }
            }
        }
        Ok(())
    }

    /// Says how changes are seen, where that is another way than before.
    fn tell(&self) {
        let state = self.polling.as_ref().map_or(Watching::Events, |(why, _)| Watching::Polling(why.clone()));
        let mut told = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        if *told == state {
            return;
        }
        match &state {
            Watching::Events => tracing::info!("file changes are told by the system again"),
            Watching::Polling(why) if why == CHOSEN => {
                tracing::info!(why, "changes of files are looked for every {} s", POLL.as_secs());
            }
            Watching::Polling(why) => {
                tracing::warn!(why, "file changes cannot be watched; they are looked for every {} s", POLL.as_secs());
            }
        }
        *told = state;
    }

    /// Waits for the end of the next burst, or for the next look. The channel cannot close: one end of it is ours.
    fn wait(&self) {
        if self.polling.is_some() {
            let _ = self.woken.recv_timeout(POLL);
            return;
        }
        let _ = self.woken.recv();
        let began = Instant::now();
        while began.elapsed() < BURST && self.woken.recv_timeout(QUIET).is_ok() {}
    }
}

fn watcher(interest: Arc<RwLock<Option<Survey>>>, wake: SyncSender<()>) -> notify::Result<RecommendedWatcher> {
    let told = move |event: notify::Result<Event>| {
        let counts = match &event {
            // What cannot be told may be anything, and so may what a full queue swallowed.
            Err(_) => true,
            Ok(event) if event.need_rescan() || event.paths.is_empty() => true,
            Ok(event) => {
                // Our own reading opens and closes files.
                let is_reading =
                    matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write));
                let interest = interest.read().unwrap_or_else(PoisonError::into_inner);
                let concerns = |path: &PathBuf| interest.as_ref().is_none_or(|interest| interest.concerns(path));
                !is_reading && event.paths.iter().any(concerns)
            }
        };
        if counts {
            // A full channel holds a wake-up already.
            let _ = wake.try_send(());
        }
    };
    RecommendedWatcher::new(told, notify::Config::default().with_follow_symlinks(false))
}

/// Whether a change may have a twin. A time that is still to come is of another clock.
fn is_young(newest: SystemTime) -> bool {
    newest.elapsed().unwrap_or_else(|ahead| ahead.duration()) < TWIN
}

fn said(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => "the system's limit of watched directories is reached (on Linux \
                                             fs.inotify.max_user_watches)"
            .into(),
        notify::ErrorKind::Io(error) => error.to_string(),
        _ => error.to_string(),
    }
}

/// Which directory it is that has a name.
type Identity = (u64, u64);

fn identity(directory: &Path) -> Option<Identity> {
    let about = std::fs::metadata(directory).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Some((about.dev(), about.ino()))
    }
    #[cfg(not(unix))]
    Some((0, about.len()))
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
