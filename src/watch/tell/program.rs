//! A program that is given a message: JSON on its standard input, nothing of our environment but what a credential's command
//! sees, a deadline, and its whole process group ended with it.

use std::{io::ErrorKind, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
};

use crate::{
    plan::render::neutral,
    run::{
        credential::{COMMAND_ENVIRONMENT, COMMAND_LIMIT as CREDENTIAL_LIMIT},
        group::Group,
    },
    transport::Undelivered,
};

/// How long a program may take for a message: as long as a credential's.
pub(super) const COMMAND_LIMIT: Duration = CREDENTIAL_LIMIT;
/// What is kept of a program's output, in bytes, for the case that it fails.
const OUTPUT: usize = 2_048;
/// How long the rest of the output is waited for when the program has ended: something that it left behind may hold it open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Runs a program with this input. It has done its work when it ends with success.
pub(super) async fn run(words: &[String], input: &[u8], limit: Duration) -> Result<(), Undelivered> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Undelivered::never("the command is empty", "write `command: [program, argument]`"));
    };
    // Its arguments are not shown: they may hold secrets.
    let named = if program.contains('/') { format!("the command `{program}`") } else { "the command".to_owned() };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().kill_on_drop(true);
    Group::lead(&mut command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs(COMMAND_ENVIRONMENT.iter().filter_map(|name| std::env::var_os(name).map(|value| (name, value))));
    let mut child = command.spawn().map_err(|error| {
        let advice = "check the program's path and mode; it is looked up in PATH, and no shell is involved";
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied => {
                Undelivered::never(format!("{named} does not start: {error}"), advice)
            }
            _ => Undelivered::later(format!("{named} does not start: {error}"), Some(advice.to_owned())),
        }
    })?;
    let mut group = Group::of(&child);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut said = Said::default();
    let ended = {
        let feed = async {
            if let Some(mut stdin) = stdin {
                // One that does not want to hear it all may still succeed.
                let _ = stdin.write_all(input).await;
            }
        };
        let mut talk = std::pin::pin!(async {
            let Said { out, err } = &mut said;
            tokio::join!(feed, keep(stdout, out), keep(stderr, err));
        });
        let end = async {
            let mut is_silent = false;
            loop {
                tokio::select! {
                    status = child.wait() => break (status, is_silent),
                    () = &mut talk, if !is_silent => is_silent = true,
                }
            }
        };
        match tokio::time::timeout(limit, end).await {
            Ok((status, is_silent)) => {
                if !is_silent && !matches!(&status, Ok(status) if status.success()) {
                    let _ = tokio::time::timeout(LAST_WORDS, talk).await;
                }
                Some(status)
            }
            Err(_) => None,
        }
    };
    let advice = || said.advice();
    match ended {
        Some(Ok(status)) => {
            group.forget();
            if status.success() {
                Ok(())
            } else {
                Err(Undelivered::later(format!("{named} failed ({status})"), advice()))
            }
        }
        Some(Err(error)) => Err(Undelivered::later(format!("{named} cannot be waited for: {error}"), None)),
        None => {
            let what = format!("{named} did not end within {} s and was killed", limit.as_secs_f32());
            Err(Undelivered::later(what, advice()))
        }
    }
}

/// The beginning of what a program wrote.
#[derive(Default)]
struct Said {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Said {
    fn advice(&self) -> Option<String> {
        let said = if self.err.is_empty() { &self.out } else { &self.err };
        let said = String::from_utf8_lossy(said);
        let said = neutral::sentence(said.trim());
        (!said.is_empty()).then(|| format!("it says: {said}"))
    }
}

/// Keeps the beginning of a stream and reads the rest away, so that its writer is not held up.
async fn keep(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let mut buffer = [0; 1_024];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        let room = OUTPUT - kept.len();
        kept.extend_from_slice(buffer.get(..read.min(room)).unwrap_or_default());
    }
}
