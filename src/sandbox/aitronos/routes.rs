//! Aitronos' routes, error shape and headers, and changes from outside.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    grants::KIND,
    state::{Grant, State},
};
use crate::sandbox::{
    call::{Call, Deed, Effect, Mutation, Reply, Right, Store, known},
    company,
    record::WORLD,
};

pub(super) fn error(status: u16, code: &str, kind: &str, message: &str, details: Value) -> Reply {
    let now = Timestamp::now();
    Reply::json(
        status,
        json!({ "success": false, "error": {
            "code": code, "message": message, "system_message": message, "type": kind, "status": status,
            "details": details, "trace_id": company::hex_of(&now.to_string(), 16), "timestamp": now,
        }}),
    )
}

pub(super) fn missing(what: &str, id: &str) -> Reply {
    error(404, "RESOURCE_NOT_FOUND", "client_error", "the resource was not found", json!({ what: id }))
}

/// Whether a POST is the list of members, which changes nothing.
pub fn is_lookup(call: &Call) -> bool {
    let segments: Vec<&str> = call.path.trim_start_matches('/').split('/').collect();
    matches!(segments.as_slice(), ["v1", "organizations", _, "users"])
}

impl Store for State {
    fn answer(&mut self, call: &Call) -> Reply {
        let reply = self.checked(call);
        reply
            .header("x-request-id", company::hex_of(&call.at.to_string(), 32))
            .header("aitronos-organization", &self.organization)
            .header("freddy-api-version", "2025-01-01")
            .header("x-ratelimit-limit-requests", 1000)
            .header("x-ratelimit-remaining-requests", 999)
    }

    fn rate_limited(&self, call: &Call, after_ms: u64) -> Reply {
        let after = after_ms.div_ceil(1000);
        let reset = u64::try_from(call.at.as_second()).unwrap_or(0).saturating_add(after);
        error(429, "RATE_LIMIT_EXCEEDED", "client_error", "too many requests", json!({}))
            .header("retry-after", after)
            .header("x-ratelimit-limit", 100)
            .header("x-ratelimit-remaining", 0)
            .header("x-ratelimit-reset", reset)
            .header("x-ratelimit-retry-after", after)
    }

    fn failed(&self, _call: &Call, status: u16) -> Reply {
        error(status, "INTERNAL_ERROR", "server_error", "the request failed", json!({}))
    }

    fn mutate(&mut self, mutation: &Mutation, _at: Timestamp) -> Result<Vec<Effect>, String> {
        match mutation {
            Mutation::Remove { kind, id } if kind == KIND => match self.delete_grant(id, WORLD).effects {
                effects if effects.is_empty() => Err(format!("there is no grant {id}")),
                effects => Ok(effects),
            },
            Mutation::Issue { kind, entry } if kind == KIND => {
                let grant: Grant = serde_json::from_value(entry.clone()).map_err(|error| error.to_string())?;
                let effect = Effect::new(Deed::Issued, KIND, &grant.id, WORLD);
                self.grants.retain(|known| known.id != grant.id);
                // The newest come first, so that a grant that appears shifts the pages behind it.
                self.grants.insert(0, grant);
                Ok(vec![effect])
            }
            Mutation::Set { setting, value } => {
                let flag = value.as_bool().ok_or_else(|| format!("{setting} is true or false"))?;
                match setting.as_str() {
                    "older_members" => self.settings.older_members = flag,
                    "wrapped_roles" => self.settings.wrapped_roles = flag,
                    _ => return Err(format!("Aitronos has no setting {setting}")),
                }
                Ok(Vec::new())
            }
            _ => Err("Aitronos has the kind grant".to_owned()),
        }
    }

    fn live(&self) -> Vec<(&'static str, String)> {
        self.grants.iter().map(|grant| (KIND, grant.id.clone())).collect()
    }
}

impl State {
    fn checked(&mut self, call: &Call) -> Reply {
        let unauthorized = |code: &str| error(401, code, "authorization_error", "authentication failed", json!({}));
        let denied = |code: &str| error(403, code, "authorization_error", "not allowed", json!({}));
        let caller = match (call.bearer(), call.header("x-api-key")) {
            (None, None) => return unauthorized("AUTHENTICATION_REQUIRED"),
            (None, key) => known(&self.credentials, key).ok_or("INVALID_API_KEY"),
            (token, _) => known(&self.credentials, token).ok_or("TOKEN_INVALID"),
        };
        let caller = match caller {
            Ok(caller) => caller,
            Err(code) => return unauthorized(code),
        };
        let (right, label) = (caller.right, caller.label.clone());
        let Some(segments) = call.segments() else { return missing("path", &call.path) };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["v1", rest @ ..] = segments.as_slice() else { return missing("path", &call.path) };
        let foreign = matches!(rest, ["organizations", id, ..] if *id != self.organization);
        if foreign || right == Right::Foreign {
            return denied("ORGANIZATION_ACCESS_DENIED");
        }
        let read = call.method == Method::GET || is_lookup(call);
        if right == Right::Nothing || (right == Right::ReadOnly && !read) {
            return denied("INSUFFICIENT_PERMISSIONS");
        }
        self.route(call, rest, &label)
    }

    fn route(&mut self, call: &Call, rest: &[&str], by: &str) -> Reply {
        let inside = match rest {
            ["organizations", _, inside @ ..] => inside,
            ["assistants"] if call.method == Method::GET => return self.list_assistants(call),
            ["user", "email", email] if call.method == Method::GET => return self.user_by_email(email),
            _ => return missing("path", &call.path),
        };
        match (&call.method, inside) {
            (&Method::GET, ["access", "grants"]) => self.list_grants(call, None),
            (&Method::POST, ["access", "grants"]) => self.create_grant(call, by),
            (&Method::PATCH, ["access", "grants", id]) => self.update_grant(call, id, by),
            (&Method::DELETE, ["access", "grants", id]) => self.delete_grant(id, by),
            (&Method::GET, ["access" | "knowledge", "users-with-access"]) => self.users_with_access(call),
            (&Method::GET, ["vector-stores", id, "grants"]) => self.list_grants(call, Some(("vector_store", id))),
            (&Method::GET, ["assistants", id, "grants"]) => self.list_grants(call, Some(("assistant", id))),
            (&Method::GET, ["users", id, "resolved-access"]) => self.resolved_access(call, id),
            (&Method::POST, ["users"]) => self.list_members(call),
            (&Method::GET, ["departments"]) => self.list_departments(),
            (&Method::GET, ["departments", id, "members"]) => self.department_members(id),
            (&Method::GET, ["roles"]) => self.list_roles(),
            (&Method::GET, ["roles", id, "members"]) => self.role_members(call, id),
            (&Method::GET, ["knowledge", "slices"]) => self.list_slices(call, false),
            (&Method::GET, ["knowledge", "composites"]) => self.list_slices(call, true),
            _ => missing("path", &call.path),
        }
    }
}
