//! The thin seam to what writes first files and the schemas of those that people write.

use std::path::Path;

use super::{
    failure::{Failure, Result},
    schema::Which,
};

/// Writes a configuration, a policy tree and a journal; returns what to tell.
///
/// # Errors
/// Something of it exists already, or cannot be written.
pub async fn init(_dir: &Path) -> Result<String> {
    Err(Failure::new("`init` is not part of this build"))
}

/// The schema of a file that people write.
///
/// # Errors
/// None today.
pub fn schema(_which: Which) -> Result<serde_json::Value> {
    Err(Failure::new("`schema` of this file is not part of this build"))
}
