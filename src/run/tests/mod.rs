//! What a run promises, with a made-up system, real policies and a real journal.

mod late;
mod peers;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::SignedDuration;

use super::*;
use crate::{
    access::{AuthStyle, Expectation, RequestRate, Text},
    apply::{
        End, Hand, Quiet,
        tests::world::{Does, KINDS, MADE_UP, NoAsk, World, entry, hosts},
    },
    config::{Config, CredentialRef, Guards, JournalPlace, RequestLimits, Target, WatchSettings},
    journal::{RecordBody, RunInfo},
    plan::{Plan, TargetState},
    policy::{self, KnownTarget, Source},
    transport::{Stop, Usage},
    wire::Unreadable,
};

pub(crate) fn target(name: &str) -> Target {
    Target {
        name: name.into(),
        description: &MADE_UP,
        fields: BTreeMap::new(),
        hosts: BTreeMap::new(),
        auth: AuthStyle::Bearer,
        credential: CredentialRef::Env("NONE".into()),
        ca_file: None,
        account: None,
        own: Vec::new(),
        must_see: Vec::new(),
        protected: Vec::new(),
        enforce: vec![&KINDS[0]],
        guards: Guards { max_share_percent: 100, notice: SignedDuration::ZERO, ..Guards::default() },
        may_open: Vec::new(),
        settle: SignedDuration::from_millis(20),
        max_in_flight: SignedDuration::from_hours(24),
        limits: RequestLimits { requests: RequestRate { count: 100, seconds: 1 }, concurrency: 4 },
        freeze: Vec::new(),
        interval: None,
    }
}

fn loaded(journal: &Path, targets: Vec<Target>) -> Loaded {
    let known: Vec<KnownTarget> = targets
        .iter()
        .map(|target| KnownTarget { name: target.name.clone(), description: target.description })
        .collect();
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    let file = format!(
        "version: 1\ntargets: [{}]\nmanage: {{ tokens: all }}\ntokens:\n  - {{ id: keep, justification: needed }}\n",
        names.join(", ")
    );
    let policies = policy::load(&[Source { name: "a.yaml", bytes: file.as_bytes() }], None, &known, &[]);
    assert_eq!(policies.problems, []);
    let config = Config {
        path: "portcullis.yaml".into(),
        policies: "policies".into(),
        people: None,
        journal: JournalPlace::File(journal.to_owned()),
        max_count_total: 100,
        delegate: Vec::new(),
        targets: targets.into_iter().map(|target| (target.name.clone(), target)).collect(),
        freeze: Vec::new(),
        stop_file: None,
        watch: WatchSettings::default(),
    };
    Loaded {
        config: Arc::new(config),
        policies: Arc::new(policies),
        problems: Vec::new(),
        blocked: BTreeMap::new(),
        unclear: BTreeMap::new(),
    }
}

struct Fake(BTreeMap<Text, World>);

#[async_trait]
impl Connect for Fake {
    async fn reach(&self, target: &Target, to_send: bool) -> Result<Reach, Unreadable> {
        let world = self.0[&target.name].clone();
        Ok(Reach {
            system: world.leak(),
            account: reach::account(target, None),
            hosts: hosts(),
            ask: Arc::new(NoAsk),
            hand: to_send.then(|| Hand::fake(world)),
            usage: Arc::new(Usage::default),
        })
    }
}

struct Says(Answer);

#[async_trait]
impl Prompt for Says {
    async fn ask(&self, _: &Plan) -> Answer {
        self.0
    }
}

async fn run(loaded: &Loaded, worlds: &Fake, wishes: Wishes, consent: Consent<'_>) -> RunReport {
    let clock = worlds.0.values().next().unwrap().clock();
    let performed = Perform {
        command: "apply",
        loaded,
        wishes,
        consent,
        new_journal: true,
        lock_wait: Duration::from_millis(20),
        clock,
        stop: Stop::new(),
        next_run: None,
        fleet: None,
        brake: None,
        revision: None,
        before_sending: None,
    };
    perform(performed, worlds, &Quiet).await.unwrap()
}

async fn plan(loaded: &Loaded, worlds: &Fake) -> Plan {
    let wishes = Wishes::default();
    let clock = worlds.0.values().next().unwrap().clock();
    let looked = Show { loaded, wishes: &wishes, files: Vec::new(), clock };
    show(looked, worlds, &Quiet).await.unwrap().plan.unwrap()
}

#[tokio::test]
async fn apply_of_a_plan_leaves_an_empty_plan() {
    let directory = tempfile::tempdir().unwrap();
    let loaded = loaded(&directory.path().join("j.db"), vec![target("t")]);
    let world = World::of([entry("keep"), entry("old")]);
    let worlds = Fake(BTreeMap::from([("t".into(), world.clone())]));
    assert_eq!(plan(&loaded, &worlds).await.targets[0].counts.changes, 1);
    let report = run(&loaded, &worlds, Wishes::default(), Consent::Unattended).await;
    assert_eq!(report.exit_code(ExitRules::default()), 0, "{report:?}");
    assert_eq!(report.outcomes[0].rows[0].end, End::Done);
    let left: Vec<Text> = world.state().entries.iter().map(|entry| entry.id.clone()).collect();
    assert_eq!(left, ["keep"]);
    assert!(plan(&loaded, &worlds).await.targets[0].in_sync());
}

#[tokio::test]
async fn a_no_at_the_prompt_sends_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let loaded = loaded(&directory.path().join("j.db"), vec![target("t")]);
    let world = World::of([entry("keep"), entry("old")]);
    let worlds = Fake(BTreeMap::from([("t".into(), world.clone())]));
    let report = run(&loaded, &worlds, Wishes::default(), Consent::Ask(&Says(Answer::No))).await;
    assert!(report.declined && world.state().sent.is_empty());
    run(&loaded, &worlds, Wishes::default(), Consent::Ask(&Says(Answer::Yes))).await;
    assert_eq!(world.state().sent.len(), 1);
}

#[tokio::test]
async fn an_unreadable_or_held_target_never_stops_another() {
    let directory = tempfile::tempdir().unwrap();
    let loaded = loaded(&directory.path().join("j.db"), vec![target("a"), target("b"), target("c")]);
    let worlds: BTreeMap<Text, World> = ["a", "b", "c"]
        .map(|name| {
            let world = World::of([entry("keep"), entry("old")]);
            world.state().account = Some(format!("acc_{name}").into());
            (name.into(), world)
        })
        .into();
    worlds["a"].state().unreadable = true;
    let journal = to_write(&loaded.config, true).await.unwrap();
    let held = journal.lock("b", Duration::from_millis(20)).await.unwrap();
    let worlds = Fake(worlds);
    let report = run(&loaded, &worlds, Wishes::default(), Consent::Unattended).await;
    drop(held);
    let states: Vec<bool> =
        report.plan.as_ref().unwrap().targets.iter().map(|t| t.state == TargetState::Planned).collect();
    assert_eq!(states, [false, false, true]);
    assert_eq!(report.exit_code(ExitRules::default()), 1);
    let sent: Vec<usize> = worlds.0.values().map(|world| world.state().sent.len()).collect();
    assert_eq!(sent, [0, 0, 1]);
}

#[tokio::test]
async fn a_stop_ends_the_wait_for_a_target_that_another_run_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let loaded = loaded(&path, vec![target("t")]);
    let worlds = Fake([("t".into(), World::of([entry("keep"), entry("old")]))].into());
    run(&loaded, &worlds, Wishes::default(), Consent::Ask(&Says(Answer::No))).await;
    let held = to_write(&loaded.config, false).await.unwrap();
    let _lock = held.lock("t", Duration::ZERO).await.unwrap();
    let stop = Stop::new();
    let performed = Perform {
        command: "watch",
        loaded: &loaded,
        wishes: Wishes::default(),
        consent: Consent::Unattended,
        new_journal: false,
        lock_wait: Duration::from_secs(24 * 60 * 60),
        clock: system_clock(),
        stop: stop.clone(),
        next_run: None,
        fleet: None,
        brake: None,
        revision: None,
        before_sending: None,
    };
    let cancel = async {
        tokio::task::yield_now().await;
        stop.cancel();
    };
    let performing = tokio::time::timeout(Duration::from_secs(60), perform(performed, &worlds, &Quiet));
    let (ended, ()) = tokio::join!(performing, cancel);
    assert!(matches!(ended.unwrap(), Err(RunError::Stopped)));
}

#[tokio::test]
async fn another_account_or_a_shared_one_is_unreadable() {
    let directory = tempfile::tempdir().unwrap();
    let loaded = loaded(&directory.path().join("j.db"), vec![target("a"), target("b")]);
    let worlds = Fake(["a", "b"].map(|name| (Text::from(name), World::of([entry("keep"), entry("old")]))).into());
    let report = run(&loaded, &worlds, Wishes::default(), Consent::Unattended).await;
    assert!(report.plan.unwrap().targets.iter().all(|target| target.state != TargetState::Planned));
    worlds.0["b"].state().account = Some("acc_2".into());
    let report = run(&loaded, &worlds, Wishes::default(), Consent::Unattended).await;
    assert_eq!(report.exit_code(ExitRules::default()), 0, "{report:?}");
    worlds.0["a"].state().account = Some("acc_3".into());
    worlds.0["a"].state().entries.push(entry("new"));
    let report = run(&loaded, &worlds, Wishes::default(), Consent::Unattended).await;
    assert!(
        matches!(&report.plan.unwrap().targets[0].state, TargetState::Unreadable { what, .. } if what.contains("pins"))
    );
}

#[tokio::test]
async fn an_account_that_another_target_is_pinned_to_is_found_out_when_that_one_is_not_read() {
    let only = |name: &str| Wishes { only: vec![name.into()], ..Wishes::default() };
    for by_configuration in [true, false] {
        let directory = tempfile::tempdir().unwrap();
        let mut other = target("b");
        other.account = by_configuration.then(|| "acc_1".into());
        let loaded = loaded(&directory.path().join("j.db"), vec![target("a"), other]);
        let worlds = Fake(["a", "b"].map(|name| (Text::from(name), World::of([entry("keep"), entry("old")]))).into());
        if !by_configuration {
            // The credential of `b` is that of `a`; nothing can tell so far.
            run(&loaded, &worlds, only("b"), Consent::Unattended).await;
        }
        let report = run(&loaded, &worlds, only("a"), Consent::Unattended).await;
        assert_eq!(report.exit_code(ExitRules::default()), 1);
        let place = if by_configuration { "to which `account:`" } else { "to which the journal" };
        let what = |state: &TargetState| match state {
            TargetState::Unreadable { what, .. } => what.clone(),
            other => format!("{other:?}"),
        };
        let told = what(&report.plan.unwrap().targets[0].state);
        assert!(told.contains("target `b`") && told.contains(place), "{told}");
        let wishes = only("a");
        let looked = Show { loaded: &loaded, wishes: &wishes, files: Vec::new(), clock: worlds.0["a"].clock() };
        let plan = show(looked, &worlds, &Quiet).await.unwrap().plan.unwrap();
        assert!(what(&plan.targets[0].state).contains(place), "a plan says so too");
        let ordered = Ordered {
            loaded: &loaded,
            target: "a".into(),
            kind: None,
            id: "old",
            because: "SEC-1",
            prompt: None,
            new_journal: true,
            lock_wait: Duration::from_millis(20),
            stopped: None,
            past_pause: false,
            clock: worlds.0["a"].clock(),
            stop: Stop::new(),
        };
        let report = order(ordered, &worlds, &Quiet).await.unwrap();
        assert_eq!(report.exit_code(ExitRules::default()), 1, "nor is an order sent there");
        assert!(worlds.0["a"].state().sent.is_empty());
        // Another account is nobody else's.
        worlds.0["a"].state().account = Some("acc_2".into());
        let report = run(&loaded, &worlds, only("a"), Consent::Unattended).await;
        assert_eq!(report.exit_code(ExitRules::default()), 0, "{report:?}");
    }
}

#[tokio::test]
async fn a_saved_plan_is_an_upper_bound_and_is_used_once() {
    let directory = tempfile::tempdir().unwrap();
    let loaded = loaded(&directory.path().join("j.db"), vec![target("t")]);
    let world = World::of([entry("keep"), entry("old")]);
    let worlds = Fake(BTreeMap::from([("t".into(), world.clone())]));
    let made = plan(&loaded, &worlds).await;
    let saved = Arc::new(saved::parse(&serde_json::to_vec(&made).unwrap()).unwrap());
    let wishes = || Wishes { saved: Some(Arc::clone(&saved)), ..Wishes::default() };
    world.state().entries.push(entry("newer"));
    let report = run(&loaded, &worlds, wishes(), Consent::Reviewed("anna".into())).await;
    assert_eq!(report.exit_code(ExitRules::default()), 0, "rows newer than the plan are no refusal: {report:?}");
    assert_eq!(world.state().sent.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["old"]);
    world.state().entries.push(entry("old"));
    let report = run(&loaded, &worlds, wishes(), Consent::Reviewed("anna".into())).await;
    assert_eq!(report.exit_code(ExitRules::default()), 3, "it is used up, and its entry lives again");
    assert_eq!(world.state().sent.len(), 1);
}

#[tokio::test]
async fn an_order_removes_one_entry_and_tells_what_it_cannot_pass() {
    let directory = tempfile::tempdir().unwrap();
    let loaded = loaded(&directory.path().join("j.db"), vec![target("t")]);
    let world = World::of([entry("keep"), entry("leaked")]);
    world.does([Does::Removes]);
    let worlds = Fake(BTreeMap::from([("t".into(), world.clone())]));
    let ordered = |id: &'static str| Ordered {
        loaded: &loaded,
        target: "t".into(),
        kind: None,
        id,
        because: "SEC-1",
        prompt: None,
        new_journal: true,
        lock_wait: Duration::from_millis(20),
        stopped: None,
        past_pause: false,
        clock: world.clock(),
        stop: Stop::new(),
    };
    let report = order(ordered("leaked"), &worlds, &Quiet).await.unwrap();
    assert_eq!(report.outcomes[0].rows[0].end, End::Done);
    let nobody = order(ordered("nobody"), &worlds, &Quiet).await;
    assert!(matches!(nobody, Err(RunError::Refused(_))), "{nobody:?}");
    assert_eq!(world.state().sent.len(), 1);
}

#[tokio::test]
async fn an_order_first_settles_what_earlier_runs_left() {
    let directory = tempfile::tempdir().unwrap();
    let loaded = loaded(&directory.path().join("j.db"), vec![target("t")]);
    let world = World::of([entry("keep"), entry("slow"), entry("leaked")]);
    world.does([Does::Accepts]);
    let worlds = Fake(BTreeMap::from([("t".into(), world.clone())]));
    let ordered = |id: &'static str| Ordered {
        loaded: &loaded,
        target: "t".into(),
        kind: None,
        id,
        because: "SEC-1",
        prompt: None,
        new_journal: true,
        lock_wait: Duration::from_millis(20),
        stopped: None,
        past_pause: false,
        clock: world.clock(),
        stop: Stop::new(),
    };
    order(ordered("slow"), &worlds, &Quiet).await.unwrap();
    world.state().in_flight.clear();
    world.state().entries.retain(|entry| entry.id != "slow");
    let report = order(ordered("leaked"), &worlds, &Quiet).await.unwrap();
    let ends =
        |rows: &[crate::apply::RowOutcome]| rows.iter().map(|row| (row.id.to_string(), row.end)).collect::<Vec<_>>();
    assert_eq!(ends(&report.outcomes[0].resumed), [("slow".to_owned(), End::Gone)]);
    assert_eq!(ends(&report.outcomes[0].rows), [("leaked".to_owned(), End::Done)]);
}

#[tokio::test]
async fn an_order_is_refused_where_it_cannot_be_told_what_is_protected_and_tells_other_problems() {
    let directory = tempfile::tempdir().unwrap();
    let mut loaded = loaded(&directory.path().join("j.db"), vec![target("t")]);
    loaded.problems.push(crate::yaml::Problem::of_file("people.yaml", "broken", None));
    let world = World::of([entry("keep"), entry("leaked")]);
    let worlds = Fake(BTreeMap::from([("t".into(), world.clone())]));
    for unclear in [true, false] {
        loaded.unclear = if unclear { BTreeMap::from([("t".into(), "why".into())]) } else { BTreeMap::new() };
        let ordered = Ordered {
            loaded: &loaded,
            target: "t".into(),
            kind: None,
            id: "leaked",
            because: "SEC-1",
            prompt: None,
            new_journal: true,
            lock_wait: Duration::from_millis(20),
            stopped: None,
            past_pause: false,
            clock: world.clock(),
            stop: Stop::new(),
        };
        match order(ordered, &worlds, &Quiet).await {
            Err(RunError::Unclear { .. }) => assert!(unclear && world.state().sent.is_empty()),
            Ok(report) => assert!(!unclear && report.problems.len() == 1 && world.state().sent.len() == 1),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_target_that_the_saved_plan_lacks_has_an_empty_bound_and_a_foreign_one_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let loaded = loaded(&directory.path().join("j.db"), vec![target("t")]);
    let world = World::of([entry("keep"), entry("old")]);
    let worlds = Fake(BTreeMap::from([("t".into(), world.clone())]));
    let mut saved = plan(&loaded, &worlds).await;
    saved.targets.push(crate::plan::blocked("elsewhere".into(), "made_up", String::new()));
    let all = Arc::new(saved.clone());
    saved.targets.remove(0);
    let wishes = Wishes { saved: Some(Arc::new(saved)), ..Wishes::default() };
    let looked = Show { loaded: &loaded, wishes: &wishes, files: Vec::new(), clock: world.clock() };
    let rows = show(looked, &worlds, &Quiet).await.unwrap().plan.unwrap().targets.remove(0).rows;
    assert_eq!(rows.iter().map(|row| row.holds[0].name).collect::<Vec<_>>(), [crate::plan::HoldName::NotInPlan]);
    let wishes = Wishes { saved: Some(all), ..Wishes::default() };
    let report = run(&loaded, &worlds, wishes, Consent::Unattended).await;
    assert!(report.remarks.iter().any(|remark| remark.contains("elsewhere")), "{report:?}");
}

#[tokio::test]
async fn an_announced_number_is_kept_where_the_plan_passes_without_it() {
    let directory = tempfile::tempdir().unwrap();
    for (max_count, used) in [(10, false), (0, true)] {
        let mut target = target("t");
        target.guards.max_count = max_count;
        let loaded = loaded(&directory.path().join(format!("{max_count}.db")), vec![target]);
        let world = World::of([entry("keep"), entry("old")]);
        let until = world.clock()() + SignedDuration::from_hours(1);
        let journal = to_write(&loaded.config, true).await.unwrap();
        let begun = journal.begin(&RunInfo::default()).await.unwrap();
        let announced = RecordBody::Expected(Expectation { number: 1, until });
        journal.append(&begun, Some("t"), announced).await.unwrap();
        let worlds = Fake(BTreeMap::from([("t".into(), world.clone())]));
        run(&loaded, &worlds, Wishes::default(), Consent::Unattended).await;
        assert_eq!(world.state().sent.len(), 1);
        let history = journal.history("t", world.clock()()).await.unwrap();
        assert_eq!(history.expectation.is_none(), used, "at most {max_count}");
    }
}

#[test]
fn a_snapshot_file_comes_back_for_its_own_target_only() {
    let loaded = loaded(Path::new("j.db"), vec![target("t")]);
    let snapshot = World::of([entry("a")]).snapshot();
    let bytes = snapshot_file::write("t", &snapshot, None).unwrap();
    assert_eq!(snapshot_file::parse("s.json", &bytes, &loaded.config).unwrap().snapshot.entries, snapshot.entries);
    let other = snapshot_file::write("other", &snapshot, None).unwrap();
    assert!(snapshot_file::parse("s.json", &other, &loaded.config).is_err());
}
