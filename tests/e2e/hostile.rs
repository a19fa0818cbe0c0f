//! Names that want to do something to whoever reads them, and what no output may have in it.

/// What an API may say, each with a mark by which it is found again.
pub const NAMES: [&str; 8] = [
    "h1 \u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[1A",
    "h2 \u{202e}gnp.exe\u{2066}\u{200b}\u{feff}",
    "h3 ](http://evil.example) ![x](http://evil.example/x.png) @anna #1",
    "h4 <script>alert(1)</script> <img src=x onerror=alert(1)> <!-- ",
    "h5 `code` ``` | cell | **bold** ~~x~~",
    "h6 a\nb: c\r\n- d\u{2028}e\u{85}f",
    "h7 {{x}} &amp; *y* 'q' \"r\" \\",
    "h8 # no: [yes, ~] ? !tag %YAML",
];

/// Whether a character does something instead of being seen: written down here apart from the binary's own list.
fn acts(c: char) -> bool {
    matches!(c,
        '\0'..='\u{9}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Fails where a text has a character that acts.
pub fn assert_harmless(what: &str, text: &str) {
    let found: Vec<char> = text.chars().filter(|&c| acts(c)).collect();
    assert!(found.is_empty(), "{what} has {found:?} in\n{text:?}");
}

/// Fails where Markdown has HTML, a link, a picture or a mention that is none of ours: all of it outside of code spans.
pub fn assert_harmless_markdown(what: &str, text: &str) {
    assert_harmless(what, text);
    let prose = without_code(text);
    for bad in ["<script", "<img", "](http", "@anna", "**bold**", "~~x~~"] {
        assert!(!prose.contains(bad), "{what} has {bad} in\n{prose}");
    }
    let comments = prose.matches("<!--").count();
    assert_eq!(comments, prose.matches("<!-- portcullis:").count(), "{what} has a foreign comment in\n{prose}");
}

/// Markdown without its code spans and fences, by CommonMark's rule: a run of backticks ends at the next run as long.
fn without_code(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('`') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let run = from.chars().take_while(|&c| c == '`').count();
        let inside = &from[run..];
        // A backslash before a run escapes its first backtick; ours are never written so.
        let mut search = 0;
        let end = loop {
            let Some(next) = inside[search..].find('`') else { break None };
            let start = search + next;
            let length = inside[start..].chars().take_while(|&c| c == '`').count();
            if length == run {
                break Some(start + length);
            }
            search = start + length;
        };
        match end {
            Some(end) => rest = &inside[end..],
            None => {
                out.push_str(&from[..run]);
                rest = inside;
            }
        }
    }
    out.push_str(rest);
    out
}

#[test]
fn the_judge_sees_what_is_outside_of_code_and_nothing_else() {
    assert_eq!(without_code("a `<script` b ``x ` <img`` c"), "a  b  c");
    assert_eq!(without_code("a ` <script"), "a ` <script");
    assert!(NAMES.iter().filter(|name| name.chars().any(acts)).count() >= 3);
}
