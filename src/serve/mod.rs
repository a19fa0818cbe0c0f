//! What the daemon shows: health, metrics, the JSON API and a page for people, on one listener.
//!
//! It shows what stands on the [`Board`], which the loop fills, and what the journal says. It decides nothing and sends nothing
//! to vendors; what a caller may ask for goes through [`Control`].
//!
//! One table, in `routes`, says of every address who may have its answer, what it takes and what it gives; the router and the
//! OpenAPI document are both made of it.

mod api;
mod asker;
mod board;
mod control;
mod denials;
mod documents;
mod gate;
mod health;
mod late;
mod listener;
mod meters;
mod metrics;
mod openapi;
mod page;
mod problem;
mod records;
mod routes;
mod tally;
mod views;
pub mod webhook;

pub use board::Board;
pub use control::{Control, ControlError};
pub use documents::{
    API_VERSION, JournalDocument, PauseDocument, PauseRequest, PlanDocument, ReconcileDocument, ReconcileRequest,
    ResumeRequest, StateDocument, TargetBrief, TargetDocument, Totals,
};
pub use health::Probe;
pub use late::Late;
pub use listener::{Bound, ServeError, bind, fits};
pub use meters::Meters;
pub use openapi::document as openapi;
pub use problem::Problem;
pub use records::Records;
pub use routes::{Door, Options, serve};
pub use tally::{Sum, Tally};
pub use views::{
    Ended, Freeze, Health, JournalView, ListenerView, MAX_SHOWN_ROWS, Pause, ShownPlan, SourceView, TargetView,
    TreeProblem,
};
