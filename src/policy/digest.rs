//! The digest of what all files together say of one target.
//!
//! It changes when anything that decides changes, and never by comments, order, lines, names of files or what other
//! targets' files say: so a saved plan survives merges that do not concern it.

use std::collections::BTreeMap;

use crate::access::{Hasher, Person, Selector, Selectors, Text, Value};

use super::{Declaration, Limits, OnExcess, Place, TargetPolicy, people::People};

type Digest = [u8; 32];

/// SHA-256 over the normalized content.
pub fn of(policy: &TargetPolicy, system: &str, people: &People) -> Text {
    let TargetPolicy { files, declarations, sets, allows, absents, holds, digest: _ } = policy;
    let mut all = Hasher::new("policy of a target");

    bag(&mut all, "declarations", declarations.iter().map(declaration));
    let mut by_file: BTreeMap<u32, Vec<Digest>> = BTreeMap::new();
    let file_of = |place: &Place| place.file;
    for set in sets {
        let mut hasher = Hasher::new("set");
        hasher.text(set.kind.name).text(if set.allow_empty { "may be empty" } else { "" });
        selectors(&mut hasher, &set.select);
        bag(&mut hasher, "except", set.except.iter().map(selector));
        by_file.entry(file_of(&set.place)).or_default().push(hasher.finish());
    }
    for allow in allows {
        let mut hasher = Hasher::new("allow");
        hasher.text(allow.kind.name);
        selectors(&mut hasher, &allow.select);
        limits(&mut hasher, &allow.limits);
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
        bag(&mut hasher, "sets and allows", by_file.get(&index).into_iter().flatten().copied());
        hasher.finish()
    });
    bag(&mut all, "files", files.collect::<Vec<_>>());
    let absents = absents.iter().map(|absent| {
        let mut hasher = Hasher::new("absent");
        hasher.text(absent.kind.name);
        named(&mut hasher, &absent.values, absent.person.as_deref());
        optional(&mut hasher, absent.justification.as_ref());
        optional(&mut hasher, absent.team.as_ref());
        hasher.finish()
    });
    bag(&mut all, "absents", absents);
    let holds = holds.iter().map(|hold| {
        let mut hasher = Hasher::new("hold");
        hasher.text(hold.kind.name).text(&hold.until.to_string()).text(&hold.justification);
        named(&mut hasher, &hold.values, hold.person.as_deref());
        hasher.finish()
    });
    bag(&mut all, "holds", holds);

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
    bag(&mut all, "people", persons.collect::<Vec<_>>());
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
    limits(&mut hasher, own);
    hasher.text(match on_excess {
        OnExcess::Report => "report",
        OnExcess::Revoke => "revoke",
    });
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

fn limits(hasher: &mut Hasher, limits: &Limits) {
    let Limits { expires, max_age, max_idle, max_unused } = limits;
    hasher.text(&expires.map_or_else(String::new, |at| at.as_second().to_string()));
    for limit in [max_age, max_idle, max_unused] {
        hasher.text(&limit.map_or_else(String::new, |limit| limit.as_secs().to_string()));
    }
}

fn selectors(hasher: &mut Hasher, selectors: &Selectors) {
    match selectors {
        Selectors::All => {
            hasher.text("all");
        }
        Selectors::Any(list) => bag(hasher, "any", list.iter().map(selector)),
    }
}

fn selector(selector: &Selector) -> Digest {
    let mut hasher = Hasher::new("selector");
    let conditions = selector.conditions.iter().map(|condition| {
        let mut hasher = Hasher::new("condition");
        hasher.text(&format!("{:?} {}", condition.field, condition.ignore_case));
        let mut patterns: Vec<String> = condition.any_of.iter().map(ToString::to_string).collect();
        patterns.sort_unstable();
        patterns.iter().for_each(|pattern| {
            hasher.text(pattern);
        });
        hasher.finish()
    });
    bag(&mut hasher, "conditions", conditions);
    hasher.finish()
}

/// Adds digests without regard to their order.
fn bag(hasher: &mut Hasher, name: &str, digests: impl IntoIterator<Item = Digest>) {
    let mut digests: Vec<Digest> = digests.into_iter().collect();
    digests.sort_unstable();
    hasher.text(name).text(&digests.len().to_string());
    for digest in digests {
        hasher.bytes(&digest);
    }
}
