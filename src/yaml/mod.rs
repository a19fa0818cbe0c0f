//! Bytes to a tree with places. Every trap of YAML is refused here, so that what is above sees plain mappings, lists and
//! scalars with their lines. Knows nothing of policies.

mod problem;

pub use problem::Problem;
