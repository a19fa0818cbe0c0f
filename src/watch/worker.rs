//! The task of one target: waits until it is to be looked at, looks, and puts up what it saw. It waits for no other target.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::{
    Trigger, cut_off,
    mailbox::Mailbox,
    publish::{self, Looked, publish},
    schedule::{LONGEST_SLEEP, Moment, Next, Pace, Schedule, Went, until_past},
    shared::{Recording, Shared},
    tree::Basis,
};
use crate::{
    access::{Cause, Text},
    apply::{Event, Progress},
    config::Target,
    plan::{HoldName, OnlyExpired, Row, Status},
    run::{self, Consent, LOCK_WAIT, Perform, RunError, RunReport, Wishes},
    serve::TargetView,
    transport::Stop,
};

/// Why nothing is sent where the source takes too long.
const LATE: &str = "the files could not be read anew in time: it is looked at again";

/// Looks at a target until the daemon stops or the target is taken away.
pub(super) async fn work(shared: Arc<Shared>, name: Text, mailbox: Arc<Mailbox>, stop: Stop) {
    let Some(pace) = pace(&shared, &name) else { return };
    let mut schedule = Schedule::new(pace);
    while !stop.is_cancelled() {
        cut_off::tell(&shared, &name).await;
        for trigger in mailbox.take() {
            schedule.trigger(trigger);
        }
        let Some(pace) = self::pace(&shared, &name) else { return };
        schedule.set_pace(pace, shared.moment());
        match schedule.next(shared.moment()) {
            Next::Wait(wait) => {
                show_next(&shared, &name, &schedule);
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = mailbox.asked() => {}
                    () = stop.cancelled() => {}
                }
            }
            Next::Look(trigger) => {
                let is_broken = shared.trees().basis(&name).is_some_and(|basis| basis.only_expired.is_some());
                if !shared.fresh.wait(&shared.triggers, is_broken, &stop).await {
                    continue;
                }
                // What was asked for meanwhile is answered by this look.
                mailbox.take();
                schedule.begin(trigger);
                let next_run = Stop::new();
                let sending = Notify::new();
                let signals = Signals { stop: &stop, next_run: &next_run, sending: &sending };
                let (went, due) = tokio::select! {
                    ended = look(&shared, &name, trigger, signals) => ended,
                    never = watch_for_next(&shared, &name, &mailbox, signals) => match never {},
                };
                schedule.end(shared.moment(), went, due, fastrand::f64());
            }
        }
    }
}

/// What a look hears of while it is under way.
#[derive(Clone, Copy)]
struct Signals<'a> {
    /// The daemon ends, or the target was taken away.
    stop: &'a Stop,
    /// The target is to be looked at again.
    next_run: &'a Stop,
    /// The look sends: what comes due from now on is not in its plan.
    sending: &'a Notify,
}

/// Tells a look that is under way when the target is to be looked at again: somebody or something asks for it, or what the
/// plan before told of comes due.
async fn watch_for_next(shared: &Shared, name: &Text, mailbox: &Mailbox, signals: Signals<'_>) -> Infallible {
    let due = async {
        signals.sending.notified().await;
        let upcoming = shared.board.target(name).and_then(|view| publish::next_due(&view.upcoming, shared.now()));
        let Some(due) = upcoming else { return std::future::pending().await };
        loop {
            let left = until_past(due, shared.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
        }
    };
    tokio::select! {
        () = mailbox.asked() => {}
        () = due => {}
    }
    signals.next_run.cancel();
    std::future::pending().await
}

/// How often the target is looked at, by the configuration in force; `None` where it is not configured any more.
fn pace(shared: &Shared, name: &Text) -> Option<Pace> {
    let config = shared.config();
    let target = config.targets.get(name)?;
    let plain = |duration: SignedDuration| Duration::try_from(duration).unwrap_or(Duration::MAX);
    Some(Pace {
        interval: plain(target.interval.unwrap_or(config.watch.interval)),
        max_backoff: plain(config.watch.max_backoff),
    })
}

fn show_next(shared: &Shared, name: &Text, schedule: &Schedule) {
    let (next_look, failures) = (schedule.next_look(shared.moment()), schedule.failures());
    let is_old = |known: Option<Timestamp>| {
        known.is_none_or(|known| known.duration_since(next_look).unsigned_abs() >= Duration::from_secs(1))
    };
    if let Some(view) = shared.board.target(name)
        && (is_old(view.next_look) || view.failures != failures)
    {
        shared.board.replace_target(TargetView { next_look: Some(next_look), failures, ..(*view).clone() });
    }
}

/// One look: a run of this target alone. Returns how it went, and when something comes due next.
async fn look(shared: &Shared, name: &Text, trigger: Trigger, signals: Signals<'_>) -> (Went, Option<Timestamp>) {
    let by = {
        let trees = shared.trees();
        trees.basis(name).cloned().zip(trees.generation(name))
    };
    let Some((basis, generation)) = by else { return (Went::Well, None) };
    let Some(target) = basis.loaded.config.targets.get(name) else { return (Went::Well, None) };
    if !matches!(trigger, Trigger::Files | Trigger::Source | Trigger::Request | Trigger::Webhook) {
        shared.board.meters().trigger(trigger.name());
    }
    let began = shared.moment();
    let before = shared.board.target(name).map_or_else(|| publish::starting(target), |view| (*view).clone());
    shared.board.replace_target(TargetView { running_since: Some(began.wall), next_look: None, ..before.clone() });
    tracing::info!(target = %name, trigger = trigger.name(), commit = basis.revision.as_deref(), "looking");
    let heard = Heard { shared, name, sending: Mutex::new(None), sends: signals.sending };
    let late = AtomicBool::new(false);
    let run = perform(shared, name, By { basis: &basis, generation, late: &late }, &heard, signals);
    // A defect that a target brings out is a look that failed: it is tried again with the back-off, and the others go on.
    let result = AssertUnwindSafe(run).catch_unwind().await.unwrap_or(Err(RunError::Defect));
    if matches!(&result, Err(RunError::Stopped)) {
        shared.board.replace_target(before);
        return (Went::Well, None);
    }
    shared.fleet.peers().was_tried(name);
    let whom = Recording::Look(name.clone());
    // What goes wrong with a run as a whole is the journal's: it cannot be opened, or what was seen or sent cannot be kept.
    match &result {
        Err(RunError::Journal(error)) => shared.journal_failed(whom, error.to_string()),
        Ok(RunReport { errors, .. }) => match errors.first() {
            Some(why) => shared.journal_failed(whom, why.clone()),
            None => shared.journal_served(&whom).await,
        },
        Err(_) => {}
    }
    let by = By { basis: &basis, generation, late: &late };
    let ended = Ended { target, by, before, result, began, sending: heard.sending_began() };
    make_known(shared, name, &ended)
}

/// By what a look is made.
#[derive(Clone, Copy)]
struct By<'a> {
    basis: &'a Basis,
    /// Of these files.
    generation: u64,
    /// Whether the files could not be read anew in time before anything was sent, so that nothing may be.
    late: &'a AtomicBool,
}

/// A run that ended, and what was known before it.
struct Ended<'a> {
    target: &'a Target,
    by: By<'a>,
    before: TargetView,
    result: Result<RunReport, RunError>,
    began: Moment,
    sending: Option<Timestamp>,
}

/// Puts up what a look came to, counts it, logs it and tells of it.
fn make_known(shared: &Shared, name: &Text, ended: &Ended<'_>) -> (Went, Option<Timestamp>) {
    let Ended { target, by, before, result, began, sending } = ended;
    let now = shared.moment();
    let held = held(shared, name, by);
    let stopped = shared.pauses.why(&shared.config(), now.wall).is_some();
    let commit = by.basis.revision.clone();
    let looked = Looked { target, result, held: held.as_deref(), stopped, commit, ended_at: now.wall };
    let mut published = publish(before, &looked);
    if by.late.load(Ordering::Relaxed) {
        // The rows that are left go soon, and behind a back-off: whoever waits for the lock gets it in between.
        (published.went, published.result) = (Went::Failed, "partial");
    }
    if let Ok(report) = result {
        count(shared, target, report, before, *sending);
    }
    let meters = shared.board.meters();
    meters.run(name, published.result, took(*began, now));
    published.refused_anew.iter().for_each(|guard| meters.refusal(name, guard));
    log(name, before, &published.view, result, took(*began, now));
    shared.board.replace_target(TargetView { running_since: None, ..published.view });
    published.news.into_iter().for_each(|news| shared.tell.tell(news));
    (published.went, published.due)
}

/// Why the target is held, where it is: in the words of now, where they mean the same as when the look began.
fn held(shared: &Shared, name: &Text, by: &By<'_>) -> Option<Arc<OnlyExpired>> {
    let trees = shared.trees();
    let newest = trees.basis(name).filter(|_| trees.generation(name) == Some(by.generation));
    newest.unwrap_or(by.basis).only_expired.clone()
}

/// Boxed: the compiler cannot see that the future of a whole run may go to another thread unless it is told so here.
fn perform<'a>(
    shared: &'a Shared,
    name: &'a Text,
    by: By<'a>,
    progress: &'a dyn Progress,
    signals: Signals<'a>,
) -> BoxFuture<'a, Result<RunReport, RunError>> {
    Box::pin(run_once(shared, name, by, progress, signals))
}

async fn run_once(
    shared: &Shared,
    name: &Text,
    By { basis, generation, late }: By<'_>,
    progress: &dyn Progress,
    Signals { stop, next_run, .. }: Signals<'_>,
) -> Result<RunReport, RunError> {
    let config = &basis.loaded.config;
    let wishes = Wishes {
        only: vec![name.clone()],
        stopped: shared.pauses.why(config, shared.now()),
        only_expired: basis.only_expired.clone(),
        upcoming: true,
        ..Wishes::default()
    };
    let is_late = || late.load(Ordering::Relaxed).then(|| LATE.to_owned());
    let brake = || why_not(shared, name, generation).or_else(is_late);
    let is_broken = basis.only_expired.is_some();
    let wait_to_send = || async {
        if !shared.fresh.wait_to_send(&shared.triggers, is_broken, stop).await && !stop.is_cancelled() {
            late.store(true, Ordering::Relaxed);
            tracing::warn!(target = %name, why = LATE, "nothing is sent");
        }
    };
    let before_sending = || -> BoxFuture<'_, ()> { Box::pin(wait_to_send()) };
    let perform = Perform {
        command: cut_off::COMMAND,
        loaded: &basis.loaded,
        wishes,
        consent: Consent::Unattended,
        new_journal: false,
        lock_wait: LOCK_WAIT,
        clock: Arc::clone(&shared.clock),
        stop: stop.clone(),
        next_run: Some(next_run),
        fleet: Some(&shared.fleet),
        brake: Some(&brake),
        revision: basis.revision.clone(),
        before_sending: Some(&before_sending),
    };
    tokio::select! {
        report = run::perform(perform, &*shared.connect, progress) => report,
        never = shared.fresh.keep(&shared.triggers, stop) => match never {},
    }
}

/// Why what was planned by these files may not be sent now, where that is so: asked before each try.
fn why_not(shared: &Shared, name: &Text, generation: u64) -> Option<String> {
    let paused = shared.pauses.why(&shared.config(), shared.now());
    let changed = || {
        let changed = shared.trees().generation(name) != Some(generation);
        changed.then(|| "the files changed since it was planned: it is looked at again".to_owned())
    };
    paused.map(|why| format!("all writing is stopped: {why}")).or_else(changed)
}

fn took(began: Moment, now: Moment) -> Duration {
    now.run.saturating_sub(began.run)
}

/// Counts what the look did. The lag is that of rows that came due since the reading before and were not held but by their
/// notice then: what was due, or stopped by people or a guard, did not wait for the loop. What has no notice comes due with the
/// look that finds it.
fn count(shared: &Shared, target: &Target, report: &RunReport, before: &TargetView, sending: Option<Timestamp>) {
    let (meters, name) = (shared.board.meters(), &target.name);
    if let Some(usage) = report.usage.get(name) {
        meters.calls(name, usage.requests);
    }
    let parts = report.plan.iter().flat_map(|plan| &plan.targets).filter(|part| part.target == *name);
    let rows_before = before.plan.iter().flat_map(|plan| &plan.rows).filter(|row| row.status == Status::Held);
    let stopped: HashSet<_> = rows_before
        .filter(|row| row.holds.iter().any(|hold| hold.name != HoldName::Notice))
        .map(|row| (&row.kind, &row.id))
        .collect();
    let waits = |row: &&Row| row.cause != Some(Cause::Undeclared) || !target.guards.notice.is_zero();
    let changes = parts.flat_map(|part| &part.rows).filter(|row| row.status == Status::Change).filter(waits);
    let changes = changes.filter(|row| !stopped.contains(&(&row.kind, &row.id)));
    let due: HashMap<_, _> = changes.filter_map(|row| Some(((&row.kind, &row.id), row.due_at?))).collect();
    for outcome in report.outcomes.iter().filter(|outcome| outcome.target == *name) {
        for row in outcome.resumed.iter().chain(&outcome.rows).filter(|row| publish::ended_for_good(row)) {
            meters.revocation(name, row.cause.name(), row.end.name());
        }
        for row in outcome.rows.iter().filter(|row| publish::was_sent(row)) {
            let due = due.get(&(&row.kind, &row.id)).filter(|due| before.read_at.is_some_and(|read| read <= **due));
            if let (Some(&due), Some(sending)) = (due, sending) {
                meters.due_lag(name, Duration::try_from(sending.duration_since(due)).unwrap_or_default());
            }
        }
    }
}

/// A state is told loudly once, when it begins; what stays as it is, as any look that ended.
fn log(name: &Text, before: &TargetView, view: &TargetView, result: &Result<RunReport, RunError>, took: Duration) {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let health = view.health.name();
    let counts = view.plan.as_ref().map(|plan| (plan.counts.changes, plan.counts.held)).unwrap_or_default();
    let is_known = before.looked_at.is_some() && (before.health, &before.why) == (view.health, &view.why);
    match (result, &view.why) {
        (Err(_), why) if is_known => tracing::info!(target = %name, health, millis, why, "the look failed"),
        (Ok(_), Some(why)) if is_known => {
            tracing::info!(target = %name, health, millis, changes = counts.0, held = counts.1, why, "looked");
        }
        (Err(_), why) => tracing::warn!(target = %name, health, millis, why, "the look failed"),
        (Ok(_), Some(why)) => {
            tracing::warn!(target = %name, health, millis, changes = counts.0, held = counts.1, why, "looked");
        }
        (Ok(_), None) => tracing::info!(target = %name, health, millis, changes = counts.0, held = counts.1, "looked"),
    }
}

/// Hears what the run does: for the log, and when sending began.
struct Heard<'a> {
    shared: &'a Shared,
    name: &'a Text,
    sending: Mutex<Option<Timestamp>>,
    /// Woken when sending begins.
    sends: &'a Notify,
}

impl Heard<'_> {
    fn sending_began(&self) -> Option<Timestamp> {
        *self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Heard<'_> {
    fn tell(&self, event: &Event<'_>) {
        let target = self.name.as_str();
        match event {
            Event::Sending { rows, .. } => {
                *self.sending.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.shared.now());
                self.sends.notify_one();
                tracing::info!(target, rows, "sending");
            }
            Event::Row { outcome, .. } => tracing::info!(
                target,
                kind = outcome.kind.as_str(),
                id = outcome.id.as_str(),
                cause = outcome.cause.name(),
                end = outcome.end.name(),
                detail = outcome.detail,
                "a row ended"
            ),
            Event::Settling { open, .. } => tracing::info!(target, open, "settling what was left open"),
            Event::Read { entries, .. } => tracing::debug!(target, entries, "read"),
            Event::Unreadable { what, .. } => tracing::debug!(target, what, "unreadable"),
            Event::Waiting { plan, upcoming, awaited } => {
                let names: Vec<&str> = awaited.iter().map(AsRef::as_ref).collect();
                tracing::info!(target, awaited = %names.join(", "), "waiting for the first readings of other targets");
                if let Some(view) = self.shared.board.target(self.name)
                    && let Some(view) = publish::waiting(&view, plan, upcoming, awaited)
                {
                    self.shared.board.replace_target(view);
                }
            }
            Event::Locking { .. } => tracing::trace!(target, "locking"),
            Event::Reading { .. } => tracing::trace!(target, "reading"),
            Event::ReadingBack { .. } => tracing::debug!(target, "reading back"),
        }
    }
}
