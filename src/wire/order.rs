//! One removal on its way through a system module: prepare, send one draft, settle.

use crate::access::{Action, Cause, Entry, FieldRole, Fingerprint, Shape, Text, Value};

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

/// How an entry differs right before a write from what the plan judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It gives other access, or is another one.
    Access,
    /// It was used, and was to go since it was not.
    Use,
    /// It or its holder is called otherwise: policies may mean it now, or mean it no more.
    Name,
}

impl Order {
    /// How the entry is not what the plan judged any more, if it is not. A fingerprint leaves out what does not change the
    /// access: its last use, where that decided; its label and its holder's names, by which policies mean it.
    pub fn change(&self, now: &Entry) -> Option<Change> {
        let planned = &self.entry;
        if Fingerprint::of(now) != self.fingerprint {
            return Some(Change::Access);
        }
        if matches!(self.cause, Cause::Idle | Cause::Unused) && now.last_used_at != planned.last_used_at {
            return Some(Change::Use);
        }
        // A label that is no field is put together by us, of names that a look at one entry may not tell.
        let mut fields = planned.kind.fields.iter().zip(planned.values.iter().zip(&now.values));
        let renamed = fields.any(|(field, (planned, now))| match (&field.shape, planned, now) {
            (Shape::Person, Value::Object(planned), Value::Object(now)) => is_renamed(&planned.names, &now.names),
            _ => field.role == FieldRole::Label && planned != now,
        });
        let holder = planned.principal.as_ref().zip(now.principal.as_ref());
        let renamed = renamed || holder.is_some_and(|(planned, now)| is_renamed(&planned.names, &now.names));
        renamed.then_some(Change::Name)
    }
}

/// Whether somebody has other names, as far as they are told.
fn is_renamed(planned: &[Text], now: &[Text]) -> bool {
    !now.is_empty() && planned != now
}

/// What `prepare` found right before a write.
#[derive(Debug)]
pub enum Prepared {
    /// The entry is still as planned, by [`Order::change`]: send this.
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
