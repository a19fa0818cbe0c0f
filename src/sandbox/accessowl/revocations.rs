//! How AccessOwl takes and follows revocations: idempotency keys that never replay an answer, three states, no way back
//! from a revocation to its access state.

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::{
    lists::invalid,
    state::{Provisioning, Revocation, State, Status},
};
use crate::sandbox::call::{Call, Deed, Effect, Reply};

/// How long a key is remembered.
const KEY_DAYS: i64 = 14;
/// The longest reason and key, in bytes; the vendor does not say of what, so this takes the stricter reading.
const MAX_TEXT: usize = 255;
const KIND: &str = "access";

impl State {
    /// Checks the idempotency key of a write: `Err` is the refusal. It is used up only by [`State::use_key`].
    pub(super) fn check_key(&mut self, call: &Call) -> Result<(), Reply> {
        let Some(key) = call.header("idempotency-key").filter(|key| (1..=MAX_TEXT).contains(&key.len())) else {
            return Err(Reply::json(400, json!({ "error": "the Idempotency-Key header is missing or malformed" })));
        };
        let oldest = call.at.as_second() - KEY_DAYS * 86_400;
        self.keys.retain(|_, (_, at)| at.as_second() > oldest);
        match self.keys.get(key) {
            None => Ok(()),
            Some((known, _)) if *known == fingerprint(call) => {
                Err(Reply::json(409, json!({ "error": "a request with this idempotency key was received before" })))
            }
            Some(_) => Err(Reply::json(422, json!({ "error": "this idempotency key was used with another body" }))),
        }
    }

    fn use_key(&mut self, call: &Call) {
        if let Some(key) = call.header("idempotency-key") {
            self.keys.insert(key.to_owned(), (fingerprint(call), call.at));
        }
    }

    pub(super) fn create_revocation(&mut self, call: &Call, by: &str) -> Reply {
        if let Err(refusal) = self.check_key(call) {
            return refusal;
        }
        let Some(body) = call.json() else { return invalid("body", "is not a JSON object") };
        let text = |name: &str| body.get(name).and_then(|value| value.as_str());
        let reason = match text("reason") {
            Some(reason) if (1..=MAX_TEXT).contains(&reason.len()) => reason.to_owned(),
            _ => return invalid("reason", "has 1 to 255 characters"),
        };
        let Some(state_id) = text("access_state_id").filter(|id| Uuid::try_parse(id).is_ok()) else {
            return invalid("access_state_id", "is not a UUID");
        };
        let Some(state) = self.states.iter().find(|state| state.id == state_id).cloned() else {
            return Reply::json(404, json!({ "error": "not found" }));
        };
        if state.effective_end.is_some() {
            return invalid("access_state_id", "has ended");
        }
        let automatic = self
            .applications
            .iter()
            .any(|known| known.id == state.application_id && known.provisioning_type == Provisioning::Automatic);
        self.use_key(call);
        let mut permissions = state.target_permission_ids.clone();
        permissions.sort_unstable();
        let revocation = Revocation {
            id: Uuid::new_v4().to_string(),
            state_id: state.id.clone(),
            application_id: state.application_id,
            grantee_user_id: state.grantee_user_id,
            resource_id: state.resource_id,
            permission_ids: (!permissions.is_empty()).then_some(permissions),
            provisioning_type: if automatic { Provisioning::Automatic } else { Provisioning::ApplicationAdmin },
            reason,
            status: Status::ProcessingAccess,
            inserted_at: call.at,
            looks: 0,
        };
        let id = revocation.id.clone();
        self.revocations.push(revocation);
        let mut effects = vec![Effect::new(Deed::Requested, KIND, &state.id, by)];
        if automatic && self.settings.automatic_after_looks == 0 && self.settings.automatic_delay_ms == 0 {
            effects.extend(self.close(&id, Status::Revoked, call.at, by));
        }
        let listed = self.revocations.iter().find(|known| known.id == id).map(Revocation::listed);
        let mut reply = Reply::json(201, listed.unwrap_or_default());
        reply.effects = effects;
        reply
    }

    pub(super) fn get_revocation(&self, id: &str) -> Reply {
        match self.revocations.iter().find(|revocation| revocation.id == id) {
            Some(revocation) => Reply::json(200, json!({ "data": revocation.listed() })),
            None => Reply::json(404, json!({ "error": "not found" })),
        }
    }

    /// `POST …/{id}/revoke` and `…/reject`: a person says what was done. No controller may say so.
    pub(super) fn move_revocation(&mut self, call: &Call, id: &str, verb: &str, by: &str) -> Reply {
        if let Err(refusal) = self.check_key(call) {
            return refusal;
        }
        let Some(known) = self.revocations.iter().find(|revocation| revocation.id == id) else {
            return Reply::json(404, json!({ "error": "not found" }));
        };
        if known.status != Status::ProcessingAccess {
            return invalid("status", "is closed");
        }
        let (status, deed, state_id) = match verb {
            "revoke" => (Status::Revoked, Deed::Confirmed, known.state_id.clone()),
            _ => (Status::Rejected, Deed::Rejected, known.state_id.clone()),
        };
        self.use_key(call);
        let mut reply_effects = vec![Effect::new(deed, KIND, &state_id, by)];
        reply_effects.extend(self.close(id, status, call.at, by));
        let mut reply = self.get_revocation(id);
        reply.effects = reply_effects;
        reply
    }

    /// Closes a revocation; a revoked one ends its state, at once unless ends lag behind.
    pub(super) fn close(&mut self, id: &str, status: Status, at: Timestamp, by: &str) -> Vec<Effect> {
        let lag = self.settings.end_lag_looks;
        let Some(revocation) = self.revocations.iter_mut().find(|revocation| revocation.id == id) else {
            return Vec::new();
        };
        revocation.status = status;
        revocation.looks = 0;
        let state_id = revocation.state_id.clone();
        if status == Status::Revoked && lag == 0 { self.end(&state_id, at, by) } else { Vec::new() }
    }
}

/// Method, path and body, byte by byte: the same key on anything else is another request.
fn fingerprint(call: &Call) -> String {
    format!("{} {}\n{}", call.method, call.path, String::from_utf8_lossy(&call.body))
}
