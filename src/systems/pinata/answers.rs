//! What Pinata's answers mean. Only success is documented; the rest is what was seen, so as little as possible is concluded.

use std::time::Duration;

use crate::{
    systems::shared::{Heard, unreadable},
    wire::{Answer, Unreadable, Verdict},
};

/// The verdict, for reads and writes alike. A rate limit tells when it ends as a time in seconds since 1970.
pub(super) fn judge(answer: &Answer) -> Verdict {
    match answer.status {
        429 => Verdict::Retry { after: after(answer) },
        408 | 500..=599 => Verdict::MaybeApplied { after: None },
        _ => Verdict::Final,
    }
}

fn after(answer: &Answer) -> Option<Duration> {
    let reset: i64 = answer.header("x-ratelimit-reset")?.trim().parse().ok()?;
    let left = reset.checked_sub(answer.received_at.as_second())?;
    u64::try_from(left).ok().map(Duration::from_secs)
}

/// Passes a 200 answer. A missing right comes as 401 or as 403, so the advice speaks of both.
///
/// # Errors
/// Any other status; never taken for "nothing there".
pub(super) fn check(heard: &Heard, right: &str) -> Result<(), Unreadable> {
    let error = match heard.status() {
        200 => return Ok(()),
        401 | 403 => unreadable(&heard.answer).advise(format!(
            "use an API key that is not revoked and has the permission {right}; a key with permissions of the older \
             form (endpoints) is turned away here with 401"
        )),
        _ => unreadable(&heard.answer),
    };
    Err(error.at(&heard.request))
}
