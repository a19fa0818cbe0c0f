//! A run that sends: `apply`. Lock, read, settle what earlier runs left, plan, confirm, carry out, report.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;

use super::{
    ExitRules, Fleet, Loaded, PlannedAll, RunError, RunReport, VERSION, Wishes, limit_all, plan_all,
    reach::Connect,
    record, saved, selected,
    session::Session,
    show::{known_targets, read_selected},
};
use crate::{
    access::Text,
    apply::{Clock, Halt, Progress, TargetOutcome},
    journal::{JournalError, RecordBody, RunInfo},
    plan::{Confirmation, Plan},
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
    /// What it shares with the other runs of this process. Without it the run opens the journal for itself, and is the only
    /// one.
    pub fleet: Option<&'a Fleet>,
    /// A further reason to stop all writing, asked before each row.
    pub brake: Option<&'a (dyn Fn() -> Option<String> + Send + Sync)>,
    /// The commit of the policies, with a Git source.
    pub revision: Option<Text>,
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
    let Perform {
        command,
        loaded,
        mut wishes,
        consent,
        new_journal,
        lock_wait,
        clock,
        stop,
        fleet,
        brake: further,
        revision,
    } = perform;
    known_targets(loaded, &wishes)?;
    wishes.confirmation = match &consent {
        Consent::Unattended => Confirmation::Unattended,
        Consent::Reviewed(_) if wishes.saved.is_none() => return Err(RunError::NothingReviewed),
        Consent::Reviewed(who) => Confirmation::Person(Some(who.clone())),
        // The plan is shown as it is once the person says yes.
        Consent::Ask(_) => Confirmation::Person(None),
    };
    wishes.announced_only = fleet.is_some();
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
    let mut info = RunInfo {
        command: command.to_owned(),
        version: VERSION.to_owned(),
        reviewed_by: match &consent {
            Consent::Reviewed(who) => Some(who.to_string()),
            _ => None,
        },
        confirmed: false,
        policy_digests: digests(loaded, &wishes),
        revision: revision.clone(),
    };
    let (journal, run) = match fleet {
        // The daemon looks all day long: a look that records nothing leaves no record of itself.
        Some(fleet) => fleet.journal().await?.begin_lazily(info.clone()),
        None => {
            let journal = record::to_write(&loaded.config, new_journal).await?;
            let run = journal.begin(&info).await?;
            (journal, run)
        }
    };
    let halt = Halt::default();
    let brake = || super::stopped(&loaded.config).or_else(|| further.and_then(|brake| brake()));
    let session = Session {
        loaded,
        journal: &journal,
        run: &run,
        clock: &clock,
        stop: &stop,
        halt: &halt,
        brake: &brake,
        progress,
        fleet,
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
    let mut readings = if free.only.is_empty() {
        BTreeMap::new()
    } else {
        tokio::select! {
            readings = read_selected(loaded, &free, Some(&journal), connect, true, progress) => readings?,
            // A slow vendor must not hold a person who wants to stop, nor the locks of the other targets.
            () = stop.cancelled() => {
                journal.end(&run, 1).await?;
                return Err(RunError::Stopped);
            }
        }
    };
    if let Some(fleet) = fleet {
        fleet.peers().meet(loaded, &mut readings);
    }
    let resumed = session.resume(&readings).await;
    let mut ready = session.ready(&readings, held).await?;
    let mut planned = plan_all(loaded, &ready, &wishes, clock(), wishes.only_expired.is_none());
    if let Some(fleet) = fleet
        && fleet.peers().wait_before_sending(loaded, &planned.plan, &mut readings, &mut ready, &stop).await
    {
        planned = plan_all(loaded, &ready, &wishes, clock(), wishes.only_expired.is_none());
    }
    let PlannedAll { mut plan, observations, upcoming } = planned;
    plan.revision = revision;
    // What this run may send counts for the others until it ends.
    let _reservation = match fleet {
        Some(fleet) => Some(fleet.admit(&journal, &loaded.config, &mut plan, clock()).await?),
        None => {
            limit_all(loaded, &ready, &wishes, &mut plan);
            None
        }
    };
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
    for outcome in &mut outcomes {
        outcome.make_good(plan.targets.iter().find(|part| part.target == outcome.target));
    }
    outcomes.sort_by(|a, b| a.target.cmp(&b.target));
    if go {
        session.use_up(&plan, &wishes, &outcomes).await;
    }
    report.errors.extend(halt.why().map(|why| format!("the journal cannot record, so nothing more was sent: {why}")));
    report.usage = super::show::usage(&readings);
    report.plan = Some(plan);
    report.upcoming = upcoming;
    report.outcomes = outcomes;
    let exit_code = report.exit_code(ExitRules::default());
    if halt.why().is_none()
        && let Err(error) = journal.end(&run, exit_code).await
    {
        report.errors.push(format!("the end of the run could not be recorded: {error}"));
    }
    drop(locks);
    Ok(report)
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
