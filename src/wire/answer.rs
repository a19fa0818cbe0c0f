//! What came back, and whether it is worth another try.

use std::time::Duration;

use jiff::Timestamp;

/// An answer of a vendor, whole and bounded.
#[derive(Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header names in lower case, with their values as text.
    pub headers: Vec<(String, String)>,
    /// The body, decompressed.
    pub body: Vec<u8>,
    /// When the answer was complete, by our clock.
    pub received_at: Timestamp,
}

impl Answer {
    /// The first header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

// Bodies may hold secrets (Pinata key values): only their length is shown.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Whether an answer ends the exchange. Transport already waits out 429 and 503 with any form of Retry-After; a judge adds
/// what only the system knows (errors inside HTTP 200, codes that make a status retryable or final).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This is the answer.
    Final,
    /// The request had no effect; it may be sent again, not before `after` where that is given.
    Retry {
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// It may have had an effect: a read may be repeated, a write is unknown.
    MaybeApplied {
        /// How long to wait at least before a read is repeated.
        after: Option<Duration>,
    },
}

/// A pure function of an answer.
pub type Judge = fn(&Answer) -> Verdict;
