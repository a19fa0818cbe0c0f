//! Buildkite's two addresses, their refusals and rate-limit headers, and changes from outside.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    document::{self, Operation},
    execute::{self, MAX_COMPLEXITY},
    state::{State, Token, Window},
};
use crate::sandbox::{
    call::{Call, Credential, Deed, Effect, Mutation, Reply, Right, Store, known},
    record::WORLD,
};

const KIND: &str = "api_token";
/// How long points of complexity are counted, in seconds.
const WINDOW: i64 = 300;
const UNAUTHENTICATED: &str = "Authentication required. Please supply a valid API Access Token: \
    https://buildkite.com/docs/apis/graphql-api#authentication";

/// Whether a POST holds a mutation. What cannot be parsed changes nothing.
pub fn is_mutation(call: &Call) -> bool {
    operation(call).is_ok_and(|(operation, _)| operation.mutation)
}

fn operation(call: &Call) -> Result<(Operation, Map<String, Value>), String> {
    let body = call.json().ok_or("A JSON object is expected")?;
    let text = body.get("query").and_then(Value::as_str).ok_or("No query string was present")?;
    let variables = match body.get("variables") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(variables)) => variables.clone(),
        Some(_) => return Err("Variables are an object".to_owned()),
    };
    Ok((document::parse(text)?, variables))
}

fn errors(messages: &[String]) -> Value {
    messages.iter().map(|message| json!({ "message": message })).collect()
}

impl Store for State {
    fn answer(&mut self, call: &Call) -> Reply {
        let caller = known(&self.credentials, call.bearer()).cloned();
        match (&call.method, call.path.as_str()) {
            (&Method::POST, "/graphql") => match caller {
                Some(caller) if caller.right != Right::Nothing => self.graphql(call, &caller),
                _ => Reply::json(401, json!({ "errors": [{ "message": UNAUTHENTICATED }] })),
            },
            (method @ (&Method::GET | &Method::DELETE), "/v2/access-token") => match caller {
                Some(caller) => self.own_token(method, &caller),
                None => Reply::json(401, json!({ "message": UNAUTHENTICATED })),
            },
            _ => Reply::json(404, json!({ "message": "Not Found" })),
        }
    }

    fn rate_limited(&self, call: &Call, after_ms: u64) -> Reply {
        let after = after_ms.div_ceil(1000);
        if call.path == "/graphql" {
            let message = format!("You have exceeded the limit of 5000 points. Please try again in {after} seconds.");
            // The organization's window ends sooner than the user's: the larger one counts.
            return Reply::json(429, json!({ "errors": [{ "message": message }] }))
                .header("ratelimit-remaining", 12_000)
                .header("ratelimit-limit", self.settings.organization_points)
                .header("ratelimit-reset", after / 2)
                .header("ratelimit-user-remaining", -14)
                .header("ratelimit-user-limit", self.settings.user_points)
                .header("ratelimit-user-reset", after);
        }
        let body = json!({ "message": "You have exceeded your API rate limit.", "scope": "rest_user", "limit": 50,
            "current": 51, "reset": after });
        Reply::json(429, body)
            .header("ratelimit-remaining", 100)
            .header("ratelimit-limit", 200)
            .header("ratelimit-reset", after / 2)
            .header("ratelimit-user-remaining", 0)
            .header("ratelimit-user-limit", 50)
            .header("ratelimit-user-reset", after)
            .header("ratelimit-user-scope", "rest_user")
    }

    fn failed(&self, _call: &Call, status: u16) -> Reply {
        Reply::json(status, json!({ "message": "The request failed" }))
    }

    fn mutate(&mut self, mutation: &Mutation, _at: Timestamp) -> Result<Vec<Effect>, String> {
        match mutation {
            Mutation::Remove { kind, id } if kind == KIND => {
                let before = self.tokens.len();
                self.tokens.retain(|token| token.uuid != *id);
                let effect = Effect::new(Deed::Removed, KIND, id, WORLD);
                if self.tokens.len() < before { Ok(vec![effect]) } else { Err(format!("there is no token {id}")) }
            }
            Mutation::Issue { kind, entry } if kind == KIND => {
                let token: Token = serde_json::from_value(entry.clone()).map_err(|error| error.to_string())?;
                let effect = Effect::new(Deed::Issued, KIND, &token.uuid, WORLD);
                self.tokens.retain(|known| known.uuid != token.uuid);
                self.tokens.push(token);
                Ok(vec![effect])
            }
            Mutation::Set { setting, value } if setting == "enforce_points" => {
                self.settings.enforce_points = value.as_bool().unwrap_or(false);
                Ok(Vec::new())
            }
            Mutation::Set { setting, value } if setting == "user_points" => {
                self.settings.user_points = value.as_i64().ok_or("user_points is a number")?;
                Ok(Vec::new())
            }
            _ => Err("Buildkite has the kind api_token and the settings enforce_points and user_points".to_owned()),
        }
    }

    fn live(&self) -> Vec<(&'static str, String)> {
        self.tokens.iter().map(|token| (KIND, token.uuid.clone())).collect()
    }
}

impl State {
    fn graphql(&mut self, call: &Call, caller: &Credential) -> Reply {
        let (operation, variables) = match operation(call) {
            Ok(parsed) => parsed,
            Err(why) => return Reply::json(200, json!({ "errors": [{ "message": why }] })),
        };
        let refusals = execute::check(&operation);
        if !refusals.is_empty() {
            return Reply::json(200, json!({ "errors": errors(&refusals) }));
        }
        let requested = execute::complexity(&operation, &variables, None);
        if requested > MAX_COMPLEXITY {
            let message =
                format!("Query has complexity of {requested}, which exceeds max complexity of {MAX_COMPLEXITY}");
            return Reply::json(200, json!({ "errors": [{ "message": message }] }));
        }
        let now = call.at.as_second();
        if now - self.window.since >= WINDOW {
            self.window = Window { since: now, used: 0 };
        }
        let reset = (self.window.since + WINDOW - now).max(1);
        if self.settings.enforce_points && self.window.used >= self.settings.user_points {
            let after = u64::try_from(reset).unwrap_or(1).saturating_mul(1000);
            return self.rate_limited(call, after);
        }
        let outcome = self.run(&operation, &variables, caller.right, &caller.label);
        let actual = execute::complexity(&operation, &variables, Some(outcome.rows));
        self.window.used = self.window.used.saturating_add(i64::try_from(actual).unwrap_or(i64::MAX));
        let mut body = json!({ "data": outcome.data });
        if let (false, Some(fields)) = (outcome.errors.is_empty(), body.as_object_mut()) {
            fields.insert("errors".into(), errors(&outcome.errors));
        }
        let left = |limit: i64| limit.saturating_sub(self.window.used);
        let mut reply = Reply::json(200, body)
            .header("ratelimit-remaining", left(self.settings.organization_points))
            .header("ratelimit-limit", self.settings.organization_points)
            .header("ratelimit-reset", reset)
            .header("ratelimit-user-remaining", left(self.settings.user_points))
            .header("ratelimit-user-limit", self.settings.user_points)
            .header("ratelimit-user-reset", reset)
            .header("ratelimit-complexity-requested", requested)
            .header("ratelimit-complexity-actual", actual);
        if !operation.mutation {
            reply = reply.list("/data/organization/apiAccessTokens/edges", None);
        }
        reply.effects = outcome.effects;
        reply
    }

    /// `GET` tells of the calling token, `DELETE` ends it everywhere.
    fn own_token(&mut self, method: &Method, caller: &Credential) -> Reply {
        let token = self.tokens.iter().position(|token| token.uuid == caller.label);
        if method == Method::DELETE {
            self.credentials.retain(|known| known.token != caller.token);
            let Some(at) = token else { return Reply::empty(204) };
            let token = self.tokens.remove(at);
            return Reply::empty(204).effect(Effect::new(Deed::Removed, KIND, &token.uuid, &caller.label));
        }
        let token = token.and_then(|at| self.tokens.get(at));
        let (name, email) = token
            .and_then(|token| token.owner.as_ref())
            .map_or(("Unknown", "unknown@example.com"), |owner| (&owner.name, &owner.email));
        let scopes: Vec<String> =
            token.map(|token| token.scopes.iter().map(|scope| scope.to_lowercase()).collect()).unwrap_or_default();
        // This endpoint writes times in a form of its own.
        let time = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        Reply::json(
            200,
            json!({ "uuid": caller.label, "scopes": scopes, "user": { "name": name, "email": email },
                "description": token.and_then(|token| token.description.clone()),
                "created_at": token.map(|token| time(token.created_at)),
                "expires_at": token.and_then(|token| token.expires_at).map(time) }),
        )
        .header("ratelimit-remaining", 199)
        .header("ratelimit-limit", 200)
        .header("ratelimit-reset", 60)
    }
}
