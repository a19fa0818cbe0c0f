//! End-to-end promises: the real binary, real HTTP, real files. One module a promise, one test binary.
//!
//! The judge is the sandbox's own record of what the servers saw, never what the binary says of itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

mod architecture;
mod bad_input;
mod commands;
mod convergence;
mod crash;
mod daemon;
mod documents;
mod exit_codes;
mod freeze;
mod guards;
mod history;
mod hostile;
mod house;
mod import;
mod journal;
mod orders;
mod outcomes;
mod prompt;
mod readings;
mod readme;
mod report;
mod saved_plan;
mod secrets;
mod service;
mod snapshots;
mod told;
mod watch_inside;
mod watch_journal;
mod watch_loop;
mod watch_stop;
mod watch_tree;
