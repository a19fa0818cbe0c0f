//! Selectors and holds that name no entry: most likely a slip, and what they were meant for is then neither managed nor kept.

use std::borrow::Cow;

use super::{Input, OriginKind, keepers::as_selector, narrowed::Narrowed, selector_words, standing::Table};
use crate::{
    access::{Kind, Selector, cut},
    policy::Place,
};

/// So many of them are told one by one.
const MAX_TOLD: usize = 20;
/// Bytes of a selector that are told.
const MAX_WORDS: usize = 300;

/// One selector and where it stands.
struct Asked<'a> {
    kind: &'static Kind,
    selector: Cow<'a, Selector>,
    stands: Stands,
}

/// Where a selector stands.
#[derive(Clone, Copy)]
enum Stands {
    InSet(Place),
    UnderExcept(Place),
    InHolds(Place),
    /// The operator's `protected`.
    Protected,
}

/// A note for each selector of a managed set, of its `except`, of `holds:` and of `protected` that names no entry, live or
/// dead.
pub fn told(table: &Table<'_>) -> Vec<String> {
    let input = &table.input;
    let idle = idle(input);
    let note = |asked: &Asked<'_>| {
        let (list, words) = (asked.kind.list, selector_words(&asked.selector));
        // That of a group names all its members.
        let words = match cut(&words, MAX_WORDS) {
            whole if whole.len() == words.len() => words,
            begin => format!("{begin}…"),
        };
        let at = |place: Place| {
            let origin = table.origin(place, OriginKind::ManagedSet);
            format!("{}:{}", origin.file, origin.line)
        };
        let what = match asked.stands {
            Stands::InSet(place) => format!("a selector of the managed set at {}", at(place)),
            Stands::UnderExcept(place) => format!("an `except` of the managed set at {}", at(place)),
            Stands::InHolds(place) => format!("the `holds:` item at {}", at(place)),
            Stands::Protected => format!("a selector of `protected` of {}", input.settings.target),
        };
        format!("{what} names none of the {list}: {words}")
    };
    let mut told: Vec<String> = idle.iter().take(MAX_TOLD).map(note).collect();
    let more = idle.len().saturating_sub(MAX_TOLD);
    if more > 0 {
        told.push(format!("{more} more selectors of managed sets, `except`, `holds:` or `protected` name no entry"));
    }
    told
}

fn idle<'a>(input: &Input<'a>) -> Vec<Asked<'a>> {
    let of = |kind, selectors: &'a [Selector], stands| {
        selectors.iter().map(move |selector| Asked { kind, selector: Cow::Borrowed(selector), stands })
    };
    let managed = input.policy.sets.iter().flat_map(|set| {
        let excepted = of(set.kind, &set.except, Stands::UnderExcept(set.place));
        of(set.kind, set.select.each(), Stands::InSet(set.place)).chain(excepted)
    });
    let standing = input.policy.holds.iter().filter(|hold| input.now < hold.until);
    let held = standing.map(|hold| Asked {
        kind: hold.kind,
        selector: Cow::Owned(as_selector(hold, input.description.system)),
        stands: Stands::InHolds(hold.place),
    });
    let protected = input.settings.protected.iter();
    let protected = protected.flat_map(|(kind, selectors)| of(*kind, selectors.each(), Stands::Protected));
    let asked: Vec<Asked<'a>> = managed.chain(held).chain(protected).collect();
    let one_by_one = Narrowed::of(asked.iter().map(|one| (one.kind, Some(std::slice::from_ref(&*one.selector)))));
    let mut seen = vec![false; asked.len()];
    let mut unseen = asked.len();
    for entry in &input.snapshot.entries {
        // By far most selectors name one of the first entries.
        if unseen == 0 {
            break;
        }
        for number in one_by_one.naming(entry) {
            let stands = asked.get(number as usize).map(|one| one.stands);
            let is_set = matches!(stands, Some(Stands::InSet(_) | Stands::UnderExcept(_)));
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
