//! S2: access tokens.

mod description;
mod scope;

pub use description::DESCRIPTION;
