//! The plan for people at a terminal or in a job's log: what goes, why, and whether it can be undone.
//!
//! Every line that quotes a file or an API is neutralized; colours are ours alone, and without them nothing is lost.

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::{
    diff::{self, Diffs, Sign},
    neutral, words,
};
use crate::{
    access::Reversibility,
    plan::{GuardRefusal, Hold, Plan, Row, Status, TargetPlan, TargetState},
};

/// How the text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextOptions {
    /// Whether colours are used.
    pub colour: bool,
    /// The width to wrap sentences at, in characters; 0: never wrap.
    pub width: usize,
    /// Which diffs are shown.
    pub diffs: Diffs,
    /// Whether evidence, digests, reasons and dead entries are shown too.
    pub verbose: bool,
    /// The time from which ages count.
    pub now: Timestamp,
}

const REMOVE: Style = AnsiColor::Red.on_default();
const DANGER: Style = AnsiColor::Red.on_default().bold();
const HOLD: Style = AnsiColor::Yellow.on_default();
const FOUND: Style = AnsiColor::Cyan.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const HEAD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

/// The plan as text.
pub fn text(plan: &Plan, options: &TextOptions) -> String {
    let mut page = Page { out: String::new(), options };
    for target in &plan.targets {
        page.target(target);
        page.out.push('\n');
    }
    let unreadable = |target: &&TargetPlan| matches!(target.state, TargetState::Unreadable { .. });
    let unreadable = plan.targets.iter().filter(unreadable).count() as u64;
    if unreadable > 0 {
        let targets = if unreadable == 1 { "target".to_owned() } else { format!("{unreadable} targets") };
        let told =
            format!("Nothing is concluded about the {targets} that could not be read, and nothing is changed there.");
        page.put(0, Style::new(), &told);
    }
    let summary = format!("Plan: {}.", words::plan_summary(plan));
    page.put(0, HEAD, &summary);
    page.out
}

struct Page<'a> {
    out: String,
    options: &'a TextOptions,
}

impl Page<'_> {
    fn paint(&self, style: Style, text: &str) -> String {
        if self.options.colour && style != Style::new() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// One line, not wrapped.
    fn put(&mut self, indent: usize, style: Style, safe: &str) {
        let painted = self.paint(style, safe);
        self.out.push_str(&" ".repeat(indent));
        self.out.push_str(&painted);
        self.out.push('\n');
    }

    /// `label: sentence`, wrapped under the sentence. The sentence is neutralized here.
    fn tell(&mut self, indent: usize, label: &str, style: Style, sentence: &str) {
        let safe = neutral::sentence(sentence);
        let room = match self.options.width {
            0 => usize::MAX,
            width => width.saturating_sub(indent + label.len() + 1).max(30),
        };
        for (index, part) in wrap(&safe, room).iter().enumerate() {
            let head = if index == 0 { self.paint(FAINT, label) } else { " ".repeat(label.len()) };
            let part = self.paint(style, part);
            let gap = if label.is_empty() { "" } else { " " };
            self.out.push_str(&format!("{}{head}{gap}{part}\n", " ".repeat(indent)));
        }
    }

    fn target(&mut self, target: &TargetPlan) {
        let account = target.account.as_ref().map_or(String::new(), |account| format!(", {}", neutral::line(account)));
        let name = format!("{} ({}{account})", neutral::line(&target.target), neutral::line(&target.system));
        let mut head = self.paint(HEAD, &name);
        if let Some((read, file)) = words::reading(target, self.options.now) {
            let file = file.map_or(String::new(), |file| format!(", from the snapshot {}", neutral::line(&file)));
            head.push_str(&self.paint(FAINT, &format!("  {read}{file}")));
        }
        self.out.push_str(&head);
        self.out.push('\n');
        match &target.state {
            TargetState::Planned => self.planned(target),
            TargetState::Unreadable { what, advice } => {
                self.tell(2, "UNREADABLE:", DANGER, what);
                if let Some(advice) = advice {
                    self.tell(2, "way on:", Style::new(), advice);
                }
            }
            TargetState::Blocked { what } => {
                self.tell(2, "BLOCKED:", DANGER, what);
                self.tell(2, "", Style::new(), "No request goes to this target until its files are right.");
            }
        }
        for remark in &target.remarks {
            self.tell(2, "note:", Style::new(), remark);
        }
        if self.options.verbose {
            self.evidence(target);
        }
    }

    fn planned(&mut self, target: &TargetPlan) {
        for row in words::rows(target, Status::Change) {
            self.change(row);
        }
        for refusal in &target.refusals {
            self.refusal(refusal);
        }
        let (refused, others) = words::held(target);
        for (why, rows) in refused {
            let head = format!("= held by ceiling, {}:", words::count(rows.len() as u64, "row", "rows"));
            self.tell(2, &head, HOLD, why);
            for row in rows {
                let cause = row.cause.map_or("", crate::access::Cause::name);
                let from = row.origin.as_ref().map_or(String::new(), |origin| words::origin(origin).0);
                let subject = self.paint(HOLD, &Self::subject(row));
                let from = self.paint(FAINT, &neutral::line(&from));
                let line = format!("      {subject}  {}{}  {from}", self.paint(HEAD, cause), self.marks(row));
                self.out.push_str(&format!("{}\n", line.trim_end()));
                self.rest(row);
            }
        }
        for row in others {
            self.held(row);
        }
        for row in words::findings(target) {
            self.finding(row);
        }
        if self.options.verbose {
            for row in words::dead(target) {
                self.finding(row);
            }
        }
        let sums = words::Sums::of(target);
        if target.in_sync() {
            self.put(2, GOOD, "in sync");
        }
        let style = if sums.changes > 0 { HEAD } else { Style::new() };
        let summary = words::target_summary(target);
        self.tell(2, "", style, &summary);
        if sums.dead > 0 && !self.options.verbose {
            self.put(2, FAINT, "dead entries are listed with -v");
        }
    }

    /// `access token service/x of anna@example.com`.
    fn subject(row: &Row) -> String {
        let (title, id) = words::names(row);
        let mut subject = format!("{} {}", neutral::line(&words::noun(&row.kind)), neutral::line(title));
        if let Some(id) = id {
            subject.push_str(&format!(" [{}]", neutral::line(id)));
        }
        if let Some((how, principal)) = words::holder(row) {
            subject.push_str(&format!("{how}{}", neutral::line(principal)));
        }
        subject
    }

    fn marks(&self, row: &Row) -> String {
        let mut marks = String::new();
        let style = match row.reversibility {
            Reversibility::Irreversible => DANGER,
            Reversibility::Lossy => HOLD,
            Reversibility::Reversible => FAINT,
        };
        marks.push_str("  ");
        marks.push_str(&self.paint(style, words::mark(row)));
        if row.weight > 1 {
            marks.push_str("  ");
            marks.push_str(&self.paint(DANGER, &format!("reaches {} people", row.weight)));
        }
        marks
    }

    fn change(&mut self, row: &Row) {
        let action = row.action.map_or("revoke", crate::access::Action::name);
        let cause = row.cause.map_or("", crate::access::Cause::name);
        let head = self.paint(REMOVE, &format!("- {action} {}", Self::subject(row)));
        let line = format!("  {head}  {}{}\n", self.paint(HEAD, cause), self.marks(row));
        self.out.push_str(&line);
        self.because(row);
        if self.options.verbose {
            self.tell(6, "reason sent:", Style::new(), &row.reason);
        }
        self.rest(row);
    }

    fn held(&mut self, row: &Row) {
        let cause = row.cause.map_or("", crate::access::Cause::name);
        let by: Vec<&str> = row.holds.iter().map(|hold| hold.name.name()).collect();
        let head = self.paint(HOLD, &format!("= held by {}:", by.join(", ")));
        let line = format!("  {head} {}  {}{}\n", Self::subject(row), self.paint(HEAD, cause), self.marks(row));
        self.out.push_str(&line);
        self.because(row);
        for hold in &row.holds {
            self.hold(hold);
        }
        self.rest(row);
    }

    fn hold(&mut self, hold: &Hold) {
        self.tell(6, &format!("{}:", hold.name.name()), Style::new(), &hold.why);
        if let Some(way_on) = &hold.way_on {
            self.tell(6, "way on:", Style::new(), way_on);
        }
    }

    fn finding(&mut self, row: &Row) {
        let name = row.finding.map_or("finding", crate::plan::FindingKind::name);
        let head = self.paint(FOUND, &format!("~ {name}:"));
        let line = format!("  {head} {}\n", Self::subject(row));
        self.out.push_str(&line);
        self.because(row);
        self.rest(row);
    }

    fn refusal(&mut self, refusal: &GuardRefusal) {
        let head = format!("! refused by {}: {}", refusal.guard.name(), neutral::line(&refusal.over));
        self.put(2, DANGER, &head);
        self.tell(6, "figure:", Style::new(), &refusal.figure);
        self.tell(6, "limit:", Style::new(), &refusal.limit);
        self.tell(6, "way on:", Style::new(), &refusal.way_on);
    }

    fn because(&mut self, row: &Row) {
        if !row.why.is_empty() {
            self.tell(6, "why:", Style::new(), &row.why);
        }
        if let Some(origin) = &row.origin {
            let (place, what) = words::origin(origin);
            self.tell(6, "from:", Style::new(), &format!("{place} ({what})"));
        }
    }

    fn rest(&mut self, row: &Row) {
        for remark in &row.remarks {
            self.tell(6, "note:", Style::new(), remark);
        }
        let lines = diff::lines(row, self.options.diffs);
        if lines.is_empty() {
            return;
        }
        let place = row.origin.as_ref().map_or(String::new(), |origin| format!(" {}", words::origin(origin).0));
        self.put(6, FAINT, "--- live");
        self.put(6, FAINT, &format!("+++ declared{}", neutral::line(&place)));
        for (sign, line) in lines {
            let style = match sign {
                Sign::Live => REMOVE,
                Sign::Declared => GOOD,
                Sign::Same => Style::new(),
                Sign::Hunk => FAINT,
            };
            self.put(6, style, &format!("{}{line}", sign.prefix()));
        }
    }

    fn evidence(&mut self, target: &TargetPlan) {
        if let Some(reading) = &target.reading {
            self.put(
                2,
                FAINT,
                &format!("reading: {} requests, {} pages", reading.evidence.requests, reading.evidence.pages),
            );
            for proof in reading.evidence.proofs.iter().chain(&reading.evidence.remarks) {
                self.tell(4, "", FAINT, proof);
            }
        }
        if !target.digest.is_empty() {
            self.tell(2, "plan digest:", FAINT, &target.digest);
            self.tell(2, "policy digest:", FAINT, &target.policy_digest);
            self.tell(2, "snapshot digest:", FAINT, &target.snapshot_digest);
        }
    }
}

/// Breaks a line at spaces so that no part is longer than `room`, except for a word that is.
fn wrap(safe: &str, room: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut length = 0;
    for word in safe.split(' ') {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > room {
            parts.push(std::mem::take(&mut part));
            length = 0;
        }
        if length > 0 {
            part.push(' ');
            length += 1;
        }
        part.push_str(word);
        length += word_length;
    }
    parts.push(part);
    parts
}
