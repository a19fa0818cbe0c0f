//! Grants as Aitronos lists them, and as entries.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    access::{Account, Entry, Facts, Life, Object, Text, Value},
    systems::shared::{Conversation, Heard, moment, read_judge, required},
    wire::{Fault, Read, Unreadable},
};

use super::{
    description::{API, GRANT, ORGANIZATION},
    list::{LIMIT, List, Page, walk},
};

/// One grant.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Its id.
    pub id: Text,
    /// What it gives access to.
    pub entity: (Text, Text),
    /// Who holds it.
    pub grantee: (Text, Text),
    /// The level.
    pub level: Text,
    /// When it came to be, where the API tells.
    pub created_at: Option<Timestamp>,
    /// Whether it is a remnant of a grant that was revoked.
    pub deleted: bool,
}

#[derive(Deserialize)]
struct Envelope {
    items: Vec<Row>,
    total: u64,
    has_more: bool,
    #[serde(default)]
    skip: Option<u64>,
}

#[derive(Deserialize)]
struct Row {
    id: Text,
    entity_type: Text,
    entity_id: Text,
    grantee_type: Text,
    grantee_id: Text,
    access_level: Text,
    #[serde(default)]
    organization_id: Option<Text>,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    deleted_at: Option<String>,
}

/// Which grants to list.
#[derive(Debug, Clone, Copy)]
pub struct Of<'g> {
    /// What they give access to.
    pub entity: (&'g str, &'g str),
    /// Who holds them.
    pub grantee: (&'g str, &'g str),
}

/// Lists grants, all of them or those of one entity and grantee.
///
/// # Errors
/// The list is not whole, or it is another organization's.
pub async fn list(
    conversation: &Conversation<'_>,
    account: &Account,
    of: Option<Of<'_>>,
) -> Result<Vec<Grant>, Unreadable> {
    let organization = required(account, ORGANIZATION)?;
    let ask = |skip: u64| {
        let (skip, limit) = (skip.to_string(), LIMIT.to_string());
        let mut query = Vec::new();
        if let Some(of) = of {
            query.push(("entity_type", of.entity.0));
            query.push(("entity_id", of.entity.1));
            query.push(("grantee_type", of.grantee.0));
            query.push(("grantee_id", of.grantee.1));
        }
        query.push(("skip", skip.as_str()));
        query.push(("limit", limit.as_str()));
        Read::get(API, &["organizations", organization, "access", "grants"], &query, read_judge)
    };
    let rows =
        walk(conversation, &List { rows: "grants", ask: &ask, page, id: |row: &Row| &row.id, entries: true }).await?;
    rows.into_iter().map(|row| grant(row, organization)).collect()
}

fn page(heard: &Heard) -> Result<Page<Row>, Unreadable> {
    let Envelope { items, total, has_more, skip } = heard.ok()?;
    for row in &items {
        let required =
            [&row.id, &row.entity_type, &row.entity_id, &row.grantee_type, &row.grantee_id, &row.access_level];
        if required.iter().any(|text| text.is_empty()) {
            return Err(heard.fault(Fault::Malformed, format!("a field of the grant {:?} is empty", row.id)));
        }
    }
    Ok(Page { rows: items, total, has_more: Some(has_more), skip })
}

fn grant(row: Row, organization: &Text) -> Result<Grant, Unreadable> {
    same_organization(row.organization_id.as_deref(), organization)?;
    Ok(Grant {
        id: row.id,
        entity: (row.entity_type, row.entity_id),
        grantee: (row.grantee_type, row.grantee_id),
        level: row.access_level,
        created_at: row.created_at.and_then(|at| moment("created_at", &at).ok()),
        deleted: row.deleted_at.is_some(),
    })
}

/// Refuses what an answer says to be of another organization than the target's.
///
/// # Errors
/// [`Fault::WrongAccount`].
pub fn same_organization(told: Option<&str>, organization: &Text) -> Result<(), Unreadable> {
    match told {
        Some(told) if told != organization => Err(Unreadable::new(
            Fault::WrongAccount,
            format!("the answer is of the organization {told:?}, and the target says {:?}", organization.as_str()),
        )
        .advise("check `organization` of the target, and whose credential it has")),
        _ => Ok(()),
    }
}

/// Objects by class and id, each kept once. The written form `class/id` belongs to entities and grantees; a person stands
/// without it.
#[derive(Debug, Default)]
pub struct Objects {
    typed: HashMap<(Text, Text), Arc<Object>>,
    users: HashMap<Text, Arc<Object>>,
}

impl Objects {
    /// Takes an object in that is no person; the first form stays.
    pub fn take(&mut self, class: &str, id: Text, names: Vec<Text>, people: Option<u32>) {
        let taken = || Arc::new(object(class, &id, names, people, true));
        self.typed.entry((class.into(), id.clone())).or_insert_with(taken);
    }

    /// Takes a person in, with the e-mail address as the only name; the first form stays.
    pub fn take_user(&mut self, id: Text, names: Vec<Text>, called: Option<Text>) {
        let taken =
            |typed| Arc::new(Object { called: called.clone(), ..object("user", &id, names.clone(), None, typed) });
        self.users.entry(id.clone()).or_insert_with(|| taken(false));
        self.typed.entry(("user".into(), id.clone())).or_insert_with(|| taken(true));
    }

    fn typed(&mut self, (class, id): &(Text, Text)) -> Arc<Object> {
        let key = (class.clone(), id.clone());
        if let Some(known) = self.typed.get(&key) {
            return Arc::clone(known);
        }
        // Named by a grant only: an object without names.
        match class.as_str() {
            "user" => self.take_user(id.clone(), Vec::new(), None),
            _ => self.take(class, id.clone(), Vec::new(), None),
        }
        Arc::clone(self.typed.entry(key).or_insert_with(|| Arc::new(object(class, id, Vec::new(), None, true))))
    }

    /// Every object for a directory, people without the written class.
    pub fn all(&self) -> Vec<Arc<Object>> {
        let others = self.typed.values().filter(|object| object.class != "user");
        let mut all: Vec<Arc<Object>> = self.users.values().chain(others).cloned().collect();
        all.sort_unstable_by(|a, b| (&a.class, &a.id).cmp(&(&b.class, &b.id)));
        all
    }
}

fn object(class: &str, id: &Text, names: Vec<Text>, people: Option<u32>, typed: bool) -> Object {
    Object { class: class.into(), id: id.clone(), names, called: None, parent: None, people, typed }
}

/// The entry of a grant.
pub fn entry(grant: &Grant, objects: &mut Objects) -> Entry {
    let entity = objects.typed(&grant.entity);
    let grantee = objects.typed(&grant.grantee);
    let user = objects.users.get(&grant.grantee.1).filter(|_| grant.grantee.0 == "user").cloned();
    let life = if grant.deleted { Life::Dead(Text::new_static("revoked")) } else { Life::Live };
    let mut facts = Facts { weight: grantee.people.unwrap_or(0), ..Facts::default() };
    if grant.level == "admin" {
        facts.floor_groups.push(format!("admin:{}/{}", entity.class, entity.id).into());
    }
    let facts = (life == Life::Live && facts != Facts::default()).then(|| Box::new(facts));
    let label = format!("{} on {}/{}", grant.level, entity.class, entity.shown()).into();
    Entry {
        kind: GRANT,
        id: grant.id.clone(),
        handle: None,
        values: Box::new([
            Value::Text(grant.id.clone()),
            Value::Object(entity),
            Value::Object(Arc::clone(&grantee)),
            user.clone().map_or(Value::Absent, Value::Object),
            Value::Text(grant.level.clone()),
        ]),
        principal: Some(user.unwrap_or(grantee)),
        label: Some(label),
        created_at: grant.created_at,
        expires_at: None,
        last_used_at: None,
        life,
        facts,
    }
}
