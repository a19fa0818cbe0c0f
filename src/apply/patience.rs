//! How long a whole conversation with a system may take. Transport bounds each request of it, and a list may have many.

use std::time::Duration;

use crate::wire::{Fault, Unreadable};

/// How long one look at an entry may take: right before its removal, while an outcome is settled, and for where it can still be
/// reached. Well below the age at which a reading is too old to send on.
pub const LONGEST_LOOK: Duration = Duration::from_secs(3 * 60);

/// How long reading a target whole may take; by then the first of it is too old to act on.
pub const LONGEST_READING: Duration = Duration::from_secs(2 * 60 * 60);

/// The two limits; tests that wait for them have shorter ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For one look: [`LONGEST_LOOK`].
    pub look: Duration,
    /// For one reading: [`LONGEST_READING`].
    pub reading: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { look: LONGEST_LOOK, reading: LONGEST_READING }
    }
}

/// The end of a conversation, or that it took longer than it may: then nothing can be concluded from it.
///
/// # Errors
/// Its own, or [`Fault::Timeout`].
pub async fn within<T>(
    limit: Duration,
    talk: impl Future<Output = Result<T, Unreadable>> + Send,
) -> Result<T, Unreadable> {
    tokio::time::timeout(limit, talk).await.unwrap_or_else(|_| {
        let what = format!("reading took longer than {}, and was given up", spelled(limit));
        Err(Unreadable::new(Fault::Timeout, what))
    })
}

fn spelled(limit: Duration) -> String {
    match limit.as_secs() {
        0..=119 => format!("{} s", limit.as_secs_f32()),
        seconds => format!("{} minutes", seconds / 60),
    }
}
