//! What a sending run keeps in the journal besides its intents: what it saw, which announced numbers and saved plans it used.

use std::collections::BTreeMap;

use super::{Case, Ready, RunError, Wishes, saved, session::Session};
use crate::{
    access::{History, Observation, Text},
    apply::TargetOutcome,
    journal::RecordBody,
    plan::{self, Plan, TargetPlan},
};

impl Session<'_> {
    /// Keeps what was seen: the account on first sight, and the observation beside the chain.
    pub(super) async fn keep(&self, ready: &BTreeMap<Text, Ready>, observations: &BTreeMap<Text, Observation>) {
        for (name, ready) in ready {
            let Ok(snapshot) = &ready.reading else { continue };
            let mut kept = Ok(());
            if let (None, Some(account_id)) = (&ready.history.account_id, &snapshot.account_id) {
                let body = RecordBody::AccountPinned { account_id: account_id.clone() };
                kept = self.journal.append(self.run, Some(name), body).await;
            }
            let is_news = |seen: &&Observation| self.fleet.is_none_or(|fleet| fleet.is_news(name, seen, self.now()));
            if let (Ok(()), Some(seen)) = (&kept, observations.get(name).filter(is_news)) {
                let now = self.now();
                kept = self.journal.observe(name, now, seen).await;
                if let (Ok(()), Some(fleet)) = (&kept, self.fleet) {
                    fleet.was_kept(name, seen, now);
                }
            }
            if let Err(error) = kept {
                self.halt.pull(error.to_string());
                return;
            }
        }
    }

    /// Holds the changes of every part of the saved plan that was carried out before.
    pub(super) async fn hold_used_up(&self, plan: &mut Plan, wishes: &Wishes) -> Result<(), RunError> {
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

    /// An announced number that lets this plan pass is used once, and kept where the plan passes without it.
    pub(super) async fn use_expectation(&self, part: &TargetPlan, ready: &Ready, wishes: &Wishes) {
        if self.needs_expectation(part, ready, wishes) {
            let used = self.journal.append(self.run, Some(&part.target), RecordBody::ExpectationUsed).await;
            if let Err(error) = used {
                self.halt.pull(error.to_string());
            }
        }
    }

    /// Whether share, count or the ceiling over all targets would refuse the plan but for the announced number.
    fn needs_expectation(&self, part: &TargetPlan, ready: &Ready, wishes: &Wishes) -> bool {
        let (Some(expected), Some(target), Ok(snapshot)) =
            (&ready.history.expectation, self.loaded.config.targets.get(&part.target), &ready.reading)
        else {
            return false;
        };
        if expected.number != part.counts.meant || wishes.stated.contains_key(&part.target) {
            return false;
        }
        if self.fleet.is_some_and(|fleet| fleet.is_lifted(&part.target)) {
            return true;
        }
        let without = History { expectation: None, ..ready.history.clone() };
        let case = Case { history: &without, ..Case::new(self.loaded, target, ready, wishes, self.now()) };
        let plan = plan::plan_target(&case.input(snapshot, self.now(), false)).plan;
        plan.refusals.iter().any(|refusal| refusal.guard.yields_to_a_number())
    }

    /// Records which parts of the saved plan are used up now.
    pub(super) async fn use_up(&self, plan: &Plan, wishes: &Wishes, outcomes: &[TargetOutcome]) {
        let Some(saved) = &wishes.saved else { return };
        for part in &saved.targets {
            let now = plan.targets.iter().find(|target| target.target == part.target);
            let outcome = outcomes.iter().find(|outcome| outcome.target == part.target);
            let (Some(now), Some(outcome)) = (now, outcome) else { continue };
            if saved::binds(part) && saved::is_settled(part, now, outcome) {
                let body = RecordBody::PlanUsedUp { digest: saved::digest(saved, part) };
                if let Err(error) = self.journal.append(self.run, Some(&part.target), body).await {
                    self.halt.pull(error.to_string());
                }
            }
        }
    }
}
