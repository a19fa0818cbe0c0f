//! Runs one program of the operator's, or git, to its end: nothing of our environment but what is named, a process group of its
//! own, a deadline, and bounded output.
//!
//! It has ended when it ends by itself. What it leaves running meanwhile may hold its pipes open: nobody waits for that, and
//! what the program itself wrote is in them by then.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::fd::AsFd,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, Command},
};
use zeroize::Zeroizing;

pub use super::group::Group;

/// How long a program that the operator names may run.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// What such a program sees of the environment.
pub const COMMAND_ENVIRONMENT: [&str; 2] = ["PATH", "HOME"];

/// Bytes that are read at once.
const PART: usize = 16 * 1024;
/// The largest output, in bytes, that never moves in memory: what moves leaves a copy behind that nobody wipes.
pub const UNMOVED: usize = 64 * 1024;

/// What is kept of what a program writes to one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: there is no stream.
    Nothing,
    /// The beginning, so many bytes; the rest is read away, so that the program is not held up.
    Beginning(usize),
    /// All of it. A program that writes more bytes than this is killed.
    All(usize),
}

/// What a program is given, and how far it may go.
#[derive(Debug)]
pub struct Bounds<'a> {
    /// Its standard input; none where it is given none.
    pub input: Option<&'a [u8]>,
    /// What is kept of its standard output.
    pub output: Keep,
    /// What is kept of its standard error.
    pub errors: Keep,
    /// How long it may run.
    pub limit: Duration,
}

/// What was kept of what a program wrote, wiped on drop.
#[derive(Default)]
pub struct Said {
    /// On standard output.
    pub output: Zeroizing<Vec<u8>>,
    /// On standard error.
    pub errors: Zeroizing<Vec<u8>>,
}

/// Why a program did not come to an end of its own.
pub enum Failed {
    /// It does not start.
    Start(io::Error),
    /// It cannot be waited for, or what it writes cannot be read.
    Lost(io::Error),
    /// It wrote more than is taken, and was killed.
    TooMuch,
    /// It did not end in time, and was killed.
    TimedOut(Said),
}

/// A command that sees only these variables of an environment.
pub fn cleared<'a>(
    program: impl AsRef<OsStr>,
    names: impl IntoIterator<Item = &'a str>,
    environment: impl Fn(&str) -> Option<OsString>,
) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(names.into_iter().filter_map(|name| environment(name).map(|value| (name, value))));
    command
}

/// Starts a command in a group of its own, which is killed where it is dropped before it is forgotten.
///
/// # Errors
/// It does not start.
pub fn start(command: &mut Command) -> io::Result<(Child, Group)> {
    Group::lead(command);
    let child = command.kill_on_drop(true).spawn()?;
    let group = Group::of(&child);
    Ok((child, group))
}

/// Runs a command to its own end. On every other way out its whole group is killed, also where the caller stops waiting.
///
/// # Errors
/// [`Failed`]. One that ends without success is no error here.
pub async fn run(mut command: Command, bounds: Bounds<'_>) -> Result<(ExitStatus, Said), Failed> {
    let Bounds { input, output, errors, limit } = bounds;
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(output.stdio()).stderr(errors.stdio());
    // The group is dropped before the child.
    let (mut child, mut group) = start(&mut command).map_err(Failed::Start)?;
    let feed = feed(child.stdin.take(), input.unwrap_or_default());
    let mut output = Stream::new(child.stdout.take(), output);
    let mut errors = Stream::new(child.stderr.take(), errors);
    let ended = tokio::time::timeout(limit, async {
        let status = {
            let mut talk = std::pin::pin!(async { tokio::try_join!(feed, output.drain(), errors.drain()) });
            let mut is_silent = false;
            loop {
                tokio::select! {
                    status = child.wait() => break status.map_err(Failed::Lost)?,
                    talked = &mut talk, if !is_silent => {
                        talked?;
                        is_silent = true;
                    }
                }
            }
        };
        group.forget();
        output.what_is_there().await?;
        errors.what_is_there().await?;
        Ok(status)
    });
    let ended = ended.await;
    let said = Said { output: output.kept, errors: errors.kept };
    match ended {
        Ok(status) => status.map(|status| (status, said)),
        Err(_) => Err(Failed::TimedOut(said)),
    }
}

/// One that does not want to hear it all may still succeed: that shows in how it ends.
async fn feed(stdin: Option<ChildStdin>, input: &[u8]) -> Result<(), Failed> {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
    }
    Ok(())
}

impl Keep {
    fn stdio(self) -> Stdio {
        if self == Self::Nothing { Stdio::null() } else { Stdio::piped() }
    }

    fn most(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Beginning(most) | Self::All(most) => most,
        }
    }
}

/// One stream of a program, and what was kept of it.
struct Stream<R> {
    from: Option<R>,
    keep: Keep,
    part: Zeroizing<Vec<u8>>,
    kept: Zeroizing<Vec<u8>>,
}

impl<R: AsyncRead + AsFd + Unpin> Stream<R> {
    fn new(from: Option<R>, keep: Keep) -> Self {
        let part = Zeroizing::new(vec![0; if from.is_some() { PART } else { 0 }]);
        Self { from, keep, part, kept: Zeroizing::new(Vec::with_capacity(keep.most().min(UNMOVED))) }
    }

    async fn drain(&mut self) -> Result<(), Failed> {
        while self.read(PART).await? > 0 {}
        Ok(())
    }

    /// Takes what lies in the pipe: once the program has ended, all that it wrote itself.
    async fn what_is_there(&mut self) -> Result<(), Failed> {
        let Some(from) = &self.from else { return Ok(()) };
        let there = rustix::io::ioctl_fionread(from).map_err(|error| Failed::Lost(error.into()))?;
        let mut left = usize::try_from(there).unwrap_or(usize::MAX);
        while left > 0 {
            match self.read(left).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        Ok(())
    }

    /// Reads once, at most so many bytes; 0 at the end.
    async fn read(&mut self, most: usize) -> Result<usize, Failed> {
        let Some(from) = &mut self.from else { return Ok(0) };
        let part = self.part.get_mut(..most.min(PART)).unwrap_or_default();
        let read = from.read(part).await.map_err(Failed::Lost)?;
        let room = self.keep.most().saturating_sub(self.kept.len());
        if read > room && matches!(self.keep, Keep::All(_)) {
            return Err(Failed::TooMuch);
        }
        self.kept.extend_from_slice(part.get(..read.min(room)).unwrap_or_default());
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_that_it_wrote_itself_is_kept_whatever_it_leaves_running() {
        for (script, bytes) in [("sleep 45 & head -c 1000000 /dev/zero", 1_000_000), ("sleep 45 & exec printf abc", 3)]
        {
            let mut command = cleared("/bin/sh", COMMAND_ENVIRONMENT, |name| std::env::var_os(name));
            command.args(["-c", script]);
            let bounds = Bounds { input: None, output: Keep::All(bytes), errors: Keep::Nothing, limit: COMMAND_LIMIT };
            let Ok((status, said)) = run(command, bounds).await else { panic!("{script} did not end by itself") };
            assert!(status.success() && said.output.len() == bytes, "{script}: {}", said.output.len());
        }
    }
}
