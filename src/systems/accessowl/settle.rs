//! How a revocation went, by reading: the state first, then its record, so that "no record" is the later knowledge.

use crate::{
    systems::shared::{Conversation, read_judge},
    wire::{Ask, Note, Order, Read, Settled, Unreadable},
};

use super::{
    description::API,
    judge::record,
    list::{explained, lacks},
    look::{Look, look},
    note::Trail,
    revocations::{self, Revocation, Status},
};

/// Settles a revocation.
///
/// # Errors
/// Nothing can be concluded.
pub async fn settle(ask: &dyn Ask, order: &Order, note: &Note) -> Result<Settled, Unreadable> {
    let conversation = Conversation::new(ask);
    let trail = Trail::of(note);
    let look = look(&conversation, &order.entry).await?;
    let (listed, ours) = ours(&conversation, &look, order, &trail).await?;
    let status = |wanted| ours.iter().find(|revocation| revocation.status == wanted);
    let active = look.state().is_some_and(|state| state.end.is_none());
    if !active {
        // Proof of our own removal is both: the record says so, and the state has ended.
        return Ok(if status(Status::Revoked).is_some() { Settled::Done(None) } else { Settled::Gone });
    }
    if let Some(revocation) = status(Status::Processing).or_else(|| status(Status::Revoked)) {
        return Ok(Settled::InFlight(revocation.waits_for().to_owned()));
    }
    if let Some(revocation) = status(Status::Rejected) {
        return Ok(Settled::Refused(revocation.refusal()));
    }
    Ok(match (listed, trail.received) {
        (true, _) => Settled::Present,
        (false, true) => {
            Settled::InFlight("AccessOwl has received the revocation; it does not list revocations".to_owned())
        }
        (false, false) => Settled::Untold(
            "the access is still there, and AccessOwl does not list revocations: nobody can tell whether ours arrived"
                .to_owned(),
        ),
    })
}

/// Our revocation: by its id where the answer told it, else every one that is new and may mean the state. And whether
/// revocations can be listed, so that none found means none there.
async fn ours(
    conversation: &Conversation<'_>,
    look: &Look,
    order: &Order,
    trail: &Trail,
) -> Result<(bool, Vec<Revocation>), Unreadable> {
    if let Some(id) = &trail.revocation {
        let heard = conversation.ask(Read::get(API, &["access_revocations", id], &[], read_judge)?).await?;
        if !lacks(&heard) {
            explained(&heard)?;
            let revocation = record(&heard.answer.body).map_err(|error| error.at(&heard.request))?;
            return Ok((true, vec![revocation]));
        }
    }
    let application = super::look::application(&order.entry)?;
    let user = super::look::user(&order.entry).map(|user| user.id.as_str());
    let Some(listed) = revocations::list(conversation, Some(&application.id), user).await? else {
        return Ok((false, Vec::new()));
    };
    let fitting = look.state().map_or_else(Vec::new, |state| listed.of(state));
    let ours = fitting.into_iter().filter(|revocation| !trail.known.contains(&revocation.id)).cloned().collect();
    Ok((true, ours))
}
