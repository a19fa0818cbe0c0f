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

/// What one look told.
enum Look {
    /// This.
    Known(Known),
    /// Nothing yet, for this reason.
    NotYet(String),
}

/// Reads until the outcome is known. Only a look that begins after the deadline can find a verified failure: before that the
/// system may still be at it. A stop, and a next run that is due, end the waiting after the look that is under way. All of it
/// ends one look's patience after the deadline: what is not known then stays unknown.
pub(super) async fn settle(work: &Work<'_>, order: &Order, note: &Note, until: Instant) -> Known {
    let end = until.max(Instant::now()) + work.patience.look;
    let mut wait = FIRST_WAIT;
    loop {
        let last = Instant::now() >= until;
        let why = match look(work, order, note, last, end).await {
            Look::Known(known) => return known,
            Look::NotYet(why) => why,
        };
        if last || work.waits_no_more() {
            return Known::Open(why);
        }
        let rest = until.saturating_duration_since(Instant::now());
        work.wait(wait.min(rest)).await;
        if work.waits_no_more() {
            return Known::Open(why);
        }
        wait = next_wait(wait);
    }
}

/// Reads once: what is not known yet is left to a later run.
pub(super) async fn settle_at_once(work: &Work<'_>, order: &Order, note: &Note, until: Instant) -> Known {
    let now = Instant::now();
    match look(work, order, note, now >= until, now + work.patience.look).await {
        Look::Known(known) => known,
        Look::NotYet(why) => Known::Open(why),
    }
}

/// One look; `last`: it began after the deadline.
async fn look(work: &Work<'_>, order: &Order, note: &Note, last: bool, end: Instant) -> Look {
    let looking = work.system.settle(work.ask, work.account, order, note);
    let left = end.saturating_duration_since(Instant::now()).min(work.patience.look);
    Look::Known(match within(left, looking).await {
        Ok(Settled::Done(remark)) => Known::Done(remark),
        Ok(Settled::Gone) => Known::Gone,
        Ok(Settled::InFlight(what)) => Known::InFlight(what),
        Ok(Settled::Refused(why)) => Known::Refused(why),
        Ok(Settled::Present) if last => Known::StillThere,
        Ok(Settled::Present) => return Look::NotYet("still there, before the settle deadline".to_owned()),
        Ok(Settled::Untold(why)) if last => Known::Untold(why),
        Ok(Settled::Untold(why) | Settled::Unknown(why)) => return Look::NotYet(why),
        Err(unreadable) => return Look::NotYet(format!("could not be read: {unreadable}")),
    })
}
