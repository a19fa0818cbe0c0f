//! A run that sends: `apply`. Lock, read, settle what earlier runs left, plan, confirm, carry out, report.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{
    Case, ExitRules, Loaded, Ready, RunError, RunReport, VERSION, Wishes, plan_all,
    reach::Connect,
    read::{Reading, TARGETS_AT_ONCE},
    record, saved, selected,
    show::{known_targets, read_selected},
};
use crate::{
    access::{History, Observation, Text},
    apply::{self, Approved, Clock, Event, Halt, Patience, Progress, TargetOutcome, Work},
    config::Target,
    journal::{Journal, JournalError, RecordBody, RunInfo, TargetLock},
    plan::{self, Confirmation, Plan, TargetPlan},
    transport::Stop,
    wire::{Fault, Unreadable},
};

/// What a person says at the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Send it.
    Yes,
    /// Send nothing.
    No,
}

/// Shows a plan to a person and waits for the answer.
#[async_trait]
pub trait Prompt: Send + Sync {
    /// Asks once. Only called where something would be sent.
    async fn ask(&self, plan: &Plan) -> Answer;
}

/// Who answers for sending.
pub enum Consent<'a> {
    /// Nobody: `--yes`.
    Unattended,
    /// A reviewer of the saved plan, by name.
    Reviewed(Text),
    /// Whoever sits at the terminal.
    Ask(&'a dyn Prompt),
}

/// A run that sends.
pub struct Perform<'a> {
    /// The command, for the journal.
    pub command: &'a str,
    /// Policies and configuration.
    pub loaded: &'a Loaded,
    /// What the caller asks for. The confirmation in it is set by the consent.
    pub wishes: Wishes,
    /// Who answers.
    pub consent: Consent<'a>,
    /// Whether a missing journal is made.
    pub new_journal: bool,
    /// How long to wait for a target that another process holds.
    pub lock_wait: Duration,
    /// The time.
    pub clock: Clock,
    /// Asked for by Ctrl-C.
    pub stop: Stop,
}

/// Carries a run out. Whatever happens to one target, the others go on.
///
/// # Errors
/// [`RunError`]: it could not begin, and nothing was sent. Everything later stands in the report.
pub async fn perform(
    perform: Perform<'_>,
    connect: &dyn Connect,
    progress: &dyn Progress,
) -> Result<RunReport, RunError> {
    let Perform { command, loaded, mut wishes, consent, new_journal, lock_wait, clock, stop } = perform;
    known_targets(loaded, &wishes)?;
    wishes.confirmation = match &consent {
        Consent::Unattended => Confirmation::Unattended,
        Consent::Reviewed(_) if wishes.saved.is_none() => return Err(RunError::NothingReviewed),
        Consent::Reviewed(who) => Confirmation::Person(Some(who.clone())),
        // The plan is shown as it is once the person says yes.
        Consent::Ask(_) => Confirmation::Person(None),
    };
    if let Some(plan) = &wishes.saved {
        // A target that the saved plan does not name has no upper bound, so nothing may be planned there.
        let asked = |name: &Text| wishes.only.is_empty() || wishes.only.contains(name);
        wishes.only = plan
            .targets
            .iter()
            .map(|target| target.target.clone())
            .filter(|name| loaded.config.targets.contains_key(name) && asked(name))
            .collect();
        if wishes.only.is_empty() {
            return Err(RunError::NotInSavedPlan);
        }
    }
    let unknown = saved_elsewhere(loaded, &wishes);
    let journal = record::to_write(&loaded.config, new_journal).await?;
    let mut info = RunInfo {
        command: command.to_owned(),
        version: VERSION.to_owned(),
        reviewed_by: match &consent {
            Consent::Reviewed(who) => Some(who.to_string()),
            _ => None,
        },
        confirmed: false,
        policy_digests: digests(loaded, &wishes),
    };
    let run = journal.begin(&info).await?;
    let halt = Halt::default();
    let brake = || super::stopped(&loaded.config);
    let session = Session {
        loaded,
        journal: &journal,
        run: &run,
        clock: &clock,
        stop: &stop,
        halt: &halt,
        brake: &brake,
        progress,
    };

    let mut report =
        RunReport { problems: loaded.problems.clone(), sends: true, remarks: unknown, ..RunReport::default() };
    let locks = session.lock(&wishes, lock_wait).await;
    let mut held = BTreeMap::new();
    let mut free = wishes.clone();
    free.only = Vec::new();
    for (name, lock) in &locks {
        match lock {
            Ok(_) => free.only.push(name.clone()),
            Err(error) => {
                held.insert(name.clone(), unreadable(error));
            }
        }
    }
    let readings = if free.only.is_empty() {
        BTreeMap::new()
    } else {
        tokio::select! {
            readings = read_selected(loaded, &free, Some(&journal), connect, true, progress, &clock) => readings?,
            // A slow vendor must not hold a person who wants to stop, nor the locks of the other targets.
            () = stop.cancelled() => {
                journal.append(&run, None, RecordBody::RunEnded { exit_code: 1 }).await?;
                return Err(RunError::Stopped);
            }
        }
    };
    let resumed = session.resume(&readings).await;
    let ready = session.ready(&readings, held).await?;
    let (mut plan, observations) = plan_all(loaded, &ready, &wishes, clock(), true);
    session.hold_used_up(&mut plan, &wishes).await?;
    session.keep(&ready, &observations).await;
    for part in wishes.saved.iter().flat_map(|saved| &saved.targets) {
        if let Some(Ok(snapshot)) = ready.get(&part.target).map(|ready| &ready.reading) {
            report.remarks.extend(saved::all_done(part, snapshot));
        }
    }

    let going = plan.targets.iter().any(|target| target.changes().next().is_some());
    let go = match &consent {
        _ if !going || halt.why().is_some() || stop.is_cancelled() => false,
        Consent::Ask(prompt) => match prompt.ask(&plan).await {
            Answer::Yes => {
                info.confirmed = true;
                journal.append(&run, None, RecordBody::RunStarted(info)).await?;
                true
            }
            Answer::No => {
                report.declined = true;
                false
            }
        },
        Consent::Unattended | Consent::Reviewed(_) => true,
    };
    let mut outcomes =
        if go { session.carry_out(&plan, &readings, &ready, &wishes, &resumed).await } else { Vec::new() };
    for (name, rows) in resumed {
        match outcomes.iter_mut().find(|outcome| outcome.target == name) {
            Some(outcome) => outcome.resumed = rows,
            None if rows.is_empty() => {}
            None => outcomes.push(TargetOutcome { target: name, resumed: rows, ..TargetOutcome::default() }),
        }
    }
    outcomes.sort_by(|a, b| a.target.cmp(&b.target));
    if go {
        session.use_up(&plan, &wishes, &outcomes).await;
    }
    report.errors.extend(halt.why().map(|why| format!("the journal cannot record, so nothing more was sent: {why}")));
    report.usage = super::show::usage(&readings);
    report.plan = Some(plan);
    report.outcomes = outcomes;
    let exit_code = report.exit_code(ExitRules::default());
    if halt.why().is_none()
        && let Err(error) = journal.append(&run, None, RecordBody::RunEnded { exit_code }).await
    {
        report.errors.push(format!("the end of the run could not be recorded: {error}"));
    }
    drop(locks);
    Ok(report)
}

/// A row also waits for the journal, and leaves its connection idle meanwhile: a quarter more rows keep all of them busy.
/// Transport holds the requests at once to the limit.
fn rows_at_once(requests_at_once: u32) -> usize {
    let rows = requests_at_once.max(1).saturating_add(requests_at_once / 4);
    usize::try_from(rows).unwrap_or(1)
}

fn digests(loaded: &Loaded, wishes: &Wishes) -> BTreeMap<Text, Text> {
    selected(loaded, wishes)
        .filter_map(|target| {
            let policy = loaded.policies.targets.get(&target.name)?;
            Some((target.name.clone(), policy.digest.clone()))
        })
        .collect()
}

/// What the saved plan names and the configuration does not have.
fn saved_elsewhere(loaded: &Loaded, wishes: &Wishes) -> Vec<String> {
    let parts = wishes.saved.iter().flat_map(|plan| &plan.targets);
    parts
        .filter(|part| !loaded.config.targets.contains_key(&part.target))
        .map(|part| {
            format!("the saved plan names target {}, which is not configured: nothing was done there", part.target)
        })
        .collect()
}

/// A target that another process holds is left alone like one that cannot be read.
fn unreadable(error: &JournalError) -> Unreadable {
    Unreadable::new(Fault::Timeout, error.to_string()).advise("let the other run end, or stop it, and try again")
}

/// What all steps of one run share.
struct Session<'a> {
    loaded: &'a Loaded,
    journal: &'a Journal,
    run: &'a Text,
    clock: &'a Clock,
    stop: &'a Stop,
    halt: &'a Halt,
    brake: &'a (dyn Fn() -> Option<String> + Send + Sync),
    progress: &'a dyn Progress,
}

impl Session<'_> {
    /// Takes the locks of all targets that may be acted on, in parallel: one that is held must not make the others wait.
    async fn lock(&self, wishes: &Wishes, wait: Duration) -> BTreeMap<Text, Result<TargetLock, JournalError>> {
        let targets: Vec<&Target> =
            selected(self.loaded, wishes).filter(|target| !self.loaded.blocked.contains_key(&target.name)).collect();
        stream::iter(targets)
            .map(|target| async move {
                self.progress.tell(&Event::Locking { target: &target.name });
                (target.name.clone(), self.journal.lock(&target.name, wait).await)
            })
            .buffer_unordered(TARGETS_AT_ONCE)
            .collect()
            .await
    }

    fn work<'b>(&'b self, target: &Target, reading: &'b Reading) -> Work<'b> {
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
            concurrency: rows_at_once(target.limits.concurrency),
            clock: Arc::clone(self.clock),
            stop: self.stop,
            halt: self.halt,
            brake: self.brake,
            progress: self.progress,
        }
    }

    /// Settles what earlier runs left open, by reading.
    async fn resume(
        &self,
        readings: &BTreeMap<Text, Result<Reading, Unreadable>>,
    ) -> BTreeMap<Text, Vec<apply::RowOutcome>> {
        stream::iter(self.live(readings))
            .map(|(target, reading)| async move {
                let rows = match apply::resume(&self.work(target, reading), &reading.snapshot).await {
                    Ok(rows) => rows,
                    Err(error) => {
                        self.halt.pull(error.to_string());
                        Vec::new()
                    }
                };
                (target.name.clone(), rows)
            })
            .buffer_unordered(TARGETS_AT_ONCE)
            .collect()
            .await
    }

    fn live<'b>(
        &'b self,
        readings: &'b BTreeMap<Text, Result<Reading, Unreadable>>,
    ) -> impl Iterator<Item = (&'b Target, &'b Reading)> {
        readings.iter().filter_map(|(name, reading)| {
            let target = self.loaded.config.targets.get(name)?;
            Some((target, reading.as_ref().ok()?))
        })
    }

    /// Histories are read after what was open is settled.
    async fn ready(
        &self,
        readings: &BTreeMap<Text, Result<Reading, Unreadable>>,
        held: BTreeMap<Text, Unreadable>,
    ) -> Result<BTreeMap<Text, Ready>, RunError> {
        let mut ready = BTreeMap::new();
        for (name, reading) in readings {
            let history = self.journal.history(name, self.now()).await?;
            let reading = match reading {
                Ok(reading) => Ok(Arc::clone(&reading.snapshot)),
                Err(unreadable) => Err(unreadable.clone()),
            };
            ready.insert(name.clone(), Ready { reading, history, from_file: None });
        }
        for (name, unreadable) in held {
            let history = self.journal.history(&name, self.now()).await?;
            ready.insert(name, Ready { reading: Err(unreadable), history, from_file: None });
        }
        Ok(ready)
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Keeps what was seen: the account on first sight, and the observation beside the chain.
    async fn keep(&self, ready: &BTreeMap<Text, Ready>, observations: &BTreeMap<Text, Observation>) {
        for (name, ready) in ready {
            let Ok(snapshot) = &ready.reading else { continue };
            let mut kept = Ok(());
            if let (None, Some(account_id)) = (&ready.history.account_id, &snapshot.account_id) {
                let body = RecordBody::AccountPinned { account_id: account_id.clone() };
                kept = self.journal.append(self.run, Some(name), body).await;
            }
            if let (Ok(()), Some(seen)) = (&kept, observations.get(name)) {
                kept = self.journal.observe(name, self.now(), seen).await;
            }
            if let Err(error) = kept {
                self.halt.pull(error.to_string());
                return;
            }
        }
    }

    async fn hold_used_up(&self, plan: &mut Plan, wishes: &Wishes) -> Result<(), RunError> {
        let Some(saved) = &wishes.saved else { return Ok(()) };
        for target in &mut plan.targets {
            if let Some(part) = saved.targets.iter().find(|part| part.target == target.target)
                && self.journal.is_used_up(&saved::digest(saved, part)).await?
            {
                saved::hold_used_up(target);
            }
        }
        Ok(())
    }

    async fn carry_out(
        &self,
        plan: &Plan,
        readings: &BTreeMap<Text, Result<Reading, Unreadable>>,
        ready: &BTreeMap<Text, Ready>,
        wishes: &Wishes,
        resumed: &BTreeMap<Text, Vec<apply::RowOutcome>>,
    ) -> Vec<TargetOutcome> {
        let going: Vec<&TargetPlan> = plan.targets.iter().filter(|target| target.changes().next().is_some()).collect();
        stream::iter(going)
            .map(|part| async move {
                let (target, Some(Ok(reading)), Some(ready)) = (
                    self.loaded.config.targets.get(&part.target)?,
                    readings.get(&part.target),
                    ready.get(&part.target),
                ) else {
                    return None;
                };
                let hand = reading.reach.hand.as_ref()?;
                self.use_expectation(part, ready, wishes).await;
                let case = Case::new(self.loaded, target, ready, wishes, self.now());
                let approved = Approved {
                    plan: part,
                    snapshot: Arc::clone(&reading.snapshot),
                    may_open: &target.may_open,
                    open: resumed.get(&part.target).map_or(&[], Vec::as_slice),
                    rules: &case,
                };
                Some(apply::carry_out(&self.work(target, reading), hand, approved).await)
            })
            .buffer_unordered(TARGETS_AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await
    }

    /// An announced number that lets this plan pass is used once, and kept where the plan passes without it.
    async fn use_expectation(&self, part: &TargetPlan, ready: &Ready, wishes: &Wishes) {
        if self.needs_expectation(part, ready, wishes) {
            let used = self.journal.append(self.run, Some(&part.target), RecordBody::ExpectationUsed).await;
            if let Err(error) = used {
                self.halt.pull(error.to_string());
            }
        }
    }

    /// Whether share or count would refuse the plan but for the announced number.
    fn needs_expectation(&self, part: &TargetPlan, ready: &Ready, wishes: &Wishes) -> bool {
        let (Some(expected), Some(target), Ok(snapshot)) =
            (&ready.history.expectation, self.loaded.config.targets.get(&part.target), &ready.reading)
        else {
            return false;
        };
        if expected.number != part.counts.meant || wishes.stated.contains_key(&part.target) {
            return false;
        }
        let without = History { expectation: None, ..ready.history.clone() };
        let case = Case { history: &without, ..Case::new(self.loaded, target, ready, wishes, self.now()) };
        let plan = plan::plan_target(&case.input(snapshot, self.now(), false)).plan;
        plan.refusals.iter().any(|refusal| matches!(refusal.guard.as_str(), "share" | "count"))
    }

    /// Records which parts of the saved plan are used up now.
    async fn use_up(&self, plan: &Plan, wishes: &Wishes, outcomes: &[TargetOutcome]) {
        let Some(saved) = &wishes.saved else { return };
        for part in &saved.targets {
            let now = plan.targets.iter().find(|target| target.target == part.target);
            let outcome = outcomes.iter().find(|outcome| outcome.target == part.target);
            let (Some(now), Some(outcome)) = (now, outcome) else { continue };
            if part.changes().next().is_some() && saved::is_settled(part, now, outcome) {
                let body = RecordBody::PlanUsedUp { digest: saved::digest(saved, part) };
                if let Err(error) = self.journal.append(self.run, Some(&part.target), body).await {
                    self.halt.pull(error.to_string());
                }
            }
        }
    }
}
