//! The daemon: triggers, schedule and the loop that keeps targets in sync.
//!
//! The loop only decides when a target is looked at, never what is removed: each look is a run of [`crate::run`], level
//! triggered, that reads everything anew. Triggers say "look again" and nothing else.

pub mod news;
pub mod supervisor;
pub mod tell;
mod trigger;

pub use news::News;
pub use trigger::Trigger;
