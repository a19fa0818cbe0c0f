//! Makes text of a file harmless to show.

use std::borrow::Cow;

/// The longest text that a message quotes, in characters; what is longer is cut with `…`.
const QUOTED_LIMIT: usize = 60;

/// Whether a character moves the cursor, hides, or changes the direction of what follows.
pub(super) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with every harmful character written out as `\u{…}`. Line breaks are kept.
pub fn neutral(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control() && byte != b'\n')
        || !text.chars().any(|c| is_harmful(c) && c != '\n')
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
    if is_harmful(c) && c != '\n' {
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
