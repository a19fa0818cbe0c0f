//! People by what a system calls them: who a live user is, without asking everybody.

use std::{borrow::Cow, collections::HashMap};

use crate::access::{Object, Person};

/// People of one system, ready to be asked for.
pub struct Persons<'a> {
    system: &'a str,
    all: Vec<&'a Person>,
    by_spelling: HashMap<String, Vec<u32>>,
}

impl<'a> Persons<'a> {
    /// Takes people in; where several are the same user, the first counts.
    pub fn new(system: &'a str, people: impl IntoIterator<Item = &'a Person>) -> Self {
        let all: Vec<&Person> = people.into_iter().collect();
        let mut by_spelling: HashMap<String, Vec<u32>> = HashMap::new();
        for (number, person) in (0..).zip(&all) {
            let Some(spelling) = person.known_by(system) else { continue };
            let known = by_spelling.entry(spelling.to_ascii_lowercase()).or_default();
            // Declarations share their person: one that is listed already need not be asked again.
            let listed = known.last().and_then(|last: &u32| all.get(*last as usize));
            if listed.is_none_or(|listed| !std::ptr::eq(*listed, *person)) {
                known.push(number);
            }
        }
        Self { system, all, by_spelling }
    }

    /// The person who is this user.
    pub fn who_is(&self, user: &Object) -> Option<&'a Person> {
        if self.all.is_empty() {
            return None;
        }
        // Whoever `Person::is` takes for this user is listed under one of the user's spellings, its case left out.
        let listed = std::iter::once(&user.id).chain(&user.names).filter_map(|spelling| {
            let folded = match spelling.bytes().any(|byte| byte.is_ascii_uppercase()) {
                true => Cow::Owned(spelling.to_ascii_lowercase()),
                false => Cow::Borrowed(spelling.as_str()),
            };
            self.by_spelling.get(folded.as_ref())
        });
        let person = |number: &u32| self.all.get(*number as usize).copied();
        let is = |number: &&u32| person(number).is_some_and(|person| person.is(self.system, user));
        listed.flatten().filter(is).min().and_then(person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Text;

    fn person(name: &str, email: Option<&str>, alias: Option<&str>) -> Person {
        let aliases = alias.map(|alias| ("s2".into(), alias.into())).into_iter().collect();
        Person { name: name.into(), email: email.map(Into::into), aliases, until: None, service: false }
    }

    fn user(id: &str, names: &[&str]) -> Object {
        let names = names.iter().map(|&name| name.into()).collect();
        Object { class: "user".into(), id: id.into(), names, called: None, parent: None, people: None, typed: false }
    }

    #[test]
    fn the_index_agrees_with_asking_everybody() {
        let people = [
            person("anna", Some("Anna@example.com"), None),
            person("ben", Some("ben@example.com"), Some("usr_BEN")),
            person("cara@example.com", Some("cara@example.com"), None),
            person("milo", None, None),
            person("second anna", Some("anna@example.com"), None),
        ];
        let persons = Persons::new("s2", &people);
        let users = [
            user("u1", &["ANNA@EXAMPLE.COM"]),
            user("usr_BEN", &[]),
            user("usr_ben", &[]),
            user("u2", &["ben@example.com"]),
            user("cara@example.com", &[]),
            user("CARA@example.com", &[]),
            user("u3", &["nobody@example.com", "anna@example.com"]),
            user("milo", &["milo"]),
            user("", &[]),
        ];
        for user in users {
            let asked = people.iter().find(|person| person.is("s2", &user)).map(|person| &person.name);
            assert_eq!(persons.who_is(&user).map(|person| &person.name), asked, "{user:?}");
            assert_ne!(asked.map(Text::as_str), Some("milo"), "a name proves nothing");
        }
    }
}
