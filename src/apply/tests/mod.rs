//! What apply promises, against a made-up system and a real journal.

pub(crate) mod world;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use self::world::{Does, Hangs, NoAsk, World, controlled, entry, hosts, single};
use super::*;
use crate::{
    access::{Account, Action, Cause, Entry, Fingerprint, Reversibility, Snapshot, Text},
    journal::{Filter, Intent, Journal, Mode, OutcomeKind, RecordBody, RunInfo},
    plan::{self, Row, Status, TargetPlan, TargetState},
    systems::Wanted,
    transport::Stop,
    wire::{Order, Prepared, Unreadable},
};

fn row(entry: &Entry) -> Row {
    Row {
        status: Status::Change,
        kind: entry.kind.name.into(),
        id: entry.id.clone(),
        title: entry.id.to_string(),
        principal: None,
        action: Some(Action::Revoke),
        cause: Some(Cause::Undeclared),
        finding: None,
        reason: "undeclared".into(),
        why: String::new(),
        origin: None,
        holds: Vec::new(),
        reversibility: Reversibility::Irreversible,
        overdue: false,
        due_at: None,
        weight: 1,
        fingerprint: Some(Fingerprint::of(entry)),
        natural_key: entry.id.clone(),
        files: Vec::new(),
        said: "said".into(),
        remarks: Vec::new(),
        live: String::new(),
        declared: String::new(),
    }
}

fn plan_of(entries: &[Entry]) -> TargetPlan {
    let mut plan = plan::blocked("t".into(), "made_up", String::new());
    plan.state = TargetState::Planned;
    plan.rows = entries.iter().map(row).collect();
    plan
}

/// Everything in the reading is to go.
struct AllGo;

impl Rules for AllGo {
    fn check(&self, _: &Snapshot) -> Result<(), Unreadable> {
        Ok(())
    }

    fn plan(&self, reading: &Snapshot, _: Timestamp) -> TargetPlan {
        plan_of(&reading.entries)
    }
}

struct Bench {
    world: World,
    journal: Journal,
    run: Text,
    stop: Stop,
    halt: Halt,
    hosts: BTreeMap<&'static str, Text>,
    account: Account,
    wanted: Wanted,
    patience: Patience,
}

impl Bench {
    async fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self::over(Journal::ephemeral().await.unwrap(), World::of(entries)).await
    }

    async fn over(journal: Journal, world: World) -> Self {
        let run = journal.begin(&RunInfo::default()).await.unwrap_or_else(|_| "run".into());
        Self {
            world,
            journal,
            run,
            stop: Stop::new(),
            halt: Halt::default(),
            hosts: hosts(),
            account: Account::default(),
            wanted: Wanted::default(),
            patience: Patience::default(),
        }
    }

    fn work(&self) -> Work<'_> {
        Work {
            target: "t".into(),
            system: self.world.leak(),
            account: &self.account,
            account_key: "acc_1".into(),
            hosts: &self.hosts,
            ask: &NoAsk,
            wanted: &self.wanted,
            journal: &self.journal,
            run: self.run.clone(),
            settle: Duration::from_millis(30),
            patience: self.patience,
            max_in_flight: SignedDuration::from_hours(7 * 24),
            ceiling: None,
            concurrency: 4,
            clock: self.world.clock(),
            stop: &self.stop,
            next_run: None,
            halt: &self.halt,
            brake: &|| None,
            frozen: None,
            progress: &Quiet,
        }
    }

    async fn carry_out(&self) -> TargetOutcome {
        let snapshot = self.world.snapshot();
        self.carry_out_on(snapshot, &[]).await
    }

    async fn carry_out_on(&self, snapshot: Snapshot, open: &[RowOutcome]) -> TargetOutcome {
        let plan = plan_of(&snapshot.entries);
        let hand = Hand::fake(self.world.clone());
        let approved = Approved { plan: &plan, snapshot: Arc::new(snapshot), may_open: &[], open, rules: &AllGo };
        carry_out(&self.work(), &hand, approved).await
    }

    async fn records(&self) -> Vec<RecordBody> {
        let records = self.journal.records(&Filter::default()).await.unwrap();
        records.into_iter().map(|record| record.body).collect()
    }

    /// The last recorded outcome of each intent, in the order of the intents.
    async fn recorded(&self) -> Vec<OutcomeKind> {
        let records = self.records().await;
        let intents = records.iter().filter_map(|body| match body {
            RecordBody::Intent { intent, .. } => Some(intent),
            _ => None,
        });
        intents
            .map(|wanted| {
                records
                    .iter()
                    .rev()
                    .find_map(|body| match body {
                        RecordBody::Outcome { intent, outcome, .. } if intent == wanted => Some(outcome.kind),
                        _ => None,
                    })
                    .unwrap()
            })
            .collect()
    }
}

fn ends(outcome: &TargetOutcome) -> Vec<(&str, End)> {
    outcome.rows.iter().map(|row| (row.id.as_str(), row.end)).collect()
}

#[tokio::test]
async fn every_row_is_recorded_sent_once_and_confirmed_by_reading_back() {
    let bench = Bench::new([entry("a"), entry("b"), entry("c")]).await;
    let outcome = bench.carry_out().await;
    assert_eq!(ends(&outcome), [("a", End::Done), ("b", End::Done), ("c", End::Done)]);
    assert!(outcome.rows.iter().all(|row| row.confirmed));
    assert_eq!(bench.world.state().sent.len(), 3);
    assert_eq!(bench.recorded().await, [OutcomeKind::Done; 3]);
    assert_eq!(bench.world.state().reads, 1, "one reading confirms all of them");
}

#[tokio::test]
async fn one_rows_failure_never_stops_another() {
    let bench = Bench::new([entry("a"), entry("b"), entry("c")]).await;
    bench.world.does([Does::Forbids, Does::Unreachable]);
    let outcome = bench.carry_out().await;
    let mut all: Vec<End> = outcome.rows.iter().map(|row| row.end).collect();
    all.sort_unstable();
    assert_eq!(all, [End::Done, End::Failed, End::Refused]);
    let mut recorded = bench.recorded().await;
    recorded.sort_by_key(|kind| format!("{kind:?}"));
    assert_eq!(recorded, [OutcomeKind::Done, OutcomeKind::NotSent, OutcomeKind::Refused]);
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_reading_never_by_assuming() {
    let bench = Bench::new([entry("a")]).await;
    bench.world.does([Does::RemovesInSilence]);
    assert_eq!(ends(&bench.carry_out().await), [("a", End::Gone)]);

    let bench = Bench::new([entry("b")]).await;
    bench.world.does([Does::NothingInSilence]);
    assert_eq!(ends(&bench.carry_out().await), [("b", End::Failed)]);
    assert_eq!(bench.recorded().await, [OutcomeKind::Failed]);
    assert_eq!(bench.world.state().sent.len(), 1, "only a conflict is tried again");
}

#[tokio::test]
async fn a_conflict_without_effect_steps_the_key_on_at_most_three_times() {
    let bench = Bench::new([entry("a")]).await;
    bench.world.does([Does::Conflict; 9]);
    let outcome = bench.carry_out().await;
    assert_eq!(ends(&outcome), [("a", End::Failed)]);
    let keys: Vec<String> = bench.world.state().sent.iter().map(|(_, key)| key.clone()).collect();
    let distinct: std::collections::BTreeSet<&String> = keys.iter().collect();
    assert_eq!((keys.len(), distinct.len()), (4, 4), "{keys:?}");

    let bench = Bench::new([entry("a")]).await;
    bench.world.does([Does::Conflict]);
    assert_eq!(ends(&bench.carry_out().await), [("a", End::Done)]);
}

#[tokio::test]
async fn done_that_is_still_there_after_the_deadline_is_a_failure() {
    let bench = Bench::new([entry("a"), entry("b")]).await;
    bench.world.does([Does::Lies]);
    let outcome = bench.carry_out().await;
    let mut all: Vec<End> = outcome.rows.iter().map(|row| row.end).collect();
    all.sort_unstable();
    assert_eq!(all, [End::Done, End::Failed]);
    assert!(bench.recorded().await.contains(&OutcomeKind::Failed), "the last outcome of the intent counts");
}

#[tokio::test]
async fn a_target_that_cannot_be_read_back_leaves_its_rows_unknown() {
    let bench = Bench::new([entry("a")]).await;
    let snapshot = bench.world.snapshot();
    bench.world.state().unreadable = true;
    let outcome = bench.carry_out_on(snapshot, &[]).await;
    assert_eq!(ends(&outcome), [("a", End::Unknown)]);
    assert!(outcome.read_back_failed.is_some());
    assert_eq!(bench.recorded().await, [OutcomeKind::Unknown], "so that the next run settles it");
}

#[tokio::test]
async fn accepted_is_in_flight_and_followed_by_the_next_run() {
    let bench = Bench::new([entry("a")]).await;
    bench.world.does([Does::Accepts]);
    assert_eq!(ends(&bench.carry_out().await), [("a", End::InFlight)]);

    let open = resume(&bench.work(), &bench.world.snapshot()).await.unwrap();
    assert_eq!((open[0].end, open[0].overdue), (End::InFlight, false));
    bench.world.pass(SignedDuration::from_hours(8 * 24));
    assert!(
        resume(&bench.work(), &bench.world.snapshot()).await.unwrap()[0].overdue,
        "in flight for longer than a week"
    );

    bench.world.state().entries.clear();
    bench.world.state().in_flight.clear();
    assert_eq!(resume(&bench.work(), &bench.world.snapshot()).await.unwrap()[0].end, End::Gone);
    assert_eq!(resume(&bench.work(), &bench.world.snapshot()).await.unwrap(), [], "it is settled for good");
    assert_eq!(bench.world.state().sent.len(), 1);
}

#[tokio::test]
async fn what_is_in_flight_as_before_is_not_recorded_again() {
    let bench = Bench::new([entry("a")]).await;
    bench.world.does([Does::Accepts]);
    bench.carry_out().await;
    resume(&bench.work(), &bench.world.snapshot()).await.unwrap();
    let before = bench.records().await.len();
    for _ in 0..3 {
        assert_eq!(resume(&bench.work(), &bench.world.snapshot()).await.unwrap()[0].end, End::InFlight);
    }
    assert_eq!(bench.records().await.len(), before);
}

#[tokio::test]
async fn where_nobody_can_tell_the_same_key_is_sent_again_after_the_deadline() {
    let bench = Bench::new([entry("a")]).await;
    bench.world.state().untold = true;
    bench.world.does([Does::NothingInSilence]);
    assert_eq!(ends(&bench.carry_out().await), [("a", End::Unknown)]);
    assert_eq!(bench.recorded().await, [OutcomeKind::Untold]);
    let open = resume(&bench.work(), &bench.world.snapshot()).await.unwrap();
    assert_eq!(open, [], "its row is not blocked for ever");
    assert_eq!(ends(&bench.carry_out().await), [("a", End::Done)]);
    let sent = bench.world.state().sent.clone();
    assert_eq!((sent.len(), &sent[0]), (2, &sent[1]), "the system takes both for one");
}

#[tokio::test]
async fn what_a_killed_run_left_is_settled_by_reading_and_never_sent_again() {
    // An entry as another version knew it, of which this one can only tell the id.
    let odd = Entry { values: Box::new([]), ..entry("a") };
    for (left, is_gone) in [(entry("a"), true), (entry("a"), false), (odd.clone(), true), (odd, false)] {
        let bench = Bench::new([entry("a")]).await;
        let order = Order {
            target: "t".into(),
            action: Action::Revoke,
            cause: Cause::Undeclared,
            fingerprint: Fingerprint::of(&entry("a")),
            entry: left,
            reason: "undeclared".into(),
            peers: Vec::new(),
            may_open: false,
        };
        let work = bench.work();
        let Ok(Prepared::Send(draft)) = work.system.prepare(&NoAsk, &bench.account, &order).await else {
            panic!("a draft");
        };
        let intent = Intent {
            order: &order,
            draft: *draft,
            system: "made_up".into(),
            account: "acc_1".into(),
            host: "https://made-up.example".into(),
            natural_key: "a".into(),
            weight: 1,
            files: Vec::new(),
            said: "said".into(),
            step: 0,
            ceiling: None,
        };
        // The run is killed here: the receipt is dropped.
        drop(bench.journal.intent(&bench.run, intent).await.unwrap());
        if is_gone {
            bench.world.state().entries.clear();
        }
        bench.world.pass(SignedDuration::from_secs(60));
        let settled = resume(&work, &bench.world.snapshot()).await.unwrap();
        assert_eq!(settled[0].end, if is_gone { End::Gone } else { End::Failed });
        assert_eq!(settled[0].id, "a");
        assert!(bench.world.state().sent.is_empty());
        assert!(bench.journal.open_intents("t").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_entry_whose_earlier_removal_is_unknown_is_not_sent_again() {
    let bench = Bench::new([entry("a"), entry("b")]).await;
    let mut earlier = RowOutcome::of(row(&entry("a")).removal().unwrap(), End::Unknown, "");
    earlier.intent = Some("i".into());
    let snapshot = bench.world.snapshot();
    let outcome = bench.carry_out_on(snapshot, &[earlier]).await;
    assert_eq!(ends(&outcome), [("a", End::Unknown), ("b", End::Done)]);
    assert_eq!(bench.world.state().sent.len(), 1);
}

/// A bench on which no conversation may take long, and one never ends.
async fn impatient(hangs: Hangs) -> Bench {
    let mut bench = Bench::new([entry("a")]).await;
    bench.patience = Patience { look: Duration::from_millis(50), reading: Duration::from_millis(50) };
    bench.world.state().hangs = Some(hangs);
    bench
}

#[tokio::test]
async fn a_look_before_the_call_that_never_ends_is_given_up_and_nothing_is_sent() {
    let bench = impatient(Hangs::Preparing).await;
    let outcome = bench.carry_out().await;
    assert_eq!(ends(&outcome), [("a", End::Failed)]);
    assert!(outcome.rows[0].detail.starts_with("not sent") && outcome.rows[0].detail.contains("took longer than"));
    assert!(bench.world.state().sent.is_empty());
    assert!(bench.journal.open_intents("t").await.unwrap().is_empty());
}

#[tokio::test]
async fn settling_that_never_ends_is_unknown_and_left_to_the_next_run() {
    let bench = impatient(Hangs::Settling).await;
    bench.world.does([Does::RemovesInSilence]);
    assert_eq!(ends(&bench.carry_out().await), [("a", End::Unknown)]);
    assert_eq!(bench.recorded().await, [OutcomeKind::Unknown]);
    let again = resume(&bench.work(), &bench.world.snapshot()).await.unwrap();
    assert_eq!(again[0].end, End::Unknown, "nor does the next run wait for ever");
    bench.world.state().hangs = None;
    assert_eq!(resume(&bench.work(), &bench.world.snapshot()).await.unwrap()[0].end, End::Gone);
    assert_eq!(bench.world.state().sent.len(), 1);
}

#[tokio::test]
async fn a_reading_back_that_never_ends_confirms_nothing() {
    let bench = impatient(Hangs::Reading).await;
    let outcome = bench.carry_out().await;
    assert_eq!(ends(&outcome), [("a", End::Unknown)]);
    assert!(outcome.read_back_failed.unwrap().contains("took longer than"));
    // Nor is anything sent on an old reading that cannot be replaced.
    let bench = impatient(Hangs::Reading).await;
    let planned = bench.world.snapshot();
    bench.world.pass(SignedDuration::from_mins(6));
    assert_eq!(ends(&bench.carry_out_on(planned, &[]).await), [("a", End::Failed)]);
    assert!(bench.world.state().sent.is_empty());
}

#[tokio::test]
async fn a_look_at_other_paths_that_never_ends_costs_a_remark_only() {
    let bench = impatient(Hangs::Reaching).await;
    let outcome = bench.carry_out().await;
    assert_eq!(ends(&outcome), [("a", End::Done)]);
    assert!(outcome.rows[0].confirmed && outcome.rows[0].remarks[0].contains("another way"));
}

#[tokio::test]
async fn a_stop_sends_nothing_new_and_tells_of_every_row() {
    let bench = Bench::new((0..20).map(|number| entry(&format!("e{number}")))).await;
    bench.world.state().stop_after_send = Some(bench.stop.clone());
    let outcome = bench.carry_out().await;
    assert_eq!(outcome.rows.len(), 20);
    assert!(outcome.stopped);
    let sent = bench.world.state().sent.len();
    assert!((1..=4).contains(&sent), "only what was under way: {sent}");
    assert_eq!(outcome.count(End::Skipped), 20 - sent);
    assert_eq!(outcome.count(End::Done), sent, "what was sent is waited for and recorded");
}

#[tokio::test]
async fn nothing_is_sent_that_the_journal_cannot_record() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    drop(Journal::open(&path, Mode::Create).await.unwrap());
    let journal = Journal::open(&path, Mode::Read).await.unwrap();
    let bench = Bench::over(journal, World::of([entry("a"), entry("b")])).await;
    let outcome = bench.carry_out().await;
    assert!(bench.world.state().sent.is_empty());
    assert_eq!(ends(&outcome), [("a", End::Skipped), ("b", End::Skipped)]);
    assert!(outcome.journal_failed.is_some());
    assert!(bench.halt.why().is_some(), "no other target of the run sends either");
}

#[tokio::test]
async fn an_old_reading_is_read_again_once_and_what_changed_is_skipped() {
    let bench = Bench::new([entry("a"), entry("b"), entry("c")]).await;
    let planned = bench.world.snapshot();
    bench.world.pass(SignedDuration::from_mins(6));
    {
        let mut state = bench.world.state();
        state.entries.retain(|entry| entry.id != "b");
        state.entries[1].values[1] = crate::access::Value::Text("write".into());
    }
    let outcome = bench.carry_out_on(planned, &[]).await;
    assert_eq!(ends(&outcome), [("a", End::Done), ("b", End::Gone), ("c", End::Skipped)]);
    assert_eq!(bench.world.state().reads, 2, "one for all stale rows, one to read back");
    assert_eq!(bench.world.state().entries.len(), 1);
}

#[tokio::test]
async fn a_list_that_takes_long_counts_for_twice_its_own_time_and_no_longer() {
    for (age, reads) in [(16, 1), (17, 2)] {
        let bench = Bench::new([entry("a"), single("b")]).await;
        let mut planned = bench.world.snapshot();
        planned.finished_at = planned.started_at + SignedDuration::from_mins(8);
        bench.world.pass(SignedDuration::from_mins(age));
        let outcome = bench.carry_out_on(planned, &[]).await;
        assert_eq!(ends(&outcome), [("a", End::Done), ("b", End::Done)]);
        assert_eq!(bench.world.state().reads, reads, "after {age} minutes; the last one reads back");
    }
}

#[tokio::test]
async fn nothing_is_sent_on_a_look_that_grew_old_while_it_waited_for_its_turn() {
    // The look took two minutes and a half, and the turn came so much later.
    for (entry, turn, end) in
        [(single("a"), 150, End::Done), (single("a"), 151, End::Skipped), (entry("a"), 151, End::Skipped)]
    {
        let bench = Bench::new([entry]).await;
        bench.world.state().look = SignedDuration::from_secs(150);
        bench.world.state().turn = SignedDuration::from_secs(turn);
        let outcome = bench.carry_out().await;
        assert_eq!(ends(&outcome), [("a", end)], "{turn} s");
        assert_eq!(bench.world.state().sent.len(), usize::from(end == End::Done));
        let recorded = if end == End::Done { OutcomeKind::Done } else { OutcomeKind::NotSent };
        assert_eq!(bench.recorded().await, [recorded]);
    }
    // With the whole list alone can it be seen, and that took three: no newer one could be had.
    for (entry, end) in [(single("a"), End::Skipped), (entry("a"), End::Done)] {
        let bench = Bench::new([entry]).await;
        bench.world.state().look = SignedDuration::from_secs(180);
        bench.world.state().turn = SignedDuration::from_secs(170);
        let outcome = bench.carry_out().await;
        assert_eq!(ends(&outcome), [("a", end)]);
        assert!(end == End::Done || outcome.rows[0].detail.contains("too long ago"), "{}", outcome.rows[0].detail);
    }
}

#[tokio::test]
async fn a_target_that_cannot_be_read_again_gets_nothing() {
    let bench = Bench::new([entry("a"), entry("b")]).await;
    let planned = bench.world.snapshot();
    bench.world.pass(SignedDuration::from_mins(6));
    bench.world.state().unreadable = true;
    let outcome = bench.carry_out_on(planned, &[]).await;
    assert_eq!(ends(&outcome), [("a", End::Failed), ("b", End::Failed)]);
    assert!(bench.world.state().sent.is_empty());
    assert_eq!(bench.world.state().reads, 1, "not once a row");
}

#[tokio::test]
async fn checks_and_calls_on_one_control_are_one_at_a_time_and_know_their_peers() {
    let bench = Bench::new(["a", "b", "c", "d"].map(|id| controlled(id, "gateway"))).await;
    let outcome = bench.carry_out().await;
    assert_eq!(outcome.count(End::Done), 4);
    assert_eq!(bench.world.most_at_once.load(Ordering::SeqCst), 1);
    assert!(bench.world.state().peers.iter().all(|peers| peers.len() == 3));

    let bench = Bench::new(["a", "b", "c", "d"].map(|id| controlled(id, id))).await;
    bench.carry_out().await;
    assert!(bench.world.most_at_once.load(Ordering::SeqCst) > 1, "others do not wait for each other");
}

#[tokio::test]
async fn a_brake_that_is_pulled_while_a_recorded_row_waits_for_its_turn_lets_nothing_out() {
    let bench = Bench::new([entry("a"), entry("b")]).await;
    let snapshot = bench.world.snapshot();
    let plan = plan_of(&snapshot.entries[..1]);
    let hand = Hand::fake(bench.world.clone());
    let asked = AtomicUsize::new(0);
    // The last question is asked by whoever sends.
    let brake = || (asked.fetch_add(1, Ordering::SeqCst) == 3).then(|| "paused".to_owned());
    let work = Work { brake: &brake, ..bench.work() };
    let approved = Approved { plan: &plan, snapshot: Arc::new(snapshot), may_open: &[], open: &[], rules: &AllGo };
    let outcome = carry_out(&work, &hand, approved).await;
    let row = &outcome.rows[0];
    assert_eq!((row.end, row.detail.as_str()), (End::Skipped, "paused"));
    assert!(row.intent.is_some() && bench.world.state().sent.is_empty());
    let recorded = bench.records().await;
    let not_sent =
        |body: &RecordBody| matches!(body, RecordBody::Outcome { outcome, .. } if outcome.kind == OutcomeKind::NotSent);
    assert!(recorded.iter().any(not_sent), "{recorded:?}");
}
