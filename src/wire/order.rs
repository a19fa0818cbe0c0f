//! One removal on its way through a system module: prepare, send one draft, settle.

use crate::access::{Action, Cause, Entry, Fingerprint, Text};

use super::{Draft, Note};

/// An approved removal.
#[derive(Debug, Clone)]
pub struct Order {
    /// The target.
    pub target: Text,
    /// What to do.
    pub action: Action,
    /// Why.
    pub cause: Cause,
    /// The entry as the plan's reading saw it.
    pub entry: Entry,
    /// Its fingerprint then; another one right before sending stops it.
    pub fingerprint: Fingerprint,
    /// The reason, at most 255 bytes.
    pub reason: String,
    /// Ids of the other entries on the same control (Pinata gateway) that this plan removes.
    pub peers: Vec<Text>,
    /// Whether the operator lets this removal open the thing that the entry controls.
    pub may_open: bool,
}

/// What `prepare` found right before a write.
#[derive(Debug)]
pub enum Prepared {
    /// The entry is still as planned: send this.
    Send(Box<Draft>),
    /// A removal is already under way: send nothing, follow this.
    InFlight(Note),
    /// It is gone, by a complete reading.
    Gone,
    /// It changed since the plan: skip, and say how.
    Changed(Box<Entry>),
    /// Something forbids it now (it would open a gateway).
    Blocked(String),
    /// The system lists its rejection.
    Refused(String),
}

/// What the answer to a write means.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The outcome so far.
    pub settled: Settled,
    /// The note, with what the answer added to it.
    pub note: Note,
}

/// The outcome of a removal as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// Confirmed: our removal took effect. A remark where access may last (caching, other paths).
    Done(Option<String>),
    /// The entry is absent in a complete reading, by whoever's hand.
    Gone,
    /// The system works on it, or a person there has to.
    InFlight(String),
    /// The system will not do it: rejected, no permission, not valid. Not sent again by itself.
    Refused(String),
    /// In a complete reading the entry is still there, with no record of a removal at a system that lists those.
    Present,
    /// In a complete reading the entry is still there, and the system has no list that could tell whether the removal arrived.
    Untold(String),
    /// Not known: only reading can tell.
    Unknown(String),
}
