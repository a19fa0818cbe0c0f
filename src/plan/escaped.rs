//! Entries that may have escaped their end: what is declared of them is over, and does not match them any more.
//!
//! Whoever holds an entry can often give it another label, and an address or a title goes with the person or thing that it
//! tells. Where the journal knows what an entry was declared as, or where nobody tells who holds it and it may be somebody
//! who left, it is shown and held: a person decides, nothing goes by guess.

use std::{collections::HashMap, fmt::Write as _};

use super::{
    HoldName, Input, OriginKind,
    due::{due, until},
    is_over,
    matching::{Matching, UnresolvedDeclaration, classes_agree, object_id},
    resolve::Names,
    row_guards::over_by,
    standing::{Standing, Table, Verdict},
};
use crate::{
    access::{Cause, Entry, EntryKey, Object, Person},
    policy::Declaration,
};

/// So many people who left are named.
const MAX_NAMED: usize = 3;

/// What is over and means no live entry any more.
pub struct Escaped<'a> {
    input: Input<'a>,
    /// Declarations that are over and match nothing, by key.
    by_key: HashMap<&'a str, &'a Declaration>,
    /// Those of them with names that stand for nothing.
    unresolved: Vec<(&'a Declaration, &'a UnresolvedDeclaration)>,
    /// Positions of these by kind, and the object that one of their clear names stands for.
    unresolved_on: HashMap<(&'static str, usize, &'a str), Vec<usize>>,
    /// Positions of those of which no name is clear.
    unresolved_anywhere: Vec<usize>,
    /// People who left, and whom the system does not tell by the address that we know them by.
    lost: Vec<&'a Person>,
}

/// Why an entry may have escaped its end.
pub struct Escape {
    /// The table's verdict for it.
    pub verdict: Verdict,
    /// What holds it.
    pub hold: HoldName,
    /// Why.
    pub why: String,
    /// What to do.
    pub way_on: String,
}

impl<'a> Escaped<'a> {
    /// Gathers what is over. On a wrong clock nothing is.
    pub fn of(input: &Input<'a>, matching: &'a Matching, names: &Names<'_>) -> Self {
        let by = over_by(input);
        let declarations = &input.policy.declarations;
        let ended = |(number, declaration): &(usize, &Declaration)| {
            is_over(declaration, by) && matching.entries(*number).is_empty()
        };
        let by_key = declarations.iter().enumerate().filter(ended);
        let unresolved = matching.unresolved.iter().filter_map(|unresolved| {
            let declaration = declarations.get(unresolved.declaration as usize)?;
            (is_over(declaration, by) && declaration.person.is_some()).then_some((declaration, unresolved))
        });
        let unresolved: Vec<(&Declaration, &UnresolvedDeclaration)> = unresolved.collect();
        let mut unresolved_on: HashMap<_, Vec<usize>> = HashMap::new();
        let mut unresolved_anywhere = Vec::new();
        for (at, (declaration, unresolved)) in unresolved.iter().enumerate() {
            let meaning = &unresolved.meaning;
            let is_clear = |field: usize| meaning.unresolved.iter().all(|name| name.field != field);
            // What agrees with it has one of these very tokens there.
            match meaning.fields.iter().zip(&meaning.tokens).find(|(field, _)| is_clear(**field)) {
                Some((&field, tokens)) => tokens.iter().for_each(|token| {
                    unresolved_on.entry((declaration.kind.name, field, token.as_str())).or_default().push(at);
                }),
                None => unresolved_anywhere.push(at),
            }
        }
        let is_lost = |person: &&Person| {
            person.until.is_some_and(|until| until <= by)
                && !person.aliases.contains_key(input.description.system)
                && person.email.is_some()
                && !names.tells(person)
        };
        let lost = input.people.values().map(AsRef::as_ref).filter(|_| names.looks_up).filter(is_lost);
        Self {
            input: *input,
            by_key: by_key.map(|(_, declaration)| (declaration.key.as_str(), declaration)).collect(),
            unresolved,
            unresolved_on,
            unresolved_anywhere,
            lost: lost.collect(),
        }
    }

    /// Whether an entry that nothing removes and nothing declares may have escaped its end.
    pub fn escape(&self, table: &Table<'_>, entry: &Entry, standing: &Standing) -> Option<Escape> {
        if standing.own || standing.protected || !standing.declarations.is_empty() {
            return None;
        }
        self.known(table, entry).or_else(|| self.nobodys(table, entry, standing))
    }

    /// The journal knows what it was declared as.
    fn known(&self, table: &Table<'_>, entry: &Entry) -> Option<Escape> {
        if self.by_key.is_empty() {
            return None;
        }
        let key: EntryKey = (entry.kind.name.into(), entry.id.clone());
        let last = self.input.history.matches.get(&key)?;
        let declaration = self.by_key.get(last.declaration.as_str()).filter(|one| one.kind == entry.kind)?;
        let left = declaration.person.as_ref().and_then(|person| person.until);
        let ended = due(entry, &declaration.limits, left, self.input.now)?.why;
        let (verdict, place) = over(table, declaration, format!("{ended}, as what it last matched"));
        Some(Escape {
            verdict,
            hold: HoldName::MaybeRenamed,
            why: format!(
                "this very entry last matched the declaration at {place}, which is over and now matches nothing: it may \
                 have been renamed"
            ),
            way_on: format!(
                "name it under `absent:` if it has to go; if it may stay, declare it as it is now, or remove the \
                 declaration at {place}"
            ),
        })
    }

    /// Unresolved declarations that are over and agree with an entry in a clear name, or have none, in the order of the policy.
    fn near(&self, entry: &Entry) -> impl Iterator<Item = (&'a Declaration, &'a UnresolvedDeclaration)> + '_ {
        let mut near = Vec::new();
        if !self.unresolved.is_empty() {
            for field in 0..entry.kind.fields.len() {
                let on = object_id(entry, field).and_then(|id| self.unresolved_on.get(&(entry.kind.name, field, id)));
                near.extend(on.into_iter().flatten().copied());
            }
            near.extend(&self.unresolved_anywhere);
            near.sort_unstable();
        }
        near.into_iter().filter_map(|at| self.unresolved.get(at).copied())
    }

    /// Nobody tells who holds it, and it is allowed, or declared for somebody who left and is not told any more either.
    fn nobodys(&self, table: &Table<'_>, entry: &Entry, standing: &Standing) -> Option<Escape> {
        let user = entry.principal.as_deref().filter(|user| user.class == "user")?;
        let meant = |(declaration, unresolved): &(&'a Declaration, &'a UnresolvedDeclaration)| {
            let person = declaration.person.as_deref();
            let is_theirs = person.is_some_and(|person| could_be(person, self.input.description.system, user));
            is_theirs && agrees(declaration, unresolved, entry)
        };
        let way_on = |may_stay: &str| {
            format!(
                "if {} is one who left, say so by an alias at {} in the people file, or name the entry under `absent:`; else \
                 {may_stay}",
                user.id, self.input.description.system
            )
        };
        if let Some((declaration, _)) = self.near(entry).find(meant) {
            let left = declaration.person.as_ref().and_then(|person| person.until);
            let ended = due(entry, &declaration.limits, left, self.input.now)?.why;
            let who = declaration.person.as_ref().map_or("", |person| person.name.as_str());
            let (verdict, place) = over(table, declaration, format!("{ended}, if it is held by {who}"));
            return Some(Escape {
                verdict,
                hold: HoldName::Unresolved,
                why: format!(
                    "the declaration at {place}, which is over, could mean it: nothing tells who {} is",
                    user.id
                ),
                way_on: way_on(&format!("remove the declaration at {place}")),
            });
        }
        let item = standing.allowed.and_then(|allowed| self.input.policy.allows.get(allowed.item as usize))?;
        let (first, is_nameless) = (self.lost.first()?, user.names.is_empty());
        if !is_nameless {
            return None;
        }
        let mut who = String::new();
        for person in self.lost.iter().take(MAX_NAMED) {
            let comma = if std::ptr::eq(*person, *first) { "" } else { ", " };
            let left = person.until.map_or_else(String::new, |at| format!(" (left {})", until(at)));
            let _ = write!(who, "{comma}{}{left}", person.name);
        }
        if let more @ 1.. = self.lost.len().saturating_sub(MAX_NAMED) {
            let _ = write!(who, " and {more} more");
        }
        let verdict = Verdict {
            cause: Some(Cause::Expired),
            why: format!("nothing is allowed to who has left, and it may be held by one of them: {who}"),
            origin: Some(table.origin(item.place, OriginKind::Allow)),
            place: Some(item.place),
            ..Verdict::none()
        };
        Some(Escape {
            verdict,
            hold: HoldName::Unresolved,
            why: format!("nothing tells who {} is, nor what became of {who}", user.id),
            way_on: way_on("declare it by its id"),
        })
    }
}

/// Whether a user may be a person whose name stands for no single user: it is one of theirs, or nobody tells whose it is.
fn could_be(person: &Person, system: &str, user: &Object) -> bool {
    let has_alias = person.aliases.contains_key(system);
    person.is(system, user) || (user.names.is_empty() && !has_alias)
}

/// Whether an entry agrees with the other fields of a declaration, as far as their names stand for something.
fn agrees(declaration: &Declaration, unresolved: &UnresolvedDeclaration, entry: &Entry) -> bool {
    let meaning = &unresolved.meaning;
    declaration.kind == entry.kind
        && classes_agree(&declaration.values, entry)
        && meaning.fields.iter().zip(&meaning.tokens).all(|(&field, tokens)| {
            let is_wrong = meaning.unresolved.iter().any(|name| name.field == field);
            is_wrong || object_id(entry, field).is_some_and(|live| tokens.iter().any(|token| token == live))
        })
}

/// The verdict of a declaration that is over, and where it stands.
fn over(table: &Table<'_>, declaration: &Declaration, why: String) -> (Verdict, String) {
    let place = declaration.places.first().copied();
    let origin = place.map(|place| table.origin(place, OriginKind::Declaration));
    let at = origin.as_ref().map_or_else(String::new, |origin| format!("{}:{}", origin.file, origin.line));
    let verdict = Verdict {
        cause: Some(Cause::Expired),
        why,
        origin,
        place,
        justification: declaration.justifications.join("; ").into(),
        team: (!declaration.teams.is_empty()).then(|| declaration.teams.join(", ").into()),
        ..Verdict::none()
    };
    (verdict, at)
}
