//! The ground floor: the vocabulary of access as plain data.
//!
//! Everything above speaks in these words: a system's [`Description`], the live [`Entry`], a complete [`Snapshot`],
//! [`Selectors`] that name entries, and the [`History`] that a journal can tell. Nothing here does I/O, reads a clock or
//! knows a vendor.

mod account;
mod cause;
mod compare;
mod cut;
mod description;
mod directory;
mod entry;
mod fingerprint;
pub mod hex;
mod history;
mod past;
mod pattern;
mod person;
mod record;
mod selector;
mod selector_text;
mod snapshot;
mod title;
mod value;

pub use account::Account;
pub use cause::{Action, Cause, Group, Limit, Reversibility};
pub use compare::{Gap, beyond, by_shape, compare, part, shown};
pub use cut::cut;
pub use description::{
    AuthStyle, Description, Field, FieldRole, HostSpec, Kind, RequestRate, Shape, TargetField, TargetShape,
};
pub use directory::{Directory, Resolved};
pub use entry::{Entry, Facts, Life};
pub use fingerprint::{Fingerprint, Hasher};
pub use history::{
    Base, BaseScope, EntryKey, Expectation, History, LastMatch, Observation, OpenIntent, Refusal, SentRow,
    UndeclaredSince,
};
pub use past::{OfEntry, PastRecord};
pub use pattern::{Pattern, PatternError};
pub use person::Person;
pub use record::{EntryRecord, RecordError, SNAPSHOT_VERSION, SnapshotRecord};
pub use selector::{Condition, SelectField, Selector, Selectors};
pub use selector_text::Selectable;
pub use snapshot::{Controls, Evidence, OwnMark, Snapshot};
pub use title::{holder, key_fields, title};
pub use value::{Object, Region, Value};

/// Text from a file or an API: short strings are stored inline, longer ones are shared.
pub type Text = smol_str::SmolStr;
