//! Tables that stay tables for everybody: with a caption, scoped headers, and roles that survive when a narrow screen shows
//! each row as a block.

use maud::{Markup, html};

/// A table; the first cell of a row names the row.
pub(super) fn table(caption: &Markup, heads: &[&str], rows: impl Iterator<Item = Vec<Markup>>) -> Markup {
    html! {
        table role="table" {
            caption { (caption) }
            thead role="rowgroup" {
                tr role="row" { @for head in heads { th scope="col" role="columnheader" { (head) } } }
            }
            tbody role="rowgroup" {
                @for row in rows {
                    tr role="row" {
                        @for (cell, head) in row.iter().zip(heads) {
                            @if *head == heads.first().copied().unwrap_or_default() {
                                th scope="row" role="rowheader" { (cell) }
                            } @else {
                                td role="cell" data-label=(head) { div { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
