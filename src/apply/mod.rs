//! Carries out an approved plan: journal, send, settle, read back.
//!
//! This is the only place that holds a writer. Nothing is decided here: a row is sent as the plan has it or not at all, and
//! what became of it is told row by row. An intent is on disk before its first byte travels; an outcome that is not known
//! is settled by reading, never by assuming; an order of an earlier run is followed, never sent again.

mod carry;
mod confirm;
mod fresh;
mod halt;
mod hand;
mod outcome;
mod patience;
mod progress;
mod remove;
mod resume;
mod settle;
mod work;

#[cfg(test)]
pub(crate) mod tests;

pub use carry::{Approved, Rules, carry_out};
pub use fresh::{MAX_READING_AGE, too_old};
pub use halt::Halt;
pub use hand::{Hand, Send, connect};
pub use outcome::{End, MadeGood, RowOutcome, TargetOutcome};
pub use patience::{LONGEST_LOOK, LONGEST_READING, Patience, within};
pub use progress::{Event, Progress, Quiet};
pub use remove::MAX_STEPS;
pub use resume::resume;
pub use work::{Clock, Frozen, Work};
