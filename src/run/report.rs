//! What a run came to, as plain data, and the exit code that follows from it.

use std::collections::BTreeMap;

use crate::{
    access::Text,
    apply::{End, TargetOutcome},
    plan::{HoldName, Plan, Row, Status, TargetState, Upcoming},
    transport::Usage,
    yaml::Problem,
};

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub struct RunReport {
    /// Every problem of every file, ready to be shown.
    pub problems: Vec<Problem>,
    /// Whether those problems are remarks only: `revoke` needs no policy, so a file that is broken is not its failure.
    pub spared_problems: bool,
    /// The plan.
    pub plan: Option<Plan>,
    /// What was sent and how it ended, by target; empty where the command does not send.
    pub outcomes: Vec<TargetOutcome>,
    /// What time will bring, by target; empty unless it was wanted.
    pub upcoming: BTreeMap<Text, Vec<Upcoming>>,
    /// Calls made, by target.
    pub usage: BTreeMap<Text, Usage>,
    /// Errors that are nobody's row: a journal that cannot be used, a lock that is held.
    pub errors: Vec<String>,
    /// What a reader has to know and nobody has to do.
    pub remarks: Vec<String>,
    /// Whether the command sends.
    pub sends: bool,
    /// Whether a person said no at the prompt.
    pub declined: bool,
}

/// How the caller wants the exit code.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExitRules {
    /// `plan --detailed-exitcode`: 2 where a target is out of sync.
    pub detailed: bool,
    /// `plan --check-guards`: 3 where a guard stands in the way. Always on for commands that send.
    pub check_guards: bool,
    /// `--strict`: findings that nothing can be done about count as out of sync.
    pub strict: bool,
}

impl RunReport {
    /// The exit code: the first that holds, in the order 1, 4, 3, 2, 0.
    pub fn exit_code(&self, rules: ExitRules) -> u8 {
        if self.has_errors() {
            return 1;
        }
        if self.sends && self.in_part() {
            return 4;
        }
        if (self.sends || rules.check_guards) && self.guard_refused() {
            return 3;
        }
        if rules.detailed && !self.in_sync(rules.strict) {
            return 2;
        }
        0
    }

    /// Bad configuration or policy where that matters, an unreadable or blocked target, a journal that failed.
    pub fn has_errors(&self) -> bool {
        let unplanned =
            self.plan.iter().flat_map(|plan| &plan.targets).any(|target| !matches!(target.state, TargetState::Planned));
        let journal = self.outcomes.iter().any(|outcome| outcome.journal_failed.is_some());
        let files = !self.problems.is_empty() && !self.spared_problems;
        files || !self.errors.is_empty() || unplanned || journal
    }

    /// Whether something that was to be sent, or was sent by an earlier run, failed, is refused, unknown or too long in
    /// flight, or was not sent since a person stopped the run.
    pub fn in_part(&self) -> bool {
        let overdue =
            self.plan.iter().flat_map(|plan| &plan.targets).flat_map(|target| &target.rows).any(|row| row.overdue);
        overdue
            || self.outcomes.iter().any(|outcome| {
                outcome.stopped || outcome.resumed.iter().chain(&outcome.rows).any(|row| row.is_trouble())
            })
    }

    /// Whether a guard stood in the way.
    pub fn guard_refused(&self) -> bool {
        let targets = || self.plan.iter().flat_map(|plan| &plan.targets);
        targets().any(|target| target.refusals.iter().any(|refusal| refusal.counts))
            || targets().flat_map(|target| &target.rows).any(stands_in_the_way)
            || self.outcomes.iter().flat_map(|outcome| &outcome.rows).any(|row| row.end == End::Blocked)
    }

    /// Whether every target is in sync; `strict` counts declarations that nothing can fulfil, too.
    pub fn in_sync(&self, strict: bool) -> bool {
        let targets = || self.plan.iter().flat_map(|plan| &plan.targets);
        let unfulfilled = || targets().flat_map(|target| &target.rows).any(Row::is_unfulfilled);
        targets().all(|target| target.in_sync()) && !(strict && unfulfilled())
    }
}

/// Whether a held row is held by more than what is meant to hold it: observe, notice, freeze, a `holds:` item, a standing own
/// or protected entry, broken files, a saved plan that is older than the row.
pub fn stands_in_the_way(row: &Row) -> bool {
    if row.status != Status::Held {
        return false;
    }
    use HoldName::{BadTree, Freeze, Hold, NotInPlan, Notice, Observe, Own, Protected};
    let meant = |name: HoldName| matches!(name, Observe | Own | Protected | NotInPlan | BadTree);
    let waits = |name: HoldName| matches!(name, Notice | Freeze | Hold);
    !row.holds.iter().any(|hold| meant(hold.name)) && row.holds.iter().any(|hold| !waits(hold.name))
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
