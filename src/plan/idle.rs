//! Selectors that name no entry: most likely a slip, and what they were meant for is then neither managed nor protected.

use super::{Input, OriginKind, narrowed::Narrowed, selector_words, standing::Table};
use crate::access::{Kind, Selector, Selectors};

/// So many of them are told one by one.
const MAX_TOLD: usize = 20;

/// One selector and where it stands.
struct Asked<'a> {
    kind: &'static Kind,
    selector: &'a Selector,
    /// The managed set that it belongs to; none for the operator's `protected`.
    set: Option<&'a crate::policy::ManagedSet>,
}

/// A note for each selector of a managed set, and of `protected`, that names no entry, live or dead.
pub fn told(table: &Table<'_>) -> Vec<String> {
    let input = &table.input;
    let idle = idle(input);
    let note = |asked: &Asked<'_>| {
        let (list, words) = (asked.kind.list, selector_words(asked.selector));
        match asked.set {
            Some(set) => {
                let origin = table.origin(set.place, OriginKind::ManagedSet);
                format!(
                    "a selector of the managed set at {}:{} names none of the {list}: {words}",
                    origin.file, origin.line
                )
            }
            None => format!("a selector of `protected` of {} names none of the {list}: {words}", input.settings.target),
        }
    };
    let mut told: Vec<String> = idle.iter().take(MAX_TOLD).map(note).collect();
    let more = idle.len().saturating_sub(MAX_TOLD);
    if more > 0 {
        told.push(format!("{more} more selectors of managed sets or of `protected` name no entry"));
    }
    told
}

fn idle<'a>(input: &Input<'a>) -> Vec<Asked<'a>> {
    let list = |selectors: &'a Selectors| match selectors {
        Selectors::All => &[][..],
        Selectors::Any(list) => list.as_slice(),
    };
    let managed = input.policy.sets.iter().flat_map(|set| {
        list(&set.select).iter().map(move |selector| Asked { kind: set.kind, selector, set: Some(set) })
    });
    let protected = input
        .settings
        .protected
        .iter()
        .flat_map(|(kind, selectors)| list(selectors).iter().map(|selector| Asked { kind, selector, set: None }));
    let asked: Vec<Asked<'a>> = managed.chain(protected).collect();
    let one_by_one = Narrowed::of(asked.iter().map(|one| (one.kind, Some(std::slice::from_ref(one.selector)))));
    let mut seen = vec![false; asked.len()];
    let mut unseen = asked.len();
    for entry in &input.snapshot.entries {
        // By far most selectors name one of the first entries.
        if unseen == 0 {
            break;
        }
        for number in one_by_one.naming(entry) {
            let is_set = asked.get(number as usize).is_some_and(|one| one.set.is_some());
            if let Some(seen) = seen.get_mut(number as usize)
                && !*seen
                && !(is_set && entry.outside().is_some())
            {
                *seen = true;
                unseen -= 1;
            }
        }
    }
    asked.into_iter().zip(seen).filter(|(_, seen)| !seen).map(|(one, _)| one).collect()
}
