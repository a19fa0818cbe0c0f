//! Queues, pauses and tries, with a clock that the test moves.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{super::*, news};
use crate::{
    config::{NotifyOn, NotifyTo},
    transport::{Again, Undelivered},
    watch::tell::{delivery::Deliver, document::Message},
};

/// What a receiver does with a try.
#[derive(Clone, Copy)]
enum Does {
    Takes,
    Fails(Again),
    Hangs,
}

#[derive(Clone)]
struct Fake {
    way: &'static str,
    does: fn(usize) -> Does,
    tries: Arc<Mutex<Vec<(Instant, Message)>>>,
}

impl Fake {
    fn new(way: &'static str, does: fn(usize) -> Does) -> Self {
        Self { way, does, tries: Arc::default() }
    }

    fn tries(&self) -> Vec<(Instant, Message)> {
        self.tries.lock().unwrap().clone()
    }

    fn subjects(&self) -> Vec<Vec<String>> {
        let subjects = |message: Message| message.news.iter().map(|one| one.subject.to_string()).collect();
        self.tries().into_iter().map(|(_, message)| subjects(message)).collect()
    }
}

#[async_trait]
impl Deliver for Fake {
    fn way(&self) -> &'static str {
        self.way
    }

    async fn deliver(&self, message: &Message, _now: Timestamp) -> Result<(), Undelivered> {
        let count = {
            let mut tries = self.tries.lock().unwrap();
            tries.push((Instant::now(), message.clone()));
            tries.len()
        };
        match (self.does)(count) {
            Does::Takes => Ok(()),
            Does::Fails(again) => Err(Undelivered { what: "it fails".into(), advice: None, again }),
            Does::Hangs => std::future::pending().await,
        }
    }
}

fn teller(receivers: &[(&Fake, &[NotifyOn])]) -> Teller {
    let teller = Teller::start(&[], Arc::default(), crate::run::system_clock());
    for (place, (fake, about)) in receivers.iter().enumerate() {
        let notify = Notify { to: NotifyTo::Command(vec![place.to_string()]), on: about.to_vec() };
        let receiver = Receiver::with(&notify, place + 1, Box::new((*fake).clone()));
        let running = teller.run(receiver);
        teller.lock().push(running);
    }
    teller
}

/// Waits, in the time of the test, until something holds.
async fn until(holds: impl Fn() -> bool) {
    for _ in 0..100_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it never holds");
}

/// A long silence.
async fn silence() {
    tokio::time::sleep(Duration::from_secs(3_600)).await;
}

fn failure(subject: &str) -> News {
    news(NotifyOn::Failures, subject, "down")
}

#[tokio::test(start_paused = true)]
async fn a_burst_goes_at_once_and_the_rest_as_one_message() {
    let fake = Fake::new("slack", |_| Does::Takes);
    let teller = teller(&[(&fake, &[])]);
    let begin = Instant::now();
    (0..8).for_each(|n| teller.tell(failure(&format!("t{n}"))));
    until(|| fake.tries().len() == 6).await;
    assert_eq!(fake.subjects()[4..], [vec!["t4".to_owned()], ["t5", "t6", "t7"].map(str::to_owned).to_vec()]);
    let tries = fake.tries();
    assert_eq!((tries[4].0 - begin, tries[5].0 - begin), (Duration::ZERO, EVERY));
    silence().await;
    assert_eq!(fake.tries().len(), 6, "nothing is told twice");
    assert_eq!(teller.board.meters().notified("slack", "sent"), 6);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_holds_nobody_up() {
    let (hangs, takes) = (Fake::new("slack", |_| Does::Hangs), Fake::new("webhook", |_| Does::Takes));
    let teller = teller(&[(&hangs, &[]), (&takes, &[])]);
    let begin = Instant::now();
    teller.tell(failure("a"));
    teller.tell(failure("b"));
    until(|| takes.tries().len() == 2).await;
    assert!(takes.tries().iter().all(|(at, _)| *at == begin));
    until(|| teller.board.meters().notified("slack", "failed") == 1).await;
    let tries = hangs.tries();
    assert!(tries[1].0 - tries[0].0 >= ATTEMPT, "a try has its own deadline");
    let first = tries.iter().filter(|(_, message)| message.news[0].subject == "a").count();
    assert!(first as u32 <= TRIES && begin.elapsed() <= PATIENCE + ATTEMPT, "{first} tries in {:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_try_is_repeated_with_the_same_message_after_what_was_told() {
    let fake = Fake::new("webhook", |count| match count {
        1 => Does::Fails(Again::After(Duration::from_secs(40))),
        2 => Does::Fails(Again::After(Duration::ZERO)),
        _ => Does::Takes,
    });
    let teller = teller(&[(&fake, &[])]);
    teller.tell(failure("a"));
    until(|| teller.board.meters().notified("webhook", "sent") == 1).await;
    let tries = fake.tries();
    assert_eq!(tries.len(), 3);
    assert!(tries.iter().all(|(_, message)| *message == tries[0].1));
    assert!(tries[1].0 - tries[0].0 >= Duration::from_secs(40));
    assert!(tries[2].0 - tries[1].0 >= FIRST_PAUSE, "the second pause is longer than the first");
    teller.tell(failure("a"));
    silence().await;
    assert_eq!(fake.tries().len(), 3, "it was told");
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_was_not_told() {
    for (does, tries) in [
        ((|_| Does::Fails(Again::After(Duration::ZERO))) as fn(usize) -> Does, TRIES as usize),
        (|_| Does::Fails(Again::Never), 1),
        (|_| Does::Fails(Again::After(Duration::from_secs(3_600))), 1),
    ] {
        let fake = Fake::new("webhook", does);
        let teller = teller(&[(&fake, &[])]);
        teller.tell(failure("a"));
        until(|| teller.board.meters().notified("webhook", "failed") == 1).await;
        assert_eq!(fake.tries().len(), tries);
        teller.tell(news(NotifyOn::Recoveries, "a", "up"));
        silence().await;
        assert_eq!(fake.tries().len(), tries, "who did not hear of the failure is not told of its end");
        teller.tell(failure("a"));
        until(|| teller.board.meters().notified("webhook", "failed") == 2).await;
        assert_eq!(fake.tries().len(), 2 * tries, "the next look's news are tried again");
    }
}

#[tokio::test(start_paused = true)]
async fn everybody_gets_what_they_asked_for() {
    let (all, some) = (Fake::new("slack", |_| Does::Takes), Fake::new("command", |_| Does::Takes));
    let teller = teller(&[(&all, &[]), (&some, &[NotifyOn::Refusals, NotifyOn::Recoveries])]);
    teller.tell(failure("a"));
    teller.tell(news(NotifyOn::Refusals, "b", "share"));
    until(|| some.tries().len() == 1 && all.tries().len() == 2).await;
    teller.tell(news(NotifyOn::Recoveries, "a", "up"));
    teller.tell(news(NotifyOn::Recoveries, "b", "up"));
    until(|| some.tries().len() == 2 && all.tries().len() == 4).await;
    silence().await;
    assert_eq!(some.subjects(), [["b"], ["b"]], "the recovery of what it was not told of is not told either");
    assert_eq!(all.subjects(), [["a"], ["b"], ["a"], ["b"]]);
}

#[tokio::test(start_paused = true)]
async fn who_asked_for_failures_alone_hears_of_each() {
    let fake = Fake::new("command", |_| Does::Takes);
    let teller = teller(&[(&fake, &[NotifyOn::Failures])]);
    for times in 1..=3 {
        teller.tell(failure("a"));
        until(|| fake.tries().len() == times).await;
        teller.tell(news(NotifyOn::Recoveries, "a", "up"));
    }
    silence().await;
    assert_eq!(fake.tries().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_one_that_goes_was_not_told_is_counted() {
    let hangs = Fake::new("slack", |_| Does::Hangs);
    let teller = teller(&[(&hangs, &[])]);
    teller.tell(news(NotifyOn::Revocations, "a", "run 1"));
    until(|| hangs.tries().len() == 1).await;
    teller.set_receivers(&[]);
    assert_eq!(teller.board.meters().notified("slack", "failed"), 1);
}

#[tokio::test(start_paused = true)]
async fn too_many_waiting_are_dropped_and_the_next_message_says_so() {
    let fake = Fake::new("slack", |_| Does::Takes);
    let teller = teller(&[(&fake, &[])]);
    (0..QUEUE + 4).for_each(|n| teller.tell(failure(&format!("t{n}"))));
    until(|| fake.tries().len() == 6).await;
    let tries = fake.tries();
    assert_eq!((tries[0].1.dropped, tries[0].1.news[0].subject.as_str()), (4, "t4"));
    assert_eq!((tries[5].1.dropped, tries[5].1.news.len()), (0, QUEUE - 5));
    assert_eq!(teller.board.meters().notified("slack", "dropped"), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stop_tells_what_waits_at_once_and_does_not_wait_for_one_that_hangs() {
    let (hangs, takes) = (Fake::new("slack", |_| Does::Hangs), Fake::new("webhook", |_| Does::Takes));
    let teller = teller(&[(&hangs, &[]), (&takes, &[])]);
    (0..9).for_each(|n| teller.tell(failure(&format!("t{n}"))));
    until(|| takes.tries().len() == 5).await;
    let begin = Instant::now();
    teller.close(FLUSH).await;
    assert!(begin.elapsed() <= FLUSH);
    assert_eq!(takes.subjects()[5], ["t5", "t6", "t7", "t8"]);
    assert_eq!(teller.board.meters().notified("slack", "failed"), 1);
    teller.tell(failure("late"));
    silence().await;
    assert_eq!((takes.tries().len(), hangs.tries().len()), (6, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stop_tries_once_more_what_was_to_be_repeated() {
    let fake = Fake::new("webhook", |_| Does::Fails(Again::After(Duration::from_secs(100))));
    let teller = teller(&[(&fake, &[])]);
    teller.tell(failure("a"));
    until(|| fake.tries().len() == 1).await;
    let begin = Instant::now();
    teller.close(FLUSH).await;
    assert_eq!((fake.tries().len(), begin.elapsed()), (2, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_stays_keeps_its_memory() {
    let fake = Fake::new("slack", |_| Does::Takes);
    let teller = teller(&[(&fake, &[])]);
    teller.tell(failure("a"));
    until(|| fake.tries().len() == 1).await;
    let same = Notify { to: NotifyTo::Command(vec!["0".to_owned()]), on: Vec::new() };
    let other = Notify { to: NotifyTo::Command(vec!["no-such-program".to_owned()]), on: vec![NotifyOn::Changes] };
    teller.set_receivers(&[other.clone(), same]);
    teller.tell(failure("a"));
    teller.tell(failure("b"));
    until(|| fake.tries().len() == 2).await;
    assert_eq!(fake.subjects(), [["a"], ["b"]]);
    let kept = Arc::downgrade(&teller.lock()[1].receiver);
    teller.set_receivers(&[other]);
    teller.tell(failure("c"));
    silence().await;
    assert_eq!(fake.tries().len(), 2, "it is gone");
    assert_eq!(kept.strong_count(), 0, "and its task ended");
}
