//! One pure module a system. With the sandbox the only place that knows a vendor.
//!
//! A system says which request comes next and what an answer means; it sends nothing, reads no clock and sees no
//! credential. A new system is one module and one line in [`ALL`].

pub mod accessowl;
pub mod aitronos;
pub mod buildkite;
pub mod pinata;
pub mod s2;
mod shared;

use async_trait::async_trait;
use jiff::SignedDuration;

use crate::{
    access::{Account, Description, Directory, Entry, Pattern, Snapshot, Text},
    wire::{Answer, Ask, Draft, Judgement, Note, Order, Prepared, Settled, Unreadable},
};

/// Names that policies use and that only a directory call can resolve, by field: what a reading should look up besides what
/// it sees anyway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `(kind name, field name, name as written, the parent field's name as written)`, sorted, without repeats.
    pub names: Vec<WantedName>,
    /// What selectors ask for with a star.
    pub globs: Vec<WantedGlob>,
}

/// A glob by which a selector asks for names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedGlob {
    /// The kind's name.
    pub kind: &'static str,
    /// The field's name.
    pub field: &'static str,
    /// The glob.
    pub pattern: Pattern,
}

/// One name that a policy uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedName {
    /// The kind's name.
    pub kind: &'static str,
    /// The field's name.
    pub field: &'static str,
    /// The name as written.
    pub name: Text,
    /// The name of the object it lies in, where the field has one (a resource's application).
    pub within: Option<Text>,
}

/// A system: readings and removals of one vendor's API, as conversations of plain values.
#[async_trait]
pub trait System: Send + Sync + std::fmt::Debug {
    /// The system as data.
    fn describe(&self) -> &'static Description;

    /// Reads one target whole.
    ///
    /// # Errors
    /// [`Unreadable`] unless every page was walked to the API's own end mark and every check on it held.
    async fn read(&self, ask: &dyn Ask, account: &Account, wanted: &Wanted) -> Result<Snapshot, Unreadable>;

    /// Looks at one entry again, right before its removal, and drafts the write.
    ///
    /// # Errors
    /// [`Unreadable`] when the look could not be completed: nothing is sent then.
    async fn prepare(&self, ask: &dyn Ask, account: &Account, order: &Order) -> Result<Prepared, Unreadable>;

    /// What the answer to the write means.
    fn judge(&self, draft: &Draft, answer: &Answer) -> Judgement;

    /// Settles a removal by reading: after an unknown outcome, while it is in flight, and to confirm it.
    ///
    /// # Errors
    /// [`Unreadable`] when nothing can be concluded.
    async fn settle(&self, ask: &dyn Ask, account: &Account, order: &Order, note: &Note)
    -> Result<Settled, Unreadable>;

    /// Whether a removal that is in flight is the system's own work, so that waiting a moment for it makes sense; people take
    /// their time.
    fn ends_soon(&self, _note: &Note) -> bool {
        false
    }

    /// For how long an entry that is gone from the readings may go on working, where the vendor says so.
    fn lingers(&self) -> Option<SignedDuration> {
        None
    }

    /// Where an entry could still be reached after its removal, as far as the API tells (Aitronos groups and roles). One
    /// remark a path; empty where the system knows nothing of it.
    ///
    /// # Errors
    /// [`Unreadable`] when the look failed; the removal stands all the same.
    async fn still_reachable(
        &self,
        _ask: &dyn Ask,
        _account: &Account,
        _entry: &Entry,
        _directory: &Directory,
    ) -> Result<Vec<String>, Unreadable> {
        Ok(Vec::new())
    }
}

/// Every system.
pub static ALL: &[&dyn System] =
    &[&accessowl::AccessOwl, &aitronos::Aitronos, &buildkite::Buildkite, &pinata::Pinata, &s2::S2];

/// The system with this name.
pub fn by_name(name: &str) -> Option<&'static dyn System> {
    ALL.iter().copied().find(|system| system.describe().system == name)
}

/// Every description, for what parses files.
pub fn descriptions() -> Vec<&'static Description> {
    ALL.iter().map(|system| system.describe()).collect()
}

#[cfg(test)]
mod tests {
    use crate::access::RequestRate;

    /// AccessOwl: 1,000 an hour and token. Aitronos: 100 a minute (Standard). Buildkite: REST, 50 a minute and user. Pinata: 60 a minute
    /// (Free). S2 documents none for the account's own requests.
    #[test]
    fn where_nothing_is_said_the_smallest_documented_rate_holds() {
        let documented = [
            ("accessowl", RequestRate { count: 1000, seconds: 3600 }),
            ("aitronos", RequestRate { count: 100, seconds: 60 }),
            ("buildkite", RequestRate { count: 50, seconds: 60 }),
            ("pinata", RequestRate { count: 60, seconds: 60 }),
        ];
        for (system, rate) in documented {
            let described = super::ALL.iter().map(|system| system.describe()).find(|told| told.system == system);
            assert_eq!(described.unwrap().requests, rate, "{system}");
        }
    }
}
