//! Aitronos' directory: five lists that page in four ways.

use serde_json::{Value, json};

use super::{
    grants::{invalid, page},
    routes::{error, missing},
    state::{State, User},
};
use crate::sandbox::call::{Call, Reply};

/// The default and the largest page of members.
const MEMBER_PAGE: usize = 10;
const MAX_PAGE: usize = 100;

impl State {
    /// `POST …/users`: a read by POST. The membership's own id is not the user's.
    pub(super) fn list_members(&self, call: &Call) -> Reply {
        let body = if call.body.is_empty() { Some(serde_json::Map::new()) } else { call.json() };
        let Some(body) = body else { return invalid("a JSON object is expected") };
        let number = |name: &str, default: usize| match body.get(name) {
            None => Some(default),
            Some(value) => value.as_u64().and_then(|number| usize::try_from(number).ok()),
        };
        let (Some(skip), Some(take @ 1..=MAX_PAGE)) = (number("skip", 0), number("take", MEMBER_PAGE)) else {
            return invalid("skip is a number, take one from 1 to 100");
        };
        let search = body.get("search_term").and_then(Value::as_str).map(str::to_lowercase);
        let deleted = body.get("include_deleted").and_then(Value::as_bool).unwrap_or(false);
        let wanted: Vec<&User> = self
            .users
            .iter()
            .filter(|user| deleted || !user.deleted)
            .filter(|user| {
                search.as_deref().is_none_or(|term| {
                    user.email.to_lowercase().contains(term) || user.full_name.to_lowercase().contains(term)
                })
            })
            .collect();
        let total = wanted.len();
        let rows: Vec<Value> = wanted
            .into_iter()
            .skip(skip)
            .take(take)
            .map(|user| {
                json!({ "id": user.id.replacen("usr_", "orguser_", 1), "user_id": user.id, "email": user.email,
                    "full_name": user.full_name, "status": if user.deleted { "deleted" } else { "active" } })
            })
            .collect();
        if self.settings.older_members {
            let body = json!({ "users": rows, "total_users_count": total, "skip": skip, "take": take });
            return Reply::json(200, body).list("/users", Some("/total_users_count"));
        }
        let body = json!({ "members": rows, "total": total, "skip": skip, "limit": take });
        Reply::json(200, body).list("/members", Some("/total"))
    }

    pub(super) fn user_by_email(&self, email: &str) -> Reply {
        match self.users.iter().find(|user| !user.deleted && user.email.eq_ignore_ascii_case(email)) {
            Some(user) => Reply::json(200, json!({ "id": user.id, "email": user.email, "full_name": user.full_name })),
            None => missing("email", email),
        }
    }

    pub(super) fn list_departments(&self) -> Reply {
        let rows: Vec<Value> = self
            .departments
            .iter()
            .map(|department| {
                json!({ "id": department.id, "name": department.name, "description": null, "parent_id": null,
                    "path": department.name, "depth": 0, "organization_id": self.organization,
                    "member_count": department.members.len(), "is_active": true, "is_default": false })
            })
            .collect();
        Reply::json(200, rows.into()).list("", None)
    }

    pub(super) fn department_members(&self, id: &str) -> Reply {
        let Some(department) = self.departments.iter().find(|department| department.id == id) else {
            return error(404, "DEPARTMENT_NOT_FOUND", "client_error", "no such department", json!({}));
        };
        let rows: Vec<Value> = self
            .people(&department.members)
            .map(|user| {
                json!({ "user_id": user.id, "full_name": user.full_name, "email": user.email,
                    "added_at": "2025-01-06T08:00:00Z" })
            })
            .collect();
        Reply::json(200, rows.into()).list("", None)
    }

    pub(super) fn list_roles(&self) -> Reply {
        let rows: Vec<Value> = self
            .roles
            .iter()
            .map(|role| {
                json!({ "id": role.id, "name": role.name, "permissions": [], "is_base_role": false, "is_custom": true,
                    "is_system_role": false, "capabilities": [], "member_count": role.members.len(),
                    "knowledge_slice_ids": [] })
            })
            .collect();
        if self.settings.wrapped_roles {
            return Reply::json(200, json!({ "roles": rows })).list("/roles", None);
        }
        Reply::json(200, rows.into()).list("", None)
    }

    pub(super) fn role_members(&self, call: &Call, id: &str) -> Reply {
        let Some(role) = self.roles.iter().find(|role| role.id == id) else { return missing("role_id", id) };
        let (skip, limit) = match (call.number("skip", 0, 0, usize::MAX), call.number("limit", 50, 1, MAX_PAGE)) {
            (Ok(skip), Ok(limit)) => (skip, limit),
            (Err(why), _) | (_, Err(why)) => return invalid(&why),
        };
        let rows: Vec<Value> = self
            .people(&role.members)
            .skip(skip)
            .take(limit)
            .map(|user| {
                json!({ "user_id": user.id, "full_name": user.full_name, "email": user.email,
                    "account_state": "active", "avatar_url": null })
            })
            .collect();
        Reply::json(200, json!({ "members": rows, "total": role.members.len() })).list("/members", Some("/total"))
    }

    pub(super) fn list_slices(&self, call: &Call, composites: bool) -> Reply {
        let wanted = self.slices.iter().filter(|slice| slice.members.is_empty() != composites);
        let rows = wanted.map(|slice| {
            json!({ "id": slice.id, "name": slice.name, "type": "standard", "status": "active",
                "is_composite": composites, "member_slice_ids": slice.members, "organization_id": self.organization })
        });
        page(call, rows.collect())
    }

    pub(super) fn list_assistants(&self, call: &Call) -> Reply {
        if call.param("organization_id").is_some_and(|id| id != self.organization) {
            return error(403, "ORGANIZATION_ACCESS_DENIED", "authorization_error", "not a member", json!({}));
        }
        let numbers = (call.number("offset", 0, 0, usize::MAX), call.number("limit", 50, 1, MAX_PAGE));
        let (offset, limit) = match numbers {
            (Ok(offset), Ok(limit)) => (offset, limit),
            (Err(why), _) | (_, Err(why)) => return invalid(&why),
        };
        let rows: Vec<Value> = self
            .assistants
            .iter()
            .skip(offset)
            .take(limit)
            .map(|assistant| {
                json!({ "id": assistant.id, "name": assistant.name, "organization_id": self.organization,
                    "access_mode": assistant.access_mode, "access_users": [], "access_departments": [],
                    "visible_to_roles": [], "created_by": assistant.created_by, "is_active": true })
            })
            .collect();
        let body = json!({ "assistants": rows, "total": self.assistants.len(), "limit": limit, "offset": offset });
        Reply::json(200, body).list("/assistants", Some("/total"))
    }

    fn people<'a>(&'a self, ids: &'a [String]) -> impl Iterator<Item = &'a User> {
        ids.iter().filter_map(|id| self.users.iter().find(|user| user.id == *id))
    }
}
