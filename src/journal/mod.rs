//! The durable, hash-chained record of intents and outcomes.
//!
//! A removal is recorded and synced to disk before it is sent, and so is what became of it. Beside the chain the journal keeps
//! what runs observed (last matches, notices, owners, bases), and a list of the intents that are open. It is a record, not a
//! state file: losing it loses history, never correctness. The chain finds corruption, and edits by those who cannot rewrite the
//! whole file; it claims no more.
//!
//! It does not decide anything: which rows go and what an answer means is settled elsewhere.

mod accounts;
mod chain;
mod cut_off;
mod daemon;
mod good_tree;
mod handle;
mod key;
mod lock;
mod observed;
mod open;
mod past;
mod problem;
mod schema;
mod seen;
mod sent;
mod store;
mod types;
mod writer;

#[cfg(test)]
mod tests;

pub use cut_off::{Left, Unended};
pub use daemon::{Announced, Paused};
pub use good_tree::GoodTree;
pub use handle::Journal;
pub use lock::TargetLock;
pub use store::make_private_directory;
pub use types::{Filter, Intent, JournalError, Mode, Outcome, OutcomeKind, Record, RecordBody, RunInfo, Verified};
