//! Pinata's gateways with their keys, and account API keys, imitated.

mod routes;
mod state;

pub use state::{ApiKey, Control, Gateway, Settings, State, jwt};
