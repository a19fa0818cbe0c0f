//! A row in the making: an entry that would go, and what holds it so far.

use super::{Hold, HoldName, standing::Verdict};
use crate::access::{Cause, Entry, Group, Text};

/// An entry that the table removes.
pub struct Candidate<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Its cause.
    pub cause: Cause,
    /// What the table said.
    pub verdict: Verdict,
    /// It is Portcullis' own.
    pub own: bool,
    /// The operator protects it.
    pub protected: bool,
    /// The `holds:` item that names it.
    pub held: Option<u32>,
    /// The declarations it matches.
    pub declarations: Vec<u32>,
    /// The managed sets it lies in.
    pub sets: Vec<u32>,
    /// The policy files it counts against, as positions.
    pub files: Vec<u32>,
    /// What holds it.
    pub holds: Vec<Hold>,
    /// Further remarks.
    pub remarks: Vec<String>,
    /// Whether it is "no longer declared": an undeclared row that needs no notice.
    pub no_longer_declared: bool,
    /// When it came due, where time alone made it so.
    pub due_at: Option<jiff::Timestamp>,
    /// Digest of what the policies say of it.
    pub said: Text,
    /// Its natural key.
    pub natural_key: Text,
}

impl Candidate<'_> {
    /// Whether nothing holds it.
    pub fn goes(&self) -> bool {
        self.holds.is_empty()
    }

    /// Its group.
    pub fn group(&self) -> Group {
        self.cause.group()
    }

    /// Holds it.
    pub fn hold(&mut self, name: HoldName, why: impl Into<String>, way_on: Option<String>) {
        if !self.holds.iter().any(|known| known.name == name) {
            self.holds.push(Hold { name, why: why.into(), way_on });
        }
    }
}
