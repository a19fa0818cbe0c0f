//! Reads the operator's file, the people file and the policy tree as bytes, and knows what was read by its digests.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::files::{self, SourceFile};
use crate::{
    access::Text,
    config::{self, Config},
    policy, systems,
    yaml::Problem,
};

/// Which files to load.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The operator's file.
    pub config: PathBuf,
    /// Another policy root than the one that it names.
    pub policies: Option<PathBuf>,
    /// Another people file than the one that it names.
    pub people: Option<PathBuf>,
}

/// The people file, as bytes.
#[derive(Debug)]
pub(super) enum PeopleFile {
    /// The configuration names none.
    None,
    /// What it holds.
    Read(SourceFile),
    /// It is named and cannot be read.
    Broken(Problem),
}

/// Everything as bytes, before any policy is parsed.
#[derive(Debug)]
pub struct Gathered {
    pub(super) config: Config,
    config_digest: Text,
    named: Sources,
    pub(super) tree: Vec<SourceFile>,
    /// What of the tree could not be read; empty where it was read in whole.
    pub(super) unread: Vec<Problem>,
    pub(super) people: PeopleFile,
}

/// Bytes of files, by their digests.
pub type Contents = BTreeMap<Text, Arc<[u8]>>;

/// What was gathered, as digests: equal ones load equally.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Digests {
    /// Of the operator's file.
    pub config: Text,
    /// Of the people file; empty where there is none or it cannot be read.
    pub people: Text,
    /// Of each policy file, by its name below the policy root.
    pub files: BTreeMap<Text, Text>,
    /// What could not be read, in words.
    pub unreadable: Vec<String>,
}

impl Gathered {
    /// The digests of what was gathered.
    pub fn digests(&self) -> Digests {
        let (read, broken) = match &self.people {
            PeopleFile::None => (None, None),
            PeopleFile::Read(file) => (Some(file), None),
            PeopleFile::Broken(problem) => (None, Some(problem)),
        };
        let of_files = digests(&self.tree, read, self.unread.iter().chain(broken));
        Digests { config: self.config_digest.clone(), ..of_files }
    }

    /// The bytes of the people file and of every policy file.
    pub fn contents(&self) -> Contents {
        let people = if let PeopleFile::Read(file) = &self.people { Some(file) } else { None };
        let files = self.tree.iter().chain(people);
        files.map(|file| (policy::file_digest(&file.bytes), file.bytes.as_slice().into())).collect()
    }

    /// Where the operator's file says that the files are, as it names them: links on the way there are not followed.
    pub fn named(&self) -> &Sources {
        &self.named
    }
}

fn digests<'a>(
    tree: &[SourceFile],
    people: Option<&SourceFile>,
    unreadable: impl Iterator<Item = &'a Problem>,
) -> Digests {
    Digests {
        config: Text::default(),
        people: people.map(|file| policy::file_digest(&file.bytes)).unwrap_or_default(),
        files: tree.iter().map(|file| (file.name.as_str().into(), policy::file_digest(&file.bytes))).collect(),
        unreadable: unreadable.map(Problem::rendered).collect(),
    }
}

/// The digests of the policy and people files at these places, where the operator's file cannot be used. What cannot be reached
/// is not among them.
pub fn digests_at(sources: &Sources) -> Digests {
    let (tree, mut problems) = sources.policies.as_deref().map(files::read_tree).unwrap_or_default();
    let people = sources.people.as_ref().and_then(|path| match files::read_file(path) {
        Ok(bytes) => Some(SourceFile { name: path.display().to_string(), bytes }),
        Err(problem) => {
            problems.push(problem);
            None
        }
    });
    digests(&tree, people.as_ref(), problems.iter())
}

/// Reads every file.
///
/// # Errors
/// The problems of a broken operator's file.
pub fn gather(sources: &Sources) -> Result<Gathered, Vec<Problem>> {
    let (mut config, bytes) = operators(sources)?;
    let named = Sources {
        config: sources.config.clone(),
        policies: Some(config.policies.clone()),
        people: config.people.clone(),
    };
    if let Some(policies) = &sources.policies {
        config.policies.clone_from(policies);
    }
    if let Some(people) = &sources.people {
        config.people = Some(people.clone());
    }
    let root = &config.policies;
    let (tree, unread) = files::read_tree(root);
    let of_root = root.display().to_string();
    let in_tree = |problem: Problem| if problem.file == of_root { problem } else { files::placed(problem, root) };
    let unread = unread.into_iter().map(in_tree).collect();
    let people = match &config.people {
        Some(path) => match read_people(path, sources.people.is_some()) {
            Ok(bytes) => PeopleFile::Read(SourceFile { name: path.display().to_string(), bytes }),
            Err(problem) => PeopleFile::Broken(problem),
        },
        None => PeopleFile::None,
    };
    Ok(Gathered { config, config_digest: policy::file_digest(&bytes), named, tree, unread, people })
}

/// Reads the operator's file alone, before anything else is there.
///
/// # Errors
/// Its problems.
pub fn operators_file(sources: &Sources) -> Result<Config, Vec<Problem>> {
    operators(sources).map(|(config, _)| config)
}

fn operators(sources: &Sources) -> Result<(Config, Vec<u8>), Vec<Problem>> {
    let shown = sources.config.display().to_string();
    let bytes = files::read_file(&sources.config).map_err(|mut problem| {
        problem.hint = Some("`portcullis init` writes one; --config names another place".into());
        vec![problem]
    })?;
    let config = config::load(&shown, &sources.config, &bytes, &systems::descriptions())?;
    Ok((config, bytes))
}

/// The operator's own file may be a link to anywhere; one that was named on the command line may be of a branch under review.
fn read_people(path: &Path, is_named: bool) -> Result<Vec<u8>, Problem> {
    if is_named { files::read_named(path) } else { files::read_file(path) }
}
