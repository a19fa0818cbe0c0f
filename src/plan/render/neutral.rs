//! Makes hostile text harmless: what an API calls its things must not move the cursor, forge a line of a plan, hide itself,
//! turn text around, or speak to a person by Markdown.
//!
//! One place for all outputs. Nothing is dropped silently: what is unsafe is shown as its code point (`\u{202e}`), what is
//! too long is cut with a count. Secrets are not this module's business: none may reach it.

use std::fmt::Write as _;

pub use crate::policy::is_unsafe;

/// Characters of one name that are shown; the rest is counted.
pub const MAX_SHOWN: usize = 300;

/// Characters of one sentence of ours, which may quote names, that are shown; the rest is counted.
pub const MAX_SENTENCE: usize = 2_000;

/// One line of plain text: every unsafe character is spelled out, and what is longer than [`MAX_SHOWN`] is cut.
pub fn line(text: &str) -> String {
    cut(text, MAX_SHOWN)
}

/// The same, cut at so many characters: for places that are narrow.
pub fn short(text: &str, limit: usize) -> String {
    cut(text, limit)
}

/// The same for a sentence of ours, cut at [`MAX_SENTENCE`].
pub fn sentence(text: &str) -> String {
    cut(text, MAX_SENTENCE)
}

/// The same without the cut: for a result that is read by its whole length (a diff line, an id to copy).
pub fn whole(text: &str) -> String {
    cut(text, usize::MAX)
}

fn cut(text: &str, limit: usize) -> String {
    let mut safe = String::with_capacity(text.len().min(4 * MAX_SHOWN));
    for (count, c) in text.chars().enumerate() {
        if count == limit {
            let _ = write!(safe, "… ({} characters)", text.chars().count());
            break;
        }
        match c {
            '\n' => safe.push_str("\\n"),
            '\r' => safe.push_str("\\r"),
            '\t' => safe.push_str("\\t"),
            c if is_unsafe(c) => {
                let _ = write!(safe, "\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    safe
}

/// Text of several lines, for a terminal: each line neutralized, the breaks kept. Only for text of ours (a file's excerpt).
pub fn lines(text: &str) -> String {
    text.split('\n').map(whole).collect::<Vec<_>>().join("\n")
}

/// A name in Markdown: a code span that no content can end, where nothing is a link, a mention, HTML or emphasis.
pub fn code_span(text: &str) -> String {
    let safe = line(text);
    let fence = "`".repeat(longest_run(&safe, '`') + 1);
    // A span that begins or ends with a backtick needs a space, which renderers strip again; an empty one is none at all.
    if safe.is_empty() {
        "` `".to_owned()
    } else if safe.starts_with('`') || safe.ends_with('`') || (safe.starts_with(' ') && safe.ends_with(' ')) {
        format!("{fence} {safe} {fence}")
    } else {
        format!("{fence}{safe}{fence}")
    }
}

/// A sentence in Markdown that may quote foreign names: no HTML, links, emphasis, table cells, mentions or issue numbers
/// come out of it.
pub fn prose(text: &str) -> String {
    let safe = sentence(text);
    let mut out = String::with_capacity(safe.len() + 16);
    let mut rest = safe.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            // Forges look for mentions and issue numbers after rendering, so that an entity does not stop them; a border
            // of elements does.
            '@' | '#' => {
                let _ = write!(out, "<span>{c}</span>");
            }
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '~' | '[' | ']' | '\\' | '!' | '{' | '}' | '$' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            ':' if rest.peek() == Some(&'/') => out.push_str("&#58;"),
            '.' if out.to_ascii_lowercase().ends_with("www") => out.push_str("&#46;"),
            c => out.push(c),
        }
    }
    out
}

/// A fence that no line of the text can close.
pub fn fence(text: &str) -> String {
    "`".repeat((longest_run(text, '`') + 1).max(3))
}

fn longest_run(text: &str, wanted: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for c in text.chars() {
        run = if c == wanted { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// A JSON document in which unsafe characters stand as `\u` escapes: the same values for a program, harmless on a terminal.
/// Line breaks between tokens stay.
pub fn json(document: &str) -> String {
    let mut out = String::with_capacity(document.len());
    for c in document.chars() {
        // serde_json leaves no raw control character in a string, so that a break here lies between tokens.
        if c == '\n' || !is_unsafe(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{MAX_SHOWN, code_span, fence, is_unsafe, json, line, prose};

    #[test]
    fn escapes_overrides_and_breaks_are_spelled_out() {
        assert_eq!(line("a\x1b[2Jb\n\u{202e}c\u{200b}\u{9b}"), "a\\u{1b}[2Jb\\n\\u{202e}c\\u{200b}\\u{9b}");
        assert_eq!(line("Zoë 名前 – ok"), "Zoë 名前 – ok", "plain letters of any script stay");
    }

    #[test]
    fn what_is_too_long_is_cut_with_a_count() {
        let shown = line(&"x".repeat(MAX_SHOWN + 5));
        assert!(shown.ends_with("… (305 characters)"), "{shown}");
    }

    #[test]
    fn a_code_span_cannot_be_ended_by_its_content() {
        assert_eq!(code_span("a`b``c"), "```a`b``c```");
        assert_eq!(code_span("`x`"), "`` `x` ``");
        assert_eq!(fence("a ```` b"), "`````");
    }

    #[test]
    fn prose_has_no_markup_links_or_mentions() {
        let shown = prose("@anna <img src=x> [a](http://b) www.c #1 *d* `e` |");
        for markup in ["@anna", "<img", "[", "](", "http://", "www.c", "#1 ", "*", "`", "|"] {
            assert!(!shown.contains(markup), "{markup} in {shown}");
        }
    }

    #[test]
    fn json_keeps_its_values() {
        let value = serde_json::json!({ "name": "a\u{202e}b\u{e0041}\u{7f}\n\"\\" });
        let document = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!document.chars().any(|c| c != '\n' && is_unsafe(c)));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&document).unwrap(), value);
    }
}
