//! What an unquoted scalar is to the various readers of YAML.
//!
//! YAML 1.1 and 1.2 disagree on `no`, `010`, `1_000` and `12:30`; both take `1.10` for a number and so lose its last digit.
//! Where text is wanted, all of these have to be quoted, so that every reader reads the same.

/// What some reader takes an unquoted scalar for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Text, for every reader.
    Text,
    /// Nothing: empty, `~` or `null`.
    Nothing,
    /// `true` or `false`, for every reader.
    Bool(bool),
    /// `yes`, `no`, `on`, `off`, `y`, `n`, or a truth value in odd letters: some readers take it for a truth value.
    OddBool,
    /// A number.
    Number,
    /// A number in base 60, for readers of YAML 1.1.
    Sexagesimal,
    /// A date, or a date with a time.
    Date,
}

impl Reads {
    /// What it is, for a message.
    pub fn what(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Nothing => "nothing",
            Self::Bool(_) | Self::OddBool => "a truth value",
            Self::Number => "a number",
            Self::Sexagesimal => "a number in base 60",
            Self::Date => "a date",
        }
    }
}

/// What an unquoted scalar is taken for by at least one reader.
pub fn reads_as(text: &str) -> Reads {
    let Some(first) = text.bytes().next() else {
        return Reads::Nothing;
    };
    match first {
        b'~' if text.len() == 1 => Reads::Nothing,
        b'0'..=b'9' | b'+' | b'-' | b'.' => number_or_date(text),
        b'a'..=b'z' | b'A'..=b'Z' if text.len() <= 5 => word(text),
        _ => Reads::Text,
    }
}

fn word(text: &str) -> Reads {
    match text {
        "true" => return Reads::Bool(true),
        "false" => return Reads::Bool(false),
        _ => {}
    }
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("null") {
        Reads::Nothing
    } else if ["y", "n", "yes", "no", "on", "off", "true", "false"].into_iter().any(is) {
        Reads::OddBool
    } else {
        Reads::Text
    }
}

fn number_or_date(text: &str) -> Reads {
    if is_date(text) {
        return Reads::Date;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    if lower == ".inf" || lower == ".nan" {
        return Reads::Number;
    }
    for prefix in ["0x", "0o", "0b"] {
        if let Some(digits) = lower.strip_prefix(prefix)
            && !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_')
        {
            return Reads::Number;
        }
    }
    if is_decimal(&lower) {
        return Reads::Number;
    }
    let mut parts = lower.split(':');
    let first_is_digits = parts.next().is_some_and(is_digits);
    let mut rest = parts.peekable();
    if first_is_digits && rest.peek().is_some() && rest.all(|part| is_decimal(part) && !part.contains('e')) {
        return Reads::Sexagesimal;
    }
    Reads::Text
}

/// Digits with at most one point and an exponent: `12`, `010`, `1_000`, `1.10`, `.5`, `1e3`.
fn is_decimal(lower: &str) -> bool {
    let (mantissa, exponent) = lower.split_once('e').map_or((lower, None), |(m, e)| (m, Some(e)));
    let exponent_fits =
        exponent.is_none_or(|exponent| is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
    let mut points = 0;
    let mut digits = 0;
    for byte in mantissa.bytes() {
        match byte {
            b'.' => points += 1,
            b'0'..=b'9' => digits += 1,
            b'_' => {}
            _ => return false,
        }
    }
    exponent_fits && points <= 1 && digits > 0
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// `2027-01-31`, `2027-1-31`, or either followed by a time.
fn is_date(text: &str) -> bool {
    let end = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let (date, time) = text.split_at(end);
    let mut parts = date.split('-');
    let sizes = [4..=4, 1..=2, 1..=2];
    let fits = sizes.into_iter().all(|size| {
        parts.next().is_some_and(|part| size.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
    }) && parts.next().is_none();
    fits && (time.is_empty() || time.get(1..).is_some_and(|time| time.starts_with(|c: char| c.is_ascii_digit())))
}

#[cfg(test)]
mod tests {
    use super::{Reads, reads_as};

    #[test]
    fn traps_are_told_from_text() {
        for text in ["no", "NO", "on", "Off", "y", "N", "True", "FALSE"] {
            assert_eq!(reads_as(text), Reads::OddBool, "{text}");
        }
        for text in ["0", "010", "1.10", "1_000", "-3", "+.5", "1e3", "0x1F", "0o17", ".inf", "-.NaN", "1."] {
            assert_eq!(reads_as(text), Reads::Number, "{text}");
        }
        for text in ["12:30", "1:30:00.5"] {
            assert_eq!(reads_as(text), Reads::Sexagesimal, "{text}");
        }
        for text in ["2027-01-31", "2027-1-3", "2027-01-31T10:00:00Z", "2027-01-31 10:00"] {
            assert_eq!(reads_as(text), Reads::Date, "{text}");
        }
        for text in ["", "~", "null", "NULL"] {
            assert_eq!(reads_as(text), Reads::Nothing, "{text}");
        }
        let uuid = "12345678-1234-1234-1234-123456789abc";
        for text in
            ["service/x", "10.0.0.1", uuid, "1e3x", "2d", "20h", "1.2.3", "nope", "-", "--", ".", "2027-01-31-backup"]
        {
            assert_eq!(reads_as(text), Reads::Text, "{text}");
        }
        assert_eq!(reads_as("true"), Reads::Bool(true));
    }
}
