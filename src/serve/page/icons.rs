//! Small drawings that stand beside words, never for them: a reader who does not see them misses nothing.

use maud::{Markup, PreEscaped, html};

use crate::serve::Health;

pub(super) const IN_SYNC: &str = "M3.5 8.5l3 3 6-7";
pub(super) const OUT_OF_SYNC: &str = "M3.5 6h9M3.5 10h9M10.5 3l-5 10";
pub(super) const REFUSED: &str = "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M4.8 8h6.4";
pub(super) const BLOCKED: &str = "M5 7.2V5.4a3 3 0 0 1 6 0v1.8M3.8 7.2h8.4v6H3.8z";
pub(super) const UNREADABLE: &str = "M4 4l8 8M12 4l-8 8";
pub(super) const STARTING: &str = "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8M8 4.8V8l2.2 1.4";
pub(super) const PAUSED: &str = "M5.5 3.5v9M10.5 3.5v9";
pub(super) const WARNING: &str = "M8 2.2L14.3 13.4H1.7zM8 6.6v3M8 11.5v.1";
pub(super) const FLIGHT: &str = "M2.5 8h10M9 4.5L12.5 8 9 11.5";
pub(super) const GATE: &str = "M2.5 2.5h11M4 2.5v11M8 2.5v11M12 2.5v11M2.5 6h11M2.5 9.5h11";

/// The drawing of a state.
pub(super) fn health(health: Health) -> &'static str {
    match health {
        Health::Unreadable => UNREADABLE,
        Health::Blocked => BLOCKED,
        Health::Refused => REFUSED,
        Health::OutOfSync => OUT_OF_SYNC,
        Health::InSync => IN_SYNC,
        Health::Starting => STARTING,
    }
}

/// A drawing, hidden from readers that do not see.
pub(super) fn icon(path: &str) -> Markup {
    html! {
        svg.icon viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false" { path d=(path) {} }
    }
}

/// The drawing for a browser's tab, in the colour of the overall state.
pub(super) fn favicon(tone: &str) -> PreEscaped<String> {
    let colour = match tone {
        "bad" => "%23b3261e",
        "warn" => "%23a86400",
        "good" => "%231f7a46",
        _ => "%235b6678",
    };
    PreEscaped(format!(
        "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect \
         width='16' height='16' rx='3.5' fill='{colour}'/%3E%3Cpath d='M3.5 4h9M5 4v8.5M8 4v8.5M11 4v8.5M3.5 7h9M3.5 10h9' \
         stroke='white' stroke-width='1.1' stroke-linecap='round'/%3E%3C/svg%3E\">"
    ))
}
