//! One receiver: its queue, and the task that empties it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    ATTEMPT, EVERY, FIRST_PAUSE, PATIENCE, TRIES,
    bucket::Bucket,
    delivery::{self, Deliver},
    document::Message,
    inbox::{Inbox, Offered},
};
use crate::{
    apply::Clock,
    config::{Notify, NotifyOn},
    plan::render::neutral,
    serve::{Board, Meters},
    transport::{Again, Undelivered},
    watch::News,
};

/// Somebody who is told.
pub(super) struct Receiver {
    notify: Notify,
    /// Its place in the configuration, from 1.
    place: AtomicUsize,
    deliver: Box<dyn Deliver>,
    inbox: Mutex<Inbox>,
    wake: tokio::sync::Notify,
    closing: CancellationToken,
}

impl Receiver {
    pub(super) fn new(notify: &Notify, place: usize) -> Self {
        Self::with(notify, place, delivery::of(&notify.to))
    }

    pub(super) fn with(notify: &Notify, place: usize, deliver: Box<dyn Deliver>) -> Self {
        Self {
            notify: notify.clone(),
            place: AtomicUsize::new(place),
            deliver,
            inbox: Mutex::default(),
            wake: tokio::sync::Notify::new(),
            closing: CancellationToken::new(),
        }
    }

    /// Whether it is the one that the configuration means.
    pub(super) fn is(&self, notify: &Notify) -> bool {
        self.notify == *notify
    }

    /// Takes news in where they concern it and it does not know them.
    pub(super) fn offer(&self, news: &News, meters: &Meters) {
        if !concerns(&self.notify.on, news.on) {
            self.inbox().overhear(news);
            return;
        }
        let offered = self.inbox().offer(news);
        self.count(offered, meters);
    }

    /// Takes over what another one was not told yet, where it concerns this one.
    pub(super) fn inherit(&self, other: &Self, meters: &Meters) {
        let (news, dropped) = other.inbox().leave();
        self.inbox().inherit_dropped(dropped);
        for news in news {
            self.offer(&news, meters);
        }
    }

    /// Its place in the configuration, from 1.
    pub(super) fn place(&self) -> usize {
        self.place.load(Ordering::Relaxed)
    }

    /// Its counters are there from now on.
    pub(super) fn expect(&self, meters: &Meters) {
        meters.expect_receiver(self.place(), self.deliver.way());
    }

    /// Others before it came or went.
    pub(super) fn moved(&self, place: usize) {
        self.place.store(place, Ordering::Relaxed);
    }

    /// How logs name it: its place and its way.
    fn name(&self) -> String {
        format!("{} (number {} under `notify:`)", self.deliver.way(), self.place())
    }

    fn count(&self, offered: Offered, meters: &Meters) {
        match offered {
            Offered::Known => {}
            Offered::Taken => self.wake.notify_one(),
            Offered::Dropped => {
                meters.notification(self.place(), self.deliver.way(), "dropped");
                self.wake.notify_one();
            }
        }
    }

    /// Sends what waits at once, then ends.
    pub(super) fn close(&self) {
        self.closing.cancel();
    }

    /// How many news it was not told yet.
    pub(super) fn untold(&self) -> usize {
        self.inbox().untold()
    }

    /// Says what nobody was told.
    pub(super) fn given_up(&self, meters: &Meters) {
        let untold = self.untold();
        if untold > 0 {
            meters.notification(self.place(), self.deliver.way(), "failed");
            tracing::warn!("{untold} news could not be told to {} before its end", self.name());
        }
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when something waits; `false` when it has to end.
    async fn has_news(&self) -> bool {
        loop {
            if !self.inbox().is_empty() {
                return true;
            }
            if self.closing.is_cancelled() {
                return false;
            }
            tokio::select! {
                () = self.wake.notified() => {}
                () = self.closing.cancelled() => {}
            }
        }
    }

    /// Waits, unless it has to end.
    async fn pause(&self, wait: Duration) {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.closing.cancelled() => {}
        }
    }

    /// Warns where it could be told nothing as things are: the first news may be a failure, and come in a month.
    async fn check(&self) {
        let checked = tokio::select! {
            checked = tokio::time::timeout(ATTEMPT, self.deliver.check()) => checked,
            () = self.closing.cancelled() => return,
        };
        let late = || Undelivered::later(format!("its secret was not there within {} s", ATTEMPT.as_secs()), None);
        if let Err(error) = checked.unwrap_or_else(|_| Err(late())) {
            let advice = error.advice.map(|advice| format!("; {advice}")).unwrap_or_default();
            let what = neutral::sentence(&format!("{}{advice}", error.what));
            tracing::warn!("{} can be told nothing as it is: {what}", self.name());
        }
    }

    /// Tries until it is delivered or makes no sense any more.
    async fn send(&self, message: &Message, clock: &Clock) -> Result<(), Undelivered> {
        let begin = Instant::now();
        let mut tries = 1;
        loop {
            let is_last = self.closing.is_cancelled();
            let tried = tokio::time::timeout(ATTEMPT, self.deliver.deliver(message, clock())).await;
            let error = match tried {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => error,
                Err(_) => Undelivered::later(format!("it did not end within {} s", ATTEMPT.as_secs()), None),
            };
            let Again::After(told) = error.again else { return Err(error) };
            let pause = told.saturating_add(back_off(tries));
            if is_last || tries >= TRIES || begin.elapsed().saturating_add(pause) > PATIENCE {
                return Err(Undelivered { what: format!("{}, tried {tries} times", error.what), ..error });
            }
            let what = neutral::sentence(&error.what);
            match error.advice.filter(|_| tries == 1) {
                // Time alone mends nothing here.
                Some(advice) => {
                    tracing::warn!("{} is not told yet: {what}; {}", self.name(), neutral::sentence(&advice));
                }
                None => tracing::info!("{} is tried again: {what}", self.name()),
            }
            self.pause(pause).await;
            tries += 1;
        }
    }
}

/// Whether a receiver that asked for these sorts, or for none in particular, is told of this one.
fn concerns(about: &[NotifyOn], on: NotifyOn) -> bool {
    about.is_empty() || about.contains(&on)
}

/// The pause after a try (the first is 1): from half of a doubling range to the whole.
fn back_off(tries: u32) -> Duration {
    let range = FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(8));
    range.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Empties the queue until the receiver is closed. Whether it can be told anything is looked at beside, which holds up nothing.
pub(super) async fn run(receiver: Arc<Receiver>, board: Arc<Board>, clock: Clock) {
    tokio::join!(receiver.check(), empty(&receiver, board, clock));
}

async fn empty(receiver: &Receiver, board: Arc<Board>, clock: Clock) {
    let mut bucket = Bucket::full(Instant::now());
    let way = receiver.deliver.way();
    while receiver.has_news().await {
        let wait = bucket.wait(Instant::now());
        if !wait.is_zero() {
            receiver.pause(wait.min(EVERY)).await;
        }
        // What was withheld goes as one message.
        let all = !wait.is_zero() || receiver.closing.is_cancelled();
        let Some((news, dropped)) = receiver.inbox().take(all) else { continue };
        bucket.spend(Instant::now());
        let message = Message::new(clock(), news, dropped);
        let sent = receiver.send(&message, &clock).await;
        receiver.inbox().settle(sent.is_ok(), dropped);
        match sent {
            Ok(()) => board.meters().notification(receiver.place(), way, "sent"),
            Err(error) => {
                board.meters().notification(receiver.place(), way, "failed");
                let advice = error.advice.map(|advice| format!("; {advice}")).unwrap_or_default();
                let what = neutral::sentence(&format!("{}{advice}", error.what));
                tracing::warn!("{} was not told: {what}", receiver.name());
            }
        }
    }
}
