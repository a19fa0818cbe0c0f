//! Aitronos' access grants and the directory around them, imitated.

mod directory;
mod grants;
mod reach;
mod routes;
mod state;

pub(super) use routes::is_lookup;
pub use state::{Assistant, Department, Grant, Role, Settings, Slice, State, User};
