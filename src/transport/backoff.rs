//! Waits between tries, and the budget that keeps retries from making a bad hour worse.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use super::limits::{BACKOFF_BASE, BACKOFF_CAP, BUDGET_ANSWER, BUDGET_FULL, BUDGET_RETRY};

/// The wait after a try (the first is 1): full jitter over a doubling range, behind what the vendor told.
pub(super) fn wait(attempt: u32, told: Option<Duration>) -> Duration {
    let range = BACKOFF_BASE.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(BACKOFF_CAP);
    told.unwrap_or_default() + range.mul_f64(fastrand::f64())
}

/// The retry budget of a target.
pub(super) struct Budget(AtomicU32);

impl Budget {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(BUDGET_FULL))
    }

    /// Takes one retry; false when the budget is used up.
    pub(super) fn spend(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(BUDGET_RETRY)).is_ok()
    }

    /// An answer came.
    pub(super) fn earn(&self) {
        let more = |left: u32| Some((left + BUDGET_ANSWER).min(BUDGET_FULL));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_bounded_and_behind_what_was_told() {
        for attempt in 1..100 {
            assert!(wait(attempt, None) <= BACKOFF_CAP);
            assert!(wait(attempt, Some(Duration::from_secs(3))) >= Duration::from_secs(3));
        }
        assert!(wait(1, None) <= BACKOFF_BASE);
    }

    #[test]
    fn a_budget_ends_and_grows_again() {
        let budget = Budget::new();
        assert_eq!((0..1000).filter(|_| budget.spend()).count() as u32, BUDGET_FULL / BUDGET_RETRY);
        (0..BUDGET_RETRY).for_each(|_| budget.earn());
        assert!(budget.spend());
        assert!(!budget.spend());
    }
}
