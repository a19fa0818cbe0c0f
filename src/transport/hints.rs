//! How long a vendor asks to be left alone, in every form that vendors use.
//!
//! `Retry-After` is RFC 9110 (seconds or a date), `retry-after-ms` is S2's, `RateLimit-Reset` counts seconds (Buildkite),
//! `X-RateLimit-Reset` is a time in Unix seconds (Pinata, Aitronos), and elsewhere in milliseconds.

use std::time::{Duration, SystemTime};

use crate::wire::Answer;

use super::limits::LONGEST_HINT;

/// From here on a number is taken for Unix seconds and not for seconds left: September 2001.
const UNIX_SECONDS: f64 = 1e9;

/// From here on a number is taken for Unix milliseconds: in seconds it would be tens of thousands of years away.
const UNIX_MILLIS: f64 = 1e12;

/// How long to wait at least, where the answer tells or its judge does.
pub(super) fn told(answer: &Answer, judged: Option<Duration>) -> Option<Duration> {
    wait(answer).max(judged.map(|judged| judged.min(LONGEST_HINT)))
}

/// How long to wait at least, where the answer tells.
pub(super) fn wait(answer: &Answer) -> Option<Duration> {
    let explicit = [
        number(answer, "retry-after-ms").map(|ms| ms / 1000.0),
        left(answer, "retry-after").or_else(|| date(answer, "retry-after")),
        left(answer, "x-ratelimit-retry-after"),
    ];
    let explicit = explicit.into_iter().flatten().reduce(f64::max);
    // A reset of a limit tells something only where that limit is what stopped us.
    let told = explicit.or_else(|| if answer.status == 429 { reset(answer) } else { None })?;
    Some(Duration::try_from_secs_f64(told.max(0.0)).unwrap_or(LONGEST_HINT).min(LONGEST_HINT))
}

/// The largest reset of the limits that are used up; one that does not tell what is left counts as used up.
fn reset(answer: &Answer) -> Option<f64> {
    let limits = [
        ("ratelimit-remaining", "ratelimit-reset"),
        ("ratelimit-user-remaining", "ratelimit-user-reset"),
        ("x-ratelimit-remaining", "x-ratelimit-reset"),
        ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ];
    let spent = limits.iter().filter(|(left, _)| number(answer, left).is_none_or(|left| left <= 0.0));
    spent.filter_map(|(_, reset)| left(answer, reset)).reduce(f64::max)
}

/// Requests left, where the answer tells.
pub(super) fn remaining(answer: &Answer) -> Option<i64> {
    let names = ["ratelimit-remaining", "x-ratelimit-remaining", "x-ratelimit-remaining-requests"];
    names.iter().find_map(|name| answer.header(name)?.trim().parse().ok())
}

fn number(answer: &Answer, name: &str) -> Option<f64> {
    answer.header(name)?.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Seconds left, where a header tells them or the time at which they are over.
fn left(answer: &Answer, name: &str) -> Option<f64> {
    Some(match number(answer, name)? {
        millis if millis >= UNIX_MILLIS => millis / 1000.0 - theirs(answer),
        seconds if seconds >= UNIX_SECONDS => seconds - theirs(answer),
        seconds_left => seconds_left,
    })
}

/// Seconds until a date, by the vendor's own clock.
fn date(answer: &Answer, name: &str) -> Option<f64> {
    Some(unix(httpdate::parse_http_date(answer.header(name)?).ok()?) - theirs(answer))
}

/// The vendor's clock in Unix seconds; ours, where it does not tell.
fn theirs(answer: &Answer) -> f64 {
    let told = answer.header("date").and_then(|date| httpdate::parse_http_date(date).ok());
    told.map_or_else(|| answer.received_at.as_millisecond() as f64 / 1000.0, unix)
}

fn unix(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Answer {
        let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        // 2026-11-21 12:00:00 UTC by our clock.
        let received_at = jiff::Timestamp::from_second(1_795_262_400).unwrap();
        Answer { status, headers, body: Vec::new(), received_at }
    }

    fn hint(status: u16, headers: &[(&str, &str)]) -> Option<Duration> {
        wait(&answer(status, headers))
    }

    #[test]
    fn every_form_is_understood() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(hint(429, &[("retry-after", "42")]), seconds(42));
        assert_eq!(hint(503, &[("retry-after", " 1.5 ")]), Some(Duration::from_millis(1500)));
        assert_eq!(hint(429, &[("retry-after-ms", "250")]), Some(Duration::from_millis(250)));
        assert_eq!(hint(429, &[("retry-after", "Sat, 21 Nov 2026 12:00:07 GMT")]), seconds(7));
        let skewed = [("date", "Sat, 21 Nov 2026 11:00:00 GMT"), ("retry-after", "Sat, 21 Nov 2026 11:00:05 GMT")];
        assert_eq!(hint(429, &skewed), seconds(5), "their clock counts, not ours");
        assert_eq!(hint(429, &[("retry-after", "Sat, 21 Nov 2026 11:59:00 GMT")]), seconds(0));
        assert_eq!(hint(429, &[("x-ratelimit-reset", "1795262410")]), seconds(10));
        assert_eq!(hint(429, &[("x-ratelimit-reset", "1795262410500")]), Some(Duration::from_millis(10_500)));
        assert_eq!(hint(429, &[("retry-after", "1795262410")]), seconds(10));
        assert_eq!(hint(429, &[("ratelimit-reset", "30")]), seconds(30));
        let pairs = [
            ("ratelimit-remaining", "12"),
            ("ratelimit-reset", "300"),
            ("ratelimit-user-remaining", "-14"),
            ("ratelimit-user-reset", "20"),
        ];
        assert_eq!(hint(429, &pairs), seconds(20), "only the limit that is used up");
    }

    #[test]
    fn what_tells_nothing_is_no_hint() {
        assert_eq!(hint(503, &[("ratelimit-reset", "30")]), None);
        assert_eq!(hint(429, &[("retry-after", "soon")]), None);
        assert_eq!(hint(429, &[("retry-after", "NaN")]), None);
        assert_eq!(hint(429, &[("retry-after", "1e300")]), Some(LONGEST_HINT));
        assert_eq!(hint(429, &[("retry-after", "604800")]), Some(LONGEST_HINT));
        assert_eq!(hint(429, &[("retry-after", "-5")]), Some(Duration::ZERO));
    }

    #[test]
    fn the_longer_of_what_answer_and_judge_tell_counts_as_far_as_it_is_believed() {
        let five = answer(429, &[("retry-after", "5")]);
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(told(&five, None), seconds(5));
        assert_eq!(told(&five, seconds(9)), seconds(9));
        assert_eq!(told(&answer(429, &[]), seconds(9)), seconds(9));
        assert_eq!(told(&five, Some(Duration::MAX)), Some(LONGEST_HINT));
        assert_eq!(told(&answer(429, &[]), None), None);
    }
}
