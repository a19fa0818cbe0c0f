//! The removal of one key, of a gateway or of the account.
//!
//! Success comes in odd bodies: the key of a gateway is gone with `{"data": null}`, one of the account with the bare text
//! `"Revoked"`. Any other body of a success may still mean that it happened, so the list decides then.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{
    description::{API, GATEWAY_CLASS, GATEWAY_KEYS},
    gateways::{self, Controlled},
    keys,
};
use crate::{
    access::{Account, Entry, Object, Value},
    systems::shared::{Conversation, absent, accepted, said, write_judge},
    wire::{Answer, Ask, Draft, Fault, Judgement, Method, Note, Order, Path, Prepared, Settled, Unreadable},
};

/// What is there now: the entry, and for a gateway key the other things on its gateway.
struct Look {
    entry: Option<Entry>,
    gateway: Option<Controlled>,
}

/// Looks at the key again and drafts its removal.
pub(super) async fn prepare(ask: &dyn Ask, account: &Account, order: &Order) -> Result<Prepared, Unreadable> {
    // The plan holds own entries; a credential that changed since its reading is caught here.
    if order.entry.kind != GATEWAY_KEYS && account.own_claim.as_ref() == Some(&order.entry.id) {
        return Ok(Prepared::Blocked("it is the API key that Portcullis itself is calling with".to_owned()));
    }
    let path = path(&order.entry)?;
    let Look { entry, gateway } = look(ask, &order.entry).await?;
    let Some(entry) = entry.filter(Entry::is_live) else {
        return Ok(Prepared::Gone);
    };
    if order.change(&entry).is_some() {
        return Ok(Prepared::Changed(Box::new(entry)));
    }
    if let Some(gateway) = gateway
        && !order.may_open
        && opens(&gateway, order)
    {
        return Ok(Prepared::Blocked(
            "it is the last control of its gateway: without it the gateway answers everybody; leave another key, host \
             or address there, or say `may_open` for the gateway"
                .to_owned(),
        ));
    }
    Ok(Prepared::Send(Box::new(Draft {
        host: API,
        method: Method::Delete,
        path,
        body: None,
        key_header: None,
        generation: None,
        judge: write_judge,
        note: json!({ "kind": entry.kind.name }),
    })))
}

/// Whether nothing would be left once this key and the others of the plan are gone.
fn opens(gateway: &Controlled, order: &Order) -> bool {
    let going = |key: &Entry| key.id == order.entry.id || order.peers.contains(&key.id);
    gateway.others == 0 && gateway.keys.iter().all(going)
}

fn path(entry: &Entry) -> Result<Path, Unreadable> {
    if entry.kind == GATEWAY_KEYS {
        // Fewer segments than these would name the gateway itself, and remove it.
        Path::new(&["gateways", &gateway_of(entry)?.id, "access_tokens", &entry.id])
    } else {
        Path::new(&["api_keys", &entry.id])
    }
}

fn gateway_of(entry: &Entry) -> Result<&Arc<Object>, Unreadable> {
    match entry.value("gateway") {
        Value::Object(gateway) if gateway.class == GATEWAY_CLASS => Ok(gateway),
        _ => Err(Unreadable::new(Fault::Request, "the gateway of the key is not known")),
    }
}

async fn look(ask: &dyn Ask, entry: &Entry) -> Result<Look, Unreadable> {
    let talk = Conversation::new(ask);
    if entry.kind != GATEWAY_KEYS {
        let keys = keys::list(&talk, Some(&entry.id)).await?;
        return Ok(Look { entry: keys.into_iter().find(|key| key.id == entry.id), gateway: None });
    }
    let gateway = gateway_of(entry)?;
    match gateways::details(&talk, gateway).await {
        Ok(found) => {
            Ok(Look { entry: found.keys.iter().find(|key| key.id == entry.id).cloned(), gateway: Some(found) })
        }
        // What a gateway that is gone answers is not documented: the whole list of gateways decides.
        Err(error) if error.fault == Fault::Missing => {
            let everything = gateways::list(&talk, &Account::default()).await?;
            if everything.iter().any(|known| known.id == gateway.id) {
                return Err(error);
            }
            Ok(Look { entry: None, gateway: None })
        }
        Err(error) => Err(error),
    }
}

/// What the answer to the DELETE means. What a key that is already gone gets is not documented.
pub(super) fn judge(draft: &Draft, answer: &Answer) -> Judgement {
    let note = draft.note.clone();
    let told = match said(&answer.body) {
        Some(said) => format!("HTTP {}, {said}", answer.status),
        None => format!("HTTP {}", answer.status),
    };
    let settled = match answer.status {
        200 if promised(&note, &answer.body) => {
            return Judgement { settled: Settled::Done(None), note: accepted(note) };
        }
        // The reads right before were allowed with the same credential, so 401 is a missing right, too.
        401 | 403 => Settled::Refused(format!(
            "Pinata refused; the credential needs org:gateways:write for gateway keys and org:write for API keys ({told})"
        )),
        405 | 501 => Settled::Refused(format!("Pinata refused ({told})")),
        _ => Settled::Unknown(format!("the answer does not say what happened ({told}): the list decides")),
    };
    Judgement { settled, note }
}

fn promised(note: &Note, body: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<Json>(body) else {
        return false;
    };
    let of_gateway = note.get("kind").and_then(Json::as_str) == Some(GATEWAY_KEYS.name);
    if of_gateway { body == json!({ "data": null }) } else { body == json!("Revoked") }
}

/// Settles by reading.
pub(super) async fn settle(ask: &dyn Ask, order: &Order, note: &Note) -> Result<Settled, Unreadable> {
    let Look { entry, gateway: _ } = look(ask, &order.entry).await?;
    Ok(match entry {
        Some(entry) if entry.is_live() => Settled::Present,
        _ => absent(note, None),
    })
}
