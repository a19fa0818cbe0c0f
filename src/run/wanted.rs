//! The names that policies use, in the form that a system's reading takes.

use crate::{
    policy::{NameInUse, TargetPolicy, wanted_names},
    systems::{Wanted, WantedName},
};

/// Every name of a target's policy that a reading should look up besides what it sees anyway.
pub fn wanted(system: &str, policy: &TargetPolicy) -> Wanted {
    let named = |NameInUse { kind, field, name, within }: NameInUse| WantedName { kind, field, name, within };
    Wanted { names: wanted_names(policy, system).into_iter().map(named).collect() }
}
