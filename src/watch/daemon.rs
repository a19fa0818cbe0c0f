//! Supervises: reads the source, keeps one task a target, stops with grace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::Instant,
};

use super::{
    FileWatcher, Found, SourceError, SourceOptions, Steering, Tell, Trees, Trigger, Triggers, Watching,
    fresh::Fresh,
    mailbox::{Look, Reload},
    pause::{self, Pauses},
    publish,
    reload::{First, Reloader},
    shared::Shared,
    worker,
};
use crate::{
    access::Text,
    apply::Clock,
    config::{Config, JournalPlace, NotifyOn},
    journal::{Filter, JournalError, Record},
    run::{self, Connect, Fleet},
    serve::{Board, Control, JournalView, Records, SourceView, TreeProblem},
    transport::Stop,
    yaml::Problem,
};

/// How often the switches that stop all writing and the journal's file are looked at between looks.
const TICK: Duration = Duration::from_secs(2);
/// How long a task that broke off outside a look is left alone.
const AFTER_A_DEFECT: Duration = Duration::from_secs(60);
/// What all that ends beside the loop may take after the grace.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long a source that cannot be read is left alone at most.
const SOURCE_RETRY: Duration = Duration::from_secs(30);

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

/// The daemon, ready to run.
pub struct Daemon {
    reloader: Reloader,
    files: Option<FileWatcher>,
    /// Why there is no watcher, where there was to be one.
    unwatched: Option<String>,
    configs: watch::Sender<Arc<Config>>,
    shared: Arc<Shared>,
    workers: JoinSet<()>,
    running: BTreeMap<Text, (Stop, Id)>,
    /// Which journal keeps the trees: the first, or the one that took its place so many times.
    kept_in: u64,
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
        let pauses = Pauses::from_journal(journal.paused(now).await?);
        let mut trees = Trees::new(&loaded, kept, now);
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
            triggers,
            connect,
            tell,
            clock,
            began: Instant::now(),
            only,
            stop,
            git_ref,
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
            kept_in: 0,
        };
        daemon.shared.tell.set_receivers(&daemon.config().watch.notify);
        daemon.shared.show_pause();
        // The targets before the tree: who probes meanwhile is not told that all of them were looked at.
        daemon.show_new();
        daemon.tell_source();
        daemon.show_source();
        daemon.spare_others();
        daemon.keep().await;
        Ok(daemon)
    }

    /// What is shown of it.
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.shared.board)
    }

    /// What asks for looks.
    pub fn triggers(&self) -> Triggers {
        self.shared.triggers.clone()
    }

    /// What callers may steer.
    pub fn control(&self) -> Arc<dyn Control> {
        Arc::new(Steering(Arc::clone(&self.shared)))
    }

    /// Where its records are read.
    pub fn records(&self) -> Arc<dyn Records> {
        Arc::new(Recorded(Arc::clone(&self.shared)))
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    /// The configuration in force, and each one that is taken later.
    pub fn configs(&self) -> watch::Receiver<Arc<Config>> {
        self.configs.subscribe()
    }

    /// Looks until a stop is asked for; then waits for what is in flight, at most the configured grace. What is not settled by
    /// then stands open in the journal. Returns by when all else has to end, too: the grace and a second after the stop.
    pub async fn run(mut self) -> Instant {
        let stop = self.shared.stop.clone();
        self.keep_workers(Duration::ZERO);
        self.watch_files();
        let mut beside = JoinSet::new();
        beside.spawn(pause::keep(Arc::clone(&self.shared)));
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut reload_at = Instant::now() + self.interval();
        let triggers = self.triggers();
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                reload = triggers.next_reload() => {
                    self.reload_unless_stopped(reload).await;
                    reload_at = Instant::now() + self.interval();
                }
                () = tokio::time::sleep_until(reload_at) => {
                    let reload = Reload { trigger: Trigger::Interval, look: Look::Some(BTreeSet::new()) };
                    self.reload_unless_stopped(reload).await;
                    reload_at = Instant::now() + self.interval();
                }
                Some(ended) = self.workers.join_next_with_id() => self.ended(ended),
                _ = tick.tick() => {
                    tick_once(&self.shared);
                    self.show_watching();
                    self.keep().await;
                }
            }
        }
        self.stop().await
    }

    /// The time until the source is read again by itself.
    fn interval(&self) -> Duration {
        let interval = Duration::try_from(self.shared.config().watch.interval).unwrap_or(SOURCE_RETRY);
        if self.shared.trees().failing().is_some() { interval.min(SOURCE_RETRY) } else { interval }
    }

    /// Has changes of files say "look again". Without it they are seen when the source is read by itself.
    fn watch_files(&mut self) {
        let triggers = self.triggers();
        let watched = self.reloader.watched();
        match FileWatcher::start(watched, move || triggers.reload(Trigger::Files)) {
            Ok(files) => self.files = Some(files),
            Err(error) => {
                tracing::warn!(%error, "changes of files are not watched; they are seen at the interval");
                self.unwatched = Some(error.to_string());
            }
        }
    }

    fn watched(&self) -> Vec<Text> {
        self.shared.config().targets.keys().filter(|name| self.shared.watches(name)).cloned().collect()
    }

    /// Puts up targets that are not on the board yet.
    fn show_new(&self) {
        let config = self.shared.config();
        for name in self.watched().iter().filter(|name| self.shared.board.target(name).is_none()) {
            if let Some(target) = config.targets.get(name) {
                self.shared.board.set_target(publish::starting(target));
            }
        }
    }

    /// Nobody waits for the first readings of targets that are not looked at.
    fn spare_others(&self) {
        let config = self.shared.config();
        for name in config.targets.keys().filter(|name| !self.shared.watches(name)) {
            self.shared.fleet.peers().was_tried(name);
        }
    }

    /// A task for each target that is to be watched and has none, which begins after this time.
    fn keep_workers(&mut self, after: Duration) {
        for name in self.watched() {
            if self.running.contains_key(&name) {
                continue;
            }
            let stop = self.shared.stop.child_token();
            let mailbox = self.shared.triggers.open(&name);
            let task = worker::work(Arc::clone(&self.shared), name.clone(), mailbox, stop.clone());
            let ended = stop.clone();
            let task = async move {
                tokio::select! {
                    () = tokio::time::sleep(after) => task.await,
                    () = ended.cancelled() => {}
                }
            };
            let id = self.workers.spawn(task).id();
            self.running.insert(name, (stop, id));
        }
    }

    /// The task of a target ended: the target was taken away, or a defect of ours broke it off. Then the others go on, and this
    /// one begins anew a while later.
    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let (id, after) = match &ended {
            Ok((id, ())) => (*id, Duration::ZERO),
            Err(error) => {
                tracing::error!(%error, "the task of a target broke off");
                (error.id(), AFTER_A_DEFECT)
            }
        };
        self.running.retain(|_, (_, running)| *running != id);
        self.keep_workers(after);
    }

    /// A source may take its time: what is done between looks is done meanwhile, too.
    async fn reload_unless_stopped(&mut self, reload: Reload) {
        let shared = Arc::clone(&self.shared);
        let ticking = async {
            let mut tick = tokio::time::interval(TICK);
            loop {
                tick.tick().await;
                tick_once(&shared);
            }
        };
        tokio::select! {
            () = shared.stop.cancelled() => {}
            () = self.reload(&reload) => {}
            () = ticking => {}
        }
    }

    /// Reads the source and takes what is new in it.
    async fn reload(&mut self, reload: &Reload) {
        let began = Instant::now();
        let mut look = reload.look.clone();
        if let Some(found) = self.reloader.read(self.shared.fleet.place()).await {
            look.join(Look::Some(self.take(found, reload.trigger).await));
        } else {
            tracing::debug!(trigger = reload.trigger.name(), "the source is as it was");
        }
        let is_failing = self.shared.trees().failing().is_some();
        self.shared.fresh.was_read(if is_failing { Instant::now() } else { began });
        // Once: in between a look could begin, and the rest would ask for another one.
        self.shared.triggers.post(reload.trigger, &look);
    }

    /// Takes what is new, and returns the targets that are to be looked at.
    async fn take(&mut self, found: Found, trigger: Trigger) -> BTreeSet<Text> {
        let now = self.shared.now();
        let changed = self.shared.trees.write().unwrap_or_else(PoisonError::into_inner).take(found, now);
        let problems = self.shared.trees().problems().len();
        tracing::info!(trigger = trigger.name(), targets = changed.look.len(), problems, "the files were taken");
        self.shared.tell.set_receivers(&self.config().watch.notify);
        self.configs.send_replace(self.config());
        self.tell_source();
        self.show_source();
        self.keep().await;
        for name in &changed.gone {
            if let Some((stop, _)) = self.running.remove(name) {
                stop.cancel();
            }
            self.shared.triggers.close(name);
            self.shared.board.drop_target(name);
        }
        self.spare_others();
        self.show_new();
        self.keep_workers(Duration::ZERO);
        if let Some(files) = &self.files {
            files.follow(self.reloader.watched());
        }
        changed.look
    }

    /// Has the journal keep the good trees that it does not keep yet; what fails is tried again at the next tick. A journal that
    /// took the place of another one gets them all.
    async fn keep(&mut self) {
        let fleet = &self.shared.fleet;
        let opened = fleet.journal().await;
        let reopened = fleet.reopened();
        if reopened != self.kept_in {
            self.shared.trees.write().unwrap_or_else(PoisonError::into_inner).keep_anew();
            self.kept_in = reopened;
        }
        let unkept = self.shared.trees().unkept();
        for (name, tree) in unkept {
            let kept = match &opened {
                Ok(journal) => journal.keep_tree(&name, &tree).await,
                Err(error) => Err(error.clone()),
            };
            if let Err(error) = kept {
                tracing::debug!(target = %name, %error, "what the files say of the target could not be kept");
                self.shared.show_journal(Some(error.to_string()));
                return;
            }
            self.shared.trees.write().unwrap_or_else(PoisonError::into_inner).was_kept(&name, tree);
        }
    }

    fn show_source(&self) {
        let trees = self.shared.trees();
        let revision = trees.revision();
        let view = SourceView {
            place: self.reloader.place(),
            commit: revision.map(|revision| revision.commit.clone()),
            git_ref: revision.map(|revision| revision.git_ref.clone()),
            loaded_at: Some(trees.loaded_at()),
            failing: trees.failing().map(|(since, error)| TreeProblem {
                since: *since,
                what: error.to_string(),
                advice: error.advice(),
            }),
            problems: run::told(trees.problems()),
            bad_since: trees.bad_since(),
            polling: self.polling(),
        };
        drop(trees);
        self.shared.board.set_source(view);
    }

    /// Why the system does not tell of changed files, where it does not.
    fn polling(&self) -> Option<String> {
        match self.files.as_ref().map(FileWatcher::watching) {
            None => self.unwatched.clone(),
            Some(Watching::Events) => None,
            Some(Watching::Polling(why)) => Some(why),
        }
    }

    fn show_watching(&self) {
        let (mut source, polling) = (self.shared.board.source(), self.polling());
        if source.polling != polling {
            source.polling = polling;
            self.shared.board.set_source(source);
        }
    }

    /// Tells that the files are broken, or right again.
    fn tell_source(&self) {
        let trees = self.shared.trees();
        let mut lines: Vec<String> = trees.failing().map(|(_, error)| error.to_string()).into_iter().collect();
        let told = |problem: &Problem| format!("{}:{}: {}", problem.file, problem.line, problem.message);
        lines.extend(trees.problems().iter().map(told));
        drop(trees);
        let before = self.shared.board.source();
        let was_bad = before.failing.is_some() || !before.problems.is_empty();
        let (on, title) = match (was_bad, lines.is_empty()) {
            (_, false) => (NotifyOn::Failures, "The policies are broken: nothing goes where they bear on it"),
            (true, true) => (NotifyOn::Recoveries, "The policies load again"),
            (false, true) => return,
        };
        for line in &lines {
            tracing::error!(problem = %line, "the files are broken");
        }
        self.shared.announce(on, "source", title, lines);
    }

    /// Waits for what is in flight, at most the grace; then what is left stands open in the journal.
    async fn stop(mut self) -> Instant {
        let grace = Duration::try_from(self.shared.config().watch.grace).unwrap_or_default();
        let by = Instant::now() + grace + LAST_WORDS;
        let all = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            let left = self.workers.len();
            tracing::warn!(left, "the grace is over; what is still in flight is settled by the next run");
            self.workers.abort_all();
            while self.workers.join_next().await.is_some() {}
        }
        by
    }
}

/// What is done every [`TICK`]: the loop says that it lives, and the switches that stop all writing are looked at.
fn tick_once(shared: &Shared) {
    shared.board.beat();
    let was = shared.board.pause();
    if shared.show_pause() {
        match shared.board.pause() {
            Some(pause) => tracing::warn!(because = pause.because, "all writing is stopped"),
            None => tracing::warn!("writing goes on"),
        }
        if was.is_some() {
            shared.triggers.look(Trigger::Request, &[]);
        }
    }
}

/// The journal as it is at the time: it is opened anew where its file was replaced.
struct Recorded(Arc<Shared>);

#[async_trait]
impl Records for Recorded {
    async fn records(&self, filter: &Filter) -> Result<Vec<Record>, JournalError> {
        self.0.fleet.journal().await?.records(filter).await
    }
}
