//! How a revocation went, by reading: the state first, then its record, so that "no record" is the later knowledge.

use crate::{
    systems::shared::{Conversation, read_judge},
    wire::{Ask, Note, Order, Read, Settled, Unreadable},
};

use super::{
    claims::Sought,
    description::API,
    judge::record,
    list::{explained, lacks},
    look::{Look, application, look, user},
    note::Trail,
    revocations::{self, Revocation, Revocations, Status},
};

/// Settles a revocation.
///
/// # Errors
/// Nothing can be concluded.
pub async fn settle(ask: &dyn Ask, order: &Order, note: &Note) -> Result<Settled, Unreadable> {
    let conversation = Conversation::new(ask);
    let trail = Trail::of(note);
    let look = look(&conversation, &order.entry).await?;
    if let Some(id) = &trail.revocation
        && let Some(revocation) = by_id(&conversation, id).await?
    {
        return Ok(followed(&look, &revocation));
    }
    let application = application(&order.entry)?;
    let user = user(&order.entry).map(|user| user.id.as_str());
    let listed = revocations::list(&conversation, Some(&application.id), user).await?;
    Ok(match listed {
        Some(listed) => found(look, &listed, &trail),
        None if look.state().is_none_or(|state| state.end.is_some()) => Settled::Gone,
        None if trail.received => {
            Settled::InFlight("AccessOwl has received the revocation; it does not list revocations".to_owned())
        }
        None => Settled::Untold(
            "the access is still there, and AccessOwl does not list revocations: nobody can tell whether ours arrived"
                .to_owned(),
        ),
    })
}

/// Our revocation, where its id is known and it can be looked up.
async fn by_id(conversation: &Conversation<'_>, id: &str) -> Result<Option<Revocation>, Unreadable> {
    let heard = conversation.ask(Read::get(API, &["access_revocations", id], &[], read_judge)?).await?;
    if lacks(&heard) {
        return Ok(None);
    }
    explained(&heard)?;
    record(&heard.answer.body).map(Some).map_err(|error| error.at(&heard.request))
}

/// What follows from our own revocation. Proof of our removal is both: it says so, and the state has ended.
fn followed(look: &Look, revocation: &Revocation) -> Settled {
    let active = look.state().is_some_and(|state| state.end.is_none());
    match (active, revocation.status) {
        (false, Status::Revoked) => Settled::Done(None),
        (false, _) => Settled::Gone,
        (true, Status::Processing | Status::Revoked) => Settled::InFlight(revocation.waits_for().to_owned()),
        (true, Status::Rejected) => Settled::Refused(revocation.refusal()),
    }
}

/// What follows where nothing tells which of the listed ones is ours, if any: an equal access can have one of its own. One that
/// is done is that one's where that one has ended. What can be ours is taken for it, so that nothing is sent twice.
fn found(mut look: Look, listed: &Revocations, trail: &Trail) -> Settled {
    let ended = look.revive();
    let Some(state) = look.state() else { return Settled::Gone };
    let sought = Sought { state: &state.id, known: &trail.known };
    let standing = listed.standing(state, &look.twins(), &listed.claims(&look.states, Some(sought)));
    match standing.in_flight {
        Some(revocation) if ended && revocation.status == Status::Revoked => Settled::Done(None),
        _ if ended => Settled::Gone,
        Some(revocation) => Settled::InFlight(revocation.waits_for().to_owned()),
        None => {
            let is_new = |id| !trail.known.contains(id);
            let rejected = standing.rejections.iter().rev().find(|rejection| is_new(&rejection.revocation.id));
            rejected.map_or(Settled::Present, |rejection| Settled::Refused(rejection.why()))
        }
    }
}
