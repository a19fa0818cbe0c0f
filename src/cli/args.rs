//! What can be typed. Each command's own arguments, and its help, stand in the command's file.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::{
    apply, completions, demo, expect, history, import, init, plan, revoke, sandbox, schema, snapshot, validate, watch,
};

const EXAMPLES: &str = "\
Examples:
  portcullis demo                         see it work on an imitated company, no credential needed
  portcullis init                         begin: a configuration, a policy tree, a journal
  portcullis import s2-production         write down what exists today
  portcullis plan                         what would go, why, and whether it can be undone
  portcullis apply                        the same, then ask, then do it

Exit codes (the first that holds, in the order 1, 4, 3, 2, 0):
  0  done; with `plan --detailed-exitcode`: in sync
  1  error: bad configuration or policy, unreadable target
  2  with `plan --detailed-exitcode`: out of sync
  3  a guard refused (`apply`, `revoke`, `plan --check-guards`)
  4  applied in part: changes failed, were refused, are unknown or too long in flight";

/// Keeps who-may-access-what equal to what a Git repository says
///
/// Policies say which grants and tokens may exist; the systems' APIs tell which do. `plan` shows the difference, `apply`
/// removes what nobody declared. The result goes to standard output, progress and log to standard error.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, after_long_help = EXAMPLES, arg_required_else_help = true)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Common options")]
pub struct Global {
    /// The operator's file
    #[arg(long, global = true, value_name = "FILE", default_value = "portcullis.yaml")]
    pub config: PathBuf,
    /// The policy tree, instead of the one that the operator's file names
    #[arg(long, global = true, value_name = "DIR")]
    pub policies: Option<PathBuf>,
    /// The people file, instead of the one that the operator's file names
    #[arg(long, global = true, value_name = "FILE")]
    pub people: Option<PathBuf>,
    /// Only this target (repeatable)
    #[arg(long, global = true, value_name = "NAME")]
    pub target: Vec<String>,
    /// How the result is written
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: Format,
    /// How the log on standard error is written
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Tell more: what is done, with -vv every request
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colours; `auto` honours NO_COLOR
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub color: ColorChoice,
}

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For a pull request.
    Markdown,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorChoice {
    /// At a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands, in the order in which a newcomer needs them.
#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(demo::DemoArgs),
    Init(init::InitArgs),
    Validate(validate::ValidateArgs),
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Watch(watch::WatchArgs),
    Revoke(revoke::RevokeArgs),
    Expect(expect::ExpectArgs),
    Import(import::ImportArgs),
    Snapshot(snapshot::SnapshotArgs),
    History(history::HistoryArgs),
    Schema(schema::SchemaArgs),
    Sandbox(sandbox::SandboxArgs),
    Completions(completions::CompletionsArgs),
}
