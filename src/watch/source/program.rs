//! Runs the `git` program: bounded in time, output and what it sees of the environment, without hooks, prompts or a shell.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::ExposeSecret as _;
use tokio::process::{Child, Command};

use super::{SourceError, address::Address};
use crate::run::program::{self, Bounds, Failed, Group, Keep};

/// What git, and the ssh that it starts, see of the environment: where programs, keys, agents, proxies, certificates and the
/// user's own configuration are.
const ENVIRONMENT: [&str; 29] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_ASKPASS",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_EXEC_PATH",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_PROXY_SSL_CAINFO",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SYSTEMROOT",
];

/// What holds for every call, whatever the user's configuration or a repository says. Nothing is ever checked out by git, so
/// that no filter, hook or attribute of a repository has a say; these are a second wall. Packing takes no thread for each core: a
/// service may have fewer tasks than its machine has cores.
const SETTINGS: [&str; 16] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.askPass=",
    "credential.interactive=false",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=30",
    "fetch.recurseSubmodules=false",
    "submodule.recurse=false",
    "fetch.writeCommitGraph=false",
    "remote.origin.mirror=false",
    "pack.threads=4",
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
    "advice.graftFileDeprecated=false",
];

/// Prints the credential that the environment holds, in the form that git asks for. `printf` is the shell's own, so that no
/// argument list shows it.
const CREDENTIAL_HELPER: &str = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$PORTCULLIS_GIT_USER" "$PORTCULLIS_GIT_PASSWORD"; }; f"#;

/// Bytes of standard error that are kept.
const MAX_ERROR_BYTES: usize = 16 * 1024;
/// How often the size of what is being fetched is looked at.
const SIZE_CHECK: Duration = Duration::from_millis(500);

/// The program, and the repository that it works on.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) name: OsString,
    /// The program that verifies signatures, `ssh-keygen`.
    pub(super) keygen: OsString,
    /// The bare repository.
    pub(super) repository: PathBuf,
    /// `NAME=VALUE` for every call besides [`SETTINGS`].
    pub(super) settings: Vec<OsString>,
}

/// How far one call may go.
pub(super) struct Call<'a> {
    /// What it does, for errors: "asking the repository for its refs".
    pub(super) what: &'a str,
    pub(super) arguments: &'a [&'a OsStr],
    /// The remote, where it speaks with one.
    pub(super) remote: Option<&'a Address>,
    pub(super) limit: Duration,
    /// The largest standard output, in bytes. What writes more is ended.
    pub(super) output: usize,
    /// The most entries that end with a zero byte in its output, where it writes such.
    pub(super) entries: Option<usize>,
    /// A directory that must not grow beyond a size meanwhile.
    pub(super) room: Option<(&'a Path, u64)>,
}

impl<'a> Call<'a> {
    /// One that speaks with no remote, and of which only the output is bounded besides its time.
    pub(super) fn local(what: &'a str, arguments: &'a [&'a OsStr], limit: Duration, output: usize) -> Self {
        Self { what, arguments, remote: None, limit, output, entries: None, room: None }
    }

    fn too_large(&self, limit: String) -> SourceError {
        SourceError::TooLarge { what: format!("the answer to {}", self.what), limit }
    }
}

/// How a call ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit code; none where a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) output: Vec<u8>,
    /// The line of standard error that says most, without credentials.
    pub(super) said: String,
    /// All of standard error that was kept, as it is.
    pub(super) errors: String,
}

impl Ended {
    pub(super) fn is_done(&self) -> bool {
        self.code == Some(0)
    }

    /// The first line of its output.
    pub(super) fn line(&self) -> &str {
        std::str::from_utf8(&self.output).unwrap_or("").lines().next().unwrap_or("")
    }
}

impl Program {
    /// A command with everything that holds for every call.
    pub(super) fn command(&self, remote: Option<&Address>, arguments: &[&OsStr]) -> Command {
        let mut command = program::cleared(&self.name, ENVIRONMENT, |name| std::env::var_os(name));
        command.env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0").env("GIT_NO_REPLACE_OBJECTS", "1");
        command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_OPTIONAL_LOCKS", "0");
        command.env("GIT_ALLOW_PROTOCOL", remote.map_or("", |address| address.protocols));
        if std::env::var_os("GIT_SSH_COMMAND").is_none() && std::env::var_os("GIT_SSH").is_none() {
            // A host whose key is not known is refused rather than asked about.
            command.env(
                "GIT_SSH_COMMAND",
                "ssh -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15 -oServerAliveCountMax=2",
            );
        }
        command.arg("--git-dir").arg(&self.repository);
        for setting in SETTINGS {
            command.arg("-c").arg(setting);
        }
        for setting in &self.settings {
            command.arg("-c").arg(setting);
        }
        if let Some(login) = remote.and_then(|address| address.login.as_ref()) {
            // For this host alone: whoever else asks on the way, such as a proxy, gets nothing.
            let helper = format!("credential.{}.helper={CREDENTIAL_HELPER}", login.origin);
            command.args(["-c", "credential.helper=", "-c", &helper]);
            command.env("PORTCULLIS_GIT_USER", login.user.expose_secret());
            command.env("PORTCULLIS_GIT_PASSWORD", login.password.expose_secret());
        }
        command.args(arguments);
        command
    }

    /// Starts a command.
    pub(super) fn start(command: &mut Command) -> Result<(Child, Group), SourceError> {
        program::start(command).map_err(|error| SourceError::GitMissing { why: error.to_string() })
    }

    /// Runs one call to its end.
    ///
    /// # Errors
    /// There is no program, it took too long, or it wrote too much. A call that ends with an error is no error here.
    pub(super) async fn run(&self, call: Call<'_>) -> Result<Ended, SourceError> {
        let command = self.command(call.remote, call.arguments);
        to_its_end(call, command, None, |why| SourceError::GitMissing { why }).await
    }

    /// Runs ssh-keygen to its end, with this on its standard input.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub(super) async fn keygen(&self, call: Call<'_>, input: &[u8]) -> Result<Ended, SourceError> {
        let mut command = program::cleared(&self.keygen, ["PATH", "HOME", "TZ"], |name| std::env::var_os(name));
        command.env("LC_ALL", "C").args(call.arguments);
        to_its_end(call, command, Some(input), |why| SourceError::KeygenMissing { why }).await
    }
}

/// Runs a command to its end. `unable` is the error where it cannot run at all.
async fn to_its_end(
    call: Call<'_>,
    command: Command,
    input: Option<&[u8]>,
    unable: impl Fn(String) -> SourceError,
) -> Result<Ended, SourceError> {
    let errors = Keep::Beginning(MAX_ERROR_BYTES);
    let bounds = Bounds { input, output: Keep::All(call.output), errors, limit: call.limit };
    // Where it grows too large, it is dropped here and killed, with git's helpers, which do not end with git.
    let ended = tokio::select! {
        ended = program::run(command, bounds) => ended,
        limit = outgrown(call.room) => {
            return Err(SourceError::TooLarge { what: "the repository".into(), limit });
        }
    };
    let (status, mut kept) = ended.map_err(|failed| match failed {
        Failed::Start(error) | Failed::Lost(error) => unable(error.to_string()),
        Failed::TooMuch => call.too_large(format!("{} bytes", call.output)),
        Failed::TimedOut(_) => SourceError::TimedOut { what: call.what.to_owned(), after: call.limit },
    })?;
    let output = std::mem::take(&mut *kept.output);
    if let Some(most) = call.entries.filter(|most| memchr::memchr_iter(0, &output).count() > *most) {
        return Err(call.too_large(format!("{most} entries")));
    }
    let errors = String::from_utf8_lossy(&kept.errors).into_owned();
    let said = said(&errors);
    let said = call.remote.map_or(said.clone(), |address| address.redact(&said));
    Ok(Ended { code: status.code(), output, said, errors })
}

/// The line that says most: git's own verdict, else the last one.
fn said(errors: &str) -> String {
    let lines = || errors.lines().map(str::trim).filter(|line| !line.is_empty());
    let told =
        lines().find(|line| line.starts_with("fatal: ") || line.starts_with("error: ")).or_else(|| lines().next_back());
    let shown = told.unwrap_or("git said nothing").trim_start_matches("fatal: ").trim_start_matches("error: ");
    shown.chars().take(500).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Ends when the directory is larger than its limit; never where there is none.
async fn outgrown(room: Option<(&Path, u64)>) -> String {
    let Some((directory, limit)) = room else { return std::future::pending().await };
    loop {
        tokio::time::sleep(SIZE_CHECK).await;
        let directory = directory.to_owned();
        let size = tokio::task::spawn_blocking(move || size_of(&directory, limit)).await;
        if size.is_ok_and(|size| size > limit) {
            return format!("{} MiB", limit / (1024 * 1024));
        }
    }
}

/// The sum of all files below, or something beyond the limit.
pub(super) fn size_of(directory: &Path, limit: u64) -> u64 {
    let (mut sum, mut open) = (0_u64, vec![directory.to_owned()]);
    while let Some(next) = open.pop() {
        for found in std::fs::read_dir(next).into_iter().flatten().flatten() {
            // A file that git renames meanwhile is counted under its other name.
            let Ok(about) = found.metadata() else { continue };
            if about.is_dir() {
                open.push(found.path());
            }
            sum = sum.saturating_add(about.len());
            if sum > limit {
                return sum;
            }
        }
    }
    sum
}
