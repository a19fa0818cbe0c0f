//! What the answer to a revocation means. Only reading proves that access has ended.

use serde::Deserialize;

use crate::{
    systems::shared::{decode, said},
    wire::{Answer, Draft, Judgement, Settled, Unreadable},
};

use super::{
    note::Trail,
    revocations::{Revocation, Row, Status},
};

/// A record, bare or in an envelope: the API's pages and its answers differ.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Row<'a>,
}

/// A revocation's record out of an answer's body.
///
/// # Errors
/// The body holds none.
pub fn record(body: &[u8]) -> Result<Revocation, Unreadable> {
    match decode::<Envelope<'_>>(body) {
        Ok(envelope) => envelope.data.read(),
        Err(_) => decode::<Row<'_>>(body)?.read(),
    }
}

/// Judges the answer to the draft.
pub fn judge(draft: &Draft, answer: &Answer) -> Judgement {
    let mut trail = Trail::of(&draft.note);
    let settled = match answer.status {
        200 | 201 => {
            trail.received = true;
            created(&mut trail, answer)
        }
        409 => {
            trail.received = true;
            if trail.listed {
                Settled::Unknown("AccessOwl has seen this request before and does not say what came of it".to_owned())
            } else {
                Settled::InFlight("AccessOwl has received the revocation; it does not list revocations".to_owned())
            }
        }
        422 if speaks_of_the_key(answer) => {
            trail.received = true;
            Settled::Unknown(told(answer, "AccessOwl has seen this idempotency key with another body"))
        }
        400 | 405 | 422 => Settled::Refused(told(answer, "AccessOwl does not accept the revocation")),
        403 => Settled::Refused(told(answer, "the credential may not revoke access")),
        401 => Settled::Unknown(told(answer, "AccessOwl does not accept the credential")),
        404 => Settled::Unknown(told(answer, "AccessOwl does not find the access")),
        429 => Settled::Unknown(told(answer, "the rate limit is used up")),
        300..=399 => Settled::Unknown(told(answer, "AccessOwl redirects: the API may not be switched on")),
        _ => Settled::Unknown(told(answer, "AccessOwl failed")),
    };
    Judgement { settled, note: trail.note() }
}

fn created(trail: &mut Trail, answer: &Answer) -> Settled {
    match record(&answer.body) {
        Ok(revocation) if revocation.application == trail.application => {
            trail.revocation = Some(revocation.id.clone());
            trail.automatic = revocation.automatic;
            match revocation.status {
                Status::Rejected => Settled::Refused("AccessOwl rejected the revocation at once".to_owned()),
                Status::Processing | Status::Revoked => Settled::InFlight(revocation.waits_for().to_owned()),
            }
        }
        Ok(_) => Settled::Unknown("AccessOwl answered with the revocation of another application".to_owned()),
        Err(_) if !trail.listed => {
            Settled::InFlight("AccessOwl has received the revocation; it does not list revocations".to_owned())
        }
        Err(error) => Settled::Unknown(format!("AccessOwl has received the revocation, but {error}")),
    }
}

/// 422 is said both of a reused key and of what is not valid; only its free text tells them apart.
fn speaks_of_the_key(answer: &Answer) -> bool {
    said(&answer.body).is_some_and(|said| said.to_ascii_lowercase().contains("idempoten"))
}

fn told(answer: &Answer, what: &str) -> String {
    match said(&answer.body) {
        Some(said) => format!("{what} (HTTP {}, {said})", answer.status),
        None => format!("{what} (HTTP {})", answer.status),
    }
}
