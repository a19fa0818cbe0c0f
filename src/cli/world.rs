//! The imitated systems, for `sandbox` and `demo`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    failure::{Failure, Result},
    sandbox::{SandboxArgs, Seed},
    terminal,
};
use crate::{
    plan::render::count,
    sandbox::{self, Deed, Options, Ports, Served, System},
    transport::Stop,
};

/// After how long the demonstration's administrator carries out what people have to carry out.
const DEMO_APPROVAL: Duration = Duration::from_millis(500);

/// Serves the imitated systems until stopped.
///
/// # Errors
/// No port could be bound, or the directory cannot be written.
pub async fn serve(args: &SandboxArgs, stop: &Stop) -> Result<()> {
    let options = Options {
        directory: Some(args.dir.clone()),
        ports: args.port.map_or_else(Ports::default, Ports::from),
        approval_delay: args.approval_delay(),
        s2_tokens: match args.seed {
            Seed::Company => None,
            Seed::S2Tokens(number) => Some(number),
        },
    };
    let served = start(options).await?;
    let mut text = String::new();
    for system in System::ALL {
        text.push_str(&format!("{:<10} {}\n", system.name(), served.sandbox.url(system)));
    }
    text.push_str(&format!("{:<10} {}\n", "control", served.sandbox.urls().control));
    if let Some(path) = &served.configuration {
        text.push_str(&format!("\nportcullis plan --config {}\n", path.display()));
    }
    terminal::print(&text)?;
    tokio::select! {
        () = stop.cancelled() => {}
        () = served.sandbox.stopped() => {}
    }
    Ok(())
}

async fn start(options: Options) -> Result<Served> {
    sandbox::serve(options).await.map_err(|error| {
        Failure::while_doing("the sandbox cannot start", &error).hint("choose another --dir, or another --port")
    })
}

/// The imitated company of the demonstration. What is not to be kept goes with it.
pub struct Company {
    served: Served,
    config: PathBuf,
    _passing: Option<Passing>,
}

impl Company {
    /// Starts the systems and writes configuration, policies and people to a directory: the one to keep, else a temporary
    /// one.
    ///
    /// # Errors
    /// No port could be bound, or the directory cannot be written.
    pub async fn start(keep: Option<&Path>) -> Result<Self> {
        let passing = match keep {
            Some(_) => None,
            None => Some(Passing::new()?),
        };
        let directory = keep.or(passing.as_ref().map(|passing| passing.0.as_path())).map(Path::to_owned);
        let options = Options { directory, approval_delay: Some(DEMO_APPROVAL), ..Options::default() };
        let served = start(options).await?;
        let config = served.configuration.clone().ok_or_else(|| Failure::new("the sandbox wrote no configuration"))?;
        Ok(Self { served, config, _passing: passing })
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.config.clone()
    }

    /// The removals that clients of the servers brought about, by their own record.
    pub fn removals(&self) -> usize {
        let deeds = self.served.sandbox.record().changes();
        deeds.iter().filter(|deed| deed.request != 0 && is_removal(deed.effect.action)).count()
    }

    /// What the servers' own record saw, a line a system.
    pub fn saw(&self) -> String {
        let record = self.served.sandbox.record();
        let mut requests: BTreeMap<System, (u64, u64)> = BTreeMap::new();
        for request in record.requests() {
            let (all, writes) = requests.entry(request.system).or_default();
            *all += 1;
            *writes += u64::from(request.write);
        }
        let mut text = String::new();
        for system in System::ALL {
            let (all, writes) = requests.get(&system).copied().unwrap_or_default();
            text.push_str(&format!(
                "{:<10} {}, {} of them\n",
                system.name(),
                count(all, "request", "requests"),
                count(writes, "write", "writes")
            ));
            for deed in record.changes().iter().filter(|deed| deed.system == system) {
                let what = match deed.effect.action {
                    Deed::Removed => "removed",
                    Deed::Requested => "removal requested",
                    Deed::Rejected => "removal rejected",
                    Deed::Confirmed => "removal confirmed",
                    Deed::Issued => "issued",
                    Deed::Changed => "changed",
                };
                let kind = deed.effect.kind.replace('_', " ");
                text.push_str(&format!("           {what}: {kind} {}, by {}\n", deed.effect.id, deed.effect.by));
            }
        }
        text
    }
}

fn is_removal(deed: Deed) -> bool {
    matches!(deed, Deed::Removed | Deed::Requested)
}

/// A directory that goes when it is dropped.
struct Passing(PathBuf);

impl Passing {
    fn new() -> Result<Self> {
        // A name that nobody can have made before: the directory must be ours, it will hold (made-up) credentials.
        let path = std::env::temp_dir().join(format!("portcullis-demo-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&path).map_err(|error| {
            Failure::while_doing(format!("the directory {} cannot be made", path.display()), &error)
                .hint("name one with --keep")
        })?;
        Ok(Self(path))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
