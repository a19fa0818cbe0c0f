use std::path::Path;

use super::*;
use crate::{
    access::Cause,
    config::{self, Config},
    plan::{PLAN_VERSION, Plan, UpcomingKind, blocked},
    systems,
};

const CONFIG: &str =
    "version: 1\njournal: ephemeral\ntargets:\n  t:\n    system: s2\n    account: x\n    credential: { env: T }\n";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn config() -> Config {
    config::load("portcullis.yaml", Path::new("portcullis.yaml"), CONFIG.as_bytes(), &systems::descriptions()).unwrap()
}

/// A report of a look at `t` whose plan was made at this second.
fn report(made_at: i64, upcoming: &[i64]) -> RunReport {
    let mut part = blocked("t".into(), "s2", String::new());
    part.state = TargetState::Planned;
    let plan =
        Plan { version: PLAN_VERSION, made_at: at(made_at), revision: None, problems: Vec::new(), targets: vec![part] };
    let coming = upcoming.iter().map(|&second| Upcoming {
        at: at(second),
        what: UpcomingKind::Due(Cause::Expired),
        kind: "access_token".into(),
        id: "a".into(),
        title: "a".into(),
        principal: None,
        origin: None,
    });
    let upcoming = [("t".into(), coming.collect())].into();
    RunReport { sends: true, plan: Some(plan), upcoming, ..RunReport::default() }
}

/// What a look that ended at this second is published as.
fn published(before: &TargetView, result: Result<RunReport, RunError>, ended_at: i64) -> Published {
    let config = config();
    let target = &config.targets["t"];
    publish(before, &Looked { target, result: &result, held: None, commit: None, ended_at: at(ended_at) })
}

fn before() -> TargetView {
    TargetView::starting("t".into(), "s2".into())
}

fn row(end: End, intent: Option<&str>) -> RowOutcome {
    serde_json::from_value(serde_json::json!({
        "kind": "access_token", "id": "a", "title": "a", "cause": "undeclared", "end": end, "confirmed": true,
        "detail": "", "remarks": [], "intent": intent, "overdue": false,
    }))
    .unwrap()
}

fn sent(rows: Vec<RowOutcome>) -> RunReport {
    let outcomes = vec![TargetOutcome { target: "t".into(), rows, ..TargetOutcome::default() }];
    RunReport { outcomes, ..report(0, &[]) }
}

#[test]
fn what_comes_due_while_a_look_is_under_way_is_not_lost() {
    let ended = published(&before(), Ok(report(0, &[3, 600])), 10);
    assert_eq!(ended.due, Some(at(3)), "the plan of second 0 did not have it yet");
    let ended = published(&ended.view, Ok(report(10, &[3, 600])), 20);
    assert_eq!(ended.due, Some(at(600)), "that of second 10 had");
    let failed = published(&ended.view, Err(RunError::Stopped), 700);
    assert_eq!(failed.due, Some(at(3)), "a look that planned nothing takes nothing off");
}

#[test]
fn whatever_was_sent_without_a_failure_is_looked_at_once_more() {
    for end in [End::Done, End::Gone, End::InFlight, End::Refused] {
        let rows = vec![row(end, Some("i1")), row(End::Skipped, None)];
        assert_eq!(published(&before(), Ok(sent(rows)), 1).went, Went::Sent, "{end:?}");
    }
    for end in [End::Failed, End::Unknown] {
        assert_eq!(published(&before(), Ok(sent(vec![row(end, Some("i1"))])), 1).went, Went::Failed, "{end:?}");
    }
    assert_eq!(published(&before(), Ok(sent(vec![row(End::Gone, None)])), 1).went, Went::Well);
}

#[test]
fn a_removal_counts_once_when_it_ends_for_good() {
    for end in [End::Done, End::Gone, End::Failed, End::Refused] {
        assert!(ended_for_good(&row(end, Some("i1"))), "{end:?}");
        assert!(!ended_for_good(&row(end, None)), "{end:?}: it was never sent");
    }
    for end in [End::InFlight, End::Unknown, End::Skipped, End::Blocked] {
        assert!(!ended_for_good(&row(end, Some("i1"))), "{end:?}: it is met again, or did not go");
    }
    let called_back = published(&before(), Ok(sent(vec![row(End::Skipped, Some("i1"))])), 1);
    assert!(called_back.news.iter().all(|news| news.on != NotifyOn::Revocations) && called_back.went == Went::Well);
}

#[test]
fn a_target_whose_files_are_broken_did_not_converge() {
    let config = config();
    let read = || {
        let mut report = report(0, &[]);
        let part = &mut report.plan.as_mut().unwrap().targets[0];
        let evidence = serde_json::json!({ "requests": 1, "pages": 1, "proofs": [], "remarks": [] });
        let reading = serde_json::json!({ "started_at": at(1), "finished_at": at(2), "evidence": evidence });
        part.reading = Some(serde_json::from_value(reading).unwrap());
        Ok(report)
    };
    for held in [None, Some("its files are broken".to_owned())] {
        let (result, is_held) = (read(), held.is_some());
        let looked = Looked { target: &config.targets["t"], result: &result, held, commit: None, ended_at: at(3) };
        let view = publish(&before(), &looked).view;
        assert_eq!((view.read_at, view.in_sync_at), (Some(at(2)), (!is_held).then(|| at(2))));
    }
}
