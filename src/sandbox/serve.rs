//! What `portcullis sandbox` does: starts the servers and writes a directory in which the other commands run against them.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{POLICIES, Ports, Right, Sandbox, World, configuration, people};

/// How to serve.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where to write the configuration. Nothing is written where left out.
    pub directory: Option<PathBuf>,
    /// Where to listen.
    pub ports: Ports,
    /// After how long somebody carries out the AccessOwl removals that people have to carry out; never by itself if `None`.
    pub approval_delay: Option<Duration>,
    /// What there is at first.
    pub seed: Seed,
}

/// What a sandbox begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Seed {
    /// The company of 60 people.
    #[default]
    Company,
    /// Nothing but the credentials.
    Empty,
    /// Nothing but the credentials and so many S2 tokens.
    S2Tokens(usize),
}

impl Seed {
    fn world(self) -> World {
        match self {
            Self::Company => World::company(),
            Self::Empty => World::empty(),
            Self::S2Tokens(count) => World::s2_tokens(count),
        }
    }
}

/// A sandbox that serves, and where its configuration is.
#[derive(Debug)]
pub struct Served {
    /// The servers; dropping them stops them.
    pub sandbox: Sandbox,
    /// The configuration, where one was written.
    pub configuration: Option<PathBuf>,
}

/// Starts the servers and writes the configuration directory. The caller waits: until a signal comes, or for
/// [`Sandbox::stopped`].
///
/// # Errors
/// A port that is taken, a directory that cannot be written, or one in which other files of these names are.
pub async fn serve(options: Options) -> io::Result<Served> {
    let Options { directory, ports, approval_delay, seed } = options;
    let world = seed.world().approving_after(approval_delay);
    let sandbox = Sandbox::start_on(world, ports).await?;
    let configuration = match directory {
        Some(directory) => Some(write_files(&sandbox, &directory)?),
        None => None,
    };
    Ok(Served { sandbox, configuration })
}

/// Writes the configuration directory for a sandbox that runs already; returns the path of its `portcullis.yaml`.
///
/// # Errors
/// As [`serve`].
pub fn write_files(sandbox: &Sandbox, directory: &Path) -> io::Result<PathBuf> {
    let (credentials, peopled) = sandbox.world(|world| (credentials(world), !world.accessowl.users.is_empty()));
    let mut configuration = configuration(sandbox.urls());
    if !peopled {
        // Without the company there is no Anna to be seen.
        let wanted = |line: &&str| !line.contains("must_see: { access: ");
        configuration = configuration.lines().filter(wanted).map(|line| format!("{line}\n")).collect();
    }
    write(directory, &configuration, &credentials)
}

type Credentials = Vec<(&'static str, String)>;

/// The full credential of each system.
fn credentials(world: &World) -> Credentials {
    let World { accessowl, aitronos, buildkite, pinata, s2 } = world;
    [
        ("accessowl", &accessowl.credentials),
        ("aitronos", &aitronos.credentials),
        ("buildkite", &buildkite.credentials),
        ("pinata", &pinata.credentials),
        ("s2", &s2.credentials),
    ]
    .into_iter()
    .filter_map(|(system, all)| Some((system, all.iter().find(|known| known.right == Right::Full)?.token.clone())))
    .collect()
}

/// Files of an earlier sandbox are written over, told by the first line of its `portcullis.yaml`; anything else is not.
fn write(directory: &Path, configuration: &str, credentials: &Credentials) -> io::Result<PathBuf> {
    let main = directory.join("portcullis.yaml");
    let mark = "# Made by the sandbox";
    match fs::read_to_string(&main) {
        Ok(text) if !text.starts_with(mark) => {
            let message = format!("{} is not one that a sandbox made; choose another directory", main.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let others = ["policies", "people.yaml", "credentials"];
            if let Some(other) = others.iter().map(|name| directory.join(name)).find(|path| path.exists()) {
                let message = format!("{} is there already; choose another directory", other.display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
        }
        Err(error) => return Err(error),
    }
    for (path, text) in POLICIES {
        let path = directory.join("policies").join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, text)?;
    }
    fs::write(directory.join("people.yaml"), people())?;
    fs::create_dir_all(directory.join("credentials"))?;
    for (system, token) in credentials {
        secret(&directory.join("credentials").join(system), token)?;
    }
    fs::write(&main, configuration)?;
    Ok(main)
}

/// A file that only its owner can read.
fn secret(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(text.as_bytes())
}
