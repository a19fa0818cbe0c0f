//! A saved plan is the upper bound of what may be sent.

use std::collections::HashSet;

use super::{Guard, GuardRefusal, HoldName, Input, Row, TargetPlan, Ticket, candidate::Candidate};
use crate::access::{Action, Fingerprint, cut};

/// Holds what the saved plan neither would send nor holds by notice.
pub fn narrow(input: &Input<'_>, candidates: &mut [Candidate<'_>], plan: &mut TargetPlan) {
    let Some(saved) = input.saved else { return };
    if saved.policy_digest != plan.policy_digest {
        for candidate in candidates.iter_mut() {
            candidate.hold(HoldName::Ceiling, "the policies changed since the plan was saved", None);
        }
        plan.refusals.push(GuardRefusal {
            guard: Guard::PolicyDigest,
            over: "all rows".into(),
            figure: format!("the policies changed: their digest is {}", cut(&plan.policy_digest, 12)),
            limit: format!("{}, the digest in the saved plan", cut(&saved.policy_digest, 12)),
            way_on: "make and review a new plan".into(),
            counts: true,
        });
        return;
    }
    let bound: HashSet<Ticket> = saved.rows.iter().filter(|row| row.is_bound()).map(Row::ticket).collect();
    for candidate in candidates.iter_mut().filter(|candidate| candidate.goes()) {
        let ticket = Ticket {
            kind: candidate.entry.kind.name.into(),
            id: candidate.entry.id.clone(),
            fingerprint: Some(Fingerprint::of(candidate.entry)),
            action: Some(Action::Revoke),
            cause: Some(candidate.cause),
        };
        if !bound.contains(&ticket) {
            candidate.hold(
                HoldName::NotInPlan,
                "the saved plan does not hold this row",
                Some("make a new plan".into()),
            );
        }
    }
}
