//! The one thing a reading conversation can do: ask.

use async_trait::async_trait;

use super::{Answer, Read, Unreadable};

/// Someone who sends reads and hands answers over: transport in the program, a transcript in tests.
///
/// Asking several things at once is fine; the implementation bounds how many are under way.
#[async_trait]
pub trait Ask: Send + Sync {
    /// Sends one read and waits for its final answer. Retries, limits and deadlines are the asker's business: an answer that
    /// arrives here is one the read's judge called final (its status may still be an error).
    ///
    /// # Errors
    /// [`Unreadable`] when no final answer could be had.
    async fn ask(&self, read: Read) -> Result<Answer, Unreadable>;
}
