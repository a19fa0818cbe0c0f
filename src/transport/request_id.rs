//! What a vendor calls an exchange: the first thing that its support asks for.

use serde_json::Value;

use crate::wire::Answer;

use super::limits::{SHOWN_ERROR_BODY, SHOWN_HEADER};

/// Headers in which vendors name a request.
const HEADERS: &[&str] =
    &["x-request-id", "request-id", "x-amzn-requestid", "x-correlation-id", "x-trace-id", "cf-ray"];

/// Where the body of an error names it, besides or instead (Aitronos).
const IN_ERRORS: &[&str] = &["/error/trace_id"];

/// The vendor's name for an exchange, for logs, errors and the journal: printable ASCII, cut short. Where header and error
/// body tell two, both.
pub fn request_id(answer: &Answer) -> Option<String> {
    let header = HEADERS.iter().find_map(|name| shown(answer.header(name)?));
    let body = trace(answer).filter(|trace| header.as_ref() != Some(trace));
    match (header, body) {
        (Some(header), Some(body)) => Some(format!("{header}, {body}")),
        (header, body) => header.or(body),
    }
}

fn trace(answer: &Answer) -> Option<String> {
    if answer.status < 400 || answer.body.len() > SHOWN_ERROR_BODY {
        return None;
    }
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    IN_ERRORS.iter().find_map(|place| shown(body.pointer(place)?.as_str()?))
}

fn shown(told: &str) -> Option<String> {
    let id: String = told.chars().filter(char::is_ascii_graphic).take(SHOWN_HEADER).collect();
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(status: u16, headers: &[(&str, &str)], body: &str) -> Option<String> {
        let headers = headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        request_id(&Answer { status, headers, body: body.into(), received_at: jiff::Timestamp::UNIX_EPOCH })
    }

    #[test]
    fn header_and_error_body_are_both_kept() {
        let body = r#"{"error":{"trace_id":"trace-1","message":"no"}}"#;
        assert_eq!(id(403, &[("x-request-id", "req-1")], body).as_deref(), Some("req-1, trace-1"));
        assert_eq!(id(403, &[("x-request-id", "trace-1")], body).as_deref(), Some("trace-1"));
        assert_eq!(id(403, &[], body).as_deref(), Some("trace-1"));
        assert_eq!(
            id(200, &[("cf-ray", "ray-1")], body).as_deref(),
            Some("ray-1"),
            "only an error's body is looked at"
        );
        assert_eq!(id(200, &[], "{}"), None);
    }

    #[test]
    fn an_id_is_harmless_and_short() {
        let odd = [("x-request-id", "\u{e9}"), ("x-correlation-id", "a\u{1b}[31m b")];
        assert_eq!(id(200, &odd, "").as_deref(), Some("a[31mb"), "one that holds nothing printable is none");
        let long = format!(r#"{{"error":{{"trace_id":"{}"}}}}"#, "x".repeat(5000));
        assert_eq!(id(500, &[], &long).unwrap().len(), SHOWN_HEADER);
        assert_eq!(id(500, &[], r#"{"error":{"trace_id":7}}"#), None);
    }
}
