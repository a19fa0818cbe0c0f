//! `portcullis revoke`: one entry, now.

use super::{
    Exit,
    failure::{Failure, Result},
    output,
    resolve::Context,
    signals,
    terminal::{self, Consent},
    work,
};
use crate::plan::{Plan, render};

/// Revoke one entry now, for a leaked token
///
/// Passes observe, notice, freeze, floor, share and count; never own, protected or the last control of a gateway. Works with
/// an ephemeral journal. Prints the line to change in Git, so that the entry does not come back.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis revoke s2-production service/old-export --because 'SEC-9: leaked in a log'
  portcullis revoke pinata-acme 7f3a… --kind api_keys --because 'SEC-12' --yes")]
pub struct RevokeArgs {
    /// The target
    #[arg(value_name = "TARGET")]
    pub at: String,
    /// The entry's id, as `plan` and `snapshot` show it
    #[arg(value_name = "ENTRY")]
    pub entry: String,
    /// Why, at most 255 bytes; goes to the system where it takes a reason, and into the journal
    #[arg(long, value_name = "TEXT", value_parser = because)]
    pub because: String,
    /// The list it is in, where several kinds have this id
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// How long to wait for another process on the same target, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub lock_wait: u64,
}

fn because(typed: &str) -> std::result::Result<String, String> {
    match typed.trim() {
        "" => Err("say why: it goes into the journal".to_owned()),
        text if text.len() > crate::plan::MAX_REASON_BYTES => {
            Err(format!("a reason has at most {} bytes, this one has {}", crate::plan::MAX_REASON_BYTES, text.len()))
        }
        text if text.chars().any(render::neutral::is_unsafe) => {
            Err("a reason is one line of visible characters".to_owned())
        }
        text => Ok(text.to_owned()),
    }
}

/// Looks, asks and sends.
///
/// # Errors
/// The target or the entry is not known, a guard that no order passes holds it, or nobody gave consent.
pub async fn run(context: &Context, args: &RevokeArgs) -> Result<Exit> {
    let consent = terminal::consent(args.yes, false, context.can_ask)?;
    let stop = signals::listen().map_err(|error| Failure::while_doing("signals cannot be listened for", &error))?;
    let mut ask = |plan: &Plan| match consent {
        Consent::Given => Ok(true),
        Consent::Ask => {
            let options = output::text_options(context, context.talk_colour, render::Diffs::All);
            let question = format!("{}\n{}", render::text(plan, &options), terminal::question(plan));
            terminal::confirmed(&question, &mut std::io::stdin().lock(), &mut std::io::stderr().lock())
        }
    };
    let report = work::revoke(context, args, &stop, &mut ask).await?;
    output::report(context, &report)?;
    Ok(report.exit)
}

#[cfg(test)]
mod tests {
    use super::because;

    #[test]
    fn a_reason_is_one_short_visible_line() {
        assert_eq!(because(" SEC-9: leaked ").unwrap(), "SEC-9: leaked");
        assert!(because("  ").is_err());
        assert!(because(&"ä".repeat(128)).is_err(), "bytes count, not characters");
        assert!(because(&"ä".repeat(127)).is_ok());
        assert!(because("a\u{202e}b").is_err() && because("a\nb").is_err());
    }
}
