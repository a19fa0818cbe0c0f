//! People, departments and roles, and the names of assistants and knowledge slices.
//!
//! People, departments and roles are always read: without them a declared person or group would look like somebody else's.
//! Assistants and slices are read only where a grant or a policy speaks of one. Their lists show what the credential may
//! see, so they give names but prove nothing: what is in none of them goes by its id. Vector stores have no list at all.

use std::collections::{BTreeSet, HashSet};

use serde::Deserialize;
use serde_json::json;

use crate::{
    access::{Account, Pattern, Text},
    systems::{
        Wanted, WantedGlob, WantedName,
        shared::{Conversation, Heard, read_judge, required, unreadable},
    },
    wire::{Fault, Read, Unreadable},
};

use super::{
    description::{API, ENTITY, GRANT, ID_PREFIXES, ORGANIZATION},
    grants::{Grant, Objects, same_organization},
    list::{LIMIT, List, Page, walk},
};

/// The classes of which there is a list to look names up in.
const LISTED: &[&str] = &["assistant", "knowledge_slice"];

/// Reads everything that names can stand for.
///
/// # Errors
/// A list that is needed is not whole or not allowed.
pub async fn read(
    conversation: &Conversation<'_>,
    account: &Account,
    wanted: &Wanted,
    grants: &[Grant],
    objects: &mut Objects,
) -> Result<(), Unreadable> {
    let organization = required(account, ORGANIZATION)?;
    members(conversation, organization, grants, objects).await?;
    departments(conversation, organization, objects).await?;
    roles(conversation, organization, objects).await?;
    let spoken_of: BTreeSet<&str> = grants.iter().map(|grant| grant.entity.0.as_str()).collect();
    for &class in LISTED {
        let named = names_one(wanted, class);
        if !named && !spoken_of.contains(class) {
            continue;
        }
        let read = match class {
            "assistant" => assistants(conversation, organization).await,
            _ => slices(conversation, organization).await,
        };
        match read {
            Ok(rows) => {
                for row in rows {
                    objects.take(class, row.id, row.name.into_iter().collect(), None);
                }
            }
            // Without this list everything goes by id. Only a policy that needs it makes that an error.
            Err(error) if !named && matches!(error.fault, Fault::Permission | Fault::Missing) => {
                conversation.remark(format!("names of objects of class {class} are not known: {}", error.what));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether a policy, or a selector of either file, names one of a class by anything but an id.
fn names_one(wanted: &Wanted, class: &str) -> bool {
    let prefix = ID_PREFIXES.iter().find(|(of, _)| *of == class).map_or("", |(_, prefix)| prefix);
    let is_name = |written: &str, rest: &str| written == class && !rest.starts_with(prefix);
    let literal = |name: &&WantedName| name.name.split_once('/').is_some_and(|(written, rest)| is_name(written, rest));
    let entity = GRANT.fields.get(ENTITY).map_or("", |field| field.name);
    let every_one = Pattern::literal(&format!("{class}/")).followed_by_anything();
    // A glob that takes every id needs no name.
    let glob = |glob: &&WantedGlob| {
        let beginning = glob.pattern.beginning();
        let speaks_of_it = match beginning.split_once('/') {
            Some((written, rest)) => is_name(written, rest),
            None => class.starts_with(beginning),
        };
        speaks_of_it && !every_one.lies_in(&glob.pattern)
    };
    wanted.names.iter().filter(|name| name.kind == GRANT.name).any(|name| literal(&name))
        || wanted.globs.iter().filter(|glob| glob.kind == GRANT.name && glob.field == entity).any(|one| glob(&one))
}

/// A person. The id of the membership (`orguser_…`) is another one: one who came back may have several.
#[derive(Deserialize)]
struct Member {
    #[serde(default)]
    id: Option<Text>,
    user_id: Text,
    #[serde(default)]
    email: Option<Text>,
    #[serde(default)]
    full_name: Option<Text>,
}

/// Two shapes of the one list are documented.
#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    members: Option<Vec<Member>>,
    #[serde(default)]
    users: Option<Vec<Member>>,
    #[serde(default)]
    total: Option<u64>,
    #[serde(default)]
    total_users_count: Option<u64>,
    #[serde(default)]
    skip: Option<u64>,
}

/// Takes the members in, and, where a grant names somebody who is none, those who were removed: their grants stay, and without
/// their addresses nobody could tell that they left.
async fn members(
    conversation: &Conversation<'_>,
    organization: &Text,
    grants: &[Grant],
    objects: &mut Objects,
) -> Result<(), Unreadable> {
    let live = list_members(conversation, organization, false).await?;
    let ids: HashSet<Text> = live.iter().map(|member| member.user_id.clone()).collect();
    let is_unknown = |grant: &Grant| !grant.deleted && grant.grantee.0 == "user" && !ids.contains(&grant.grantee.1);
    let removed = match grants.iter().any(is_unknown) {
        false => Vec::new(),
        true => match list_members(conversation, organization, true).await {
            Ok(all) => all,
            // The live list is whole, and that is all that has to be: whoever is not told stays without a name, and what such a
            // user holds is held where it could be meant. A list that is only half true gives no names at all.
            Err(error) => {
                conversation.remark(format!("who was removed from the organization is not known: {}", error.what));
                Vec::new()
            }
        },
    };
    // An address that was given to somebody else since then is theirs.
    let folded = |email: &Text| email.to_lowercase();
    let taken: HashSet<String> = live.iter().filter_map(|member| member.email.as_ref()).map(folded).collect();
    let removed = removed
        .into_iter()
        .filter(|member| !ids.contains(&member.user_id))
        .map(|member| Member { email: member.email.filter(|email| !taken.contains(&folded(email))), ..member });
    for member in live.into_iter().chain(removed) {
        let names = member.email.into_iter().filter(|email| !email.is_empty()).collect();
        // People choose their names: they are shown, and one that looks like an address could pass for somebody else's.
        let called = member.full_name.filter(|name| !name.is_empty() && !name.contains('@'));
        objects.take_user(member.user_id, names, called);
    }
    Ok(())
}

/// The members of the organization; with those who were removed, where they are asked for.
async fn list_members(
    conversation: &Conversation<'_>,
    organization: &Text,
    removed_too: bool,
) -> Result<Vec<Member>, Unreadable> {
    let ask = |skip: u64| {
        let mut body = json!({"skip": skip, "take": LIMIT, "sort_field": "created_at", "sort_direction": "asc"});
        if removed_too && let Some(body) = body.as_object_mut() {
            body.insert("include_deleted".to_owned(), true.into());
        }
        Read::lookup_by_post(API, &["organizations", organization, "users"], body, read_judge)
    };
    let page = |heard: &Heard| {
        let page: Members = heard.ok()?;
        let rows = page.members.or(page.users);
        let total = page.total.or(page.total_users_count);
        match (rows, total) {
            (Some(rows), Some(total)) => Ok(Page { rows, total, has_more: None, skip: page.skip }),
            _ => Err(heard.fault(Fault::Malformed, "the list of members has neither of its two shapes")),
        }
    };
    let id: fn(&Member) -> &Text = match removed_too {
        true => |row| row.id.as_ref().unwrap_or(&row.user_id),
        false => |row| &row.user_id,
    };
    walk(conversation, &List { rows: "members", ask: &ask, page, id, entries: false }).await
}

/// A department or a role.
#[derive(Deserialize)]
struct Group {
    id: Text,
    #[serde(default)]
    name: Option<Text>,
    #[serde(default)]
    member_count: Option<u32>,
    #[serde(default)]
    organization_id: Option<Text>,
}

/// A list without pages, bare or in an envelope of its own name.
#[derive(Deserialize)]
#[serde(untagged)]
enum Groups {
    Bare(Vec<Group>),
    Departments { departments: Vec<Group> },
    Roles { roles: Vec<Group> },
}

async fn departments(
    conversation: &Conversation<'_>,
    organization: &Text,
    objects: &mut Objects,
) -> Result<(), Unreadable> {
    let read = Read::get(API, &["organizations", organization, "departments"], &[], read_judge)?;
    let heard = conversation.ask(read).await?;
    for group in groups(&heard)? {
        same_organization(group.organization_id.as_deref(), organization).map_err(|error| error.at(&heard.request))?;
        objects.take("department", group.id, group.name.into_iter().collect(), group.member_count);
    }
    Ok(())
}

async fn roles(conversation: &Conversation<'_>, organization: &Text, objects: &mut Objects) -> Result<(), Unreadable> {
    let query = [("include_global", "true")];
    let read = Read::get(API, &["organizations", organization, "roles"], &query, read_judge)?;
    for group in groups(&conversation.ask(read).await?)? {
        objects.take("role", group.id, group.name.into_iter().collect(), group.member_count);
    }
    Ok(())
}

fn groups(heard: &Heard) -> Result<Vec<Group>, Unreadable> {
    let (Groups::Bare(groups) | Groups::Departments { departments: groups } | Groups::Roles { roles: groups }) =
        heard.ok()?;
    let mut pages = crate::systems::shared::Pages::of("departments or roles");
    for group in &groups {
        pages.id(&group.id).map_err(|error| error.at(&heard.request))?;
    }
    Ok(groups)
}

/// Something with a name.
#[derive(Deserialize)]
struct Named {
    id: Text,
    #[serde(default)]
    name: Option<Text>,
}

#[derive(Deserialize)]
struct NamedList {
    #[serde(default)]
    assistants: Option<Vec<Named>>,
    #[serde(default)]
    slices: Option<Vec<Named>>,
    #[serde(default)]
    items: Option<Vec<Named>>,
    #[serde(default)]
    total: Option<u64>,
}

async fn assistants(conversation: &Conversation<'_>, organization: &Text) -> Result<Vec<Named>, Unreadable> {
    let ask = |offset: u64| {
        let (offset, limit) = (offset.to_string(), LIMIT.to_string());
        let query = [
            ("organization_id", organization.as_str()),
            ("include_inactive", "true"),
            ("limit", limit.as_str()),
            ("offset", offset.as_str()),
        ];
        Read::get(API, &["assistants"], &query, read_judge)
    };
    named(conversation, "assistants", &ask).await
}

async fn slices(conversation: &Conversation<'_>, organization: &Text) -> Result<Vec<Named>, Unreadable> {
    let ask = |skip: u64| {
        let (skip, limit) = (skip.to_string(), LIMIT.to_string());
        let query = [("skip", skip.as_str()), ("limit", limit.as_str())];
        Read::get(API, &["organizations", organization, "knowledge", "slices"], &query, read_judge)
    };
    named(conversation, "knowledge slices", &ask).await
}

async fn named(
    conversation: &Conversation<'_>,
    rows: &'static str,
    ask: &(dyn Fn(u64) -> Result<Read, Unreadable> + Send + Sync),
) -> Result<Vec<Named>, Unreadable> {
    let page = |heard: &Heard| {
        if heard.status() != 200 {
            return Err(unreadable(&heard.answer).at(&heard.request));
        }
        let list: NamedList = heard.json()?;
        match (list.assistants.or(list.slices).or(list.items), list.total) {
            (Some(rows), Some(total)) => Ok(Page { rows, total, has_more: None, skip: None }),
            _ => Err(heard.fault(Fault::Malformed, "the answer holds no list with a total")),
        }
    };
    walk(conversation, &List { rows, ask, page, id: |row: &Named| &row.id, entries: false }).await
}
