//! Texts that name the same to a reader and not to a computer: Unicode has several forms of one accented letter, and letters
//! have cases. Nothing is matched by this; a row that a declaration could mean so is held.

use std::collections::{HashMap, HashSet};

use icu_normalizer::ComposingNormalizerBorrowed;

use super::{Input, candidate::Candidate, matching::Matching};
use crate::{
    access::{Entry, Kind, Shape, Text, Value},
    policy::Declaration,
};

/// Between the parts of a key.
const BORDER: char = '\u{1f}';

/// Declarations that match nothing, by their identifying text as a reader sees it.
#[derive(Default)]
pub struct Alike {
    /// By kind and exact id, whatever else they give.
    exact: HashMap<(&'static str, String), u32>,
    /// By kind and natural key, of those that name no exact id.
    natural: HashMap<(&'static str, String), u32>,
}

impl Alike {
    /// Gathered only for kinds of which there are rows. Declarations with a name that does not resolve are held for
    /// elsewhere.
    pub fn of(input: &Input<'_>, matching: &Matching, candidates: &[Candidate<'_>]) -> Self {
        let mut all = Self::default();
        let kinds: HashSet<&str> = candidates.iter().map(|candidate| candidate.entry.kind.name).collect();
        let unresolved: HashSet<u32> = matching.unresolved.iter().map(|unresolved| unresolved.declaration).collect();
        for (number, declaration) in (0..).zip(&input.policy.declarations) {
            let name = declaration.kind.name;
            let matched = !matching.entries(number as usize).is_empty();
            if matched || !kinds.contains(name) || unresolved.contains(&number) {
                continue;
            }
            let exact = declaration.kind.exact_field().and_then(|field| declaration.values.get(field));
            if let Some(Value::Text(id)) = exact {
                all.exact.entry((name, folded(id))).or_insert(number);
                continue;
            }
            for fields in natural_keys(declaration.kind) {
                let parts: Vec<Vec<Text>> =
                    fields.iter().map(|&field| declared(declaration, field, input.description.system)).collect();
                for key in keys(&parts) {
                    all.natural.entry((name, key)).or_insert(number);
                }
            }
        }
        all
    }

    /// The declaration that a reader could take for the entry's, and how the two differ, with what cannot be seen spelled out.
    pub fn find(&self, input: &Input<'_>, entry: &Entry) -> Option<(u32, String)> {
        if self.exact.is_empty() && self.natural.is_empty() {
            return None;
        }
        let name = entry.kind.name;
        let exact = entry.kind.exact_field();
        let id = exact.and_then(|field| live(entry, field).into_iter().next());
        if let Some(id) = id
            && let Some(&number) = self.exact.get(&(name, folded(&id)))
        {
            let declared = input.policy.declarations.get(number as usize)?.values.get(exact?)?;
            let how = match declared {
                Value::Text(declared) if *declared == id => {
                    "has its exact id, with something else beside it".to_owned()
                }
                Value::Text(declared) => differ(&id, declared),
                _ => return None,
            };
            return Some((number, how));
        }
        for fields in natural_keys(entry.kind) {
            let parts: Vec<Vec<Text>> = fields.iter().map(|&field| live(entry, field)).collect();
            let Some(&number) = keys(&parts).iter().find_map(|key| self.natural.get(&(name, key.clone()))) else {
                continue;
            };
            let declaration = input.policy.declarations.get(number as usize)?;
            let pairs = fields.iter().zip(&parts).filter_map(|(&field, live)| {
                let declared = declared(declaration, field, input.description.system);
                let same = declared.iter().any(|text| live.contains(text));
                let alike = |text: &&Text| declared.iter().any(|other| folded(text) == folded(other));
                let live = live.iter().find(alike).filter(|_| !same)?;
                Some(differ(live, declared.iter().find(|other| folded(other) == folded(live))?))
            });
            let how: Vec<String> = pairs.collect();
            // A person known by another spelling that matches is no difference to be seen.
            return (!how.is_empty()).then(|| (number, how.join("; ")));
        }
        None
    }
}

/// How a live text and one that is written in a file differ, in words.
pub fn differ(live: &str, declared: &str) -> String {
    format!("its {} is this one's {} but for letter case or the form of its letters", escaped(declared), escaped(live))
}

/// The natural keys of a kind as positions, but those with names that the system looks up.
fn natural_keys(kind: &'static Kind) -> impl Iterator<Item = Vec<usize>> {
    let plain =
        |&field: &usize| kind.fields.get(field).is_some_and(|field| matches!(field.shape, Shape::Text | Shape::Person));
    kind.identities.iter().skip(1).filter_map(move |names| {
        let fields: Option<Vec<usize>> = names.iter().map(|name| kind.field_index(name)).collect();
        fields.filter(|fields| fields.iter().all(plain))
    })
}

/// How a declaration writes a field; nothing where it does not.
fn declared(declaration: &Declaration, field: usize, system: &str) -> Vec<Text> {
    let shape = declaration.kind.fields.get(field).map(|field| field.shape);
    match (shape, &declaration.person, declaration.values.get(field)) {
        (Some(Shape::Person), Some(person), _) => match person.aliases.get(system) {
            Some(alias) => vec![alias.clone()],
            None => vec![person.email.clone().unwrap_or_else(|| person.name.clone())],
        },
        (_, _, Some(Value::Text(text))) => vec![text.clone()],
        _ => Vec::new(),
    }
}

/// How an entry's field may be written.
fn live(entry: &Entry, field: usize) -> Vec<Text> {
    match entry.values.get(field) {
        Some(Value::Text(text)) => vec![text.clone()],
        Some(Value::Object(object)) => std::iter::once(&object.id).chain(&object.names).cloned().collect(),
        _ => Vec::new(),
    }
}

/// Every combination of spellings as one text each; none where a part has none.
fn keys(parts: &[Vec<Text>]) -> Vec<String> {
    parts.iter().fold(vec![String::new()], |keys, spellings| {
        let spellings: Vec<String> = spellings.iter().take(MAX_SPELLINGS).map(|text| folded(text)).collect();
        let longer = |key: &String| spellings.iter().map(|text| format!("{key}{BORDER}{text}")).collect::<Vec<_>>();
        keys.iter().flat_map(longer).collect()
    })
}

/// Nobody has more spellings than an id, an address and a few names; what lies beyond is not compared.
const MAX_SPELLINGS: usize = 8;

/// A text as a reader tells it from others: composed, without regard to case.
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let composed = ComposingNormalizerBorrowed::new_nfc();
    // By way of capitals, so that letters with several small forms (sigma, sharp s) become one.
    let lower = composed.normalize(text).to_uppercase().to_lowercase();
    composed.normalize(&lower).into_owned()
}

/// A text in the one form that Unicode has for all of its forms; its case stays.
pub fn composed(text: &str) -> String {
    ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned()
}

/// A text in quotes of which every character can be seen.
fn escaped(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            _ => out.extend(c.escape_unicode()),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::{escaped, folded};

    #[test]
    fn forms_and_cases_of_one_text_fold_to_one_and_other_texts_do_not() {
        for (one, other) in [
            ("caf\u{e9}", "cafe\u{301}"),
            ("CAF\u{c9}", "cafe\u{301}"),
            ("\u{3a3}\u{3a3}", "\u{3c3}\u{3c2}"),
            ("stra\u{df}e", "STRASSE"),
            ("\u{1e9b}\u{323}", "\u{17f}\u{323}\u{307}"),
            ("Plain", "pLAIN"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        assert_ne!(folded("cafe"), folded("caf\u{e9}"));
        assert_eq!(escaped("e\u{301}\"\u{1b}\\"), "\"e\\u{301}\\\"\\u{1b}\\\\\"");
    }
}
