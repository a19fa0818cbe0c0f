//! What stood in the way of a run, for its report: remarks, refusals with the way on, and held rows. Without it an
//! unattended run would only tell that something is held.

use super::report::{Line, Tone};
use crate::plan::{Status, TargetPlan, render::count};

/// The most held rows of a target that a report names; `plan` shows all.
const MAX_NAMED: usize = 50;

/// The lines of one target; none where nothing stood in the way.
pub fn lines(target: &TargetPlan) -> Vec<Line> {
    let mut lines = Vec::new();
    lines.extend(target.remarks.iter().map(|remark| Line::new(1, Tone::Plain, format!("note: {remark}"))));
    for refusal in &target.refusals {
        lines.push(Line::new(1, Tone::Bad, format!("refused by {}: {}", refusal.guard, refusal.over)));
        lines.push(Line::new(3, Tone::Plain, format!("{}; the limit is {}", refusal.figure, refusal.limit)));
        lines.push(Line::new(3, Tone::Plain, format!("way on: {}", refusal.way_on)));
    }
    let held: Vec<_> = target.rows.iter().filter(|row| row.status == Status::Held).collect();
    for row in held.iter().take(MAX_NAMED) {
        let name = if row.title.is_empty() || row.title == row.id {
            row.id.to_string()
        } else {
            format!("{} [{}]", row.title, row.id)
        };
        let why: Vec<String> = row.holds.iter().map(|hold| format!("{}: {}", hold.name.name(), hold.why)).collect();
        let cause = row.cause.map_or("", crate::access::Cause::name);
        let kind = row.kind.replace('_', " ");
        lines.push(Line::new(1, Tone::Open, format!("held: {kind} {name} ({cause}): {}", why.join("; "))));
    }
    if let Some(more @ 1..) = held.len().checked_sub(MAX_NAMED) {
        let more = count(more as u64, "more held row", "more held rows");
        lines.push(Line::new(1, Tone::Open, format!("{more}; `portcullis plan` shows them")));
    }
    lines
}
