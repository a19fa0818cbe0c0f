//! The wall clock: the one place of a run that reads it.

use std::sync::Arc;

use crate::apply::Clock;

/// The wall clock, to be handed to whatever needs the time.
pub fn system_clock() -> Clock {
    Arc::new(jiff::Timestamp::now)
}
