//! What stood in the way of a run, for its report: remarks, refusals with the way on, and held rows. Without it an
//! unattended run would only tell that something is held.

use super::report::{Line, Tone};
use crate::{
    apply::TargetOutcome,
    plan::{
        FindingKind, Row, TargetPlan,
        render::{count, held},
    },
};

/// The most held rows of a target that a report names, and the most loud findings; `plan` shows all.
const MAX_NAMED: usize = 50;

/// The lines of one target; none where nothing stood in the way. `outcome` is what the report tells of it besides.
pub fn lines(target: &TargetPlan, outcome: Option<&TargetOutcome>) -> Vec<Line> {
    let mut lines = Vec::new();
    lines.extend(target.remarks.iter().map(|remark| Line::new(1, Tone::Plain, format!("note: {remark}"))));
    loud(target, outcome, &mut lines);
    for refusal in &target.refusals {
        lines.push(Line::new(1, Tone::Bad, format!("refused by {}: {}", refusal.guard.name(), refusal.over)));
        lines.push(Line::new(3, Tone::Plain, format!("{}; the limit is {}", refusal.figure, refusal.limit)));
        lines.push(Line::new(3, Tone::Plain, format!("way on: {}", refusal.way_on)));
    }
    let (under_refusals, others) = held(target);
    let all = under_refusals.values().map(Vec::len).sum::<usize>() + others.len();
    let mut room = MAX_NAMED;
    for (why, rows) in under_refusals {
        let number = count(rows.len() as u64, "row", "rows");
        lines.push(Line::new(1, Tone::Open, format!("held by ceiling, {number}: {why}")));
        lines.extend(rows.iter().take(room).map(|row| Line::new(3, Tone::Plain, subject(row))));
        room = room.saturating_sub(rows.len());
    }
    for row in others.iter().take(room) {
        let why: Vec<String> = row.holds.iter().map(|hold| format!("{}: {}", hold.name.name(), hold.why)).collect();
        lines.push(Line::new(1, Tone::Open, format!("held: {}: {}", subject(row), why.join("; "))));
    }
    if let Some(more @ 1..) = all.checked_sub(MAX_NAMED) {
        let more = count(more as u64, "more held row", "more held rows");
        lines.push(Line::new(1, Tone::Open, format!("{more}; `portcullis plan` shows them")));
    }
    lines
}

/// Findings that somebody has to look into: what came back again and again, and what is in flight for too long, unless it is
/// told as an earlier run's row.
fn loud(target: &TargetPlan, outcome: Option<&TargetOutcome>, lines: &mut Vec<Line>) {
    let is_told = |row: &Row| {
        let resumed = outcome.iter().flat_map(|outcome| &outcome.resumed);
        resumed.filter(|told| told.overdue).any(|told| told.kind == row.kind && told.id == row.id)
    };
    let rows = target.rows.iter().filter_map(|row| match row.finding {
        Some(FindingKind::Fight) => Some(("fight", row)),
        _ if row.overdue && !is_told(row) => Some(("in flight for too long", row)),
        _ => None,
    });
    let mut left_out: u64 = 0;
    for (number, (what, row)) in rows.enumerate() {
        if number < MAX_NAMED {
            lines.push(Line::new(1, Tone::Bad, format!("{what}: {}: {}", subject(row), row.why)));
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        let more = count(left_out, "more such row", "more such rows");
        lines.push(Line::new(1, Tone::Bad, format!("{more}; `portcullis plan` shows them")));
    }
}

fn subject(row: &Row) -> String {
    let name = if row.title.is_empty() || row.title == row.id {
        row.id.to_string()
    } else {
        format!("{} [{}]", row.title, row.id)
    };
    let of = row.principal.as_ref().filter(|who| row.title != who.as_str());
    let of = of.map_or(String::new(), |who| format!(" of {who}"));
    let cause = row.cause.map_or_else(String::new, |cause| format!(" ({})", cause.name()));
    format!("{} {name}{of}{cause}", row.kind.replace('_', " "))
}
