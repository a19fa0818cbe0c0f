//! The frame of a target's plan: what stands around its rows, their order, their numbers and digests.

use super::{Counts, FindingKind, Input, ReadingSummary, Row, Status, TargetPlan, TargetState, is_dead};
use crate::access::{Action, Cause, Entry, Fingerprint, Group, Hasher, Text};

/// A plan without rows.
pub fn empty(input: &Input<'_>) -> TargetPlan {
    TargetPlan {
        target: input.settings.target.clone(),
        system: input.description.system.into(),
        state: TargetState::Planned,
        account: input.snapshot.account_id.clone().or_else(|| input.settings.account.clone()),
        reading: Some(ReadingSummary {
            started_at: input.snapshot.started_at,
            finished_at: input.snapshot.finished_at,
            from_file: input.from_file.map(str::to_owned),
            evidence: input.snapshot.evidence.clone(),
        }),
        policy_digest: input.policy.digest.clone(),
        snapshot_digest: snapshot_digest(input),
        digest: Text::default(),
        rows: Vec::new(),
        refusals: Vec::new(),
        counts: Counts {
            declarations: u32::try_from(input.policy.declarations.len()).unwrap_or(u32::MAX),
            ..Counts::default()
        },
        remarks: input.snapshot.evidence.remarks.clone(),
        past_unread: input.history.unread,
    }
}

/// The plan of a target whose reading failed.
pub fn unreadable(target: Text, system: &str, what: String, advice: Option<String>) -> TargetPlan {
    nothing(target, system, TargetState::Unreadable { what, advice })
}

/// The plan of a target that a broken or missing policy file blocks.
pub fn blocked(target: Text, system: &str, what: String) -> TargetPlan {
    nothing(target, system, TargetState::Blocked { what })
}

fn nothing(target: Text, system: &str, state: TargetState) -> TargetPlan {
    TargetPlan {
        target,
        system: system.into(),
        state,
        account: None,
        reading: None,
        policy_digest: Text::default(),
        snapshot_digest: Text::default(),
        digest: Text::default(),
        rows: Vec::new(),
        refusals: Vec::new(),
        counts: Counts::default(),
        remarks: Vec::new(),
        past_unread: false,
    }
}

/// Puts rows in their order and counts them. To be called again after rows changed their status.
pub fn finish(plan: &mut TargetPlan) {
    plan.rows.sort_by(|a, b| order(a).cmp(&order(b)));
    let of = |status: Status, rows: &[Row]| {
        u32::try_from(rows.iter().filter(|row| row.status == status).count()).unwrap_or(u32::MAX)
    };
    plan.counts.changes = of(Status::Change, &plan.rows);
    plan.counts.held = of(Status::Held, &plan.rows);
    plan.counts.findings = of(Status::Finding, &plan.rows);
    let mut hasher = Hasher::new("plan");
    hasher.text(&plan.target).text(&plan.policy_digest);
    for row in plan.rows.iter().filter(|row| row.status != Status::Finding) {
        hasher.text(if row.status == Status::Change { "change" } else { "held" });
        hasher.text(&row.kind).text(&row.id);
        hasher.text(row.action.map_or("", Action::name)).text(row.cause.map_or("", Cause::name));
        hasher.text(&row.fingerprint.map_or_else(String::new, |fingerprint| fingerprint.to_string()));
        row.holds.iter().for_each(|hold| {
            hasher.text(hold.name.name());
        });
    }
    plan.digest = hasher.finish_hex().into();
}

fn order(row: &Row) -> (Status, Option<Group>, Option<FindingKind>, &str, &str, &str) {
    (row.status, row.group(), row.finding, &row.kind, &row.title, &row.id)
}

/// Digest over what was read, whatever the order of the reading.
fn snapshot_digest(input: &Input<'_>) -> Text {
    let mut entries: Vec<&Entry> = input.snapshot.entries.iter().filter(|entry| !is_dead(entry)).collect();
    entries.sort_by(|a, b| (a.kind.name, &a.id).cmp(&(b.kind.name, &b.id)));
    let mut hasher = Hasher::new("snapshot");
    for entry in entries {
        Fingerprint::feed(&mut hasher, entry);
    }
    hasher.finish_hex().into()
}
