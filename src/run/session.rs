//! What the steps of one sending run share, be it of policies or an order, and those that all of them take: lock, read, settle
//! what was left, ask, carry out, record the end.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use futures::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{
    Answer, Case, ExitRules, Fleet, Loaded, Prompt, Ready, RunError, RunReport, Wishes, is_total_stated,
    planning::{earlier, wrong_by},
    reach::Connect,
    read::{Reading, TARGETS_AT_ONCE},
    record, selected,
    show::read_targets,
};
use crate::{
    access::Text,
    apply::{self, Approved, Clock, Event, Halt, Patience, Progress, TargetOutcome, Work},
    config::Target,
    journal::{Journal, JournalError, RecordBody, RunInfo, TargetLock},
    plan::Plan,
    transport::{Brake, Stop},
    wire::Unreadable,
};

/// By target: its reading, or why there is none.
pub(super) type Readings = BTreeMap<Text, Result<Reading, Unreadable>>;

/// What all steps of one run share.
pub(super) struct Session<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) journal: &'a Journal,
    pub(super) run: &'a Text,
    pub(super) clock: &'a Clock,
    pub(super) stop: &'a Stop,
    pub(super) next_run: Option<&'a Stop>,
    pub(super) halt: &'a Halt,
    pub(super) brake: Brake<'a>,
    /// Whether it is the order of a person: neither freeze windows nor broken policies hold that.
    pub(super) is_order: bool,
    pub(super) progress: &'a dyn Progress,
    pub(super) fleet: Option<&'a Fleet>,
}

impl Session<'_> {
    /// Takes these steps, which begin with the journal, and records that the run ended, whatever came of them.
    pub(super) async fn to_its_end(
        &self,
        steps: impl Future<Output = Result<RunReport, RunError>>,
    ) -> Result<RunReport, RunError> {
        match steps.await {
            Ok(mut report) => {
                let halted = self.halt.why();
                let is_halted = halted.is_some();
                let told = |why| format!("the journal cannot record, so nothing more was sent: {why}");
                report.errors.extend(halted.map(told));
                let exit_code = report.exit_code(ExitRules::default());
                if !is_halted && let Err(error) = self.journal.end(self.run, exit_code).await {
                    report.errors.push(format!("the end of the run could not be recorded: {error}"));
                }
                Ok(report)
            }
            Err(error) => {
                // What broke the run off is what a person has to know.
                if let Err(unrecorded) = self.journal.end(self.run, error.exit_code()).await {
                    tracing::warn!(%unrecorded, "the end of the run could not be recorded");
                }
                Err(error)
            }
        }
    }

    /// Breaks off where a stop comes before the step is done: nothing was sent by then. A slow vendor, or another process, must
    /// not hold a person who wants to stop, nor the locks of the other targets.
    async fn unless_stopped<T>(&self, step: impl Future<Output = T>) -> Result<T, RunError> {
        tokio::select! {
            done = step => Ok(done),
            () = self.stop.cancelled() => Err(RunError::Stopped),
        }
    }

    /// Takes the locks of all targets that may be acted on, in parallel: one that is held must not make the others wait.
    ///
    /// # Errors
    /// It was stopped. That a target is held is its own result.
    pub(super) async fn lock<'b>(
        &'b self,
        wishes: &'b Wishes,
        wait: Duration,
    ) -> Result<BTreeMap<Text, Result<TargetLock, JournalError>>, RunError> {
        let may_act = |target: &&Target| self.is_order || !self.loaded.blocked.contains_key(&target.name);
        let targets: Vec<&Target> = selected(self.loaded, wishes).filter(may_act).collect();
        let lock = |target: &'b Target| async move {
            self.progress.tell(&Event::Locking { target: &target.name });
            (target.name.clone(), self.journal.lock(&target.name, wait).await)
        };
        self.unless_stopped(at_once(targets.into_iter().map(lock).collect())).await
    }

    /// Reads these targets, whose locks this run has, to send to them.
    ///
    /// # Errors
    /// It was stopped, or the journal cannot be read.
    pub(super) async fn read(&self, targets: Vec<Text>, connect: &dyn Connect) -> Result<Readings, RunError> {
        let mut readings = Readings::new();
        // No name at all would ask for every target.
        if !targets.is_empty() {
            let these = Wishes { only: targets, ..Wishes::default() };
            let reading = read_targets(self.loaded, &these, true, Some(self.journal), connect, true, self.progress);
            readings = self.unless_stopped(reading).await??;
        }
        if let Some(fleet) = self.fleet {
            fleet.peers().meet(self.loaded, &mut readings);
        }
        Ok(readings)
    }

    /// What a person says to the plan. A yes is recorded.
    ///
    /// # Errors
    /// The journal cannot record it.
    pub(super) async fn ask(&self, prompt: &dyn Prompt, plan: &Plan, info: RunInfo) -> Result<Answer, RunError> {
        let answer = prompt.ask(plan).await;
        if answer == Answer::Yes {
            let info = RunInfo { confirmed: true, ..info };
            self.journal.append(self.run, None, RecordBody::RunStarted(info)).await?;
        }
        Ok(answer)
    }

    /// One target on which this run acts.
    pub(super) fn work<'b>(&'b self, target: &Target, reading: &'b Reading) -> Work<'b> {
        let account = reading.snapshot.account_id.clone().or_else(|| target.account.clone());
        Work {
            target: target.name.clone(),
            system: reading.reach.system,
            account: &reading.reach.account,
            // Without an id and without a label the target's name is what tells two accounts apart.
            account_key: account.unwrap_or_else(|| target.name.clone()),
            hosts: &reading.reach.hosts,
            ask: &*reading.reach.ask,
            wanted: &reading.wanted,
            journal: self.journal,
            run: self.run.clone(),
            settle: Duration::try_from(target.settle).unwrap_or_default(),
            patience: Patience::default(),
            max_in_flight: target.max_in_flight,
            ceiling: None,
            concurrency: rows_at_once(target.limits.concurrency),
            clock: Arc::clone(self.clock),
            stop: self.stop,
            next_run: self.next_run,
            halt: self.halt,
            brake: self.brake,
            frozen: (!self.is_order).then(|| self.loaded.config.targets.get(&target.name)).flatten().map(|target| {
                super::settings::freezing(&self.loaded.config, target, wrong_by(target, &reading.snapshot))
            }),
            progress: self.progress,
        }
    }

    /// Tells the journal which account each target is that was read: what it knows of another one does not count.
    pub(super) async fn at_accounts(&self, readings: &Readings) -> Result<(), JournalError> {
        for (target, _) in self.live(readings) {
            if self.journal.at_account(&target.name, &record::account_digest(target)).await? {
                tracing::warn!(target = %target.name, "it is another account than before: what was seen there does not count");
                if let Some(fleet) = self.fleet {
                    fleet.forget(&target.name);
                }
            }
        }
        Ok(())
    }

    /// Settles what earlier runs left open, by reading.
    pub(super) async fn resume(&self, readings: &Readings) -> BTreeMap<Text, Vec<apply::RowOutcome>> {
        let mut resuming = Vec::new();
        for (target, reading) in self.live(readings) {
            resuming.push(async move {
                let rows = match apply::resume(&self.work(target, reading), &reading.snapshot).await {
                    Ok(rows) => rows,
                    Err(error) => {
                        self.halt.pull(error.to_string());
                        Vec::new()
                    }
                };
                (target.name.clone(), rows)
            });
        }
        at_once(resuming).await
    }

    fn live<'b>(&'b self, readings: &'b Readings) -> impl Iterator<Item = (&'b Target, &'b Reading)> {
        readings.iter().filter_map(|(name, reading)| {
            let target = self.loaded.config.targets.get(name)?;
            Some((target, reading.as_ref().ok()?))
        })
    }

    /// Histories are read after what was open is settled.
    pub(super) async fn ready(
        &self,
        readings: &Readings,
        held: BTreeMap<Text, Unreadable>,
    ) -> Result<BTreeMap<Text, Ready>, RunError> {
        let mut ready = BTreeMap::new();
        for (name, reading) in readings {
            let reading = match reading {
                Ok(reading) => Ok(Arc::clone(&reading.snapshot)),
                Err(unreadable) => Err(unreadable.clone()),
            };
            let at = earlier(self.loaded, name, &reading, self.now());
            let history = self.journal.history(name, at).await?;
            ready.insert(name.clone(), Ready { reading, history, from_file: None });
        }
        for (name, unreadable) in held {
            let history = self.journal.history(&name, self.now()).await?;
            ready.insert(name, Ready { reading: Err(unreadable), history, from_file: None });
        }
        Ok(ready)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// What all targets together may send in 24 hours; none where stated numbers lift it, as the plan was judged.
    fn ceiling(&self, target: &Text, wishes: &Wishes) -> Option<u32> {
        let lifted = match self.fleet {
            Some(fleet) => fleet.is_lifted(target),
            None => is_total_stated(self.loaded, wishes),
        };
        (!lifted).then_some(self.loaded.config.max_count_total)
    }

    /// Sends what the plan lets through.
    pub(super) async fn carry_out(
        &self,
        plan: &Plan,
        readings: &Readings,
        ready: &BTreeMap<Text, Ready>,
        wishes: &Wishes,
        resumed: &BTreeMap<Text, Vec<apply::RowOutcome>>,
    ) -> Vec<TargetOutcome> {
        let mut carrying = Vec::new();
        for part in plan.targets.iter().filter(|target| target.changes().next().is_some()) {
            carrying.push(async move {
                let (target, Some(Ok(reading)), Some(ready)) = (
                    self.loaded.config.targets.get(&part.target)?,
                    readings.get(&part.target),
                    ready.get(&part.target),
                ) else {
                    return None;
                };
                let hand = reading.reach.hand.as_ref()?;
                // What nothing is sent for needs no number. It stays so: one that was not used up lets nothing pass.
                let stopped = (self.brake)();
                if stopped.is_none() && !self.stop.is_cancelled() {
                    self.use_expectation(part, ready, wishes).await;
                }
                let brake = || stopped.clone().or_else(|| (self.brake)());
                let case = Case::new(self.loaded, target, ready, wishes, self.now());
                let approved = Approved {
                    plan: part,
                    snapshot: Arc::clone(&reading.snapshot),
                    may_open: &target.may_open,
                    open: resumed.get(&part.target).map_or(&[], Vec::as_slice),
                    rules: &case,
                };
                let ceiling = self.ceiling(&part.target, wishes);
                let work = Work { ceiling, brake: &brake, ..self.work(target, reading) };
                Some(apply::carry_out(&work, hand, approved).await)
            });
        }
        let outcomes: Vec<Option<TargetOutcome>> = at_once(carrying).await;
        outcomes.into_iter().flatten().collect()
    }
}

/// All of these, so many at once. They are made before: a closure over borrowed targets that lived on in the stream could not
/// be sent to another thread.
async fn at_once<F: Future, C: Default + Extend<F::Output>>(futures: Vec<F>) -> C {
    stream::iter(futures).buffer_unordered(TARGETS_AT_ONCE).collect().await
}

/// A row also waits for the journal, and leaves its connection idle meanwhile: a quarter more rows keep all of them busy.
/// Transport holds the requests at once to the limit.
fn rows_at_once(requests_at_once: u32) -> usize {
    let rows = requests_at_once.max(1).saturating_add(requests_at_once / 4);
    usize::try_from(rows).unwrap_or(1)
}
