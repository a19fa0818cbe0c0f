//! What is counted and timed while the daemon runs. The loop fills it; `/metrics` encodes it.
//!
//! A counter whose labels are known beforehand is there from the start, at 0: a series that begins at 1 has not risen, so that
//! the first time of all would escape every alert.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
};

/// Upper bounds of run durations, in seconds.
const RUN_BUCKETS: [f64; 10] = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1_800.0];
/// Upper bounds of how long after its time something due was acted on, in seconds.
const LAG_BUCKETS: [f64; 8] = [0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 3_600.0];

/// Counters and histograms. Label values are names of the operator's or words of ours, never names from an API.
#[derive(Debug)]
pub struct Meters {
    pub(super) runs: Family<RunLabels, Histogram, fn() -> Histogram>,
    pub(super) revocations: Family<EndLabels, Counter>,
    pub(super) due_lag: Family<TargetLabels, Histogram, fn() -> Histogram>,
    pub(super) refusals: Family<GuardLabels, Counter>,
    pub(super) triggers: Family<TriggerLabels, Counter>,
    pub(super) calls: Family<TargetLabels, Counter>,
    pub(super) notifications: Family<NotificationLabels, Counter>,
    pub(super) denied: Family<DenialLabels, Counter>,
}

/// Of a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TargetLabels {
    pub(super) target: String,
}

/// Of a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RunLabels {
    pub(super) target: String,
    pub(super) result: &'static str,
}

/// Of a row that ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EndLabels {
    pub(super) target: String,
    pub(super) cause: &'static str,
    pub(super) outcome: &'static str,
}

/// Of a guard's refusal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct GuardLabels {
    pub(super) target: String,
    pub(super) guard: String,
}

/// Of a trigger.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct TriggerLabels {
    pub(super) trigger: &'static str,
}

/// Of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct NotificationLabels {
    /// Its place under `notify:`, from 1.
    pub(super) receiver: usize,
    pub(super) to: &'static str,
    pub(super) result: &'static str,
}

/// Of somebody who was not let in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DenialLabels {
    pub(super) reason: &'static str,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            runs: Family::new_with_constructor(|| Histogram::new(RUN_BUCKETS)),
            revocations: Family::default(),
            due_lag: Family::new_with_constructor(|| Histogram::new(LAG_BUCKETS)),
            refusals: Family::default(),
            triggers: Family::default(),
            calls: Family::default(),
            notifications: Family::default(),
            denied: Family::default(),
        }
    }
}

impl Meters {
    /// Somebody may be refused by the listener for any of these reasons.
    pub fn expect_denials(&self, reasons: impl IntoIterator<Item = &'static str>) {
        for reason in reasons {
            self.denied.get_or_create(&DenialLabels { reason }).inc_by(0);
        }
    }

    /// Any of these may say "look again".
    pub fn expect_triggers(&self, triggers: impl IntoIterator<Item = &'static str>) {
        for trigger in triggers {
            self.triggers.get_or_create(&TriggerLabels { trigger }).inc_by(0);
        }
    }

    /// There is a target: removals with these causes may end so there, and these guards may refuse.
    pub fn expect_target(
        &self,
        target: &str,
        ends: impl IntoIterator<Item = (&'static str, &'static str)>,
        guards: impl IntoIterator<Item = &'static str>,
    ) {
        self.calls.get_or_create(&TargetLabels { target: target.to_owned() }).inc_by(0);
        for (cause, outcome) in ends {
            self.revocations.get_or_create(&EndLabels { target: target.to_owned(), cause, outcome }).inc_by(0);
        }
        for guard in guards {
            self.refusals.get_or_create(&GuardLabels { target: target.to_owned(), guard: guard.to_owned() }).inc_by(0);
        }
    }

    /// There is a receiver in this place under `notify:`, from 1.
    pub fn expect_receiver(&self, receiver: usize, to: &'static str) {
        for result in ["sent", "failed", "dropped"] {
            self.notifications.get_or_create(&NotificationLabels { receiver, to, result }).inc_by(0);
        }
    }

    /// A run of a target ended: `complete`, `partial` or `failed`.
    pub fn run(&self, target: &str, result: &'static str, took: Duration) {
        self.runs.get_or_create(&RunLabels { target: target.to_owned(), result }).observe(took.as_secs_f64());
    }

    /// A removal that was sent ended for good.
    pub fn revocation(&self, target: &str, cause: &'static str, outcome: &'static str) {
        self.revocations.get_or_create(&EndLabels { target: target.to_owned(), cause, outcome }).inc();
    }

    /// Something was sent so long after it came due.
    pub fn due_lag(&self, target: &str, lag: Duration) {
        self.due_lag.get_or_create(&TargetLabels { target: target.to_owned() }).observe(lag.as_secs_f64());
    }

    /// A guard refused in a look that it had not refused in before.
    pub fn refusal(&self, target: &str, guard: &str) {
        self.refusals.get_or_create(&GuardLabels { target: target.to_owned(), guard: guard.to_owned() }).inc();
    }

    /// Something said "look again": `files`, `source`, `interval`, `due`, `request`, `webhook`, `retry`,
    /// `confirm`, `start`.
    pub fn trigger(&self, trigger: &'static str) {
        self.triggers.get_or_create(&TriggerLabels { trigger }).inc();
    }

    /// Calls made to a target's vendor.
    pub fn calls(&self, target: &str, calls: u64) {
        self.calls.get_or_create(&TargetLabels { target: target.to_owned() }).inc_by(calls);
    }

    /// A notification to the receiver in this place under `notify:` (from 1) was `sent`, `failed`, or `dropped` since too many
    /// waited.
    pub fn notification(&self, receiver: usize, to: &'static str, result: &'static str) {
        self.notifications.get_or_create(&NotificationLabels { receiver, to, result }).inc();
    }

    /// Somebody was not let in by the listener, for this reason.
    pub fn denied(&self, reason: &'static str) {
        self.denied.get_or_create(&DenialLabels { reason }).inc();
    }

    /// How many notifications ended so.
    #[cfg(test)]
    pub(crate) fn notified(&self, to: &'static str, result: &'static str) -> u64 {
        let of = |receiver| self.notifications.get_or_create(&NotificationLabels { receiver, to, result }).get();
        (1..10).map(of).sum()
    }
}
