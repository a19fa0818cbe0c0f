//! One grant looked at again, the draft of its removal, and how that went.

use serde::{Deserialize, Serialize};

use crate::{
    access::{Account, Entry, Object, Value},
    systems::shared::{Conversation, required, said, write_judge},
    wire::{Answer, Ask, Draft, Fault, Judgement, Method, Note, Order, Path, Prepared, Settled, Unreadable},
};

use super::{
    description::{API, ENTITY, GRANTEE, ORGANIZATION},
    grants::{self, Grant, Objects, Of},
};

/// What is remembered of a removal.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Trail {
    /// Whether Aitronos said that it is done.
    done: bool,
}

/// Looks again and drafts the removal.
///
/// # Errors
/// The look could not be completed.
pub async fn prepare(ask: &dyn Ask, account: &Account, order: &Order) -> Result<Prepared, Unreadable> {
    let conversation = Conversation::new(ask);
    let Some(grant) = look(&conversation, account, &order.entry).await? else { return Ok(Prepared::Gone) };
    let now = grants::entry(&grant, &mut Objects::default());
    if order.change(&now).is_some() {
        return Ok(Prepared::Changed(Box::new(now)));
    }
    let organization = required(account, ORGANIZATION)?;
    Ok(Prepared::Send(Box::new(Draft {
        host: API,
        method: Method::Delete,
        path: Path::new(&["organizations", organization, "access", "grants", order.entry.revoke_handle()])?,
        body: None,
        key_header: None,
        generation: None,
        judge: write_judge,
        note: note(&Trail::default()),
    })))
}

/// Judges the answer to the draft. "Not found" has three readings, and only a list tells them apart.
pub fn judge(draft: &Draft, answer: &Answer) -> Judgement {
    let mut trail = Trail::deserialize(&draft.note).unwrap_or_default();
    let told = |what: &str| match said(&answer.body) {
        Some(said) => format!("{what} (HTTP {}, {said})", answer.status),
        None => format!("{what} (HTTP {})", answer.status),
    };
    let settled = match answer.status {
        204 => {
            trail.done = true;
            Settled::Done(None)
        }
        403 => Settled::Refused(told("the credential may not revoke grants")),
        400 | 405 | 422 => Settled::Refused(told("Aitronos does not accept the removal")),
        401 => Settled::Unknown(told("Aitronos does not accept the credential")),
        404 => Settled::Unknown(told("Aitronos does not find the grant")),
        429 => Settled::Unknown(told("the rate limit is used up")),
        500..=599 => Settled::Unknown(told("Aitronos failed")),
        _ => Settled::Unknown(told("Aitronos gave an answer that its API does not promise")),
    };
    Judgement { settled, note: note(&trail) }
}

/// Settles a removal by the list of the entity's and the grantee's grants.
///
/// # Errors
/// Nothing can be concluded.
pub async fn settle(ask: &dyn Ask, account: &Account, order: &Order, note: &Note) -> Result<Settled, Unreadable> {
    let conversation = Conversation::new(ask);
    let trail = Trail::deserialize(note).unwrap_or_default();
    Ok(match look(&conversation, account, &order.entry).await? {
        Some(_) => Settled::Present,
        None if trail.done => Settled::Done(None),
        None => Settled::Gone,
    })
}

/// The grant as it is now; `None` where the complete list of its entity and grantee does not have it, or has a remnant.
async fn look(conversation: &Conversation<'_>, account: &Account, entry: &Entry) -> Result<Option<Grant>, Unreadable> {
    let (entity, grantee) = (object(entry, ENTITY)?, object(entry, GRANTEE)?);
    let of = Of { entity: (&entity.class, &entity.id), grantee: (&grantee.class, &grantee.id) };
    let grants = grants::list(conversation, account, Some(of)).await?;
    Ok(grants.into_iter().find(|grant| grant.id == entry.id && !grant.deleted))
}

/// The object of a field.
///
/// # Errors
/// The entry has none there: it is not one of Aitronos.
pub fn object(entry: &Entry, field: usize) -> Result<&Object, Unreadable> {
    match entry.values.get(field) {
        Some(Value::Object(object)) => Ok(object),
        _ => Err(Unreadable::new(Fault::Request, "the entry names no entity or no grantee")),
    }
}

fn note(trail: &Trail) -> Note {
    serde_json::to_value(trail).unwrap_or_default()
}
