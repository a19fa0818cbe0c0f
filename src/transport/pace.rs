//! When a request has its turn: so many at once, so many in a time, none while the vendor asked for quiet.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{access::RequestRate, config::RequestLimits};

/// The runtime's clock for governor, so that a paused clock paces too.
#[derive(Debug, Clone, Copy)]
struct RuntimeClock;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(Instant);

impl std::ops::Add<Nanos> for Tick {
    type Output = Self;

    fn add(self, nanos: Nanos) -> Self {
        Self(self.0 + Duration::from_nanos(nanos.as_u64()))
    }
}

impl Reference for Tick {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, nanos: Nanos) -> Self {
        Self(self.0.checked_sub(nanos.into()).unwrap_or(self.0))
    }
}

impl Clock for RuntimeClock {
    type Instant = Tick;

    fn now(&self) -> Tick {
        Tick(Instant::now())
    }
}

/// Gives requests of one target their turns.
pub(super) struct Pace {
    slots: Arc<Semaphore>,
    limiter: RateLimiter<NotKeyed, InMemoryState, RuntimeClock, NoOpMiddleware<Tick>>,
    quiet_until: Mutex<Option<Instant>>,
    waited_micros: AtomicU64,
}

/// The turn cannot be had in time; it could be after this long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) Duration);

impl Pace {
    pub(super) fn new(limits: RequestLimits) -> Self {
        let slots = usize::try_from(limits.concurrency.max(1)).unwrap_or(1).min(Semaphore::MAX_PERMITS);
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            limiter: RateLimiter::direct_with_clock(quota(limits.requests), RuntimeClock),
            quiet_until: Mutex::new(None),
            waited_micros: AtomicU64::new(0),
        }
    }

    /// Waits for a turn, at most this long. The turn lasts until the permit is dropped.
    ///
    /// Whoever waits for the rate keeps a slot: the others would wait for the same. First come, first served.
    pub(super) async fn turn(&self, within: Duration) -> Result<OwnedSemaphorePermit, TooLong> {
        let end = Instant::now() + within;
        let slot = tokio::time::timeout_at(end, Arc::clone(&self.slots).acquire_owned()).await;
        let Ok(Ok(slot)) = slot else { return Err(TooLong(Duration::ZERO)) };
        loop {
            let now = Instant::now();
            let quiet = *self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
            let wait = match quiet.filter(|&until| until > now) {
                Some(until) => until - now,
                None => match self.limiter.check() {
                    Ok(()) => return Ok(slot),
                    Err(refused) => refused.wait_time_from(Tick(now)),
                },
            };
            if now + wait > end {
                return Err(TooLong(wait));
            }
            self.count(wait);
            tokio::time::sleep(wait).await;
        }
    }

    /// The vendor asked for quiet: nobody has a turn before that.
    pub(super) fn quiet_for(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut quiet = self.quiet_until.lock().unwrap_or_else(PoisonError::into_inner);
        *quiet = Some(quiet.map_or(until, |known| known.max(until)));
    }

    fn count(&self, wait: Duration) {
        let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        self.waited_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Time spent waiting for the rate limit, over all requests.
    pub(super) fn waited(&self) -> Duration {
        Duration::from_micros(self.waited_micros.load(Ordering::Relaxed))
    }
}

/// A burst, and a steady rate that together never pass the documented number in its time. Hour-long limits have half of it as
/// a burst, since a run is short; shorter ones a tenth.
fn quota(rate: RequestRate) -> Quota {
    let count = rate.count.max(1);
    let burst = (if rate.seconds >= 3600 { count / 2 } else { count / 10 }).max(1);
    let steady = (count - burst).max(1);
    let period = Duration::from_secs(rate.seconds.max(1).into()) / steady;
    let quota = Quota::with_period(period.max(Duration::from_nanos(1)));
    let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
    quota.unwrap_or_else(|| Quota::per_second(NonZeroU32::MIN)).allow_burst(burst)
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn pace(count: u32, seconds: u32, concurrency: u32) -> Pace {
        Pace::new(RequestLimits { requests: RequestRate { count, seconds }, concurrency })
    }

    #[test]
    fn no_window_holds_more_than_the_rate() {
        for (count, seconds) in [(20, 1), (100, 60), (1000, 3600)] {
            let clock = FakeRelativeClock::default();
            let limiter = RateLimiter::direct_with_clock(quota(RequestRate { count, seconds }), clock.clone());
            let window = Duration::from_secs(seconds.into());
            let (mut elapsed, mut turns) = (Duration::ZERO, Vec::new());
            while turns.len() < 3 * count as usize {
                match limiter.check() {
                    Ok(()) => turns.push(elapsed),
                    Err(refused) => {
                        let wait = refused.wait_time_from(clock.now());
                        clock.advance(wait);
                        elapsed += wait;
                    }
                }
            }
            for (index, start) in turns.iter().enumerate() {
                let inside = turns[index..].iter().take_while(|turn| **turn < *start + window).count();
                assert!(inside <= count as usize, "{inside} of {count} in {seconds} s");
            }
            assert!(elapsed < 7 * window, "and it is not much slower than it may be");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_beyond_the_deadline_is_refused_at_once() {
        let pace = pace(2, 3600, 4);
        drop(pace.turn(Duration::from_secs(1)).await.unwrap());
        let begin = Instant::now();
        let TooLong(wait) = pace.turn(Duration::from_secs(60)).await.unwrap_err();
        assert!(wait > Duration::from_secs(3000));
        assert_eq!(begin.elapsed(), Duration::ZERO, "it does not sleep first");
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_holds_everybody() {
        let pace = pace(1000, 1, 4);
        pace.quiet_for(Duration::from_millis(200));
        let begin = Instant::now();
        drop(pace.turn(Duration::from_secs(60)).await.unwrap());
        assert!(begin.elapsed() >= Duration::from_millis(200));
        assert_eq!(pace.waited(), Duration::from_millis(200));
    }
}
