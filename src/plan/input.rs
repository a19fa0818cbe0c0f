//! What goes into the plan of one target and what comes out.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use super::{Confirmation, Settings, TargetPlan, Upcoming};
use crate::{
    access::{Description, History, Observation, Person, Snapshot, Text},
    policy::TargetPolicy,
};

/// Everything a plan of one target depends on. Equal input gives an equal plan.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The system.
    pub description: &'static Description,
    /// The operator's decisions.
    pub settings: &'a Settings,
    /// What policies say of the target.
    pub policy: &'a TargetPolicy,
    /// The people file.
    pub people: &'a BTreeMap<Text, Arc<Person>>,
    /// What exists.
    pub snapshot: &'a Snapshot,
    /// What the journal knows.
    pub history: &'a History,
    /// Who answers for sending.
    pub confirmation: &'a Confirmation,
    /// The number of removals that a person stated for this target.
    pub stated: Option<u32>,
    /// A saved plan of this target: the upper bound of what may be sent.
    pub saved: Option<&'a TargetPlan>,
    /// The time.
    pub now: Timestamp,
    /// The snapshot file, where the reading is not live.
    pub from_file: Option<&'a str>,
    /// Whether the observation is wanted (`apply`, `watch`).
    pub observe: bool,
    /// Whether it is wanted what time will bring (`watch`).
    pub upcoming: bool,
}

/// What comes out.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The plan.
    pub plan: TargetPlan,
    /// What to keep beside the journal's chain; empty unless it was wanted.
    pub observation: Observation,
    /// What time will bring, the earliest first, at most [`super::MAX_UPCOMING`]; empty unless it was wanted.
    pub upcoming: Vec<Upcoming>,
}
