//! An answer together with the request it belongs to.

use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::wire::{Answer, Fault, Unreadable};

use super::{decode, unreadable};

/// An answer that arrived, and what was asked.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The answer.
    pub answer: Answer,
    /// The request, without parameters.
    pub request: String,
}

impl Heard {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// Takes a 200 answer's JSON body.
    ///
    /// # Errors
    /// Any other status as [`unreadable`] says, or a body that is not what was promised.
    pub fn ok<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Unreadable> {
        if self.answer.status != 200 {
            return Err(unreadable(&self.answer).at(&self.request));
        }
        self.json()
    }

    /// Takes the JSON body, whatever the status.
    ///
    /// # Errors
    /// It is not what was promised.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Unreadable> {
        decode(&self.answer.body).map_err(|error| error.at(&self.request))
    }

    /// An error at this request.
    pub fn fault(&self, fault: Fault, what: impl Into<String>) -> Unreadable {
        Unreadable::new(fault, what).at(&self.request)
    }

    /// The time of the answer by the vendor's own clock, where it tells, else by ours: for the vendor's own expiry.
    pub fn vendor_time(&self) -> Timestamp {
        self.date().unwrap_or(self.answer.received_at)
    }

    /// Our clock less the vendor's `Date`, where the answer has one that can be read.
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        Some(self.answer.received_at.duration_since(self.date()?))
    }

    fn date(&self) -> Option<Timestamp> {
        let date = httpdate::parse_http_date(self.answer.header("date")?).ok()?;
        let since = date.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Timestamp::from_second(i64::try_from(since.as_secs()).ok()?).ok()
    }
}
