//! What HTTP's own words mean: statuses to faults, and which of them are worth another try.

use serde_json::Value;

use crate::wire::{Answer, Fault, Unreadable, Verdict};

/// The longest text of a vendor that an error quotes, in characters.
const MAX_QUOTE: usize = 200;

/// Why an answer that is no success makes a target unreadable. Systems add advice of their own.
pub fn unreadable(answer: &Answer) -> Unreadable {
    let status = answer.status;
    let with_said = |what: &str| match said(&answer.body) {
        Some(said) => format!("{what} (HTTP {status}, {said})"),
        None => format!("{what} (HTTP {status})"),
    };
    match status {
        300..=399 => Unreadable::new(Fault::Malformed, redirect(answer))
            .advise("check the base address: an API answers at its own address, without a redirect"),
        401 => Unreadable::new(Fault::Credential, with_said("the system does not accept the credential"))
            .advise("issue a new credential, or check that the right one is configured for this target"),
        403 => Unreadable::new(Fault::Permission, with_said("the credential lacks a right"))
            .advise("give the credential the right to do this, or use one that has it"),
        404 | 410 => Unreadable::new(Fault::Missing, with_said("the system does not have what was asked for"))
            .advise("check the base address and the target's own fields in portcullis.yaml"),
        408 => Unreadable::new(Fault::Timeout, with_said("the system gave up waiting")),
        429 => Unreadable::new(Fault::RateLimited, with_said("the rate limit is used up"))
            .advise("run again later, or lower `limits` of this target"),
        500..=599 => Unreadable::new(Fault::Server, with_said("the system failed")).advise("run again later"),
        400..=499 => Unreadable::new(Fault::Request, with_said("the system did not accept the request")),
        _ => Unreadable::new(Fault::Malformed, with_said("an answer that the API does not promise")),
    }
}

/// A redirect in words. Transport leaves no more of where it leads than the origin.
pub fn redirect(answer: &Answer) -> String {
    let to = answer.header("location").unwrap_or("elsewhere");
    format!("HTTP {} redirects to {to}, and redirects are not followed", answer.status)
}

/// The message in an error body, where it has one of the usual places: `error.message`, `message`, `error`, `errors[0]`.
/// Text of the vendor, marked as its words and shortened; never anything else of the body.
pub fn said(body: &[u8]) -> Option<String> {
    if body.len() > 64 << 10 {
        return None;
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    let first = body.get("errors").and_then(|errors| errors.get(0));
    let places = [
        body.pointer("/error/message"),
        body.get("message"),
        body.get("error"),
        first.and_then(|error| error.get("message")),
        first,
    ];
    let text = places.into_iter().flatten().find_map(Value::as_str)?.trim();
    if text.is_empty() {
        return None;
    }
    let mut quote: String = text.chars().take(MAX_QUOTE).collect();
    if quote.len() < text.len() {
        quote.push('…');
    }
    Some(format!("it says: \"{quote}\""))
}

/// The verdict on an answer to a read: server errors may be repeated.
pub fn read_judge(answer: &Answer) -> Verdict {
    match answer.status {
        408 | 500..=599 => Verdict::MaybeApplied { after: None },
        _ => Verdict::Final,
    }
}

/// The verdict on an answer to a write that may not be repeated blindly: after a server error nobody knows. A rate limit
/// turns a request away before anything happens.
pub fn write_judge(answer: &Answer) -> Verdict {
    match answer.status {
        429 => Verdict::Retry { after: None },
        _ => read_judge(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::shared::transcript::answer;

    #[test]
    fn every_status_that_is_no_success_names_whose_fault_it_was() {
        let fault = |status| unreadable(&answer(status, "{}")).fault;
        assert_eq!(fault(302), Fault::Malformed);
        assert_eq!(fault(401), Fault::Credential);
        assert_eq!(fault(403), Fault::Permission);
        assert_eq!(fault(404), Fault::Missing);
        assert_eq!(fault(422), Fault::Request);
        assert_eq!(fault(429), Fault::RateLimited);
        assert_eq!(fault(503), Fault::Server);
        assert_eq!(fault(204), Fault::Malformed);
    }

    #[test]
    fn a_write_that_a_rate_limit_turned_away_may_be_sent_again_and_one_that_failed_may_not() {
        assert_eq!(write_judge(&answer(429, "{}")), Verdict::Retry { after: None });
        assert_eq!(write_judge(&answer(503, "{}")), Verdict::MaybeApplied { after: None });
        assert_eq!(write_judge(&answer(409, "{}")), Verdict::Final);
    }

    #[test]
    fn only_the_message_of_an_error_is_quoted_and_not_at_length() {
        assert_eq!(said(br#"{"error":{"message":"no"},"key":"s3cret"}"#).as_deref(), Some("it says: \"no\""));
        assert_eq!(said(br#"{"errors":[{"message":"no"}]}"#).as_deref(), Some("it says: \"no\""));
        assert_eq!(said(br#"{"key":"s3cret"}"#), None);
        let long = format!(r#"{{"message":"{}"}}"#, "é".repeat(5000));
        assert_eq!(said(long.as_bytes()).unwrap().chars().filter(|c| *c == 'é').count(), MAX_QUOTE);
    }
}
