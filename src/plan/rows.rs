//! Rows in the making: candidates, findings and declarations that match nothing, as lines of a plan.

use super::{
    FindingKind, Input, OriginKind, Row, Status, TargetPlan,
    candidate::Candidate,
    dead::DeadDeclared,
    describe, is_over,
    matching::Matching,
    row_guards::over_by,
    standing::{Table, Verdict, differs, gap},
    whose::wrong_names,
};
use crate::{
    access::{Action, Cause, Entry, Fingerprint, Text, holder, title},
    policy::Declaration,
};

/// Declarations that match no entry, live or dead.
pub fn missing(table: &Table<'_>, matching: &Matching, dead: &DeadDeclared, plan: &mut TargetPlan) {
    let input = &table.input;
    let over_by = over_by(input);
    for (number, declaration) in input.policy.declarations.iter().enumerate() {
        if !matching.entries(number).is_empty() {
            split_less(table, matching, number, declaration, plan);
            continue;
        }
        if is_over(declaration, over_by) || dead.has(number) {
            continue;
        }
        let unresolved =
            matching.unresolved.binary_search_by_key(&(number as u64), |known| u64::from(known.declaration));
        let names = unresolved
            .ok()
            .and_then(|at| matching.unresolved.get(at))
            .map(|unresolved| wrong_names(unresolved, declaration, input.description));
        plan.rows.push(Row {
            status: Status::Finding,
            kind: declaration.kind.name.into(),
            id: declaration.key.clone(),
            title: describe::declared_title(declaration),
            principal: declaration.person.as_ref().map(|person| person.name.clone()),
            action: None,
            cause: None,
            finding: Some(FindingKind::Missing),
            reason: String::new(),
            why: names.map_or_else(
                || "declared, and not there".to_owned(),
                |names| format!("declared, and not there: {names}"),
            ),
            origin: declaration.places.first().map(|&place| table.origin(place, OriginKind::Declaration)),
            holds: Vec::new(),
            reversibility: declaration.kind.reversibility,
            overdue: false,
            due_at: None,
            weight: 1,
            fingerprint: None,
            natural_key: Text::default(),
            files: Vec::new(),
            said: Text::default(),
            remarks: Vec::new(),
            live: String::new(),
            declared: describe::declared_lines(declaration),
        });
    }
}

/// Where several entries together meet a declaration: what all of them lack.
fn split_less(table: &Table<'_>, matching: &Matching, number: usize, declaration: &Declaration, plan: &mut TargetPlan) {
    if declaration.kind.splits_by.is_none() {
        return;
    }
    let entries: Vec<&Entry> =
        matching.entries(number).iter().filter_map(|&at| table.input.snapshot.entries.get(at as usize)).collect();
    let mut gaps = entries.iter().map(|entry| gap(declaration, entry));
    let Some(mut all) = gaps.next() else { return };
    for other in gaps {
        all.less.retain(|word| other.less.contains(word));
        all.unknown.extend(other.unknown);
    }
    // What seems to be lacking may be what nothing tells of.
    if !all.unknown.is_empty() {
        return;
    }
    all.excess.clear();
    if let (false, Some(entry)) = (all.less.is_empty(), entries.first()) {
        let origin = declaration.places.first().map(|&place| table.origin(place, OriginKind::Declaration));
        let mut row = finding(entry, FindingKind::Differs, differs(&all));
        row.origin = origin;
        row.declared = describe::declared_lines(declaration);
        row.live = describe::compared_lines(declaration, &entry.values);
        plan.rows.push(row);
    }
}

/// A candidate as a row.
pub fn row(input: &Input<'_>, candidate: Candidate<'_>) -> Row {
    let Candidate { entry, cause, verdict, holds, remarks, files, said, natural_key, due_at, .. } = candidate;
    let file = verdict.place.and_then(|place| input.policy.files.get(place.file as usize));
    let declaration = verdict.declaration.and_then(|number| input.policy.declarations.get(number as usize));
    let team = verdict.team.clone().or_else(|| file.and_then(|file| file.team.clone())).unwrap_or_default();
    let excess = declaration.filter(|_| cause == Cause::OverScoped);
    Row {
        status: if holds.is_empty() { Status::Change } else { Status::Held },
        action: Some(Action::Revoke),
        cause: Some(cause),
        reason: describe::reason(cause, file, &team, &verdict.justification),
        why: verdict.why,
        origin: verdict.origin,
        due_at,
        holds,
        files: files
            .iter()
            .filter_map(|&file| input.policy.files.get(file as usize))
            .map(|file| file.name.clone())
            .collect(),
        said,
        remarks,
        live: excess.map_or_else(
            || describe::live_lines(entry),
            |declaration| describe::compared_lines(declaration, &entry.values),
        ),
        declared: excess.map(describe::declared_lines).unwrap_or_default(),
        ..bare(entry, natural_key)
    }
}

/// A finding about an entry.
pub fn finding(entry: &Entry, kind: FindingKind, why: String) -> Row {
    Row { finding: Some(kind), why, ..bare(entry, Text::default()) }
}

/// A finding that the table gave.
pub fn found(input: &Input<'_>, entry: &Entry, verdict: Verdict) -> Row {
    let declaration = verdict.declaration.and_then(|number| input.policy.declarations.get(number as usize));
    Row {
        finding: verdict.finding,
        why: verdict.why,
        origin: verdict.origin,
        live: declaration.map(|declaration| describe::compared_lines(declaration, &entry.values)).unwrap_or_default(),
        declared: declaration.map(describe::declared_lines).unwrap_or_default(),
        ..bare(entry, Text::default())
    }
}

fn bare(entry: &Entry, natural_key: Text) -> Row {
    Row {
        status: Status::Finding,
        kind: entry.kind.name.into(),
        id: entry.id.clone(),
        title: title(entry),
        principal: holder(entry),
        action: None,
        cause: None,
        finding: None,
        reason: String::new(),
        why: String::new(),
        origin: None,
        holds: Vec::new(),
        reversibility: entry.kind.reversibility,
        overdue: false,
        due_at: None,
        weight: entry.weight(),
        fingerprint: Some(Fingerprint::of(entry)),
        natural_key,
        files: Vec::new(),
        said: Text::default(),
        remarks: Vec::new(),
        live: String::new(),
        declared: String::new(),
    }
}
