//! The removal of one token: a look right before, one DELETE, and what its answer and the list say.

use jiff::{RoundMode, SignedDuration, TimestampRound, Unit};
use serde_json::json;

use super::{
    answers,
    description::{ACCOUNT, CACHED_SECONDS},
    read,
};
use crate::{
    access::Fingerprint,
    systems::shared::{absent, accepted, said},
    wire::{Answer, Ask, Draft, Judgement, Method, Note, Order, Path, Prepared, Settled, Unreadable},
};

/// Looks at the token again and drafts its removal.
pub(super) async fn prepare(ask: &dyn Ask, order: &Order) -> Result<Prepared, Unreadable> {
    let path = Path::new(&["access-tokens", &order.entry.id])?;
    let Some(entry) = read::one(ask, &order.entry.id).await? else {
        return Ok(Prepared::Gone);
    };
    if !entry.is_live() {
        return Ok(Prepared::Gone);
    }
    // Ids can be issued again: another scope or end under the same id is another token.
    if order.change(&entry).is_some() {
        return Ok(Prepared::Changed(Box::new(entry)));
    }
    Ok(Prepared::Send(Box::new(Draft {
        host: ACCOUNT,
        method: Method::Delete,
        path,
        body: None,
        key_header: None,
        generation: None,
        judge: answers::judge,
        note: json!({}),
    })))
}

/// What the answer to the DELETE means.
pub(super) fn judge(draft: &Draft, answer: &Answer) -> Judgement {
    let note = draft.note.clone();
    let told = || match (answers::code(answer), said(&answer.body)) {
        (Some(code), Some(said)) => format!("HTTP {} {code}, {said}", answer.status),
        (Some(code), None) => format!("HTTP {} {code}", answer.status),
        (None, _) => format!("HTTP {}", answer.status),
    };
    let settled = match (answer.status, answers::code(answer).as_deref()) {
        (204, _) => {
            let dead_by = answer.received_at.saturating_add(SignedDuration::from_secs(CACHED_SECONDS.into()));
            let whole = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
            let dead_by = dead_by.and_then(|at| at.round(whole));
            let mut note = accepted(note);
            if let (Some(map), Ok(dead_by)) = (note.as_object_mut(), dead_by) {
                map.insert("dead_by".to_owned(), json!(dead_by.to_string()));
            }
            return Judgement { settled: Settled::Done(Some(remark(&note))), note };
        }
        (404, Some("access_token_not_found")) => {
            Settled::Unknown("S2 knows no such token, or not the one that is calling: the list decides".to_owned())
        }
        (404, _) => Settled::Unknown(format!("the address of the token was not found ({}): the list decides", told())),
        (401, _) => Settled::Unknown(format!("S2 did not accept the credential ({}): the list decides", told())),
        (403, Some("quota_exhausted")) => Settled::Unknown(format!("the quota is used up ({})", told())),
        (403, _) => Settled::Refused(format!("S2 refused; the credential may not revoke this token ({})", told())),
        (400 | 405 | 422 | 501, _) => Settled::Refused(format!("S2 refused ({})", told())),
        _ => Settled::Unknown(format!("the answer does not say what happened ({}): the list decides", told())),
    };
    Judgement { settled, note }
}

/// Settles by the list.
pub(super) async fn settle(ask: &dyn Ask, order: &Order, note: &Note) -> Result<Settled, Unreadable> {
    match read::one(ask, &order.entry.id).await? {
        None => Ok(absent(note, Some(remark(note)))),
        Some(entry) if !entry.is_live() => Ok(absent(note, None)),
        // A token cannot be changed, so another one under this id means that the one meant is gone.
        Some(entry) if Fingerprint::of(&entry) != order.fingerprint => {
            let remark = format!("{}; its id was issued again since, with other rights", remark(note));
            Ok(absent(note, Some(remark)))
        }
        Some(_) => Ok(Settled::Present),
    }
}

/// The vendor caches tokens: gone from the list is not yet cut off.
fn remark(note: &Note) -> String {
    let minutes = CACHED_SECONDS / 60;
    match note.get("dead_by").and_then(|at| at.as_str()) {
        Some(at) => format!("it may go on working for up to {minutes} minutes; certainly dead by {at}"),
        None => format!("it may go on working for up to {minutes} minutes after its removal"),
    }
}
