//! The complete reading: grants first, then the names they go by.

use crate::{
    access::{Account, Directory, Snapshot},
    systems::{
        Wanted,
        shared::{Conversation, required},
    },
    wire::{Ask, Unreadable},
};

use super::{
    description::{DESCRIPTION, ORGANIZATION},
    directory,
    grants::{self, Objects},
};

/// Reads the target whole.
///
/// # Errors
/// Anything that could not be proved whole.
pub async fn read(ask: &dyn Ask, account: &Account, wanted: &Wanted) -> Result<Snapshot, Unreadable> {
    let conversation = Conversation::new(ask);
    let organization = required(account, ORGANIZATION)?;
    let grants = grants::list(&conversation, account, None).await?;
    let mut objects = Objects::default();
    directory::read(&conversation, account, wanted, &grants, &mut objects).await?;
    // Only what a list told can be a name's meaning; what grants alone name goes by its id.
    let entries: Vec<_> = grants.iter().map(|grant| grants::entry(grant, &mut objects)).collect();
    let mut directory = Directory::default();
    for object in objects.all() {
        directory.add(object);
    }
    Ok(conversation.into_snapshot(DESCRIPTION.system, Some(organization.clone()), entries, directory))
}
