//! `portcullis expect`: announce how many revocations are meant.

use super::{
    Exit,
    failure::Result,
    resolve::{Context, until},
    terminal, work,
};
use crate::{plan::render::neutral, run};

/// Announce the exact number of revocations that are meant for a target
///
/// Kept in the journal and used once, by the next unattended run that would send exactly so many. It lifts share and count;
/// nothing lifts own, protected or the last control of a gateway.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis expect s2-production 28 --until 2h
  portcullis expect s2-production 28 --until 2026-12-24T18:00:00Z
  portcullis expect s2-production 28 --until 2026-12-24        to the end of that day, UTC")]
pub struct ExpectArgs {
    /// The target
    #[arg(value_name = "TARGET")]
    pub at: String,
    /// How many, exactly as the refusal prints it
    #[arg(value_name = "N")]
    pub number: u32,
    /// Until when: a time, a date, or a span from now
    #[arg(long, value_name = "TIME")]
    pub until: String,
}

/// Writes it into the journal.
///
/// # Errors
/// The target is not known, the time has passed, or the journal cannot be written.
pub async fn run(context: &Context, args: &ExpectArgs) -> Result<Exit> {
    let until = until(&args.until, context.now)?;
    let config = work::config(context)?;
    run::expect(&config, &args.at, args.number, until, context.now).await?;
    let are_expected = if args.number == 1 { "revocation is expected" } else { "revocations are expected" };
    terminal::print(&format!("{}: {} {are_expected} until {until}\n", neutral::line(&args.at), args.number))?;
    Ok(Exit::Done)
}
