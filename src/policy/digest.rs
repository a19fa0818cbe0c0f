//! The digest of what all files together say of one target.
//!
//! It changes when anything that decides changes, and never by comments, order, lines, names of files or what other
//! targets' files say: so a saved plan survives merges that do not concern it.

use std::collections::BTreeMap;

use crate::access::{Hasher, Person, Selector, Text, Value};

use super::{Declaration, Limits, Place, TargetPolicy, people::People};

type Digest = [u8; 32];

/// SHA-256 over the normalized content.
pub fn of(policy: &TargetPolicy, system: &str, people: &People) -> Text {
    let TargetPolicy { files, declarations, sets, allows, absents, holds, digest: _ } = policy;
    let mut all = Hasher::new("policy of a target");

    all.bag("declarations", declarations.iter().map(declaration));
    let mut by_file: BTreeMap<u32, Vec<Digest>> = BTreeMap::new();
    let file_of = |place: &Place| place.file;
    for set in sets {
        let mut hasher = Hasher::new("set");
        hasher.text(set.kind.name).text(if set.allow_empty { "may be empty" } else { "" });
        set.select.feed(&mut hasher);
        hasher.bag("except", set.except.iter().map(Selector::digest));
        by_file.entry(file_of(&set.place)).or_default().push(hasher.finish());
    }
    for allow in allows {
        let mut hasher = Hasher::new("allow");
        hasher.text(allow.kind.name);
        allow.select.feed(&mut hasher);
        allow.limits.feed(&mut hasher);
        hasher.text(&allow.must_expire_within.map_or_else(String::new, |within| within.as_secs().to_string()));
        optional(&mut hasher, allow.justification.as_ref());
        optional(&mut hasher, allow.team.as_ref());
        by_file.entry(file_of(&allow.place)).or_default().push(hasher.finish());
    }
    // Sets and `allow` items of one file belong together, and reasons to what the file says.
    let files = files.iter().zip(0u32..).map(|(file, index)| {
        let mut hasher = Hasher::new("file");
        optional(&mut hasher, file.team.as_ref());
        for (cause, reason) in &file.reasons {
            hasher.text(cause.name()).text(reason);
        }
        hasher.bag("sets and allows", by_file.get(&index).into_iter().flatten().copied());
        hasher.finish()
    });
    all.bag("files", files.collect::<Vec<_>>());
    let absents = absents.iter().map(|absent| {
        let mut hasher = Hasher::new("absent");
        hasher.text(absent.kind.name);
        named(&mut hasher, &absent.values, absent.person.as_deref());
        optional(&mut hasher, absent.justification.as_ref());
        optional(&mut hasher, absent.team.as_ref());
        hasher.finish()
    });
    all.bag("absents", absents);
    let holds = holds.iter().map(|hold| {
        let mut hasher = Hasher::new("hold");
        hasher.text(hold.kind.name).text(&hold.until.to_string()).text(&hold.justification);
        named(&mut hasher, &hold.values, hold.person.as_deref());
        hasher.finish()
    });
    all.bag("holds", holds);

    let mut persons: BTreeMap<&Text, &Person> = BTreeMap::new();
    let declared = declarations.iter().filter_map(|one| one.person.as_deref());
    let absent = policy.absents.iter().filter_map(|one| one.person.as_deref());
    let held = policy.holds.iter().filter_map(|one| one.person.as_deref());
    persons.extend(declared.chain(absent).chain(held).map(|person| (&person.name, person)));
    if !allows.is_empty() {
        // No `allow` covers those who have left.
        persons.extend(people.all().values().filter(|one| one.until.is_some()).map(|one| (&one.name, one.as_ref())));
    }
    let persons = persons.into_values().map(|person| {
        let Person { name, email, aliases, until, service } = person;
        let mut hasher = Hasher::new("person");
        hasher.text(name);
        optional(&mut hasher, email.as_ref());
        optional(&mut hasher, aliases.get(system));
        hasher.text(&until.map_or_else(String::new, |until| until.to_string()));
        hasher.text(if *service { "service" } else { "" });
        hasher.finish()
    });
    all.bag("people", persons.collect::<Vec<_>>());
    all.finish_hex().into()
}

fn declaration(declaration: &Declaration) -> Digest {
    let Declaration { kind, key, values, person, justifications, teams, limits: own, on_excess, places: _ } =
        declaration;
    let mut hasher = Hasher::new("declaration");
    hasher.text(kind.name).text(key);
    named(&mut hasher, values, person.as_deref());
    for texts in [justifications, teams] {
        let mut texts: Vec<&Text> = texts.iter().collect();
        texts.sort_unstable();
        hasher.text(&texts.len().to_string());
        texts.into_iter().for_each(|text| {
            hasher.text(text);
        });
    }
    own.feed(&mut hasher);
    hasher.text(on_excess.name());
    hasher.finish()
}

fn named(hasher: &mut Hasher, values: &[Value], person: Option<&Person>) {
    for value in values {
        hasher.value(value);
    }
    hasher.text(person.map_or("", |person| &person.name));
}

fn optional(hasher: &mut Hasher, text: Option<&Text>) {
    match text {
        Some(text) => hasher.text("some").text(text),
        None => hasher.text("none"),
    };
}

impl Limits {
    /// Adds them to a digest.
    pub fn feed(&self, hasher: &mut Hasher) {
        let Self { expires, max_age, max_idle, max_unused } = self;
        hasher.text(&expires.map_or_else(String::new, |at| at.as_second().to_string()));
        for limit in [max_age, max_idle, max_unused] {
            hasher.text(&limit.map_or_else(String::new, |limit| limit.as_secs().to_string()));
        }
    }
}
