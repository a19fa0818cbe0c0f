//! All targets at a glance: the overall state in one line, those that need somebody first, the others folded.

use std::{cmp::Reverse, sync::Arc};

use maud::{Markup, html};

use super::{
    frame::Frame,
    icons::{self, icon},
    parts,
    words::{ago_or, health, number, plain, tone},
};
use crate::{
    access::Text,
    plan::{FindingKind, Row, Upcoming},
    serve::{Health, TargetView, records::Revocation, tally},
};

/// Targets that are shown with their rows; the others with a line.
const CARDS: usize = 8;
/// Rows of a target that are shown here.
const ROWS: usize = 5;
/// What comes next.
pub(super) const COMING: usize = 8;
/// Revocations that are shown.
pub(super) const REVOKED: usize = 10;

/// What the overview shows.
pub(super) struct Overview {
    pub(super) frame: Frame,
    /// The worst first.
    pub(super) targets: Vec<Arc<TargetView>>,
    pub(super) revoked: Result<Vec<Revocation>, String>,
}

/// The states in the order in which a person wants to see them.
pub(super) fn rank(state: Health) -> u8 {
    match state {
        Health::Unreadable => 0,
        Health::Blocked => 1,
        Health::Refused => 2,
        Health::OutOfSync => 3,
        Health::Starting => 4,
        Health::InSync => 5,
    }
}

/// The worst first, then by what waits, then by name.
pub(super) fn sort(targets: &mut [Arc<TargetView>]) {
    targets.sort_by_cached_key(|view| {
        let waiting = tally::total(&view.tally.changes) + tally::total(&view.tally.held);
        (rank(view.health), Reverse(waiting), view.target.clone())
    });
}

/// The overall state: its line, and its colour.
pub(super) fn headline(targets: &[Arc<TargetView>], paused: bool, silent: bool) -> (String, &'static str) {
    let all = targets.len() as u64;
    let with = |states: &[Health]| targets.iter().filter(|view| states.contains(&view.health)).count() as u64;
    let stuck = with(&[Health::Unreadable, Health::Blocked, Health::Refused]);
    let off = with(&[Health::OutOfSync]);
    let starting = with(&[Health::Starting]);
    let of_all = |number_of: u64, one: &str, many: &str| {
        let noun = if all == 1 { "target" } else { "targets" };
        format!("{number_of} of {all} {noun} {}", if number_of == 1 { one } else { many })
    };
    let (text, tone) = if all == 0 {
        ("No target was looked at yet".to_owned(), "calm")
    } else if stuck > 0 {
        let unread = with(&[Health::Unreadable, Health::Blocked]);
        (of_all(stuck, "needs you", "need you"), if unread > 0 { "bad" } else { "warn" })
    } else if off > 0 {
        (of_all(off, "is out of sync", "are out of sync"), "warn")
    } else if starting > 0 {
        (of_all(starting, "was not looked at yet", "were not looked at yet"), "calm")
    } else if all == 1 {
        ("The one target is in sync".to_owned(), "good")
    } else {
        (format!("All {all} targets are in sync"), "good")
    };
    match (silent, paused) {
        (true, _) => (format!("The loop is silent. Last seen: {text}"), "bad"),
        (_, true) => (format!("Paused. {text}"), if tone == "bad" { "bad" } else { "warn" }),
        _ => (text, tone),
    }
}

impl Overview {
    /// The page.
    pub(super) fn page(&self) -> String {
        let frame = &self.frame;
        let needs = |view: &&Arc<TargetView>| rank(view.health) < rank(Health::Starting);
        let problems: Vec<&Arc<TargetView>> = self.targets.iter().filter(needs).collect();
        let flies = |view: &&Arc<TargetView>| view.tally.finding(FindingKind::InFlight) > 0;
        let (in_flight, in_sync): (Vec<_>, Vec<_>) = self.with(Health::InSync).into_iter().partition(flies);
        let starting: Vec<&Arc<TargetView>> = self.with(Health::Starting);
        let main = html! {
            section.hero aria-label="At a glance" {
                h1 class=(frame.tone) { (icon(self.drawing())) span { (frame.title) } }
                (self.tiles())
            }
            div.columns {
                div.primary {
                    @if !problems.is_empty() {
                        section #needs-you aria-labelledby="needs-you-title" {
                            h2 #needs-you-title { "Out of sync, held or failing" }
                            @for view in problems.iter().take(CARDS) { (self.card(view)) }
                            @if problems.len() > CARDS { (self.further(&problems)) }
                        }
                    }
                    @if !in_flight.is_empty() {
                        section #in-flight aria-labelledby="in-flight-title" {
                            h2 #in-flight-title { "In sync, with removals in flight" }
                            @for view in in_flight.iter().take(CARDS) { (self.card(view)) }
                            @if in_flight.len() > CARDS { (self.further(&in_flight)) }
                        }
                    }
                    @if !starting.is_empty() {
                        section aria-labelledby="starting-title" {
                            h2 #starting-title { "Not looked at yet" }
                            (folded(frame, &number(starting.len() as u64, "target", "targets"), &starting, starting.len() <= CARDS))
                        }
                    }
                    @if !in_sync.is_empty() {
                        section #in-sync aria-labelledby="in-sync-title" {
                            h2 #in-sync-title { "In sync" }
                            (folded(frame, &self.calm(&in_sync), &in_sync, problems.is_empty() && in_flight.is_empty() && in_sync.len() <= 3 * CARDS))
                        }
                    }
                    @if self.targets.is_empty() {
                        p.empty {
                            @if frame.source.loaded_at.is_none() { "The policies are being read: a repository is fetched first, which may take its time. This page shows the targets then." }
                            @else { "The first look at the targets is under way. This page shows them as they come." }
                        }
                    }
                }
                div.secondary {
                    section aria-labelledby="coming-title" {
                        h2 #coming-title { "Comes next" }
                        (parts::coming(frame, &self.coming(), true))
                    }
                    section aria-labelledby="revoked-title" {
                        h2 #revoked-title { "Revoked lately" }
                        (parts::revocations(frame, &self.revoked, true))
                    }
                }
            }
        };
        frame.around(&main)
    }

    fn with(&self, state: Health) -> Vec<&Arc<TargetView>> {
        self.targets.iter().filter(|view| view.health == state).collect()
    }

    fn drawing(&self) -> &'static str {
        match self.frame.tone {
            _ if self.frame.pause.is_some() => icons::PAUSED,
            "good" => icons::IN_SYNC,
            "calm" => icons::STARTING,
            _ => icons::WARNING,
        }
    }

    /// Numbers over all targets.
    fn tiles(&self) -> Markup {
        let count = |state: Health| self.with(state).len();
        let sum = |of: fn(&TargetView) -> u64| self.targets.iter().map(|view| of(view)).sum::<u64>();
        let rows: [(&str, &str, u64); 3] = [
            ("to revoke", "change", sum(|view| tally::total(&view.tally.changes))),
            ("held", "held", sum(|view| tally::total(&view.tally.held))),
            ("in flight", "flight", sum(|view| view.tally.finding(FindingKind::InFlight))),
        ];
        html! {
            div.tiles {
                dl aria-label="Targets by state" {
                    @for state in [Health::Unreadable, Health::Blocked, Health::Refused, Health::OutOfSync, Health::Starting, Health::InSync] {
                        @if count(state) > 0 || state == Health::InSync {
                            div class={ "tile " (if count(state) == 0 { "calm" } else { tone(state) }) } { dt { (icon(icons::health(state))) (health(state)) } dd { (count(state)) } }
                        }
                    }
                }
                dl aria-label="Rows of all plans" {
                    @for (word, class, rows) in rows {
                        div class={ "tile " (if rows == 0 { "calm" } else { class }) } { dt { (word) } dd { (rows) } }
                    }
                }
            }
        }
    }

    /// A target that needs somebody.
    fn card(&self, view: &TargetView) -> Markup {
        let frame = &self.frame;
        let mut rows: Vec<(u8, &Row)> =
            view.plan.iter().flat_map(|plan| &plan.rows).filter_map(|row| Some((parts::urgency(row)?, row))).collect();
        rows.sort_by_key(|(urgency, _)| *urgency);
        let telling = tally::total(&view.tally.changes)
            + tally::total(&view.tally.held)
            + [FindingKind::InFlight, FindingKind::OverScoped, FindingKind::Duplicate, FindingKind::Fight]
                .map(|kind| view.tally.finding(kind))
                .iter()
                .sum::<u64>();
        let hidden = telling.saturating_sub(rows.len().min(ROWS) as u64);
        html! {
            article class={ "card " (tone(view.health)) } {
                header {
                    h3 { (parts::target_link(frame, &view.target)) }
                    (parts::state(view.health))
                    span.system { (plain(&view.system)) }
                }
                p.facts {
                    span { "read " (parts::read(view, frame.now)) }
                    span { "in sync " (ago_or(view.in_sync_at, frame.now, "never")) }
                    span { (parts::next_phrase(view, frame.now)) }
                }
                (parts::why_in_short(frame, view))
                (parts::refusals(view.refusals()))
                (parts::sums(view))
                @if !rows.is_empty() {
                    ul.rows { @for (_, row) in rows.iter().take(ROWS) { (parts::row(row, true)) } }
                }
                @if hidden > 0 {
                    p.more {
                        a href=(frame.link(&format!("/targets/{}", super::words::segment(&view.target)))) {
                            "All rows of " (super::words::name(&view.target)) ": " (hidden) " more"
                        }
                    }
                }
            }
        }
    }

    fn further(&self, problems: &[&Arc<TargetView>]) -> Markup {
        let rest = problems.get(CARDS..).unwrap_or_default();
        let caption = html! { (number(rest.len() as u64, "more target", "more targets")) ", a line each" };
        html! { div.card.plain { (parts::targets(&self.frame, &caption, rest.iter().map(|view| &***view))) } }
    }

    /// `188 targets, each read within the last 5 minutes`.
    fn calm(&self, views: &[&Arc<TargetView>]) -> String {
        let oldest = views.iter().filter_map(|view| view.read_at).min();
        let read = oldest.map_or_else(String::new, |at| {
            format!(", the oldest reading {}", crate::plan::render::age(at, self.frame.now))
        });
        format!("{}{read}", number(views.len() as u64, "target", "targets"))
    }

    /// The earliest over all targets.
    fn coming(&self) -> Vec<(&Text, &Upcoming)> {
        let mut all: Vec<(&Text, &Upcoming)> = self
            .targets
            .iter()
            .flat_map(|view| view.upcoming.iter().take(COMING).map(move |item| (&view.target, item)))
            .collect();
        all.sort_by_key(|(target, item)| (item.at, *target));
        all.truncate(COMING);
        all
    }
}

fn folded(frame: &Frame, summary: &str, views: &[&Arc<TargetView>], open: bool) -> Markup {
    let caption = html! { span.hidden { (summary) } };
    html! {
        details.card.plain open[open] {
            summary { (summary) }
            (parts::targets(frame, &caption, views.iter().map(|view| &***view)))
        }
    }
}
