//! What a run did, for people and programs: counts, outcomes, calls used, exit code.

use serde::Serialize;

use super::{Exit, way};
use crate::{
    access::Text,
    apply::{End, RowOutcome, TargetOutcome},
    plan::{
        Plan, TargetState,
        render::{MARKER, Sums, count, neutral},
    },
    run::{ExitRules, RunReport},
    yaml::Problem,
};

/// The version of the report document.
pub const REPORT_VERSION: u32 = 1;

/// What a run came to, ready to be shown.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The document's version, 1.
    pub version: u32,
    /// Every problem of every file.
    #[serde(serialize_with = "in_short")]
    pub problems: Vec<Problem>,
    /// Whether those are remarks only, since the command needs no policy.
    #[serde(skip)]
    pub spared_problems: bool,
    /// The plan; absent where not even that could be made.
    pub plan: Option<Plan>,
    /// What became of it, target by target; empty where the command does not send.
    pub outcomes: Vec<TargetOutcome>,
    /// Calls used by target.
    pub calls: Vec<Calls>,
    /// Errors that are nobody's row: a journal that cannot be used, a lock that is held.
    pub errors: Vec<String>,
    /// What a reader has to know besides.
    pub remarks: Vec<String>,
    /// Whether a person said no at the prompt.
    pub declined: bool,
    /// The exit code.
    #[serde(serialize_with = "as_number")]
    pub exit: Exit,
}

/// The calls that a target took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// The target.
    pub target: Text,
    /// Requests sent, retries too.
    pub requests: u64,
    /// Of these, retries.
    pub retries: u64,
    /// Requests left, as the vendor last told.
    pub remaining: Option<i64>,
}

fn in_short<S: serde::Serializer>(problems: &[Problem], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(problems.iter().map(super::validate::problem_document))
}

fn as_number<S: serde::Serializer>(exit: &Exit, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(exit.code())
}

const ENDS: [End; 8] =
    [End::Done, End::Gone, End::InFlight, End::Failed, End::Skipped, End::Blocked, End::Refused, End::Unknown];

impl Report {
    /// From what a run came to.
    pub fn new(run: RunReport, rules: ExitRules) -> Self {
        let exit = Exit::of(run.exit_code(rules));
        // Taken apart field by field, so that a new one breaks the build here.
        let RunReport {
            problems,
            spared_problems,
            plan,
            outcomes,
            upcoming: _,
            usage,
            errors,
            remarks,
            sends: _,
            declined,
        } = run;
        let calls = usage
            .into_iter()
            .map(|(target, usage)| Calls {
                target,
                requests: usage.requests,
                retries: usage.retries,
                remaining: usage.remaining,
            })
            .collect();
        Self {
            version: REPORT_VERSION,
            problems,
            spared_problems,
            plan,
            outcomes,
            calls,
            errors,
            remarks,
            declined,
            exit,
        }
    }

    /// For a terminal or a job's log.
    pub fn text(&self, colour: bool) -> String {
        let mut out = String::new();
        for line in self.lines() {
            let style = match line.tone {
                Tone::Head => anstyle::Style::new().bold(),
                Tone::Good => anstyle::AnsiColor::Green.on_default(),
                Tone::Bad => anstyle::AnsiColor::Red.on_default().bold(),
                Tone::Open => anstyle::AnsiColor::Yellow.on_default(),
                Tone::Plain => anstyle::Style::new(),
            };
            let text = neutral::sentence(&line.text);
            let indent = " ".repeat(2 * line.depth);
            if colour && style != anstyle::Style::new() {
                out.push_str(&format!("{indent}{style}{text}{style:#}\n"));
            } else {
                out.push_str(&format!("{indent}{text}\n"));
            }
        }
        out
    }

    /// For a pull request, of at most `limit_bytes` bytes.
    pub fn markdown(&self, limit_bytes: usize) -> String {
        let mut out = format!("{MARKER}\n## Portcullis report\n\n");
        // Elsewhere standard error shows them with their lines; a comment is read alone.
        let lines: Vec<Line> = self.problems.iter().map(broken).chain(self.lines()).collect();
        let mut left_out = 0;
        for line in &lines {
            let text = neutral::prose(&line.text);
            let text = match line.tone {
                Tone::Head => format!("\n**{text}**\n\n"),
                _ => format!("{}- {text}\n", "  ".repeat(line.depth.saturating_sub(1))),
            };
            // Room for the line that counts the rest.
            if left_out > 0 || out.len() + text.len() + 100 > limit_bytes {
                left_out += 1;
            } else {
                out.push_str(&text);
            }
        }
        if left_out > 0 {
            out.push_str(&format!(
                "\n**Left out, because a comment has an end:** {}.\n",
                count(left_out, "line", "lines")
            ));
        }
        out
    }

    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let targets = || self.plan.iter().flat_map(|plan| &plan.targets);
        for outcome in &self.outcomes {
            self.target(outcome, &mut lines);
            let ways = targets().filter(|target| target.target == outcome.target);
            lines.extend(ways.flat_map(|target| way::lines(target, Some(outcome))));
        }
        for target in targets().filter(|target| self.outcomes.iter().all(|outcome| outcome.target != target.target)) {
            let way = way::lines(target, None);
            if !way.is_empty() {
                lines.push(Line::new(0, Tone::Head, target.target.to_string()));
                lines.extend(way);
            }
        }
        for target in targets().filter(|target| target.state != TargetState::Planned) {
            lines.push(Line::new(0, Tone::Head, target.target.to_string()));
            lines.push(Line::new(
                1,
                Tone::Bad,
                match &target.state {
                    TargetState::Unreadable { what, .. } => format!("UNREADABLE, nothing changed there: {what}"),
                    TargetState::Blocked { what } => format!("BLOCKED, no request was made: {what}"),
                    TargetState::Planned => continue,
                },
            ));
            if let TargetState::Unreadable { advice: Some(advice), .. } = &target.state {
                lines.push(Line::new(2, Tone::Plain, format!("way on: {advice}")));
            }
        }
        lines.extend(self.errors.iter().map(|error| Line::new(0, Tone::Bad, format!("error: {error}"))));
        lines.extend(self.remarks.iter().map(|remark| Line::new(0, Tone::Plain, format!("note: {remark}"))));
        lines.push(Line::new(0, Tone::Head, self.summary()));
        lines
    }

    fn target(&self, outcome: &TargetOutcome, lines: &mut Vec<Line>) {
        let calls = self.calls.iter().find(|calls| calls.target == outcome.target).map_or(String::new(), |calls| {
            let left = calls.remaining.map_or(String::new(), |left| format!(", {left} left"));
            format!(
                "  ({}, {}{left})",
                count(calls.requests, "call", "calls"),
                count(calls.retries, "retry", "retries")
            )
        });
        lines.push(Line::new(0, Tone::Head, format!("{}{calls}", outcome.target)));
        for row in &outcome.resumed {
            row_lines(row, "from an earlier run, ", lines);
        }
        for row in &outcome.rows {
            row_lines(row, "", lines);
        }
        if outcome.rows.is_empty() && outcome.resumed.is_empty() {
            lines.push(Line::new(1, Tone::Plain, "nothing was sent".to_owned()));
        }
        if let Some(why) = &outcome.journal_failed {
            lines.push(Line::new(1, Tone::Bad, format!("the journal could not record, so sending stopped: {why}")));
        }
        if outcome.stopped {
            lines.push(Line::new(1, Tone::Open, "stopped before every row was sent".to_owned()));
        }
        if let Some(why) = &outcome.read_back_failed {
            lines.push(Line::new(1, Tone::Bad, format!("could not be read back, so nothing is confirmed: {why}")));
        }
    }

    fn summary(&self) -> String {
        let ended: Vec<String> = ENDS
            .into_iter()
            .filter_map(|end| {
                let number: usize = self.outcomes.iter().map(|outcome| outcome.count(end)).sum();
                (number > 0).then(|| format!("{number} {}", end.name()))
            })
            .collect();
        let ended = if ended.is_empty() { "nothing was sent".to_owned() } else { ended.join(", ") };
        if self.declined {
            return "Report: not confirmed, so nothing was sent.".to_owned();
        }
        let held = self.plan.as_ref().map_or(0, |plan| Sums::of_all(plan).held);
        let held = if held > 0 { format!("; {held} held") } else { String::new() };
        format!("Report: {ended}{held}; exit code {}.", self.exit.code())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Head,
    Good,
    Bad,
    Open,
    Plain,
}

/// A line that is not neutralized yet.
pub(super) struct Line {
    depth: usize,
    tone: Tone,
    text: String,
}

impl Line {
    pub(super) fn new(depth: usize, tone: Tone, text: String) -> Self {
        Self { depth, tone, text }
    }
}

fn broken(problem: &Problem) -> Line {
    let Problem { file, line, column, message, hint, .. } = problem;
    let hint = hint.as_ref().map_or(String::new(), |hint| format!("; way on: {hint}"));
    Line::new(1, Tone::Bad, format!("broken file {file}:{line}:{column}: {message}{hint}"))
}

fn row_lines(row: &RowOutcome, origin: &str, lines: &mut Vec<Line>) {
    let tone = match row.end {
        _ if row.is_trouble() => Tone::Bad,
        _ if row.made_good.is_some() => Tone::Plain,
        End::Done | End::Gone => Tone::Good,
        _ => Tone::Open,
    };
    let name = if row.title.is_empty() || row.title == row.id.as_str() {
        row.id.to_string()
    } else {
        format!("{} [{}]", row.title, row.id)
    };
    let of = row.principal.as_ref().filter(|who| row.title != who.as_str());
    let of = of.map_or(String::new(), |who| format!(" of {who}"));
    let sure = match row.end {
        End::Done | End::Gone if !row.confirmed => ", not confirmed by a reading",
        _ if row.overdue => ", for longer than `max_in_flight`",
        _ => "",
    };
    let detail = if row.detail.is_empty() { String::new() } else { format!(": {}", row.detail) };
    let detail = row.made_good.map_or(detail.clone(), |how| format!("{detail}; {}", how.words()));
    let end = row.end.name();
    let kind = row.kind.replace('_', " ");
    lines.push(Line::new(1, tone, format!("{end}{sure}: {origin}{kind} {name}{of} ({}){detail}", row.cause.name())));
    lines.extend(row.remarks.iter().map(|remark| Line::new(3, Tone::Plain, format!("note: {remark}"))));
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
