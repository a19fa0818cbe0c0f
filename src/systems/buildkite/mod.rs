//! Buildkite: the API access tokens that reach an organization.

mod description;

pub use description::DESCRIPTION;
