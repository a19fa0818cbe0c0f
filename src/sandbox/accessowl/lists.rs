//! AccessOwl's lists: cursors over ids, filters, expansions.

use base64::Engine;
use serde_json::{Value, json};

use super::state::{AccessState, State};
use crate::sandbox::call::{Call, Reply};

/// The default and the largest page.
const PAGE: usize = 20;
const MAX_PAGE: usize = 100;

const USER_STATUS: &[&str] = &[
    "onboarding_provisioning_planned",
    "onboarding",
    "active",
    "inactive",
    "offboarding_planned",
    "offboarding",
    "offboarded",
    "all",
];
const APPLICATION_STATUS: &[&str] = &["approved", "discovered", "ignored", "requestable"];
const REVOCATION_STATUS: &[&str] = &["processing_access", "rejected", "revoked"];

pub(super) fn invalid(field: &str, why: impl Into<String>) -> Reply {
    Reply::json(422, json!({ "errors": { field: [why.into()] } }))
}

/// One page of rows in the order of their ids, so that a cursor stays valid when rows come and go.
fn page(call: &Call, mut rows: Vec<Value>) -> Reply {
    let limit = match call.number("limit", PAGE, 1, MAX_PAGE) {
        Ok(limit) => limit,
        Err(why) => return invalid("limit", why),
    };
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let id_of = |row: &Value| row.get("id").and_then(Value::as_str).unwrap_or("").to_owned();
    rows.sort_by_key(id_of);
    if let Some(cursor) = call.param("cursor") {
        let after = engine.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(after) = after.as_deref().and_then(|after| after.strip_prefix("after:")) else {
            return invalid("cursor", "is not a cursor of this list");
        };
        rows.retain(|row| id_of(row).as_str() > after);
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| engine.encode(format!("after:{}", id_of(row))));
    Reply::json(200, json!({ "data": rows, "meta": { "limit": limit, "next_cursor": next } })).list("/data", None)
}

fn status<'a>(call: &'a Call, known: &[&str]) -> Result<Option<&'a str>, Reply> {
    match call.param("status") {
        Some(status) if !known.contains(&status) => Err(invalid("status", "is not a status")),
        status => Ok(status),
    }
}

impl State {
    pub(super) fn list_users(&self, call: &Call) -> Reply {
        let status = match status(call, USER_STATUS) {
            Ok(status) => status.unwrap_or("active"),
            Err(refusal) => return refusal,
        };
        let email = call.param("email");
        let wanted = self.users.iter().filter(|user| {
            (status == "all" || user.status == status)
                && email.is_none_or(|email| user.email.eq_ignore_ascii_case(email))
        });
        page(call, wanted.map(user).collect())
    }

    pub(super) fn list_applications(&self, call: &Call) -> Reply {
        let status = match status(call, APPLICATION_STATUS) {
            Ok(status) => status,
            Err(refusal) => return refusal,
        };
        let title = call.param("title_like").map(str::to_lowercase);
        let wanted = self.applications.iter().filter(|application| {
            status.is_none_or(|status| application.status == status)
                && title.as_deref().is_none_or(|title| application.title.to_lowercase().contains(title))
        });
        page(call, wanted.map(application).collect())
    }

    pub(super) fn list_resources(&self, application_id: &str) -> Reply {
        let Some(known) = self.applications.iter().find(|application| application.id == application_id) else {
            return Reply::json(404, json!({ "error": "not found" }));
        };
        let rows: Vec<Value> = known
            .resources
            .iter()
            .map(|resource| {
                let permissions: Vec<Value> = resource
                    .permissions
                    .iter()
                    .map(|p| json!({ "id": p.id, "title": p.title, "elevated": p.elevated, "requestable": true }))
                    .collect();
                let mut row = self.resource(application_id, &resource.id);
                if let Value::Object(map) = &mut row {
                    map.insert("permissions".to_owned(), permissions.into());
                }
                row
            })
            .collect();
        Reply::json(200, json!({ "data": rows })).list("/data", None)
    }

    pub(super) fn list_states(&self, call: &Call) -> Reply {
        let expand: Vec<&str> = call.param("expand").map(|list| list.split(',').collect()).unwrap_or_default();
        let known = ["grantee_user", "application", "resource", "target_permissions"];
        if expand.iter().any(|word| !known.contains(word)) {
            return invalid("expand", "is not a list of known expansions");
        }
        let (application, user) = (call.param("application_id"), call.param("grantee_user_id"));
        let wanted = self.states.iter().filter(|state| {
            application.is_none_or(|id| state.application_id == id)
                && user.is_none_or(|id| state.grantee_user_id.as_deref() == Some(id))
        });
        page(call, wanted.map(|state| self.state(state, &expand)).collect())
    }

    pub(super) fn list_revocations(&self, call: &Call) -> Reply {
        let status = match status(call, REVOCATION_STATUS) {
            Ok(status) => status,
            Err(refusal) => return refusal,
        };
        let (application, user) = (call.param("application_id"), call.param("user_id"));
        let rows = self.revocations.iter().filter(|revocation| {
            application.is_none_or(|id| revocation.application_id == id)
                && user.is_none_or(|id| revocation.grantee_user_id.as_deref() == Some(id))
        });
        let rows = rows.map(|revocation| revocation.listed());
        page(call, rows.filter(|row| status.is_none_or(|status| row["status"] == status)).collect())
    }

    fn state(&self, state: &AccessState, expand: &[&str]) -> Value {
        let mut row = json!(state);
        let Value::Object(map) = &mut row else { return row };
        map.insert("group_id".to_owned(), Value::Null);
        for word in expand {
            let value = match *word {
                "grantee_user" => {
                    self.users.iter().find(|known| Some(&known.id) == state.grantee_user_id.as_ref()).map(user)
                }
                "application" => {
                    self.applications.iter().find(|known| known.id == state.application_id).map(application)
                }
                "resource" => state.resource_id.as_deref().map(|id| self.resource(&state.application_id, id)),
                _ => Some(self.permissions(state)),
            };
            map.insert((*word).to_owned(), value.unwrap_or(Value::Null));
        }
        row
    }

    fn resource(&self, application_id: &str, id: &str) -> Value {
        let resources = self.applications.iter().filter(|known| known.id == application_id).flat_map(|a| &a.resources);
        let Some(resource) = resources.clone().find(|resource| resource.id == id) else { return Value::Null };
        json!({
            "id": resource.id, "application_id": application_id, "title": resource.title, "description": null,
            "parent_resource_id": resource.parent_resource_id, "requestable": true,
            "multiple_permissions_selectable": true, "type": "resource",
        })
    }

    fn permissions(&self, state: &AccessState) -> Value {
        let all = self.applications.iter().flat_map(|application| &application.resources).flat_map(|r| &r.permissions);
        all.filter(|permission| state.target_permission_ids.contains(&permission.id)).map(|p| json!(p)).collect()
    }
}

pub(super) fn user(user: &super::User) -> Value {
    let full_name = match (&user.first_name, &user.last_name) {
        (Some(first), Some(last)) => Some(format!("{first} {last}")),
        (only, None) | (None, only) => only.clone(),
    };
    let mut row = json!(user);
    if let Value::Object(map) = &mut row {
        map.insert("full_name".to_owned(), json!(full_name));
        map.insert("employment_type".to_owned(), json!("full_time"));
        map.insert("teams".to_owned(), json!([]));
    }
    row
}

pub(super) fn application(application: &super::Application) -> Value {
    json!({
        "id": application.id, "title": application.title, "status": application.status, "description": null,
        "provisioning_type": application.provisioning_type, "risk_level": "medium", "owner_user_id": null, "url": null,
    })
}
