//! The command line: arguments in, text out.
//!
//! One file a command, whose doc comment is its help; `args` has what can be typed, `resolve` what it means. Here is
//! the one place that turns errors into a message, a hint and an exit code. What a command does is in the layers below,
//! reached through `work`; nothing here decides what goes.

mod apply;
mod args;
mod begin;
mod beside;
mod completions;
mod demo;
mod exit;
mod expect;
mod failure;
mod files;
mod heed;
mod history;
mod import;
mod init;
mod listening;
mod output;
mod plan;
mod progress;
mod prompt;
mod report;
mod resolve;
mod revoke;
mod sandbox;
mod schema;
mod signals;
mod snapshot;
mod talk;
mod terminal;
#[cfg(test)]
mod tests;
mod validate;
mod watch;
mod way;
mod work;
mod world;

use std::{io, process::ExitCode, sync::RwLock, thread, time::Duration};

pub use exit::Exit;

use args::Command;
use failure::{Failure, Result};
use resolve::Context;

/// How long the end of the process waits for what still runs. Everything that matters was waited for before.
const LAST_WAIT: Duration = Duration::from_secs(1);
/// The most threads that run tasks. They wait for networks and disks: on a machine of many cores more would only take up what a
/// service manager allows a service (`TasksMax=`).
const MAX_WORKERS: usize = 8;
/// The most threads for what blocks: files, and names that are looked up. What finds none waits its turn. With the workers, the
/// journal's own threads and the programs that are started it stays below the 128 tasks that the systemd units allow.
const MAX_BLOCKING: usize = 64;
/// The threads beside the workers without which nothing gets done.
const LEAST_BESIDE: usize = 4;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match heed::parse(std::env::args_os()) {
        Ok(cli) => cli,
        // clap's own exit code for a wrong command line is 2, which means "out of sync" here.
        Err(error) => {
            let exit = if error.use_stderr() { Exit::Error } else { Exit::Done };
            let _ = error.print();
            return exit.code().into();
        }
    };
    let context = Context::resolve(cli.global, terminal::surroundings());
    talk::begin(&context, matches!(cli.command, Command::Watch(_)));
    let exit = start(&context, &cli.command).unwrap_or_else(|failure| {
        terminal::say_lines(&failure.to_string());
        failure.exit
    });
    exit.code().into()
}

/// The whole command line as data: its commands, their options and their help. What a document says can be typed is
/// checked against it.
pub fn command() -> clap::Command {
    heed::command()
}

/// Whether a line, the program's name first, can be typed, down to options that mean nothing to its command.
///
/// # Errors
/// What is wrong with it, or the help that it asks for.
pub fn can_be_typed(words: &[String]) -> std::result::Result<(), clap::Error> {
    heed::parse(words).map(|_| ())
}

/// Commands that ask nobody need no runtime, so that they start at once.
fn start(context: &Context, command: &Command) -> Result<Exit> {
    match command {
        Command::Completions(args) => completions::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Validate(args) => validate::run(context, args),
        other => {
            let runtime = runtime().map_err(|error| {
                Failure::while_doing("the threads that are needed cannot be started", &error)
                    .hint("allow this user or service more of them: `ulimit -u`, `TasksMax=`, or the container's limit")
            })?;
            let ended = runtime.block_on(dispatch(context, other));
            runtime.shutdown_timeout(LAST_WAIT);
            ended
        }
    }
}

/// What runs tasks.
fn runtime() -> io::Result<tokio::runtime::Runtime> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(MAX_WORKERS);
    find_threads(workers + LEAST_BESIDE)?;
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .max_blocking_threads(MAX_BLOCKING)
        .enable_all()
        .build()
}

/// Whether the system gives so many threads at once. Where it gives the runtime too few, that panics, or waits for ever.
fn find_threads(count: usize) -> io::Result<()> {
    let gate = RwLock::new(());
    thread::scope(|scope| {
        let _shut = gate.write();
        (0..count).try_for_each(|_| thread::Builder::new().spawn_scoped(scope, || drop(gate.read())).map(drop))
    })
}

async fn dispatch(context: &Context, command: &Command) -> Result<Exit> {
    match command {
        Command::Demo(args) => demo::run(context, args).await,
        Command::Init(args) => init::run(context, args).await,
        Command::Plan(args) => plan::run(context, args).await,
        Command::Apply(args) => apply::run(context, args).await,
        Command::Revoke(args) => revoke::run(context, args).await,
        Command::Expect(args) => expect::run(context, args).await,
        Command::Import(args) => import::run(context, args).await,
        Command::Snapshot(args) => snapshot::run(context, args).await,
        Command::History(args) => history::run(context, args).await,
        Command::Watch(args) => watch::run(context, args).await,
        Command::Sandbox(args) => sandbox::run(args).await,
        Command::Completions(args) => completions::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Validate(args) => validate::run(context, args),
    }
}
