//! Buildkite's API access tokens over GraphQL, and the own token over REST, imitated.

mod document;
mod execute;
mod routes;
mod schema;
mod state;

pub(super) use routes::is_mutation;
pub use state::{Owner, Settings, State, Token, relay_id};
