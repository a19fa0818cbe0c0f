//! `portcullis apply`: plan, ask, and carry it out.

use std::path::PathBuf;

use super::{
    Exit,
    failure::Result,
    output,
    resolve::{Context, seconds, stated_number},
    revoke, signals, terminal, work,
};
use crate::access::Text;

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
    #[arg(long, value_name = "WHO", requires = "plan", value_parser = reviewer)]
    pub reviewed_by: Option<String>,
    /// State the number of revocations that are meant for a target, exactly (repeatable)
    #[arg(long, value_name = "TARGET=N", value_parser = stated_number)]
    pub expect_revocations: Vec<(Text, u32)>,
    /// Send again what a system refused before
    #[arg(long)]
    pub retry_refused: bool,
    /// Send though a person paused a daemon of this journal: for this one command, which has to be a person's own
    #[arg(long, conflicts_with = "yes")]
    pub past_pause: bool,
    /// How long to wait for the answer at the prompt, in seconds or as a span (2m); then nothing is sent
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value_t = super::prompt::ANSWER_WAIT.as_secs())]
    pub answer_within: u64,
    /// Begin a new journal where there is none; the past is unknown then
    #[arg(long)]
    pub new_journal: bool,
    /// How long to wait for another process on the same target, in seconds or as a span (2m)
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value_t = crate::run::LOCK_WAIT.as_secs())]
    pub lock_wait: u64,
}

fn reviewer(typed: &str) -> std::result::Result<String, String> {
    revoke::visible_line(typed, "name who reviewed it: that goes into the journal")
}

/// Plans, asks and sends.
///
/// # Errors
/// Configuration, policies, journal or the saved plan cannot be used, or nobody gave consent.
pub async fn run(context: &Context, args: &ApplyArgs) -> Result<Exit> {
    let has_to_ask = terminal::has_to_ask(args.yes, args.plan.is_some(), context.can_ask)?;
    let report = work::apply(context, args, has_to_ask, &signals::listen()?).await?;
    output::report(context, &report)?;
    Ok(report.exit)
}

#[cfg(test)]
mod tests {
    use super::reviewer;

    #[test]
    fn a_reviewer_is_one_visible_line() {
        assert_eq!(reviewer(" anna ").unwrap(), "anna");
        assert!(reviewer(" ").is_err() && reviewer("an\nna").is_err() && reviewer("anna\u{202e}").is_err());
    }
}
