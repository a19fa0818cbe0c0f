//! How the daemon begins: the first files, the journal, and the board before anything was looked at.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, RwLock},
};

use tokio::{sync::watch, task::JoinSet, time::Instant};

use super::Daemon;
use crate::{
    access::Text,
    apply::Clock,
    config::JournalPlace,
    journal::JournalError,
    run::{Connect, Fleet},
    serve::{Board, JournalView},
    transport::Stop,
    watch::{
        Found, SourceError, SourceOptions, Tell, Trees, Triggers,
        cut_off::{self, CutOff},
        freezes::Freezes,
        fresh::Fresh,
        pause::Pauses,
        reload::{First, Reloader},
        shared::Shared,
        stopped::Stopped,
    },
    yaml::Problem,
};

/// What the daemon begins with.
pub struct Start {
    /// Where the files come from.
    pub source: SourceOptions,
    /// Only these targets; empty: all.
    pub only: Vec<Text>,
    /// Whether a missing journal is made.
    pub new_journal: bool,
    /// Brings targets within reach.
    pub connect: Arc<dyn Connect>,
    /// What is shown of it.
    pub board: Arc<Board>,
    /// The time.
    pub clock: Clock,
    /// Who is told.
    pub tell: Arc<dyn Tell>,
    /// Asked for by a signal.
    pub stop: Stop,
}

/// Why the daemon cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The operator's file is broken.
    #[error("portcullis.yaml cannot be used: {} problems", .0.len())]
    Load(Vec<Problem>),
    /// The source cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// `--target` names what is not there; with what is.
    #[error("portcullis.yaml has no target `{0}`")]
    UnknownTarget(Text, Vec<Text>),
    /// The files could not be read at all.
    #[error("the files could not be read: {0}")]
    Broken(String),
}

impl Daemon {
    /// Loads the files and opens the journal. No target is looked at before [`Daemon::run`].
    ///
    /// # Errors
    /// [`WatchError`]. Broken policies are no error here: they are reported, and hold what they touch.
    pub async fn start(start: Start) -> Result<Self, WatchError> {
        let Start { source, only, new_journal, connect, board, clock, tell, stop } = start;
        let git_ref = source.git.as_ref().map(|git| git.git_ref.clone());
        let (read_at, is_fetched) = (Instant::now(), source.git.is_some());
        let First { reloader, loaded, digests, contents, revision, failing, is_whole } =
            Reloader::begin(source).await?;
        if let Some(unknown) = only.iter().find(|name| !loaded.config.targets.contains_key(*name)) {
            let known = loaded.config.targets.keys().cloned().collect();
            return Err(WatchError::UnknownTarget(unknown.clone(), known));
        }
        let fleet = Fleet::open(&loaded.config, new_journal).await?;
        let journal = fleet.journal().await?;
        let kept = journal.good_trees().await?;
        let now = clock();
        let cut_off = CutOff::of(journal.unended(cut_off::COMMAND).await?);
        let pauses = Pauses::from_journal(journal.last_pause().await?);
        let mut trees = Trees::new(&loaded, kept);
        if is_whole {
            trees.take(Found::Tree { loaded, digests: digests.clone(), contents, revision }, now);
        }
        if let Some(error) = failing {
            trees.take(Found::Unreadable { error, digests }, now);
        }
        let place = match fleet.place() {
            JournalPlace::File(path) => path.display().to_string(),
            JournalPlace::Ephemeral => "ephemeral".to_owned(),
        };
        board.set_journal(JournalView { place, failing: None });
        let triggers = Triggers::new(Arc::clone(&board));
        let shared = Arc::new(Shared {
            board,
            fleet,
            trees: RwLock::new(trees),
            fresh: Fresh::new(read_at, is_fetched),
            pauses,
            cut_off,
            freezes: Freezes::default(),
            stopped: Stopped::default(),
            triggers,
            connect,
            tell,
            clock,
            began: Instant::now(),
            only,
            stop,
            git_ref,
            journal_failed: Mutex::default(),
        });
        let configs = watch::Sender::new(shared.config());
        let mut daemon = Self {
            reloader,
            files: None,
            unwatched: None,
            configs,
            shared,
            workers: JoinSet::new(),
            running: BTreeMap::new(),
            leaving: BTreeMap::new(),
            kept_in: 0,
        };
        daemon.shared.tell.set_receivers(&daemon.config().watch.notify);
        daemon.shared.show_freezes();
        daemon.shared.show_pause();
        if let Some(pause) = daemon.shared.board.pause() {
            tracing::warn!(because = pause.because, "all writing is stopped");
        }
        // The targets before the tree: who probes meanwhile is not told that all of them were looked at.
        daemon.show_new();
        daemon.tell_source();
        daemon.show_source();
        daemon.spare_others();
        daemon.keep().await;
        daemon.tell_of_gone().await;
        Ok(daemon)
    }
    /// Tells what looks of before came to that were cut off at targets that are not configured any more: they have no task.
    async fn tell_of_gone(&self) {
        let config = self.config();
        for name in self.shared.cut_off.targets().iter().filter(|name| !config.targets.contains_key(*name)) {
            cut_off::tell(&self.shared, name).await;
        }
    }
}
