//! `portcullis watch`: the daemon that keeps targets in sync.

use std::{convert::Infallible, net::SocketAddr, path::PathBuf, sync::Arc};

use secrecy::SecretString;

use super::{
    Exit,
    beside::{self, Beside, Listener},
    failure::{Failure, Result},
    resolve::{Context, check_target},
    signals,
    terminal::say,
    validate, work,
};
use crate::{
    journal::JournalError,
    plan::render::count,
    run::{self, Enduring},
    serve::Board,
    transport::Stop,
    watch::{
        Daemon, Ending, GitOptions, SourceOptions, Start, WatchError,
        supervisor::{self, State},
        tell::Teller,
    },
};

/// Keep every enforced target equal to its policies, for months
///
/// Looks at each target at its interval, when its files change and when something comes due, and revokes what `apply --yes`
/// would: the same plan, guards and journal. A tree of files that does not load never acts: what it touches is reported, and
/// goes on by itself once the files are mended. SIGTERM and Ctrl-C stop the sending at once; what is in flight is settled
/// within the configured `grace`, or by the next run.
///
/// It needs a journal: `portcullis init` makes one, or `--new-journal` at the first start.
#[derive(Debug, Default, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis watch                                  the files that portcullis.yaml names; a page at http://127.0.0.1:9464/
  portcullis watch --target s2-production           one target only
  portcullis watch --git https://git.example.com/access.git --ref main --path policies
  portcullis watch --git /srv/access.git --path policies --allowed-signers signers
  PORTCULLIS_OBSERVE=1 portcullis watch             look and report, revoke nothing
  portcullis watch --log-format json                for a log collector")]
pub struct WatchArgs {
    /// Take the policies from this Git repository, by address or path, each run pinned to a commit
    ///
    /// A password belongs in a credential helper; one in the address is given to git alone, and stays out of the process list
    /// where the address comes from the variable.
    #[arg(
        long, value_name = "REPOSITORY", conflicts_with = "policies", env = "PORTCULLIS_GIT", hide_env_values = true,
        value_parser = hidden
    )]
    pub git: Option<SecretString>,
    /// The branch to follow, or a whole name such as refs/tags/live
    #[arg(long = "ref", value_name = "REF", default_value = "main", requires = "git")]
    pub git_ref: String,
    /// The directory of the policies in the repository
    #[arg(long, value_name = "DIR", default_value = "policies", requires = "git")]
    pub path: String,
    /// The people file in the repository; without it the one that portcullis.yaml names
    #[arg(long, value_name = "FILE", requires = "git", conflicts_with = "people")]
    pub people_path: Option<String>,
    /// Where the own checkout is kept; else `.portcullis/checkout` beside the configuration
    #[arg(long, value_name = "DIR", requires = "git")]
    pub checkout: Option<PathBuf>,
    /// Take only commits whose SSH signature is of somebody in this file, in ssh-keygen's form
    #[arg(long, value_name = "FILE", requires = "git")]
    pub allowed_signers: Option<PathBuf>,
    /// Take a rewritten ref, once, where its head is exactly this commit
    #[arg(long, value_name = "COMMIT", requires = "git")]
    pub accept_rewrite: Option<String>,
    /// Where to listen, in place of what portcullis.yaml says; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "no_listen", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Listen nowhere: no page, no metrics, no API
    #[arg(long)]
    pub no_listen: bool,
    /// Begin a new journal where there is none; the past is unknown then
    #[arg(long)]
    pub new_journal: bool,
}

fn address(typed: &str) -> std::result::Result<SocketAddr, String> {
    typed.parse().map_err(|_| "it has to be an address and a port: write 127.0.0.1:9464 or [::1]:9464".to_owned())
}

#[expect(clippy::unnecessary_wraps, reason = "what clap calls")]
fn hidden(text: &str) -> std::result::Result<SecretString, Infallible> {
    Ok(SecretString::from(text))
}

impl WatchArgs {
    fn source(&self, context: &Context) -> SourceOptions {
        let git = self.git.as_ref().map(|address| GitOptions {
            address: address.clone(),
            git_ref: self.git_ref.clone(),
            path: self.path.clone(),
            people_path: self.people_path.clone(),
            checkout: self.checkout.clone(),
            allowed_signers: self.allowed_signers.clone(),
            accept_rewrite: self.accept_rewrite.clone(),
        });
        SourceOptions { sources: work::sources(context), git }
    }
}

/// Looks until a signal comes.
///
/// # Errors
/// The operator's file, the journal or the source cannot be used, or the port is taken. Broken policies are no error: they are
/// reported.
pub async fn run(context: &Context, args: &WatchArgs) -> Result<Exit> {
    let board = Arc::new(Board::default());
    let teller = Arc::new(Teller::start(&[], Arc::clone(&board), run::system_clock()));
    let (seen, told) = (Arc::clone(&board), Arc::clone(&teller));
    let stop = signals::listen_while(move || awaited(&seen, &told))?;
    let beginning = begin(context, args, Arc::clone(&board), teller, stop.clone());
    let begun = tokio::select! {
        begun = beginning => begun?,
        () = stop.cancelled() => {
            say("Stopped before the first look.");
            return Ok(Exit::Done);
        }
        () = beside::starting(&board) => return Ok(Exit::Done),
    };
    let (daemon, beside) = begun;
    let stopping = tokio::spawn(stopping(stop));
    let Ending { by, open } = daemon.run().await;
    beside.end(by).await;
    stopping.abort();
    say(&match open {
        Some(0) => "Stopped; nothing is left open.".to_owned(),
        Some(open) => {
            format!("Stopped; {} left open for the next start.", count(open as u64, "removal is", "removals are"))
        }
        None => "Stopped; the journal could not tell what is left open for the next start.".to_owned(),
    });
    Ok(Exit::Done)
}

/// What a stop waits for, where that is anything.
fn awaited(board: &Board, teller: &Teller) -> Option<&'static str> {
    let looks = board.targets().values().any(|view| view.running_since.is_some());
    match (looks, teller.untold()) {
        (true, _) => Some("what is in flight; what is not known at the end is settled by the next run"),
        (false, 0) => None,
        (false, _) => Some("what people are not told yet; what they are not told at the end is lost"),
    }
}

/// The listener comes first: a repository may take its time, and whoever probes is to be told so.
async fn begin(
    context: &Context,
    args: &WatchArgs,
    board: Arc<Board>,
    teller: Arc<Teller>,
    stop: Stop,
) -> Result<(Daemon, Beside)> {
    let source = args.source(context);
    let sources = source.sources.clone();
    let config = tokio::task::spawn_blocking(move || run::operators_file(&sources)).await;
    let config = config.map_err(|error| Failure::while_doing("the files could not be read", &error))?;
    let config = config.map_err(|problems| validate::problems(&problems))?;
    let listener = match args.no_listen {
        true => None,
        false => Some(Listener::start(&config, args.listen, Arc::clone(&board)).await?),
    };
    let daemon = Daemon::start(Start {
        source,
        only: context.targets.clone(),
        new_journal: args.new_journal,
        connect: Arc::new(Enduring::default()),
        board,
        tell: teller.clone(),
        clock: run::system_clock(),
        stop,
    });
    let daemon = daemon.await.map_err(|error| failure(context, error))?;
    let beside = Beside::start(&daemon, listener, teller).await;
    Ok((daemon, beside))
}

/// Tells the service manager as soon as a stop is asked for.
async fn stopping(stop: Stop) {
    stop.cancelled().await;
    supervisor::tell(State::Stopping).await;
}

fn failure(context: &Context, error: WatchError) -> Failure {
    match error {
        WatchError::Load(problems) => validate::problems(&problems),
        WatchError::Journal(error @ JournalError::Missing(_)) => Failure::from(error)
            .hint("`portcullis init` makes one, or `watch --new-journal` where the old one is lost for good"),
        WatchError::Journal(error) => error.into(),
        WatchError::Source(error) => {
            // At the start nothing tries again but whoever starts it.
            let advice = error.advice().replace("; it is tried again by itself", ", then start it again");
            Failure::while_doing("the source of the policies cannot be read", &error).hint(advice)
        }
        WatchError::UnknownTarget(name, known) => match check_target(&name, known.iter(), &context.config) {
            Err(failure) => failure,
            Ok(()) => Failure::new(format!("there is no target `{name}`")),
        },
        WatchError::Broken(_) => Failure::while_doing("the daemon cannot begin", &error),
    }
}
