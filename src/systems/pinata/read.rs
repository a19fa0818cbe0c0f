//! A whole reading: gateways with their keys and controls, API keys, and which of those is calling.

use futures::future::try_join;

use super::{
    description::{API_KEYS, DESCRIPTION},
    gateways, keys,
};
use crate::{
    access::{Account, Directory, OwnMark, Snapshot},
    systems::shared::Conversation,
    wire::{Ask, Unreadable},
};

/// Reads both kinds.
pub(super) async fn read(ask: &dyn Ask, account: &Account) -> Result<Snapshot, Unreadable> {
    let talk = Conversation::new(ask);
    let of_gateways = async {
        let gateways = gateways::list(&talk, account).await?;
        let (entries, controls) = gateways::read(&talk, &gateways).await?;
        Ok((gateways, entries, controls))
    };
    let ((gateways, mut entries, controls), keys) = try_join(of_gateways, keys::list(&talk, None)).await?;
    let own = account.own_claim.as_ref().and_then(|own| keys.iter().find(|key| key.is_live() && key.id == *own));
    let own = own.map(|key| OwnMark { kind: API_KEYS.name.into(), id: key.id.clone() });
    match (&account.own_claim, &own) {
        (None, _) => talk.remark("the credential does not tell which API key it belongs to"),
        (Some(_), None) => talk.remark("the API key of the credential is not in the list, or is revoked there"),
        (Some(_), Some(_)) => {}
    }
    entries.extend(keys);
    let mut directory = Directory::default();
    for gateway in gateways {
        directory.add(gateway);
    }
    let mut snapshot = talk.into_snapshot(DESCRIPTION.system, None, entries, directory);
    snapshot.own.extend(own);
    snapshot.controls = controls;
    Ok(snapshot)
}
