//! One target in detail.

use std::sync::Arc;

use maud::{Markup, html};

use super::{
    frame::Frame,
    parts,
    table::table,
    words::{ago, ago_or, name, number, plain, sentence},
};
use crate::{
    plan::{FindingKind, Row, Status, TargetPlan},
    serve::{Ended, TargetView, records::Revocation},
};

/// Rows of each sort that are shown.
const ROWS: usize = 200;

/// What a target's page shows.
pub(super) struct Detail {
    pub(super) frame: Frame,
    pub(super) view: Arc<TargetView>,
    pub(super) revoked: Result<Vec<Revocation>, String>,
}

impl Detail {
    /// The page.
    pub(super) fn page(&self) -> String {
        let Self { frame, view, revoked } = self;
        let coming: Vec<_> = view.upcoming.iter().map(|item| (&view.target, item)).collect();
        let main = html! {
            nav.trail aria-label="Where you are" { a href=(frame.link("/")) { "All targets" } }
            section.hero aria-label="At a glance" {
                h1 { (name(&view.target)) }
                p.states { (parts::state(view.health)) " " span.system { (plain(&view.system)) } }
            }
            div.columns {
                div.primary {
                    div class={ "card " (super::words::tone(view.health)) } {
                        (parts::why(view))
                        (parts::refusals(view.refusals()))
                        (parts::sums(view))
                        @if view.why.is_none() && view.refusals().is_empty() && parts::is_calm(view) {
                            p { "Nothing to do." }
                        }
                    }
                    @if let Some(plan) = &view.plan { (self.rows(plan)) }
                    @if !view.ended.is_empty() { (self.ended(&view.ended)) }
                    section aria-labelledby="revoked-title" {
                        h2 #revoked-title { "Revoked lately" }
                        (parts::revocations(frame, revoked, false))
                    }
                }
                div.secondary {
                    section aria-labelledby="facts-title" { h2 #facts-title { "Facts" } (self.facts()) }
                    section aria-labelledby="coming-title" {
                        h2 #coming-title { "Comes next" }
                        (parts::coming(frame, &coming, false))
                    }
                    @if let Some(plan) = &view.plan { (remarks(plan)) }
                }
            }
        };
        frame.around(&main)
    }

    fn rows(&self, plan: &TargetPlan) -> Markup {
        let finding = |row: &&Row, wanted: FindingKind| row.status == Status::Finding && row.finding == Some(wanted);
        let changes: Vec<&Row> = plan.rows.iter().filter(|row| row.status == Status::Change).collect();
        let held: Vec<&Row> = plan.rows.iter().filter(|row| row.status == Status::Held).collect();
        let flight: Vec<&Row> = plan.rows.iter().filter(|row| finding(row, FindingKind::InFlight)).collect();
        let told = |row: &&Row| {
            row.status == Status::Finding && !matches!(row.finding, Some(FindingKind::InFlight | FindingKind::Dead))
        };
        let findings: Vec<&Row> = plan.rows.iter().filter(told).collect();
        html! {
            (self.list("changes", "To revoke", &changes))
            (self.list("held", "Held", &held))
            (self.list("flight", "In flight", &flight))
            (self.list("findings", "Findings", &findings))
            @if self.view.rows_left_out > 0 {
                p.empty { (number(self.view.rows_left_out as u64, "row is", "rows are")) " not kept to be shown; the numbers count them." }
            }
        }
    }

    fn list(&self, id: &str, title: &str, rows: &[&Row]) -> Markup {
        if rows.is_empty() {
            return html! {};
        }
        html! {
            section aria-labelledby={ (id) "-title" } {
                h2 id={ (id) "-title" } { (title) " " span.count { (rows.len()) } }
                ul.rows.card.plain { @for row in rows.iter().take(ROWS) { (parts::row(row, false)) } }
                @if rows.len() > ROWS {
                    p.more {
                        a href={ "/v1/targets/" (super::words::segment(&self.view.target)) "/plan" } { (rows.len() - ROWS) " more in the plan, as JSON" }
                    }
                }
            }
        }
    }

    fn ended(&self, ended: &[Ended]) -> Markup {
        let rows = ended.iter().take(ROWS).map(|row| {
            vec![
                parts::titled(&row.title, &row.id),
                html! { (row.cause.name()) },
                html! { b { (plain(&row.end)) } },
                html! { (sentence(&row.detail)) },
                ago(row.at, self.frame.now),
            ]
        });
        let caption = html! { (number(ended.len() as u64, "change", "changes")) };
        html! {
            section aria-labelledby="ended-title" {
                h2 #ended-title { "Results of the last run" }
                div.card.plain { (table(&caption, &["Entry", "Cause", "Ended", "Detail", "When"], rows)) }
            }
        }
    }

    fn facts(&self) -> Markup {
        let (view, now) = (&self.view, self.frame.now);
        let plan = view.plan.as_deref();
        let counts = plan.map(|plan| &plan.counts);
        html! {
            dl.facts-list.card.plain {
                (fact("Read", &parts::read(view, now)))
                (fact("Looked at", &ago_or(view.looked_at, now, "never")))
                (fact("In sync", &ago_or(view.in_sync_at, now, "never")))
                (fact("Next look", &parts::next(view, now)))
                (fact("Enforced", &html! {
                    @if view.enforced.is_empty() { "nothing: all is observed only" }
                    @for (index, list) in view.enforced.iter().enumerate() { @if index > 0 { ", " } (name(list)) }
                }))
                @if let Some(account) = plan.and_then(|plan| plan.account.as_ref()) { (fact("Account", &name(account))) }
                @if let Some(counts) = counts {
                    (fact("Entries", &html! {
                        (counts.live) " live: " (counts.declared) " declared, " (counts.allowed) " allowed, "
                        (counts.managed) " managed, " (counts.unmanaged) " that nothing speaks of"
                        @if counts.dead > 0 { "; " (counts.dead) " dead" }
                    }))
                    (fact("Declarations", &html! { (counts.declarations) }))
                }
                (fact("Calls", &html! { (view.calls) " in the last run" @if let Some(left) = view.calls_left { ", " (left) " left" } }))
                @if let Some(commit) = &view.commit { (fact("Commit", &html! { code { (name(commit)) } })) }
                @if view.failures > 0 { (fact("Failed looks", &html! { (view.failures) " in a row" })) }
            }
        }
    }
}

fn fact(term: &str, what: &Markup) -> Markup {
    html! { div { dt { (term) } dd { (what) } } }
}

/// How the reading proves that it is whole, and what else a reader has to know.
fn remarks(plan: &TargetPlan) -> Markup {
    let evidence = plan.reading.as_ref().map(|reading| &reading.evidence);
    let proofs = evidence.map(|evidence| evidence.proofs.as_slice()).unwrap_or_default();
    let told: Vec<&String> =
        plan.remarks.iter().chain(evidence.iter().flat_map(|evidence| &evidence.remarks)).collect();
    html! {
        @if !told.is_empty() {
            section aria-labelledby="remarks-title" {
                h2 #remarks-title { "To know" }
                ul.notes { @for remark in told.iter().take(ROWS) { li { (sentence(remark)) } } }
            }
        }
        @if !proofs.is_empty() {
            section aria-labelledby="proofs-title" {
                h2 #proofs-title { "How the reading is known to be whole" }
                ul.notes { @for proof in proofs.iter().take(ROWS) { li { (sentence(proof)) } } }
            }
        }
    }
}
