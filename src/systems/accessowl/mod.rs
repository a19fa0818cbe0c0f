//! AccessOwl: who has access to which application, and revocations that people or AccessOwl carry out.
//!
//! A state is active only where `effective_end` is there and null. A revocation is a record of its own that does not name
//! its state: `revocations` ties them together. Nothing here confirms a manual removal in an administrator's stead.

mod claims;
mod description;
mod entries;
mod judge;
mod list;
mod look;
mod note;
mod objects;
mod read;
mod revocations;
mod revoke;
mod settle;
mod states;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

pub use description::{ACCESS, DESCRIPTION};

use crate::{
    access::{Account, Description, Snapshot},
    systems::{System, Wanted},
    wire::{Answer, Ask, Draft, Judgement, Note, Order, Prepared, Settled, Unreadable},
};

/// The system.
#[derive(Debug, Clone, Copy)]
pub struct AccessOwl;

#[async_trait]
impl System for AccessOwl {
    fn describe(&self) -> &'static Description {
        &DESCRIPTION
    }

    async fn read(&self, ask: &dyn Ask, account: &Account, wanted: &Wanted) -> Result<Snapshot, Unreadable> {
        read::read(ask, account, wanted).await
    }

    async fn prepare(&self, ask: &dyn Ask, account: &Account, order: &Order) -> Result<Prepared, Unreadable> {
        revoke::prepare(ask, account, order).await
    }

    fn judge(&self, draft: &Draft, answer: &Answer) -> Judgement {
        judge::judge(draft, answer)
    }

    fn ends_soon(&self, note: &Note) -> bool {
        note::Trail::of(note).automatic
    }

    async fn settle(
        &self,
        ask: &dyn Ask,
        _account: &Account,
        order: &Order,
        note: &Note,
    ) -> Result<Settled, Unreadable> {
        settle::settle(ask, order, note).await
    }
}
