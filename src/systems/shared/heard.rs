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

    /// The time of the answer by the vendor's clock or by ours, whichever is behind: an end that it has reached has passed on
    /// both. One clock alone that is ahead makes nothing dead.
    pub fn earlier_time(&self) -> Timestamp {
        let ours = self.answer.received_at;
        self.date().map_or(ours, |theirs| theirs.min(ours))
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

#[cfg(test)]
mod tests {
    use super::Heard;
    use crate::{systems::shared::transcript::answer, wire::Answer};

    #[test]
    fn an_end_has_passed_when_the_clock_that_is_behind_has_reached_it() {
        let heard = |date: Option<&str>| {
            let headers = date.map(|date| ("date".into(), date.into())).into_iter().collect();
            Heard { answer: Answer { headers, ..answer(200, "") }, request: String::new() }
        };
        let noon = "2026-10-01T12:00:00Z".parse().unwrap();
        assert_eq!(heard(None).earlier_time(), noon);
        assert_eq!(heard(Some("Tue, 01 Oct 2030 12:00:00 GMT")).earlier_time(), noon);
        let behind = heard(Some("Wed, 01 Oct 2025 12:00:00 GMT")).earlier_time();
        assert_eq!(behind, "2025-10-01T12:00:00Z".parse().unwrap());
    }
}
