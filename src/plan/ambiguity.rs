//! Ambiguity holds rows, not targets: what could be a renamed, a mistyped or a shared thing is not removed.

use std::{collections::HashMap, fmt::Write as _};

use super::{
    HoldName, Input,
    alike::Alike,
    candidate::Candidate,
    is_over,
    live_words::LiveWords,
    matching::{Matching, UnresolvedDeclaration, classes_agree, object_id},
    persons::Persons,
    row_guards::over_by,
    whose::{if_theirs, is_person, wrong_names},
};
use crate::access::{Cause, Entry, Kind, LastMatch, Shape, Text, Value};

/// What ambiguity is judged by.
pub struct Ambiguity<'a> {
    /// The plan's input.
    pub input: Input<'a>,
    /// Declarations to entries.
    pub matching: &'a Matching,
    alike: Alike,
    words: LiveWords<'a>,
    keys: HashMap<&'a str, usize>,
    unmatched_by_principal: HashMap<(&'static str, Text), Vec<usize>>,
    /// Unresolved declarations by kind and the object that one of their clear names stands for.
    unresolved_on: HashMap<(&'static str, usize, &'a str), Vec<usize>>,
    /// Those of which no name is clear.
    unresolved_anywhere: Vec<usize>,
    /// For unresolved declarations: what the journal knows of each key.
    known: HashMap<&'a str, Vec<&'a LastMatch>>,
    named: Persons<'a>,
    /// The time by which declarations count as over.
    over_by: jiff::Timestamp,
}

impl<'a> Ambiguity<'a> {
    /// Gathers what the judgements need.
    pub fn new(input: Input<'a>, matching: &'a Matching, candidates: &[Candidate<'_>]) -> Self {
        let policy = input.policy;
        let over_by = over_by(&input);
        let mut keys = HashMap::new();
        let mut unmatched_by_principal: HashMap<_, Vec<usize>> = HashMap::new();
        for (number, declaration) in policy.declarations.iter().enumerate() {
            // Only what the journal remembers is asked for by its key.
            if !input.history.matches.is_empty() {
                keys.insert(declaration.key.as_str(), number);
            }
            // Whatever one that is over was meant for, it keeps nothing, and so it starts no notice either.
            if matching.entries(number).is_empty() && !is_over(declaration, over_by) {
                for spelling in holders(declaration, input.description.system) {
                    unmatched_by_principal.entry((declaration.kind.name, spelling)).or_default().push(number);
                }
            }
        }
        let mut unresolved_on: HashMap<_, Vec<usize>> = HashMap::new();
        let mut unresolved_anywhere = Vec::new();
        for (at, unresolved) in matching.unresolved.iter().enumerate() {
            let Some(declaration) = policy.declarations.get(unresolved.declaration as usize) else { continue };
            // Whichever entry one that is over was meant for, it keeps none.
            if is_over(declaration, over_by) {
                continue;
            }
            let meaning = &unresolved.meaning;
            let is_clear = |field: usize| meaning.unresolved.iter().all(|name| name.field != field);
            let clear = meaning.fields.iter().zip(&meaning.tokens).find(|(field, _)| is_clear(**field));
            match clear {
                Some((&field, tokens)) => tokens.iter().for_each(|token| {
                    unresolved_on.entry((declaration.kind.name, field, token.as_str())).or_default().push(at);
                }),
                None => unresolved_anywhere.push(at),
            }
        }
        let has_unresolved = !matching.unresolved.is_empty();
        let mut known: HashMap<&str, Vec<&LastMatch>> = HashMap::new();
        for last in input.history.matches.values().filter(|_| has_unresolved) {
            known.entry(last.declaration.as_str()).or_default().push(last);
        }
        let declared = policy.declarations.iter().filter_map(|declaration| declaration.person.as_deref());
        let named = input.people.values().map(AsRef::as_ref).chain(declared).filter(|_| has_unresolved);
        let named = Persons::new(input.description.system, named);
        Self {
            input,
            matching,
            alike: Alike::of(&input, matching, candidates),
            words: LiveWords::of(&input, candidates),
            keys,
            unmatched_by_principal,
            unresolved_on,
            unresolved_anywhere,
            known,
            named,
            over_by,
        }
    }

    /// The last match that the journal knows of an entry.
    pub fn last_match(&self, entry: &Entry) -> Option<&'a LastMatch> {
        self.input.history.matches.get(&(entry.kind.name.into(), entry.id.clone()))
    }

    /// Whether a declaration with this key is still there.
    pub fn still_declared(&self, key: &str) -> Option<usize> {
        self.keys.get(key).copied()
    }

    /// Unmatched declarations of the entry's principal and kind.
    fn unmatched_siblings(&self, entry: &Entry) -> &[usize] {
        let Some(principal) = &entry.principal else { return &[] };
        let typed = principal.typed.then(|| format!("{}/", principal.class));
        std::iter::once(&principal.id)
            .chain(&principal.names)
            .find_map(|spelling| {
                let plain = self.unmatched_by_principal.get(&(entry.kind.name, spelling.to_lowercase().into()));
                let with_class = typed.as_ref().map(|class| format!("{class}{spelling}").to_lowercase());
                plain.or_else(|| self.unmatched_by_principal.get(&(entry.kind.name, with_class?.into())))
            })
            .map_or(&[], Vec::as_slice)
    }

    /// An unmatched declaration that could have been meant for the entry, by its key and place: one of its principal, or one
    /// that tells no principal at all.
    pub fn meant_elsewhere(&self, entry: &Entry) -> Option<String> {
        let nobodys = || self.unmatched_by_principal.get(&(entry.kind.name, Text::default()))?.first();
        let &number = self.unmatched_siblings(entry).first().or_else(nobodys)?;
        let key = self.input.policy.declarations.get(number).map_or("", |declaration| declaration.key.as_str());
        Some(format!("{key:?} at {}", self.place(number)))
    }

    /// Adds every ambiguity that holds the row, and the remarks that go with it.
    pub fn judge(&self, candidate: &mut Candidate<'_>) {
        if candidate.cause == Cause::Absent {
            return;
        }
        // Rows that `allow` limits too: a declaration that lost its entry must not hand it over to a looser item's limits.
        if candidate.verdict.declaration.is_none() {
            self.alike(candidate);
            self.renamed(candidate);
            self.unresolved(candidate);
        }
        self.unnamed(candidate);
        self.owner(candidate);
        if candidate.entry.facts.as_ref().is_some_and(|facts| facts.revokes_tokens) {
            candidate.hold(
                HoldName::TokenManager,
                "it may revoke tokens, and the API does not tell whose token is in use",
                Some(format!(
                    "name its exact id under `absent:`, or run: portcullis revoke {} {}",
                    self.input.settings.target,
                    super::quoted(&candidate.entry.id)
                )),
            );
        }
    }

    fn alike(&self, candidate: &mut Candidate<'_>) {
        let Some((number, how)) = self.alike.find(&self.input, candidate.entry) else { return };
        let place = self.place(number as usize);
        candidate.hold(
            HoldName::MaybeRenamed,
            format!("the declaration at {place} matches nothing, and {how}"),
            Some(format!(
                "{}; name this entry under `absent:` if it has to go",
                self.correct(number as usize, candidate.entry)
            )),
        );
    }

    /// What it holds beyond its declaration may be what a name there stood for before it was given another title.
    fn unnamed(&self, candidate: &mut Candidate<'_>) {
        if candidate.cause != Cause::OverScoped {
            return;
        }
        for number in candidate.declarations.clone() {
            let number = number as usize;
            let Some(declaration) = self.input.policy.declarations.get(number) else { continue };
            let names = self.words.unnamed(declaration, candidate.entry);
            if names.is_empty() {
                continue;
            }
            let place = self.place(number);
            candidate.hold(
                HoldName::Unresolved,
                format!(
                    "the declaration at {place} could mean what it holds: nothing live there is called {}",
                    names.join(", ")
                ),
                Some(format!("correct the name at {place}, or write the id in its place")),
            );
        }
    }

    fn renamed(&self, candidate: &mut Candidate<'_>) {
        let declarations = &self.input.policy.declarations;
        if let Some(last) = self.last_match(candidate.entry) {
            if let Some(number) = self.still_declared(&last.declaration)
                && self.matching.entries(number).is_empty()
                && !self.is_over(number)
            {
                let place = self.place(number);
                candidate.hold(
                    HoldName::MaybeRenamed,
                    format!("this very entry last matched the declaration at {place}, which now matches nothing"),
                    Some(self.correct(number, candidate.entry)),
                );
            }
            return;
        }
        for &number in self.unmatched_siblings(candidate.entry).iter().take(3) {
            let Some(declaration) = declarations.get(number) else { continue };
            let (key, place) = (&declaration.key, self.place(number));
            let mut remark = format!("the same holder's declaration {key:?} at {place} matches nothing");
            let system = self.input.description.system;
            if let (Some(person), Some(user)) = (&declaration.person, candidate.entry.principal.as_deref())
                && let Some(alias) = person.aliases.get(system).filter(|alias| **alias != user.id)
            {
                let _ =
                    write!(remark, ": by the alias {alias} of the people file, and this one's holder is {}", user.id);
            }
            candidate.remarks.push(remark);
        }
    }

    /// What to do about a declaration that matches nothing and may have been meant for an entry.
    fn correct(&self, number: usize, entry: &Entry) -> String {
        let place = self.place(number);
        let Some(person) = self.input.policy.declarations.get(number).and_then(|one| one.person.as_deref()) else {
            return format!("correct or remove the declaration at {place}");
        };
        let who = &person.name;
        match entry.principal.as_deref().filter(|user| user.class == "user") {
            Some(user) if !person.is(self.input.description.system, user) => {
                format!("{}; else take {who} out of {place}", if_theirs(&self.input, person, user, &place))
            }
            _ => format!("correct the declaration at {place}, or take {who} out of it"),
        }
    }

    fn is_over(&self, number: usize) -> bool {
        let declaration = self.input.policy.declarations.get(number);
        declaration.is_some_and(|declaration| is_over(declaration, self.over_by))
    }

    fn unresolved(&self, candidate: &mut Candidate<'_>) {
        let found =
            self.unresolved_near(candidate.entry).find(|unresolved| self.could_mean(unresolved, candidate.entry));
        let declaration =
            |unresolved: &UnresolvedDeclaration| self.input.policy.declarations.get(unresolved.declaration as usize);
        if let Some(unresolved) = found
            && let Some(declaration) = declaration(unresolved)
        {
            let place = self.place(unresolved.declaration as usize);
            let nobody = unresolved.meaning.unresolved.iter().find(|name| is_person(declaration, name));
            let user = candidate.entry.principal.as_deref().filter(|user| user.class == "user");
            let way_on = match (&declaration.person, nobody, user) {
                (Some(person), Some(name), Some(user)) => {
                    let who = &person.name;
                    let ends = match name.candidates.is_empty() {
                        true => format!("this also ends once {who} has a user there, or is taken out of {place}"),
                        false => format!("else take {who} out of {place}"),
                    };
                    let theirs = if_theirs(&self.input, person, user, &place);
                    format!("{theirs}; if it has to go, name it under `absent:`; {ends}")
                }
                _ => format!("correct the name at {place}, or declare the entry by its id"),
            };
            let names = wrong_names(unresolved, declaration, self.input.description);
            candidate.hold(
                HoldName::Unresolved,
                format!("the declaration at {place} could mean it: {names}"),
                Some(way_on),
            );
        }
    }

    /// The unresolved declarations that the entry agrees with in a clear name, or that have none, in their order.
    fn unresolved_near(&self, entry: &Entry) -> impl Iterator<Item = &'a UnresolvedDeclaration> {
        let kind = entry.kind.name;
        let on = (0..entry.values.len())
            .filter_map(|field| self.unresolved_on.get(&(kind, field, object_id(entry, field)?)))
            .flatten();
        let mut near: Vec<usize> = on.chain(&self.unresolved_anywhere).copied().collect();
        near.sort_unstable();
        near.dedup();
        let matching = self.matching;
        near.into_iter().filter_map(|at| matching.unresolved.get(at))
    }

    fn could_mean(&self, unresolved: &UnresolvedDeclaration, entry: &Entry) -> bool {
        let Some(declaration) = self.input.policy.declarations.get(unresolved.declaration as usize) else {
            return false;
        };
        if declaration.kind != entry.kind || !classes_agree(&declaration.values, entry) {
            return false;
        }
        let known = self.known.get(declaration.key.as_str()).map_or(&[][..], Vec::as_slice);
        unresolved.meaning.fields.iter().zip(&unresolved.meaning.tokens).all(|(&field, tokens)| {
            let live = object_id(entry, field);
            let wrong = unresolved.meaning.unresolved.iter().find(|name| name.field == field);
            let Some(wrong) = wrong else { return live.is_some_and(|live| tokens.iter().any(|token| token == live)) };
            let name = entry.kind.fields.get(field).map_or("", |field| field.name);
            let objects = known.iter().flat_map(|last| &last.objects).filter(|(field, _)| field == name);
            let mut journaled = objects.map(|(_, object)| object.as_str()).peekable();
            if journaled.peek().is_some() {
                return journaled.any(|object| live == Some(object));
            }
            if !wrong.candidates.is_empty() {
                return live.is_some_and(|live| wrong.candidates.iter().any(|candidate| candidate == live));
            }
            !(self.is_person_field(entry.kind, field) && self.is_somebody_else(entry, field))
        })
    }

    fn is_person_field(&self, kind: &'static Kind, field: usize) -> bool {
        kind.fields.get(field).is_some_and(|field| matches!(field.shape, Shape::Person))
    }

    /// Whether the entry's person is one whom the people file or a declaration names: then a name that stands for nobody
    /// does not mean them.
    fn is_somebody_else(&self, entry: &Entry, field: usize) -> bool {
        let Some(Value::Object(user)) = entry.values.get(field) else { return false };
        self.named.who_is(user).is_some()
    }

    fn owner(&self, candidate: &mut Candidate<'_>) {
        let entry = candidate.entry;
        if !entry.kind.has_owner || entry.principal.is_some() {
            return;
        }
        if let Some(owner) = self.input.history.owners.get(&(entry.kind.name.into(), entry.id.clone())) {
            candidate.hold(
                HoldName::OwnerUnknown,
                format!("its owner is not told any more; the journal knows {owner}"),
                Some("name it under `absent:` if it has to go".into()),
            );
        }
    }

    fn place(&self, number: usize) -> String {
        let policy = self.input.policy;
        let place = policy.declarations.get(number).and_then(|declaration| declaration.places.first());
        place.map_or_else(String::new, |place| {
            let file = policy.files.get(place.file as usize).map_or("", |file| file.name.as_str());
            format!("{file}:{}", place.line)
        })
    }
}

/// How a declaration tells who holds its entry: a person's spellings, a typed name, or the empty text where it does not.
fn holders(declaration: &crate::policy::Declaration, system: &str) -> Vec<Text> {
    if let Some(person) = &declaration.person {
        let spellings = person.aliases.get(system).into_iter().chain(&person.email);
        let mut spellings: Vec<Text> = spellings.map(|spelling| spelling.to_lowercase().into()).collect();
        spellings.dedup();
        return spellings;
    }
    let typed = declaration.kind.fields.iter().zip(&declaration.values).filter_map(|(field, value)| {
        match (&field.shape, value) {
            (Shape::TypedObject { classes, .. }, Value::Text(name)) if classes.contains(&"user") => {
                Some(Text::from(name.to_lowercase()))
            }
            _ => None,
        }
    });
    let typed: Vec<Text> = typed.collect();
    if typed.is_empty() { vec![Text::default()] } else { typed }
}
