//! Selectors by how their patterns begin, so that an entry asks only those that could select it.
//!
//! What this finds is only ever too much: whoever asks still has to let the selector judge.

use std::{borrow::Cow, collections::HashMap};

use crate::access::{Entry, Kind, SelectField, Selector, Selectors};

/// Lists of selectors, each under a number.
#[derive(Debug, Default)]
pub struct Narrowed {
    kinds: Vec<(&'static Kind, OfKind)>,
}

#[derive(Debug, Default)]
struct OfKind {
    /// Those that any entry could fit.
    any: Vec<u32>,
    /// The others by the field of their first condition.
    fields: Vec<(SelectField, Beginnings)>,
}

/// What the texts of a field may begin with, without regard to ASCII case.
#[derive(Debug, Default)]
struct Beginnings {
    lengths: Vec<usize>,
    lists: HashMap<Box<str>, Vec<u32>>,
}

impl Narrowed {
    /// Takes lists of selectors in; each gets its position as its number.
    pub fn new<'s>(lists: impl IntoIterator<Item = (&'static Kind, &'s Selectors)>) -> Self {
        let mut all = Self::default();
        for (number, (kind, selectors)) in (0..).zip(lists) {
            let place = match all.kinds.iter().position(|(known, _)| *known == kind) {
                Some(place) => place,
                None => {
                    all.kinds.push((kind, OfKind::default()));
                    all.kinds.len() - 1
                }
            };
            let Some((_, of_kind)) = all.kinds.get_mut(place) else { continue };
            match selectors {
                Selectors::All => of_kind.any.push(number),
                Selectors::Any(selectors) => selectors.iter().for_each(|selector| of_kind.add(selector, number)),
            }
        }
        for (_, of_kind) in &mut all.kinds {
            of_kind.any.dedup();
            for (_, beginnings) in &mut of_kind.fields {
                beginnings.lengths.sort_unstable();
                beginnings.lengths.dedup();
            }
        }
        all
    }

    /// The numbers of the lists that could select the entry, ascending, each once.
    pub fn could_select(&self, entry: &Entry) -> Vec<u32> {
        let Some((_, of_kind)) = self.kinds.iter().find(|(kind, _)| *kind == entry.kind) else { return Vec::new() };
        let mut found = of_kind.any.clone();
        for (field, beginnings) in &of_kind.fields {
            let mut add = |spelling: &str| {
                beginnings.of(spelling, &mut found);
                false
            };
            match field {
                SelectField::Field(index) => entry.values.get(*index).is_some_and(|value| value.any_spelling(&mut add)),
                SelectField::Principal => entry.principal.as_ref().is_some_and(|holder| holder.any_spelling(&mut add)),
                SelectField::Label => add(entry.label.as_ref().unwrap_or(&entry.id)),
            };
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl OfKind {
    fn add(&mut self, selector: &Selector, number: u32) {
        let Some(condition) = selector.conditions.first() else {
            self.any.push(number);
            return;
        };
        let place = match self.fields.iter().position(|(field, _)| *field == condition.field) {
            Some(place) => place,
            None => {
                self.fields.push((condition.field, Beginnings::default()));
                self.fields.len() - 1
            }
        };
        let Some((_, beginnings)) = self.fields.get_mut(place) else { return };
        for pattern in &condition.any_of {
            let beginning = pattern.beginning().to_ascii_lowercase();
            beginnings.lengths.push(beginning.len());
            beginnings.lists.entry(beginning.into()).or_default().push(number);
        }
    }
}

impl Beginnings {
    fn of(&self, spelling: &str, found: &mut Vec<u32>) {
        let folded = match spelling.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(spelling.to_ascii_lowercase()),
            false => Cow::Borrowed(spelling),
        };
        // A beginning of a length that cuts a character in two begins nothing.
        for beginning in self.lengths.iter().map_while(|&length| folded.as_bytes().get(..length)) {
            let lists = std::str::from_utf8(beginning).ok().and_then(|beginning| self.lists.get(beginning));
            found.extend(lists.into_iter().flatten());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        access::{Condition, Life, Pattern, Value},
        systems::s2,
    };

    fn entry(id: &str, label: Option<&str>) -> Entry {
        let kind = &s2::DESCRIPTION.kinds[0];
        let mut values = vec![Value::Absent; kind.fields.len()];
        values[0] = Value::Text(id.into());
        Entry {
            kind,
            id: id.into(),
            handle: None,
            values: values.into(),
            principal: None,
            label: label.map(Into::into),
            created_at: None,
            expires_at: None,
            last_used_at: None,
            life: Life::Live,
            facts: None,
        }
    }

    fn selector() -> impl Strategy<Value = Selector> {
        let pattern = "[aB@é*]{1,4}".prop_map(|text| Pattern::parse(&text).unwrap());
        let condition = (any::<bool>(), prop::collection::vec(pattern, 1..3), any::<bool>());
        let condition = condition.prop_map(|(id, any_of, ignore_case)| Condition {
            field: if id { SelectField::Field(0) } else { SelectField::Label },
            any_of,
            ignore_case,
        });
        prop::collection::vec(condition, 1..3).prop_map(|conditions| Selector { conditions })
    }

    fn selectors() -> impl Strategy<Value = Selectors> {
        prop_oneof![
            1 => Just(Selectors::All),
            9 => prop::collection::vec(selector(), 1..3).prop_map(Selectors::Any),
        ]
    }

    proptest! {
        #[test]
        fn no_list_that_selects_an_entry_is_left_out(
            lists in prop::collection::vec(selectors(), 0..6),
            id in "[abAB@éÉ]{0,5}",
            label in prop::option::of("[abAB@é]{0,5}"),
        ) {
            let kind = &s2::DESCRIPTION.kinds[0];
            let narrowed = Narrowed::new(lists.iter().map(|list| (kind, list)));
            let entry = entry(&id, label.as_deref());
            let could = narrowed.could_select(&entry);
            prop_assert!(could.windows(2).all(|pair| pair[0] < pair[1]));
            for (number, list) in (0..).zip(&lists) {
                prop_assert!(!list.select(&entry) || could.contains(&number), "{list:?} of {entry:?}");
            }
        }
    }
}
