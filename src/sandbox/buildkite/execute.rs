//! Checks a document against the schema, counts its complexity, and answers it.

use std::collections::BTreeSet;

use base64::Engine;
use serde_json::{Map, Value, json};

use super::{
    document::{Argument, Field, Operation},
    schema,
    state::{State, Token, relay_id},
};
use crate::sandbox::call::{Deed, Effect, Right};

/// What an omitted `first` counts as.
pub(super) const DEFAULT_PAGE: usize = 500;
/// The most complexity that one document may ask for.
pub(super) const MAX_COMPLEXITY: usize = 50_000;

/// What a document gives: its data, its errors, what it changed, how many rows it read.
#[derive(Default)]
pub(super) struct Outcome {
    pub data: Value,
    pub errors: Vec<String>,
    pub effects: Vec<Effect>,
    pub rows: usize,
}

/// Every violation of the schema.
pub(super) fn check(operation: &Operation) -> Vec<String> {
    let mut errors = Vec::new();
    let mut used = BTreeSet::new();
    let root = if operation.mutation { "Mutation" } else { "Query" };
    check_fields(operation, root, &operation.fields, &mut used, &mut errors);
    for name in operation.variables.keys().filter(|name| !used.contains(*name)) {
        errors.push(format!("Variable ${name} is declared but not used"));
    }
    errors
}

fn check_fields(
    operation: &Operation,
    kind: &str,
    fields: &[Field],
    used: &mut BTreeSet<String>,
    errors: &mut Vec<String>,
) {
    for field in fields {
        let shown = schema::shown(kind);
        if field.name == "__typename" {
            continue;
        }
        let Some(leads) = schema::field(kind, &field.name) else {
            errors.push(format!("Field '{}' doesn't exist on type '{shown}'", field.name));
            continue;
        };
        let known = schema::arguments(kind, &field.name);
        for (name, argument) in &field.arguments {
            let Some((_, types)) = known.iter().find(|(known, _)| known == name) else {
                errors.push(format!("Field '{}' doesn't accept argument '{name}'", field.name));
                continue;
            };
            let mut variables = Vec::new();
            collect(argument, &mut variables);
            for variable in variables {
                match operation.variables.get(variable) {
                    None => errors.push(format!("Variable ${variable} is used but not declared")),
                    Some(given) if matches!(argument, Argument::Variable(_)) && !types.contains(&given.as_str()) => {
                        errors.push(format!("Type mismatch on variable ${variable} and argument {name} ({given})"));
                    }
                    Some(_) => {}
                }
                used.insert(variable.to_owned());
            }
        }
        match (leads.is_empty(), field.fields.is_empty()) {
            (true, false) => errors.push(format!("Selections can't be made on scalars (field '{}')", field.name)),
            (false, true) => errors.push(format!("Field must have selections (field '{}')", field.name)),
            _ => check_fields(operation, leads, &field.fields, used, errors),
        }
    }
}

fn collect<'a>(argument: &'a Argument, variables: &mut Vec<&'a str>) {
    match argument {
        Argument::Literal(_) => {}
        Argument::Variable(name) => variables.push(name),
        Argument::Object(fields) => fields.values().for_each(|field| collect(field, variables)),
    }
}

/// The complexity of a document: what it asks for, or with `rows` what it really read.
pub(super) fn complexity(operation: &Operation, variables: &Map<String, Value>, rows: Option<usize>) -> usize {
    fn cost(
        kind: &str,
        fields: &[Field],
        times: usize,
        page: usize,
        variables: &Map<String, Value>,
        rows: Option<usize>,
    ) -> usize {
        let one = |field: &Field| {
            let below = |leads: &str, times, page| cost(leads, &field.fields, times, page, variables, rows);
            match schema::field(kind, &field.name).unwrap_or("") {
                "" => 0,
                leads @ "Connection" => {
                    let first = field.arguments.get("first").and_then(|first| first.value(variables).as_u64());
                    let first = first.and_then(|first| usize::try_from(first).ok()).unwrap_or(DEFAULT_PAGE);
                    times + below(leads, times, rows.unwrap_or(first))
                }
                leads @ "Edge" => times + below(leads, times.saturating_mul(page), 1),
                leads @ "Token" => {
                    let nodes = times.saturating_mul(page);
                    nodes + below(leads, nodes, 1)
                }
                leads => times + below(leads, times, page),
            }
        };
        fields.iter().map(one).fold(0, usize::saturating_add)
    }
    let root = if operation.mutation { "Mutation" } else { "Query" };
    cost(root, &operation.fields, 1, 1, variables, rows)
}

impl State {
    pub(super) fn run(
        &mut self,
        operation: &Operation,
        variables: &Map<String, Value>,
        right: Right,
        own: &str,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let mut data = Map::new();
        for field in &operation.fields {
            let value = match field.name.as_str() {
                "viewer" => self.viewer(field, own),
                "organization" => self.organization(field, variables, right, own, &mut outcome),
                "organizationApiAccessTokenRevoke" => self.revoke(field, variables, right, own, &mut outcome),
                _ => Value::Null,
            };
            data.insert(field.alias.clone(), value);
        }
        outcome.data = Value::Object(data);
        outcome
    }

    fn viewer(&self, field: &Field, own: &str) -> Value {
        let owner = self.tokens.iter().find(|token| token.uuid == own).map(owner);
        pick(&json!({ "id": relay_id("Viewer", own), "user": owner }), &field.fields)
    }

    fn organization(
        &self,
        field: &Field,
        variables: &Map<String, Value>,
        right: Right,
        own: &str,
        outcome: &mut Outcome,
    ) -> Value {
        let argument = |name: &str| field.arguments.get(name).map(|argument| argument.value(variables));
        let named = match (argument("slug"), argument("uuid")) {
            (Some(slug), None) => slug == json!(self.slug),
            (None, Some(uuid)) => uuid == json!(self.uuid),
            _ => false,
        };
        // Another organization, a wrong slug, a token that was taken off this one: null, and no error.
        if !named || right == Right::Foreign || !self.tokens.iter().any(|token| token.uuid == own) {
            return Value::Null;
        }
        let plain = json!({ "id": self.id(), "uuid": self.uuid, "slug": self.slug, "name": "Northlight",
            "isTeamsEnabled": true });
        let mut answer = Map::new();
        for below in &field.fields {
            let value = if below.name == "apiAccessTokens" {
                match self.connection(below, variables, &mut outcome.rows) {
                    Ok(value) => value,
                    // The field must not be null, so the error takes the whole organization with it.
                    Err(why) => {
                        outcome.errors.push(why);
                        return Value::Null;
                    }
                }
            } else {
                plain.get(&below.name).cloned().unwrap_or(Value::Null)
            };
            answer.insert(below.alias.clone(), value);
        }
        Value::Object(answer)
    }

    fn connection(&self, field: &Field, variables: &Map<String, Value>, count: &mut usize) -> Result<Value, String> {
        let argument = |name: &str| match field.arguments.get(name).map(|argument| argument.value(variables)) {
            None | Some(Value::Null) => None,
            Some(value) => Some(value),
        };
        if argument("last").is_some() || argument("before").is_some() {
            return Err("this imitation walks connections forwards only".to_owned());
        }
        let first = match argument("first") {
            None => DEFAULT_PAGE,
            Some(first) => match first.as_u64().and_then(|first| usize::try_from(first).ok()) {
                Some(first @ 1..) => first,
                _ => return Err("first must be a positive number".to_owned()),
            },
        };
        let first = first.min(self.settings.page);
        let engine = base64::engine::general_purpose::STANDARD;
        let position = |token: &Token| format!("{} {}", token.created_at, token.uuid);
        let mut rows: Vec<(String, &Token)> = self.tokens.iter().map(|token| (position(token), token)).collect();
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut previous = false;
        if let Some(after) = argument("after") {
            let after = after.as_str().and_then(|after| engine.decode(after).ok());
            let after = after.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or("the cursor is invalid")?;
            rows.retain(|(position, _)| *position > after);
            previous = true;
        }
        let more = rows.len() > first;
        rows.truncate(first);
        *count += rows.len();
        let edges: Vec<Value> = rows
            .iter()
            .map(|(position, token)| json!({ "cursor": engine.encode(position), "node": node(token) }))
            .collect();
        let nodes: Vec<&Value> = edges.iter().filter_map(|edge| edge.get("node")).collect();
        let cursor = |edge: Option<&Value>| edge.and_then(|edge| edge.get("cursor")).cloned();
        let info = json!({ "endCursor": cursor(edges.last()), "startCursor": cursor(edges.first()),
            "hasNextPage": more, "hasPreviousPage": previous });
        Ok(pick(&json!({ "nodes": nodes, "pageInfo": info, "edges": edges }), &field.fields))
    }

    fn revoke(
        &mut self,
        field: &Field,
        variables: &Map<String, Value>,
        right: Right,
        own: &str,
        outcome: &mut Outcome,
    ) -> Value {
        let mut refuse = |why: &str| {
            outcome.errors.push(why.to_owned());
            Value::Null
        };
        let input = field.arguments.get("input").map(|input| input.value(variables)).unwrap_or_default();
        let Value::Object(input) = input else { return refuse("Argument 'input' is required") };
        let known = ["organizationId", "apiAccessTokenId", "clientMutationId"];
        if input.keys().any(|key| !known.contains(&key.as_str())) {
            return refuse("Variable $input was provided an unknown field");
        }
        let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or("");
        if right == Right::ReadOnly {
            return refuse("This API Access Token has read-only access to the GraphQL API");
        }
        if text("organizationId") != self.id() || right == Right::Foreign {
            return refuse("An invalid ID was supplied");
        }
        let id = text("apiAccessTokenId");
        let Some(at) = self.tokens.iter().position(|token| token.id() == id) else {
            let uuid = self.tokens.iter().any(|token| token.uuid == id);
            return refuse(if uuid { "An invalid ID was supplied" } else { "No API access token found" });
        };
        let token = self.tokens.remove(at);
        outcome.effects.push(Effect::new(Deed::Removed, "api_token", &token.uuid, own));
        let payload = json!({ "revokedApiAccessTokenId": id, "clientMutationId": input.get("clientMutationId") });
        pick(&payload, &field.fields)
    }
}

fn owner(token: &Token) -> Value {
    let Some(owner) = &token.owner else { return Value::Null };
    json!({ "id": relay_id("User", &owner.uuid), "uuid": owner.uuid, "email": owner.email, "name": owner.name,
        "bot": owner.bot, "hasPassword": !owner.bot, "machineUser": false })
}

fn node(token: &Token) -> Value {
    json!({ "id": token.id(), "uuid": token.uuid, "description": token.description, "owner": owner(token),
        "scopes": token.scopes, "createdAt": token.created_at, "expiresAt": token.expires_at,
        "lastAccessedAt": token.last_accessed_at,
        "ipAddress": token.last_accessed_at.map(|_| "203.0.113.7") })
}

/// What was asked for of a whole object.
fn pick(whole: &Value, fields: &[Field]) -> Value {
    match whole {
        Value::Array(items) => items.iter().map(|item| pick(item, fields)).collect(),
        Value::Object(map) if !fields.is_empty() => {
            let one = |field: &Field| {
                (field.alias.clone(), map.get(&field.name).map_or(Value::Null, |value| pick(value, &field.fields)))
            };
            Value::Object(fields.iter().map(one).collect())
        }
        other => other.clone(),
    }
}
