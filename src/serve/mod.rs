//! What the daemon shows: health, metrics, the JSON API and a page for people, on one listener.
//!
//! It shows what stands on the [`Board`], which the loop fills, and what the journal says. It decides nothing and sends nothing
//! to vendors; what a caller may ask for goes through [`Control`].

mod board;
mod control;
mod meters;
pub mod webhook;

pub use board::{Board, Ended, Health, JournalView, MAX_SHOWN_ROWS, Pause, SourceView, TargetView, TreeProblem};
pub use control::{Control, ControlError};
pub use meters::Meters;
