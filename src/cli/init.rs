//! `portcullis init`: a configuration, a policy tree and a journal to begin with.

use std::path::PathBuf;

use super::{Exit, begin, failure::Result, terminal};

/// Begin: write a configuration, a policy tree and a journal
///
/// Nothing that exists is overwritten. The targets that it writes are examples in comments: nothing is enforced until you
/// say so.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis init                 in this directory
  portcullis init --dir access")]
pub struct InitArgs {
    /// Where
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// Writes and tells.
///
/// # Errors
/// Something of it exists already, or cannot be written.
pub async fn run(args: &InitArgs) -> Result<Exit> {
    terminal::print(&begin::init(&args.dir).await?)?;
    Ok(Exit::Done)
}
