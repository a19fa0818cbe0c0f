//! `portcullis sandbox`: the five imitated systems, to play with.

use std::path::PathBuf;

use super::{Exit, failure::Result, signals, world};

/// Serve the five imitated systems until stopped, and write a configuration for them
///
/// Everything stays on loopback. The credentials are made up, and nothing is kept but the files in the directory.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis sandbox --dir play            then, in another terminal:
  portcullis plan --config play/portcullis.yaml")]
pub struct SandboxArgs {
    /// Where the configuration and the sample policies are written
    #[arg(long, value_name = "DIR", default_value = "portcullis-sandbox")]
    pub dir: PathBuf,
    /// What there is at first
    #[arg(long, value_enum, default_value_t, value_name = "WORLD")]
    pub seed: Seed,
    /// The first of six ports in a row; any free ones otherwise
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_530))]
    pub port: Option<u16>,
}

/// What the sandbox begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Seed {
    /// A believable company of 60 people.
    #[default]
    Company,
    /// Nothing but the credentials.
    Empty,
}

/// Serves until stopped.
///
/// # Errors
/// No port could be bound, or the directory cannot be written.
pub async fn run(args: &SandboxArgs) -> Result<Exit> {
    world::serve(args, &signals::listen()?).await?;
    Ok(Exit::Done)
}
