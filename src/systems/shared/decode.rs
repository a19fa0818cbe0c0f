//! JSON bodies into typed records, with errors that never quote the body.

use std::borrow::Cow;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Deserializer};

use crate::wire::{Fault, Unreadable};

/// The largest body that is decoded. Transport bounds what it takes in; this holds for every other asker too.
pub const MAX_BODY: usize = 64 << 20;

/// Decodes a JSON body. The error tells what was wrong and where, never what the body held: it may be a secret.
///
/// # Errors
/// [`Fault::Malformed`].
pub fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unreadable> {
    if body.len() > MAX_BODY {
        return Err(Unreadable::new(Fault::Malformed, format!("the answer is larger than {MAX_BODY} bytes")));
    }
    serde_json::from_slice(body).map_err(|error| {
        let what = match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => "the answer is empty where JSON was promised".to_owned(),
            Some(b'<') => "the answer is HTML or XML where JSON was promised".to_owned(),
            Some(_) if error.is_eof() => "the answer is cut off in the middle of its JSON".to_owned(),
            Some(_) => format!(
                "the answer is not what the API promises: {} (line {}, column {})",
                without_values(&error),
                error.line(),
                error.column()
            ),
        };
        Unreadable::new(Fault::Malformed, what)
    })
}

/// What serde says, less the values that it quotes. Its sentences end in what was expected, which are our own words.
fn without_values(error: &serde_json::Error) -> String {
    if error.is_syntax() {
        return "it is not JSON".to_owned();
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    if text.starts_with("missing field") || text.starts_with("duplicate field") {
        return text.to_owned();
    }
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("something else stands where {expected} was expected"),
        None => "a value that is out of range or not known".to_owned(),
    }
}

/// For `#[serde(deserialize_with = "present")]`: the key has to be there, its value may be null. Without this serde takes a
/// missing key for null.
///
/// # Errors
/// The key is missing, or the value is of a wrong type.
pub fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// A text of a body, borrowed where it holds no escapes: most of a list's texts repeat and are looked up, not kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Str<'a>(#[serde(borrow)] Cow<'a, str>);

impl Str<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A moment as APIs write it: RFC 3339; without an offset it is UTC.
///
/// # Errors
/// [`Fault::Malformed`], naming the field and not the text.
pub fn moment(field: &str, text: &str) -> Result<Timestamp, Unreadable> {
    let utc = || text.parse::<DateTime>().and_then(|at| at.to_zoned(TimeZone::UTC)).map(|at| at.timestamp());
    text.parse::<Timestamp>()
        .or_else(|_| utc())
        .map_err(|_| Unreadable::new(Fault::Malformed, format!("`{field}` is not a date and time")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Row {
        #[serde(deserialize_with = "present")]
        end: Option<String>,
        #[serde(default)]
        count: u32,
    }

    fn fails(body: &str) -> String {
        decode::<Row>(body.as_bytes()).unwrap_err().what
    }

    #[test]
    fn a_missing_key_is_not_null() {
        let row = decode::<Row>(br#"{"end":null}"#).unwrap();
        assert_eq!((row.end, row.count), (None, 0));
        assert!(fails("{}").contains("missing field `end`"));
    }

    #[test]
    fn errors_tell_the_kind_of_damage_and_no_values() {
        assert!(fails(" <html>").contains("HTML"));
        assert!(fails("").contains("empty"));
        assert!(fails(r#"{"end":nu"#).contains("cut off"));
        assert!(fails(r#"{"end":null,"end":null}"#).contains("duplicate field `end`"));
        for body in [r#"{"end":null,"count":"s3cret, expected s3cret"}"#, r#"{"end":null,"count":"s3cret"}"#] {
            let what = fails(body);
            assert!(what.contains("u32") && !what.contains("s3cret"), "{what}");
        }
    }

    #[test]
    fn moments_without_an_offset_are_utc() {
        let whole = moment("at", "2026-01-02T03:04:05Z").unwrap();
        assert_eq!(moment("at", "2026-01-02T03:04:05").unwrap(), whole);
        assert_eq!(moment("at", "2026-01-02T04:04:05+01:00").unwrap(), whole);
        assert!(moment("at", "yesterday").is_err());
    }
}
