//! Which of many lists of selectors name an entry: literal names are found by hash, globs by how they begin, so that an entry
//! asks only those that could name it.

use std::{borrow::Cow, collections::HashMap};

use crate::access::{Condition, Entry, Kind, Pattern, SelectField, Selector, Selectors};

/// Lists of selectors, each under a number.
#[derive(Debug, Default)]
pub struct Narrowed<'s> {
    kinds: Vec<(&'static Kind, OfKind<'s>)>,
    /// Whether of a set every word has to fit, or any.
    every_word: bool,
}

#[derive(Debug, Default)]
struct OfKind<'s> {
    /// Lists that name every entry.
    all: Vec<u32>,
    /// What an entry may be asked about, in the order of the lists.
    asked: Vec<Asked<'s>>,
    /// What is asked, as positions, by the field of its condition.
    fields: Vec<(SelectField, Texts)>,
}

/// One pattern of a selector's condition: if it and the other conditions hold, the list names the entry.
#[derive(Debug)]
struct Asked<'s> {
    list: u32,
    selector: &'s Selector,
    condition: usize,
    pattern: &'s Pattern,
}

/// The texts that a field may have, without regard to ASCII case.
#[derive(Debug, Default)]
struct Texts {
    whole: HashMap<Box<str>, Vec<usize>>,
    beginnings: HashMap<Box<str>, Vec<usize>>,
    /// The lengths of the beginnings, ascending.
    lengths: Vec<usize>,
}

impl<'s> Narrowed<'s> {
    /// Takes lists of selectors in; each gets its position as its number.
    pub fn new(lists: impl IntoIterator<Item = (&'static Kind, &'s Selectors)>) -> Self {
        Self::of(lists.into_iter().map(|(kind, selectors)| match selectors {
            Selectors::All => (kind, None),
            Selectors::Any(list) => (kind, Some(list.as_slice())),
        }))
    }

    /// The same where of a field that is a set every word has to fit (`allow`).
    pub fn covering(lists: impl IntoIterator<Item = (&'static Kind, &'s Selectors)>) -> Self {
        Self { every_word: true, ..Self::new(lists) }
    }

    /// The same for plain lists; none stands for all.
    pub fn of(lists: impl IntoIterator<Item = (&'static Kind, Option<&'s [Selector]>)>) -> Self {
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
                None => of_kind.all.push(number),
                Some(selectors) => selectors.iter().for_each(|selector| of_kind.add(selector, number)),
            }
        }
        for (_, texts) in all.kinds.iter_mut().flat_map(|(_, of_kind)| &mut of_kind.fields) {
            texts.lengths.sort_unstable();
            texts.lengths.dedup();
        }
        all
    }

    /// The numbers of the lists that name the entry, ascending, each once; whether it lies outside every selector is not
    /// asked.
    pub fn naming(&self, entry: &Entry) -> Vec<u32> {
        let Some((_, of_kind)) = self.kinds.iter().find(|(kind, _)| *kind == entry.kind) else { return Vec::new() };
        let mut found = of_kind.all.clone();
        // Ascending positions are ascending numbers, so a list that was found need not be asked again.
        let mut last = None;
        for asked in of_kind.could_name(entry).into_iter().filter_map(|position| of_kind.asked.get(position)) {
            if last != Some(asked.list) && asked.names(entry, self.every_word) {
                last = Some(asked.list);
                found.push(asked.list);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether any list names the entry.
    pub fn names(&self, entry: &Entry) -> bool {
        !self.naming(entry).is_empty()
    }
}

impl<'s> OfKind<'s> {
    fn add(&mut self, selector: &'s Selector, list: u32) {
        // Literal names tell most.
        let literal = |condition: &Condition| condition.any_of.iter().all(|pattern| pattern.as_literal().is_some());
        let condition = selector.conditions.iter().position(literal).unwrap_or(0);
        let Some(wanted) = selector.conditions.get(condition) else {
            self.all.push(list);
            return;
        };
        let place = match self.fields.iter().position(|(field, _)| *field == wanted.field) {
            Some(place) => place,
            None => {
                self.fields.push((wanted.field, Texts::default()));
                self.fields.len() - 1
            }
        };
        let Some((_, texts)) = self.fields.get_mut(place) else { return };
        for pattern in &wanted.any_of {
            texts.add(pattern, self.asked.len());
            self.asked.push(Asked { list, selector, condition, pattern });
        }
    }

    /// Positions of what the entry has to be asked about, ascending.
    fn could_name(&self, entry: &Entry) -> Vec<usize> {
        let mut found = Vec::new();
        for (field, texts) in &self.fields {
            let mut add = |spelling: &str| {
                texts.of(spelling, &mut found);
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

impl Asked<'_> {
    fn names(&self, entry: &Entry, every_word: bool) -> bool {
        self.selector.conditions.iter().enumerate().all(|(number, condition)| {
            if every_word && condition.words_of(entry).is_some() {
                condition.covers(entry)
            } else if number == self.condition {
                condition.holds_by(self.pattern, entry)
            } else {
                condition.holds(entry)
            }
        })
    }
}

impl Texts {
    fn add(&mut self, pattern: &Pattern, position: usize) {
        match pattern.as_literal() {
            Some(whole) => self.whole.entry(whole.to_ascii_lowercase().into()).or_default().push(position),
            None => {
                let beginning = pattern.beginning().to_ascii_lowercase();
                self.lengths.push(beginning.len());
                self.beginnings.entry(beginning.into()).or_default().push(position);
            }
        }
    }

    fn of(&self, spelling: &str, found: &mut Vec<usize>) {
        let folded = match spelling.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => Cow::Owned(spelling.to_ascii_lowercase()),
            false => Cow::Borrowed(spelling),
        };
        found.extend(self.whole.get(folded.as_ref()).into_iter().flatten());
        // A beginning of a length that cuts a character in two begins nothing.
        for beginning in self.lengths.iter().map_while(|&length| folded.as_bytes().get(..length)) {
            let asked = std::str::from_utf8(beginning).ok().and_then(|beginning| self.beginnings.get(beginning));
            found.extend(asked.into_iter().flatten());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        access::{Life, Value},
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
        let condition = (any::<bool>(), prop::collection::vec(pattern, 1..4), any::<bool>());
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
        fn the_lists_that_name_an_entry_are_found_and_no_others(
            lists in prop::collection::vec(selectors(), 0..6),
            id in "[abAB@éÉ]{0,5}",
            label in prop::option::of("[abAB@é]{0,5}"),
        ) {
            let kind = &s2::DESCRIPTION.kinds[0];
            let narrowed = Narrowed::new(lists.iter().map(|list| (kind, list)));
            let entry = entry(&id, label.as_deref());
            let named: Vec<u32> = (0..).zip(&lists).filter(|(_, list)| list.name(&entry)).map(|(at, _)| at).collect();
            prop_assert_eq!(narrowed.naming(&entry), named);
        }
    }
}
