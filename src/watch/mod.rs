//! The daemon: triggers, schedule and the loop that keeps targets in sync.
//!
//! The loop only decides when a target is looked at, never what is removed: each look is a run of [`crate::run`], level
//! triggered, that reads everything anew. Triggers say "look again" and nothing else.

mod files;
pub mod news;
pub mod source;
pub mod supervisor;
mod survey;
pub mod tell;
mod trigger;

pub use files::{FileWatcher, POLL, Watching};
pub use news::News;
pub use source::{Checkout, GitOptions, Revision, Source, SourceError, SourceOptions};
pub use survey::Watched;
pub use trigger::Trigger;
