//! Aitronos' two views of what a user can reach after all grants are added up.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    grants::invalid,
    routes::missing,
    state::{Grant, State},
};
use crate::sandbox::call::{Call, Reply};

const LEVELS: &[&str] = &["read", "write", "admin"];

fn rank(level: &str) -> usize {
    LEVELS.iter().position(|known| *known == level).unwrap_or(0)
}

/// The highest level, and every path that gives something.
#[derive(Default)]
struct Reach {
    level: usize,
    paths: Vec<Value>,
}

impl Reach {
    fn add(&mut self, grant: &Grant, through: Option<&str>) {
        self.level = self.level.max(rank(&grant.access_level));
        let via = match (grant.grantee_type.as_str(), through) {
            (_, Some(_)) => "composite",
            ("user", None) => "direct",
            (other, None) => other,
        };
        self.paths.push(json!({ "type": via, "grant_id": grant.id, "source_id": through.unwrap_or(&grant.grantee_id),
            "access_level": grant.access_level }));
    }

    fn level(&self) -> &'static str {
        LEVELS.get(self.level).copied().unwrap_or("read")
    }
}

impl State {
    fn holders<'a>(&'a self, grant: &Grant) -> Vec<&'a str> {
        let members = match grant.grantee_type.as_str() {
            "user" => return vec![self.user_id(&grant.grantee_id)],
            "department" => self.departments.iter().find(|d| d.id == grant.grantee_id).map(|d| &d.members),
            _ => self.roles.iter().find(|role| role.id == grant.grantee_id).map(|role| &role.members),
        };
        members.into_iter().flatten().map(String::as_str).collect()
    }

    fn user_id<'a>(&'a self, id: &str) -> &'a str {
        self.users.iter().find(|user| user.id == id).map_or("", |user| &user.id)
    }

    /// What a grant reaches: its entity, and for a composite slice the slices in it.
    fn reached<'a>(&'a self, grant: &'a Grant) -> Vec<(&'a str, Option<&'a str>)> {
        let composite = self.slices.iter().find(|slice| slice.id == grant.entity_id);
        let inside =
            composite.into_iter().flat_map(|slice| &slice.members).map(|id| (id.as_str(), Some(&*grant.entity_id)));
        std::iter::once((grant.entity_id.as_str(), None)).chain(inside).collect()
    }

    pub(super) fn resolved_access(&self, call: &Call, user_id: &str) -> Reply {
        if !self.users.iter().any(|user| user.id == user_id) {
            return missing("user_id", user_id);
        }
        let mut all: BTreeMap<(&str, &str), Reach> = BTreeMap::new();
        for grant in self.grants.iter().filter(|grant| self.holders(grant).contains(&user_id)) {
            for (entity, through) in self.reached(grant) {
                all.entry((&grant.entity_type, entity)).or_default().add(grant, through);
            }
        }
        let entities: Vec<Value> = all
            .into_iter()
            .filter(|((kind, _), _)| call.param("entity_type").is_none_or(|wanted| wanted == *kind))
            .map(|((kind, id), reach)| {
                json!({ "entity_type": kind, "entity_id": id, "access_level": reach.level(),
                    "grant_paths": reach.paths })
            })
            .collect();
        Reply::json(200, json!({ "user_id": user_id, "entities": entities })).list("/entities", None)
    }

    pub(super) fn users_with_access(&self, call: &Call) -> Reply {
        let (Some(kind), Some(id)) = (call.param("entity_type"), call.param("entity_id")) else {
            return invalid("entity_type and entity_id are required");
        };
        let mut all: BTreeMap<&str, Reach> = BTreeMap::new();
        for grant in self.grants.iter().filter(|grant| grant.entity_type == kind) {
            for (_, through) in self.reached(grant).into_iter().filter(|(entity, _)| *entity == id) {
                for user in self.holders(grant).into_iter().filter(|user| !user.is_empty()) {
                    all.entry(user).or_default().add(grant, through);
                }
            }
        }
        let users: Vec<Value> = all
            .into_iter()
            .map(|(user, reach)| json!({ "user_id": user, "access_level": reach.level(), "grant_paths": reach.paths }))
            .collect();
        Reply::json(200, json!({ "entity_type": kind, "entity_id": id, "users": users })).list("/users", None)
    }
}
