//! Parts that both pages share: states, rows of a plan, revocations, what comes next.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::{
    frame::Frame,
    icons::{self, icon},
    table::table,
    words::{ago, ahead, health, name, number, origin, plain, segment, sentence, tone, upcoming},
};
use crate::{
    access::{Reversibility, Text},
    journal::OutcomeKind,
    plan::{FindingKind, GuardRefusal, Hold, HoldName, Row, Status, Upcoming},
    serve::{Health, Sum, Tally, TargetView, records::Revocation, tally},
};

/// What comes within this time is shown, and the next few in any case; the rest is folded.
const SOON: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many are always shown.
const ALWAYS: usize = 3;

/// A state: drawing, word and colour.
pub(super) fn state(state: Health) -> Markup {
    html! { span class={ "badge " (tone(state)) } { (icon(icons::health(state))) (health(state)) } }
}

/// A link to a target's page.
pub(super) fn target_link(frame: &Frame, target: &str) -> Markup {
    html! { a href=(frame.link(&format!("/targets/{}", segment(target)))) { (name(target)) } }
}

/// What a target's rows come to: `3 to revoke: 2 undeclared, 1 expired`.
pub(super) fn sums(view: &TargetView) -> Markup {
    let parts = |sums: &[Sum]| {
        let named = tally::by_name(sums).into_iter().map(|(name, rows)| format!("{rows} {name}"));
        named.collect::<Vec<_>>().join(", ")
    };
    let (changes, held) = (tally::total(&view.tally.changes), tally::total(&view.tally.held));
    let flight = view.tally.finding(FindingKind::InFlight);
    let more = view.tally.finding(FindingKind::OverScoped) + view.tally.finding(FindingKind::Duplicate);
    if is_calm(view) {
        return html! {};
    }
    html! {
        ul.sums {
            @if changes > 0 { li.change { b { (changes) } " to revoke: " (parts(&view.tally.changes)) } }
            @if held > 0 { li.held { b { (held) } " held: " (parts(&view.tally.held)) } }
            @if flight > 0 { li.flight { b { (flight) } " in flight" } }
            @if more > 0 { li.held { b { (more) } " more than declared" } }
        }
    }
}

/// Why a target is as it is, and what to do, below a banner that says it of all of them.
pub(super) fn why_in_short(frame: &Frame, view: &TargetView) -> Markup {
    let what = frame.source.failing.as_ref().map(|failing| failing.what.as_str()).filter(|what| !what.is_empty());
    let told = view.why.as_deref().filter(|_| view.health == Health::Blocked).zip(what);
    match told.and_then(|(why, what)| why.split_once(what)) {
        Some((_, rest)) => html! { p.why { "Held by the policies that cannot be read, see above" (sentence(rest)) } },
        None => why(view),
    }
}

/// Why a target is as it is, and what to do.
pub(super) fn why(view: &TargetView) -> Markup {
    html! {
        @if let Some(why) = &view.why { p.why { (sentence(why)) } }
        @if let Some(advice) = &view.advice { p.way { (sentence(advice)) } }
        @if view.failures > 1 { p.why { (number(view.failures.into(), "look", "looks")) " failed in a row." } }
    }
}

/// A guard that refuses.
pub(super) fn refusals(refusals: &[GuardRefusal]) -> Markup {
    html! {
        @if !refusals.is_empty() {
            ul.refusals {
                @for refusal in refusals {
                    li {
                        p.why {
                            b { "Guard " (name(refusal.guard.name())) } " refused " (sentence(&refusal.over)) ": "
                            (sentence(&refusal.figure)) ", the limit is " (sentence(&refusal.limit)) "."
                        }
                        p.way { (sentence(&refusal.way_on)) }
                    }
                }
            }
        }
    }
}

/// What a row is, in a word and a colour.
fn standing(row: &Row) -> (String, &'static str, &'static str) {
    match (row.status, row.finding) {
        (Status::Change, _) => ("to revoke".to_owned(), "change", icons::OUT_OF_SYNC),
        (Status::Held, _) => ("held".to_owned(), "held", icons::PAUSED),
        (Status::Finding, Some(FindingKind::InFlight)) => ("in flight".to_owned(), "flight", icons::FLIGHT),
        (Status::Finding, found) => {
            let word = found.map_or_else(|| "finding".to_owned(), |found| found.name().to_owned());
            (word, "found", icons::WARNING)
        }
    }
}

/// The last in that order: what only its group's refusal holds.
const CEILING: u8 = 3;

/// The order in which a person wants to see rows; absent for those that only the target's own page shows.
pub(super) fn urgency(row: &Row) -> Option<u8> {
    match (row.status, row.finding) {
        (Status::Change, _) => Some(0),
        // What only its group's refusal holds says nothing that the refusal does not say.
        (Status::Held, _) if row.holds.first().is_some_and(|hold| hold.name == HoldName::Ceiling) => Some(CEILING),
        (Status::Held, _) => Some(1),
        (_, Some(FindingKind::InFlight | FindingKind::OverScoped | FindingKind::Duplicate | FindingKind::Fight)) => {
            Some(2)
        }
        _ => None,
    }
}

/// What names a row: its title, and its id where that is another text.
pub(super) fn titled(title: &str, id: &str) -> Markup {
    html! {
        @if title.is_empty() || title == id { span.title { (name(id)) } }
        @else { span.title { (name(title)) } " " span.id { (name(id)) } }
    }
}

/// A row of a plan. In `short` what its target's card says of all of its rows is named and not explained again: the refusal that
/// holds a row of a refused group, and a broken tree.
pub(super) fn row(row: &Row, short: bool) -> Markup {
    let (word, class, drawing) = standing(row);
    let explained = |hold: &Hold| !short || (urgency(row) != Some(CEILING) && hold.name != HoldName::BadTree);
    html! {
        li class={ "row " (class) } {
            p.head {
                span class={ "badge " (class) } { (icon(drawing)) (word) @if let Some(cause) = row.cause { ": " (cause.name()) } }
                " " (titled(&row.title, &row.id))
            }
            p.facts {
                span { (plain(&row.kind)) }
                @if let Some(principal) = &row.principal {
                    span { @if row.finding == Some(FindingKind::Missing) { "declared for " } @else { "of " } (name(principal)) }
                }
                @if row.status != Status::Finding && row.reversibility != Reversibility::Reversible {
                    span { (row.reversibility.name()) }
                }
                @if row.weight > 1 { span { "reaches " (row.weight) " people" } }
                @if row.overdue { span { b { "in flight for too long" } } }
                @if let Some(place) = &row.origin { (origin(place)) }
            }
            @if !row.why.is_empty() { p.why { (sentence(&row.why)) } }
            @for hold in &row.holds {
                p.hold {
                    @if explained(hold) {
                        b { "Held by " (hold.name.name()) ": " } (sentence(&hold.why))
                        @if let Some(way) = &hold.way_on { " " span.way { (sentence(way)) } }
                    } @else { b { "Held by " (hold.name.name()) } }
                }
            }
            @for remark in &row.remarks { p.why { (sentence(remark)) } }
            @if !row.live.is_empty() && !row.declared.is_empty() && row.live != row.declared {
                details.sides {
                    summary { "Live and declared" }
                    div { (side("Live", &row.live)) (side("Declared", &row.declared)) }
                }
            }
        }
    }
}

fn side(title: &str, text: &str) -> Markup {
    const LINES: usize = 60;
    html! {
        figure {
            figcaption { (title) }
            pre tabindex="0" { @for line in text.lines().take(LINES) { (name(line)) "\n" } @if text.lines().count() > LINES { "…" } }
        }
    }
}

/// How a removal ended, in words.
fn outcome(told: &Revocation) -> (&'static str, &'static str, &'static str) {
    match told.outcome.as_ref().map(|outcome| outcome.kind) {
        Some(OutcomeKind::Done) => ("done", "good", icons::IN_SYNC),
        Some(OutcomeKind::Gone) => ("gone already", "good", icons::IN_SYNC),
        Some(OutcomeKind::InFlight) => ("in flight", "flight", icons::FLIGHT),
        Some(OutcomeKind::Refused) => ("refused", "bad", icons::REFUSED),
        Some(OutcomeKind::Failed) => ("failed", "bad", icons::UNREADABLE),
        Some(OutcomeKind::NotSent) => ("not sent", "calm", icons::PAUSED),
        Some(OutcomeKind::Untold) => ("still there", "warn", icons::WARNING),
        Some(OutcomeKind::Unknown) => ("unknown yet", "warn", icons::STARTING),
        None => ("sent", "flight", icons::FLIGHT),
    }
}

/// What was revoked and why, from the journal.
pub(super) fn revocations(frame: &Frame, told: &Result<Vec<Revocation>, String>, with_target: bool) -> Markup {
    let told = match told {
        Ok(told) => told,
        Err(error) => {
            return html! { p.empty { (icon(icons::WARNING)) " The journal could not be read: " (sentence(error)) } };
        }
    };
    if told.is_empty() {
        return html! { p.empty { "Nothing was revoked." } };
    }
    html! {
        ol.events {
            @for told in told {
                @let (word, tone, drawing) = outcome(told);
                li {
                    p.head {
                        span class={ "badge " (tone) } { (icon(drawing)) (word) }
                        " " (titled(&told.title, &told.id))
                    }
                    p.facts {
                        span { (ago(told.at, frame.now)) }
                        @if with_target { @if let Some(target) = &told.target { span { (target_link(frame, target)) } } }
                        span { (plain(&told.kind)) }
                        @if let Some(principal) = &told.principal { span { "of " (name(principal)) } }
                        @if !told.reason.starts_with(told.cause.name()) { span { b { (told.cause.name()) } } }
                    }
                    @if !told.reason.is_empty() { p.why { (sentence(&told.reason)) } }
                    @if let Some(outcome) = told.outcome.as_ref().filter(|outcome| outcome.kind != OutcomeKind::Done && !outcome.detail.is_empty()) {
                        p.why { (sentence(&outcome.detail)) }
                    }
                }
            }
        }
    }
}

/// What time will bring, the earliest first. What is far off is folded.
pub(super) fn coming(frame: &Frame, coming: &[(&Text, &Upcoming)], with_target: bool) -> Markup {
    if coming.is_empty() {
        return html! { p.empty { "Nothing comes due." } };
    }
    let soon = coming.iter().filter(|(_, item)| item.at.duration_since(frame.now) <= SOON).count();
    let (near, far) = coming.split_at(soon.max(ALWAYS).min(coming.len()));
    html! {
        ol.events { @for (target, item) in near { (comes(frame, target, item, with_target)) } }
        @if let Some((_, first)) = far.first() {
            details.later {
                summary { (far.len()) " more, the first " (ahead(first.at, frame.now)) }
                ol.events { @for (target, item) in far { (comes(frame, target, item, with_target)) } }
            }
        }
    }
}

fn comes(frame: &Frame, target: &str, item: &Upcoming, with_target: bool) -> Markup {
    html! {
        li {
            p.head { b.when { (ahead(item.at, frame.now)) } " " (titled(&item.title, &item.id)) }
            p.facts {
                span { (upcoming(item.what)) }
                @if with_target { span { (target_link(frame, target)) } }
                @if !item.kind.is_empty() { span { (plain(&item.kind)) } }
                @if let Some(principal) = &item.principal { span { "of " (name(principal)) } }
                @if let Some(place) = &item.origin { (origin(place)) }
            }
        }
    }
}

/// Targets in short, a line each.
pub(super) fn targets<'v>(frame: &Frame, caption: &Markup, views: impl Iterator<Item = &'v TargetView>) -> Markup {
    let rows = views.map(|view| {
        vec![
            target_link(frame, &view.target),
            state(view.health),
            html! { @if is_calm(view) { span.nothing { (live(view)) } } @else { (sums(view)) } },
            read(view, frame.now),
            next(view, frame.now),
        ]
    });
    table(caption, &["Target", "State", "Rows", "Read", "Next look"], rows)
}

/// Whether no row of it is worth a word.
pub(super) fn is_calm(view: &TargetView) -> bool {
    let Tally { changes, held, findings } = &view.tally;
    let telling = |sum: &Sum| {
        [FindingKind::InFlight, FindingKind::OverScoped, FindingKind::Duplicate]
            .iter()
            .any(|kind| sum.name == kind.name())
    };
    changes.is_empty() && held.is_empty() && !findings.iter().any(telling)
}

fn live(view: &TargetView) -> String {
    view.plan
        .as_ref()
        .map_or_else(|| "no plan yet".to_owned(), |plan| number(plan.counts.live.into(), "live entry", "live entries"))
}

/// The age of truth.
pub(super) fn read(view: &TargetView, now: Timestamp) -> Markup {
    html! { @if let Some(at) = view.read_at { (ago(at, now)) } @else { "never" } }
}

/// When it is looked at again, as a phrase of its own.
pub(super) fn next_phrase(view: &TargetView, now: Timestamp) -> Markup {
    html! { @if view.running_since.is_none() { "next look " } (next(view, now)) }
}

/// When it is looked at again.
pub(super) fn next(view: &TargetView, now: Timestamp) -> Markup {
    html! {
        @if let Some(since) = view.running_since { "a look began " (ago(since, now)) }
        @else if let Some(at) = view.next_look { (ahead(at, now)) }
        @else { "not planned" }
    }
}
