//! What an AccessOwl organization holds, and how removals go on by themselves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sandbox::{
    System,
    call::{Credential, Deed, Effect, usual},
    record::SYSTEM,
};

/// A person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Its id.
    pub id: String,
    /// E-mail address.
    pub email: String,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// `active`, `offboarded` and so on.
    pub status: String,
    /// Departments.
    #[serde(default)]
    pub departments: Vec<String>,
    /// Job title.
    #[serde(default)]
    pub job_title: Option<String>,
}

/// How removals of an application are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provisioning {
    /// By a person, who confirms it.
    ApplicationAdmin,
    /// By AccessOwl.
    Automatic,
}

/// An application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `approved`, `discovered`, `ignored` or `requestable`.
    pub status: String,
    /// How removals are carried out.
    pub provisioning_type: Provisioning,
    /// Its resources.
    #[serde(default)]
    pub resources: Vec<Resource>,
}

/// A part of an application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// Its id.
    pub id: String,
    /// Its title; null where an application has only one.
    pub title: Option<String>,
    /// The resource that it lies in.
    #[serde(default)]
    pub parent_resource_id: Option<String>,
    /// What can be given on it.
    #[serde(default)]
    pub permissions: Vec<Permission>,
}

/// What can be given on a resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Permission {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Whether it is a strong one.
    #[serde(default)]
    pub elevated: bool,
}

/// An access state: somebody's access to something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessState {
    /// Its id.
    pub id: String,
    /// The application.
    pub application_id: String,
    /// The account in the application.
    pub grantee_user_account_id: String,
    /// The person; absent for an unlinked account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grantee_user_id: Option<String>,
    /// Since when.
    pub effective_start: Timestamp,
    /// Until when; null while active.
    #[serde(default)]
    pub effective_end: Option<Timestamp>,
    /// On which resource; null is the whole application.
    #[serde(default)]
    pub resource_id: Option<String>,
    /// What it gives.
    #[serde(default)]
    pub target_permission_ids: Vec<String>,
}

/// Where a revocation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Under way.
    ProcessingAccess,
    /// Turned down; access remains.
    Rejected,
    /// Carried out.
    Revoked,
}

/// A revocation. What is not in [`Revocation::listed`] the API never shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revocation {
    /// Its id.
    pub id: String,
    /// The state that is to end; never shown.
    pub state_id: String,
    /// The application.
    pub application_id: String,
    /// The person.
    pub grantee_user_id: Option<String>,
    /// The resource.
    pub resource_id: Option<String>,
    /// The permissions; null for none.
    pub permission_ids: Option<Vec<String>>,
    /// How it is carried out.
    pub provisioning_type: Provisioning,
    /// Why.
    pub reason: String,
    /// Where it stands.
    pub status: Status,
    /// Since when.
    pub inserted_at: Timestamp,
    /// Looks at states or revocations since then; never shown.
    pub looks: u32,
}

impl Revocation {
    /// As the API shows it.
    pub fn listed(&self) -> serde_json::Value {
        serde_json::json!({
            "id": self.id, "application_id": self.application_id, "grantee_user_id": self.grantee_user_id,
            "resource_id": self.resource_id, "permission_ids": self.permission_ids, "reason": self.reason,
            "provisioning_type": self.provisioning_type, "status": self.status, "inserted_at": self.inserted_at,
        })
    }
}

/// How the organization behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// An automatic revocation is done after so many further looks; 0: in the answer to the POST.
    pub automatic_after_looks: u32,
    /// An automatic one is done at the earliest after so many milliseconds.
    pub automatic_delay_ms: u64,
    /// A person carries out what waits after so many milliseconds; `None`: only by the control interface.
    pub approval_delay_ms: Option<u64>,
    /// A state ends only so many looks after its revocation is `revoked`.
    pub end_lag_looks: u32,
    /// Ends are kept in whole seconds, while a revocation's own time is exact.
    pub coarse_ends: bool,
    /// What the lists and look-ups of revocations answer instead, where they are not offered: 404 or 405.
    pub revocation_lists: Option<u16>,
    /// The API is not switched on: every call is answered by a redirect to another place.
    pub redirect: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            automatic_after_looks: 1,
            automatic_delay_ms: 0,
            approval_delay_ms: None,
            end_lag_looks: 0,
            coarse_ends: false,
            revocation_lists: None,
            redirect: false,
        }
    }
}

/// An AccessOwl organization.
pub struct State {
    /// How it behaves.
    pub settings: Settings,
    /// The credentials.
    pub credentials: Vec<Credential>,
    /// People, those who left too.
    pub users: Vec<User>,
    /// Applications.
    pub applications: Vec<Application>,
    /// Access, ended too.
    pub states: Vec<AccessState>,
    /// Removals.
    pub revocations: Vec<Revocation>,
    /// Idempotency keys of the last 14 days.
    pub(super) keys: BTreeMap<String, (String, Timestamp)>,
}

impl State {
    /// Nothing but the usual credentials.
    pub fn empty() -> Self {
        Self {
            settings: Settings::default(),
            credentials: usual(System::AccessOwl),
            users: Vec::new(),
            applications: Vec::new(),
            states: Vec::new(),
            revocations: Vec::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Goes on with what happens by itself: called at each look at states or revocations.
    pub(super) fn look(&mut self, at: Timestamp) -> Vec<Effect> {
        let mut ended = Vec::new();
        let settings = self.settings;
        for revocation in &mut self.revocations {
            let age = at.as_millisecond().saturating_sub(revocation.inserted_at.as_millisecond());
            let age = u64::try_from(age).unwrap_or(0);
            let lag = settings.end_lag_looks;
            match (revocation.status, revocation.provisioning_type) {
                (Status::ProcessingAccess, Provisioning::Automatic) => {
                    revocation.looks = revocation.looks.saturating_add(1);
                    if revocation.looks >= settings.automatic_after_looks && age >= settings.automatic_delay_ms {
                        revocation.status = Status::Revoked;
                        revocation.looks = 0;
                    }
                }
                (Status::ProcessingAccess, Provisioning::ApplicationAdmin) => {
                    if settings.approval_delay_ms.is_some_and(|delay| age >= delay) {
                        revocation.status = Status::Revoked;
                        revocation.looks = 0;
                    }
                }
                (Status::Revoked, _) => revocation.looks = revocation.looks.saturating_add(1),
                (Status::Rejected, _) => {}
            }
            if revocation.status == Status::Revoked && revocation.looks >= lag {
                ended.push(revocation.state_id.clone());
            }
        }
        ended.iter().flat_map(|id| self.end(id, at, SYSTEM)).collect()
    }

    /// Ends a state and every active state of the same person on what lies below it.
    pub(super) fn end(&mut self, state_id: &str, at: Timestamp, by: &str) -> Vec<Effect> {
        let Some(source) = self.states.iter().find(|state| state.id == state_id && state.effective_end.is_none())
        else {
            return Vec::new();
        };
        let source = source.clone();
        let coarse = Timestamp::from_second(at.as_second()).unwrap_or(at);
        let end = if self.settings.coarse_ends { coarse } else { at };
        let below: Vec<bool> = self.states.iter().map(|state| self.is_below(state, &source)).collect();
        let mut effects = Vec::new();
        for (state, below) in self.states.iter_mut().zip(below) {
            if below && state.effective_end.is_none() {
                state.effective_end = Some(end);
                effects.push(Effect::new(Deed::Removed, "access", &state.id, by));
            }
        }
        effects
    }

    fn is_below(&self, state: &AccessState, source: &AccessState) -> bool {
        if state.id == source.id {
            return true;
        }
        let same_holder = match (&state.grantee_user_id, &source.grantee_user_id) {
            (Some(one), Some(other)) => one == other,
            _ => state.grantee_user_account_id == source.grantee_user_account_id,
        };
        if !same_holder || state.application_id != source.application_id {
            return false;
        }
        let Some(wide) = &source.resource_id else { return state.resource_id.is_some() };
        let resources: &[Resource] = self
            .applications
            .iter()
            .find(|application| application.id == state.application_id)
            .map_or(&[], |application| &application.resources);
        let parent = |id: &str| resources.iter().find(|r| r.id == id).and_then(|r| r.parent_resource_id.as_deref());
        let mut at = state.resource_id.as_deref().and_then(parent);
        // No more steps than resources, in case they were built in a circle.
        for _ in resources {
            match at {
                Some(id) if id == wide => return true,
                Some(id) => at = parent(id),
                None => return false,
            }
        }
        false
    }

    /// Adds or replaces a person by id.
    pub fn put_user(&mut self, user: User) {
        self.users.retain(|known| known.id != user.id);
        self.users.push(user);
    }

    /// Adds or replaces a state by id.
    pub fn put_state(&mut self, state: AccessState) {
        self.states.retain(|known| known.id != state.id);
        self.states.push(state);
    }
}
