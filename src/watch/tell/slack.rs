//! A message as Slack's incoming webhooks take it, and those that imitate them.
//!
//! Titles and lines may quote names that a system or a stranger chose. They stand in a code block, where neither Slack nor
//! Mattermost or Discord see mentions, emphasis or emoji; nothing in them can end the block, be a link, or be taken for
//! Slack's `<…>`.

use serde_json::json;

use super::document::{Message, dropped, heading};
use crate::{config::NotifyOn, plan::render::neutral, watch::News};

/// Characters of the text, escapes counted. Slack shows 4,000 whole.
pub(super) const TEXT: usize = 3_500;
/// What the end of the text may need of them.
const TAIL: usize = 400;
/// Lines below the title of one, and of several.
const LINES: usize = 20;
const MERGED_LINES: usize = 40;

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
            let lines: Vec<Line> = one.lines.iter().map(|line| Line { urgency: 0, text: plain(line) }).collect();
            (format!("*{}*{target}", heading(one.on)), lines, one.lines_left_out, one.commit.as_ref())
        }
        _ => {
            let shown = message.shown();
            let cut_off: usize = shown.iter().map(|one| one.lines_left_out).sum();
            let lines = shown.into_iter().flat_map(merged).collect();
            ("*Several news*".to_owned(), lines, message.left_out() + cut_off, None)
        }
    };
    let mut text = format!("{head}\n```\n{}\n", plain(&message.title()));
    let most = if message.news.len() == 1 { LINES } else { MERGED_LINES };
    let room = TEXT.saturating_sub(TAIL).saturating_sub(text.chars().count());
    let all = lines.len();
    let shown = fitting(lines, most, room);
    for line in &shown {
        text.push_str(line);
        text.push('\n');
    }
    let left_out = left_out + all - shown.len();
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

/// A line, and how much it is worth where not all of them fit: 0 first.
struct Line {
    urgency: u8,
    text: String,
}

/// The lines of one of several news: what happened is told by no later message, a title says the most of anything else.
fn merged(one: &News) -> Vec<Line> {
    let (title, below) = match one.on {
        NotifyOn::Revocations => (0, 0),
        NotifyOn::Failures | NotifyOn::Refusals => (1, 3),
        NotifyOn::Changes | NotifyOn::Recoveries => (2, 3),
    };
    let head = Line { urgency: title, text: format!("{}: {}", heading(one.on), plain(&one.title)) };
    let lines = one.lines.iter().map(|line| Line { urgency: below, text: format!("  {}", plain(line)) });
    std::iter::once(head).chain(lines).collect()
}

/// Those that fit, in their order, within so many lines and characters: one that does not fit leaves the later ones of its worth
/// and less out, too.
fn fitting(lines: Vec<Line>, most: usize, mut room: usize) -> Vec<String> {
    let mut lines: Vec<(usize, Line)> = lines.into_iter().enumerate().collect();
    lines.sort_by_key(|(_, line)| line.urgency);
    let mut fit: Vec<(usize, Line)> = lines
        .into_iter()
        .take(most)
        .take_while(|(_, line)| {
            let size = line.text.chars().count() + 1;
            let fits = size <= room;
            room = room.saturating_sub(size);
            fits
        })
        .collect();
    fit.sort_by_key(|(place, _)| *place);
    fit.into_iter().map(|(_, line)| line.text).collect()
}

/// One line of a code block: unsafe characters spelled out, another quote for a backtick (it is our own most of the time), Slack's
/// own three escaped, and a blank after the colon of an address, so that nothing makes it a link.
fn plain(text: &str) -> String {
    let safe = neutral::line(text);
    let mut out = String::with_capacity(safe.len() + 16);
    let mut rest = safe.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '`' => out.push('\''),
            ':' if rest.peek() == Some(&'/') => out.push_str(": "),
            c => out.push(c),
        }
    }
    out
}
