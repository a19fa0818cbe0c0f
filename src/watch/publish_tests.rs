use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

use super::*;
use crate::{
    access::{Cause, Reversibility},
    config::{self, Config, NotifyOn},
    plan::{Guard, GuardRefusal, PLAN_VERSION, Plan, Row, UpcomingKind, blocked},
    systems,
    watch::News,
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
    publish(
        before,
        &Looked { target, result: &result, held: None, stopped: false, commit: None, ended_at: at(ended_at) },
    )
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
fn the_end_of_a_hold_is_looked_after_a_day_before_and_when_it_comes() {
    let day = 86_400;
    let held = |made_at: i64| {
        let mut report = report(made_at, &[3 * day]);
        report.upcoming.values_mut().flatten().for_each(|one| one.what = UpcomingKind::HoldEnds);
        published(&before(), Ok(report), made_at + 1)
    };
    let ended = held(0);
    assert_eq!(
        (ended.due, ended.news.iter().filter(|one| one.title.contains("a hold ends")).count()),
        (Some(at(2 * day)), 0)
    );
    let ended = held(2 * day);
    assert_eq!(
        (ended.due, ended.news.iter().filter(|one| one.title.contains("a hold ends")).count()),
        (Some(at(3 * day)), 1)
    );
}

#[test]
fn a_plan_that_is_shown_tells_when_and_by_which_commit_it_was_made() {
    let made = |view: &TargetView| view.plan.as_ref().map(|plan| (plan.made_at, plan.revision.clone()));
    let by = |commit: &str, made_at: i64| {
        let mut report = report(made_at, &[]);
        report.plan.as_mut().unwrap().revision = Some(commit.into());
        report
    };
    let first = published(&before(), Ok(by("one", 1)), 10).view;
    assert_eq!(made(&first), Some((at(1), Some("one".into()))));
    // Neither a run that could not begin nor one that could not read makes another plan.
    let mut unreadable = by("two", 20);
    unreadable.plan.as_mut().unwrap().targets[0].state =
        TargetState::Unreadable { what: "it hangs".to_owned(), advice: None };
    for failed in [Err(RunError::Stopped), Ok(unreadable)] {
        let view = published(&first, failed, 30).view;
        assert_eq!((view.looked_at, made(&view)), (Some(at(30)), made(&first)));
    }
    assert_eq!(made(&published(&first, Ok(by("three", 40)), 50).view), Some((at(40), Some("three".into()))));
}

#[test]
fn whatever_was_sent_without_a_failure_is_looked_at_once_more() {
    for end in [End::Done, End::Gone, End::InFlight, End::Refused] {
        let rows = vec![row(end, Some("i1")), row(End::Skipped, None)];
        assert_eq!(published(&before(), Ok(sent(rows)), 1).went, Went::Sent, "{end:?}");
    }
    for end in [End::Failed, End::Unknown] {
        assert_eq!(published(&before(), Ok(sent(vec![row(end, Some("i1"))])), 1).went, Went::Partly, "{end:?}");
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

/// A row of a plan, with what is not the usual.
fn planned(more: &serde_json::Value) -> Row {
    let mut row = serde_json::json!({
        "status": "change", "kind": "access", "id": "a", "title": "GitHub / northlight (Member)", "principal": "ben@example.com",
        "action": "revoke", "cause": "expired", "finding": null, "reason": "", "why": "", "origin": null, "holds": [],
        "reversibility": "lossy", "weight": 1, "fingerprint": null, "natural_key": "", "files": [], "said": "",
        "remarks": [], "live": "", "declared": "",
    });
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(row).unwrap()
}

/// A report whose plan has these rows.
fn with_rows(rows: &[serde_json::Value]) -> RunReport {
    let mut report = report(0, &[]);
    report.plan.as_mut().unwrap().targets[0].rows = rows.iter().map(planned).collect();
    report
}

/// The same, and this became of the first rows.
fn with_ends(mut report: RunReport, ends: &[(&str, End, Option<&str>)]) -> RunReport {
    let rows = ends.iter().map(|(id, end, intent)| {
        let mut row = row(*end, *intent);
        (row.kind, row.id, row.cause) = ("access".into(), (*id).into(), Cause::Expired);
        (row.title, row.detail) = ("GitHub / northlight (Member)".into(), "it says: no".into());
        row.principal = Some(format!("{id}@example.com").into());
        row.reversibility = Some(Reversibility::Lossy);
        row
    });
    report.outcomes = vec![TargetOutcome { target: "t".into(), rows: rows.collect(), ..TargetOutcome::default() }];
    report
}

fn told(news: &[News], on: NotifyOn) -> Vec<(&str, Vec<&str>)> {
    news.iter()
        .filter(|one| one.on == on)
        .map(|one| (one.title.as_str(), one.lines.iter().map(String::as_str).collect()))
        .collect()
}

#[test]
fn a_revocation_names_its_holder_and_whether_it_can_be_undone() {
    let ends =
        [("anna", End::Done, Some("i1")), ("ben", End::InFlight, Some("i2")), ("cleo", End::Refused, Some("i3"))];
    let ended = published(&before(), Ok(with_ends(report(0, &[]), &ends)), 1);
    let of = "access GitHub / northlight (Member) of";
    let lines = [
        format!("{of} anna@example.com (expired, lossy): done"),
        format!("{of} ben@example.com (expired, lossy): in flight: it says: no"),
        format!("{of} cleo@example.com (expired, lossy): refused: it says: no"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(told(&ended.news, NotifyOn::Revocations), [("t: 3 revocations sent", lines)]);
}

#[test]
fn the_end_of_what_was_in_flight_is_told_when_it_comes() {
    let look = |end: End| {
        let mut report = with_ends(report(0, &[]), &[("anna", end, Some("i1"))]);
        let outcome = &mut report.outcomes[0];
        outcome.resumed = std::mem::take(&mut outcome.rows);
        published(&before(), Ok(report), 1).news
    };
    assert_eq!(told(&look(End::InFlight), NotifyOn::Revocations), []);
    let news = look(End::Done);
    let line = "access GitHub / northlight (Member) of anna@example.com (expired, lossy): done";
    assert_eq!(told(&news, NotifyOn::Revocations), [("t: 1 revocation of before ended", vec![line])]);
    let sent = published(&before(), Ok(with_ends(report(0, &[]), &[("anna", End::InFlight, Some("i1"))])), 1).news;
    assert_ne!(news[0].state, sent[0].state, "the same one, and yet other news");
}

#[test]
fn one_outage_is_told_once_though_it_shows_at_several_requests() {
    let at = |what: &str, advice: &str| {
        let mut report = report(0, &[]);
        let (what, advice) = (what.to_owned(), Some(advice.to_owned()));
        report.plan.as_mut().unwrap().targets[0].state = TargetState::Unreadable { what, advice };
        published(&before(), Ok(report), 1).news.remove(0)
    };
    let first = at("the system failed (GET /gateways)", "run again later");
    assert_eq!(first.state, at("the system failed (GET /api_keys)", "run again later").state);
    assert!(first.lines[0].contains("GET /gateways"));
    assert_ne!(first.state, at("the credential is refused (GET /gateways)", "issue a new credential").state);
}

#[test]
fn what_keeps_a_target_out_of_sync_is_said_and_only_what_is_left_of_it() {
    let rows = [
        serde_json::json!({ "id": "gone" }),
        serde_json::json!({ "id": "not", "title": "stays" }),
        serde_json::json!({ "id": "kept", "title": "kept", "status": "held",
            "holds": [{ "name": "protected", "why": "by `protected:`", "way_on": null }] }),
        serde_json::json!({ "id": "more", "title": "more", "status": "finding", "finding": "over_scoped", "cause": null }),
    ];
    let sent = [("gone", End::Done, Some("i1")), ("not", End::Skipped, None)];
    let ended = published(&before(), Ok(with_ends(with_rows(&rows), &sent)), 1);
    let lines = vec![
        "access stays of ben@example.com (expired, lossy) was not sent: it says: no",
        "access kept of ben@example.com (expired, lossy) is held by protected",
        "access more of ben@example.com holds more than declared",
    ];
    let title = "t is out of sync: 1 change, 1 held, 1 entry holds more than declared";
    assert_eq!(told(&ended.news, NotifyOn::Changes), [(title, lines)]);

    let ended = published(&before(), Ok(with_ends(with_rows(&rows[..1]), &sent[..1])), 1);
    assert_eq!(told(&ended.news, NotifyOn::Changes), [], "nothing is left");
    let state = |ended: &Published| ended.news.iter().find(|one| one.on == NotifyOn::Changes).unwrap().state.clone();
    let with_sent = published(&before(), Ok(with_ends(with_rows(&[rows[0].clone(), rows[2].clone()]), &sent[..1])), 1);
    let again = published(&with_sent.view, Ok(with_rows(&rows[2..3])), 2);
    assert_eq!(state(&with_sent), state(&again), "the look that follows the sending has nothing new to tell");
    let in_sync = published(&again.view, Ok(report(0, &[])), 3);
    let once_more = TargetView { in_sync_at: Some(at(3)), ..in_sync.view };
    assert_ne!(state(&again), state(&published(&once_more, Ok(with_rows(&rows[2..3])), 4)), "they came back");
}

#[test]
fn a_refusal_is_told_with_its_limit_and_the_way_on() {
    let share = |figure: &str| GuardRefusal {
        guard: Guard::Share,
        over: "undeclared rows".into(),
        figure: figure.into(),
        limit: "4 (25 %)".into(),
        way_on: "portcullis expect t 5".into(),
        counts: true,
    };
    let refused = |figure: &str| {
        let mut report = report(0, &[]);
        report.plan.as_mut().unwrap().targets[0].refusals = vec![share(figure)];
        published(&before(), Ok(report), 1).news.remove(0)
    };
    let news = refused("4 and 1 in the last 24 h of 16 entries");
    let line = "share refused undeclared rows: 4 and 1 in the last 24 h of 16 entries; the limit is 4 (25 %); to go on: \
                portcullis expect t 5";
    assert_eq!((news.on, &news.lines[..]), (NotifyOn::Refusals, &[line.to_owned()][..]));
    assert_eq!(
        news.state,
        refused("5 and 1 in the last 24 h of 16 entries").state,
        "the same guard still refuses the same"
    );

    let mut report = report(0, &[]);
    report.errors = vec!["the journal is full".into(), "the lock is held".into()];
    report.plan.as_mut().unwrap().targets[0].refusals = vec![share("5")];
    let lines = published(&before(), Ok(report), 1).news.remove(0).lines;
    assert_eq!(&lines[..2], ["the journal is full", "the lock is held"], "errors are told beside it");
    assert!(lines[2].starts_with("share refused "), "{lines:?}");
}

#[test]
fn what_stops_all_writing_for_a_time_is_no_recovery_of_what_a_guard_refused() {
    let config = config();
    let recoveries = |hold: &str, stopped: bool| {
        let hold = serde_json::json!({ "name": hold, "why": "until Monday", "way_on": null });
        let report = with_rows(&[serde_json::json!({ "status": "held", "holds": [hold] })]);
        let result = Ok(report);
        let target = &config.targets["t"];
        let looked = Looked { target, result: &result, held: None, stopped, commit: None, ended_at: at(1) };
        let news = publish(&before(), &looked).news;
        let subjects = news.iter().filter(|one| one.on == NotifyOn::Recoveries).map(|one| one.subject.to_string());
        subjects.collect::<Vec<_>>()
    };
    assert_eq!(recoveries("observe", true), ["t health"]);
    assert_eq!(recoveries("freeze", false), ["t health"]);
    assert_eq!(recoveries("observe", false), ["t guards", "t health"], "a kind that is only observed is so for good");
    assert_eq!(recoveries("notice", false), ["t guards", "t health"]);
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
    let broken = OnlyExpired {
        since: at(0),
        what: "its files are broken",
        why: "a.yaml does not load".into(),
        advice: "mend it".into(),
        has_tree: true,
        ends: HashMap::new(),
        as_before: BTreeSet::new(),
        newest: None,
    };
    for held in [None, Some(&broken)] {
        let (result, is_held) = (read(), held.is_some());
        let looked = Looked {
            target: &config.targets["t"],
            result: &result,
            held,
            stopped: false,
            commit: None,
            ended_at: at(3),
        };
        let view = publish(&before(), &looked).view;
        assert_eq!((view.read_at, view.in_sync_at), (Some(at(2)), (!is_held).then(|| at(2))));
    }
}
