//! AccessOwl: who has access to which application, and revocations that people or AccessOwl carry out.

mod description;

pub use description::{ACCESS, DESCRIPTION};
