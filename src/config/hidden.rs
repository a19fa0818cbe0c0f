//! Which lines of the operator's file no error may show.
//!
//! A credential belongs nowhere in the file, and yet somebody will paste one: in place of a reference, under a misspelled
//! name, into an address. So a problem on such a line tells its place and not the line, and problems of syntax never show
//! one, since nothing is known of what stands there.

use std::collections::BTreeSet;

use super::{credential, names};
use crate::{
    access::Description,
    yaml::{Mark, Node, NodeValue, Problem},
};

/// The lines that may hold a secret.
pub(super) fn lines(root: &Node<'_>, source: &str, descriptions: &[&'static Description]) -> BTreeSet<u32> {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    let tables = [
        names::FILE,
        names::TOTAL_GUARDS,
        names::DELEGATION,
        names::FREEZE,
        names::WATCH,
        names::WEBHOOK,
        names::SHOWN_NOTIFY,
        names::TARGET,
        names::GUARDS,
        names::LIMITS,
    ];
    known.extend(tables.into_iter().flatten());
    for description in descriptions {
        known.extend(names::target_fields(description));
        known.extend(description.kinds.iter().map(|kind| kind.list));
        known.extend(description.kinds.iter().flat_map(names::selector_fields));
    }
    let mut search = Search { source, known, lines: BTreeSet::new() };
    search.walk(root, false);
    search.lines
}

struct Search<'s> {
    source: &'s str,
    known: BTreeSet<&'s str>,
    lines: BTreeSet<u32>,
}

impl Search<'_> {
    fn walk(&mut self, node: &Node<'_>, keys_are_names: bool) {
        match &node.value {
            NodeValue::Null => {}
            NodeValue::Scalar(scalar) => {
                // An address with a user, a query or a fragment may carry a secret there.
                if scalar.text.contains("://") && scalar.text.contains(['@', '?', '#']) {
                    self.hide(node.at);
                }
            }
            NodeValue::List(items) => items.iter().for_each(|item| self.walk(item, false)),
            NodeValue::Map(entries) => {
                for (key, value) in entries {
                    let name = key.text.as_ref();
                    if credential::FIELDS.contains(&name) {
                        if !credential::may_be_shown(value) {
                            self.hide(key.at);
                            self.hide_all(value);
                        }
                    } else if keys_are_names || self.known.contains(name) {
                        self.walk(value, name == "targets");
                    } else {
                        self.hide(key.at);
                        self.hide_all(value);
                    }
                }
            }
        }
    }

    fn hide_all(&mut self, node: &Node<'_>) {
        self.hide(node.at);
        match &node.value {
            NodeValue::Null | NodeValue::Scalar(_) => {}
            NodeValue::List(items) => items.iter().for_each(|item| self.hide_all(item)),
            NodeValue::Map(entries) => entries.iter().for_each(|(key, value)| {
                self.hide(key.at);
                self.hide_all(value);
            }),
        }
    }

    fn hide(&mut self, at: Mark) {
        let from = at.offset as usize;
        let text = self.source.get(from..from.saturating_add(at.length as usize)).unwrap_or("");
        let breaks = u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
        self.lines.extend(at.line..=at.line.saturating_add(breaks));
    }
}

/// The problems, those on hidden lines without the line.
pub(super) fn without(problems: Vec<Problem>, lines: &BTreeSet<u32>) -> Vec<Problem> {
    problems.into_iter().map(|problem| if lines.contains(&problem.line) { problem.unseen() } else { problem }).collect()
}
