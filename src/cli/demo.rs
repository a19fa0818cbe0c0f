//! `portcullis demo`: the main job, on an imitated company, without any credential.

use std::path::PathBuf;

use super::{
    Exit,
    apply::ApplyArgs,
    args::Format,
    failure::{Failure, Result},
    output,
    plan::PlanArgs,
    report::Report,
    resolve::Context,
    signals, terminal, work, world,
};
use crate::{
    apply::End,
    plan::{
        Plan,
        render::{Diffs, Sums, count},
    },
};

/// See it work: an imitated company of 60 people, a plan, its application, and an empty plan
///
/// Starts the five imitated systems on loopback, loads the sample policies, prints the plan, applies it, plans again, and
/// tells what the servers' own record saw. Needs no credential, no network and nothing else installed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis demo
  portcullis demo --keep demo-files       keep the configuration, the policies and the journal")]
pub struct DemoArgs {
    /// Keep what it writes in this directory
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// Runs the demonstration. Exit code 0 only if the second plan has nothing to send and the servers agree.
///
/// # Errors
/// The sandbox cannot start, or a step of the demonstration fails.
pub async fn run(context: &Context, args: &DemoArgs) -> Result<Exit> {
    let stop = signals::listen()?;
    let company = world::Company::start(args.keep.as_deref()).await?;
    let context =
        Context { config: company.config(), policies: None, people: None, format: Format::Text, ..context.clone() };

    heading("1. The plan")?;
    let first = plan(&context, Diffs::Compared).await?;

    heading("2. Applying it")?;
    let args = ApplyArgs { yes: true, new_journal: true, ..ApplyArgs::default() };
    let report = work::apply(&context, &args, false, &stop).await?;
    output::report(&context, &report)?;

    heading("3. The next plan")?;
    let next = plan(&context, Diffs::None).await?;

    heading("4. What the servers saw")?;
    terminal::print(&company.saw())?;

    let sent = sent(&report);
    let left = Sums::of_all(&next).changes;
    let planned = Sums::of_all(&first).changes;
    if planned == 0 || left > 0 || matches!(report.exit, Exit::Error | Exit::Partial) || company.removals() != sent {
        return Err(Failure::new(format!(
            "the demonstration did not come out as it should: {planned} planned, {sent} sent, {} seen by the servers, {left} left",
            company.removals()
        ))
        .hint("please report this with its output"));
    }
    terminal::print(&format!(
        "\n{} planned, sent, and seen by the servers; the next plan has nothing to revoke.\n",
        count(planned, "removal", "removals")
    ))?;
    Ok(Exit::Done)
}

/// The rows that reached a system, as the report has them.
fn sent(report: &Report) -> usize {
    report.outcomes.iter().map(|outcome| outcome.count(End::Done) + outcome.count(End::InFlight)).sum()
}

async fn plan(context: &Context, diffs: Diffs) -> Result<Plan> {
    let report = work::plan(context, &PlanArgs::default()).await?;
    output::troubles(&report);
    let plan = report.plan.ok_or_else(|| Failure::new("the sample policies could not be planned"))?;
    output::plan(context, &plan, diffs)?;
    Ok(plan)
}

fn heading(text: &str) -> Result<()> {
    terminal::print(&format!("\n=== {text}\n\n"))
}
