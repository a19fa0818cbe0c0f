//! Writes: sent once, and again only where it is certain that the try before had no effect.

use std::{sync::Arc, time::Duration};

use reqwest::Method;
use tokio::time::Instant;

use crate::wire::{Draft, Method as WriteMethod, Receipt, Unreadable, Verdict};

use super::{
    Brake, NotSent, SendFailure, Stop, backoff,
    exchange::{Prepared, Shared},
    hints,
    limits::{ATTEMPT, EXCHANGE, SHORTEST, TRIES, WRITE_BYTES, WRITE_TURN},
    pace::TooLong,
    reader::come_back,
    request_id::request_id,
};
use crate::wire::Answer;

/// Sends writes of one target, each with a receipt of the journal. Only apply holds one.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Sends what the receipt holds and waits for the answer. Sent again, unchanged, only where the draft's judge says that
    /// it had no effect, or where no connection was made. An answer whose judge says that it may have had an effect is handed
    /// over too, unless it is a server's error: the system knows what it means.
    ///
    /// A stop ends every wait before a try, and the brake is asked at its end; a try under way is waited for, within its own
    /// deadline.
    ///
    /// # Errors
    /// [`SendFailure`]: not sent at all, or sent with an unknown outcome.
    pub async fn send(&self, receipt: &Receipt, stop: &Stop, brake: Brake<'_>) -> Result<Answer, SendFailure> {
        let prepared = self.prepare(receipt).map_err(|error| not_sent(NotSent::Unreachable(error.to_string())))?;
        let shared = &self.shared;
        let mut deadline = Instant::now() + WRITE_TURN;
        let mut attempt = 1;
        loop {
            let turn = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(not_sent(NotSent::Stopped)),
                turn = shared.pace.turn((deadline - Instant::now()).saturating_sub(SHORTEST)) => turn,
            };
            let turn = turn.map_err(|TooLong(wait)| {
                not_sent(NotSent::RateLimited(format!("the next request has its turn {}", come_back(wait))))
            })?;
            // The wait may have been long: nothing goes that must not go any more.
            if let Some(why) = brake() {
                return Err(not_sent(NotSent::Braked(why)));
            }
            if attempt == 1 {
                deadline = Instant::now() + EXCHANGE;
            }
            let within = ATTEMPT.min(deadline - Instant::now());
            let result = shared.attempt(&prepared, attempt, within, WRITE_BYTES).await;
            drop(turn);
            let (told, failure) = match result {
                Ok(answer) => {
                    shared.budget.earn();
                    match verdict(receipt.draft(), answer)? {
                        Reply::Final(answer) => return Ok(answer),
                        Reply::NoEffect(told, failure) => (told, failure),
                    }
                }
                Err(failure) if failure.unsent && failure.transient => (None, NotSent::Unreachable(failure.what)),
                Err(failure) if failure.unsent => return Err(not_sent(NotSent::Unreachable(failure.what))),
                Err(failure) => return Err(SendFailure::Unknown(failure.what)),
            };
            let wait = backoff::wait(attempt, told);
            if let (NotSent::RateLimited(_), Some(told)) = (&failure, told) {
                shared.pace.quiet_for(told);
            }
            let spent = attempt >= TRIES || Instant::now() + wait + SHORTEST >= deadline;
            if spent || (told.is_none() && !shared.budget.spend()) {
                return Err(not_sent(failure));
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(not_sent(NotSent::Stopped)),
                () = tokio::time::sleep(wait) => attempt += 1,
            }
        }
    }

    fn prepare(&self, receipt: &Receipt) -> Result<Prepared, Unreadable> {
        let draft = receipt.draft();
        let method = match draft.method {
            WriteMethod::Post => Method::POST,
            WriteMethod::Delete => Method::DELETE,
        };
        let body = draft.body.clone();
        let mut prepared = self.shared.prepare(draft.host, method, &draft.path, &[], body, draft.shown())?;
        if let Some(name) = draft.key_header {
            prepared.header(name, receipt.idempotency_key())?;
        }
        Ok(prepared)
    }
}

fn not_sent(why: NotSent) -> SendFailure {
    SendFailure::NotSent(why)
}

enum Reply {
    Final(Answer),
    NoEffect(Option<Duration>, NotSent),
}

/// What the draft's judge says of an answer. Transport has no opinion of its own about writes.
fn verdict(draft: &Draft, answer: Answer) -> Result<Reply, SendFailure> {
    let status = answer.status;
    match (draft.judge)(&answer) {
        Verdict::Final => Ok(Reply::Final(answer)),
        Verdict::MaybeApplied { .. } if status >= 500 || status == 408 => {
            let id = request_id(&answer).map_or_else(String::new, |id| format!(" (the vendor's request id: {id})"));
            Err(SendFailure::Unknown(format!("HTTP {status}{id}")))
        }
        Verdict::MaybeApplied { .. } => Ok(Reply::Final(answer)),
        Verdict::Retry { after } => {
            let told = hints::told(&answer, after);
            let why = match told {
                Some(told) => {
                    NotSent::RateLimited(format!("HTTP {status}; the vendor wants us back {}", come_back(told)))
                }
                None if status == 429 => NotSent::RateLimited("HTTP 429".into()),
                None => NotSent::Unreachable(format!("the system turned it down without effect: HTTP {status}")),
            };
            Ok(Reply::NoEffect(told, why))
        }
    }
}
