//! S2's three calls on access tokens, with the codes that the vendor's own tests assert.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    scope::{Names, Scope},
    state::{PAGE, State, Token},
};
use crate::sandbox::{
    call::{Call, Deed, Effect, Mutation, Reply, Right, Store, known},
    record::WORLD,
};

const KIND: &str = "access_token";
/// The longest id and prefix, in bytes.
const MAX_ID: usize = 96;

fn refused(status: u16, code: &str, message: impl Into<String>) -> Reply {
    Reply::json(status, json!({ "code": code, "message": message.into() }))
}

impl Store for State {
    fn answer(&mut self, call: &Call) -> Reply {
        let Some(below) = call.path.strip_prefix("/v1/access-tokens") else { return Reply::empty(404) };
        let id = match below.strip_prefix('/') {
            None if below.is_empty() => None,
            // An id is one segment: with a bare slash in it there is no such route, and the answer has no body.
            Some(id) if !id.is_empty() && !id.contains('/') => Some(id),
            _ => return Reply::empty(404),
        };
        match (id, &call.method) {
            (None, &Method::GET | &Method::POST) | (Some(_), &Method::DELETE) => {}
            (None, _) => return Reply::empty(405).header("allow", "GET,HEAD,POST"),
            (Some(_), _) => return Reply::empty(405).header("allow", "DELETE"),
        }
        let Some(caller) = known(&self.credentials, call.bearer()) else {
            return refused(401, "authn", "the access token is not accepted");
        };
        if caller.right == Right::Foreign {
            return foreign(call, id);
        }
        let label = caller.label.clone();
        let Some(rights) = self.rights(&label, call.at).cloned() else {
            return refused(401, "authn", "the access token is not accepted");
        };
        match id {
            None if call.method == Method::GET => self.list(call, &rights),
            None => self.post(call, &rights, &label),
            Some(id) => self.delete(id, &rights, &label, call.at),
        }
    }

    fn rate_limited(&self, _call: &Call, after_ms: u64) -> Reply {
        refused(429, "rate_limited", "too many requests").header("retry-after-ms", after_ms)
    }

    fn failed(&self, _call: &Call, status: u16) -> Reply {
        let code = match status {
            401 => "authn",
            403 => "permission_denied",
            408 => "request_timeout",
            409 => "transaction_conflict",
            502 => "hot_server",
            503 => "unavailable",
            504 => "upstream_timeout",
            _ => "other",
        };
        refused(status, code, "the request failed")
    }

    fn mutate(&mut self, mutation: &Mutation, at: Timestamp) -> Result<Vec<Effect>, String> {
        match mutation {
            Mutation::Remove { kind, id } if kind == KIND => {
                if self.remove(id, at) {
                    Ok(vec![Effect::new(Deed::Removed, KIND, id, WORLD)])
                } else {
                    Err(format!("there is no access token {id}"))
                }
            }
            Mutation::Issue { kind, entry } if kind == KIND => {
                let token: Token = serde_json::from_value(entry.clone()).map_err(|error| error.to_string())?;
                let effect = Effect::new(Deed::Issued, KIND, &token.id, WORLD);
                self.issue(token);
                Ok(vec![effect])
            }
            Mutation::Set { setting, value } if setting == "cache_ms" => {
                self.settings.cache_ms = value.as_u64().ok_or("cache_ms is a number of milliseconds")?;
                Ok(Vec::new())
            }
            _ => Err("S2 has the kind access_token and the setting cache_ms".to_owned()),
        }
    }

    fn live(&self) -> Vec<(&'static str, String)> {
        self.ids().map(|id| (KIND, id.to_owned())).collect()
    }
}

/// Another account: it has no token but the caller's own.
fn foreign(call: &Call, id: Option<&str>) -> Reply {
    match id {
        None if call.method == Method::GET => {
            let token = json!({ "id": "owner", "expires_at": null, "auto_prefix_streams": false,
                "scope": Scope { access_tokens: Some(Names::Prefix(String::new())), ..Scope::default() }.listed() });
            Reply::json(200, json!({ "access_tokens": [token], "has_more": false })).list("/access_tokens", None)
        }
        None => refused(403, "permission_denied", "not allowed here"),
        Some(_) => refused(404, "access_token_not_found", "no such access token"),
    }
}

impl State {
    fn list(&self, call: &Call, rights: &Scope) -> Reply {
        let (prefix, start) = (call.param("prefix").unwrap_or(""), call.param("start_after").unwrap_or(""));
        if prefix.len() > MAX_ID || start.len() > MAX_ID || prefix.contains('\0') || start.contains('\0') {
            return refused(400, "bad_query", "prefix and start_after have at most 96 bytes");
        }
        let limit = match call.param("limit").map(str::parse::<u64>) {
            None => PAGE,
            Some(Ok(limit)) => match usize::try_from(limit) {
                Ok(limit @ 1..=PAGE) => limit,
                _ => PAGE,
            },
            Some(Err(_)) => return refused(400, "bad_query", "limit is a number from 0 to 1000"),
        };
        if !rights.lists_tokens() {
            return refused(403, "permission_denied", "the operation list-access-tokens is not allowed");
        }
        Reply::text(200, self.page(prefix, start, limit)).list("/access_tokens", None)
    }

    fn post(&mut self, call: &Call, rights: &Scope, label: &str) -> Reply {
        let Some(body) = call.json() else { return refused(400, "bad_json", "a JSON object is expected") };
        let id = body.get("id").and_then(Value::as_str).unwrap_or("");
        if !valid(id) {
            return refused(400, "bad_json", "id has 1 to 96 bytes");
        }
        let scope = match body.get("scope").map(Scope::parse) {
            Some(Ok(scope)) => scope,
            Some(Err(why)) => return refused(400, "bad_json", why),
            None => return refused(400, "bad_json", "scope is missing"),
        };
        let expires_at = match body.get("expires_at") {
            None | Some(Value::Null) => None,
            Some(value) => match serde_json::from_value::<Timestamp>(value.clone()) {
                Ok(end) => Some(end),
                Err(_) => return refused(400, "bad_json", "expires_at is an RFC 3339 time"),
            },
        };
        let auto_prefix_streams = match body.get("auto_prefix_streams") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => return refused(400, "bad_json", "auto_prefix_streams is true or false"),
        };
        if !scope.allows_something() || (auto_prefix_streams && !matches!(scope.streams, Some(Names::Prefix(_)))) {
            return refused(422, "invalid", "the scope allows nothing, or auto-prefix has no prefix");
        }
        if !rights.issues(id) || !scope.lies_in(rights) {
            return refused(403, "permission_denied", "this token may not be issued");
        }
        if self.has(id) {
            return refused(409, "resource_already_exists", "a token with this id exists");
        }
        let id = id.to_owned();
        self.issue(Token { id: id.clone(), expires_at, auto_prefix_streams, scope });
        Reply::json(201, json!({ "access_token": format!("CANARY-s2-{id}") })).effect(Effect::new(
            Deed::Issued,
            KIND,
            &id,
            label,
        ))
    }

    fn delete(&mut self, segment: &str, rights: &Scope, label: &str, at: Timestamp) -> Reply {
        let id = match percent_encoding::percent_decode_str(segment).decode_utf8() {
            Ok(id) if valid(&id) => id,
            _ => return refused(400, "bad_path", "the id is malformed"),
        };
        if !rights.revokes(&id) {
            return refused(403, "permission_denied", "this token may not be revoked");
        }
        if self.remove(&id, at) {
            Reply::empty(204).effect(Effect::new(Deed::Removed, KIND, &id, label))
        } else {
            refused(404, "access_token_not_found", "no such access token")
        }
    }
}

fn valid(id: &str) -> bool {
    (1..=MAX_ID).contains(&id.len()) && !matches!(id, "." | "..") && !id.contains('\0')
}
