//! Policy and people files to declarations.
//!
//! Bytes with names come in, plain data and diagnostics go out: no file is opened here. Policies are parsed against the
//! systems' descriptions, so this module knows no vendor.

mod model;

pub use model::{
    Absent, Allow, Blocked, Declaration, Hold, Limits, ManagedSet, OnExcess, Place, Policies, PolicyFile, TargetPolicy,
};
