//! `portcullis expect`: announce how many revocations are meant.

use super::{
    Exit,
    failure::{Failure, Result},
    resolve::{Context, check_target, until},
    terminal, work,
};
use crate::{
    access::Expectation,
    config::JournalPlace,
    journal::{Journal, Mode, RecordBody, RunInfo},
    plan::render::neutral,
};

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
    check_target(&args.at, config.targets.keys(), &config.path)?;
    let JournalPlace::File(path) = &config.journal else {
        return Err(Failure::new("an ephemeral journal keeps nothing")
            .hint("name a file under `journal:`, or use `apply --expect-revocations`"));
    };
    let journal = Journal::open(path, Mode::Write).await?;
    announce(&journal, &args.at, Expectation { number: args.number, until }).await?;
    terminal::print(&format!("{}: {} revocations are expected until {until}\n", neutral::line(&args.at), args.number))?;
    Ok(Exit::Done)
}

async fn announce(journal: &Journal, target: &str, expectation: Expectation) -> Result<()> {
    let info = RunInfo {
        command: "expect".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        confirmed: true,
        ..RunInfo::default()
    };
    let run = journal.begin(&info).await?;
    journal.append(&run, Some(target), RecordBody::Expected(expectation)).await?;
    journal.append(&run, None, RecordBody::RunEnded { exit_code: Exit::Done.code() }).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Expectation, Journal, announce};

    #[tokio::test]
    async fn the_journal_tells_the_number_to_the_next_run() {
        let journal = Journal::ephemeral().await.unwrap();
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let expectation = Expectation { number: 28, until: "2026-11-21T14:00:00Z".parse().unwrap() };
        announce(&journal, "s2", expectation.clone()).await.unwrap();
        assert_eq!(journal.history("s2", now).await.unwrap().expectation, Some(expectation));
        assert_eq!(journal.history("other", now).await.unwrap().expectation, None);
    }
}
