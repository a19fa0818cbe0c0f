//! `portcullis apply`: plan, ask, and carry it out.

use std::path::PathBuf;

use super::{
    Exit,
    failure::{Failure, Result},
    files, output,
    resolve::{Context, stated_number},
    signals,
    terminal::{self, Consent},
    work,
};
use crate::{
    access::Text,
    plan::{Plan, render},
};

/// Plan, ask, and revoke what the plan says
///
/// Recomputes everything first. Each removal is in the journal, synced to disk, before it is sent; afterwards every target
/// that changed is read back. Asks at a terminal; elsewhere it takes `--yes`, or a saved plan, which is an upper bound of
/// what is sent. Ctrl-C stops sending, waits for what is in flight, and reports.
#[derive(Debug, Default, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis apply                                        shows the plan and asks
  portcullis apply --yes                                  unattended: undeclared entries wait for their notice
  portcullis apply plan.json --reviewed-by anna           what was reviewed, and nothing more
  portcullis apply --expect-revocations s2-production=28  past share and count, with the exact number")]
pub struct ApplyArgs {
    /// A plan that `plan --out` saved: nothing else is sent
    #[arg(value_name = "PLAN")]
    pub plan: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Who reviewed the saved plan; goes into the journal and makes it confirmed by a person
    #[arg(long, value_name = "WHO", requires = "plan")]
    pub reviewed_by: Option<String>,
    /// State the number of revocations that are meant for a target, exactly (repeatable)
    #[arg(long, value_name = "TARGET=N", value_parser = stated_number)]
    pub expect_revocations: Vec<(Text, u32)>,
    /// Send again what a system refused before
    #[arg(long)]
    pub retry_refused: bool,
    /// Begin a new journal where there is none; the past is unknown then
    #[arg(long)]
    pub new_journal: bool,
    /// How long to wait for another process on the same target, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub lock_wait: u64,
}

/// Plans, asks and sends.
///
/// # Errors
/// Configuration, policies, journal or the saved plan cannot be used, or nobody gave consent.
pub async fn run(context: &Context, args: &ApplyArgs) -> Result<Exit> {
    let consent = terminal::consent(args.yes, args.plan.is_some(), context.can_ask)?;
    let saved = match &args.plan {
        Some(path) => Some(read_plan(path)?),
        None => None,
    };
    let stop = signals::listen().map_err(|error| Failure::while_doing("signals cannot be listened for", &error))?;
    let mut ask = |plan: &Plan| match consent {
        Consent::Given => Ok(true),
        Consent::Ask => ask_at_terminal(context, plan),
    };
    let report = work::apply(context, args, saved.as_ref(), &stop, &mut ask).await?;
    output::report(context, &report)?;
    Ok(report.exit)
}

/// Shows the plan on standard error, where the question stands too, so that standard output keeps the result alone.
fn ask_at_terminal(context: &Context, plan: &Plan) -> Result<bool> {
    let options = output::text_options(context, context.talk_colour, render::Diffs::Compared);
    let question = format!("{}\n{}", render::text(plan, &options), terminal::question(plan));
    terminal::confirmed(&question, &mut std::io::stdin().lock(), &mut std::io::stderr().lock())
}

fn read_plan(path: &std::path::Path) -> Result<Plan> {
    let text = files::read(path, "the saved plan")?;
    render::parse(&text).map_err(|what| Failure::new(format!("{}: {what}", path.display())))
}
