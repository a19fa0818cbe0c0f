//! Why a source gives nothing, for the person who has to act.

use std::{path::PathBuf, time::Duration};

use crate::access::Text;

/// Why a source gives nothing. It never means that there are no policies: what was loaded before stays, and nothing is
/// revoked because of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The policy root is no directory that can be read.
    #[error("the policy directory {path} cannot be read: {why}")]
    Directory {
        /// The root.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// Files go on changing, so that no reading would be of one piece.
    #[error("the policy files do not come to rest: {what}")]
    Unsettled {
        /// What is going on.
        what: String,
    },
    /// An option of the Git source cannot be taken.
    #[error("{0}")]
    Option(&'static str),
    /// There is no `git` program.
    #[error("the program `git` is not there: {why}")]
    GitMissing {
        /// What the system says.
        why: String,
    },
    /// There is no `ssh-keygen` program, and signatures are asked for.
    #[error("the program `ssh-keygen` is not there, and without it no signature can be verified: {why}")]
    KeygenMissing {
        /// What the system says.
        why: String,
    },
    /// The repository does not answer, or not to us.
    #[error("the repository {place} cannot be read: {why}")]
    Unreachable {
        /// The repository, without credentials.
        place: String,
        /// What `git` says, without credentials.
        why: String,
    },
    /// The repository tells of a head that it does not hand out.
    #[error("the repository {place} has {listed} at `{git_ref}`, and it cannot be fetched: {why}")]
    NotFetched {
        /// The repository, without credentials.
        place: String,
        /// The whole name of the ref.
        git_ref: Text,
        /// The object that the ref is on.
        listed: Text,
        /// What `git` says, without credentials.
        why: String,
    },
    /// The repository has no such ref.
    #[error("the repository {place} has no ref `{git_ref}`")]
    NoSuchRef {
        /// The repository, without credentials.
        place: String,
        /// The whole name of the ref.
        git_ref: Text,
    },
    /// The commit has no such path.
    #[error("commit {commit} has no {what} `{path}`")]
    NoSuchPath {
        /// The commit.
        commit: Text,
        /// What is looked for there.
        what: &'static str,
        /// The path.
        path: String,
    },
    /// The commit holds something that cannot be written out as files.
    #[error("commit {commit} cannot be taken: {why}")]
    Unusable {
        /// The commit.
        commit: Text,
        /// What it holds.
        why: String,
    },
    /// The ref no longer leads back to the commit that runs are pinned to.
    #[error("`{git_ref}` was rewritten: its head {head} does not descend from {pinned}, the commit in force")]
    Rewritten {
        /// The ref.
        git_ref: Text,
        /// The commit that runs are pinned to.
        pinned: Text,
        /// The new head, which is not taken.
        head: Text,
    },
    /// The commit has no signature that counts.
    #[error("commit {commit} of `{git_ref}` is not taken: {why}")]
    NotSigned {
        /// The commit.
        commit: Text,
        /// The ref.
        git_ref: Text,
        /// What is wrong with its signature.
        why: String,
    },
    /// The allowed signers cannot be read.
    #[error("the allowed signers {path} cannot be read: {why}")]
    Signers {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// It is larger than we take.
    #[error("{what} is larger than {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// A step did not end in time and was ended.
    #[error("{what} did not end within {} s", .after.as_secs())]
    TimedOut {
        /// The step.
        what: String,
        /// Its limit.
        after: Duration,
    },
    /// The own checkout cannot be used.
    #[error("the checkout {path} cannot be used: {why}")]
    Checkout {
        /// The place.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Another process has the own checkout.
    #[error("another process uses the checkout {path}")]
    Busy {
        /// The place.
        path: PathBuf,
    },
}

/// The step that asks a repository for what it has.
pub(super) const ASKING: &str = "asking the repository for its refs";

impl SourceError {
    /// Whether it is what a commit holds, so that the same commit gives the same error again.
    pub(super) fn is_of_content(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::Unusable { .. } | Self::NoSuchPath { .. })
    }

    /// Whether the repository did not answer at all. Anything else says that something is there which was not taken.
    pub fn is_out_of_reach(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::TimedOut { what, .. } => what == ASKING,
            _ => false,
        }
    }

    /// What to do next.
    pub fn advice(&self) -> String {
        match self {
            Self::Directory { .. } => "put the directory back, or name the right one as `policies:` in portcullis.yaml; \
                                       until then nothing is revoked because of it"
                .into(),
            Self::Unsettled { .. } => "let whatever writes there end; where it is a Git work tree and no git runs any more, \
                                       remove its index.lock"
                .into(),
            Self::Option(_) => "`portcullis watch --help` tells what each option takes".into(),
            Self::GitMissing { .. } => "install git, or let something else keep a directory up to date and watch without \
                                        --git"
                .into(),
            Self::KeygenMissing { .. } => "install OpenSSH's ssh-keygen (openssh-client), or watch without --allowed-signers".into(),
            Self::Unreachable { .. } => "check the address, the network and the rights of the credential: `git ls-remote` \
                                         with the same address, as the user that runs Portcullis, has to work without a \
                                         prompt"
                .into(),
            Self::NotFetched { .. } => "look at the repository on its host (`git fsck` there; `git fetch` with the same \
                                        address from here): what the ref is on has to be whole, and ours to read"
                .into(),
            Self::NoSuchRef { .. } => "push the branch again, or name the right one with --ref (a tag as refs/tags/NAME)".into(),
            Self::NoSuchPath { .. } => "name the directory of the policies with --path, and the people file with \
                                        --people-path, as they are called in the repository"
                .into(),
            Self::Unusable { .. } => "take it out of the repository's policy directory with a new commit".into(),
            Self::Rewritten { head, .. } => format!(
                "find out who rewrote it; if {head} is to be in force, start again with `--accept-rewrite {head}`"
            ),
            Self::NotSigned { .. } => "push a commit that is signed by one of the allowed signers (`git commit -S`, \
                                       gpg.format=ssh); until then the last one that was verified stays in force, if there is one"
                .into(),
            Self::Signers { .. } => "name a file of allowed signers with --allowed-signers; ssh-keygen(1) tells its form".into(),
            Self::TooLarge { what, .. } if what == "the repository" => "its history counts, too: follow a repository that holds \
                                       the policies alone; it is not fetched again until the ref moves or the daemon is \
                                       restarted"
                .into(),
            Self::TooLarge { .. } => "take it out of the policy directory with a new commit, or name a smaller directory with \
                                      --path; until then the commit before stays in force, and this one is not looked \
                                      at again"
                .into(),
            Self::TimedOut { .. } => "check the network and the repository's host; it is tried again by itself".into(),
            Self::Checkout { .. } => "check the place's rights and free space; it holds nothing that cannot be fetched \
                                      again but which commit is in force"
                .into(),
            Self::Busy { .. } => "let the other one end, or give this one a place of its own with --checkout".into(),
        }
    }
}
