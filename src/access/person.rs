//! A person of the people file, or an address that a policy names directly.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Object, Text};

/// Who may hold an entry, as files name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name as written in the people file; an address where the policy names one directly.
    pub name: Text,
    /// The e-mail address.
    pub email: Option<Text>,
    /// The vendor's user id by system name.
    pub aliases: BTreeMap<Text, Text>,
    /// When this person has left: all that is declared for them is expired from then on.
    pub until: Option<Timestamp>,
    /// Whether it is a service and not a human.
    pub service: bool,
}

impl Person {
    /// What tells this person at `system`: the alias there, else the e-mail address. Without either nobody there is this
    /// person; the name never tells, since it is ours alone and anybody may call himself so.
    pub fn known_by(&self, system: &str) -> Option<&Text> {
        self.aliases.get(system).or(self.email.as_ref())
    }

    /// Whether a live object of class `user` at `system` is this person: by the system's alias, else by e-mail address
    /// without regard to case. An alias is the only proof where there is one.
    pub fn is(&self, system: &str, user: &Object) -> bool {
        match (self.aliases.get(system), &self.email) {
            (Some(alias), _) => user.id == *alias,
            (None, Some(email)) => user.id == *email || user.names.iter().any(|name| name.eq_ignore_ascii_case(email)),
            (None, None) => false,
        }
    }
}
