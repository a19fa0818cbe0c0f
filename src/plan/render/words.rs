//! The phrases that text and Markdown share, so that both say the same. Nothing here is neutralized yet, and nothing here
//! knows a terminal.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    access::Reversibility,
    plan::{FileProblem, FindingKind, HoldName, Origin, OriginKind, Plan, Row, Status, TargetPlan, TargetState},
};

/// Sums over targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// Rows that would be sent.
    pub changes: u64,
    /// Of these, those that can never come back.
    pub irreversible: u64,
    /// Of these, those that people have to ask for again.
    pub lossy: u64,
    /// Of these, those that can be given again as they were.
    pub reversible: u64,
    /// Of these, those that stand for a group of people.
    pub groups: u64,
    /// The people of those groups.
    pub people: u64,
    /// Held rows.
    pub held: u64,
    /// Of these, those that may go at once all the same: no journal was read that would tell.
    pub may_go: u64,
    /// Findings but the dead that are not declared.
    pub findings: u64,
    /// Findings of dead entries that are not declared.
    pub dead: u64,
    /// Refusals.
    pub refusals: u64,
}

impl Sums {
    /// The sums of one target.
    pub fn of(target: &TargetPlan) -> Self {
        let mut sums = Self { refusals: target.refusals.len() as u64, ..Self::default() };
        for row in &target.rows {
            match row.status {
                Status::Change => {
                    sums.changes += 1;
                    if row.weight > 1 {
                        sums.groups += 1;
                        sums.people += u64::from(row.weight);
                    }
                    match row.reversibility {
                        Reversibility::Irreversible => sums.irreversible += 1,
                        Reversibility::Lossy => sums.lossy += 1,
                        Reversibility::Reversible => sums.reversible += 1,
                    }
                }
                Status::Held => {
                    sums.held += 1;
                    sums.may_go += u64::from(target.past_unread && row.is_held_by_notice_alone());
                }
                Status::Finding if row.is_quiet() => sums.dead += 1,
                Status::Finding => sums.findings += 1,
            }
        }
        sums
    }

    /// The sums of a plan.
    pub fn of_all(plan: &Plan) -> Self {
        plan.targets.iter().map(Self::of).fold(Self::default(), |a, b| Self {
            changes: a.changes + b.changes,
            irreversible: a.irreversible + b.irreversible,
            lossy: a.lossy + b.lossy,
            reversible: a.reversible + b.reversible,
            groups: a.groups + b.groups,
            people: a.people + b.people,
            held: a.held + b.held,
            may_go: a.may_go + b.may_go,
            findings: a.findings + b.findings,
            dead: a.dead + b.dead,
            refusals: a.refusals + b.refusals,
        })
    }

    /// `2 to revoke (1 irreversible), 3 held, 1 finding, 1 refusal`.
    pub fn phrase(&self) -> String {
        let mut parts = vec![self.changes_phrase()];
        if self.refusals > 0 {
            parts.push(count(self.refusals, "refusal", "refusals"));
        }
        if self.held > 0 {
            parts.push(match self.may_go {
                0 => format!("{} held", self.held),
                may_go => format!("{} held ({may_go} of them may go at once: no journal was read)", self.held),
            });
        }
        if self.findings > 0 {
            parts.push(count(self.findings, "finding", "findings"));
        }
        parts.join(", ")
    }

    /// `2 to revoke (1 irreversible)`, or `nothing to revoke`.
    pub fn changes_phrase(&self) -> String {
        if self.changes == 0 {
            return "nothing to revoke".to_owned();
        }
        let mut marks = Vec::new();
        if self.irreversible > 0 {
            marks.push(format!("{} irreversible", self.irreversible));
        }
        if self.lossy > 0 {
            marks.push(format!("{} lossy", self.lossy));
        }
        if self.reversible > 0 {
            marks.push(format!("{} reversible", self.reversible));
        }
        if self.groups > 0 {
            marks.push(format!("{} with {} people", count(self.groups, "group", "groups"), self.people));
        }
        let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
        format!("{} to revoke{marks}", self.changes)
    }
}

/// `1 row`, `2 rows`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `access_token` as people say it.
pub fn noun(kind: &str) -> String {
    kind.replace('_', " ")
}

/// Whether it can be undone, as a mark.
pub fn mark(row: &Row) -> &'static str {
    match row.reversibility {
        Reversibility::Irreversible => "IRREVERSIBLE",
        Reversibility::Lossy => "lossy: has to be asked for again",
        Reversibility::Reversible => "reversible",
    }
}

/// The held rows, those apart that nothing but the refusal of their group holds: these by their common reason.
pub fn held(target: &TargetPlan) -> (BTreeMap<&str, Vec<&Row>>, Vec<&Row>) {
    let (mut refused, mut others) = (BTreeMap::<&str, Vec<&Row>>::new(), Vec::new());
    for row in rows(target, Status::Held) {
        match row.holds.as_slice() {
            [hold] if hold.name == HoldName::Ceiling && hold.way_on.is_none() && !target.refusals.is_empty() => {
                refused.entry(&hold.why).or_default().push(row);
            }
            _ => others.push(row),
        }
    }
    (refused, others)
}

/// `policies/a.yaml:7:3`, as editors take it.
pub fn place(problem: &FileProblem) -> String {
    let FileProblem { file, line, column, .. } = problem;
    match line {
        0 | &u32::MAX => file.clone(),
        _ => format!("{file}:{line}:{column}"),
    }
}

/// `policies/a.yaml:7 (managed set)`: the place, and what stands there.
pub fn origin(origin: &Origin) -> (String, &'static str) {
    let place = if origin.line == 0 { origin.file.clone() } else { format!("{}:{}", origin.file, origin.line) };
    let what = match origin.what {
        OriginKind::Declaration => "declaration",
        OriginKind::Absent => "absent",
        OriginKind::Allow => "allow",
        OriginKind::ManagedSet => "managed set",
    };
    (place, what)
}

/// `read 2 minutes ago`, or where the reading came from and how old it is.
pub fn reading(target: &TargetPlan, now: Timestamp) -> Option<(String, Option<String>)> {
    let reading = target.reading.as_ref()?;
    // The age counts from the first answer: what it held may have changed since.
    let age = age(reading.started_at, now);
    Some((format!("read {age}"), reading.from_file.clone()))
}

/// How long ago a time was, to one unit that matters.
pub fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - then.as_second();
    let (number, one, many) = match seconds {
        i64::MIN..=-60 => return format!("at {then:.0}, which is later than our clock"),
        -59..=1 => return "just now".to_owned(),
        2..=119 => (seconds, "second", "seconds"),
        120..=7_199 => (seconds / 60, "minute", "minutes"),
        7_200..=172_799 => (seconds / 3_600, "hour", "hours"),
        _ => (seconds / 86_400, "day", "days"),
    };
    format!("{} ago", count(number.unsigned_abs(), one, many))
}

/// Whose it is: ` of ` or `, declared for ` and the name; absent where its title says it already.
pub fn holder(row: &Row) -> Option<(&'static str, &str)> {
    let principal = row.principal.as_deref().filter(|principal| *principal != names(row).0)?;
    Some((if row.finding == Some(FindingKind::Missing) { ", declared for " } else { " of " }, principal))
}

/// The summary of a target in one line.
pub fn target_summary(target: &TargetPlan) -> String {
    let live = count(target.counts.live.into(), "live entry", "live entries");
    let mut text = format!(
        "{}; {live}: {} declared, {} allowed, {} managed",
        Sums::of(target).phrase(),
        target.counts.declared,
        target.counts.allowed,
        target.counts.managed
    );
    if target.counts.unmanaged > 0 {
        text.push_str(&format!(", {} that nothing speaks of", target.counts.unmanaged));
    }
    if target.counts.dead > 0 {
        text.push_str(&format!("; {} dead", target.counts.dead));
        let listed = target.rows.iter().filter(|row| row.finding == Some(FindingKind::Dead)).count() as u64;
        let others = u64::from(target.counts.dead).saturating_sub(listed);
        if others > 0 {
            text.push_str(&format!(" ({others} of them in no managed set and not declared, so not listed)"));
        }
    }
    text
}

/// The summary of a plan in one line.
pub fn plan_summary(plan: &Plan) -> String {
    let planned = plan.targets.iter().filter(|target| target.state == TargetState::Planned).count();
    let stuck = plan.targets.len() - planned;
    let in_sync = plan.targets.iter().filter(|target| target.in_sync()).count();
    let mut text = format!("{} in {}", Sums::of_all(plan).phrase(), count(planned as u64, "target", "targets"));
    if in_sync > 0 {
        text.push_str(&format!("; {in_sync} in sync"));
    }
    if stuck > 0 {
        text.push_str(&format!("; {} NOT PLANNED", count(stuck as u64, "target", "targets")));
    }
    if let Some(commit) = &plan.revision {
        text.push_str(&format!("; policies of commit {commit}"));
    }
    text
}

/// The rows of one part of a plan, in the plan's order.
pub fn rows(target: &TargetPlan, status: Status) -> impl Iterator<Item = &Row> {
    target.rows.iter().filter(move |row| row.status == status)
}

/// The findings that are shown row by row: all but the dead that are not declared.
pub fn findings(target: &TargetPlan) -> impl Iterator<Item = &Row> {
    rows(target, Status::Finding).filter(|row| !row.is_quiet())
}

/// The dead that are not declared, of which there can be many and nobody has to do anything about.
pub fn dead(target: &TargetPlan) -> impl Iterator<Item = &Row> {
    rows(target, Status::Finding).filter(|row| row.is_quiet())
}

/// What names a row: its title, and its id where that is another text.
pub fn names(row: &Row) -> (&str, Option<&str>) {
    if row.title.is_empty() || row.title == row.id { (&row.id, None) } else { (&row.title, Some(&row.id)) }
}
