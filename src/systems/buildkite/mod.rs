//! Buildkite: the API access tokens of users that reach one organization.
//!
//! They are listed by GraphQL page by page; a null organization is an error and never an empty list. A removal takes the
//! organization off the token, for good; the token itself lives on elsewhere. Which token is calling is asked by REST.
//! Nothing can be created here: tokens belong to users and are made by hand.

mod answers;
mod description;
mod documents;
mod list;
mod read;
mod revoke;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

pub use description::DESCRIPTION;

use super::{System, Wanted};
use crate::{
    access::{Account, Description, Snapshot},
    wire::{Answer, Ask, Draft, Judgement, Note, Order, Prepared, Settled, Unreadable},
};

/// The system.
#[derive(Debug, Clone, Copy)]
pub struct Buildkite;

#[async_trait]
impl System for Buildkite {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    async fn read(&self, ask: &dyn Ask, account: &Account, _wanted: &Wanted) -> Result<Snapshot, Unreadable> {
        read::read(ask, account).await
    }

    async fn prepare(&self, ask: &dyn Ask, account: &Account, order: &Order) -> Result<Prepared, Unreadable> {
        revoke::prepare(ask, account, order).await
    }

    fn judge(&self, draft: &Draft, answer: &Answer) -> Judgement {
        revoke::judge(draft, answer)
    }

    async fn settle(
        &self,
        ask: &dyn Ask,
        account: &Account,
        order: &Order,
        note: &Note,
    ) -> Result<Settled, Unreadable> {
        revoke::settle(ask, account, order, note).await
    }
}
