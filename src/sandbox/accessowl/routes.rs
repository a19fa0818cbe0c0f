//! AccessOwl's routes, its refusals, and changes from outside.

use axum::http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    lists,
    state::{AccessState, State, Status, User},
};
use crate::sandbox::{
    call::{Call, Deed, Effect, Mutation, Reply, Right, Store, known},
    record::WORLD,
};

const KIND: &str = "access";
/// Where an organization is sent whose API is not switched on.
const BILLING: &str = "https://app.accessowl.example/billing";

fn error(status: u16, why: &str) -> Reply {
    Reply::json(status, json!({ "error": why }))
}

impl Store for State {
    fn answer(&mut self, call: &Call) -> Reply {
        if self.settings.redirect {
            return Reply::empty(302).header("location", BILLING);
        }
        let Some(segments) = call.segments() else { return error(404, "not found") };
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let ["api", "v1", rest @ ..] = segments.as_slice() else { return error(404, "not found") };
        let Some(caller) = known(&self.credentials, call.bearer()) else { return error(401, "unauthorized") };
        let (right, label) = (caller.right, caller.label.clone());
        let read = call.method == Method::GET;
        match right {
            Right::Nothing => return error(403, "forbidden"),
            Right::ReadOnly if !read => return error(403, "forbidden"),
            // Another organization has nothing in common with this one.
            Right::Foreign => return Self::empty().route(call, rest, &label),
            _ => {}
        }
        let mut effects = match rest {
            ["access_states", ..] | ["access_revocations", ..] if read => self.look(call.at),
            _ => Vec::new(),
        };
        let mut reply = self.route(call, rest, &label);
        effects.append(&mut reply.effects);
        reply.effects = effects;
        reply
    }

    fn rate_limited(&self, _call: &Call, after_ms: u64) -> Reply {
        error(429, "rate limit exceeded").header("retry-after", after_ms.div_ceil(1000))
    }

    fn failed(&self, _call: &Call, status: u16) -> Reply {
        error(status, "the request failed")
    }

    fn mutate(&mut self, mutation: &Mutation, at: Timestamp) -> Result<Vec<Effect>, String> {
        match mutation {
            Mutation::Remove { kind, id } if kind == KIND => match self.end(id, at, WORLD) {
                effects if effects.is_empty() => Err(format!("there is no active state {id}")),
                effects => Ok(effects),
            },
            Mutation::Issue { kind, entry } if kind == KIND => {
                let state: AccessState = serde_json::from_value(entry.clone()).map_err(|error| error.to_string())?;
                let effect = Effect::new(Deed::Issued, KIND, &state.id, WORLD);
                self.put_state(state);
                Ok(vec![effect])
            }
            Mutation::Issue { kind, entry } if kind == "user" => {
                let user: User = serde_json::from_value(entry.clone()).map_err(|error| error.to_string())?;
                self.put_user(user);
                Ok(Vec::new())
            }
            Mutation::Approve { id } => Ok(self.close_waiting(id.as_deref(), Status::Revoked, at)),
            Mutation::Reject { id } => Ok(self.close_waiting(id.as_deref(), Status::Rejected, at)),
            Mutation::Set { setting, value } => self.set(setting, value).map(|()| Vec::new()),
            _ => Err("AccessOwl has the kinds access and user".to_owned()),
        }
    }

    fn live(&self) -> Vec<(&'static str, String)> {
        let active = self.states.iter().filter(|state| state.effective_end.is_none());
        active.map(|state| (KIND, state.id.clone())).collect()
    }
}

impl State {
    fn route(&mut self, call: &Call, rest: &[&str], by: &str) -> Reply {
        let revocations = matches!(rest, ["access_revocations", ..]);
        if revocations
            && let Some(status) = self.settings.revocation_lists
            && (call.method == Method::GET || rest.len() > 1)
        {
            return error(status, "not offered");
        }
        match (&call.method, rest) {
            (&Method::GET, ["users"]) => self.list_users(call),
            (&Method::GET, ["users", id]) => found(self.users.iter().find(|user| user.id == *id).map(lists::user)),
            (&Method::GET, ["applications"]) => self.list_applications(call),
            (&Method::GET, ["applications", id]) => {
                found(self.applications.iter().find(|known| known.id == *id).map(lists::application))
            }
            (&Method::GET, ["applications", id, "resources"]) => self.list_resources(id),
            (&Method::GET, ["access_states"]) => self.list_states(call),
            (&Method::GET, ["access_revocations"]) => self.list_revocations(call),
            (&Method::GET, ["access_revocations", id]) => self.get_revocation(id),
            (&Method::POST, ["access_revocations"]) => self.create_revocation(call, by),
            (&Method::POST, ["access_revocations", id, verb @ ("revoke" | "reject")]) => {
                self.move_revocation(call, id, verb, by)
            }
            (_, ["users" | "applications" | "access_states" | "access_revocations"]) => {
                error(405, "method not allowed")
            }
            _ => error(404, "not found"),
        }
    }

    /// A person closes what waits: the one with this revocation or state id, or all.
    fn close_waiting(&mut self, id: Option<&str>, status: Status, at: Timestamp) -> Vec<Effect> {
        let waiting: Vec<(String, String)> = self
            .revocations
            .iter()
            .filter(|known| known.status == Status::ProcessingAccess)
            .filter(|known| id.is_none_or(|id| known.id == id || known.state_id == id))
            .map(|known| (known.id.clone(), known.state_id.clone()))
            .collect();
        let mut effects = Vec::new();
        for (id, state_id) in waiting {
            if status == Status::Rejected {
                effects.push(Effect::new(Deed::Rejected, KIND, &state_id, WORLD));
            }
            effects.extend(self.close(&id, status, at, WORLD));
        }
        effects
    }

    fn set(&mut self, setting: &str, value: &Value) -> Result<(), String> {
        let number = || value.as_u64().ok_or_else(|| format!("{setting} is a number"));
        let small = || number()?.try_into().map_err(|_| format!("{setting} is too large"));
        match setting {
            "automatic_after_looks" => self.settings.automatic_after_looks = small()?,
            "automatic_delay_ms" => self.settings.automatic_delay_ms = number()?,
            "approval_delay_ms" => self.settings.approval_delay_ms = value.as_u64(),
            "end_lag_looks" => self.settings.end_lag_looks = small()?,
            "coarse_ends" => self.settings.coarse_ends = value.as_bool().unwrap_or(false),
            "revocation_lists" => {
                self.settings.revocation_lists = value.as_u64().and_then(|status| status.try_into().ok());
            }
            "redirect" => self.settings.redirect = value.as_bool().unwrap_or(false),
            _ => return Err(format!("AccessOwl has no setting {setting}")),
        }
        Ok(())
    }
}

fn found(record: Option<Value>) -> Reply {
    match record {
        Some(record) => Reply::json(200, json!({ "data": record })),
        None => error(404, "not found"),
    }
}
