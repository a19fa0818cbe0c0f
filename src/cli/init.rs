//! `portcullis init`: a configuration, a policy tree and a journal to begin with.

use std::path::PathBuf;

use super::{Exit, begin, failure::Result, resolve::Context, terminal};

/// Begin: write a configuration, a policy tree and a journal
///
/// What exists is not overwritten; where there is a configuration already, only its journal is made. Nothing is enforced
/// until you say so.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis init                             all systems, in this directory
  portcullis init --dir access --system s2 --system buildkite
  portcullis init --config access/guard.yaml  another name, the rest beside it
  portcullis init --schemas                   with JSON Schemas, for your editor")]
pub struct InitArgs {
    /// Where
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Only this system (repeatable)
    #[arg(long, value_name = "SYSTEM")]
    pub system: Vec<String>,
    /// Write the JSON Schemas too, and point editors at them
    #[arg(long)]
    pub schemas: bool,
}

/// Writes and tells.
///
/// # Errors
/// A file cannot be written, or the journal cannot be made.
pub async fn run(context: &Context, args: &InitArgs) -> Result<Exit> {
    terminal::print(&begin::init(&args.dir.join(&context.config), &args.system, args.schemas).await?)?;
    Ok(Exit::Done)
}
