//! Scalars of the operator's file, within their bounds.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;

use super::bounds;
use crate::{
    access::{RequestRate, Text},
    yaml::{Fields, Node, Reporter, get, quoted},
};

/// A text of bounded length.
pub(super) fn text(node: &Node<'_>, what: &str, reporter: &mut Reporter<'_>) -> Option<Text> {
    let text = get::text(node, what, reporter)?;
    if text.chars().count() > bounds::TEXT {
        reporter.report(node, format!("{what} is longer than {} characters", bounds::TEXT));
        return None;
    }
    Some(text.into())
}

/// The texts of a list that is not empty; one text alone counts as a list of one.
pub(super) fn texts(node: &Node<'_>, what: &str, reporter: &mut Reporter<'_>) -> Option<Vec<Text>> {
    let before = reporter.count();
    let items = node.as_list().map_or(std::slice::from_ref(node), |items| items);
    if items.is_empty() {
        get::list(node, what, reporter)?;
    }
    let texts: Vec<Text> = items.iter().filter_map(|item| text(item, what, reporter)).collect();
    (reporter.count() == before).then_some(texts)
}

/// A path, relative ones from the directory of the file.
pub(super) fn path(node: &Node<'_>, what: &str, directory: &Path, reporter: &mut Reporter<'_>) -> Option<PathBuf> {
    text(node, what, reporter).map(|path| directory.join(path.as_str()))
}

/// The duration of a field, or the default where it is left out.
pub(super) fn duration(
    fields: &Fields<'_, '_>,
    name: &str,
    (least, most): bounds::Span,
    default: SignedDuration,
    reporter: &mut Reporter<'_>,
) -> Option<SignedDuration> {
    match fields.get(name) {
        None => Some(default),
        Some(node) => bounded_duration(node, name, (least, most), reporter),
    }
}

/// A duration within bounds.
pub(super) fn bounded_duration(
    node: &Node<'_>,
    name: &str,
    (least, most): bounds::Span,
    reporter: &mut Reporter<'_>,
) -> Option<SignedDuration> {
    let found = get::duration(node, &quoted(name), reporter)?;
    if (least..=most).contains(&found) {
        return Some(found);
    }
    reporter.report(node, format!("{} has to be from {} to {}", quoted(name), in_words(least), in_words(most)));
    None
}

/// A duration as it is written in files.
pub(super) fn in_words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    for (unit, size) in [("d", 86_400), ("h", 3_600), ("m", 60)] {
        if seconds > 0 && seconds % size == 0 {
            return format!("{}{unit}", seconds / size);
        }
    }
    format!("{seconds}s")
}

/// The number of a field, or the default where it is left out.
pub(super) fn number(
    fields: &Fields<'_, '_>,
    name: &str,
    (least, most): (u32, u32),
    default: u32,
    reporter: &mut Reporter<'_>,
) -> Option<u32> {
    match fields.get(name) {
        None => Some(default),
        Some(node) => get::integer(node, &quoted(name), least, most, reporter),
    }
}

/// A share such as `10%`.
pub(super) fn percent(node: &Node<'_>, name: &str, reporter: &mut Reporter<'_>) -> Option<u32> {
    let (least, most) = bounds::SHARE;
    let digits = node.as_scalar().and_then(|scalar| scalar.text.strip_suffix('%'));
    match digits.and_then(plain_number) {
        Some(share) if (least..=most).contains(&share) => Some(share),
        _ => {
            let message = format!("{} has to be a share from {least}% to {most}%", quoted(name));
            reporter.report_with(node, message, "write a whole number and a percent sign: 10%");
            None
        }
    }
}

/// A request rate such as `1000/h`.
pub(super) fn rate(node: &Node<'_>, name: &str, reporter: &mut Reporter<'_>) -> Option<RequestRate> {
    let (least, most) = bounds::REQUESTS;
    let parsed = node.as_scalar().and_then(|scalar| {
        let (count, unit) = scalar.text.split_once('/')?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return None,
        };
        let count = plain_number(count).filter(|count| (least..=most).contains(count))?;
        Some(RequestRate { count, seconds })
    });
    if parsed.is_none() {
        let message = format!("{} has to be a number of requests in a second, minute or hour", quoted(name));
        reporter.report_with(
            node,
            message,
            format!("write it as 1000/h, 60/m or 20/s, from {least} to {most} requests"),
        );
    }
    parsed
}

fn plain_number(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    if plain { digits.parse().ok() } else { None }
}
