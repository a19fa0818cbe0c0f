//! What stands around every page: head, header with the state of the source, banners, footer.

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    icons::{self, icon},
    style::STYLE,
    words::{ago, ago_or, ahead, moment, name, number, sentence},
};
use crate::serve::{Freeze, JournalView, ListenerView, Pause, SourceView};

/// How often a page loads itself anew, in seconds.
const REFRESH_SECONDS: u32 = 30;
/// Problems of files that a banner lists.
const SHOWN_PROBLEMS: usize = 10;

/// Freeze windows that a banner lists.
const SHOWN_FREEZES: usize = 10;

/// What every page shows.
pub(super) struct Frame {
    pub(super) title: String,
    /// `good`, `warn`, `bad` or `calm`.
    pub(super) tone: &'static str,
    pub(super) now: Timestamp,
    pub(super) refresh: bool,
    /// The address of this page, without its query.
    pub(super) here: String,
    pub(super) source: SourceView,
    pub(super) pause: Option<Pause>,
    /// Those that bear on what the page shows.
    pub(super) freezes: Vec<Freeze>,
    pub(super) journal: JournalView,
    pub(super) listener: ListenerView,
    /// How long the loop has been silent, in seconds, where it should not be.
    pub(super) silent: Option<u64>,
}

impl Frame {
    /// A link within the page's site, which keeps what the reader chose.
    pub(super) fn link(&self, path: &str) -> String {
        if self.refresh { path.to_owned() } else { format!("{path}?refresh=off") }
    }

    /// The whole document.
    pub(super) fn around(&self, main: &Markup) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    @if self.refresh { meta http-equiv="refresh" content=(REFRESH_SECONDS); }
                    title { (crate::plan::render::neutral::line(&self.title)) " · Portcullis" }
                    (icons::favicon(self.tone))
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    a.skip href="#main" { "Skip to the targets" }
                    (self.header())
                    (self.banners())
                    main #main tabindex="-1" { (main) }
                    (self.footer())
                }
            }
        };
        page.into_string()
    }

    fn header(&self) -> Markup {
        html! {
            header.top {
                a.brand href=(self.link("/")) aria-label="Portcullis, overview" { (icon(icons::GATE)) span { "Portcullis" } }
                p.source {
                    @if self.source.place.is_empty() { "No policies loaded yet" }
                    @else {
                        span.label { "Policies " } (name(&self.source.place))
                        @if let Some(git_ref) = &self.source.git_ref { " · " span.label { "ref " } (name(git_ref.strip_prefix("refs/heads/").unwrap_or(git_ref))) }
                        @if let Some(commit) = &self.source.commit {
                            " · " span.label { "commit " } code { (name(commit.get(..12).unwrap_or(commit))) }
                        }
                        " · loaded " (ago_or(self.source.loaded_at, self.now, "never"))
                        @if let Some(why) = &self.source.polling {
                            " · changes of files are looked for instead of told: " (sentence(why))
                        }
                    }
                }
                p.clock {
                    "As of " time datetime=(self.now) { (moment(self.now)) } ". "
                    @if self.refresh {
                        "Refreshes every " (REFRESH_SECONDS) " seconds. "
                        a href={ (self.here) "?refresh=off" } { "Stop refreshing" }
                    } @else {
                        "Does not refresh. "
                        a href={ (self.here) "?refresh=off" } { "Refresh now" }
                        " · "
                        a href=(self.here) { "Refresh by itself" }
                    }
                }
            }
        }
    }

    fn banners(&self) -> Markup {
        let nothing = self.pause.is_none()
            && self.freezes.is_empty()
            && self.source.failing.is_none()
            && self.source.problems.is_empty()
            && self.journal.failing.is_none()
            && self.listener.problems.is_empty()
            && self.silent.is_none();
        if nothing {
            return html! {};
        }
        html! {
            section.banners aria-label="What stands in the way of everything" {
                @if let Some(seconds) = self.silent {
                    (banner("bad", icons::WARNING, "The loop is silent", &html! {
                        p { "It has said nothing for " (seconds) " seconds: what is shown here is old. Look at the daemon's log and restart it." }
                    }))
                }
                @if let Some(why) = &self.journal.failing {
                    (banner("bad", icons::WARNING, "The journal cannot record: nothing is sent", &html! {
                        p { (sentence(why)) }
                        p.way { "Make room or put back " (name(&self.journal.place)) "; it goes on by itself." }
                    }))
                }
                @if let Some(pause) = &self.pause { (self.paused(pause)) }
                @if !self.freezes.is_empty() { (self.frozen()) }
                @if let Some(failing) = &self.source.failing {
                    (banner("bad", icons::WARNING, "The policies cannot be read", &html! {
                        p { (sentence(&failing.what)) " " span.since { "(" (ago(failing.since, self.now)) ")" } }
                        p { "What was taken last stays, with everything held" @if self.source.still_acts { ", but an " code { "expires" } " of it still acts" } "." }
                        p.way { (sentence(&failing.advice)) }
                    }))
                }
                @if !self.source.problems.is_empty() { (self.problems()) }
                @if !self.listener.problems.is_empty() {
                    (banner("warn", icons::WARNING, "The listener does not go by its configuration", &html! {
                        ul.problems { @for problem in &self.listener.problems { li { (sentence(problem)) } } }
                    }))
                }
            }
        }
    }

    fn paused(&self, pause: &Pause) -> Markup {
        banner(
            "warn",
            icons::PAUSED,
            "Paused: nothing is sent",
            &html! {
                p {
                    (sentence(&pause.because))
                    @if let Some(since) = pause.since { " " span.since { "(" (ago(since, self.now)) ")" } }
                    @if let Some(until) = pause.until { " until " time datetime=(until) { (moment(until)) } }
                }
                p.way { "Targets are still read and planned." }
            },
        )
    }

    fn frozen(&self) -> Markup {
        let freezes = &self.freezes;
        let title = match freezes.as_slice() {
            [_] => "A freeze window is open: nothing goes".to_owned(),
            _ => format!("{} freeze windows are open: nothing goes there", freezes.len()),
        };
        banner(
            "calm",
            icons::PAUSED,
            &title,
            &html! {
                ul.problems {
                    @for freeze in freezes.iter().take(SHOWN_FREEZES) {
                        li {
                            @match &freeze.target {
                                Some(target) => (name(target)),
                                None => "All targets",
                            }
                            " until " time datetime=(freeze.until) { (moment(freeze.until)) }
                            " (" (ahead(freeze.until, self.now)) "): " code { (name(&freeze.window)) }
                        }
                    }
                }
                @if freezes.len() > SHOWN_FREEZES {
                    p { "And " (freezes.len() - SHOWN_FREEZES) " more: " a href="/v1/state" { "the state as JSON" } " lists all." }
                }
                p.way { "Targets are still read and planned." }
            },
        )
    }

    fn problems(&self) -> Markup {
        let problems = &self.source.problems;
        let title = format!("The policy files have {}", number(problems.len() as u64, "problem", "problems"));
        banner(
            "bad",
            icons::BLOCKED,
            &title,
            &html! {
                p {
                    "Nothing goes by what they say"
                    @if self.source.still_acts { "; an " code { "expires" } " of the last good tree still acts" }
                    "."
                    @if let Some(since) = self.source.bad_since { " " span.since { "(" (ago(since, self.now)) ")" } }
                }
                ul.problems {
                    @for problem in problems.iter().take(SHOWN_PROBLEMS) {
                        li {
                            @let place = match problem.line {
                                0 | u32::MAX => problem.file.clone(),
                                line => format!("{}:{line}:{}", problem.file, problem.column),
                            };
                            span.place { (name(&place)) } " " (sentence(&problem.message))
                            @if let Some(hint) = &problem.hint { " " span.way { (sentence(hint)) } }
                        }
                    }
                }
                @if problems.len() > SHOWN_PROBLEMS {
                    p { "And " (problems.len() - SHOWN_PROBLEMS) " more: " code { "portcullis validate" } " lists all." }
                }
            },
        )
    }

    fn footer(&self) -> Markup {
        html! {
            footer {
                p {
                    "Portcullis " (env!("CARGO_PKG_VERSION"))
                    @if !self.journal.place.is_empty() { " · journal " (name(&self.journal.place)) }
                }
                nav aria-label="For programs" {
                    ul {
                        li { a href="/v1/state" { "State as JSON" } }
                        li { a href="/v1/journal" { "Journal as JSON" } }
                        li { a href="/metrics" { "Metrics" } }
                        li { a href="/v1/openapi.json" { "OpenAPI" } }
                    }
                }
            }
        }
    }
}

fn banner(tone: &str, drawing: &str, title: &str, body: &Markup) -> Markup {
    html! {
        div class={ "banner " (tone) } {
            (icon(drawing))
            div { h2 { (title) } (body) }
        }
    }
}
