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

mod alike;
mod architecture;
mod bad_input;
mod browser;
mod clock;
mod commands;
mod company;
mod convergence;
mod crash;
mod daemon;
mod documents;
mod due;
mod escape;
mod examples;
mod exit_codes;
mod files;
mod floor;
mod freeze;
mod front;
mod guards;
mod history;
mod hostile;
mod house;
mod identity;
mod import;
mod journal;
mod letterbox;
mod listener;
mod meant;
mod metrics;
mod midway;
mod needs;
mod orders;
mod outcomes;
mod page;
mod people;
mod prompt;
mod push_hook;
mod reach;
mod readings;
mod readme;
mod reasons;
mod report;
mod repository;
mod saved_plan;
mod secrets;
mod selectors;
mod service;
mod snapshots;
mod soak;
mod stage;
mod told;
mod v1;
mod vendor_answers;
mod vendors;
mod wait;
mod watch_bad_input;
mod watch_cut_off;
mod watch_door;
mod watch_due;
mod watch_files;
mod watch_git;
mod watch_inside;
mod watch_journal;
mod watch_listener;
mod watch_loop;
mod watch_once;
mod watch_open;
mod watch_source;
mod watch_stop;
mod watch_told;
mod watch_tree;
