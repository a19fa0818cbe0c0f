use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;

const PACE: Pace = Pace { interval: Duration::from_secs(300), max_backoff: Duration::from_secs(900) };

/// A day on which running time and wall clock go together, until a test moves one of them.
#[derive(Clone, Copy)]
struct Day {
    run: Duration,
    wall: Timestamp,
}

impl Day {
    fn new() -> Self {
        Self { run: Duration::from_secs(5), wall: "2026-11-21T12:00:00Z".parse().unwrap() }
    }

    fn now(self) -> Moment {
        Moment { run: self.run, wall: self.wall }
    }

    fn pass(&mut self, time: Duration) {
        self.run += time;
        self.jump(SignedDuration::try_from(time).unwrap());
    }

    fn jump(&mut self, by: SignedDuration) {
        self.wall = self.wall.checked_add(by).unwrap();
    }

    fn after(self, seconds: i64) -> Timestamp {
        self.wall.checked_add(SignedDuration::from_secs(seconds)).unwrap()
    }
}

/// Looks once, for whatever reason, and ends like this.
fn look(schedule: &mut Schedule, day: Day, went: Went, due: Option<Timestamp>, dice: f64) -> Trigger {
    let Next::Look(trigger) = schedule.next(day.now()) else { panic!("there is a look to be made: {schedule:?}") };
    schedule.begin(trigger);
    schedule.end(day.now(), went, due, dice);
    trigger
}

/// Passes the time as a worker does until a look begins; how long that took, and why.
fn wait(schedule: &mut Schedule, day: &mut Day) -> (Duration, Trigger) {
    let began = day.run;
    for _ in 0..100_000 {
        match schedule.next(day.now()) {
            Next::Look(trigger) => return (day.run - began, trigger),
            Next::Wait(wait) => {
                assert!(!wait.is_zero() && wait <= LONGEST_SLEEP, "neither a busy loop nor a long sleep: {wait:?}");
                day.pass(wait);
            }
        }
    }
    panic!("no look ever begins: {schedule:?}");
}

fn went() -> impl Strategy<Value = Went> {
    prop_oneof![Just(Went::Well), Just(Went::Sent), Just(Went::Failed), Just(Went::Partly)]
}

proptest! {
    #[test]
    fn the_time_between_looks_is_the_interval_within_its_jitter(dice in 0.0..1.0f64, seconds in 1u64..100_000) {
        let pace = Pace { interval: Duration::from_secs(seconds), ..PACE };
        let (mut schedule, mut day) = (Schedule::new(pace), Day::new());
        prop_assert_eq!(look(&mut schedule, day, Went::Well, None, dice), Trigger::Start);
        let (took, trigger) = wait(&mut schedule, &mut day);
        prop_assert_eq!(trigger, Trigger::Interval);
        let part = took.as_secs_f64() / pace.interval.as_secs_f64();
        prop_assert!((0.899..=1.101).contains(&part), "{took:?} of {:?}", pace.interval);
    }

    #[test]
    fn failures_back_off_up_to_the_cap_and_a_good_look_resets(all in prop::collection::vec((any::<bool>(), 0.0..1.0f64), 1..60)) {
        let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
        let mut failures = 0_u32;
        wait(&mut schedule, &mut day);
        for (fails, dice) in all {
            let went = if fails { Went::Failed } else { Went::Well };
            look(&mut schedule, day, went, None, dice);
            failures = if fails { failures + 1 } else { 0 };
            prop_assert_eq!(schedule.failures(), failures);
            let (took, trigger) = wait(&mut schedule, &mut day);
            if fails {
                let most = FIRST_BACKOFF.as_secs_f64() * 2.0_f64.powi(i32::try_from(failures).unwrap() - 1);
                prop_assert!(took >= BREATH && took.as_secs_f64() <= most.min(900.0) + 0.001, "{took:?} after {failures}");
                prop_assert_eq!(trigger, Trigger::Retry);
            } else {
                prop_assert!(took > Duration::from_secs(269));
            }
        }
    }

    #[test]
    fn however_often_it_is_asked_for_during_a_look_exactly_one_more_follows(
        asked in prop::collection::vec(prop_oneof![Just(Trigger::Files), Just(Trigger::Webhook), Just(Trigger::Request)], 1..9),
        went in went(),
        dice in 0.0..1.0f64,
    ) {
        let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
        let Next::Look(first) = schedule.next(day.now()) else { panic!() };
        schedule.begin(first);
        for trigger in &asked {
            schedule.trigger(*trigger);
            prop_assert_eq!(schedule.next(day.now()), Next::Wait(LONGEST_SLEEP), "one look at a time");
        }
        schedule.end(day.now(), went, None, dice);
        let any = |trigger| asked.contains(&trigger);
        let told = match (any(Trigger::Request), any(Trigger::Webhook), any(Trigger::Files)) {
            (true, ..) => Trigger::Request,
            // After a failure a Git host waits for the back-off.
            (_, true, true) if went == Went::Failed => Trigger::Files,
            (_, true, _) => Trigger::Webhook,
            _ => Trigger::Files,
        };
        prop_assert_eq!(wait(&mut schedule, &mut day).1, told);
        look(&mut schedule, day, Went::Well, None, dice);
        let (took, _) = wait(&mut schedule, &mut day);
        prop_assert!(took > Duration::from_secs(200), "then it is quiet: {took:?}");
    }

    #[test]
    fn what_comes_due_is_looked_after_when_it_does(seconds in 2i64..260, dice in 0.0..1.0f64) {
        let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
        let due = day.after(seconds);
        look(&mut schedule, day, Went::Well, Some(due), dice);
        let (_, trigger) = wait(&mut schedule, &mut day);
        prop_assert_eq!(trigger, Trigger::Due);
        let late = day.wall.duration_since(due);
        prop_assert!(late > SignedDuration::ZERO && late <= SignedDuration::from_millis(2), "{late:?}");
    }

    #[test]
    fn whatever_the_wall_clock_does_looks_go_on_and_never_spin(
        steps in prop::collection::vec((-100_000i64..100_000, went(), 0.0..1.0f64, prop::option::of(-500i64..5_000)), 1..40),
    ) {
        let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
        wait(&mut schedule, &mut day);
        for (jump, went, dice, due) in steps {
            let due = due.map(|seconds| day.after(seconds));
            look(&mut schedule, day, went, due, dice);
            day.jump(SignedDuration::from_secs(jump));
            let (took, _) = wait(&mut schedule, &mut day);
            prop_assert!(took <= Duration::from_secs(1_000), "a look comes all the same: {took:?}");
            // A jump is looked after once, and then it is as quiet as ever.
            look(&mut schedule, day, Went::Well, None, dice);
            let (took, _) = wait(&mut schedule, &mut day);
            prop_assert!(took > Duration::from_secs(250), "{took:?}");
        }
    }
}

#[test]
fn a_jump_of_the_wall_clock_is_noticed_within_one_sleep() {
    for jump in [SignedDuration::from_hours(-30), SignedDuration::from_hours(30)] {
        let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
        look(&mut schedule, day, Went::Well, None, 0.5);
        assert_eq!(schedule.next(day.now()), Next::Wait(LONGEST_SLEEP));
        day.pass(Duration::from_secs(7));
        day.jump(jump);
        assert_eq!(schedule.next(day.now()), Next::Look(Trigger::Due), "{jump:?}");
    }
}

#[test]
fn after_something_was_sent_it_is_looked_at_once_more_and_never_in_a_chain() {
    let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
    for _ in 0..2 {
        wait(&mut schedule, &mut day);
        look(&mut schedule, day, Went::Sent, None, 0.5);
        assert_eq!(look(&mut schedule, day, Went::Sent, None, 0.5), Trigger::Confirm);
        assert_eq!(look(&mut schedule, day, Went::Sent, None, 0.5), Trigger::Confirm, "what it sent is looked at, too");
        let (took, trigger) = wait(&mut schedule, &mut day);
        assert!(took > Duration::from_secs(200) && trigger == Trigger::Interval, "{took:?} {trigger:?}");
    }
}

#[test]
fn a_confirming_look_that_sends_nothing_is_the_last() {
    let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
    look(&mut schedule, day, Went::Sent, None, 0.5);
    assert_eq!(look(&mut schedule, day, Went::Well, None, 0.5), Trigger::Confirm);
    assert!(wait(&mut schedule, &mut day).0 > Duration::from_secs(200));
}

#[test]
fn what_is_due_already_does_not_make_it_spin() {
    let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
    for _ in 0..5 {
        look(&mut schedule, day, Went::Well, Some(day.after(-10)), 0.5);
        assert_eq!(wait(&mut schedule, &mut day), (BREATH, Trigger::Due), "and it is not lost");
    }
}

#[test]
fn a_shorter_interval_holds_at_once() {
    let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
    look(&mut schedule, day, Went::Well, None, 0.5);
    schedule.set_pace(Pace { interval: Duration::from_secs(2), ..PACE }, day.now());
    assert!(wait(&mut schedule, &mut day).0 <= Duration::from_secs(2));
}

#[test]
fn the_next_look_is_told_by_the_wall_clock() {
    let (mut schedule, day) = (Schedule::new(PACE), Day::new());
    assert_eq!(schedule.next_look(day.now()), day.wall);
    look(&mut schedule, day, Went::Well, Some(day.after(20)), 0.5);
    assert_eq!(schedule.next_look(day.now()), day.after(20));
    look_again(&mut schedule, day);
    assert_eq!(schedule.next_look(day.now()), day.after(300));
}

fn look_again(schedule: &mut Schedule, day: Day) {
    schedule.trigger(Trigger::Request);
    look(schedule, day, Went::Well, None, 0.5);
}

#[test]
fn what_a_look_after_a_failure_sends_is_confirmed_too() {
    let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
    look(&mut schedule, day, Went::Failed, None, 0.5);
    assert_eq!(wait(&mut schedule, &mut day).1, Trigger::Retry);
    look(&mut schedule, day, Went::Sent, None, 0.5);
    assert_eq!(look(&mut schedule, day, Went::Well, None, 0.5), Trigger::Confirm);
}

#[test]
fn asking_for_the_pace_again_and_again_cuts_no_jitter() {
    let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
    look(&mut schedule, day, Went::Well, None, 0.999);
    let began = day.run;
    loop {
        schedule.set_pace(PACE, day.now());
        match schedule.next(day.now()) {
            Next::Look(_) => break,
            Next::Wait(wait) => day.pass(wait),
        }
    }
    assert!(day.run - began > Duration::from_secs(325), "{:?}", day.run - began);
}

#[test]
fn what_comes_due_does_not_go_around_the_back_off() {
    let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
    for _ in 0..5 {
        look(&mut schedule, day, Went::Failed, Some(day.after(-10)), 0.9);
        let next = schedule.next_look(day.now());
        let (took, _) = wait(&mut schedule, &mut day);
        assert!(took >= FIRST_BACKOFF.mul_f64(0.89), "{took:?}");
        assert!(next.duration_since(day.wall).unsigned_abs() <= Duration::from_secs(1), "and it is told so: {next}");
    }
}

#[test]
fn what_comes_due_does_not_wait_for_a_removal_that_fails() {
    let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
    for _ in 0..5 {
        look(&mut schedule, day, Went::Partly, None, 0.9);
        assert_eq!(wait(&mut schedule, &mut day).1, Trigger::Retry);
    }
    look(&mut schedule, day, Went::Partly, Some(day.after(3)), 0.9);
    let (took, trigger) = wait(&mut schedule, &mut day);
    assert_eq!(trigger, Trigger::Due);
    assert!(took <= Duration::from_secs(4), "{took:?}");
}

#[test]
fn a_removal_that_fails_for_good_makes_its_target_neither_rarer_nor_busier() {
    let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
    for _ in 0..20 {
        wait(&mut schedule, &mut day);
        look(&mut schedule, day, Went::Partly, None, 0.0);
    }
    let (took, _) = wait(&mut schedule, &mut day);
    assert_eq!(took, PACE.interval.mul_f64(0.9));
}

#[test]
fn who_asks_again_and_again_is_answered_at_a_distance() {
    for asks in [Trigger::Request, Trigger::Webhook] {
        let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
        look(&mut schedule, day, Went::Well, None, 0.5);
        schedule.trigger(asks);
        assert_eq!(look(&mut schedule, day, Went::Well, None, 0.5), asks, "the first at once");
        for _ in 0..100 {
            schedule.trigger(asks);
        }
        assert_eq!(wait(&mut schedule, &mut day), (ASKED_APART, asks));
        look(&mut schedule, day, Went::Well, None, 0.5);
        let (took, trigger) = wait(&mut schedule, &mut day);
        assert_eq!(trigger, Trigger::Interval, "a hundred were one");
        assert!(took > ASKED_APART);
    }
}

#[test]
fn a_webhook_waits_for_the_back_off_and_a_person_does_not() {
    let failed = |seconds: u64| {
        let (mut schedule, mut day) = (Schedule::new(PACE), Day::new());
        for _ in 0..5 {
            wait(&mut schedule, &mut day);
            look(&mut schedule, day, Went::Failed, None, 0.999);
        }
        day.pass(Duration::from_secs(seconds));
        (schedule, day)
    };
    let (mut schedule, mut day) = failed(1);
    schedule.trigger(Trigger::Webhook);
    let (took, _) = wait(&mut schedule, &mut day);
    assert!(took > Duration::from_secs(100), "as long as without it: {took:?}");
    let (mut schedule, mut day) = failed(1);
    schedule.trigger(Trigger::Webhook);
    schedule.trigger(Trigger::Request);
    assert_eq!(wait(&mut schedule, &mut day), (Duration::ZERO, Trigger::Request));
    // Changed files never wait for who asks.
    let (mut schedule, mut day) = failed(1);
    schedule.trigger(Trigger::Webhook);
    schedule.trigger(Trigger::Files);
    assert_eq!(wait(&mut schedule, &mut day), (Duration::ZERO, Trigger::Files));
}
