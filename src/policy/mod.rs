//! Policy and people files to declarations.
//!
//! Bytes with names come in, plain data and diagnostics go out: no file is opened here. Policies are parsed against the
//! systems' descriptions, so this module knows no vendor.

mod delegate;
mod digest;
mod expansion;
mod file;
mod holders;
mod identity;
mod items;
mod limits;
mod load;
mod merge;
mod model;
mod people;
mod problems;
mod reading;
mod selectors;
#[cfg(test)]
mod tests;
mod values;
mod wanted;

pub use file::digest as file_digest;
pub use load::{Delegated, KnownTarget, PeopleFile, Source, load};
pub use model::{
    Absent, Allow, Blocked, Declaration, Hold, Limits, ManagedSet, OnExcess, Place, Policies, PolicyFile, TargetPolicy,
};
pub use people::{People, is_address, told_by_nothing};
pub use selectors::{named_people, resolve_people};
pub use wanted::{Asked, NameInUse, asked_names, selectors_of, wanted_names};

/// Files and outputs agree on what may not be shown as it is.
pub use crate::yaml::is_unsafe;
