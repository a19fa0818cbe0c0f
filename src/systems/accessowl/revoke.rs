//! Right before a revocation: the state again, the revocations that may mean it, then the draft.

use serde::Serialize;

use crate::{
    access::{Account, cut},
    systems::shared::{Conversation, write_judge},
    wire::{Ask, Draft, Method, Order, Path, Prepared, Unreadable},
};

use super::{
    description::API,
    look::look,
    note::Trail,
    revocations::{self, Rejection, Standing},
    states::State,
};

/// The longest reason, in bytes. Whether AccessOwl counts bytes or characters is not documented; bytes fit both.
const MAX_REASON: usize = 255;

#[derive(Serialize)]
struct Body<'a> {
    access_state_id: &'a str,
    reason: &'a str,
}

/// Looks again and drafts the revocation.
///
/// # Errors
/// The look could not be completed.
pub async fn prepare(ask: &dyn Ask, account: &Account, order: &Order) -> Result<Prepared, Unreadable> {
    let conversation = Conversation::new(ask);
    let look = look(&conversation, &order.entry).await?;
    let Some(state) = look.state() else { return Ok(Prepared::Gone) };
    if state.end.is_some() {
        return Ok(Prepared::Gone);
    }
    let now = look.entry(state, account);
    if order.change(&now).is_some() {
        return Ok(Prepared::Changed(Box::new(now)));
    }
    let user = state.user.as_ref().map(|user| user.id.as_str());
    let listed = revocations::list(&conversation, Some(&state.application), user).await?;
    let standing =
        listed.as_ref().map(|listed| listed.standing(state, &look.twins(), &listed.claims(&look.states, None)));
    let trail = trail(state, standing.as_ref());
    if let Some(standing) = &standing {
        if let Some(revocation) = standing.in_flight {
            let known = trail.known.iter().filter(|id| **id != revocation.id).cloned().collect();
            let trail = Trail { known, revocation: Some(revocation.id.clone()), received: true, ..trail };
            return Ok(Prepared::InFlight(trail.note()));
        }
        if let Some(rejected) = standing.rejected()
            && !was_known(order, standing, rejected)
        {
            return Ok(Prepared::Refused(rejected.why()));
        }
    }
    let body = Body { access_state_id: &state.id, reason: reason(order) };
    let body = serde_json::to_vec(&body)
        .map_err(|_| Unreadable::new(crate::wire::Fault::Request, "the request's body could not be written"))?;
    Ok(Prepared::Send(Box::new(Draft {
        host: API,
        method: Method::Post,
        path: Path::new(&["access_revocations"])?,
        body: Some(body),
        key_header: Some("Idempotency-Key"),
        generation: standing.map(|standing| standing.closed),
        judge: write_judge,
        note: trail.note(),
    })))
}

/// Whether the plan already knew of every rejection. It then ordered the revocation all the same, so that a person asked
/// for another try; one that came since stops it. One that may be another account's can have been taken for that one's then.
fn was_known(order: &Order, standing: &Standing<'_>, rejected: &Rejection<'_>) -> bool {
    order.entry.facts.as_ref().is_some_and(|facts| {
        (facts.refused.is_some() || rejected.in_doubt)
            && facts.closed_revocations.is_some_and(|closed| standing.closed <= closed)
    })
}

fn trail(state: &State, standing: Option<&Standing<'_>>) -> Trail {
    Trail {
        listed: standing.is_some(),
        known: standing.map_or_else(Vec::new, |standing| standing.all.iter().map(|one| one.id.clone()).collect()),
        application: state.application.clone(),
        user: state.user.as_ref().map(|user| user.id.clone()),
        resource: state.resource.clone(),
        permissions: state.permissions.iter().map(|permission| permission.id.clone()).collect(),
        revocation: None,
        received: false,
        automatic: false,
    }
}

/// The order's reason, never empty and never longer than the API takes.
fn reason(order: &Order) -> &str {
    let reason = order.reason.trim();
    if reason.is_empty() {
        return order.cause.name();
    }
    cut(reason, MAX_REASON)
}
