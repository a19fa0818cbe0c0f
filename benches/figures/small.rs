//! What a person waits for at a terminal: the start, and a check of the policies.

use std::fs;

use crate::support::{Account, Limit, median, process, tell};

const RUNS: usize = 15;

pub fn start() {
    let dir = tempfile::tempdir().unwrap();
    let run = || process::run(process::binary(), &["--version"], dir.path(), "out", &[0]).seconds * 1000.0;
    let runs: Vec<f64> = (0..RUNS).map(|_| run()).collect();
    let least = runs.iter().copied().fold(f64::MAX, f64::min);
    let details = format!("median of {RUNS} whole processes, the fastest {least:.2} ms");
    tell("start, --version", median(runs), " ms", Limit::AtMost(10.0), &details);
    size();
}

/// The figure is for the binary that is shipped.
fn size() {
    let bytes = fs::metadata(process::binary()).unwrap().len();
    #[expect(clippy::cast_precision_loss, reason = "a size in megabytes")]
    let megabytes = bytes as f64 / 1e6;
    if process::plain().is_some() {
        tell("release binary", megabytes, " MB", Limit::AtMost(25.0), &format!("{bytes} bytes"));
    } else {
        println!(
            "binary with the features of tests and benches: {megabytes:.2} MB (the figure is for one that was built without them: \
             name it by PORTCULLIS); {bytes} bytes"
        );
    }
}

pub fn validate() {
    let world = Account::new(0, 10_000, false, "");
    let run = || process::run(process::binary(), &["validate"], world.dir.path(), "out", &[0]);
    let runs: Vec<_> = (0..RUNS).map(|_| run()).collect();
    let seconds = median(runs.iter().map(|run| run.seconds * 1000.0).collect());
    let least = runs.iter().map(|run| run.seconds * 1000.0).fold(f64::MAX, f64::min);
    let details = format!("median of {RUNS} whole processes, the fastest {least:.1} ms, {:.0} MiB", runs[0].peak_mib);
    tell("validate, 10,000 declarations", seconds, " ms", Limit::AtMost(150.0), &details);
}
