//! Reads the source for the daemon, and tells whether anything in it is new.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use super::{
    Checkout, Found, Revision, Source, SourceError, SourceOptions, WatchError, Watched,
    survey::{Survey, survey},
};
use crate::{
    access::Text,
    config::{self, Config, JournalPlace},
    run::{self, Contents, Digests, Gathered, Loaded, Sources, files},
    systems,
    yaml::Problem,
};

/// How often files that change while they are read are read again before they are left for later.
const TRIES: u32 = 10;

/// How old the newest change has to be for the looks of the files to tell them apart from any later ones.
const SETTLED: Duration = Duration::from_secs(2);

/// The source, and what was taken of it last.
pub(super) struct Reloader {
    source: Source,
    /// As the command line has them.
    given: Sources,
    /// Where the last operator's file that could be used says that the files are. Links are not followed: they may have been
    /// swapped since.
    named: Sources,
    /// What the last fetch that came to something gave: a commit's own directory, with a repository.
    reached: Option<Sources>,
    last: Option<Taken>,
    /// What is to be watched as the operator's file names it, links not followed.
    written: Option<Watched>,
    /// How that looked, without its content, before it was taken last.
    stamp: Option<[u8; 32]>,
}

/// What was taken last, to see whether anything changed since.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Taken {
    digests: Digests,
    commit: Option<Text>,
    broken: Option<String>,
}

impl Taken {
    /// Nothing could be taken. A repository out of reach says so in ever other words, which are no news.
    fn failing(digests: Digests, error: &SourceError) -> Self {
        let why = if error.is_out_of_reach() { "out of reach".to_owned() } else { error.to_string() };
        Self { digests, commit: None, broken: Some(why) }
    }

    /// Whether every file was read.
    fn is_read(&self) -> bool {
        self.broken.is_none() && self.digests.unreadable.is_empty()
    }
}

/// The files with which the daemon begins.
pub(super) struct First {
    pub(super) reloader: Reloader,
    pub(super) loaded: Loaded,
    pub(super) digests: Digests,
    pub(super) contents: Contents,
    pub(super) revision: Option<Revision>,
    /// Why the source cannot be read, where it cannot.
    pub(super) failing: Option<SourceError>,
    /// Whether these are the files of one tree: not what is there of a directory that somebody is writing.
    pub(super) is_whole: bool,
}

fn unsettled() -> SourceError {
    SourceError::Unsettled { what: "they change while they are read".into() }
}

impl Reloader {
    /// Reads the first files. Where the source cannot be read, those that it gave before, or what is there.
    ///
    /// # Errors
    /// The operator's file is broken, or there is nothing at all to begin with.
    pub(super) async fn begin(options: SourceOptions) -> Result<First, WatchError> {
        let given = options.sources.clone();
        let is_directory = options.git.is_none();
        let mut reloader = Self {
            source: Source::new(options)?,
            given: given.clone(),
            named: Sources::default(),
            reached: None,
            last: None,
            written: as_written(&given).await,
            stamp: None,
        };
        let mut failing = None;
        for _ in 0..TRIES {
            match reloader.source.fetch().await {
                Ok(Checkout { sources, revision }) => {
                    reloader.reached = Some(sources.clone());
                    let gathered = gather(sources).await?;
                    if reloader.source.is_as_fetched().await {
                        let Built { digests, contents, named, loaded } =
                            build(gathered.map_err(WatchError::Load)?).await?;
                        reloader.named = named;
                        let commit = revision.as_ref().map(|revision| revision.commit.clone());
                        reloader.last = Some(Taken { digests: digests.clone(), commit, broken: None });
                        return Ok(First {
                            reloader,
                            loaded,
                            digests,
                            contents,
                            revision,
                            failing: None,
                            is_whole: true,
                        });
                    }
                }
                Err(error) => {
                    failing = Some(error);
                    break;
                }
            }
        }
        let last = reloader.source.last().await?;
        let (checkout, is_whole) = match last {
            Some(last) => (last, true),
            None if is_directory => (Checkout { sources: given, revision: None }, false),
            None => return Err(failing.unwrap_or_else(unsettled).into()),
        };
        reloader.reached = Some(checkout.sources.clone());
        let Built { digests: _, contents, named, loaded } =
            build(gather(checkout.sources).await?.map_err(WatchError::Load)?).await?;
        reloader.named = named;
        let failing = failing.unwrap_or_else(unsettled);
        let digests = reloader.left(&failing).await;
        // The same once more is no news.
        reloader.last = Some(Taken::failing(digests.clone(), &failing));
        Ok(First { reloader, loaded, digests, contents, revision: checkout.revision, failing: Some(failing), is_whole })
    }

    /// Whether every file was read when the source was read last.
    pub(super) fn is_read(&self) -> bool {
        self.last.as_ref().is_some_and(Taken::is_read)
    }

    /// The source for people, without credentials.
    pub(super) fn place(&self) -> String {
        self.source.place()
    }

    /// What has to be watched: by the names that the operator wrote, so that a link that is led elsewhere is seen.
    pub(super) fn watched(&self) -> Watched {
        self.written.clone().unwrap_or_default().and(self.source.watched())
    }

    /// The files as they are now, where the source gives nothing. With a repository that is out of reach the commit in force counts,
    /// unless another one was seen there and not taken; a directory is looked at as it is reached today. Of anything else nothing is
    /// known.
    async fn left(&self, error: &SourceError) -> Digests {
        match (&self.source, &self.reached) {
            (Source::Directory(_), _) => digests_at(self.places(&self.given)).await,
            (Source::Git(_), Some(reached)) if self.source.is_silent(error) => digests_at(self.places(reached)).await,
            (Source::Git(_), _) => Digests::default(),
        }
    }

    /// Where these files are; what the operator's file would tell is as it told last.
    fn places(&self, sources: &Sources) -> Sources {
        let either = |one: &Option<PathBuf>, other: &Option<PathBuf>| one.clone().or_else(|| other.clone());
        Sources {
            config: sources.config.clone(),
            policies: either(&sources.policies, &self.named.policies),
            people: either(&sources.people, &self.named.people),
        }
    }

    /// What the source came to, where that is not as it was taken last.
    pub(super) async fn read(&mut self, journal: &JournalPlace) -> Option<Found> {
        for _ in 0..TRIES {
            let checkout = match self.source.fetch().await {
                Ok(checkout) => checkout,
                Err(error) => return self.unreadable(error).await,
            };
            let Checkout { sources, revision } = checkout;
            // A file that cannot be read now names what it named before.
            self.written = as_written(&sources).await.or_else(|| self.written.take());
            let stamp = self.stamp().await;
            if self.is_untouched(stamp, revision.as_ref()) {
                return None;
            }
            self.reached = Some(sources.clone());
            let gathered = gather(sources.clone()).await.unwrap_or_else(|error| Err(vec![plain(&error.to_string())]));
            // Whoever writes several files is in between two: what was read then is of no tree.
            if self.source.is_as_fetched().await {
                self.stamp = stamp;
                return self.take(gathered, &sources, revision, journal).await;
            }
        }
        // Not "as it was": the tree in force is known to be superseded.
        self.unreadable(unsettled()).await
    }

    async fn unreadable(&mut self, error: SourceError) -> Option<Found> {
        let digests = self.left(&error).await;
        self.is_new(Taken::failing(digests.clone(), &error)).then_some(Found::Unreadable { error, digests })
    }

    async fn take(
        &mut self,
        gathered: Result<Gathered, Vec<Problem>>,
        sources: &Sources,
        revision: Option<Revision>,
        journal: &JournalPlace,
    ) -> Option<Found> {
        let commit = revision.as_ref().map(|revision| revision.commit.clone());
        let gathered = match gathered {
            Ok(gathered) => gathered,
            Err(problems) => {
                let digests = digests_at(self.places(sources)).await;
                let told: Vec<String> = problems.iter().map(Problem::rendered).collect();
                let taken = Taken { digests: digests.clone(), commit, broken: Some(told.join("\n")) };
                return self.is_new(taken).then_some(Found::BrokenConfig { problems, digests });
            }
        };
        let taken = Taken { digests: gathered.digests(), commit, broken: None };
        if !self.is_new(taken) {
            return None;
        }
        Some(match build(gathered).await {
            Ok(Built { digests, contents, named, loaded }) => match immovable(&loaded.config, journal) {
                None => {
                    self.named = named;
                    Found::Tree { loaded, digests, contents, revision }
                }
                Some(problem) => Found::BrokenConfig { problems: vec![problem], digests },
            },
            Err(error) => {
                self.last = None;
                Found::BrokenConfig { problems: vec![plain(&error.to_string())], digests: Digests::default() }
            }
        })
    }

    /// How the files look now; nothing where one of them is so new that another change could look the same.
    async fn stamp(&self) -> Option<[u8; 32]> {
        let watched = self.watched();
        let seen: Survey = tokio::task::spawn_blocking(move || survey(&watched)).await.ok()?;
        let is_settled = |newest: SystemTime| newest.elapsed().is_ok_and(|age| age > SETTLED);
        seen.newest.is_none_or(is_settled).then_some(seen.stamp)
    }

    /// Whether the files need not be read to know that they are the ones that were taken last.
    fn is_untouched(&self, stamp: Option<[u8; 32]>, revision: Option<&Revision>) -> bool {
        let commit = revision.map(|revision| &revision.commit);
        // What could not be read may be readable now, and looks as it did.
        let whole = |last: &Taken| last.is_read() && last.commit.as_ref() == commit;
        self.last.as_ref().is_some_and(whole) && stamp.is_some() && stamp == self.stamp
    }

    fn is_new(&mut self, taken: Taken) -> bool {
        let is_new = self.last.as_ref() != Some(&taken);
        self.last = Some(taken);
        is_new
    }
}

/// What cannot change while the daemon runs.
fn immovable(config: &Config, journal: &JournalPlace) -> Option<Problem> {
    (config.journal != *journal).then(|| {
        Problem::of_file(
            config.path.display().to_string(),
            "`journal:` names another place than the one that the daemon began with",
            Some("put it back, or restart the daemon"),
        )
    })
}

/// What the operator's file names, as it is written there.
async fn as_written(sources: &Sources) -> Option<Watched> {
    let path = sources.config.clone();
    let read = tokio::task::spawn_blocking(move || {
        let bytes = files::read_file(&path).ok()?;
        let name = path.display().to_string();
        config::load(&name, &path, &bytes, &systems::descriptions()).ok().map(|config| Watched::of(&config))
    });
    read.await.ok().flatten()
}

/// Reads every file, away from the tasks that must not wait.
async fn gather(sources: Sources) -> Result<Result<Gathered, Vec<Problem>>, WatchError> {
    let gathered = tokio::task::spawn_blocking(move || run::gather(&sources)).await;
    gathered.map_err(|error| WatchError::Broken(error.to_string()))
}

/// What was gathered, loaded, with what the trees have to know of it.
struct Built {
    digests: Digests,
    contents: Contents,
    named: Sources,
    loaded: Loaded,
}

async fn build(gathered: Gathered) -> Result<Built, WatchError> {
    let built = tokio::task::spawn_blocking(move || Built {
        digests: gathered.digests(),
        contents: gathered.contents(),
        named: gathered.named().clone(),
        loaded: run::build(gathered),
    });
    built.await.map_err(|error| WatchError::Broken(error.to_string()))
}

async fn digests_at(sources: Sources) -> Digests {
    tokio::task::spawn_blocking(move || run::digests_at(&sources)).await.unwrap_or_default()
}

/// What kept the files from being read at all.
fn plain(message: &str) -> Problem {
    Problem::of_file("portcullis.yaml", message, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_in_whole_is_read_again_however_it_looks() {
        let taken = |unreadable: &[&str], broken: Option<&str>| Taken {
            digests: Digests {
                unreadable: unreadable.iter().map(|&what| what.to_owned()).collect(),
                ..Digests::default()
            },
            commit: None,
            broken: broken.map(str::to_owned),
        };
        let is_untouched = |last: Taken| {
            let source = Source::new(SourceOptions::default()).unwrap();
            let stamp = Some([7; 32]);
            let (given, named, reached, written) = (Sources::default(), Sources::default(), None, None);
            Reloader { source, given, named, reached, last: Some(last), written, stamp }.is_untouched(stamp, None)
        };
        assert!(is_untouched(taken(&[], None)));
        assert!(!is_untouched(taken(&["a.yaml: too many open files"], None)), "it may be readable now");
        assert!(!is_untouched(taken(&[], Some("portcullis.yaml is broken"))));
    }
}
