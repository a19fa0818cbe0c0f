//! Words about declarations that name a person and match nothing. Such a line often stands for a whole group, so that it is
//! neither wrong nor to be removed, and what tells a person stands in the people file.

use crate::{
    access::{Description, Object, Person, Shape},
    policy::Declaration,
};

use super::{
    Input,
    matching::UnresolvedDeclaration,
    resolve::{Unresolved, wrong_name},
};

/// A person with what tells them at a system: `ben (ben@example.com)`.
pub fn called(person: &Person, system: &str) -> String {
    match person.known_by(system) {
        Some(known) if *known != person.name => format!("{} ({known})", person.name),
        _ => person.name.to_string(),
    }
}

/// The names of a declaration that stand for nothing, or for several things, for a sentence.
pub fn wrong_names(
    unresolved: &UnresolvedDeclaration,
    declaration: &Declaration,
    description: &'static Description,
) -> String {
    let one = |name: &Unresolved| match &declaration.person {
        Some(person) if is_person(declaration, name) => {
            let (who, title) = (called(person, description.system), description.title);
            match name.candidates.is_empty() {
                true => format!("{who} has no user at {title}, or not yet"),
                false => format!("{who} stands for several users at {title}"),
            }
        }
        _ => wrong_name(name),
    };
    unresolved.meaning.unresolved.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Whether a name that does not resolve is the person's.
pub fn is_person(declaration: &Declaration, name: &Unresolved) -> bool {
    declaration.kind.fields.get(name.field).is_some_and(|field| matches!(field.shape, Shape::Person))
}

/// What to write where, if a user turns out to be this person: the id is shown nowhere else.
pub fn if_theirs(input: &Input<'_>, person: &Person, user: &Object, place: &str) -> String {
    let (who, id) = (&person.name, &user.id);
    let (system, title) = (input.description.system, input.description.title);
    if !input.people.contains_key(who) {
        return format!("if this is held by {who}, write the address that {title} has now at {place}");
    }
    match person.aliases.contains_key(system) {
        true => format!("if this is held by {who}, correct the people file: `aliases: {{ {system}: {id} }}`"),
        false => format!(
            "if this is held by {who}, put `aliases: {{ {system}: {id} }}`, or the address that {title} has now, into the \
             people file"
        ),
    }
}
