//! Worlds, policies, processes and lines of results.

pub mod baseline;
pub mod process;

use std::{fmt::Write as _, fs, path::Path, process::Command};

use portcullis::sandbox::{Sandbox, System, World, write_files};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The target of every configuration here.
pub const TARGET: &str = "s2";

/// Declarations of one policy file, which is in charge of as many entries.
pub const A_FILE: usize = 10_000;

/// Every so-manieth declaration names a token that is not there, and leaves one undeclared: 1 % drift.
pub const DRIFT: usize = 100;

/// An S2 account with so many tokens, served, and a directory with policies that declare them.
pub struct Account {
    /// The servers.
    pub sandbox: Sandbox,
    /// Where configuration and policies lie.
    pub dir: TempDir,
    _runtime: Runtime,
}

impl Account {
    /// Serves `tokens` tokens and declares `declared`, with 1 % drift where `drift` says so.
    pub fn new(tokens: usize, declared: usize, drift: bool, target: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sandbox = runtime.block_on(Sandbox::start(World::s2_tokens(tokens))).unwrap();
        let dir = tempfile::tempdir().unwrap();
        write_files(&sandbox, dir.path()).unwrap();
        fs::remove_dir_all(dir.path().join("policies")).unwrap();
        fs::write(dir.path().join("portcullis.yaml"), configuration(sandbox.url(System::S2), target)).unwrap();
        write_policies(&dir.path().join("policies"), declared, drift);
        Self { sandbox, dir, _runtime: runtime }
    }

    /// The base address of the account.
    pub fn url(&self) -> &str {
        self.sandbox.url(System::S2)
    }
}

fn configuration(url: &str, target: &str) -> String {
    format!(
        "version: 1\npolicies: policies/\npeople: people.yaml\njournal: journal.db\nguards: {{ max_count_total: 1000000 }}\n\
         targets:\n  {TARGET}:\n    system: s2\n    base_url: {url}\n    allow_host: true\n    \
         credential: {{ file: credentials/s2 }}\n    own: {{ access_tokens: [{{ id: portcullis/reconciler }}] }}\n    \
         account: northlight\n    enforce: [access_tokens]\n    \
         guards: {{ notice: 0h, max_share: 100%, max_count: 1000000 }}\n{target}"
    )
}

/// Files of [`A_FILE`] declarations, each in charge of the tokens of its own numbers.
fn write_policies(root: &Path, declared: usize, drift: bool) {
    fs::create_dir_all(root).unwrap();
    for first in (0..declared).step_by(A_FILE) {
        let number = first / A_FILE;
        let mut text = format!(
            "version: 1\ntarget: {TARGET}\nteam: team-{number}\nmanage:\n  access_tokens: [{{ id: \"service/{number:04}*\" }}]\n\
             access_tokens:\n"
        );
        for number in first..declared.min(first + A_FILE) {
            let gone = if drift && number % DRIFT == 0 { "-gone" } else { "" };
            let area = number % 8;
            let write = if area % 2 == 0 { ", write: true" } else { "" };
            writeln!(
                text,
                "  - id: service/{number:08}{gone}\n    scope:\n      streams: {{ prefix: area-{area}/ }}\n      \
                 op_groups: {{ stream: {{ read: true{write} }} }}\n    justification: reads area {area}",
            )
            .unwrap();
        }
        fs::write(root.join(format!("service-{number:04}.yaml")), text).unwrap();
    }
}

/// Leaves the first processor to what is measured, where there are several.
pub fn step_aside() {
    if process::processors() > 1 {
        let last = (process::processors() - 1).to_string();
        let me = std::process::id().to_string();
        let moved = Command::new("taskset").args(["-p", "-c", &last, &me]).output();
        if !moved.is_ok_and(|output| output.status.success()) {
            println!("note: without `taskset` nothing is bound to a processor");
        }
    }
}

/// One line of results.
pub fn tell(name: &str, value: f64, unit: &str, limit: Limit, details: &str) {
    let (holds, bound) = match limit {
        Limit::AtMost(most) => (value <= most, format!("at most {most}")),
        Limit::AtLeast(least) => (value >= least, format!("at least {least}")),
    };
    let verdict = match (holds, limit) {
        (true, _) => "within",
        (false, Limit::AtMost(_)) => "over",
        (false, Limit::AtLeast(_)) => "under",
    };
    println!("{name}: {value:.2}{unit} ({verdict} the figure, {bound}{unit}); {details}");
}

/// What a figure has to reach.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// It may not be more.
    AtMost(f64),
    /// It may not be less.
    AtLeast(f64),
}

/// The middle one of several measurements.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
