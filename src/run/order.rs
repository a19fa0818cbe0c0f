//! `revoke TARGET ENTRY --because TEXT`: one entry, now, for a leaked token.
//!
//! It needs no policy and works with an ephemeral journal, so that nothing stands between a leak and its end but what must
//! never be removed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    Case, Loaded, RunError, RunReport, VERSION, Wishes,
    paused::PauseSwitch,
    perform::{Answer, Prompt},
    reach::Connect,
    record,
    session::Session,
    show::{known_targets, usage},
};
use crate::{
    access::{Snapshot, Text},
    apply::{self, Approved, Clock, Halt, Progress, TargetOutcome},
    journal::RunInfo,
    plan::{self, Confirmation, OrderRefused, PLAN_VERSION, Plan, TargetPlan},
    transport::Stop,
    wire::Unreadable,
};

/// One order of a person.
pub struct Ordered<'a> {
    /// Policies and configuration.
    pub loaded: &'a Loaded,
    /// The target.
    pub target: Text,
    /// The kind's name or list, where several kinds have this id.
    pub kind: Option<&'a str>,
    /// The entry's id.
    pub id: &'a str,
    /// Why.
    pub because: &'a str,
    /// Who confirms; nobody with `--yes`.
    pub prompt: Option<&'a dyn Prompt>,
    /// Whether a missing journal is made.
    pub new_journal: bool,
    /// How long to wait for the target.
    pub lock_wait: Duration,
    /// Why all writing is stopped, where it is.
    pub stopped: Option<String>,
    /// Whether it passes the pause that stands in the journal.
    pub past_pause: bool,
    /// The time.
    pub clock: Clock,
    /// Asked for by Ctrl-C.
    pub stop: Stop,
}

/// Removes one entry. Broken policy files are told in the report and do not make it fail.
///
/// # Errors
/// [`RunError`]: it could not begin, or a guard or circumstance stands against it. The order was not sent.
pub async fn order(
    ordered: Ordered<'_>,
    connect: &dyn Connect,
    progress: &dyn Progress,
) -> Result<RunReport, RunError> {
    let (loaded, target) = (ordered.loaded, &ordered.target);
    let mut wishes =
        Wishes { only: vec![target.clone()], confirmation: Confirmation::Person(None), ..Wishes::default() };
    known_targets(loaded, &wishes)?;
    if let Some(why) = loaded.unclear.get(target) {
        return Err(RunError::Unclear { target: target.to_string(), why: why.clone() });
    }
    let not_stopped = |why: Option<String>| match why {
        Some(why) => Err(OrderRefused::Held { name: "stopped", why }),
        None => Ok(()),
    };
    not_stopped(ordered.stopped.clone())?;
    let journal = record::to_write(&loaded.config, ordered.new_journal).await?;
    let pause = PauseSwitch::new(&journal, &ordered.clock, ordered.past_pause);
    wishes.last_pause = pause.look().await?;
    not_stopped(pause.why())?;
    let info = RunInfo { command: "revoke".into(), version: VERSION.into(), ..RunInfo::default() };
    let run = journal.begin(&info).await?;
    let brake = || super::settings::brake(&loaded.config).or_else(|| pause.brake());
    let session = Session {
        loaded,
        journal: &journal,
        run: &run,
        clock: &ordered.clock,
        next_run: None,
        stop: &ordered.stop,
        halt: &Halt::default(),
        brake: &brake,
        is_order: true,
        progress,
        fleet: None,
    };
    session.to_its_end(steps(&session, &pause, &ordered, (&wishes, info), connect)).await
}

/// From the lock to the report.
async fn steps(
    session: &Session<'_>,
    pause: &PauseSwitch<'_>,
    ordered: &Ordered<'_>,
    (wishes, info): (&Wishes, RunInfo),
    connect: &dyn Connect,
) -> Result<RunReport, RunError> {
    let (loaded, target) = (session.loaded, &ordered.target);
    let mut locks = session.lock(wishes, ordered.lock_wait).await?;
    let _lock = locks.remove(target).transpose()?;
    let readings = session.read(vec![target.clone()], connect).await?;
    let (Some(config), Some(reading)) = (loaded.config.targets.get(target), readings.get(target)) else {
        return Err(RunError::Defect);
    };
    let problems = loaded.problems.clone();
    let mut report = RunReport { problems, spared_problems: true, sends: true, ..RunReport::default() };
    let plan_of = |part| Plan {
        version: PLAN_VERSION,
        made_at: session.now(),
        revision: None,
        problems: Vec::new(),
        targets: vec![part],
    };
    let reading = match reading {
        Ok(reading) => reading,
        Err(unreadable) => {
            let system = config.description.system;
            let way_on = Some(unreadable.way_on().to_owned());
            let part = plan::unreadable(target.clone(), system, unreadable.to_string(), way_on);
            report.plan = Some(plan_of(part));
            return Ok(report);
        }
    };
    session.at_accounts(&readings).await?;
    // What earlier runs left open comes first, as in `apply`: the order is planned on what is known then.
    let resumed = session.resume(&readings).await.remove(target).unwrap_or_default();
    if session.halt.why().is_some() {
        return Ok(report);
    }
    let ready = session.ready(&readings, BTreeMap::new()).await?;
    let Some(ready) = ready.get(target) else { return Err(RunError::Defect) };
    let case = Case::new(loaded, config, ready, wishes, session.now());
    let rules = OneOrder { case: &case, kind: ordered.kind, id: ordered.id, because: ordered.because };
    let plan = plan_of(rules.planned(&reading.snapshot, session.now())?);
    let answer = match ordered.prompt {
        Some(prompt) => session.ask(prompt, &plan, info).await?,
        None => Answer::Yes,
    };
    report.declined = answer == Answer::No;
    let mut outcome = TargetOutcome { target: target.clone(), ..TargetOutcome::default() };
    if let (Answer::Yes, Some(part), Some(hand)) = (answer, plan.targets.first(), reading.reach.hand.as_ref()) {
        let approved = Approved {
            plan: part,
            snapshot: Arc::clone(&reading.snapshot),
            may_open: &config.may_open,
            open: &resumed,
            rules: &rules,
        };
        outcome = pause.over(apply::carry_out(&session.work(config, reading), hand, approved)).await;
    }
    outcome.resumed = resumed;
    outcome.make_good(None);
    report.outcomes.push(outcome);
    report.usage = usage(&readings);
    report.plan = Some(plan);
    Ok(report)
}

/// The rules for a newer reading of the target: the same order, planned again.
struct OneOrder<'a> {
    case: &'a Case<'a>,
    kind: Option<&'a str>,
    id: &'a str,
    because: &'a str,
}

impl OneOrder<'_> {
    fn planned(&self, reading: &Snapshot, now: Timestamp) -> Result<TargetPlan, OrderRefused> {
        // By the vendor's clock, too, where ours is wrong.
        if let Some(why) = self.case.settings.stopped.clone() {
            return Err(OrderRefused::Held { name: "stopped", why });
        }
        let input = self.case.input(reading, now, false);
        plan::order_one(&input, self.kind, self.id, self.because).map(|planned| planned.plan)
    }
}

impl apply::Rules for OneOrder<'_> {
    fn check(&self, reading: &Snapshot) -> Result<(), Unreadable> {
        self.case.check(reading)
    }

    fn plan(&self, reading: &Snapshot, now: Timestamp) -> TargetPlan {
        self.planned(reading, now).unwrap_or_else(|refused| {
            plan::blocked(self.case.target.name.clone(), self.case.target.description.system, refused.to_string())
        })
    }
}
