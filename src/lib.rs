//! Portcullis keeps who-may-access-what equal to what a Git repository says.
//!
//! Policies say what may exist; a system's API says what does; the difference is a plan; applying it removes what is not
//! declared. The modules stand in layers, and arrows only run down: see `ARCHITECTURE.md`.

pub mod access;
pub mod apply;
pub mod cli;
pub mod config;
pub mod journal;
pub mod plan;
pub mod policy;
pub mod run;
pub mod sandbox;
pub mod serve;
pub mod systems;
#[cfg(test)]
mod test_log;
pub mod transport;
pub mod watch;
pub mod wire;
pub mod yaml;
