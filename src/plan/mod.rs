//! The pure middle: declarations and a snapshot to a plan.
//!
//! No I/O, no clock, no environment: time, limits and history come in as arguments, and equal input gives equal bytes out.

mod model;
pub mod render;
mod settings;

pub use model::{
    Counts, FindingKind, GuardRefusal, Hold, HoldName, Origin, OriginKind, PLAN_VERSION, Plan, ReadingSummary, Row,
    Status, TargetPlan, TargetState, Ticket,
};
pub use settings::{Ceiling, Confirmation, Settings};
