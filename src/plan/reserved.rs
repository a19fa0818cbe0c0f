//! What is never removed: what Portcullis and its pipeline live on, and what the operator protects.

use std::collections::HashSet;

use super::{Input, narrowed::Narrowed, selector_words};
use crate::access::{Entry, Kind, Selector, Selectors};

/// Own and protected entries of a target, ready to be asked for.
pub struct Reserved<'a> {
    marks: HashSet<(&'a str, &'a str)>,
    own: Narrowed<'a>,
    protected: Narrowed<'a>,
}

impl<'a> Reserved<'a> {
    /// Takes in what the API told and what the operator lists.
    pub fn of(input: &Input<'a>) -> Self {
        let marks = input.snapshot.own.iter().map(|mark| (mark.kind.as_str(), mark.id.as_str()));
        Self {
            marks: marks.collect(),
            own: Narrowed::new(input.settings.own.iter().map(|(kind, own)| (*kind, own))),
            protected: Narrowed::new(input.settings.protected.iter().map(|(kind, protected)| (*kind, protected))),
        }
    }

    /// Whether an entry is Portcullis' own, by the API or by the operator's list.
    pub fn is_own(&self, entry: &Entry) -> bool {
        self.marks.contains(&(entry.kind.name, entry.id.as_str())) || self.own.names(entry)
    }

    /// Whether the operator protects an entry.
    pub fn is_protected(&self, entry: &Entry) -> bool {
        self.protected.names(entry)
    }
}

/// Kinds whose own credential is not known, each with why.
pub fn own_unknown(input: &Input<'_>) -> Vec<(&'static Kind, String)> {
    let mut unknown = Vec::new();
    for kind in input.description.kinds {
        if input.settings.own_unlisted.contains(&kind) {
            continue;
        }
        let detected: Vec<_> = input.snapshot.own.iter().filter(|mark| mark.kind == kind.name).collect();
        let listed: Vec<&Selectors> =
            input.settings.own.iter().filter(|(own, _)| *own == kind).map(|(_, own)| own).collect();
        let mark_unseen = || {
            let live: HashSet<&str> = live(input, kind).map(|entry| entry.id.as_str()).collect();
            detected.iter().find(|mark| !live.contains(mark.id.as_str()))
        };
        if let Some(selector) = unseen(input, kind, &listed) {
            let selector = selector_words(selector);
            unknown.push((kind, format!("an own entry that the operator lists is not there: {selector}")));
        } else if detected.is_empty() {
            if kind.holds_own && listed.is_empty() {
                unknown.push((kind, "nothing tells which one is the own credential".to_owned()));
            }
        } else if let Some(mark) = mark_unseen() {
            unknown.push((kind, format!("the own credential {} is not in the list", mark.id)));
        }
    }
    unknown
}

fn live<'a>(input: &Input<'a>, kind: &'static Kind) -> impl Iterator<Item = &'a Entry> {
    input.snapshot.entries.iter().filter(move |entry| entry.kind == kind && entry.is_live())
}

/// The first selector that names no live entry.
fn unseen<'s>(input: &Input<'_>, kind: &'static Kind, listed: &[&'s Selectors]) -> Option<&'s Selector> {
    let selectors: Vec<&Selector> = listed
        .iter()
        .flat_map(|list| match list {
            Selectors::All => &[][..],
            Selectors::Any(selectors) => selectors.as_slice(),
        })
        .collect();
    if selectors.is_empty() {
        return None;
    }
    let one_by_one = Narrowed::of(selectors.iter().map(|selector| (kind, Some(std::slice::from_ref(*selector)))));
    let mut seen = vec![false; selectors.len()];
    for number in live(input, kind).flat_map(|entry| one_by_one.naming(entry)) {
        if let Some(seen) = seen.get_mut(number as usize) {
            *seen = true;
        }
    }
    selectors.into_iter().zip(seen).find(|(_, seen)| !seen).map(|(selector, _)| selector)
}
