//! The daemon: triggers, schedule and the loop that keeps targets in sync.
//!
//! The loop only decides when a target is looked at, never what is removed: each look is a run of [`crate::run`], level
//! triggered, that reads everything anew. Triggers say "look again" and nothing else.
//!
//! `schedule`, `tree` and `publish` are pure; `worker` is the task of one target, `daemon` supervises them.

mod control;
mod cut_off;
mod daemon;
mod files;
mod freezes;
mod fresh;
mod mailbox;
pub mod news;
mod pause;
mod publish;
mod reload;
pub mod schedule;
mod shared;
pub mod source;
mod stopped;
pub mod supervisor;
mod survey;
pub mod tell;
mod telling;
mod tree;
mod trigger;
mod worker;

pub use control::Steering;
pub use daemon::{Daemon, Ending, Start, WatchError};
pub use files::{FileWatcher, POLL, Watching};
pub use mailbox::Triggers;
pub use news::{News, Quiet, Tell};
pub use source::{Checkout, GitOptions, Revision, Source, SourceError, SourceOptions};
pub use survey::Watched;
pub use tree::{Basis, Changed, Found, Trees};
pub use trigger::Trigger;
