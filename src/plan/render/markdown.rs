//! The plan for a pull-request comment: Markdown that fits, with what matters first to stay when it has to be cut.
//!
//! Names stand in code spans, sentences are escaped: nothing that an API or a file says becomes a link, a mention, HTML or a
//! heading. The first line is a marker by which a job finds its comment again and updates it.

use jiff::Timestamp;

use super::{
    diff::{self, Diffs},
    neutral, words,
};
use crate::{
    access::Reversibility,
    plan::{FileProblem, GuardRefusal, Plan, Row, Status, TargetPlan, TargetState},
};

/// The longest comment that GitHub takes, in characters; counted in bytes here, which is never more generous.
pub const COMMENT_LIMIT: usize = 65_536;

/// The hidden first line of every comment.
pub const MARKER: &str = "<!-- portcullis:plan -->";

/// Room kept for the line that counts what was left out.
const TAIL_ROOM: usize = 400;

/// What stays longest when a comment has to be cut: the lower, the longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Problem,
    Target,
    Change,
    Refusal,
    Held,
    Finding,
    Diff,
}

impl Worth {
    const ALL: [Self; 7] =
        [Self::Problem, Self::Target, Self::Change, Self::Refusal, Self::Held, Self::Finding, Self::Diff];

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Problem => ("problem of a file", "problems of files"),
            Self::Target => ("target", "targets"),
            Self::Change => ("change", "changes"),
            Self::Refusal => ("refusal", "refusals"),
            Self::Held => ("held row", "held rows"),
            Self::Finding => ("finding", "findings"),
            Self::Diff => ("diff", "diffs"),
        }
    }
}

struct Block {
    worth: Worth,
    text: String,
}

/// The plan as Markdown of at most `limit_bytes` bytes (or the heading alone, where not even that fits), ages counted from
/// `now`.
pub fn markdown(plan: &Plan, now: Timestamp, limit_bytes: usize) -> String {
    let head = format!("{MARKER}\n## Portcullis plan\n\n**{}**\n", neutral::prose(&words::plan_summary(plan)));
    let problems = plan.problems.iter().map(|one| Block { worth: Worth::Problem, text: problem(one) });
    let blocks: Vec<Block> = problems.chain(plan.targets.iter().flat_map(|target| blocks(target, now))).collect();
    let whole = head.len() + blocks.iter().map(|block| block.text.len()).sum::<usize>();
    let mut room = if whole <= limit_bytes { usize::MAX } else { limit_bytes.saturating_sub(head.len() + TAIL_ROOM) };

    // The first block that does not fit ends it, so that what is shown is a whole beginning in the order of worth.
    let mut kept = vec![false; blocks.len()];
    'all: for worth in Worth::ALL {
        for (block, kept) in blocks.iter().zip(&mut kept).filter(|(block, _)| block.worth == worth) {
            if block.text.len() > room {
                break 'all;
            }
            room -= block.text.len();
            *kept = true;
        }
    }

    let mut out = head;
    for (block, _) in blocks.iter().zip(&kept).filter(|(_, kept)| **kept) {
        out.push_str(&block.text);
    }
    let left_out: Vec<String> = Worth::ALL
        .into_iter()
        .filter_map(|worth| {
            let number = blocks.iter().zip(&kept).filter(|(block, kept)| block.worth == worth && !**kept).count();
            let (one, many) = worth.words();
            (number > 0).then(|| words::count(number as u64, one, many))
        })
        .collect();
    if !left_out.is_empty() {
        out.push_str(&format!(
            "\n**Left out, because a comment has an end:** {}. `portcullis plan` shows all of it.\n",
            left_out.join(", ")
        ));
    }
    out
}

fn blocks(target: &TargetPlan, now: Timestamp) -> Vec<Block> {
    let mut blocks = vec![Block { worth: Worth::Target, text: heading(target, now) }];
    if target.state != TargetState::Planned {
        return blocks;
    }
    for row in words::rows(target, Status::Change) {
        blocks.push(Block { worth: Worth::Change, text: change(row) });
        blocks.extend(differing(row));
    }
    for refusal in &target.refusals {
        blocks.push(Block { worth: Worth::Refusal, text: refused(refusal) });
    }
    let (under_refusals, others) = words::held(target);
    for (why, rows) in under_refusals {
        let number = words::count(rows.len() as u64, "row", "rows");
        let text = format!("- held by {}, {number}: {}\n", neutral::code_span("ceiling"), neutral::prose(why));
        blocks.push(Block { worth: Worth::Refusal, text });
        for row in rows {
            let from = row
                .origin
                .as_ref()
                .map_or(String::new(), |origin| format!(" ({})", neutral::code_span(&words::origin(origin).0)));
            let text = format!("  - {}{}{from}\n", subject(row), marks(row));
            blocks.push(Block { worth: Worth::Held, text });
            blocks.extend(differing(row));
        }
    }
    for row in others {
        blocks.push(Block { worth: Worth::Held, text: held(row) });
        blocks.extend(differing(row));
    }
    for row in words::findings(target) {
        blocks.push(Block { worth: Worth::Finding, text: finding(row) });
        blocks.extend(differing(row));
    }
    blocks
}

fn problem(problem: &FileProblem) -> String {
    let hint = problem.hint.as_ref().map_or(String::new(), |hint| format!("\\\n  way on: {}", neutral::prose(hint)));
    let place = neutral::code_span(&words::place(problem));
    format!("\n- **broken file** {place}: {}{hint}\n", neutral::prose(&problem.message))
}

fn heading(target: &TargetPlan, now: Timestamp) -> String {
    let mut text = format!("\n### {} ({}", neutral::code_span(&target.target), neutral::prose(&target.system));
    if let Some(account) = &target.account {
        text.push_str(&format!(", {}", neutral::code_span(account)));
    }
    text.push_str(")\n\n");
    match &target.state {
        TargetState::Planned => {
            let sync = if target.in_sync() { "**In sync.** " } else { "" };
            text.push_str(&format!("{sync}{}\n", neutral::prose(&words::target_summary(target))));
        }
        TargetState::Unreadable { what, advice } => {
            text.push_str(&format!("**UNREADABLE**: {}\n", neutral::prose(what)));
            if let Some(advice) = advice {
                text.push_str(&format!("\nWay on: {}\n", neutral::prose(advice)));
            }
        }
        TargetState::Blocked { what } => text.push_str(&format!("**BLOCKED**: {}\n", neutral::prose(what))),
    }
    if let Some((read, file)) = words::reading(target, now) {
        let file = file.map_or(String::new(), |file| format!(", from the snapshot {}", neutral::code_span(&file)));
        text.push_str(&format!("\n_{read}{file}_\n"));
    }
    for remark in &target.remarks {
        text.push_str(&format!("\nNote: {}\n", neutral::prose(remark)));
    }
    text.push('\n');
    text
}

fn subject(row: &Row) -> String {
    let (title, id) = words::names(row);
    let mut subject = format!("{} {}", neutral::prose(&words::noun(&row.kind)), neutral::code_span(title));
    if let Some(id) = id {
        subject.push_str(&format!(" [{}]", neutral::code_span(id)));
    }
    if let Some((how, principal)) = words::holder(row) {
        subject.push_str(&format!("{how}{}", neutral::code_span(principal)));
    }
    subject
}

fn marks(row: &Row) -> String {
    let mut marks = row.cause.map_or(String::new(), |cause| format!(" · {}", neutral::code_span(cause.name())));
    match row.reversibility {
        Reversibility::Reversible => marks.push_str(&format!(" · {}", words::mark(row))),
        Reversibility::Lossy | Reversibility::Irreversible => marks.push_str(&format!(" · **{}**", words::mark(row))),
    }
    if row.weight > 1 {
        marks.push_str(&format!(" · **reaches {} people**", row.weight));
    }
    marks
}

/// Why and from where, on a line of its own below the item.
fn because(row: &Row) -> String {
    let mut text = String::new();
    if !row.why.is_empty() {
        text.push_str(&format!("  {}", neutral::prose(&row.why)));
    }
    if let Some(origin) = &row.origin {
        let (place, what) = words::origin(origin);
        let gap = if text.is_empty() { " " } else { "" };
        text.push_str(&format!("{gap} ({}, {what})", neutral::code_span(&place)));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    for remark in &row.remarks {
        text.push_str(&format!("  - note: {}\n", neutral::prose(remark)));
    }
    text
}

fn change(row: &Row) -> String {
    let action = row.action.map_or("revoke", crate::access::Action::name);
    format!("- **{action}** {}{}\\\n{}", subject(row), marks(row), because(row)).replace("\\\n\n", "\n")
}

fn held(row: &Row) -> String {
    let mut text = format!("- held: {}{}\\\n{}", subject(row), marks(row), because(row));
    for hold in &row.holds {
        text.push_str(&format!("  - {}: {}", neutral::code_span(hold.name.name()), neutral::prose(&hold.why)));
        if let Some(way_on) = &hold.way_on {
            text.push_str(&format!("\\\n    way on: {}", neutral::prose(way_on)));
        }
        text.push('\n');
    }
    text
}

fn finding(row: &Row) -> String {
    let name = row.finding.map_or("finding", crate::plan::FindingKind::name);
    format!("- {}: {}\\\n{}", neutral::code_span(name), subject(row), because(row))
}

fn refused(refusal: &GuardRefusal) -> String {
    format!(
        "- **refused by** {}: {}\\\n  figure: {}; limit: {}\\\n  way on: {}\n",
        neutral::code_span(refusal.guard.name()),
        neutral::prose(&refusal.over),
        neutral::prose(&refusal.figure),
        neutral::prose(&refusal.limit),
        neutral::prose(&refusal.way_on)
    )
}

fn differing(row: &Row) -> Option<Block> {
    let lines: Vec<String> = diff::lines(row, Diffs::Compared)
        .into_iter()
        .map(|(sign, line)| format!("  {}{line}", sign.prefix()))
        .collect();
    if lines.is_empty() {
        return None;
    }
    let body = lines.join("\n");
    let fence = neutral::fence(&body);
    Some(Block { worth: Worth::Diff, text: format!("\n  {fence}diff\n{body}\n  {fence}\n\n") })
}
