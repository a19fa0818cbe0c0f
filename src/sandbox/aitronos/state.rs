//! What an Aitronos organization holds.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sandbox::{
    System,
    call::{Credential, usual},
};

/// An access grant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id, `agrant_…`.
    pub id: String,
    /// `knowledge_slice`, `vector_store` or `assistant`.
    pub entity_type: String,
    /// On what.
    pub entity_id: String,
    /// `user`, `department` or `role`.
    pub grantee_type: String,
    /// To whom.
    pub grantee_id: String,
    /// `read`, `write` or `admin`.
    pub access_level: String,
    /// Since when.
    pub created_at: Timestamp,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Its id, `usr_…`.
    pub id: String,
    /// E-mail address.
    pub email: String,
    /// Full name.
    pub full_name: String,
    /// Whether it was removed.
    #[serde(default)]
    pub deleted: bool,
}

/// A department.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Department {
    /// Its id, `dept_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its members' ids.
    pub members: Vec<String>,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// Its id, `role_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its members' ids.
    pub members: Vec<String>,
}

/// An assistant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assistant {
    /// Its id, `asst_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `organization`, `department` or `private`.
    pub access_mode: String,
    /// Who owns it.
    pub created_by: Option<String>,
}

/// A knowledge slice, or a composite of some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Its id, `kslice_…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The slices that it is made of; empty for a simple one.
    #[serde(default)]
    pub members: Vec<String>,
}

/// How the organization behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// The list of members comes in its other documented shape.
    pub older_members: bool,
    /// The list of roles comes wrapped, as in older copies of the documentation.
    pub wrapped_roles: bool,
}

/// An Aitronos organization.
pub struct State {
    /// Its id, `org_…`.
    pub organization: String,
    /// How it behaves.
    pub settings: Settings,
    /// The credentials, good as bearer token and as API key.
    pub credentials: Vec<Credential>,
    /// Grants.
    pub grants: Vec<Grant>,
    /// Members.
    pub users: Vec<User>,
    /// Departments.
    pub departments: Vec<Department>,
    /// Roles.
    pub roles: Vec<Role>,
    /// Assistants.
    pub assistants: Vec<Assistant>,
    /// Slices and composites.
    pub slices: Vec<Slice>,
    pub(super) next: u64,
}

impl State {
    /// Nothing but the usual credentials.
    pub fn empty(organization: &str) -> Self {
        Self {
            organization: organization.to_owned(),
            settings: Settings::default(),
            credentials: usual(System::Aitronos),
            grants: Vec::new(),
            users: Vec::new(),
            departments: Vec::new(),
            roles: Vec::new(),
            assistants: Vec::new(),
            slices: Vec::new(),
            next: 0,
        }
    }
}
