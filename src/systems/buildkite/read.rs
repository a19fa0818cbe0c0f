//! A whole reading: the list, and which of its tokens is calling.

use futures::future::try_join;
use serde::Deserialize;

use super::{
    answers,
    description::{API_TOKENS, DESCRIPTION, REST},
    list,
};
use crate::{
    access::{Account, OwnMark, Snapshot, Text},
    systems::shared::{Conversation, unreadable},
    wire::{Ask, Fault, Read, Unreadable},
};

#[derive(Deserialize)]
struct Calling {
    uuid: Text,
}

/// Reads every token of the organization.
pub(super) async fn read(ask: &dyn Ask, account: &Account) -> Result<Snapshot, Unreadable> {
    let talk = Conversation::new(ask);
    let (list, calling) = try_join(list::walk(&talk, account, None), calling(&talk)).await?;
    talk.prove(format!(
        "API access tokens: {} by cursor, until hasNextPage was false; this API tells no total",
        list.pages.told()
    ));
    let own = calling.and_then(|uuid| {
        let listed = list.entries.iter().find(|entry| entry.is_live() && entry.id.eq_ignore_ascii_case(&uuid));
        if listed.is_none() {
            talk.remark("the token that is calling is not in the list of this organization, so it is not known there");
        }
        listed.map(|entry| OwnMark { kind: API_TOKENS.name.into(), id: entry.id.clone() })
    });
    let mut snapshot = talk.into_snapshot(DESCRIPTION.system, Some(list.whose.uuid), list.entries, list.directory);
    snapshot.own.extend(own);
    Ok(snapshot)
}

/// The uuid of the token that is calling. That it cannot be had is remarked, not an error; that the token is not accepted is.
async fn calling(talk: &Conversation<'_>) -> Result<Option<Text>, Unreadable> {
    let answered = match talk.ask(Read::get(REST, &["access-token"], &[], answers::read_judge)?).await {
        Ok(heard) if heard.status() == 401 => Err(unreadable(&heard.answer).at(&heard.request)),
        Ok(heard) => heard.ok::<Calling>(),
        Err(error) => Err(error),
    };
    match answered {
        Ok(calling) => Ok(Some(calling.uuid)),
        Err(error) if error.fault == Fault::Credential => Err(error),
        Err(error) => {
            talk.remark(format!("which token is calling could not be read: {error}"));
            Ok(None)
        }
    }
}
