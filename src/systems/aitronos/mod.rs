//! Aitronos: who may read, write or administer which assistant, vector store or knowledge slice.

mod description;

pub use description::{DESCRIPTION, GRANT, auth};
