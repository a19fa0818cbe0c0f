//! What Buildkite's answers mean: errors inside HTTP 200, and two rate limits at once.
//!
//! Machine-readable error codes are not documented, so messages are classified by the few phrases that are known; anything
//! else is an error without a class. Other statuses are never judged by their text: an HTML page may hold any phrase.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::{
    systems::shared::{Heard, said, unreadable},
    wire::{Answer, Fault, Unreadable, Verdict},
};

/// What an error inside HTTP 200 is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The token is missing, invalid, or has no GraphQL access.
    Credential,
    /// The token's owner lacks a right, or the plan does.
    Permission,
    /// The query was too complex.
    Complexity,
    /// Try again.
    Busy,
    /// Anything else.
    Other,
    /// There are some, and what they say cannot be decoded.
    Garbled,
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Value,
    // Beside the errors in a refusal by plan.
    #[serde(default, rename = "type")]
    kind: Value,
}

/// In a body that is taken for its data: that no errors stand beside it. [`trouble`] looks for them by their name alone, which
/// JSON can spell otherwise.
#[derive(Debug, Default)]
pub(super) struct NoErrors;

impl<'de> Deserialize<'de> for NoErrors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Null => Ok(Self),
            Value::Array(errors) if errors.is_empty() => Ok(Self),
            _ => Err(de::Error::invalid_value(de::Unexpected::Other("errors"), &"data without errors")),
        }
    }
}

/// What the errors of a 200 answer are about; `None` where it has none. With errors, its data counts for nothing.
pub(super) fn trouble(answer: &Answer) -> Option<Trouble> {
    // The errors of a whole page are looked for without decoding it where they are not even named.
    if !answer.body.windows(8).any(|window| window == b"\"errors\"") {
        return None;
    }
    // What skips a field does not look into it: errors that cannot be decoded leave data behind that can.
    let Ok(Errors { errors, kind }) = serde_json::from_slice(&answer.body) else { return Some(Trouble::Garbled) };
    if errors.is_null() || errors.as_array().is_some_and(Vec::is_empty) {
        return None;
    }
    let says = |phrases: &[&str]| {
        let messages = errors.as_array().into_iter().flatten().filter_map(|error| error.get("message")?.as_str());
        messages.map(str::to_ascii_lowercase).any(|message| phrases.iter().any(|phrase| message.contains(phrase)))
    };
    Some(if says(&["authentication required", "valid api access token"]) {
        Trouble::Credential
    } else if kind.as_str() == Some("permission_error")
        || says(&["permission", "not authorized", "unauthorized", "forbidden", "not allowed"])
    {
        Trouble::Permission
    } else if says(&["exceeds max complexity"]) {
        Trouble::Complexity
    } else if says(&["currently busy"]) {
        Trouble::Busy
    } else {
        Trouble::Other
    })
}

/// Seconds to wait after 429: the larger reset among the limits that are used up, of the organization and of the user. Where
/// neither says that it is, the larger of what is told. A reset is seconds left, not a time; what remains can be negative.
fn wait(answer: &Answer) -> Option<Duration> {
    let number = |name: &str| answer.header(name)?.trim().parse::<i64>().ok();
    let limits = [("ratelimit-remaining", "ratelimit-reset"), ("ratelimit-user-remaining", "ratelimit-user-reset")];
    let resets = |used_up: bool| {
        limits
            .iter()
            .filter(move |(remaining, _)| !used_up || number(remaining).is_some_and(|left| left <= 0))
            .filter_map(move |(_, reset)| u64::try_from(number(reset)?).ok())
            .max()
    };
    resets(true).or_else(|| resets(false)).map(Duration::from_secs)
}

/// The verdict on an answer to a read.
pub(super) fn read_judge(answer: &Answer) -> Verdict {
    match answer.status {
        200 if trouble(answer) == Some(Trouble::Busy) => Verdict::Retry { after: None },
        429 => Verdict::Retry { after: wait(answer) },
        408 | 500..=599 => Verdict::MaybeApplied { after: None },
        _ => Verdict::Final,
    }
}

/// The verdict on an answer to the mutation. A busy server has promised nothing: the list decides.
pub(super) fn write_judge(answer: &Answer) -> Verdict {
    match answer.status {
        200 if trouble(answer) == Some(Trouble::Busy) => Verdict::MaybeApplied { after: None },
        429 => Verdict::Retry { after: wait(answer) },
        408 | 500..=599 => Verdict::MaybeApplied { after: None },
        _ => Verdict::Final,
    }
}

/// The error of an answer to a query that holds no usable data.
///
/// # Errors
/// Any status but 200, and errors inside 200, with or without partial data.
pub(super) fn check(heard: &Heard) -> Result<(), Unreadable> {
    if heard.status() != 200 {
        return Err(unreadable(&heard.answer).at(&heard.request));
    }
    let Some(trouble) = trouble(&heard.answer) else {
        return Ok(());
    };
    if trouble == Trouble::Garbled {
        let what = "Buildkite's answer names errors, and it cannot be decoded whole to read them";
        return Err(heard.fault(Fault::Malformed, what));
    }
    let said = said(&heard.answer.body).unwrap_or_else(|| "no message".to_owned());
    let error = |fault, what: &str| Unreadable::new(fault, format!("{what} ({said})")).at(&heard.request);
    Err(match trouble {
        Trouble::Credential => error(Fault::Credential, "Buildkite does not accept the token for GraphQL")
            .advise("use a user's API access token with GraphQL access; one from `bk auth login` never has it"),
        Trouble::Permission => error(Fault::Permission, "the token's owner may not do this")
            .advise("use a token of an organization administrator"),
        Trouble::Complexity => error(Fault::Request, "Buildkite took the query for too complex"),
        Trouble::Busy => error(Fault::Server, "Buildkite is busy").advise("run again later"),
        Trouble::Other | Trouble::Garbled => error(Fault::Malformed, "Buildkite answered the query with an error"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::shared::transcript::answer;

    fn limited(headers: &[(&str, &str)]) -> Answer {
        let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Answer { headers, ..answer(429, r#"{"errors":[{"message":"slow down"}]}"#) }
    }

    fn waits(headers: &[(&str, &str)]) -> Option<u64> {
        match read_judge(&limited(headers)) {
            Verdict::Retry { after } => after.map(|after| after.as_secs()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_larger_reset_of_the_limits_that_are_used_up_is_waited_for() {
        let organization = [("ratelimit-remaining", "-14"), ("ratelimit-reset", "30")];
        let user = [("ratelimit-user-remaining", "0"), ("ratelimit-user-reset", "200")];
        assert_eq!(waits(&[organization, user].concat()), Some(200));
        let fresh_user = [("ratelimit-user-remaining", "9"), ("ratelimit-user-reset", "200")];
        assert_eq!(waits(&[organization, fresh_user].concat()), Some(30), "a limit that is not used up does not count");
        assert_eq!(waits(&[("ratelimit-reset", "7"), ("ratelimit-user-reset", "8")]), Some(8));
        assert_eq!(waits(&[]), None);
    }

    #[test]
    fn errors_are_found_in_200_and_only_when_there_are_some() {
        let about = |body: &str| trouble(&answer(200, body));
        assert_eq!(about(r#"{"data":{},"errors":[]}"#), None);
        assert_eq!(about(r#"{"data":{},"errors":null}"#), None);
        assert_eq!(about(r#"{"data":{"description":"errors"}}"#), None);
        assert_eq!(about(r#"{"errors":[{"message":"Authentication required. Please…"}]}"#), Some(Trouble::Credential));
        assert_eq!(about(r#"{"type":"permission_error","errors":[{"message":"x"}]}"#), Some(Trouble::Permission));
        assert_eq!(
            about(r#"{"errors":[{"message":"has complexity of 9, which exceeds max complexity of 5"}]}"#),
            Some(Trouble::Complexity)
        );
        assert_eq!(about(r#"{"data":{"organization":null},"errors":[{}]}"#), Some(Trouble::Other));
        assert_eq!(about(r#"{"data":{},"errors":"odd"}"#), Some(Trouble::Other));
        for garbled in [r#"{"message":"\ud83d"}"#, "1e999"] {
            assert_eq!(about(&format!(r#"{{"data":{{}},"errors":[{garbled}]}}"#)), Some(Trouble::Garbled));
        }
        assert_eq!(about(r#"{"data":{},"errors":[],"errors":[{}]}"#), Some(Trouble::Garbled));
    }

    #[test]
    fn a_busy_server_is_asked_again_but_a_removal_is_not_sent_again() {
        let busy = answer(200, r#"{"errors":[{"message":"We are currently busy, please try again."}]}"#);
        assert_eq!(read_judge(&busy), Verdict::Retry { after: None });
        assert_eq!(write_judge(&busy), Verdict::MaybeApplied { after: None });
        assert_eq!(write_judge(&answer(502, "")), Verdict::MaybeApplied { after: None });
        assert_eq!(write_judge(&answer(200, "{}")), Verdict::Final);
    }
}
