//! Pinata: keys of dedicated gateways, and API keys of the account.
//!
//! Gateway keys open a gateway to whoever has one; removing the last control of a gateway opens it to everybody, so the
//! controls are read with the keys and once more right before a removal. API keys call this API, and one of them is ours.

mod answers;
mod description;
mod gateways;
mod keys;
mod read;
mod revoke;
mod scopes;
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
pub struct Pinata;

#[async_trait]
impl System for Pinata {
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
        _account: &Account,
        order: &Order,
        note: &Note,
    ) -> Result<Settled, Unreadable> {
        revoke::settle(ask, order, note).await
    }
}
