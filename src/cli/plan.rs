//! `portcullis plan`: what would go, why, and whether it can be undone.

use std::path::PathBuf;

use clap::ValueEnum;

use super::{
    Exit,
    failure::Result,
    files, output,
    resolve::{Context, stated_number},
    terminal::say,
    work,
};
use crate::{access::Text, plan::render};

/// Show what would be revoked, why, and whether it can be undone
///
/// Reads every target whole, compares it with the policies and checks the guards. Changes nothing, writes nothing but
/// `--out`, needs no journal; with one, notices and ceilings are told as `apply` would find them.
#[derive(Debug, Default, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis plan                                         for people
  portcullis plan --out plan.json                         to review, then: portcullis apply plan.json
  portcullis plan --format markdown --detailed-exitcode   for a pull request
  portcullis plan --snapshot reading.json                 without any credential
  portcullis plan --check-guards --expect-revocations s2-production=28")]
pub struct PlanArgs {
    /// Save the plan too, for `apply`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Plan from a reading that `snapshot` wrote, without any request
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// Exit with 2 where a target is out of sync
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Exit with 3 where a guard would refuse
    #[arg(long)]
    pub check_guards: bool,
    /// With --detailed-exitcode: what nothing can carry out (missing, less than declared) counts as out of sync too
    #[arg(long, requires = "detailed_exitcode")]
    pub strict: bool,
    /// State the number of revocations that are meant for a target, exactly (repeatable)
    #[arg(long, value_name = "TARGET=N", value_parser = stated_number)]
    pub expect_revocations: Vec<(Text, u32)>,
    /// Which diffs are shown
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    pub diff: DiffChoice,
}

/// Which diffs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum DiffChoice {
    /// None.
    None,
    /// Of entries that are both live and declared, and differ.
    #[default]
    Compared,
    /// Of every row.
    All,
}

impl From<DiffChoice> for render::Diffs {
    fn from(choice: DiffChoice) -> Self {
        match choice {
            DiffChoice::None => Self::None,
            DiffChoice::Compared => Self::Compared,
            DiffChoice::All => Self::All,
        }
    }
}

/// Plans and shows.
///
/// # Errors
/// Configuration or policies are broken, the snapshot or the output file cannot be used.
pub async fn run(context: &Context, args: &PlanArgs) -> Result<Exit> {
    let report = work::plan(context, args).await?;
    output::troubles(&report);
    let Some(plan) = &report.plan else { return Ok(report.exit) };
    if let Some(out) = &args.out {
        files::write(out, &render::json(plan), "the plan")?;
        say(&format!("The plan is in {0}: `portcullis apply {0}` sends at most this.", out.display()));
    }
    output::plan(context, plan, args.diff.into())?;
    Ok(report.exit)
}
