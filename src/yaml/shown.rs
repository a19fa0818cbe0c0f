//! Makes text of a file harmless to show.

use std::borrow::Cow;

/// The longest text that a message quotes, in characters; what is longer is cut with `…`.
const QUOTED_LIMIT: usize = 60;

/// Whether a character may not be shown as it is: controls, line and paragraph separators, bidirectional marks, overrides
/// and isolates, everything that has no width, fillers that look like nothing, tags.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD                  // soft hyphen
            | 0x034F                // combining grapheme joiner
            | 0x061C                // Arabic letter mark
            | 0x115F | 0x1160 | 0x3164 | 0xFFA0     // Hangul fillers
            | 0x17B4 | 0x17B5       // Khmer inherent vowels
            | 0x180B..=0x180F       // Mongolian selectors and vowel separator
            | 0x2000..=0x200F       // spaces of odd width, zero width, marks
            | 0x2028..=0x202F       // separators, embeddings, overrides
            | 0x205F..=0x206F       // invisible operators, isolates, deprecated formats
            | 0x2800                // blank Braille
            | 0x3000                // ideographic space
            | 0xFE00..=0xFE0F       // variation selectors
            | 0xFEFF                // byte order mark
            | 0xFFF0..=0xFFFB       // unassigned and interlinear annotation
            | 0x1_D173..=0x1_D17A   // musical formats
            | 0xE_0000..=0xE_0FFF   // tags and more selectors
        )
}

/// The text with every harmful character written out as `\u{…}`. Line breaks are kept.
pub fn neutral(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\n')
        || !text.chars().any(|c| is_unsafe(c) && c != '\n')
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        push_neutral(&mut out, c);
    }
    Cow::Owned(out)
}

/// Adds one character, harmful ones written out; a line break is kept.
fn push_neutral(out: &mut String, c: char) {
    if is_unsafe(c) && c != '\n' {
        out.extend(c.escape_unicode());
    } else {
        out.push(c);
    }
}

/// The text between backticks for a message: on one line, harmless, cut where it is long.
pub fn quoted(text: &str) -> String {
    // Most of what is quoted is the name of a field, once for each of very many.
    if text.len() <= QUOTED_LIMIT && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return format!("`{text}`");
    }
    let mut out = String::from("`");
    for (count, c) in text.chars().enumerate() {
        if count == QUOTED_LIMIT {
            out.push('…');
            break;
        }
        if c == '\n' { out.push_str("\\n") } else { push_neutral(&mut out, c) }
    }
    out.push('`');
    out
}

#[cfg(test)]
mod tests {
    use super::{neutral, quoted};

    #[test]
    fn escapes_direction_marks_and_line_breaks_cannot_act() {
        assert_eq!(neutral("a\u{1b}[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
        assert_eq!(quoted("a\nb"), "`a\\nb`");
        assert!(quoted(&"x".repeat(1000)).chars().count() < 70);
    }
}
