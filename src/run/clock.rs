//! The wall clock, as it is handed to whatever decides by the time. Who only notes when something was (the journal's records and
//! locks, transport's answers, the board) reads the machine's clock itself.

use std::sync::Arc;

use crate::apply::Clock;

/// The wall clock, to be handed to whatever needs the time.
pub fn system_clock() -> Clock {
    Arc::new(jiff::Timestamp::now)
}
