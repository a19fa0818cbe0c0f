//! Worlds of one S2 account whose policy is in charge of `service/*`: so many declared tokens, so many that nobody declared.

use std::fmt::Write as _;

use crate::house::{House, Run};

/// The target enforces at once.
pub const AT_ONCE: &str = "    enforce: [access_tokens]\n    guards: { notice: 0h }";

/// The ids of declared tokens.
pub fn kept(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("service/keep-{number:02}")).collect()
}

/// The ids of tokens that nobody declared.
pub fn strays(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("service/stray-{number:02}")).collect()
}

/// A policy file in charge of `service/*` that declares these.
pub fn declaring(ids: &[String]) -> String {
    let mut text = "version: 1\ntarget: s2\nteam: data@example.com\nmanage:\n  access_tokens: { select: [{ id: \
                    \"service/*\" }] }\naccess_tokens:\n"
        .to_owned();
    for id in ids {
        writeln!(text, "  - {{ id: {id}, justification: needed }}").unwrap();
    }
    text
}

/// A world with these numbers of tokens and this configuration of the target.
pub fn house(keep: usize, stray: usize, target: &str) -> House {
    let live = [kept(keep), strays(stray)].concat();
    let live: Vec<&str> = live.iter().map(String::as_str).collect();
    House::s2(&live, target, &declaring(&kept(keep)))
}

/// One more token appears.
pub fn appears(house: &House, id: &str) {
    house.sandbox.world(|world| crate::house::issue(world, id));
}

/// The names of the guards that refused something of a target.
pub fn refused_by(plan: &serde_json::Value, target: &str) -> Vec<String> {
    let target = plan["targets"].as_array().unwrap().iter().find(|known| known["target"] == target).unwrap();
    target["refusals"].as_array().unwrap().iter().map(|refusal| refusal["guard"].as_str().unwrap().to_owned()).collect()
}

/// The number that a refusal tells to state for a target: what stands behind `--expect-revocations TARGET=`.
pub fn stated(run: &Run, target: &str) -> String {
    let mark = format!("--expect-revocations {target}=");
    let (_, rest) = run.out.split_once(&mark).unwrap_or_else(|| panic!("no {mark} in\n{}\n{}", run.out, run.err));
    rest.chars().take_while(char::is_ascii_digit).collect()
}
