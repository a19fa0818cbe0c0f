//! The bounds of the figures in the operator's file. The JSON Schema states the same.

use jiff::SignedDuration;

/// A duration from the first to the second.
pub type Span = (SignedDuration, SignedDuration);

/// Targets of one file.
pub const TARGETS: usize = 1_000;
/// Characters of a target's name.
pub const NAME: usize = 64;
/// Characters of any other text.
pub const TEXT: usize = 1_024;
/// Characters of the name of an environment variable.
pub const ENV: usize = 64;
/// `max_share`, in percent.
pub const SHARE: (u32, u32) = (1, 100);
/// `max_count`, `max_count_total` and `keep_at_least`.
pub const COUNT: (u32, u32) = (0, 1_000_000);
/// The number in `limits: { requests: … }`.
pub const REQUESTS: (u32, u32) = (1, 1_000_000);
/// `limits: { concurrency: … }`.
pub const CONCURRENCY: (u32, u32) = (1, 64);
/// `notice`.
pub const NOTICE: Span = (SignedDuration::ZERO, SignedDuration::from_hours(90 * 24));
/// `max_clock_skew`.
pub const CLOCK_SKEW: Span = (SignedDuration::from_secs(1), SignedDuration::from_hours(1));
/// `settle`.
pub const SETTLE: Span = (SignedDuration::from_secs(1), SignedDuration::from_hours(1));
/// `max_in_flight`.
pub const IN_FLIGHT: Span = (SignedDuration::from_secs(1), SignedDuration::from_hours(90 * 24));
/// `interval`.
pub const INTERVAL: Span = (SignedDuration::from_secs(1), SignedDuration::from_hours(7 * 24));
/// `max_backoff`.
pub const MAX_BACKOFF: Span = (SignedDuration::from_secs(1), SignedDuration::from_hours(24));
/// `grace`.
pub const GRACE: Span = (SignedDuration::from_secs(1), SignedDuration::from_mins(10));
/// Git hosts whose webhooks are taken.
pub const WEBHOOKS: usize = 16;
/// Receivers of notifications.
pub const RECEIVERS: usize = 16;
/// A freeze window's `duration`.
pub const FREEZE: Span = (SignedDuration::from_mins(1), SignedDuration::from_hours(31 * 24));
