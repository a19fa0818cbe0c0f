//! Reads: sent until an answer is final, as far as tries, budget and deadline go.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use tokio::time::Instant;

use crate::wire::{Answer, Ask, Fault, Read, ReadMethod, Unreadable, Verdict};

use super::{
    Connection, Lasting, Usage, Writer, backoff,
    exchange::{Prepared, Shared},
    hints,
    limits::{ATTEMPT, EXCHANGE, READ_BYTES, READ_TURN, SHORTEST, TRIES},
    pace::TooLong,
};

/// Prepares a connection that nothing can be written to. No request is made. With [`Lasting`] it shares rate and sockets with the
/// target's connections before.
///
/// # Errors
/// An address that is plain HTTP and not loopback or that has a user in it, a certificate that does not parse, a credential
/// that cannot travel in a header.
pub fn read_only(connection: Connection, lasting: Option<&Lasting>) -> Result<Reader, Unreadable> {
    Ok(Reader { shared: Arc::new(Shared::new(connection, lasting)?) })
}

/// The same for apply alone, which gets the writer too.
///
/// # Errors
/// See [`read_only`].
pub fn read_and_write(connection: Connection, lasting: Option<&Lasting>) -> Result<(Reader, Writer), Unreadable> {
    let reader = read_only(connection, lasting)?;
    let writer = Writer::new(Arc::clone(&reader.shared));
    Ok((reader, writer))
}

/// Sends reads of one target. Cannot write.
#[derive(Clone, Debug)]
pub struct Reader {
    shared: Arc<Shared>,
}

impl Reader {
    /// Requests sent and rate limit left, for the report. Those of the target's writer are counted too.
    pub fn usage(&self) -> Usage {
        self.shared.usage()
    }

    fn prepare(&self, read: &Read) -> Result<Prepared, Unreadable> {
        let body = match read.method() {
            ReadMethod::Get => None,
            ReadMethod::Graphql(document, variables) => {
                Some(serde_json::json!({ "query": document.document(), "variables": variables }))
            }
            ReadMethod::LookupByPost(body) => Some(body.clone()),
        };
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let body = body.map(|body| body.to_string().into_bytes());
        self.shared.prepare(read.host(), method, read.path(), read.query(), body, read.shown())
    }
}

/// A status that says "later" by itself, whatever the system knows of it.
fn says_later(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// When to come back, in words.
pub(super) fn come_back(wait: Duration) -> String {
    let at = SignedDuration::try_from(wait).ok().and_then(|wait| Timestamp::now().checked_add(wait).ok());
    let at = at.map_or_else(String::new, |at| format!(" (at {})", at.strftime("%Y-%m-%d %H:%M:%S UTC")));
    format!("in {} s{at}", wait.as_secs().max(1))
}

fn limited(wait: Duration, by: &str) -> Unreadable {
    Unreadable::new(Fault::RateLimited, format!("{by}; the next request has its turn {}", come_back(wait)))
        .advise("run again then, or raise the target's `limits` where the vendor allows more")
}

#[async_trait]
impl Ask for Reader {
    async fn ask(&self, read: Read) -> Result<Answer, Unreadable> {
        let prepared = self.prepare(&read)?;
        self.read(&read, &prepared).await.map_err(|error| error.at(prepared.shown.clone()))
    }
}

impl Reader {
    /// The judge can add that an answer is worth another try. Its `Final` leaves those that say "later" by themselves alone: a
    /// read can always be repeated.
    async fn read(&self, read: &Read, prepared: &Prepared) -> Result<Answer, Unreadable> {
        let shared = &self.shared;
        let mut deadline = None;
        let mut attempt = 1;
        loop {
            let left =
                deadline.map_or(READ_TURN, |deadline: Instant| (deadline - Instant::now()).saturating_sub(SHORTEST));
            let turn = shared.pace.turn(left).await;
            let turn = turn.map_err(|TooLong(wait)| limited(wait, "the target's rate limit is used up"))?;
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + EXCHANGE);
            let within = ATTEMPT.min(deadline - Instant::now());
            let result = shared.attempt(prepared, attempt, within, READ_BYTES).await;
            drop(turn);
            let (told, error) = match result {
                Ok(answer) => {
                    shared.budget.earn();
                    let judged = read.judge()(&answer);
                    let after = match judged {
                        Verdict::Final if says_later(answer.status) => None,
                        Verdict::Final => return Ok(answer),
                        Verdict::Retry { after } | Verdict::MaybeApplied { after } => after,
                    };
                    let told = hints::told(&answer, after);
                    (told, no_answer(&answer, told))
                }
                Err(failure) if !failure.transient => return Err(failure.unreadable()),
                Err(failure) => (None, failure.unreadable()),
            };
            let wait = backoff::wait(attempt, told);
            // Remembered first: where this request gives up, the next one must not ask the vendor again.
            if error.fault == Fault::RateLimited
                && let Some(told) = told
            {
                shared.pace.quiet_for(told);
            }
            if Instant::now() + wait + SHORTEST >= deadline {
                return Err(error);
            }
            if attempt >= TRIES || (told.is_none() && !shared.budget.spend()) {
                return Err(tried(error, attempt));
            }
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }
}

fn tried(mut error: Unreadable, attempt: u32) -> Unreadable {
    if attempt > 1 {
        error.what = format!("{}, tried {attempt} times", error.what);
    }
    error
}

/// The error for an answer that is none.
fn no_answer(answer: &Answer, told: Option<Duration>) -> Unreadable {
    match answer.status {
        429 => limited(told.unwrap_or_default(), "HTTP 429: the vendor's rate limit is used up"),
        status if status >= 500 || status == 408 => Unreadable::new(Fault::Server, format!("HTTP {status}"))
            .advise("the vendor's service has trouble; try again later"),
        status => {
            let what = format!("HTTP {status} with an error that asks to come back later");
            match told {
                Some(told) => limited(told, &what),
                None => Unreadable::new(Fault::Server, what).advise("try again later"),
            }
        }
    }
}
