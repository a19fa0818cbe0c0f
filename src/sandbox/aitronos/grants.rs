//! Aitronos' grants: lists by offset, create, change of level, soft removal.

use serde_json::{Value, json};

use super::{
    routes::{error, missing},
    state::{Grant, State},
};
use crate::sandbox::call::{Call, Deed, Effect, Reply};

pub(super) const KIND: &str = "grant";
const ENTITIES: &[&str] = &["knowledge_slice", "vector_store", "assistant"];
const GRANTEES: &[&str] = &["user", "department", "role"];
const LEVELS: &[&str] = &["read", "write", "admin"];

pub(super) fn invalid(why: &str) -> Reply {
    error(422, "VALIDATION_ERROR", "validation_error", why, json!({}))
}

/// One page by offset in the usual envelope.
pub(super) fn page(call: &Call, rows: Vec<Value>) -> Reply {
    let (skip, limit) = match (call.number("skip", 0, 0, usize::MAX), call.number("limit", 20, 1, 100)) {
        (Ok(skip), Ok(limit)) => (skip, limit),
        (Err(why), _) | (_, Err(why)) => return invalid(&why),
    };
    let total = rows.len();
    let items: Vec<Value> = rows.into_iter().skip(skip).take(limit).collect();
    let more = skip.saturating_add(items.len()) < total;
    let body = json!({ "items": items, "total": total, "skip": skip, "limit": limit, "has_more": more });
    Reply::json(200, body).list("/items", Some("/total"))
}

impl State {
    pub(super) fn grant(&self, grant: &Grant) -> Value {
        let mut row = json!(grant);
        if let Value::Object(map) = &mut row {
            map.insert("organization_id".to_owned(), json!(self.organization));
            map.insert("updated_at".to_owned(), json!(grant.created_at));
        }
        row
    }

    /// The list; `entity` narrows it to one, as the views by entity do.
    pub(super) fn list_grants(&self, call: &Call, entity: Option<(&str, &str)>) -> Reply {
        let one_of = |name: &str, known: &[&str]| call.param(name).is_none_or(|value| known.contains(&value));
        if !one_of("entity_type", ENTITIES) || !one_of("grantee_type", GRANTEES) {
            return invalid("entity_type or grantee_type is unknown");
        }
        let fits = |name: &str, value: &str| call.param(name).is_none_or(|wanted| wanted == value);
        let wanted = self.grants.iter().filter(|grant| match entity {
            Some((kind, id)) => grant.entity_type == kind && grant.entity_id == id,
            None => {
                fits("entity_type", &grant.entity_type)
                    && fits("entity_id", &grant.entity_id)
                    && fits("grantee_type", &grant.grantee_type)
                    && fits("grantee_id", &grant.grantee_id)
            }
        });
        page(call, wanted.map(|grant| self.grant(grant)).collect())
    }

    pub(super) fn create_grant(&mut self, call: &Call, by: &str) -> Reply {
        let Some(body) = call.json() else { return invalid("a JSON object is expected") };
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        let [entity_type, entity_id, grantee_type, grantee_id, access_level] =
            ["entity_type", "entity_id", "grantee_type", "grantee_id", "access_level"].map(text);
        let known = ENTITIES.contains(&entity_type.as_str())
            && GRANTEES.contains(&grantee_type.as_str())
            && LEVELS.contains(&access_level.as_str());
        if !known || entity_id.is_empty() || grantee_id.is_empty() {
            return invalid("all five fields are required");
        }
        self.next += 1;
        let id = format!("agrant_new{:04}", self.next);
        let grant = Grant { id, entity_type, entity_id, grantee_type, grantee_id, access_level, created_at: call.at };
        let reply = Reply::json(201, self.grant(&grant)).effect(Effect::new(Deed::Issued, KIND, &grant.id, by));
        self.grants.push(grant);
        reply
    }

    pub(super) fn update_grant(&mut self, call: &Call, id: &str, by: &str) -> Reply {
        let body = call.json().unwrap_or_default();
        let Some(level) = body.get("access_level").and_then(Value::as_str).filter(|level| LEVELS.contains(level))
        else {
            return invalid("access_level is read, write or admin");
        };
        let Some(grant) = self.grants.iter_mut().find(|grant| grant.id == id) else { return missing("grant_id", id) };
        grant.access_level = level.to_owned();
        let grant = grant.clone();
        Reply::json(200, self.grant(&grant)).effect(Effect::new(Deed::Changed, KIND, id, by))
    }

    pub(super) fn delete_grant(&mut self, id: &str, by: &str) -> Reply {
        let before = self.grants.len();
        self.grants.retain(|grant| grant.id != id);
        if self.grants.len() == before {
            return missing("grant_id", id);
        }
        Reply::empty(204).effect(Effect::new(Deed::Removed, KIND, id, by))
    }
}
