//! Supervises: reads the source, keeps one task a target, stops with grace.

mod begin;
mod shown;

pub use begin::{Start, WatchError};

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::Instant,
};
use url::Url;

use super::{
    FileWatcher, Found, Steering, Trigger, Triggers,
    mailbox::{Look, Reload},
    pause, publish,
    reload::Reloader,
    shared::{Recording, Shared},
    worker,
};
use crate::{
    access::{Cause, Text},
    apply::End,
    config::{Config, Target},
    journal::{Filter, JournalError, Record},
    plan::Guard,
    serve::{Board, Control, Records},
    transport::Stop,
};

/// How often the switches that stop all writing and the journal's file are looked at between looks.
const TICK: Duration = Duration::from_secs(2);
/// How long a task that broke off outside a look is left alone.
const AFTER_A_DEFECT: Duration = Duration::from_secs(60);
/// What all that ends beside the loop may take after the grace.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long the journal may take of that to tell what is left open.
const LAST_LOOK: Duration = Duration::from_millis(500);
/// How long a source that cannot be read is left alone at most.
const SOURCE_RETRY: Duration = Duration::from_secs(30);

/// How a removal ends for good.
const ENDS: [End; 4] = [End::Done, End::Gone, End::Failed, End::Refused];

/// The guards that refuse what nobody saved as a plan.
const GUARDS: [Guard; 7] = [
    Guard::StatedNumber,
    Guard::NoOverlap,
    Guard::AllowEmpty,
    Guard::Share,
    Guard::Count,
    Guard::CountTotal,
    Guard::OwnUnknown,
];

/// A system, and where it is reached.
type Whereabouts = (&'static str, BTreeMap<&'static str, Url>);

fn whereabouts(target: &Target) -> Whereabouts {
    (target.description.system, target.hosts.clone())
}

/// How the daemon ended.
#[derive(Debug, Clone, Copy)]
pub struct Ending {
    /// By when all else has to end, too: the grace and a second after the stop.
    pub by: Instant,
    /// How many removals stand open for the next start, where the journal could tell.
    pub open: Option<usize>,
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
    /// Tasks of targets that were taken away, with name, system and hosts: they settle what is on its way there, and then end.
    leaving: BTreeMap<Id, (Text, Whereabouts)>,
    /// Which journal keeps the trees: the first, or the one that took its place so many times.
    kept_in: u64,
}

impl Daemon {
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
    /// then stands open in the journal.
    pub async fn run(mut self) -> Ending {
        let stop = self.shared.stop.clone();
        self.keep_workers(Duration::ZERO);
        self.watch_files();
        let mut beside = JoinSet::new();
        beside.spawn(pause::keep(Arc::clone(&self.shared)));
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut reload_at = Instant::now() + self.interval();
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => {}
                reload = next_reload(&self.shared) => {
                    self.reload_unless_stopped(reload).await;
                    reload_at = Instant::now() + self.interval();
                }
                () = tokio::time::sleep_until(reload_at) => {
                    let reload = Reload { trigger: Trigger::Interval, look: Look::Some(BTreeSet::new()) };
                    self.reload_unless_stopped(reload).await;
                    reload_at = Instant::now() + self.interval();
                }
                Some(ended) = self.workers.join_next_with_id() => self.ended(ended).await,
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
        if self.reloader.is_read() { interval } else { interval.min(SOURCE_RETRY) }
    }

    /// Has changes of files say "look again". Without it they are seen when the source is read by itself.
    fn watch_files(&mut self) {
        let triggers = self.triggers();
        let watched = self.reloader.watched();
        let poll = self.config().watch.poll_files;
        match FileWatcher::start(watched, poll, move || triggers.reload(Trigger::Files)) {
            Ok(files) => self.files = Some(files),
            Err(error) => {
                tracing::warn!(%error, "changes of files are not watched; they are seen at the interval");
                self.unwatched = Some(error.to_string());
            }
        }
    }

    /// The targets that it looks at.
    fn targets(&self) -> Vec<Text> {
        self.shared.config().targets.keys().filter(|name| self.shared.watches(name)).cloned().collect()
    }

    /// Puts up targets that are not on the board yet.
    fn show_new(&self) {
        let config = self.shared.config();
        for name in self.targets().iter().filter(|name| self.shared.board.target(name).is_none()) {
            if let Some(target) = config.targets.get(name) {
                self.shared.fleet.peers().begins(name);
                let ends = Cause::ALL.into_iter().flat_map(|cause| ENDS.map(|end| (cause.name(), end.name())));
                self.shared.board.meters().expect_target(name, ends, GUARDS.map(Guard::name));
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
        for name in self.targets() {
            if self.running.contains_key(&name) || self.is_left_still(&name) {
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

    /// Whether the task of a target that was taken away is still at the same system, under which this target may be known by
    /// another name only: what is on its way there would be sent once more.
    fn is_left_still(&self, name: &Text) -> bool {
        let config = self.shared.config();
        let Some(target) = config.targets.get(name) else { return false };
        self.leaving.values().any(|(_, left)| *left == whereabouts(target))
    }

    /// The task of a target ended: the target was taken away, or a defect of ours broke it off. Then the others go on, and this
    /// one begins anew a while later.
    async fn ended(&mut self, ended: Result<(Id, ()), JoinError>) {
        let (id, after) = match &ended {
            Ok((id, ())) => (*id, Duration::ZERO),
            Err(error) => {
                tracing::error!(%error, "the task of a target broke off");
                (error.id(), AFTER_A_DEFECT)
            }
        };
        self.running.retain(|_, (_, running)| *running != id);
        if let Some((name, _)) = self.leaving.remove(&id) {
            self.tell_gone(&name).await;
        }
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
        let (now, before) = (self.shared.now(), self.config());
        let changed = self.shared.trees.write().unwrap_or_else(PoisonError::into_inner).take(found, now);
        if self.shared.trees().failing().is_none() {
            let problems = self.shared.trees().problems().len();
            tracing::info!(trigger = trigger.name(), targets = changed.look.len(), problems, "the files were taken");
        }
        self.shared.tell.set_receivers(&self.config().watch.notify);
        self.configs.send_replace(self.config());
        self.tell_source();
        self.show_source();
        self.show_held();
        self.keep().await;
        for name in &changed.gone {
            if let Some((stop, id)) = self.running.remove(name) {
                stop.cancel();
                let left = before.targets.get(name).map(|target| (id, (name.clone(), whereabouts(target))));
                self.leaving.extend(left);
            }
            self.shared.forget_recording(name);
            self.shared.triggers.close(name);
            self.shared.board.drop_target(name);
            self.shared.fleet.peers().was_tried(name);
        }
        self.spare_others();
        self.show_new();
        self.keep_workers(Duration::ZERO);
        if let Some(files) = &self.files {
            files.follow(self.reloader.watched(), self.config().watch.poll_files);
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
                tracing::debug!(target = %name, %error, "the good tree could not be kept");
                self.shared.journal_failed(Recording::Trees, error.to_string());
                return;
            }
            self.shared.trees.write().unwrap_or_else(PoisonError::into_inner).was_kept(&name, tree);
            tracing::debug!(target = %name, "the good tree is kept");
        }
        // Also where the one that it failed is gone.
        self.shared.journal_served(&Recording::Trees).await;
    }

    /// Waits for what is in flight, at most the grace; then what is left stands open in the journal.
    async fn stop(mut self) -> Ending {
        let grace = Duration::try_from(self.shared.config().watch.grace).unwrap_or_default();
        let by = Instant::now() + grace + LAST_WORDS;
        let all = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all).await.is_err() {
            let left = self.workers.len();
            tracing::warn!(left, "the grace is over; what is still in flight is settled by the next run");
            self.workers.abort_all();
            while self.workers.join_next().await.is_some() {}
        }
        let open = tokio::time::timeout(LAST_LOOK, self.open()).await;
        Ending { by, open: open.ok().flatten() }
    }

    /// How many removals stand open in the journal, where it can tell.
    async fn open(&self) -> Option<usize> {
        let journal = self.shared.fleet.journal().await.ok()?;
        let mut open = 0;
        for name in self.targets() {
            open += journal.open_intents(&name).await.ok()?.len();
        }
        Some(open)
    }
}

/// Waits for the next request to read the source, and until it may be read again. What is asked for meanwhile becomes one request.
async fn next_reload(shared: &Shared) -> Reload {
    shared.fresh.may_be_read().await;
    shared.triggers.next_reload().await
}

/// What is done every [`TICK`]: the loop says that it lives, and the switches that stop all writing are looked at.
fn tick_once(shared: &Shared) {
    shared.board.beat();
    shared.show_freezes();
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
    shared.tell_stopped();
}

/// The journal as it is at the time: it is opened anew where its file was replaced.
struct Recorded(Arc<Shared>);

#[async_trait]
impl Records for Recorded {
    async fn records(&self, filter: &Filter) -> Result<Vec<Record>, JournalError> {
        self.0.fleet.journal().await?.records(filter).await
    }
}
