//! Exit codes, and which one holds when several would.

use crate::plan::{FindingKind, HoldName, Plan, Row, Status, TargetState};

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; of `plan --detailed-exitcode`: in sync.
    Done,
    /// Bad configuration or policy, an unreadable target, anything that went wrong.
    Error,
    /// Of `plan --detailed-exitcode`: out of sync.
    OutOfSync,
    /// A guard refused.
    Refused,
    /// Some changes failed, are refused by the system, unknown, or too long in flight.
    Partial,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::OutOfSync => 2,
            Self::Refused => 3,
            Self::Partial => 4,
        }
    }

    /// The first that holds, in the order 1, 4, 3, 2, 0.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let rank = |exit| match exit {
            Self::Error => 0,
            Self::Partial => 1,
            Self::Refused => 2,
            Self::OutOfSync => 3,
            Self::Done => 4,
        };
        if rank(other) < rank(self) { other } else { self }
    }
}

/// What of a plan counts for the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counting {
    /// Out of sync counts (`plan --detailed-exitcode`).
    pub sync: bool,
    /// A guard in the way counts (`apply`, `plan --check-guards`).
    pub guards: bool,
    /// Findings count as out of sync (`plan --strict`).
    pub strict: bool,
}

/// The exit code that a plan gives.
pub fn of_plan(plan: &Plan, counting: Counting) -> Exit {
    let mut exit = Exit::Done;
    for target in &plan.targets {
        if target.state != TargetState::Planned {
            exit = exit.and(Exit::Error);
            continue;
        }
        let refused = target.refusals.iter().any(|refusal| refusal.counts) || target.rows.iter().any(stands_in_the_way);
        if counting.guards && refused {
            exit = exit.and(Exit::Refused);
        }
        let told = counting.strict && target.rows.iter().any(is_difference);
        if (counting.sync && !target.in_sync()) || told {
            exit = exit.and(Exit::OutOfSync);
        }
    }
    exit
}

/// Whether something but observe, notice, freeze or a standing own or protected entry holds this row. An ambiguous row of a
/// kind in observe is not meant; what a refused group holds is told by its refusal.
fn stands_in_the_way(row: &Row) -> bool {
    let spares = |name: HoldName| matches!(name, HoldName::Observe | HoldName::Own | HoldName::Protected);
    let waits = |name: HoldName| matches!(name, HoldName::Notice | HoldName::Freeze | HoldName::Ceiling);
    row.status == Status::Held
        && !row.holds.iter().any(|hold| spares(hold.name))
        && row.holds.iter().any(|hold| !waits(hold.name))
}

/// A finding that `--strict` counts: not the dead, nor what leaves already.
fn is_difference(row: &Row) -> bool {
    row.status == Status::Finding && !matches!(row.finding, Some(FindingKind::Dead | FindingKind::InFlight))
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_first_that_holds_is_1_4_3_2_0_whatever_came_first() {
        let order = [Exit::Error, Exit::Partial, Exit::Refused, Exit::OutOfSync, Exit::Done];
        for (rank, first) in order.into_iter().enumerate() {
            for second in order.into_iter().skip(rank) {
                assert_eq!(first.and(second), first);
                assert_eq!(second.and(first), first);
            }
        }
        assert_eq!(order.map(Exit::code), [1, 4, 3, 2, 0]);
    }
}
