//! S2's access tokens, imitated.

mod routes;
mod scope;
mod state;

pub use scope::{Both, Groups, Names, Scope};
pub use state::{Settings, State, Token};
