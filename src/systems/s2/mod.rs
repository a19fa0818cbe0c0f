//! S2: access tokens of an account.
//!
//! The list is walked by `start_after` until `has_more` is false; ids come in ascending order, which also proves that none
//! came twice. There is no way to read one token but the list with its id as prefix, and no way to know which token is
//! calling: a token that may revoke tokens could be the one in use. Ids can be issued again, so a removal compares the
//! fingerprint right before it. A revoked token leaves the list at once and may work for ten more minutes.

mod answers;
mod description;
mod page;
mod read;
mod revoke;
mod scope;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use jiff::SignedDuration;

pub use description::DESCRIPTION;

use super::{System, Wanted};
use crate::{
    access::{Account, Description, Snapshot},
    wire::{Answer, Ask, Draft, Judgement, Note, Order, Prepared, Settled, Unreadable},
};

/// The system.
#[derive(Debug, Clone, Copy)]
pub struct S2;

#[async_trait]
impl System for S2 {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    async fn read(&self, ask: &dyn Ask, _account: &Account, _wanted: &Wanted) -> Result<Snapshot, Unreadable> {
        read::read(ask).await
    }

    async fn prepare(&self, ask: &dyn Ask, _account: &Account, order: &Order) -> Result<Prepared, Unreadable> {
        revoke::prepare(ask, order).await
    }

    fn judge(&self, draft: &Draft, answer: &Answer) -> Judgement {
        revoke::judge(draft, answer)
    }

    async fn settle(
        &self,
        ask: &dyn Ask,
        _account: &Account,
        order: &Order,
        note: &Note,
    ) -> Result<Settled, Unreadable> {
        revoke::settle(ask, order, note).await
    }

    fn lingers(&self) -> Option<SignedDuration> {
        Some(SignedDuration::from_secs(description::CACHED_SECONDS.into()))
    }
}
