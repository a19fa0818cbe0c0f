//! What policies say, as plain data.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use crate::access::{Cause, Kind, Person, Selector, Selectors, Text, Value};

/// Every policy file and the people file, loaded.
#[derive(Debug, Default)]
pub struct Policies {
    /// What the files say of each target that at least one file names. A blocked target is in here too, as far as it could
    /// be read; it is never acted on.
    pub targets: BTreeMap<Text, TargetPolicy>,
    /// Which targets problems block.
    pub blocked: Blocked,
    /// Of which targets a file may say more than could be read of it: it is no whole YAML, or it does not tell a target.
    pub unread: Blocked,
    /// Every problem of every file, rendered with its place, ready to be shown.
    pub problems: Vec<crate::yaml::Problem>,
    /// Every person of the people file by name, for selectors and messages.
    pub people: BTreeMap<Text, Arc<Person>>,
}

/// Which targets may not be acted on because of broken files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// These.
    Some(BTreeSet<Text>),
    /// All: a broken file did not tell its target, or the people file is broken.
    All,
}

impl Default for Blocked {
    fn default() -> Self {
        Self::Some(BTreeSet::new())
    }
}

impl Blocked {
    /// Whether this target is blocked.
    pub fn contains(&self, target: &str) -> bool {
        match self {
            Self::Some(targets) => targets.contains(target),
            Self::All => true,
        }
    }

    /// Blocks what another one blocks too.
    pub fn join(&mut self, with: Self) {
        match (&mut *self, with) {
            (Self::Some(targets), Self::Some(more)) => targets.extend(more),
            _ => *self = Self::All,
        }
    }
}

/// What all files together say of one target.
#[derive(Debug, Clone, Default)]
pub struct TargetPolicy {
    /// The files that name this target, in path order. [`Place::file`] points in here.
    pub files: Vec<PolicyFile>,
    /// What may exist. Equal keys are merged; ordered by file and line.
    pub declarations: Vec<Declaration>,
    /// What files are in charge of.
    pub sets: Vec<ManagedSet>,
    /// Classes that may exist without being named one by one.
    pub allows: Vec<Allow>,
    /// What must not exist.
    pub absents: Vec<Absent>,
    /// What is held for a time (with the daemon).
    pub holds: Vec<Hold>,
    /// SHA-256 over all of the above, normalized: without places, comments and order.
    pub digest: Text,
}

/// A policy file as far as one target goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Its path as shown, below the policy root.
    pub name: Text,
    /// SHA-256 of its bytes.
    pub digest: Text,
    /// Who answers for it.
    pub team: Option<Text>,
    /// Reason templates by cause.
    pub reasons: BTreeMap<Cause, Text>,
}

/// Where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The position in [`TargetPolicy::files`].
    pub file: u32,
    /// The line, from 1.
    pub line: u32,
}

/// One entry that may exist.
#[derive(Debug, Clone)]
pub struct Declaration {
    /// Its kind.
    pub kind: &'static Kind,
    /// Its key as written, people by name: the same text is the same declaration in another run or another file. For
    /// instance `id=service/ingest` or `user=anna application=GitHub`.
    pub key: Text,
    /// The declared fields in the order of [`Kind::fields`]. Names are texts here: they are resolved against a snapshot.
    /// A field of shape `Person` is absent here and stands in `person`.
    pub values: Box<[Value]>,
    /// Who may hold it, where it names a person.
    pub person: Option<Arc<Person>>,
    /// Why it may exist; several where equal declarations were merged.
    pub justifications: Arc<[Text]>,
    /// Who answers for it.
    pub teams: Arc<[Text]>,
    /// Its limits, shared: most declarations of a file have the same.
    pub limits: Arc<Limits>,
    /// What to do about more than declared.
    pub on_excess: OnExcess,
    /// Where it stands, the first place first.
    pub places: Box<[Place]>,
}

impl Declaration {
    /// The declared value of a field by name.
    pub fn value(&self, field: &str) -> &Value {
        self.kind.field_index(field).and_then(|index| self.values.get(index)).unwrap_or(&Value::Absent)
    }
}

/// When something declared or allowed has to go all the same. A limit that is left out is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Must not live at or beyond this time (a date means its end in UTC).
    pub expires: Option<Timestamp>,
    /// Must not be older.
    pub max_age: Option<SignedDuration>,
    /// Must have been used within.
    pub max_idle: Option<SignedDuration>,
    /// Must have been used at all within this time since creation.
    pub max_unused: Option<SignedDuration>,
}

impl Limits {
    /// The looser of each; none is the loosest.
    #[must_use]
    pub fn loosest(self, other: Self) -> Self {
        fn looser<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
            a.zip(b).map(|(a, b)| a.max(b))
        }
        let Self { expires, max_age, max_idle, max_unused } = other;
        Self {
            expires: looser(self.expires, expires),
            max_age: looser(self.max_age, max_age),
            max_idle: looser(self.max_idle, max_idle),
            max_unused: looser(self.max_unused, max_unused),
        }
    }
}

/// What to do about an entry that holds more than declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnExcess {
    /// Report it; it is out of sync.
    #[default]
    Report,
    /// Remove the entry.
    Revoke,
}

impl OnExcess {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Revoke => "revoke",
        }
    }
}

/// The entries of one kind that one file is in charge of.
#[derive(Debug, Clone)]
pub struct ManagedSet {
    /// The kind.
    pub kind: &'static Kind,
    /// What is in it.
    pub select: Selectors,
    /// What is not, of this set only.
    pub except: Vec<Selector>,
    /// Whether it may end up with no entry at all.
    pub allow_empty: bool,
    /// Where it stands.
    pub place: Place,
}

/// A class of entries that may exist, within its own file's managed sets.
#[derive(Debug, Clone)]
pub struct Allow {
    /// The kind.
    pub kind: &'static Kind,
    /// Which entries.
    pub select: Selectors,
    /// Their limits.
    pub limits: Limits,
    /// They must themselves expire within this time from now, at the vendor; one that does not is not allowed.
    pub must_expire_within: Option<SignedDuration>,
    /// Why.
    pub justification: Option<Text>,
    /// Who answers for it.
    pub team: Option<Text>,
    /// Where it stands.
    pub place: Place,
}

/// What must not exist. Every entry whose fields all equal the given ones is named; a field left out means any.
#[derive(Debug, Clone)]
pub struct Absent {
    /// The kind.
    pub kind: &'static Kind,
    /// The fields, literal, in the order of [`Kind::fields`]; at least one of them or the person is given.
    pub values: Box<[Value]>,
    /// The holder, where it names one.
    pub person: Option<Arc<Person>>,
    /// Why.
    pub justification: Option<Text>,
    /// Who answers for it.
    pub team: Option<Text>,
    /// Where it stands.
    pub place: Place,
}

/// An entry whose removal waits until a time.
#[derive(Debug, Clone)]
pub struct Hold {
    /// The kind.
    pub kind: &'static Kind,
    /// The fields, literal, as in [`Absent`].
    pub values: Box<[Value]>,
    /// The holder, where it names one.
    pub person: Option<Arc<Person>>,
    /// When it ends.
    pub until: Timestamp,
    /// Why.
    pub justification: Text,
    /// Where it stands.
    pub place: Place,
}
