//! Plans of large accounts against as many declarations, and the same without planning.

use std::fs;

use crate::support::{
    Account, DRIFT, Limit, baseline, median,
    process::{self, Took},
    tell,
};

const LIMITS: &str = "    limits: { requests: 1000000/s, concurrency: 4 }\n";

/// Pairs of a plan and its baseline that are measured; the middle one counts.
const PAIRS: usize = 5;

/// The same of the large account, whose plan takes half a minute with its baseline.
const LARGE_PAIRS: usize = 3;

pub fn plan() {
    let (small, small_world) = measure(100_000, PAIRS);
    drop(small_world);
    let (large, _world) = measure(1_000_000, LARGE_PAIRS);
    tell(
        "plan, 1,000,000 entries to 100,000",
        large.seconds / small.seconds,
        " times",
        Limit::AtMost(11.0),
        &format!(
            "{:.2} s to {:.2} s; on the processor {:.2} times, {:.2} s to {:.2} s",
            large.seconds,
            small.seconds,
            large.processor / small.processor,
            large.processor,
            small.processor
        ),
    );
    let details = format!("with 100,000 entries {:.0} MiB", small.peak_mib);
    tell("plan, 1,000,000 entries, peak memory", large.peak_mib, " MiB", Limit::AtMost(1024.0), &details);
}

/// The middle plan of so many entries and declarations; tells the ratio to its baseline.
fn measure(number: usize, pairs: usize) -> (Took, Account) {
    let world = Account::new(number, number, true, LIMITS);
    let dir = world.dir.path();
    let policies = dir.join("policies").display().to_string();
    let myself = std::env::current_exe().unwrap();
    let mut all = Vec::new();
    for _ in 0..pairs {
        let plan = process::run(process::binary(), &["plan", "--format", "json"], dir, "plan.json", &[0]);
        check(&fs::read(dir.join("plan.json")).unwrap(), number);
        let plain = process::run(&myself, &[baseline::ROLE, world.url(), &policies], dir, "plain", &[0]);
        all.push((plan, plain));
    }
    let middle = |of: fn(&(Took, Took)) -> f64| median(all.iter().map(of).collect());
    let took = Took {
        seconds: middle(|(plan, _)| plan.seconds),
        processor: middle(|(plan, _)| plan.processor),
        peak_mib: middle(|(plan, _)| plan.peak_mib),
    };
    tell(
        &format!("plan, {number} entries against {number} declarations, to fetching, decoding and parsing alone"),
        middle(|(plan, plain)| plan.seconds / plain.seconds),
        " times",
        Limit::AtMost(2.0),
        &format!(
            "{:.3} s to {:.3} s; on the processor {:.2} times, {:.2} s to {:.2} s",
            took.seconds,
            middle(|(_, plain)| plain.seconds),
            middle(|(plan, plain)| plan.processor / plain.processor),
            took.processor,
            middle(|(_, plain)| plain.processor)
        ),
    );
    (took, world)
}

/// The plan has to be the right one, or its time says nothing.
fn check(plan: &[u8], number: usize) {
    let plan: serde_json::Value = serde_json::from_slice(plan).unwrap();
    let counts = &plan["targets"][0]["counts"];
    let drift = number / DRIFT;
    assert_eq!(counts["changes"], drift, "{counts}");
    assert_eq!(counts["declared"], number - drift, "{counts}");
    assert!(counts["findings"].as_u64() >= Some(drift as u64), "{counts}");
}
