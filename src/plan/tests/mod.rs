//! Promises of the pure plan, one file a section of the design.

mod ceilings;
mod daemon;
mod doubt;
mod guards;
mod holds;
mod laws;
mod table;
pub(crate) mod world;
