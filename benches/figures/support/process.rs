//! A process from start to end: time, processor time, peak memory.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

/// How often a running process is looked at.
const LOOK: Duration = Duration::from_micros(500);

/// What a process took.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    /// From start to end.
    pub seconds: f64,
    /// On the processor, as the kernel counts it, in hundredths; 0 where it does not tell.
    pub processor: f64,
    /// The most memory that was resident, in MiB; 0 where the kernel does not tell.
    pub peak_mib: f64,
}

/// How many processors there are, before this process stepped aside.
pub fn processors() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// The variable that names a binary to measure in place of Cargo's.
const GIVEN: &str = "PORTCULLIS";

/// The binary that was built by itself, as it is shipped, where one is named. What Cargo builds for a bench is another one: it has the
/// features, too, that only tests and benches turn on.
pub fn plain() -> Option<&'static Path> {
    static PLAIN: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || std::env::var_os(GIVEN).map(|name| fs::canonicalize(name).unwrap());
    PLAIN.get_or_init(find).as_deref()
}

/// The binary under test.
pub fn binary() -> &'static Path {
    plain().unwrap_or(Path::new(env!("CARGO_BIN_EXE_portcullis")))
}

/// A command bound to the first processor, with an environment of its own.
fn command(program: impl AsRef<OsStr>, dir: &Path) -> Command {
    let bound = processors() > 1 && Command::new("taskset").arg("--version").output().is_ok();
    let mut command = if bound {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(dir).env_clear().env("HOME", dir).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null());
    command
}

/// Runs a program to its end, its output into a file, and checks the exit code.
pub fn run(program: impl AsRef<OsStr>, args: &[&str], dir: &Path, out: &str, codes: &[i32]) -> Took {
    let mut command = command(program, dir);
    command.args(args).stdout(File::create(dir.join(out)).unwrap());
    command.stderr(File::create(dir.join("stderr")).unwrap());
    let begun = Instant::now();
    let mut child = command.spawn().unwrap();
    let (mut processor, mut peak_mib) = (0.0_f64, 0.0_f64);
    // A process that ended and was not waited for still has its times, but no memory any more.
    let status = loop {
        let (ended, ticks) = stat(child.id());
        processor = processor.max(ticks / 100.0);
        if ended {
            break child.wait().unwrap();
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        peak_mib = peak_mib.max(status(child.id(), "VmHWM:"));
        std::thread::sleep(LOOK);
    };
    let seconds = begun.elapsed().as_secs_f64();
    let code = status.code().unwrap_or(-1);
    assert!(codes.contains(&code), "exit code {code}: {}", fs::read_to_string(dir.join("stderr")).unwrap());
    Took { seconds, processor, peak_mib }
}

/// Whether a process ended, and its ticks on the processor.
fn stat(id: u32) -> (bool, f64) {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let ticks = |index: usize| fields.get(index).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (fields.first() == Some(&"Z"), ticks(11) + ticks(12))
}

/// A figure of a process in MiB, as the kernel tells it.
fn status(id: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

/// A process that goes on; it ends when this is dropped.
pub struct Running(std::process::Child);

/// What a running process took so far.
#[derive(Debug, Clone, Copy)]
pub struct Looked {
    /// On the processor, in seconds.
    pub processor: f64,
    /// Resident now, in MiB.
    pub resident_mib: f64,
    /// The most so far, in MiB.
    pub peak_mib: f64,
}

/// Starts a program in the background.
pub fn start(program: impl AsRef<OsStr>, args: &[&str], dir: &Path) -> Running {
    let mut command = command(program, dir);
    command.args(args).stdout(Stdio::null()).stderr(File::create(dir.join("stderr")).unwrap());
    Running(command.spawn().unwrap())
}

impl Running {
    /// What it took so far.
    pub fn looked_at(&self) -> Looked {
        let id = self.0.id();
        let (ended, ticks) = stat(id);
        assert!(!ended, "it ended by itself");
        Looked { processor: ticks / 100.0, resident_mib: status(id, "VmRSS:"), peak_mib: status(id, "VmHWM:") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
