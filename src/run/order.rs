//! `revoke TARGET ENTRY --because TEXT`: one entry, now, for a leaked token.
//!
//! It needs no policy and works with an ephemeral journal, so that nothing stands between a leak and its end but what must
//! never be removed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Case, Loaded, Ready, RunError, RunReport, VERSION, Wishes,
    paused::PauseSwitch,
    perform::{Answer, Prompt},
    reach::Connect,
    read::{ToRead, read_all},
    record,
    session::Session,
    show::known_targets,
};
use crate::{
    access::Text,
    apply::{self, Approved, Clock, Event, Halt, Progress, TargetOutcome},
    journal::{RecordBody, RunInfo},
    plan::{self, Confirmation, OrderRefused, PLAN_VERSION, Plan},
    transport::Stop,
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

/// Removes one entry. Broken policy files are told in the report and do not make it fail. The inner error says which guard or
/// circumstance stands against it.
///
/// # Errors
/// [`RunError`]: it could not begin.
pub async fn order(
    ordered: Ordered<'_>,
    connect: &dyn Connect,
    progress: &dyn Progress,
) -> Result<Result<RunReport, OrderRefused>, RunError> {
    let Ordered { loaded, target, kind, id, because, prompt, new_journal, lock_wait, stopped, past_pause, clock, stop } =
        ordered;
    let wishes = Wishes { only: vec![target.clone()], confirmation: Confirmation::Person(None), ..Wishes::default() };
    known_targets(loaded, &wishes)?;
    if let Some(why) = loaded.unclear.get(&target) {
        return Err(RunError::Unclear { target: target.to_string(), why: why.clone() });
    }
    if let Some(why) = stopped {
        return Ok(Err(OrderRefused::Held { name: "stopped", why }));
    }
    let journal = record::to_write(&loaded.config, new_journal).await?;
    let pause = PauseSwitch::new(&journal, &clock);
    if !past_pause {
        pause.look().await?;
        if let Some(why) = pause.why() {
            return Ok(Err(OrderRefused::Held { name: "stopped", why }));
        }
    }
    let info = RunInfo { command: "revoke".into(), version: VERSION.into(), ..RunInfo::default() };
    let run = journal.begin(&info).await?;
    let problems = loaded.problems.clone();
    let mut report = RunReport { problems, spared_problems: true, sends: true, ..RunReport::default() };
    progress.tell(&Event::Locking { target: &target });
    let lock = match journal.lock(&target, lock_wait).await {
        Ok(lock) => lock,
        Err(error) => {
            journal.append(&run, None, RecordBody::RunEnded { exit_code: 1, cut_off: false }).await?;
            return Err(error.into());
        }
    };
    let Some(config) = loaded.config.targets.get(&target) else { return Ok(Ok(report)) };
    let all = record::pinned(Some(&journal), &loaded.config).await?;
    let pinned = journal.account_id(&target).await?;
    let to_read = vec![ToRead { target: config, policy: loaded.policies.targets.get(&target), pinned }];
    let mut readings = read_all(connect, to_read, &all, true, progress).await;
    let reading = match readings.remove(&target) {
        Some(Ok(reading)) => reading,
        Some(Err(unreadable)) => {
            let system = config.description.system;
            let part = plan::unreadable(target, system, unreadable.to_string(), Some(unreadable.way_on().to_owned()));
            report.plan = Some(Plan {
                version: PLAN_VERSION,
                made_at: clock(),
                revision: None,
                problems: Vec::new(),
                targets: vec![part],
            });
            end(&journal, &run, &mut report).await;
            return Ok(Ok(report));
        }
        None => return Ok(Ok(report)),
    };
    let halt = Halt::default();
    let brake = || super::settings::brake(&loaded.config).or_else(|| pause.brake());
    let session = Session {
        loaded,
        journal: &journal,
        run: &run,
        clock: &clock,
        stop: &stop,
        halt: &halt,
        brake: &brake,
        freezes: false,
        progress,
        fleet: None,
    };
    journal.at_account(&target, &record::account_digest(config)).await?;
    let work = session.work(config, &reading);
    // What earlier runs left open comes first, as in `apply`: the order is planned on what is known then.
    let resumed = apply::resume(&work, &reading.snapshot).await?;
    let history = journal.history(&target, clock()).await?;
    let ready = Ready { reading: Ok(Arc::clone(&reading.snapshot)), history, from_file: None };
    let case = Case::new(loaded, config, &ready, &wishes, clock());
    let planned = match plan::order_one(&case.input(&reading.snapshot, clock(), false), kind, id, because) {
        Ok(planned) => planned.plan,
        Err(refused) => {
            journal
                .append(&run, None, RecordBody::RunEnded { exit_code: refused_exit_code(&refused), cut_off: false })
                .await?;
            return Ok(Err(refused));
        }
    };
    let plan =
        Plan { version: PLAN_VERSION, made_at: clock(), revision: None, problems: Vec::new(), targets: vec![planned] };
    if let Some(prompt) = prompt {
        if prompt.ask(&plan).await == Answer::No {
            report.declined = true;
            report.outcomes.push(TargetOutcome { target, resumed, ..TargetOutcome::default() });
            report.plan = Some(plan);
            end(&journal, &run, &mut report).await;
            return Ok(Ok(report));
        }
        journal.append(&run, None, RecordBody::RunStarted(RunInfo { confirmed: true, ..info })).await?;
    }
    let mut outcome = TargetOutcome { target: target.clone(), ..TargetOutcome::default() };
    let rules = OneOrder { case: &case, kind, id, because };
    if let (Some(part), Some(hand)) = (plan.targets.first(), reading.reach.hand.as_ref()) {
        let approved = Approved {
            plan: part,
            snapshot: Arc::clone(&reading.snapshot),
            may_open: &config.may_open,
            open: &resumed,
            rules: &rules,
        };
        let sending = apply::carry_out(&work, hand, approved);
        outcome = if past_pause {
            sending.await
        } else {
            tokio::select! {
                outcome = sending => outcome,
                never = pause.keep_looking() => match never {},
            }
        };
    }
    let mut outcome = TargetOutcome { resumed, ..outcome };
    outcome.make_good(None);
    report.outcomes.push(outcome);
    report.usage = BTreeMap::from([(target, (reading.reach.usage)())]);
    report.plan = Some(plan);
    end(&journal, &run, &mut report).await;
    drop(lock);
    Ok(Ok(report))
}

/// The exit code of an order that is refused: 3 where a guard holds the entry, 1 where there is no such entry to remove.
pub fn refused_exit_code(refused: &OrderRefused) -> u8 {
    match refused {
        OrderRefused::Held { .. } => 3,
        OrderRefused::NotFound(_) | OrderRefused::Ambiguous(_) | OrderRefused::Dead(_) | OrderRefused::InFlight(_) => 1,
    }
}

async fn end(journal: &crate::journal::Journal, run: &str, report: &mut RunReport) {
    let exit_code = report.exit_code(super::ExitRules::default());
    if let Err(error) = journal.append(run, None, RecordBody::RunEnded { exit_code, cut_off: false }).await {
        report.errors.push(format!("the end of the run could not be recorded: {error}"));
    }
}

/// The rules for a newer reading of the target: the same order, planned again.
struct OneOrder<'a> {
    case: &'a Case<'a>,
    kind: Option<&'a str>,
    id: &'a str,
    because: &'a str,
}

impl apply::Rules for OneOrder<'_> {
    fn check(&self, reading: &crate::access::Snapshot) -> Result<(), crate::wire::Unreadable> {
        self.case.check(reading)
    }

    fn plan(&self, reading: &crate::access::Snapshot, now: jiff::Timestamp) -> plan::TargetPlan {
        let input = self.case.input(reading, now, false);
        match plan::order_one(&input, self.kind, self.id, self.because) {
            Ok(planned) => planned.plan,
            Err(refused) => {
                plan::blocked(self.case.target.name.clone(), self.case.target.description.system, refused.to_string())
            }
        }
    }
}
