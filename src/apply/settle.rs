//! Settles a removal by reading, until it is known or the deadline has passed.

use std::time::Duration;

use tokio::time::Instant;

use super::{Work, patience::within};
use crate::{
    journal::{Outcome, OutcomeKind},
    wire::{Note, Order, Settled},
};

/// The wait before the second look; each later one doubles it.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait between two looks.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// What is known at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// Confirmed, with a remark where access may last.
    Done(Option<String>),
    /// Absent.
    Gone,
    /// The system works on it.
    InFlight(String),
    /// The system will not do it.
    Refused(String),
    /// Still there in a complete reading after the deadline: a verified failure.
    StillThere,
    /// Still there after the deadline, and the system cannot tell whether the removal arrived: the next run sends it again under
    /// the same key, so that it takes effect once.
    Untold(String),
    /// Not known yet; a later run reads on.
    Open(String),
}

impl Known {
    /// The outcome for the journal.
    pub(super) fn outcome(&self, status: Option<u16>, request_id: Option<String>) -> Outcome {
        let (kind, detail) = match self {
            Self::Done(remark) => (OutcomeKind::Done, remark.clone().unwrap_or_default()),
            Self::Gone => (OutcomeKind::Gone, "absent in a complete reading".into()),
            Self::InFlight(what) => (OutcomeKind::InFlight, what.clone()),
            Self::Refused(why) => (OutcomeKind::Refused, why.clone()),
            Self::StillThere => (OutcomeKind::Failed, "still there after the settle deadline".into()),
            Self::Untold(why) => (OutcomeKind::Untold, why.clone()),
            Self::Open(why) => (OutcomeKind::Unknown, why.clone()),
        };
        Outcome { kind, detail, status, request_id }
    }
}

/// The wait after this one.
pub(super) fn next_wait(wait: Duration) -> Duration {
    wait.saturating_mul(2).min(LONGEST_WAIT)
}

/// Reads until the outcome is known. Only a look that begins after the deadline can find a verified failure: before that the
/// system may still be at it. A stop ends the waiting after the look that is under way. All of it ends one look's patience
/// after the deadline: what is not known then stays unknown.
pub(super) async fn settle(work: &Work<'_>, order: &Order, note: &Note, until: Instant) -> Known {
    let end = until.max(Instant::now()) + work.patience.look;
    let mut wait = FIRST_WAIT;
    loop {
        let last = Instant::now() >= until;
        let looking = work.system.settle(work.ask, work.account, order, note);
        let left = end.saturating_duration_since(Instant::now()).min(work.patience.look);
        let why = match within(left, looking).await {
            Ok(Settled::Done(remark)) => return Known::Done(remark),
            Ok(Settled::Gone) => return Known::Gone,
            Ok(Settled::InFlight(what)) => return Known::InFlight(what),
            Ok(Settled::Refused(why)) => return Known::Refused(why),
            Ok(Settled::Present) if last => return Known::StillThere,
            Ok(Settled::Present) => "still there, before the settle deadline".to_owned(),
            Ok(Settled::Untold(why)) if last => return Known::Untold(why),
            Ok(Settled::Untold(why) | Settled::Unknown(why)) => why,
            Err(unreadable) => format!("could not be read: {unreadable}"),
        };
        if last || work.stop.is_cancelled() {
            return Known::Open(why);
        }
        let rest = until.saturating_duration_since(Instant::now());
        tokio::select! {
            () = tokio::time::sleep(wait.min(rest)) => {}
            () = work.stop.cancelled() => return Known::Open(why),
        }
        wait = next_wait(wait);
    }
}
