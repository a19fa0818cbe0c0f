//! `portcullis sandbox`: the five imitated systems, to play with.

use std::{path::PathBuf, time::Duration};

use super::{Exit, failure::Result, signals, world};

/// Serve the five imitated systems until stopped, and write a configuration for them
///
/// Everything stays on loopback. The credentials are made up, and nothing is kept but the files in the directory.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis sandbox --dir play               then, in another terminal:
  portcullis init --dir play && portcullis plan --config play/portcullis.yaml
  portcullis sandbox --seed s2-tokens=100000  many tokens instead of a company")]
pub struct SandboxArgs {
    /// Where the configuration and the sample policies are written
    #[arg(long, value_name = "DIR", default_value = "portcullis-sandbox")]
    pub dir: PathBuf,
    /// What there is at first: `company`, or `s2-tokens=N`
    #[arg(long, value_name = "SEED", value_parser = seed, default_value = "company")]
    pub seed: Seed,
    /// The first of six ports in a row; any free ones otherwise
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65_530))]
    pub port: Option<u16>,
    /// After how many seconds somebody carries out the removals that people have to carry out; never otherwise
    #[arg(long, value_name = "SECONDS")]
    pub approve_after: Option<u64>,
}

/// What the sandbox begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seed {
    /// A believable company of 60 people.
    Company,
    /// So many S2 tokens.
    S2Tokens(usize),
}

fn seed(typed: &str) -> std::result::Result<Seed, String> {
    match typed.split_once('=') {
        None if typed == "company" => Ok(Seed::Company),
        Some(("s2-tokens", number)) => {
            number.parse().map(Seed::S2Tokens).map_err(|_| format!("`{number}` is no number"))
        }
        _ => Err("write `company` or `s2-tokens=N`".to_owned()),
    }
}

impl SandboxArgs {
    /// How long the imitated people take.
    pub fn approval_delay(&self) -> Option<Duration> {
        self.approve_after.map(Duration::from_secs)
    }
}

/// Serves until stopped.
///
/// # Errors
/// No port could be bound, or the directory cannot be written.
pub async fn run(args: &SandboxArgs) -> Result<Exit> {
    world::serve(args, &signals::listen()?).await?;
    Ok(Exit::Done)
}
