//! How often a receiver is told: a bucket that holds some messages and fills slowly.

use std::time::Duration;

use tokio::time::Instant;

use super::{BURST, EVERY};

/// The bucket of one receiver.
#[derive(Debug)]
pub(super) struct Bucket {
    /// When it was, or will be, full.
    full_at: Instant,
}

impl Bucket {
    pub(super) fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// How long until a message may go; zero where one may go now.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let most = EVERY * (BURST - 1);
        self.full_at.saturating_duration_since(now).saturating_sub(most)
    }

    /// A message goes.
    pub(super) fn spend(&mut self, now: Instant) {
        self.full_at = self.full_at.max(now) + EVERY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_then_one_at_a_time() {
        let begin = Instant::now();
        let mut bucket = Bucket::full(begin);
        for _ in 0..BURST {
            assert_eq!(bucket.wait(begin), Duration::ZERO);
            bucket.spend(begin);
        }
        assert_eq!(bucket.wait(begin), EVERY);
        assert_eq!(bucket.wait(begin + EVERY / 2), EVERY / 2);
        bucket.spend(begin + EVERY);
        assert_eq!(bucket.wait(begin + EVERY), EVERY);
        let later = begin + EVERY * 100;
        for _ in 0..BURST {
            assert_eq!(bucket.wait(later), Duration::ZERO);
            bucket.spend(later);
        }
        assert_eq!(bucket.wait(later), EVERY, "a long silence saves up no more than a burst");
    }
}
