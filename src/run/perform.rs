//! A run that sends: `apply`. Lock, read, settle what earlier runs left, plan, confirm, carry out, report.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use futures::future::BoxFuture;

use super::{
    Fleet, Loaded, PlannedAll, Ready, Reservation, RunError, RunReport, VERSION, Wishes, limit_all,
    paused::PauseSwitch,
    plan_all,
    reach::Connect,
    record, saved, selected,
    session::{Readings, Session},
    show::known_targets,
};
use crate::{
    access::Text,
    apply::{Clock, Halt, Progress, RowOutcome, TargetOutcome},
    journal::{Journal, JournalError, RunInfo, TargetLock},
    plan::{Confirmation, Plan, Upcoming},
    transport::{Brake, Stop},
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
    /// Where a later run of the same targets is sure to come: fires when that one is due. Nothing is waited for beyond it, and
    /// what earlier runs left is looked at without waiting.
    pub next_run: Option<&'a Stop>,
    /// What it shares with the other runs of this process. Without it the run opens the journal for itself, and is the only
    /// one.
    pub fleet: Option<&'a Fleet>,
    /// A further reason why nothing may be sent any more, in a sentence: asked before each row, and before each try.
    pub brake: Option<Brake<'a>>,
    /// The commit of the policies, with a Git source.
    pub revision: Option<Text>,
    /// What is waited for between the plan and the first row, where any is to be sent: what comes of it, the brake says.
    pub before_sending: Option<BeforeSending<'a>>,
}

/// Ends when rows may be sent, or the brake holds them.
pub type BeforeSending<'a> = &'a (dyn Fn() -> BoxFuture<'a, ()> + Send + Sync);

/// Carries a run out. Whatever happens to one target, the others go on.
///
/// # Errors
/// [`RunError`]: it could not begin, and nothing was sent. Everything later stands in the report.
pub async fn perform(
    mut run: Perform<'_>,
    connect: &dyn Connect,
    progress: &dyn Progress,
) -> Result<RunReport, RunError> {
    let loaded = run.loaded;
    let wishes = bounded(loaded, std::mem::take(&mut run.wishes), &run.consent, run.fleet.is_some())?;
    let info = info(&run, &wishes);
    let (journal, id) = begin(&run, &info).await?;
    let pause = PauseSwitch::new(&journal, &run.clock, wishes.past_pause);
    let brake = || {
        let further = || run.brake.and_then(|brake| brake());
        super::settings::brake(&loaded.config).or_else(further).or_else(|| pause.brake())
    };
    let session = Session {
        loaded,
        journal: &journal,
        run: &id,
        clock: &run.clock,
        stop: &run.stop,
        next_run: run.next_run,
        halt: &Halt::default(),
        brake: &brake,
        is_order: false,
        progress,
        fleet: run.fleet,
    };
    session.to_its_end(steps(&session, &pause, &run, (wishes, info), connect)).await
}

/// From the locks to the report.
async fn steps(
    session: &Session<'_>,
    pause: &PauseSwitch<'_>,
    run: &Perform<'_>,
    (mut wishes, info): (Wishes, RunInfo),
    connect: &dyn Connect,
) -> Result<RunReport, RunError> {
    let loaded = session.loaded;
    wishes.last_pause = pause.look().await?;
    wishes.stopped = wishes.stopped.take().or_else(|| pause.why());
    let locks = session.lock(&wishes, run.lock_wait).await?;
    let (free, held) = free_and_held(&locks);
    let mut readings = session.read(free, connect).await?;
    session.at_accounts(&readings).await?;
    let resumed = session.resume(&readings).await;
    let mut ready = session.ready(&readings, held).await?;
    // What this run may send counts for the others until it ends.
    let Drafted { plan, upcoming, reservation: _reservation } =
        draft(session, &mut readings, &mut ready, &wishes, run.revision.as_ref()).await?;
    let answer = answer(session, &run.consent, &plan, info).await?;
    let go = answer == Some(Answer::Yes);
    if let Some(before_sending) = run.before_sending.filter(|_| go) {
        before_sending().await;
    }
    let outcomes = pause.over(send(session, &plan, (&readings, &ready), &wishes, resumed, go)).await;
    Ok(RunReport {
        problems: loaded.problems.clone(),
        sends: true,
        remarks: remarks(loaded, &ready, &wishes),
        declined: answer == Some(Answer::No),
        usage: super::show::usage(&readings),
        plan: Some(plan),
        upcoming,
        outcomes,
        ..RunReport::default()
    })
}

/// What may be planned: by whose consent, and within the saved plan.
fn bounded(loaded: &Loaded, mut wishes: Wishes, consent: &Consent<'_>, is_of_fleet: bool) -> Result<Wishes, RunError> {
    known_targets(loaded, &wishes)?;
    wishes.confirmation = match consent {
        Consent::Unattended => Confirmation::Unattended,
        Consent::Reviewed(_) if wishes.saved.is_none() => return Err(RunError::NothingReviewed),
        Consent::Reviewed(who) => Confirmation::Person(Some(who.clone())),
        // The plan is shown as it is once the person says yes.
        Consent::Ask(_) => Confirmation::Person(None),
    };
    wishes.announced_only = is_of_fleet;
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
    Ok(wishes)
}

fn info(run: &Perform<'_>, wishes: &Wishes) -> RunInfo {
    RunInfo {
        command: run.command.to_owned(),
        version: VERSION.to_owned(),
        reviewed_by: match &run.consent {
            Consent::Reviewed(who) => Some(who.to_string()),
            _ => None,
        },
        confirmed: false,
        policy_digests: digests(run.loaded, wishes),
        revision: run.revision.clone(),
    }
}

/// The journal, and the id of the run in it.
async fn begin(run: &Perform<'_>, info: &RunInfo) -> Result<(Journal, Text), RunError> {
    // The daemon looks all day long: a look that records nothing leaves no record of itself.
    if let Some(fleet) = run.fleet {
        return Ok(fleet.journal().await?.begin_lazily(info.clone()));
    }
    let journal = record::to_write(&run.loaded.config, run.new_journal).await?;
    let id = journal.begin(info).await?;
    Ok((journal, id))
}

/// The targets whose locks were to be had, and why the others are left alone: like one that cannot be read.
fn free_and_held(locks: &BTreeMap<Text, Result<TargetLock, JournalError>>) -> (Vec<Text>, BTreeMap<Text, Unreadable>) {
    let (mut free, mut held) = (Vec::new(), BTreeMap::new());
    for (name, lock) in locks {
        match lock {
            Ok(_) => free.push(name.clone()),
            Err(error) => {
                let unreadable = Unreadable::new(Fault::Timeout, error.to_string());
                held.insert(name.clone(), unreadable.advise("let the other run end, or stop it, and try again"));
            }
        }
    }
    (free, held)
}

/// The plan, judged against all that holds over one target.
struct Drafted {
    plan: Plan,
    upcoming: BTreeMap<Text, Vec<Upcoming>>,
    reservation: Option<Reservation>,
}

async fn draft(
    session: &Session<'_>,
    readings: &mut Readings,
    ready: &mut BTreeMap<Text, Ready>,
    wishes: &Wishes,
    revision: Option<&Text>,
) -> Result<Drafted, RunError> {
    let loaded = session.loaded;
    let plan_now = |ready: &_| {
        let mut planned = plan_all(loaded, ready, wishes, session.now(), wishes.only_expired.is_none());
        planned.plan.revision = revision.cloned();
        planned
    };
    let mut planned = plan_now(&*ready);
    if let Some(fleet) = session.fleet
        && fleet.peers().wait_before_sending(loaded, &planned, readings, ready, (session.progress, session.stop)).await
    {
        planned = plan_now(&*ready);
    }
    let PlannedAll { mut plan, observations, upcoming } = planned;
    let reservation = match session.fleet {
        Some(fleet) => Some(fleet.admit(session.journal, &loaded.config, &mut plan, session.now()).await?),
        None => {
            limit_all(loaded, ready, wishes, &mut plan);
            None
        }
    };
    session.hold_used_up(&mut plan, wishes).await?;
    session.keep(ready, &observations).await;
    Ok(Drafted { plan, upcoming, reservation })
}

/// What whoever answers says to the plan; `None` where there is nothing to send, or nothing may be.
async fn answer(
    session: &Session<'_>,
    consent: &Consent<'_>,
    plan: &Plan,
    info: RunInfo,
) -> Result<Option<Answer>, RunError> {
    let going = plan.targets.iter().any(|target| target.changes().next().is_some());
    if !going || session.halt.why().is_some() || session.stop.is_cancelled() {
        return Ok(None);
    }
    let Consent::Ask(prompt) = consent else { return Ok(Some(Answer::Yes)) };
    session.ask(*prompt, plan, info).await.map(Some)
}

/// Sends what was agreed to, and joins to it what earlier runs had left open.
async fn send(
    session: &Session<'_>,
    plan: &Plan,
    (readings, ready): (&Readings, &BTreeMap<Text, Ready>),
    wishes: &Wishes,
    resumed: BTreeMap<Text, Vec<RowOutcome>>,
    go: bool,
) -> Vec<TargetOutcome> {
    let mut outcomes = if go { session.carry_out(plan, readings, ready, wishes, &resumed).await } else { Vec::new() };
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
        session.use_up(plan, wishes, &outcomes).await;
    }
    outcomes
}

/// What is to be told of the saved plan: what of it is not configured, and what is done already.
fn remarks(loaded: &Loaded, ready: &BTreeMap<Text, Ready>, wishes: &Wishes) -> Vec<String> {
    let mut remarks = saved_elsewhere(loaded, wishes);
    for part in wishes.saved.iter().flat_map(|saved| &saved.targets) {
        if let Some(Ok(snapshot)) = ready.get(&part.target).map(|ready| &ready.reading) {
            remarks.extend(saved::all_done(part, snapshot));
        }
    }
    remarks
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
