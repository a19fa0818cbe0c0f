//! Access states as AccessOwl lists them, with the objects that they speak of.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    access::{Object, Text},
    systems::shared::{Conversation, Heard, Pages, Str, moment, present},
    wire::{Fault, Unreadable},
};

use super::{
    list::{List, Page, walk},
    objects::{ApplicationRow, Objects, ResourceRow, UserRow},
};

const EXPAND: &str = "grantee_user,application,resource,target_permissions";

/// One access state.
#[derive(Debug, Clone)]
pub struct State {
    /// Its id.
    pub id: Text,
    /// The application's id.
    pub application: Text,
    /// The person, where the account is linked to one.
    pub user: Option<Arc<Object>>,
    /// The account in the application.
    pub account: Option<Text>,
    /// The resource's id; none means the application as a whole.
    pub resource: Option<Text>,
    /// Sorted by id, without repeats.
    pub permissions: Arc<[Arc<Object>]>,
    /// When it became effective.
    pub start: Timestamp,
    /// When it ended. Only an explicit null means that it has not.
    pub end: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    id: Str<'a>,
    #[serde(borrow)]
    application_id: Str<'a>,
    #[serde(borrow, default)]
    grantee_user_account_id: Option<Str<'a>>,
    #[serde(borrow, default)]
    grantee_user_id: Option<Str<'a>>,
    #[serde(borrow, default)]
    resource_id: Option<Str<'a>>,
    #[serde(borrow, deserialize_with = "present")]
    target_permission_ids: Option<Vec<Str<'a>>>,
    #[serde(borrow)]
    effective_start: Str<'a>,
    #[serde(borrow, deserialize_with = "present")]
    effective_end: Option<Str<'a>>,
    #[serde(borrow, default)]
    application: Option<ApplicationRow<'a>>,
    #[serde(borrow, default)]
    grantee_user: Option<UserRow<'a>>,
    #[serde(borrow, default)]
    resource: Option<ResourceRow<'a>>,
    #[serde(borrow, default)]
    target_permissions: Option<Vec<PermissionRow<'a>>>,
}

#[derive(Deserialize)]
struct PermissionRow<'a> {
    #[serde(borrow)]
    id: Str<'a>,
    #[serde(borrow, default)]
    title: Option<Str<'a>>,
}

/// Which states to list. There is no call for one alone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'f> {
    /// Of this application.
    pub application: Option<&'f str>,
    /// Of this person. Unlinked accounts can be found by application only.
    pub user: Option<&'f str>,
}

/// Lists states, ended ones too, and takes in every object that they bring along.
///
/// # Errors
/// The list is not whole, or a state lacks what tells whether it is active.
pub async fn list(
    conversation: &Conversation<'_>,
    filter: Filter<'_>,
    objects: &mut Objects,
) -> Result<Vec<State>, Unreadable> {
    let mut query = vec![("expand", EXPAND)];
    query.extend(filter.application.map(|id| ("application_id", id)));
    query.extend(filter.user.map(|id| ("grantee_user_id", id)));
    let wanted = List { rows: "access states", path: "access_states", query, optional: false };
    let mut sets = Sets::default();
    let take = |states: &mut Vec<State>, heard: &Heard, pages: &mut Pages| {
        conversation.page(heard);
        let page: Page<'_, Row<'_>> = heard.json()?;
        for row in &page.data {
            let state = state(row, objects, &mut sets)?;
            pages.id(&state.id)?;
            states.push(state);
        }
        page.turn(pages)
    };
    let Some((mut states, pages)) = walk(conversation, wanted, take).await? else { return Ok(Vec::new()) };
    sets.complete(&mut states);
    conversation.prove(format!(
        "access states: {} rows on {} pages, to the explicit end mark, no id and no cursor twice",
        pages.rows(),
        pages.pages()
    ));
    Ok(states)
}

fn state(row: &Row<'_>, objects: &mut Objects, sets: &mut Sets) -> Result<State, Unreadable> {
    if let Some(application) = &row.application {
        objects.take_application(application);
    }
    let application = objects.shared(row.application_id.as_str());
    // A linked state whose person was not expanded is still linked: the id alone says so.
    let user = match (&row.grantee_user_id, &row.grantee_user) {
        (Some(id), Some(user)) if id.as_str() == user.id.as_str() => Some(objects.take_user(user)),
        (Some(id), None) => Some(objects.user_by_id(id.as_str())),
        (None, None) => None,
        _ => return Err(contradiction(row, "person")),
    };
    let resource = match (&row.resource_id, &row.resource) {
        (Some(id), Some(resource)) if id.as_str() == resource.id.as_str() => {
            objects.take_resource(row.application_id.as_str(), resource);
            Some(objects.shared(id.as_str()))
        }
        (Some(id), None) => Some(objects.shared(id.as_str())),
        (None, None) => None,
        _ => return Err(contradiction(row, "resource")),
    };
    let end = row.effective_end.as_ref().map(|end| moment("effective_end", end.as_str())).transpose()?;
    Ok(State {
        id: row.id.as_str().into(),
        application,
        user,
        account: row.grantee_user_account_id.as_ref().map(|id| objects.shared(id.as_str())),
        resource,
        permissions: sets.of(row),
        start: moment("effective_start", row.effective_start.as_str())?,
        end,
    })
}

fn contradiction(row: &Row<'_>, what: &str) -> Unreadable {
    let id = row.id.as_str();
    Unreadable::new(Fault::Malformed, format!("the access state {id:?} names one {what} and brings another along"))
}

/// Sets of permissions, each kept once: thousands of states share a handful. A permission has the title that any state of
/// the list brought along, whichever came first.
#[derive(Default)]
struct Sets {
    known: HashMap<Vec<Text>, Arc<[Arc<Object>]>>,
    permissions: HashMap<Text, Arc<Object>>,
    /// Permissions whose title came after a set with them was made.
    titled_late: HashSet<Text>,
}

impl Sets {
    fn of(&mut self, row: &Row<'_>) -> Arc<[Arc<Object>]> {
        for permission in row.target_permissions.iter().flatten() {
            self.take(permission);
        }
        let given = row.target_permission_ids.as_deref().unwrap_or_default();
        let mut ids: Vec<Text> = given.iter().map(|id| Text::new(id.as_str())).collect();
        ids.sort_unstable();
        ids.dedup();
        if let Some(set) = self.known.get(&ids) {
            return Arc::clone(set);
        }
        let set: Arc<[Arc<Object>]> = ids.iter().map(|id| self.permission(id)).collect();
        self.known.insert(ids, Arc::clone(&set));
        set
    }

    /// Takes a permission's title in; an empty one is none.
    fn take(&mut self, row: &PermissionRow<'_>) {
        let Some(title) = row.title.as_ref().map(Str::as_str).filter(|title| !title.is_empty()) else { return };
        let known = self.permissions.get(row.id.as_str());
        if known.is_some_and(|known| !known.names.is_empty()) {
            return;
        }
        let id = Text::new(row.id.as_str());
        if known.is_some() {
            self.titled_late.insert(id.clone());
        }
        self.permissions.insert(id.clone(), Arc::new(object("permission", id, vec![Text::new(title)], None)));
    }

    fn permission(&mut self, id: &Text) -> Arc<Object> {
        let untitled = || Arc::new(object("permission", id.clone(), Vec::new(), None));
        Arc::clone(self.permissions.entry(id.clone()).or_insert_with(untitled))
    }

    /// Gives every state the titles that came after it.
    fn complete(mut self, states: &mut [State]) {
        let mut known = std::mem::take(&mut self.known);
        known.retain(|ids, _| ids.iter().any(|id| self.titled_late.contains(id)));
        for (ids, set) in &mut known {
            *set = ids.iter().map(|id| self.permission(id)).collect();
        }
        if known.is_empty() {
            return;
        }
        for state in states {
            let ids: Vec<Text> = state.permissions.iter().map(|permission| permission.id.clone()).collect();
            if let Some(set) = known.get(&ids) {
                state.permissions = Arc::clone(set);
            }
        }
    }
}

/// An object of AccessOwl's directory.
pub fn object(class: &'static str, id: Text, names: Vec<Text>, parent: Option<Text>) -> Object {
    Object { class: Text::new_static(class), id, names, called: None, parent, people: None, typed: false }
}
