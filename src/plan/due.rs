//! Which limit of an entry is due.

use jiff::{SignedDuration, Timestamp};

use crate::{
    access::{Cause, Entry},
    policy::Limits,
};

/// A limit that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The cause.
    pub cause: Cause,
    /// What decided it, for people.
    pub why: String,
}

/// The first limit that is due, in the order expired, too old, idle, unused. `left`: when the holder left, who then has
/// nothing declared any more.
pub fn due(entry: &Entry, limits: &Limits, left: Option<Timestamp>, now: Timestamp) -> Option<Due> {
    let Limits { expires, max_age, max_idle, max_unused } = *limits;
    let end = [expires.map(|at| (at, "declared until")), left.map(|at| (at, "its holder left on"))];
    if let Some((at, what)) = end.into_iter().flatten().min_by_key(|(at, _)| *at).filter(|(at, _)| *at <= now) {
        return Some(Due { cause: Cause::Expired, why: format!("{what} {}", until(at)) });
    }
    let passed = |start: Option<Timestamp>, limit: Option<SignedDuration>| {
        start.zip(limit).and_then(|(start, limit)| start.checked_add(limit).ok()).is_some_and(|end| end < now)
    };
    if passed(entry.created_at, max_age) {
        let why = format!("created {}, and max_age is {}", day(entry.created_at), span(max_age));
        return Some(Due { cause: Cause::TooOld, why });
    }
    if passed(entry.last_used_at, max_idle) {
        let why = format!("last used {}, and max_idle is {}", day(entry.last_used_at), span(max_idle));
        return Some(Due { cause: Cause::Idle, why });
    }
    if entry.last_used_at.is_none() && passed(entry.created_at, max_unused) {
        let why = format!("never used since {}, and max_unused is {}", day(entry.created_at), span(max_unused));
        return Some(Due { cause: Cause::Unused, why });
    }
    None
}

/// When the first limit of an entry comes due, whether that has passed or not. See [`due`].
pub fn due_at(entry: &Entry, limits: &Limits, left: Option<Timestamp>) -> Option<Timestamp> {
    let Limits { expires, max_age, max_idle, max_unused } = *limits;
    let after = |start: Option<Timestamp>, limit: Option<SignedDuration>| {
        start.zip(limit).and_then(|(start, limit)| start.checked_add(limit).ok())
    };
    let unused = max_unused.filter(|_| entry.last_used_at.is_none());
    let ends = [
        expires,
        left,
        after(entry.created_at, max_age),
        after(entry.last_used_at, max_idle),
        after(entry.created_at, unused),
    ];
    ends.into_iter().flatten().min()
}

/// A date as people wrote it: the end of a day in UTC is that day.
pub fn until(at: Timestamp) -> String {
    let zoned = at.to_zoned(jiff::tz::TimeZone::UTC);
    if zoned.time() == jiff::civil::Time::midnight() {
        zoned.date().yesterday().map_or_else(|_| zoned.date().to_string(), |date| date.to_string())
    } else {
        format!("{at:.0}")
    }
}

/// The day of a time, in UTC.
pub fn day(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "at an unknown time".to_owned(), |at| at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string())
}

/// A duration as it is written in files.
pub fn span(duration: Option<SignedDuration>) -> String {
    let Some(duration) = duration else { return "none".to_owned() };
    let seconds = duration.as_secs();
    for (unit, size) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
        if seconds >= size && seconds % size == 0 {
            return format!("{}{unit}", seconds / size);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use super::{span, until};
    use jiff::SignedDuration;

    #[test]
    fn a_date_reads_as_it_was_written() {
        assert_eq!(until("2027-02-01T00:00:00Z".parse().unwrap()), "2027-01-31");
        assert_eq!(until("2027-02-01T08:00:00Z".parse().unwrap()), "2027-02-01T08:00:00Z");
        assert_eq!(span(Some(SignedDuration::from_hours(48))), "2d");
        assert_eq!(span(Some(SignedDuration::from_secs(90))), "90s");
    }
}
