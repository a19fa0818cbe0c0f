//! `portcullis import`: declarations for what exists.

use super::{Exit, failure::Result, resolve::Context, terminal, work};

/// Write declarations for everything that exists at a target
///
/// To standard output, valid as a policy file: the plan after it is empty. Then delete what should not be there. For
/// short-lived tokens it proposes an `allow` with limits rather than ids that are gone next week. What people hold who have
/// left (`until` in the people file) no declaration can keep: it is commented out and excepted, for somebody to decide.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis import s2-production > policies/s2.yaml
  portcullis plan                                         is empty now")]
pub struct ImportArgs {
    /// The target
    #[arg(value_name = "TARGET")]
    pub from: String,
}

/// Reads and prints.
///
/// # Errors
/// The target is not known or cannot be read.
pub async fn run(context: &Context, args: &ImportArgs) -> Result<Exit> {
    terminal::print(&work::import(context, &args.from).await?)?;
    Ok(Exit::Done)
}
