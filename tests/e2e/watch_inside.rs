//! The daemon in this process: with a clock that a test moves, and steered the way its API steers it.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use portcullis::{
    config::{NotifyOn, Target},
    plan::HoldName,
    run::{Connect, Enduring, Reach, Sources},
    sandbox::{Fault, System, Trouble},
    serve::{Board, Control, ControlError, Health, TargetView},
    transport::Stop,
    watch::{Daemon, Ending, News, SourceOptions, Start, Tell},
    wire::Unreadable,
};
use tokio::{runtime::Runtime, task::JoinHandle};

use crate::{
    daemon::{every, watching},
    house::House,
    service::{AT_ONCE, appears, declaring, house, kept, strays},
    wait::Wait,
};

const DAY: i64 = 24 * 60 * 60;

/// Hears all news.
#[derive(Default)]
struct Heard(Mutex<Vec<News>>);

impl Tell for Heard {
    fn tell(&self, news: News) {
        self.0.lock().unwrap().push(news);
    }
}

/// A defect of ours: it panics the first three times, and counts how often it was asked.
#[derive(Default)]
struct Broken {
    asked: AtomicUsize,
    within: Enduring,
}

#[async_trait]
impl Connect for Broken {
    async fn reach(&self, target: &Target, to_send: bool) -> Result<Reach, Unreadable> {
        assert!(self.asked.fetch_add(1, Ordering::SeqCst) > 2, "a defect, for this test");
        self.within.reach(target, to_send).await
    }
}

/// A daemon in this process.
struct Inside {
    runtime: Runtime,
    running: Option<JoinHandle<Ending>>,
    stop: Stop,
    board: Arc<Board>,
    control: Arc<dyn Control>,
    heard: Arc<Heard>,
    /// How far its clock is ahead, in seconds.
    ahead: Arc<AtomicI64>,
}

impl Inside {
    fn start(house: &House) -> Self {
        Self::reaching(house, Arc::new(Enduring::default()))
    }

    fn reaching(house: &House, connect: Arc<dyn Connect>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (stop, heard, ahead) = (Stop::new(), Arc::new(Heard::default()), Arc::new(AtomicI64::new(0)));
        let moved = Arc::clone(&ahead);
        let clock = move || {
            let ahead = SignedDuration::from_secs(moved.load(Ordering::Relaxed));
            Timestamp::now().checked_add(ahead).unwrap()
        };
        let start = Start {
            board: Arc::default(),
            source: SourceOptions { sources: sources(&house.path("portcullis.yaml")), git: None },
            only: Vec::new(),
            new_journal: true,
            connect,
            clock: Arc::new(clock),
            tell: Arc::clone(&heard) as Arc<dyn Tell>,
            stop: stop.clone(),
        };
        let daemon = runtime.block_on(Daemon::start(start)).unwrap();
        let (board, control) = (daemon.board(), daemon.control());
        let running = Some(runtime.spawn(daemon.run()));
        Self { runtime, running, stop, board, control, heard, ahead }
    }

    fn until(&self, what: &str, mut met: impl FnMut(&TargetView) -> bool) -> Arc<TargetView> {
        let wait = Wait::begin();
        loop {
            let view = self.board.target("s2").unwrap();
            if met(&view) {
                return view;
            }
            assert!(wait.goes_on(), "in vain: {what}: {view:?}");
        }
    }

    fn until_health(&self, health: Health) -> Arc<TargetView> {
        self.until(health.name(), |view| view.health == health && view.running_since.is_none())
    }

    /// Looks that began after now ended so often.
    fn looked_again(&self, times: usize) {
        for _ in 0..=times {
            let before = self.board.target("s2").unwrap().looked_at;
            self.until("a look", |view| view.looked_at > before);
        }
    }

    /// The wall clock jumps: the daemon's is so far ahead of the vendor's from now on.
    fn jump(&self, house: &House, seconds: i64) {
        house.sandbox.clear_faults();
        house.sandbox.fault(Fault::new(System::S2, Trouble::ClockSkew { seconds: -seconds }));
        self.ahead.store(seconds, Ordering::Relaxed);
    }

    fn end(mut self) {
        self.stop.cancel();
        self.runtime.block_on(self.running.take().unwrap()).unwrap();
    }

    fn told(&self, on: NotifyOn) -> Vec<News> {
        let mut told = self.heard.0.lock().unwrap().clone();
        told.retain(|news| news.on == on);
        told
    }
}

fn sources(config: &Path) -> Sources {
    Sources { config: config.to_owned(), policies: None, people: None }
}

#[test]
fn a_clock_that_jumps_is_noticed_and_no_time_based_cause_acts_on_it() {
    let house = house(8, 1, "    enforce: [access_tokens]\n    guards: { max_share: 100% }");
    every(&house, "1s");
    let tomorrow = Timestamp::now().checked_add(SignedDuration::from_hours(24)).unwrap();
    let ends = format!("justification: needed, expires: {tomorrow}");
    house.write("policies/s2.yaml", &declaring(&kept(8)).replacen("justification: needed", &ends, 1));
    let daemon = Inside::start(&house);
    let view = daemon.until_health(Health::OutOfSync);
    let coming: Vec<&str> = view.upcoming.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(coming, ["service/stray-00", "service/keep-00"], "the end of the notice, then the end of the token");
    // Two days ahead the token has ended and the notice is over, by the wrong clock.
    daemon.jump(&house, 2 * DAY);
    let view = daemon.until("both to be held", |view| view.plan.as_ref().is_some_and(|plan| plan.counts.held == 2));
    for row in view.plan.iter().flat_map(|plan| &plan.rows) {
        assert!(row.holds.iter().any(|hold| hold.name == HoldName::Clock), "{row:?}");
    }
    daemon.looked_again(2);
    assert_eq!(house.writes(), 0);
    // And a week back, where nothing has happened yet.
    daemon.jump(&house, -7 * DAY);
    daemon.until("one to be held", |view| view.plan.as_ref().is_some_and(|plan| plan.counts.held == 1));
    daemon.jump(&house, 0);
    daemon.looked_again(2);
    assert_eq!(house.writes(), 0);
    daemon.end();
}

#[test]
fn on_a_wrong_clock_a_pause_is_not_over() {
    let house = house(8, 0, "    enforce: [access_tokens]\n    guards: { max_share: 100% }");
    every(&house, "1s");
    let daemon = Inside::start(&house);
    daemon.until_health(Health::InSync);
    let tomorrow = Timestamp::now().checked_add(SignedDuration::from_hours(24)).unwrap();
    daemon.runtime.block_on(daemon.control.pause("INC-8, we look first".into(), Some(tomorrow))).unwrap();
    daemon.jump(&house, 2 * DAY);
    house.write(
        "policies/more.yaml",
        "version: 1\ntarget: s2\nabsent: { access_tokens: [{ id: service/keep-00, justification: leaked }] }\n",
    );
    let held = |view: &TargetView| view.plan.as_ref().is_some_and(|plan| plan.counts.held == 1);
    let view = daemon.until("what must not exist to be held", held);
    assert!(view.plan.as_ref().unwrap().rows[0].holds[0].why.contains("INC-8"), "{view:?}");
    daemon.looked_again(3);
    assert_eq!(house.writes(), 0);
    // The clock is right again: the pause stands as it was set, and is taken back.
    daemon.jump(&house, 0);
    daemon.until("a look by it", |view| view.looked_at.is_some_and(|at| at <= Timestamp::now()));
    daemon.looked_again(2);
    assert_eq!(house.writes(), 0);
    daemon.runtime.block_on(daemon.control.resume()).unwrap();
    daemon.until_health(Health::InSync);
    assert_eq!(house.removed_tokens(), ["service/keep-00"]);
    daemon.end();
}

#[test]
fn a_pause_stops_all_writing_at_once_and_outlives_a_restart() {
    let house = house(8, 1, AT_ONCE);
    every(&house, "1s");
    let config = house.read("portcullis.yaml");
    house.write("portcullis.yaml", &config.replace("    enforce: [access_tokens]\n", ""));
    let daemon = Inside::start(&house);
    daemon.until_health(Health::OutOfSync);
    daemon.runtime.block_on(daemon.control.pause("INC-7, we look first".into(), None)).unwrap();
    assert_eq!(daemon.board.pause().unwrap().because, "INC-7, we look first");
    house.write("portcullis.yaml", &config);
    daemon.until("the kind to be enforced", |view| !view.enforced.is_empty());
    daemon.looked_again(2);
    assert_eq!(house.writes(), 0);
    daemon.end();

    let daemon = Inside::start(&house);
    assert!(daemon.board.pause().is_some());
    daemon.looked_again(2);
    assert_eq!(house.writes(), 0, "over a restart");
    let view = daemon.board.target("s2").unwrap();
    assert!(view.plan.as_ref().unwrap().rows[0].holds[0].why.contains("INC-7"), "plans go on, and say why");
    daemon.runtime.block_on(daemon.control.resume()).unwrap();
    daemon.until_health(Health::InSync);
    assert_eq!(house.removed_tokens(), strays(1));
    assert!(daemon.board.pause().is_none());
    daemon.end();
    let told = house.expect(0, &["history"]).out;
    assert!(told.contains("INC-7, we look first") && told.contains("writing goes on"), "{told}");
}

#[test]
fn a_pause_that_cannot_be_recorded_is_in_force_all_the_same() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1s");
    let daemon = Inside::start(&house);
    daemon.until_health(Health::InSync);
    let journal = house.path(".portcullis/journal.db");
    std::fs::rename(&journal, house.path("kept.db")).unwrap();
    let paused = daemon.runtime.block_on(daemon.control.pause("INC-8".into(), None));
    assert!(matches!(paused, Err(ControlError::Journal(_))), "{paused:?}");
    appears(&house, "service/stray-00");
    std::fs::rename(house.path("kept.db"), &journal).unwrap();
    daemon.until("the stray to be seen", |view| view.plan.as_ref().is_some_and(|plan| plan.counts.held == 1));
    daemon.looked_again(2);
    assert_eq!(house.writes(), 0);
    daemon.end();
}

#[test]
fn a_caller_can_ask_for_a_look_at_targets_that_there_are() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1h");
    let daemon = Inside::start(&house);
    daemon.until_health(Health::InSync);
    appears(&house, "service/stray-00");
    assert!(matches!(daemon.control.reconcile(&["s3".into()]), Err(ControlError::UnknownTarget(_))));
    assert_eq!(daemon.control.reconcile(&[]).unwrap(), ["s2"]);
    daemon.until("the stray to go", |_| house.removed_tokens() == strays(1));
    daemon.until_health(Health::InSync);
    let told = daemon.told(NotifyOn::Revocations);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].lines[0].contains("service/stray-00") && told[0].target.as_deref() == Some("s2"), "{told:?}");
    daemon.end();
}

#[test]
fn asking_for_a_look_at_files_that_changed_makes_one_look_and_not_two() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1h");
    let daemon = Inside::start(&house);
    let view = daemon.until_health(Health::InSync);
    let calls = || house.sandbox.record().requests().len();
    let asked = |before: Option<Timestamp>| {
        daemon.control.reconcile(&["s2".into()]).unwrap();
        daemon.until("a look", |view| view.looked_at > before && view.running_since.is_none()).looked_at
    };
    let first = calls();
    house.write("policies/s2.yaml", &declaring(&kept(9)));
    let looked = asked(view.looked_at);
    asked(looked);
    assert_eq!(calls(), first * 3, "one look at the start, and one each time that it was asked for");
    daemon.end();
}

#[test]
fn broken_files_are_told_once_by_themselves_and_so_is_their_end() {
    let house = house(8, 0, AT_ONCE);
    every(&house, "1s");
    let daemon = Inside::start(&house);
    daemon.until_health(Health::InSync);
    assert_eq!(daemon.told(NotifyOn::Failures), []);
    house.write("policies/s2.yaml", "version: 1\ntarget: s2\nteam: [\n");
    let view = daemon.until_health(Health::Blocked);
    assert!(view.why.as_ref().unwrap().contains("broken") && view.advice.is_some(), "{view:?}");
    assert!(!daemon.board.source().problems.is_empty() && daemon.board.source().bad_since.is_some());
    house.write("policies/s2.yaml", &declaring(&kept(8)));
    daemon.until_health(Health::InSync);
    let subjects = |on| {
        let mut subjects: Vec<String> = daemon.told(on).iter().map(|news| news.subject.to_string()).collect();
        subjects.sort();
        subjects.dedup();
        subjects
    };
    assert_eq!(subjects(NotifyOn::Failures), ["source"]);
    assert_eq!(subjects(NotifyOn::Recoveries), ["s2 guards", "s2 health", "source"]);
    assert!(daemon.board.source().problems.is_empty() && daemon.board.source().bad_since.is_none());
    daemon.end();
}

#[test]
fn a_defect_that_breaks_a_look_off_is_shown_and_tried_again_like_any_failure() {
    let house = house(8, 1, AT_ONCE);
    watching(&house, "interval: 1h, max_backoff: 1s");
    let broken = Arc::new(Broken::default());
    let daemon = Inside::reaching(&house, Arc::clone(&broken) as Arc<dyn Connect>);
    // A short pause may be over before anybody looked at the board: what was told stays.
    let view = daemon.until_health(Health::InSync);
    assert_eq!((view.failures, house.removed_tokens()), (0, strays(1)), "the back-off is over some time");
    let told = daemon.told(NotifyOn::Failures);
    assert_eq!(told.len(), 3, "each time, as a look that failed is");
    assert!(told.iter().all(|told| format!("{told:?}").contains("defect")), "{told:?}");
    daemon.end();
}

#[test]
fn targets_come_and_go_with_the_configuration() {
    let house = House::company();
    every(&house, "1s");
    let whole = house.read("portcullis.yaml");
    let (_, buildkite) = whole.split_once("  buildkite-northlight:\n").unwrap();
    let (buildkite, _) = buildkite.split_once("  pinata-northlight:\n").unwrap();
    let without = whole.replace(&format!("  buildkite-northlight:\n{buildkite}"), "");
    // A look at the one that is taken away is under way then.
    house.sandbox.fault(Fault::new(System::Buildkite, Trouble::Hang { after_effect: false }));
    let daemon = Inside::start(&house);
    let names = |daemon: &Inside| daemon.board.targets().keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&daemon).len(), 5);
    let until = |met: &dyn Fn() -> bool, what: &str| {
        let wait = Wait::begin();
        while !met() {
            assert!(wait.goes_on(), "in vain: {what}: {:?}", names(&daemon));
        }
    };
    let policies = house.path("policies/engineering/buildkite.yaml");
    std::fs::remove_file(&policies).unwrap_or_else(|error| panic!("{error} {}", policies.display()));
    house.write("portcullis.yaml", &without);
    until(&|| names(&daemon).len() == 4, "one target less");
    let looked = |daemon: &Inside| daemon.board.target("s2-northlight").unwrap().looked_at;
    for _ in 0..2 {
        let before = looked(&daemon);
        until(&|| looked(&daemon) > before, "a look at another one");
    }
    assert_eq!(names(&daemon).len(), 4, "and it stays away");
    daemon.end();
}
