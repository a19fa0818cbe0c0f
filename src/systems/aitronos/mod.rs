//! Aitronos: who may read, write or administer which assistant, vector store or knowledge slice.
//!
//! A grant has no reason, no end and no lifecycle; a removal is done at once, and the journal alone knows why. Settings of
//! the entities themselves and the permissions of rules are other layers of access that this module does not touch.

mod description;
mod directory;
mod grants;
mod list;
mod reach;
mod read;
mod revoke;
#[cfg(test)]
mod tests;

use async_trait::async_trait;

pub use description::{DESCRIPTION, GRANT, auth};

use crate::{
    access::{Account, Description, Directory, Entry, Snapshot},
    systems::{System, Wanted},
    wire::{Answer, Ask, Draft, Judgement, Note, Order, Prepared, Settled, Unreadable},
};

/// The system.
#[derive(Debug, Clone, Copy)]
pub struct Aitronos;

#[async_trait]
impl System for Aitronos {
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

    async fn still_reachable(
        &self,
        ask: &dyn Ask,
        account: &Account,
        entry: &Entry,
        directory: &Directory,
    ) -> Result<Vec<String>, Unreadable> {
        reach::still_reachable(ask, account, entry, directory).await
    }
}
