//! The list of tokens: pages by cursor, each token to an entry.

use std::{collections::HashSet, sync::Arc};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{
    answers,
    description::{API_TOKENS, GRAPHQL},
    documents,
};
use crate::{
    access::{Account, Directory, Entry, Facts, Life, Object, Text, Value},
    systems::shared::{Conversation, Heard, Pages, Rereads, moment, present, required},
    wire::{Fault, Read, Unreadable},
};

/// Tokens a page. Servers take more; a hundred keep a query far below the limit of its complexity.
const PAGE: usize = 100;

#[derive(Deserialize)]
struct Body {
    #[serde(deserialize_with = "present")]
    data: Option<Data>,
    #[serde(default, rename = "errors")]
    _errors: answers::NoErrors,
}

#[derive(Deserialize)]
struct Data {
    #[serde(deserialize_with = "present")]
    organization: Option<Organization>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Organization {
    id: Text,
    uuid: Text,
    api_access_tokens: Connection,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    #[serde(deserialize_with = "present")]
    edges: Option<Vec<Option<Edge>>>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
struct Edge {
    #[serde(deserialize_with = "present")]
    node: Option<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    #[serde(deserialize_with = "present")]
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: Text,
    uuid: Text,
    #[serde(deserialize_with = "present")]
    description: Option<Text>,
    created_at: String,
    #[serde(deserialize_with = "present")]
    expires_at: Option<String>,
    #[serde(deserialize_with = "present")]
    last_accessed_at: Option<String>,
    scopes: Vec<String>,
    #[serde(deserialize_with = "present")]
    owner: Option<Owner>,
}

#[derive(Deserialize)]
struct Owner {
    uuid: Text,
    email: Text,
    bot: bool,
}

/// The organization, as every page tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Whose {
    /// The id that the mutation takes.
    pub id: Text,
    /// The account's own id.
    pub uuid: Text,
}

/// The list, or the part of it up to the token that was looked for.
pub(super) struct List {
    pub whose: Whose,
    pub entries: Vec<Entry>,
    pub directory: Directory,
    pub pages: Pages,
}

/// Walks the list to its end, or until the token with the uuid `until` is found: then that one is the last entry.
pub(super) async fn walk(talk: &Conversation<'_>, account: &Account, until: Option<&Text>) -> Result<List, Unreadable> {
    let mut rereads = Rereads::default();
    loop {
        match once(talk, account, until).await {
            Ok(list) => return Ok(list),
            Err(error) => rereads.again(error)?,
        }
    }
}

async fn once(talk: &Conversation<'_>, account: &Account, until: Option<&Text>) -> Result<List, Unreadable> {
    let slug = required(account, "organization")?;
    let bots_too = account.lists("include", "system");
    let mut pages = Pages::of("API access tokens");
    let mut handles = HashSet::new();
    let (mut whose, mut entries, mut directory): (Option<Whose>, Vec<Entry>, _) =
        (None, Vec::new(), Directory::default());
    let mut after: Option<String> = None;
    loop {
        let variables = json!({ "organization": slug, "first": PAGE, "after": after });
        let heard = talk.ask(Read::graphql(GRAPHQL, documents::API_TOKENS, variables, answers::read_judge)).await?;
        answers::check(&heard)?;
        let organization = organization(&heard, slug)?;
        talk.page(&heard);
        let this = Whose { id: organization.id, uuid: organization.uuid };
        if whose.get_or_insert_with(|| this.clone()) != &this {
            return Err(heard.fault(Fault::Incomplete, "another organization answered in the middle of the list"));
        }
        let Connection { edges, page_info } = organization.api_access_tokens;
        let edges = edges.ok_or_else(|| heard.fault(Fault::Malformed, "a page of tokens is null"))?;
        let here = |error: Unreadable| error.at(&heard.request);
        pages.page(edges.len(), PAGE).map_err(here)?;
        let empty = edges.is_empty();
        for edge in edges {
            let node = edge.and_then(|edge| edge.node).ok_or_else(|| {
                heard.fault(Fault::Malformed, "a token in the list is null, so the list cannot be trusted to be whole")
            })?;
            pages.id(&node.uuid).map_err(here)?;
            if node.id.is_empty() || !handles.insert(node.id.clone()) {
                return Err(here(pages.fault("two tokens share the id that a removal takes")));
            }
            let found = until == Some(&node.uuid);
            entries.push(entry(node, &mut directory, bots_too, heard.earlier_time()).map_err(here)?);
            if found {
                return Ok(List { whose: this, entries, directory, pages });
            }
        }
        if !page_info.has_next_page {
            return Ok(List { whose: this, entries, directory, pages });
        }
        let cursor = page_info.end_cursor.unwrap_or_default();
        pages.cursor(&cursor).map_err(here)?;
        if empty {
            return Err(here(pages.fault("an empty page says that more follow")));
        }
        after = Some(cursor);
    }
}

/// A wrong slug, and an organization that the token may not see, are a null without any error.
fn organization(heard: &Heard, slug: &Text) -> Result<Organization, Unreadable> {
    let body: Body = heard.json()?;
    body.data.and_then(|data| data.organization).ok_or_else(|| {
        heard
            .fault(Fault::Missing, format!("Buildkite has no organization {slug:?} that this token can see"))
            .advise("check `organization:` of the target, and that the token covers that organization")
    })
}

fn entry(node: Node, directory: &mut Directory, bots_too: bool, at: Timestamp) -> Result<Entry, Unreadable> {
    let Node { id, uuid, description, created_at, expires_at, last_accessed_at, scopes, owner } = node;
    let bot = owner.as_ref().is_none_or(|owner| owner.bot);
    let principal = owner.map(|Owner { uuid, email, bot: _ }| {
        // The display name is left out: its owner chooses it, and it could be somebody else's address.
        let user = Object {
            class: "user".into(),
            id: uuid,
            names: vec![email],
            called: None,
            parent: None,
            people: None,
            typed: false,
        };
        directory.add(Arc::new(user))
    });
    let expires_at = expires_at.map(|text| moment("expiresAt", &text)).transpose()?;
    let last_used_at = last_accessed_at.map(|text| moment("lastAccessedAt", &text)).transpose()?;
    let description = description.filter(|text| !text.is_empty());
    let scopes = scopes.iter().map(|scope| Text::from(scope.to_ascii_lowercase()));
    Ok(Entry {
        kind: API_TOKENS,
        id: uuid.clone(),
        handle: Some(id),
        values: Box::new([
            Value::Text(uuid),
            principal.clone().map_or(Value::Absent, Value::Object),
            description.clone().map_or(Value::Absent, Value::Text),
            Value::set(scopes),
        ]),
        principal,
        label: description,
        created_at: Some(moment("createdAt", &created_at)?),
        expires_at,
        last_used_at,
        // Expired tokens stay in the list for a while.
        life: match expires_at {
            Some(end) if end <= at => Life::Dead(Text::new_static("expired")),
            _ => Life::Live,
        },
        facts: (bot && !bots_too)
            .then(|| Box::new(Facts { outside: Some(Text::new_static("system")), ..Facts::default() })),
    })
}
