//! The figures that the design promises, each measured as a ratio within one run where there is something to compare with.
//!
//! `cargo bench` measures all of them, `cargo bench -- plan` only those whose name begins so. Every result is one line, with
//! the figure that it has to reach. None fails: a shared machine proves nothing by a stopwatch.
//!
//! `PORTCULLIS=FILE` measures that binary in place of the one that Cargo builds for the benches.
//!
//! What is measured runs in a process of its own on one processor, the imitated systems on another, where `taskset` is there
//! to say so.

#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints its results and stops at what is unexpected"
)]

mod apply;
mod plan;
mod small;
mod support;
mod watch;

use support::baseline;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [baseline::ROLE, url, policies] = args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return baseline::run(url, policies);
    }
    // Cargo also starts benches when it only checks that they build.
    if !args.iter().any(|arg| arg == "--bench") {
        return;
    }
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| name.starts_with(wanted.as_str()));
    support::step_aside();
    if wants("start") {
        small::start();
    }
    if wants("validate") {
        small::validate();
    }
    if wants("journal") {
        apply::journal();
    }
    if wants("apply") {
        apply::apply();
    }
    if wants("watch") {
        watch::edits();
        watch::targets();
        watch::idle();
    }
    if wants("plan") {
        plan::plan();
    }
}
