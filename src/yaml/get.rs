//! Scalars as what they are meant to be. Each function reports what does not fit and then gives nothing; `what` names the
//! field for the message.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use super::{Node, NodeValue, Reads, Reporter, control, plain, quoted, shown};

/// The longest duration that a file may state: 100 years of 365 days, in seconds.
const LONGEST_SECONDS: i64 = 100 * 365 * 86_400;

/// A text of ours, not empty, without control characters. Unquoted scalars that some reader takes for something else are
/// refused.
pub fn text<'n>(node: &'n Node<'_>, what: &str, reporter: &mut Reporter<'_>) -> Option<&'n str> {
    let text = prose(node, what, reporter)?;
    seen(node, text, what, reporter).then_some(text)
}

/// The same for sentences: they identify nothing, and are written with what joins the signs of a language and of emoji.
pub fn prose<'n>(node: &'n Node<'_>, what: &str, reporter: &mut Reporter<'_>) -> Option<&'n str> {
    let text = word(node, what, reporter)?;
    if let Some(c) = control(text) {
        reporter.report(node, format!("{what} holds the control character U+{:04X}", u32::from(c)));
        return None;
    }
    Some(text)
}

/// What a system calls something: there an escape may stand for any character, since it has to be possible to name whatever
/// exists. As it is no character may stand there that is not seen.
pub fn name<'n>(node: &'n Node<'_>, what: &str, reporter: &mut Reporter<'_>) -> Option<&'n str> {
    let text = word(node, what, reporter)?;
    seen(node, text, what, reporter).then_some(text)
}

/// Whether everything of a text can be seen in the file; reports the first character that cannot.
fn seen(node: &Node<'_>, text: &str, what: &str, reporter: &mut Reporter<'_>) -> bool {
    // Only what honest sentences are written with has come so far: joiners and wide spaces.
    let unseen = |c: &char| shown::is_unsafe(*c) && !matches!(c, '\t' | '\n' | '\r');
    if text.is_ascii() || !text.chars().any(|c| unseen(&c)) {
        return true;
    }
    let Some(c) = reporter.raw(node.at).chars().find(unseen) else { return true };
    let message = format!("{what} holds the invisible or direction-changing character U+{:04X}", u32::from(c));
    reporter.report_with(node, message, "remove it; where a name needs it, write it as an escape in double quotes");
    false
}

fn word<'n>(node: &'n Node<'_>, what: &str, reporter: &mut Reporter<'_>) -> Option<&'n str> {
    match &node.value {
        NodeValue::Scalar(scalar) => {
            let text: &str = &scalar.text;
            let reads = if scalar.quoted { Reads::Text } else { plain::reads_as(text) };
            if reads != Reads::Text {
                let message =
                    format!("{what} has to be text, and some readers take {} for {}", quoted(text), reads.what());
                reporter.report_with(node, message, format!("put it in quotes: \"{text}\""));
                return None;
            }
            if text.trim().is_empty() {
                reporter.report(node, format!("{what} is empty"));
                return None;
            }
            Some(text)
        }
        NodeValue::Null if node.at.length > 0 => {
            let message = format!("{what} has to be text, and some readers take this for nothing");
            reporter.report_with(node, message, "leave the field out, or put the word in quotes");
            None
        }
        _ => wrong(node, what, "text", reporter),
    }
}

/// `true` or `false`, without quotes and in no other spelling.
pub fn boolean(node: &Node<'_>, what: &str, reporter: &mut Reporter<'_>) -> Option<bool> {
    let Some(scalar) = node.as_scalar() else {
        return wrong(node, what, "`true` or `false`", reporter);
    };
    match (scalar.quoted, plain::reads_as(&scalar.text)) {
        (false, Reads::Bool(flag)) => Some(flag),
        _ => {
            let message = format!("{what} has to be `true` or `false`, and here is {}", quoted(&scalar.text));
            reporter.report_with(node, message, "write `true` or `false`, without quotes");
            None
        }
    }
}

/// A whole number from `least` to `most`, in plain decimal digits.
pub fn integer(node: &Node<'_>, what: &str, least: u32, most: u32, reporter: &mut Reporter<'_>) -> Option<u32> {
    let Some(scalar) = node.as_scalar() else {
        return wrong(node, what, "a whole number", reporter);
    };
    let text: &str = &scalar.text;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !(text.len() > 1 && text.starts_with('0'));
    let number = if digits && !scalar.quoted { text.parse::<u32>().ok() } else { None };
    match number {
        Some(number) if (least..=most).contains(&number) => Some(number),
        _ => {
            let range =
                if most == u32::MAX { format!("of at least {least}") } else { format!("from {least} to {most}") };
            reporter.report(node, format!("{what} has to be a whole number {range}, and here is {}", quoted(text)));
            None
        }
    }
}

/// A duration: a whole number and one of the units s, m, h, d, w.
pub fn duration(node: &Node<'_>, what: &str, reporter: &mut Reporter<'_>) -> Option<SignedDuration> {
    let Some(scalar) = node.as_scalar() else {
        return wrong(node, what, "a duration", reporter);
    };
    let parsed = parse_duration(&scalar.text);
    if parsed.is_none() {
        let message = format!("{what} has to be a duration, and here is {}", quoted(&scalar.text));
        reporter.report_with(node, message, "write a number and a unit: 90s, 30m, 20h, 2d or 4w; 100 years at most");
    }
    parsed
}

/// Reads a duration as [`duration`] does.
pub fn parse_duration(text: &str) -> Option<SignedDuration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let total = digits.parse::<i64>().ok()?.checked_mul(seconds)?;
    (total <= LONGEST_SECONDS).then(|| SignedDuration::from_secs(total))
}

/// A date, which means its end in UTC, or a timestamp with its offset.
pub fn end(node: &Node<'_>, what: &str, reporter: &mut Reporter<'_>) -> Option<Timestamp> {
    let Some(scalar) = node.as_scalar() else {
        return wrong(node, what, "a date", reporter);
    };
    let parsed = parse_end(&scalar.text);
    if parsed.is_none() {
        let message =
            format!("{what} has to be a date or a time with its offset, and here is {}", quoted(&scalar.text));
        reporter.report_with(node, message, "write 2027-01-31 (its end in UTC) or 2027-01-31T18:00:00Z");
    }
    parsed
}

/// Reads an end as [`end`] does.
pub fn parse_end(text: &str) -> Option<Timestamp> {
    let shaped = |index: usize, byte: u8| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    let date = text.get(..10)?;
    if !date.bytes().enumerate().all(|(index, byte)| shaped(index, byte)) {
        return None;
    }
    match text.get(10..)? {
        "" => {
            let next_day = date.parse::<Date>().ok()?.tomorrow().ok()?;
            Some(next_day.to_zoned(TimeZone::UTC).ok()?.timestamp())
        }
        time if time.starts_with('T') && !time.contains('[') => text.parse::<Timestamp>().ok(),
        _ => None,
    }
}

/// The items of a list that is not empty.
pub fn list<'n, 'a>(node: &'n Node<'a>, what: &str, reporter: &mut Reporter<'_>) -> Option<&'n [Node<'a>]> {
    match node.as_list() {
        Some([]) => {
            reporter.report_with(node, format!("{what} is an empty list"), "leave the field out, or name something");
            None
        }
        Some(items) => Some(items),
        None => wrong(node, what, "a list", reporter),
    }
}

/// The texts of a list that is not empty; one text alone counts as a list of one. Texts that do not fit are reported and
/// left out.
pub fn texts<'n, 'a>(
    node: &'n Node<'a>,
    what: &str,
    reporter: &mut Reporter<'_>,
) -> Option<Vec<(&'n str, &'n Node<'a>)>> {
    each(node, what, reporter, text)
}

/// One or several names, as [`name`] takes them.
pub fn names<'n, 'a>(
    node: &'n Node<'a>,
    what: &str,
    reporter: &mut Reporter<'_>,
) -> Option<Vec<(&'n str, &'n Node<'a>)>> {
    each(node, what, reporter, name)
}

fn each<'n, 'a>(
    node: &'n Node<'a>,
    what: &str,
    reporter: &mut Reporter<'_>,
    read: impl Fn(&'n Node<'a>, &str, &mut Reporter<'_>) -> Option<&'n str>,
) -> Option<Vec<(&'n str, &'n Node<'a>)>> {
    let items = match &node.value {
        NodeValue::List(_) => list(node, what, reporter)?,
        _ => std::slice::from_ref(node),
    };
    Some(items.iter().filter_map(|item| read(item, what, reporter).map(|text| (text, item))).collect())
}

/// Reports what stands there instead of what is wanted.
pub fn wrong<T>(node: &Node<'_>, what: &str, wanted: &str, reporter: &mut Reporter<'_>) -> Option<T> {
    reporter.report(node, format!("{what} has to be {wanted}, and here is {}", node.what()));
    None
}
