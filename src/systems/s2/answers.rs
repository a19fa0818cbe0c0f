//! What S2's statuses and error codes mean.
//!
//! Decided by status and code, never by message. Unknown codes are decided by their status alone.

use std::time::Duration;

use serde::Deserialize;

use crate::{
    systems::shared::{Heard, unreadable},
    wire::{Answer, Fault, Unreadable, Verdict},
};

#[derive(Deserialize)]
struct Problem {
    code: String,
}

/// What is read of a code. S2's own are half as long.
const LONGEST_CODE: usize = 64;

/// The code of an error body, where it has one; of one that cannot be S2's own only the beginning.
pub(super) fn code(answer: &Answer) -> Option<String> {
    let problem: Problem = serde_json::from_slice(&answer.body).ok()?;
    Some(problem.code.chars().take(LONGEST_CODE).collect())
}

/// The vendor's own hint, in milliseconds.
fn after(answer: &Answer) -> Option<Duration> {
    answer.header("retry-after-ms")?.trim().parse().ok().map(Duration::from_millis)
}

/// The verdict, for reads and writes alike: the codes that had no side effect may be sent again, the rest of the retryable
/// ones leave it open.
pub(super) fn judge(answer: &Answer) -> Verdict {
    let after = after(answer);
    match answer.status {
        429 => Verdict::Retry { after },
        408 | 409 | 499..=599 => match (answer.status, code(answer).as_deref()) {
            (409, Some("transaction_conflict")) | (502, Some("hot_server")) | (503, Some("server_draining")) => {
                Verdict::Retry { after }
            }
            (409 | 501, _) => Verdict::Final,
            _ => Verdict::MaybeApplied { after },
        },
        _ => Verdict::Final,
    }
}

/// Why an answer to the list makes the target unreadable.
pub(super) fn not_listed(heard: &Heard) -> Unreadable {
    let error = match (heard.status(), code(&heard.answer).as_deref()) {
        // The vendor's own command line takes this code for a failure of the caller, too.
        (404, Some("access_token_not_found")) => {
            Unreadable::new(Fault::Credential, "S2 does not know the token that is calling")
                .advise("issue a new token for Portcullis; this one was revoked or has ended")
        }
        (404, None) => Unreadable::new(Fault::Missing, "there is no list of access tokens at this address")
            .advise("check `base_url`: it ends in the API's version, as in https://a.s2.dev/v1"),
        (403, Some("quota_exhausted")) => Unreadable::new(Fault::Permission, "the account's quota is used up")
            .advise("raise the account's quota at S2"),
        (403, _) => Unreadable::new(Fault::Permission, "the credential may not list access tokens")
            .advise("its scope needs the operation list-access-tokens or the group account.read"),
        _ => unreadable(&heard.answer),
    };
    error.at(&heard.request)
}
