//! Supervises: reads the source, keeps one task a target, stops with grace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::Instant,
};

use super::{
    Changed, Found, News, Steering, Tell, Trees, Trigger, Triggers,
    mailbox::{Look, Reload},
    pause::Pauses,
    publish,
    shared::Shared,
    source::{Checkout, Source, SourceError},
    worker,
};
use crate::{
    access::Text,
    apply::Clock,
    config::{Config, JournalPlace, NotifyOn},
    journal::JournalError,
    run::{self, Connect, Digests, Fleet, Gathered, Loaded, Sources},
    serve::{Board, Control, JournalView, SourceView, TreeProblem},
    transport::Stop,
    yaml::Problem,
};

/// How often the switches that stop all writing and the journal's file are looked at between looks.
const TICK: Duration = Duration::from_secs(2);
/// How long files have to stay the same before they are taken: whoever writes several of them is in between two.
const QUIET: Duration = Duration::from_millis(150);
/// How often files that keep changing are read again before they are taken as they are next time.
const QUIET_TRIES: u32 = 40;

/// What the daemon begins with.
pub struct Start {
    /// Where the files come from.
    pub source: Box<dyn Source>,
    /// Only these targets; empty: all.
    pub only: Vec<Text>,
    /// Whether a missing journal is made.
    pub new_journal: bool,
    /// Brings targets within reach.
    pub connect: Arc<dyn Connect>,
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
    /// `--target` names what is not there.
    #[error("portcullis.yaml has no target `{0}`")]
    UnknownTarget(Text),
    /// The files could not be read at all.
    #[error("the files could not be read: {0}")]
    Broken(String),
}

/// The daemon, ready to run.
pub struct Daemon {
    source: Box<dyn Source>,
    shared: Arc<Shared>,
    workers: JoinSet<()>,
    running: BTreeMap<Text, (Stop, Id)>,
    last: Taken,
}

/// What was taken last, to see whether anything changed since.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Taken {
    digests: Digests,
    commit: Option<Text>,
    broken: Option<String>,
}

impl Daemon {
    /// Loads the files and opens the journal. No target is looked at before [`Daemon::run`].
    ///
    /// # Errors
    /// [`WatchError`]. Broken policies are no error here: they are reported, and hold what they touch.
    pub async fn start(start: Start) -> Result<Self, WatchError> {
        let Start { mut source, only, new_journal, connect, clock, tell, stop } = start;
        let Checkout { sources, revision } = source.fetch().await?;
        let (digests, loaded) = match gather(sources).await? {
            Ok(gathered) => build(gathered).await?,
            Err(problems) => return Err(WatchError::Load(problems)),
        };
        if let Some(unknown) = only.iter().find(|name| !loaded.config.targets.contains_key(*name)) {
            return Err(WatchError::UnknownTarget(unknown.clone()));
        }
        let fleet = Fleet::open(&loaded.config, new_journal).await?;
        let journal = fleet.journal().await?;
        let kept = journal.good_trees().await?;
        let now = clock();
        let pauses = Pauses::from_journal(journal.paused(now).await?);
        let commit = revision.as_ref().map(|revision| revision.commit.clone());
        let (trees, changed) = Trees::new(loaded, &digests, revision, kept, now);
        let board = Arc::new(Board::default());
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
            pauses,
            triggers,
            connect,
            tell,
            clock,
            began: Instant::now(),
            only,
            stop,
        });
        let last = Taken { digests, commit, broken: None };
        let daemon = Self { source, shared, workers: JoinSet::new(), running: BTreeMap::new(), last };
        daemon.shared.show_pause();
        daemon.show_source();
        daemon.keep(&changed).await;
        for name in daemon.watched() {
            if let Some(target) = daemon.shared.config().targets.get(&name) {
                daemon.shared.board.set_target(publish::starting(target));
            }
        }
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

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    /// Looks until a stop is asked for; then waits for what is in flight, at most the configured grace. What is not settled by
    /// then stands open in the journal.
    pub async fn run(mut self) {
        let stop = self.shared.stop.clone();
        self.keep_workers();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut reload_at = Instant::now() + self.interval();
        let triggers = self.triggers();
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                reload = triggers.next_reload() => {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = self.reload(&reload) => {}
                    }
                    reload_at = Instant::now() + self.interval();
                }
                () = tokio::time::sleep_until(reload_at) => {
                    let reload = Reload { trigger: Trigger::Interval, look: Look::Some(BTreeSet::new()) };
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = self.reload(&reload) => {}
                    }
                    reload_at = Instant::now() + self.interval();
                }
                Some(ended) = self.workers.join_next_with_id() => self.ended(ended),
                _ = tick.tick() => self.tick(),
            }
        }
        self.stop().await;
    }

    /// The time between two readings of the source.
    fn interval(&self) -> Duration {
        Duration::try_from(self.shared.config().watch.interval).unwrap_or(Duration::MAX)
    }

    fn watched(&self) -> Vec<Text> {
        self.shared.config().targets.keys().filter(|name| self.shared.watches(name)).cloned().collect()
    }

    /// A task for each target that is to be watched and has none.
    fn keep_workers(&mut self) {
        for name in self.watched() {
            if self.running.contains_key(&name) {
                continue;
            }
            let stop = self.shared.stop.child_token();
            let mailbox = self.shared.triggers.open(&name);
            let task = worker::work(Arc::clone(&self.shared), name.clone(), mailbox, stop.clone());
            let id = self.workers.spawn(task).id();
            self.running.insert(name, (stop, id));
        }
    }

    /// The task of a target ended: the target was taken away, or a defect of ours broke it off. Then the others go on, and this
    /// one begins anew.
    fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => {
                tracing::error!(%error, "the task of a target broke off");
                error.id()
            }
        };
        self.running.retain(|_, (_, running)| *running != id);
        self.keep_workers();
    }

    fn tick(&self) {
        let was = self.shared.board.pause();
        if self.shared.show_pause() {
            let paused = self.shared.board.pause();
            tracing::warn!(
                because = paused.as_ref().map(|pause| pause.because.as_str()),
                "all writing is stopped or goes on"
            );
            if was.is_some() {
                self.shared.triggers.look(Trigger::Request, &[]);
            }
        }
    }

    /// Reads the source and takes what is new in it.
    async fn reload(&mut self, reload: &Reload) {
        let found = match self.source.fetch().await {
            Ok(checkout) => self.found(checkout).await,
            Err(error) => Some(self.unreadable(error).await),
        };
        if let Some(found) = found {
            let now = self.shared.now();
            let changed = self.shared.trees.write().unwrap_or_else(PoisonError::into_inner).take(found, now);
            tracing::info!(
                trigger = reload.trigger.name(),
                targets = changed.look.len(),
                problems = self.shared.trees().problems().len(),
                "the files were taken"
            );
            self.tell_source();
            self.keep(&changed).await;
            for name in &changed.gone {
                if let Some((stop, _)) = self.running.remove(name) {
                    stop.cancel();
                }
                self.shared.triggers.close(name);
                self.shared.board.drop_target(name);
            }
            self.keep_workers();
            self.shared.triggers.post(reload.trigger, &Look::Some(changed.look));
        }
        self.show_source();
        self.shared.triggers.post(reload.trigger, &reload.look);
    }

    /// What the files came to, where they are not as they were taken last.
    async fn found(&mut self, checkout: Checkout) -> Option<Found> {
        let Checkout { sources, revision } = checkout;
        let commit = revision.as_ref().map(|revision| revision.commit.clone());
        let mut before: Option<Taken> = None;
        for _ in 0..QUIET_TRIES {
            let gathered = gather(sources.clone()).await.unwrap_or_else(|error| Err(vec![plain(&error.to_string())]));
            let (taken, gathered) = match gathered {
                Ok(gathered) => {
                    let taken = Taken { digests: gathered.digests(), commit: commit.clone(), broken: None };
                    (taken, Ok(gathered))
                }
                Err(problems) => {
                    let digests = self.digests_by_config().await;
                    let broken =
                        problems.iter().map(|problem| problem.rendered.as_str()).collect::<Vec<_>>().join("\n");
                    (Taken { digests, commit: commit.clone(), broken: Some(broken) }, Err(problems))
                }
            };
            if taken == self.last {
                return None;
            }
            // A commit is written before it is told; other files may be in the middle of being written.
            if revision.is_none() && before.as_ref() != Some(&taken) {
                before = Some(taken);
                tokio::time::sleep(QUIET).await;
                continue;
            }
            let digests = taken.digests.clone();
            self.last = taken;
            return Some(match gathered {
                Err(problems) => Found::BrokenConfig { problems, digests },
                Ok(gathered) => match build(gathered).await {
                    Ok((digests, loaded)) => match self.immovable(&loaded.config) {
                        None => Found::Tree { loaded, digests, revision },
                        Some(problem) => Found::BrokenConfig { problems: vec![problem], digests },
                    },
                    Err(error) => Found::BrokenConfig { problems: vec![plain(&error.to_string())], digests },
                },
            });
        }
        tracing::warn!("the files keep changing; they are read again later");
        self.shared.triggers.reload(Trigger::Files);
        None
    }

    /// What cannot change while the daemon runs.
    fn immovable(&self, config: &Config) -> Option<Problem> {
        (config.journal != *self.shared.fleet.place()).then(|| {
            let mut problem = plain("`journal:` names another place than the one that the daemon began with");
            problem.file = config.path.display().to_string();
            problem.hint = Some("put it back, or restart the daemon".into());
            problem
        })
    }

    async fn unreadable(&mut self, error: SourceError) -> Found {
        let digests = self.digests_by_config().await;
        // Whatever is read once the source is back counts as new.
        self.last = Taken { digests: Digests::default(), commit: None, broken: Some(error.what.clone()) };
        Found::Unreadable { error, digests }
    }

    async fn digests_by_config(&self) -> Digests {
        let config = self.shared.config();
        tokio::task::spawn_blocking(move || run::digests_by(&config)).await.unwrap_or_default()
    }

    /// Has the journal keep what the good trees said.
    async fn keep(&self, changed: &Changed) {
        for (name, tree) in &changed.keep {
            let kept = match self.shared.fleet.journal().await {
                Ok(journal) => journal.keep_tree(name, tree).await,
                Err(error) => Err(error),
            };
            if let Err(error) = kept {
                tracing::error!(target = %name, %error, "what the files say of the target could not be kept");
                self.shared.show_journal(Some(&error));
                return;
            }
        }
    }

    fn show_source(&self) {
        let trees = self.shared.trees();
        let revision = trees.revision();
        let view = SourceView {
            place: self.source.place(),
            commit: revision.map(|revision| revision.commit.clone()),
            git_ref: revision.map(|revision| revision.git_ref.clone()),
            loaded_at: Some(trees.loaded_at()),
            failing: trees.failing().map(|(since, error)| TreeProblem {
                since: *since,
                what: error.what.clone(),
                advice: error.advice.clone(),
            }),
            problems: run::told(trees.problems()),
            bad_since: trees.bad_since(),
        };
        drop(trees);
        self.shared.board.set_source(view);
    }

    /// Tells that the files are broken, or right again.
    fn tell_source(&self) {
        let trees = self.shared.trees();
        let mut lines: Vec<String> = trees.failing().map(|(_, error)| error.what.clone()).into_iter().collect();
        lines.extend(
            trees.problems().iter().map(|problem| format!("{}:{}: {}", problem.file, problem.line, problem.message)),
        );
        drop(trees);
        let was_bad = self.shared.board.source();
        let was_bad = was_bad.failing.is_some() || !was_bad.problems.is_empty();
        let (on, title) = match (was_bad, lines.is_empty()) {
            (_, false) => (NotifyOn::Failures, "The policies are broken: nothing goes where they bear on it"),
            (true, true) => (NotifyOn::Recoveries, "The policies load again"),
            (false, true) => return,
        };
        for line in &lines {
            tracing::error!(problem = %line, "the files are broken");
        }
        let mut state = crate::access::Hasher::new("news");
        for line in &lines {
            state.text(line);
        }
        let lines_left_out = lines.len().saturating_sub(super::news::MAX_LINES);
        lines.truncate(super::news::MAX_LINES);
        self.shared.tell.tell(News {
            at: self.shared.now(),
            on,
            target: None,
            subject: "source".into(),
            state: state.finish_hex().into(),
            title: title.to_owned(),
            lines,
            lines_left_out,
            commit: self.shared.trees().revision().map(|revision| revision.commit.clone()),
        });
    }

    /// Waits for what is in flight, at most the grace; then what is left stands open in the journal.
    async fn stop(mut self) {
        let grace = Duration::try_from(self.shared.config().watch.grace).unwrap_or_default();
        let all = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            let left = self.workers.len();
            tracing::warn!(left, "the grace is over; what is still in flight is settled by the next run");
            self.workers.abort_all();
            while self.workers.join_next().await.is_some() {}
        }
    }
}

/// Reads every file, away from the tasks that must not wait.
async fn gather(sources: Sources) -> Result<Result<Gathered, Vec<Problem>>, WatchError> {
    let gathered = tokio::task::spawn_blocking(move || run::gather(&sources)).await;
    gathered.map_err(|error| WatchError::Broken(error.to_string()))
}

async fn build(gathered: Gathered) -> Result<(Digests, Loaded), WatchError> {
    let built = tokio::task::spawn_blocking(move || (gathered.digests(), run::build(gathered))).await;
    built.map_err(|error| WatchError::Broken(error.to_string()))
}

/// A problem without a place.
fn plain(message: &str) -> Problem {
    Problem {
        file: "portcullis.yaml".into(),
        line: 0,
        column: 1,
        message: message.to_owned(),
        hint: None,
        rendered: format!("error: {message}"),
    }
}
