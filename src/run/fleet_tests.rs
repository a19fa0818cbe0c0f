use std::{collections::BTreeSet, path::Path};

use proptest::prelude::*;

use super::*;
use crate::{
    access::{Cause, Fingerprint, Hasher, Reversibility},
    config,
    journal::{RecordBody, RunInfo},
    plan::{PLAN_VERSION, Row, Status},
    systems,
    wire::Note,
};

fn now() -> Timestamp {
    Timestamp::now()
}

fn config(journal: &Path) -> Config {
    let text = format!(
        "version: 1\njournal: {}\ntargets:\n  t:\n    system: s2\n    account: x\n    credential: {{ env: T }}\n",
        journal.display()
    );
    load(&text)
}

fn load(text: &str) -> Config {
    config::load("portcullis.yaml", Path::new("portcullis.yaml"), text.as_bytes(), &systems::descriptions()).unwrap()
}

fn plan(target: &str, weight: u32, cause: Cause) -> Plan {
    let mut part = plan::blocked(target.into(), "s2", String::new());
    part.state = plan::TargetState::Planned;
    part.rows = (0..weight).map(|number| row(number, cause)).collect();
    let mut plan =
        Plan { version: PLAN_VERSION, made_at: now(), revision: None, problems: Vec::new(), targets: vec![part] };
    plan::finish(&mut plan.targets[0]);
    plan.targets[0].counts.meant = weight;
    plan
}

fn row(number: u32, cause: Cause) -> Row {
    Row {
        status: Status::Change,
        kind: "access_token".into(),
        id: format!("{number:03}").into(),
        title: String::new(),
        principal: None,
        action: Some(crate::access::Action::Revoke),
        cause: Some(cause),
        finding: None,
        reason: String::new(),
        why: String::new(),
        origin: None,
        holds: Vec::new(),
        reversibility: Reversibility::Irreversible,
        overdue: false,
        due_at: None,
        weight: 1,
        fingerprint: None,
        natural_key: Text::default(),
        files: Vec::new(),
        said: Text::default(),
        remarks: Vec::new(),
        live: String::new(),
        declared: String::new(),
    }
}

async fn sends(journal: &Journal, target: &str, id: usize) {
    let body = RecordBody::Intent {
        intent: format!("{target}-{id}").into(),
        kind: "access_token".into(),
        id: format!("{id}").into(),
        title: String::new(),
        cause: Cause::Expired,
        reason: String::new(),
        key: Text::default(),
        generation: 0,
        fingerprint: Fingerprint::parse(&Hasher::new("x").finish_hex()).unwrap(),
        request: String::new(),
        request_body: None,
        note: Note::Null,
        natural_key: Text::default(),
        weight: 1,
        files: Vec::new(),
        said: Text::default(),
        principal: None,
        entry: serde_json::Value::Null,
    };
    journal.append("run", Some(target), body).await.unwrap();
}

/// What three targets do, each in its own turn.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// It plans so many.
    Plan(usize, u32),
    /// It sends one of what it was let.
    Send(usize),
    /// Its run ends.
    End(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0usize..3, 1u32..6).prop_map(|(target, number)| Step::Plan(target, number)),
        (0usize..3).prop_map(Step::Send),
        (0usize..3).prop_map(Step::Send),
        (0usize..3).prop_map(Step::End),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn targets_that_plan_in_any_order_never_pass_the_ceiling_and_nothing_counts_twice(
        steps in prop::collection::vec(step(), 1..40),
        max in 1u32..12,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let mut config = config(&directory.path().join("j.db"));
            config.max_count_total = max;
            let fleet = Fleet::open(&config, true).await.unwrap();
            let journal = fleet.journal().await.unwrap();
            let names = ["a", "b", "c"];
            let mut sent = [0_u32; 3];
            let mut left = [0_u32; 3];
            let mut open: [Option<Reservation>; 3] = [None, None, None];
            for step in steps {
                match step {
                    Step::Plan(at, number) if open[at].is_none() => {
                        let all: u32 = sent.iter().chain(&left).sum();
                        let mut plan = plan(names[at], number, Cause::Expired);
                        let reservation = fleet.admit(&journal, &config, &mut plan, now()).await.unwrap();
                        let let_in = plan.targets[0].changes().count();
                        let fits = all + number <= max;
                        prop_assert_eq!(let_in, if fits { number as usize } else { 0 }, "{} of {} and {}", all, max, number);
                        left[at] = u32::try_from(let_in).unwrap();
                        open[at] = Some(reservation);
                    }
                    Step::Send(at) if left[at] > 0 => {
                        sends(&journal, names[at], sent[at] as usize).await;
                        sent[at] += 1;
                        left[at] -= 1;
                    }
                    Step::End(at) => {
                        open[at] = None;
                        left[at] = 0;
                    }
                    _ => {}
                }
                prop_assert!(sent.iter().sum::<u32>() <= max);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn past_the_ceiling_absent_rows_still_go_and_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(&directory.path().join("j.db"));
    config.max_count_total = 3;
    let fleet = Fleet::open(&config, true).await.unwrap();
    let journal = fleet.journal().await.unwrap();
    let mut absent = plan("a", 5, Cause::Absent);
    let _kept = fleet.admit(&journal, &config, &mut absent, now()).await.unwrap();
    assert_eq!(absent.targets[0].changes().count(), 5);
    let mut due = plan("b", 1, Cause::Expired);
    let _none = fleet.admit(&journal, &config, &mut due, now()).await.unwrap();
    assert_eq!(due.targets[0].changes().count(), 0);
    assert_eq!(due.targets[0].refusals[0].guard, crate::plan::Guard::CountTotal);
}

async fn announces(journal: &Journal, target: &str, number: u32, hours: i64) {
    let until = now().checked_add(SignedDuration::from_hours(hours)).unwrap();
    let expected = RecordBody::Expected(crate::access::Expectation { number, until });
    journal.append("run", Some(target), expected).await.unwrap();
}

#[tokio::test]
async fn a_number_announced_for_every_target_and_met_by_each_lifts_the_ceiling_over_all() {
    // What is announced for `b`, what it means, and for how long; what is announced for `a`, which means 4; whether it goes.
    for (of_b, b_means, hours, of_a, goes) in [
        (Some(3), 3, 1, Some(4), true),
        (None, 3, 1, Some(4), false),
        (Some(3), 3, 1, None, false),
        (Some(3), 2, 1, Some(4), false),
        (Some(3), 3, -1, Some(4), false),
        (Some(3), 3, 1, Some(5), false),
        (Some(0), 0, 1, Some(4), true),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let target = |name: &str| {
            format!("  {name}: {{ system: s2, account: {name}, credential: {{ env: {} }} }}\n", name.to_uppercase())
        };
        let text = format!(
            "version: 1\njournal: {}\nguards: {{ max_count_total: 3 }}\ntargets:\n{}{}",
            directory.path().join("j.db").display(),
            target("a"),
            target("b")
        );
        let config = load(&text);
        let fleet = Fleet::open(&config, true).await.unwrap();
        let journal = fleet.journal().await.unwrap();
        for (name, number, hours) in [("a", of_a, 1), ("b", of_b, hours)] {
            if let Some(number) = number {
                announces(&journal, name, number, hours).await;
            }
        }
        let case = format!("{of_b:?} {b_means} {hours} {of_a:?}");
        let mut first = plan("a", 4, Cause::Expired);
        drop(fleet.admit(&journal, &config, &mut first, now()).await.unwrap());
        assert_eq!(first.targets[0].changes().count(), 0, "nobody knows yet what `b` means: {case}");
        assert!(
            first.targets[0].refusals[0].way_on.contains("portcullis expect a 4"),
            "{:?}",
            first.targets[0].refusals
        );
        drop(fleet.admit(&journal, &config, &mut plan("b", b_means, Cause::Expired), now()).await.unwrap());
        let mut again = plan("a", 4, Cause::Expired);
        let reservation = fleet.admit(&journal, &config, &mut again, now()).await.unwrap();
        assert_eq!(again.targets[0].changes().count(), if goes { 4 } else { 0 }, "{case}");
        assert_eq!(fleet.is_lifted(&"a".into()), goes, "{case}");
        if !goes {
            continue;
        }
        // What `a` sent counts for its number, so that `b` goes too, and its own number is used up by that.
        for id in 0..4 {
            sends(&journal, "a", id).await;
        }
        journal.append("run", Some("a"), RecordBody::ExpectationUsed).await.unwrap();
        drop(reservation);
        drop(fleet.admit(&journal, &config, &mut plan("a", 0, Cause::Expired), now()).await.unwrap());
        let mut other = plan("b", b_means, Cause::Expired);
        let _other = fleet.admit(&journal, &config, &mut other, now()).await.unwrap();
        assert_eq!(other.targets[0].changes().count(), b_means as usize, "{case}");
        let mut more = plan("a", 1, Cause::Expired);
        let _more = fleet.admit(&journal, &config, &mut more, now()).await.unwrap();
        assert_eq!(more.targets[0].changes().count(), 0, "a number is used once: {case}");
    }
}

#[tokio::test]
async fn a_look_that_sees_nothing_new_is_kept_once_an_hour() {
    let directory = tempfile::tempdir().unwrap();
    let fleet = Fleet::open(&config(&directory.path().join("j.db")), true).await.unwrap();
    let target = Text::from("t");
    let mut seen = Observation {
        bases: vec![Base { scope: crate::access::BaseScope::Kind("access_token".into()), number: 7 }],
        ..Observation::default()
    };
    let at = now();
    assert!(fleet.is_news(&target, &seen, at));
    fleet.was_kept(&target, &seen, at);
    assert!(!fleet.is_news(&target, &seen, at));
    assert!(fleet.is_news(&"u".into(), &seen, at), "of another target");
    assert!(fleet.is_news(&target, &seen, at.checked_add(BASES_AGE).unwrap()));
    assert!(fleet.is_news(&target, &seen, at.checked_sub(BASES_AGE).unwrap()), "the clock went back");
    seen.bases[0].number = 6;
    assert!(fleet.is_news(&target, &seen, at));
    seen.bases[0].number = 7;
    seen.forgotten.push(("access_token".into(), "x".into()));
    assert!(fleet.is_news(&target, &seen, at));
}

#[tokio::test]
async fn the_journal_that_was_replaced_is_opened_and_one_that_is_gone_is_not_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    let fleet = Fleet::open(&config(&path), true).await.unwrap();
    let before = fleet.journal().await.unwrap();
    std::fs::rename(&path, directory.path().join("kept.db")).unwrap();
    assert!(matches!(before.begin(&RunInfo::default()).await, Err(JournalError::Vanished(_))));
    assert!(matches!(fleet.journal().await, Err(JournalError::Vanished(_))));
    assert!(!path.exists());
    std::fs::copy(directory.path().join("kept.db"), &path).unwrap();
    assert!(matches!(before.begin(&RunInfo::default()).await, Err(JournalError::Vanished(_))), "it is another file");
    fleet.journal().await.unwrap().begin(&RunInfo::default()).await.unwrap();
    let names: BTreeSet<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.contains(std::ffi::OsStr::new("j.db")), "{names:?}");
}
