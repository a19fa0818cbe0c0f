//! The durable, hash-chained record of intents and outcomes.

mod types;

pub use types::{
    Filter, Intent, Journal, JournalError, Mode, Outcome, OutcomeKind, Record, RecordBody, RunInfo, TargetLock,
    Verified,
};
