//! A hermetic world for one test: a temporary directory, the imitated systems on free ports, and the binary.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use portcullis::sandbox::{Sandbox, System, World, write_files};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The world of a test. Everything ends with it.
pub struct House {
    /// The imitated systems.
    pub sandbox: Sandbox,
    /// Serves the sandbox for as long as the house stands.
    _runtime: Runtime,
    dir: TempDir,
}

/// What a run of the binary came to.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl House {
    /// The company of 60 people with its sample policies.
    pub fn company() -> Self {
        Self::of(World::company())
    }

    /// Any world, with the sandbox's own configuration and the company's policies; a test writes its own over them.
    pub fn of(world: World) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let sandbox = runtime.block_on(Sandbox::start(world)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        write_files(&sandbox, dir.path()).unwrap();
        Self { sandbox, _runtime: runtime, dir }
    }

    /// Only S2, with these tokens, one policy file and this configuration of the target (indented by four).
    pub fn s2(ids: &[&str], target: &str, policy: &str) -> Self {
        let house = Self::of(World::empty());
        house.sandbox.world(|world| {
            for id in ids {
                issue(world, id);
            }
        });
        house.clear_policies();
        house.write("policies/s2.yaml", policy);
        house.s2_target(target);
        house
    }

    /// Writes a configuration with only the target `s2`.
    pub fn s2_target(&self, target: &str) {
        let url = self.sandbox.url(System::S2);
        self.write(
            "portcullis.yaml",
            &format!(
                "version: 1\npolicies: policies/\npeople: people.yaml\njournal: .portcullis/journal.db\ntargets:\n  s2:\n    \
                 system: s2\n    base_url: {url}\n    allow_host: true\n    credential: {{ file: credentials/s2 }}\n    \
                 own: {{ access_tokens: [{{ id: portcullis/reconciler }}] }}\n    account: northlight\n    \
                 limits: {{ requests: 500/s, concurrency: 4 }}\n{target}\n"
            ),
        );
    }

    /// Leaves one target in the configuration, by its name.
    pub fn only(&self, target: &str) {
        let text = self.read("portcullis.yaml");
        let (head, targets) = text.split_once("\ntargets:\n").unwrap();
        let mut kept = false;
        let lines = targets.lines().filter(|line| {
            if line.starts_with("  ") && !line.starts_with("   ") {
                kept = line.trim() == format!("{target}:");
            }
            kept
        });
        let lines: String = lines.map(|line| format!("{line}\n")).collect();
        assert!(!lines.is_empty(), "no target {target}");
        self.write("portcullis.yaml", &format!("{head}\ntargets:\n{lines}"));
    }

    /// A path in the world's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, with its directories.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A file's text.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces text in a file; the text has to be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, &text.replace(from, to));
    }

    /// Removes every policy file.
    pub fn clear_policies(&self) {
        fs::remove_dir_all(self.path("policies")).unwrap();
        fs::create_dir(self.path("policies")).unwrap();
    }

    /// The binary, ready to run in the world's directory with an environment of its own.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = binary(self.dir.path());
        command.args(args);
        command
    }

    /// Runs the binary to its end, without a terminal.
    pub fn run(&self, args: &[&str]) -> Run {
        Run::of(self.command(args).output().unwrap())
    }

    /// Runs it and checks the exit code.
    pub fn expect(&self, code: i32, args: &[&str]) -> Run {
        let run = self.run(args);
        assert_eq!(run.code, code, "{args:?}\n--- out\n{}\n--- err\n{}", run.out, run.err);
        run
    }

    /// The plan as JSON, whatever its exit code.
    pub fn plan(&self, args: &[&str]) -> Value {
        let run = self.run(&[&["plan", "--format", "json"], args].concat());
        run.json()
    }

    /// `apply --yes`, the journal made where there is none.
    pub fn apply(&self, code: i32) -> Run {
        self.expect(code, &["apply", "--yes", "--new-journal"])
    }

    /// Ids that the servers saw removed, sorted.
    pub fn removed(&self, system: System, kind: &str) -> Vec<String> {
        let mut removed = self.sandbox.record().removed(system, kind);
        removed.sort();
        removed
    }

    /// S2 tokens that the servers saw removed, sorted.
    pub fn removed_tokens(&self) -> Vec<String> {
        self.removed(System::S2, "access_token")
    }

    /// How many requests that could change something reached the servers.
    pub fn writes(&self) -> usize {
        self.sandbox.record().writes().len()
    }
}

/// The binary with an empty environment, its input closed.
pub fn binary(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.current_dir(dir).env_clear().env("HOME", dir).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null());
    command
}

/// Adds an S2 token that may append to one stream and never expires.
pub fn issue(world: &mut World, id: &str) {
    let body = serde_json::json!({
        "id": id,
        "scope": { "streams": { "prefix": "x/" }, "basins": { "prefix": "" }, "ops": ["append"] },
    });
    world.s2.issue(serde_json::from_value(body).unwrap());
}

impl Run {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.out, self.err))
    }

    /// Everything that was said.
    pub fn all(&self) -> String {
        format!("{}\n{}", self.out, self.err)
    }
}

/// The rows of a target in a plan document.
pub fn rows<'a>(plan: &'a Value, target: &str) -> &'a [Value] {
    let targets = plan["targets"].as_array().unwrap();
    let found = targets.iter().find(|known| known["target"] == target);
    found.unwrap_or_else(|| panic!("no target {target} in {plan}"))["rows"].as_array().unwrap()
}

/// Ids of a target's rows with a status, sorted.
pub fn ids(plan: &Value, target: &str, status: &str) -> Vec<String> {
    let with = |row: &&Value| row["status"] == status;
    let mut ids: Vec<String> =
        rows(plan, target).iter().filter(with).map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// Names of what holds a row.
pub fn holds(plan: &Value, target: &str, id: &str) -> Vec<String> {
    let row = rows(plan, target).iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no row {id} in {plan}"));
    row["holds"].as_array().unwrap().iter().map(|hold| hold["name"].as_str().unwrap().to_owned()).collect()
}
