//! The numbers of a plan's rows, counted before any of them is cut off.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    access::{Cause, Text},
    plan::{FindingKind, Row, Status, TargetPlan},
};

/// How many rows of each sort a target has. The names are words of ours, never from an API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Tally {
    /// Rows that will be sent, by cause.
    pub changes: Vec<Sum>,
    /// Held rows, by what holds them first and why they would go.
    pub held: Vec<Sum>,
    /// Findings, by what they tell.
    pub findings: Vec<Sum>,
}

/// So many rows of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sum {
    /// The entries' kind.
    pub kind: Text,
    /// The cause, the hold or the finding.
    pub name: Text,
    /// Why held rows would go; none of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<Text>,
    /// How many.
    pub rows: u64,
}

impl Tally {
    /// Counts the rows of a plan.
    pub fn of(plan: &TargetPlan) -> Self {
        Self {
            changes: sums(plan, Status::Change, |row| row.cause.map(Cause::name)),
            held: sums(plan, Status::Held, |row| row.holds.first().map(|hold| hold.name.name())),
            findings: sums(plan, Status::Finding, |row| row.finding.map(FindingKind::name)),
        }
    }

    /// The findings of this sort.
    pub fn finding(&self, kind: FindingKind) -> u64 {
        self.findings.iter().filter(|sum| sum.name == kind.name()).map(|sum| sum.rows).sum()
    }
}

/// All of them.
pub(super) fn total(sums: &[Sum]) -> u64 {
    sums.iter().map(|sum| sum.rows).sum()
}

/// The sums over all kinds, the largest first.
pub(super) fn by_name(sums: &[Sum]) -> Vec<(Text, u64)> {
    let mut numbers = BTreeMap::<Text, u64>::new();
    for sum in sums {
        *numbers.entry(sum.name.clone()).or_default() += sum.rows;
    }
    let mut all: Vec<_> = numbers.into_iter().collect();
    all.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    all
}

fn sums(plan: &TargetPlan, status: Status, name: impl Fn(&Row) -> Option<&'static str>) -> Vec<Sum> {
    let mut numbers = BTreeMap::<(Text, &'static str, Option<&'static str>), u64>::new();
    for row in plan.rows.iter().filter(|row| row.status == status) {
        let cause = row.cause.filter(|_| status == Status::Held).map(Cause::name);
        *numbers.entry((row.kind.clone(), name(row).unwrap_or("other"), cause)).or_default() += 1;
    }
    let text = Text::new_static;
    let sums = numbers.into_iter();
    sums.map(|((kind, name, cause), rows)| Sum { kind, name: text(name), cause: cause.map(text), rows }).collect()
}
