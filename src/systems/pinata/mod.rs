//! Pinata: gateway keys and API keys.

mod description;

pub use description::DESCRIPTION;
