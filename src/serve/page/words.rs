//! Text on the page. Everything that could come from outside passes here: made harmless, cut, and kept from turning the text
//! around it.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::{
    plan::{
        Origin, OriginKind, UpcomingKind,
        render::{age, count, neutral},
    },
    serve::Health,
};

/// Characters of a name that are shown.
const NAME: usize = 90;
/// Characters of a sentence that are shown.
const SENTENCE: usize = 600;

/// A name from anywhere.
pub(super) fn name(text: &str) -> Markup {
    html! { bdi.name { (neutral::short(text, NAME)) } }
}

/// A sentence of ours, which may quote names; what stands between backticks is set as code.
pub(super) fn sentence(text: &str) -> Markup {
    let safe = neutral::short(text, SENTENCE);
    let parts: Vec<&str> = safe.split('`').collect();
    // An odd backtick opens nothing.
    let closed = parts.len() - usize::from(parts.len().is_multiple_of(2));
    html! {
        bdi {
            @for (index, part) in parts.iter().enumerate() {
                @if index >= closed { "`" (part) }
                @else if index % 2 == 1 { code { (part) } }
                @else { (part) }
            }
        }
    }
}

/// A time that was, as its age.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> Markup {
    time(then, &age(then, now))
}

/// The same, where it may never have been.
pub(super) fn ago_or(then: Option<Timestamp>, now: Timestamp, never: &str) -> Markup {
    then.map_or_else(|| html! { (never) }, |then| ago(then, now))
}

/// A time that will be.
pub(super) fn ahead(then: Timestamp, now: Timestamp) -> Markup {
    let seconds = then.as_second() - now.as_second();
    let (number, one, many) = match seconds {
        i64::MIN..=0 => return time(then, "due now"),
        1..=119 => (seconds, "second", "seconds"),
        120..=7_199 => (seconds / 60, "minute", "minutes"),
        7_200..=172_799 => (seconds / 3_600, "hour", "hours"),
        _ => (seconds / 86_400, "day", "days"),
    };
    time(then, &format!("in {}", count(number.unsigned_abs(), one, many)))
}

fn time(at: Timestamp, words: &str) -> Markup {
    html! { time datetime=(at) title=(at.strftime("%F %T UTC")) { (words) } }
}

/// A time of day with its date.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%F %T UTC").to_string()
}

/// A kind, a system or an end as people write it: `access token`. Causes, holds and guards keep their names.
pub(super) fn plain(word: &str) -> String {
    word.replace('_', " ")
}

/// `1 target`, `2 targets`.
pub(super) fn number(count_of: u64, one: &str, many: &str) -> String {
    count(count_of, one, many)
}

/// A state in words.
pub(super) fn health(health: Health) -> &'static str {
    match health {
        Health::Unreadable => "Unreadable",
        Health::Blocked => "Blocked",
        Health::Refused => "Refused",
        Health::OutOfSync => "Out of sync",
        Health::InSync => "In sync",
        Health::Starting => "Starting",
    }
}

/// The colour of a state: a help beside its word and its drawing.
pub(super) fn tone(health: Health) -> &'static str {
    match health {
        Health::Unreadable | Health::Blocked => "bad",
        Health::Refused | Health::OutOfSync => "warn",
        Health::InSync => "good",
        Health::Starting => "calm",
    }
}

/// Where a row comes from.
pub(super) fn origin(origin: &Origin) -> Markup {
    let what = match origin.what {
        OriginKind::Declaration => "declared in",
        OriginKind::Absent => "absent by",
        OriginKind::Allow => "allowed in",
        OriginKind::ManagedSet => "managed by",
    };
    let place = if origin.line == 0 { origin.file.clone() } else { format!("{}:{}", origin.file, origin.line) };
    html! { span.origin { (what) " " span.place { (name(&place)) } } }
}

/// What time will bring.
pub(super) fn upcoming(what: UpcomingKind) -> String {
    match what {
        UpcomingKind::Due(cause) => format!("goes: {}", cause.name()),
        UpcomingKind::NoticeEnds => "its notice ends".to_owned(),
        UpcomingKind::HoldEnds => "its hold ends".to_owned(),
        UpcomingKind::FreezeEnds => "the freeze ends".to_owned(),
    }
}

/// A path segment of an address.
pub(super) fn segment(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
