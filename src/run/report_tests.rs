use super::*;
use crate::{
    apply::RowOutcome,
    plan::{self, FindingKind, GuardRefusal, Hold, PLAN_VERSION},
};

fn held(names: &[HoldName]) -> Row {
    let holds = names.iter().map(|&name| Hold { name, why: String::new(), way_on: None }).collect();
    Row {
        status: Status::Held,
        kind: "token".into(),
        id: "a".into(),
        title: "a".into(),
        principal: None,
        action: None,
        cause: None,
        finding: None,
        reason: String::new(),
        why: String::new(),
        origin: None,
        holds,
        reversibility: crate::access::Reversibility::Lossy,
        overdue: false,
        due_at: None,
        weight: 1,
        fingerprint: None,
        natural_key: "a".into(),
        files: Vec::new(),
        said: "".into(),
        remarks: Vec::new(),
        live: String::new(),
        declared: String::new(),
    }
}

fn report(rows: Vec<Row>, sends: bool) -> RunReport {
    let mut target = plan::blocked("t".into(), "made_up", String::new());
    target.state = TargetState::Planned;
    target.rows = rows;
    let plan = Plan {
        version: PLAN_VERSION,
        made_at: jiff::Timestamp::UNIX_EPOCH,
        revision: None,
        problems: Vec::new(),
        targets: vec![target],
    };
    RunReport { plan: Some(plan), sends, ..RunReport::default() }
}

fn outcome(end: &str) -> TargetOutcome {
    let row: RowOutcome = serde_json::from_value(serde_json::json!({
        "kind": "token", "id": "a", "title": "a", "cause": "undeclared", "end": end, "confirmed": true,
        "detail": "", "remarks": [], "intent": null, "overdue": false
    }))
    .unwrap();
    TargetOutcome { rows: vec![row], ..TargetOutcome::default() }
}

#[test]
fn what_is_meant_to_hold_a_row_is_no_refusal() {
    use HoldName::*;
    let code = |names: &[HoldName]| report(vec![held(names)], true).exit_code(ExitRules::default());
    for meant in [
        &[Observe][..],
        &[Notice],
        &[Freeze],
        &[HoldName::Hold],
        &[BadTree],
        &[Own],
        &[Protected],
        &[NotInPlan],
        &[Observe, Duplicate],
    ] {
        assert_eq!(code(meant), 0, "{meant:?}");
    }
    for other in [
        &[Floor][..],
        &[Ceiling],
        &[Unresolved],
        &[Refused],
        &[Notice, Duplicate],
        &[HoldName::Hold, Ceiling],
        &[Widening],
        &[Clock],
    ] {
        assert_eq!(code(other), 3, "{other:?}");
    }
    let shown = report(vec![held(&[Ceiling])], false);
    assert_eq!(shown.exit_code(ExitRules::default()), 0);
    assert_eq!(shown.exit_code(ExitRules { check_guards: true, ..ExitRules::default() }), 3);
    assert_eq!(shown.exit_code(ExitRules { detailed: true, ..ExitRules::default() }), 2);
}

#[test]
fn the_first_that_holds_counts_in_the_order_1_4_3_2_0() {
    let all = ExitRules { detailed: true, check_guards: true, strict: true };
    let mut report = report(vec![held(&[HoldName::Ceiling])], true);
    assert_eq!(report.exit_code(all), 3);
    for (end, code) in [("done", 3), ("gone", 3), ("in_flight", 3), ("skipped", 3), ("blocked", 3)] {
        report.outcomes = vec![outcome(end)];
        assert_eq!(report.exit_code(all), code, "{end}");
    }
    for end in ["failed", "refused", "unknown"] {
        report.outcomes = vec![outcome(end)];
        assert_eq!(report.exit_code(all), 4, "{end}");
    }
    let mut late = outcome("in_flight");
    late.rows[0].overdue = true;
    report.outcomes = vec![late];
    assert_eq!(report.exit_code(all), 4, "in flight for too long");
    report.outcomes.clear();
    report.plan.as_mut().unwrap().targets[0].rows[0].overdue = true;
    assert_eq!(report.exit_code(all), 4, "in flight for too long, as only the system knows");
    report.plan.as_mut().unwrap().targets[0].state = TargetState::Unreadable { what: "".into(), advice: None };
    assert_eq!(report.exit_code(all), 1);
}

#[test]
fn refusals_that_do_not_count_and_findings_leave_the_code_alone() {
    let mut report = report(Vec::new(), true);
    let refusal = |counts| GuardRefusal {
        guard: plan::Guard::Share,
        over: "".into(),
        figure: "".into(),
        limit: "".into(),
        way_on: "".into(),
        counts,
    };
    report.plan.as_mut().unwrap().targets[0].refusals = vec![refusal(false)];
    assert_eq!(report.exit_code(ExitRules::default()), 0);
    report.plan.as_mut().unwrap().targets[0].refusals = vec![refusal(true)];
    assert_eq!(report.exit_code(ExitRules::default()), 3);
    report.sends = false;
    let declared = plan::Origin { file: "a.yaml".into(), line: 1, what: plan::OriginKind::Declaration };
    for (finding, origin, strict) in [
        (FindingKind::Missing, Some(declared.clone()), 2),
        (FindingKind::Dead, Some(declared), 2),
        (FindingKind::Dead, None, 0),
    ] {
        let mut told = held(&[]);
        (told.status, told.finding, told.origin) = (Status::Finding, Some(finding), origin);
        let target = &mut report.plan.as_mut().unwrap().targets[0];
        target.refusals.clear();
        target.rows = vec![told];
        assert_eq!(report.exit_code(ExitRules { detailed: true, ..ExitRules::default() }), 0);
        assert_eq!(report.exit_code(ExitRules { detailed: true, strict: true, ..ExitRules::default() }), strict);
    }
}
