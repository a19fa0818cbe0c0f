//! AccessOwl's directory, access states and revocations, imitated.

mod lists;
mod revocations;
mod routes;
mod state;

pub use state::{
    AccessState, Application, Permission, Provisioning, Resource, Revocation, Settings, State, Status, User,
};
