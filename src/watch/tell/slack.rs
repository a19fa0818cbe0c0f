//! A message as Slack's incoming webhooks take it, and those that imitate them.
//!
//! Titles and lines may quote names that a system or a stranger chose. They stand in a code block, where neither Slack nor
//! Mattermost or Discord see mentions, emphasis or emoji; nothing in them can end the block, be a link, or be taken for
//! Slack's `<…>`.

use serde_json::json;

use super::document::{MERGED, Message, dropped, heading};
use crate::plan::render::neutral;

/// Characters of the text, escapes counted. Slack shows 4,000 whole.
pub(super) const TEXT: usize = 3_500;
/// What the end of the text may need of them.
const TAIL: usize = 400;
/// Lines below the title.
const LINES: usize = 20;

/// The body of the request.
pub(super) fn render(message: &Message) -> String {
    // Neither links nor what they point at are of any use here, and fetching them would tell a stranger that we read it.
    let body = json!({ "text": text(message), "unfurl_links": false, "unfurl_media": false });
    neutral::json(&body.to_string())
}

fn text(message: &Message) -> String {
    let (head, lines, left_out, commit) = match &message.news[..] {
        [one] => {
            let target = one.target.as_ref().map(|target| format!(" · `{}`", plain(target))).unwrap_or_default();
            let lines: Vec<String> = one.lines.iter().map(|line| plain(line)).collect();
            (format!("*{}*{target}", heading(one.on)), lines, one.lines_left_out, one.commit.as_ref())
        }
        several => {
            let lines = several.iter().take(MERGED).map(|one| format!("{}: {}", heading(one.on), plain(&one.title)));
            ("*Several news*".to_owned(), lines.collect(), message.left_out(), None)
        }
    };
    let mut text = format!("{head}\n```\n{}\n", plain(&message.title()));
    let mut count = text.chars().count();
    let mut shown = 0;
    for line in lines.iter().take(LINES) {
        count += line.chars().count() + 1;
        if count + TAIL > TEXT {
            break;
        }
        text.push_str(line);
        text.push('\n');
        shown += 1;
    }
    let left_out = left_out + lines.len() - shown;
    if left_out > 0 {
        text.push_str(&format!("… and {left_out} more\n"));
    }
    text.push_str("```");
    if let Some(commit) = commit {
        let commit: String = commit.chars().take(64).collect();
        text.push_str(&format!("\ncommit `{}`", plain(&commit)));
    }
    if let Some(dropped) = dropped(message) {
        text.push_str(&format!("\n{dropped}"));
    }
    text
}

/// One line of a code block: unsafe characters and backticks spelled out, Slack's own three escaped, and a blank after the
/// colon of an address, so that nothing makes it a link.
fn plain(text: &str) -> String {
    let safe = neutral::line(text);
    let mut out = String::with_capacity(safe.len() + 16);
    let mut rest = safe.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '`' => out.push_str("\\u{60}"),
            ':' if rest.peek() == Some(&'/') => out.push_str(": "),
            c => out.push(c),
        }
    }
    out
}
