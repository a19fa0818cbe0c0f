//! Where an entity can still be reached after a grant is gone: departments, roles, composite slices, its own settings.

use serde::Deserialize;

use crate::{
    access::{Account, Directory, Entry, Text},
    systems::shared::{Conversation, Heard, read_judge, required},
    wire::{Ask, Read, Unreadable},
};

use super::{
    description::{API, ENTITY, GRANTEE, ORGANIZATION},
    revoke::object,
};

#[derive(Deserialize)]
struct Resolved {
    entities: Vec<Entity>,
}

#[derive(Deserialize)]
struct Entity {
    entity_type: Text,
    entity_id: Text,
    #[serde(default)]
    access_level: Option<Text>,
}

#[derive(Deserialize)]
struct Holders {
    users: Vec<serde::de::IgnoredAny>,
}

/// One remark a path that is left, as far as Aitronos tells.
///
/// # Errors
/// The look failed.
pub async fn still_reachable(
    ask: &dyn Ask,
    account: &Account,
    entry: &Entry,
    directory: &Directory,
) -> Result<Vec<String>, Unreadable> {
    let conversation = Conversation::new(ask);
    let organization = required(account, ORGANIZATION)?;
    let (entity, grantee) = (object(entry, ENTITY)?, object(entry, GRANTEE)?);
    let shown = directory.get(&entity.class, &entity.id).map_or(entity.shown(), |known| known.shown());
    let thing = format!("{}/{shown}", entity.class);
    let kind = [("entity_type", entity.class.as_str())];
    if grantee.class == "user" {
        let path = ["organizations", organization.as_str(), "users", grantee.id.as_str(), "resolved-access"];
        let heard = conversation.ask(Read::get(API, &path, &kind, read_judge)?).await?;
        let resolved: Resolved = heard.ok()?;
        let left = resolved
            .entities
            .iter()
            .filter(|left| left.entity_id == entity.id && left.entity_type == entity.class)
            .map(|left| match &left.access_level {
                Some(level) => format!("the same person still has {level} on {thing} by another way"),
                None => format!("the same person still reaches {thing} by another way"),
            });
        return Ok(left.collect());
    }
    let query = [kind[0], ("entity_id", entity.id.as_str())];
    let holders: Holders = holders(&conversation, organization, &query).await?.ok()?;
    Ok(match holders.users.len() {
        0 => Vec::new(),
        1 => vec![format!("1 person still reaches {thing} by other ways")],
        count => vec![format!("{count} people still reach {thing} by other ways")],
    })
}

/// Two addresses of this call are documented.
async fn holders(
    conversation: &Conversation<'_>,
    organization: &Text,
    query: &[(&'static str, &str)],
) -> Result<Heard, Unreadable> {
    let path = |below: &'static str| ["organizations", organization.as_str(), below, "users-with-access"];
    let heard = conversation.ask(Read::get(API, &path("access"), query, read_judge)?).await?;
    if heard.status() != 404 {
        return Ok(heard);
    }
    conversation.ask(Read::get(API, &path("knowledge"), query, read_judge)?).await
}
