//! A repository as the source: a checkout of our own, and every run pinned to one commit of one ref.
//!
//! A fetch asks the remote which commit the ref is on, fetches it into a bare repository, judges it (does it descend from the
//! commit in force, is it signed by somebody who may), writes its policies out into a directory of their own, and only then
//! makes it the commit in force. A step that fails leaves the one before in force. An exported directory is never written to
//! again; the one before stays until the next, so that a run that still reads it is not disturbed.

mod remote;
mod trees;

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use trees::{Tree, Trees};

use super::{
    Checkout, DEFAULT_CHECKOUT, GitOptions, Revision, SourceError,
    address::{self, Address},
    directory::Places,
    pinned::{Pinned, Place, blocking},
    program::{Call, Ended, Program},
    rest,
    signature::Signers,
};
use crate::{
    access::{Text, hex},
    run::Sources,
    watch::survey::{Watched, survey},
};

/// The largest answer of a local call, in bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// Where the fetched head is kept in our repository.
const FETCHED: &str = "refs/portcullis/fetched";
/// Keeps the commit in force from being collected as garbage.
const IN_FORCE: &str = "refs/portcullis/pinned";

/// How far a source may go.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// For asking the remote which commit a ref is on.
    pub ask: Duration,
    /// For fetching commits.
    pub fetch: Duration,
    /// For each step on this machine.
    pub local: Duration,
    /// The largest repository, in bytes on our disk.
    pub repository: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ask: Duration::from_secs(30),
            fetch: Duration::from_secs(300),
            local: Duration::from_secs(60),
            repository: 2 * 1024 * 1024 * 1024,
        }
    }
}

/// A repository with a checkout of our own.
#[derive(Debug)]
pub struct Git {
    sources: Sources,
    address: Address,
    /// As configured.
    git_ref: Text,
    /// Its whole name.
    whole_ref: String,
    path: String,
    people_path: Option<String>,
    checkout: PathBuf,
    signers: Option<Signers>,
    accept: Option<String>,
    limits: Limits,
    program: std::ffi::OsString,
    keygen: std::ffi::OsString,
    open: Option<Open>,
    /// The operator's files, and how they looked at the last fetch.
    own: Option<(Watched, [u8; 32])>,
}

/// What is opened at the first use.
#[derive(Debug)]
struct Open {
    place: Arc<Place>,
    git: Program,
    pinned: Option<Pinned>,
    /// Whether that is on disk as it is here.
    is_kept: bool,
    /// The object that the remote listed when its commit was made the one in force.
    listed: Option<String>,
    /// The object that the remote listed when it was refused for what it holds, and why. It holds the same for ever, and it may
    /// have been made to be costly.
    refused: Option<(String, SourceError)>,
    trees: Trees,
}

impl Git {
    /// A source of these options. Nothing is opened yet.
    ///
    /// # Errors
    /// An address, a ref or a path that is refused.
    pub fn new(sources: Sources, options: GitOptions, limits: Limits) -> Result<Self, SourceError> {
        let beside = sources.config.parent().unwrap_or(Path::new("")).join(DEFAULT_CHECKOUT);
        let is_id = |text: &String| matches!(text.len(), 40 | 64) && text.bytes().all(|c| c.is_ascii_hexdigit());
        if options.accept_rewrite.as_ref().is_some_and(|commit| !is_id(commit)) {
            return Err(SourceError::Option("--accept-rewrite takes the whole id of a commit"));
        }
        Ok(Self {
            address: Address::parse(options.address.expose_secret())?,
            whole_ref: address::whole_ref(&options.git_ref)?,
            git_ref: options.git_ref.as_str().into(),
            path: address::inner_path(&options.path)?,
            people_path: options.people_path.as_deref().map(address::inner_path).transpose()?,
            checkout: options.checkout.unwrap_or(beside),
            signers: options.allowed_signers.as_deref().map(Signers::new).transpose()?,
            accept: options.accept_rewrite.map(|commit| commit.to_ascii_lowercase()),
            limits,
            program: "git".into(),
            keygen: "ssh-keygen".into(),
            open: None,
            own: None,
            sources,
        })
    }

    /// Another program than the `git` of the path.
    #[must_use]
    pub fn with_program(mut self, program: impl Into<std::ffi::OsString>) -> Self {
        self.program = program.into();
        self
    }

    /// Another program than the `ssh-keygen` of the path.
    #[must_use]
    pub fn with_keygen(mut self, program: impl Into<std::ffi::OsString>) -> Self {
        self.keygen = program.into();
        self
    }

    /// The repository for people, without a credential.
    pub fn place(&self) -> String {
        self.address.url.clone()
    }

    /// The ref, as configured.
    pub fn git_ref(&self) -> &str {
        &self.git_ref
    }

    /// The files of this machine that a look depends on besides the commit: the operator's own, and the allowed signers.
    pub fn watched(&self) -> Watched {
        let own = match &self.own {
            Some((own, _)) => own.files.clone(),
            None => vec![self.sources.config.clone()],
        };
        let signers = self.signers.iter().map(|signers| signers.path().to_owned());
        Watched { files: own.into_iter().chain(signers).collect(), trees: Vec::new() }
    }

    /// Whether the operator's files still are as the last fetch saw them: not where there was none. A commit never changes.
    pub async fn is_as_fetched(&self) -> bool {
        match &self.own {
            Some((own, stamp)) => rest::is_as_seen(own, *stamp).await,
            None => false,
        }
    }

    /// Waits until nobody is writing the operator's files: its own, and the people file where it is not the repository's.
    async fn own_files(&mut self) -> Result<(), SourceError> {
        let sources = self.sources.clone();
        let has_people = self.people_path.is_some();
        let look = move || {
            let Places { config, people, .. } = Places::read(&sources);
            let files = std::iter::once(config).chain(people.filter(|_| !has_people)).collect();
            let own = Watched { files, trees: Vec::new() };
            Ok((survey(&own), None, own))
        };
        let (seen, own) = rest::reach(rest::PATIENCE, look).await?;
        self.own = Some((own, seen.stamp));
        Ok(())
    }

    /// The newest commit of the ref, where it may be taken.
    ///
    /// # Errors
    /// [`SourceError`]; the commit before stays in force.
    pub async fn fetch(&mut self) -> Result<Checkout, SourceError> {
        self.open().await?;
        self.keep().await?;
        let listed = match self.listed().await {
            Ok(listed) => listed,
            Err(error) => {
                if matches!(error, SourceError::NoSuchRef { .. }) {
                    self.moved_to("").await?;
                }
                return Err(error);
            }
        };
        let open = self.opened()?;
        let is_in_force = |pinned: &Pinned| pinned.commit == listed || open.listed.as_ref() == Some(&listed);
        if !self.in_force().is_some_and(is_in_force) {
            self.moved_to(&listed).await?;
        }
        if let Some((_, why)) = self.opened()?.refused.as_ref().filter(|(refused, _)| *refused == listed) {
            return Err(why.clone());
        }
        let taken = self.take(&listed).await;
        if let (Err(error), Some(open)) = (&taken, &mut self.open) {
            open.refused = error.is_of_content().then(|| (listed.clone(), error.clone()));
            // The commit in force itself may be refused by now, as where its signer is none any more.
            self.moved_to(&listed).await?;
        }
        let (head, accepted, tree) = taken?;
        self.own_files().await?;
        self.put_in_force(&head, accepted).await?;
        if let Some(open) = &mut self.open {
            (open.listed, open.refused) = (Some(listed), None);
        }
        Ok(self.checkout(tree))
    }

    /// Whether what the remote told last is not in force, so that the commit in force is known to be superseded or in doubt: no
    /// end that it gave may come by it, were the remote out of reach as well, and the daemon restarted.
    pub fn is_behind(&self) -> bool {
        self.in_force().is_some_and(|pinned| pinned.moved_to.is_some())
    }

    /// Keeps what the remote told, before anything is tried with it: it may be costly, and this process may end meanwhile. To be
    /// forgotten only when what the remote has is in force.
    async fn moved_to(&mut self, listed: &str) -> Result<(), SourceError> {
        let pinned = self.in_force().filter(|pinned| pinned.moved_to.as_deref() != Some(listed)).cloned();
        if let (Some(mut pinned), Some(open)) = (pinned, &mut self.open) {
            pinned.moved_to = Some(listed.into());
            (open.pinned, open.is_kept) = (Some(pinned), false);
        }
        self.keep().await
    }

    /// Writes down what is known of the commit in force, where that failed before: nothing else is tried until it is on disk,
    /// since a restart would forget the head that was seen.
    async fn keep(&mut self) -> Result<(), SourceError> {
        if let Some(pinned) = self.open.as_ref().filter(|open| !open.is_kept).and_then(|open| open.pinned.clone()) {
            self.pin(pinned).await?;
            if let Some(open) = &mut self.open {
                open.is_kept = true;
            }
        }
        Ok(())
    }

    async fn pin(&self, pinned: Pinned) -> Result<(), SourceError> {
        let place = Arc::clone(&self.opened()?.place);
        blocking(&self.checkout, move || place.pin(&pinned)).await
    }

    /// What the remote listed, as files, where it may be taken.
    async fn take(&mut self, listed: &str) -> Result<(String, Option<Text>, Tree), SourceError> {
        let head = self.head(listed).await?;
        let accepted = self.judge(&head).await?;
        self.verify(&head).await?;
        let tree = self.export(&head).await?;
        Ok((head, accepted, tree))
    }

    /// The commit that was in force when the last process ended, where it was of this ref of this repository.
    ///
    /// # Errors
    /// The checkout cannot be used, or the commit is not signed as it has to be.
    pub async fn last(&mut self) -> Result<Option<Checkout>, SourceError> {
        self.open().await?;
        let Some(commit) = self.in_force().map(|pinned| pinned.commit.to_string()) else { return Ok(None) };
        self.verify(&commit).await?;
        let tree = self.export(&commit).await?;
        self.own_files().await?;
        Ok(Some(self.checkout(tree)))
    }

    fn checkout(&self, tree: Tree) -> Checkout {
        Checkout {
            sources: Sources {
                config: self.sources.config.clone(),
                policies: Some(tree.policies),
                people: tree.people.or_else(|| self.sources.people.clone()),
            },
            revision: Some(Revision { commit: tree.commit.into(), git_ref: self.git_ref.clone() }),
        }
    }

    /// The commit in force, where it is of this ref of this repository. Another `--git` or `--ref` begins anew.
    fn in_force(&self) -> Option<&Pinned> {
        let pinned = self.open.as_ref()?.pinned.as_ref()?;
        (pinned.git_ref == self.whole_ref && pinned.origin == self.origin()).then_some(pinned)
    }

    fn origin(&self) -> Text {
        hex::of(&Sha256::digest(self.address.url.as_bytes())).into()
    }

    async fn open(&mut self) -> Result<(), SourceError> {
        if self.open.is_some() {
            return Ok(());
        }
        let root = self.checkout.clone();
        let open = move || {
            let place = Place::open(&root)?;
            let pinned = place.pinned()?;
            Ok((Arc::new(place), pinned))
        };
        let (place, pinned) = blocking(&self.checkout, open).await?;
        let git = Program {
            name: self.program.clone(),
            keygen: self.keygen.clone(),
            repository: place.repository(),
            settings: Vec::new(),
        };
        if self.signers.is_some() {
            // Before anything is fetched: it is the machine that lacks something, not a commit.
            let arguments = [OsStr::new("-?")];
            let call = Call::local("looking for ssh-keygen", &arguments, self.limits.local, MAX_ANSWER);
            git.keygen(call, b"").await?;
        }
        if let Some(pinned) = &pinned
            && pinned.origin != self.origin()
        {
            // A signature does not bind a commit to a repository: what was signed for another one counts here, too.
            tracing::warn!(
                repository = %self.address.url,
                pinned = %pinned.commit,
                "--git names another repository than the one that the commit in force is of: its history begins anew, \
                 so that a rewritten ref is not noticed this once; whoever is an allowed signer there is one here"
            );
        }
        self.open =
            Some(Open { place, git, pinned, is_kept: true, listed: None, refused: None, trees: Trees::default() });
        Ok(())
    }

    /// What [`Git::open`] opened.
    fn opened(&self) -> Result<&Open, SourceError> {
        let why = || SourceError::Checkout { path: self.checkout.clone(), why: "it is not open".into() };
        self.open.as_ref().ok_or_else(why)
    }

    async fn local(&self, what: &str, arguments: &[&str]) -> Result<Ended, SourceError> {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        self.opened()?.git.run(Call::local(what, &arguments, self.limits.local, MAX_ANSWER)).await
    }

    /// Whether a head may follow the commit in force; where a person has accepted it, the word of acceptance that is used up.
    async fn judge(&self, head: &str) -> Result<Option<Text>, SourceError> {
        let Some(pinned) = self.in_force() else { return Ok(None) };
        if pinned.commit == head {
            return Ok(pinned.accepted.clone());
        }
        let ended = self.local("comparing commits", &["merge-base", "--is-ancestor", &pinned.commit, head]).await?;
        // Any other answer than yes is no: a commit that is not there any more is no ancestor.
        if ended.is_done() {
            return Ok(pinned.accepted.clone());
        }
        if self.accept.as_deref() == Some(head) && pinned.accepted.as_deref() != Some(head) {
            tracing::warn!(commit = head, git_ref = %self.git_ref, "a rewritten ref is taken, as --accept-rewrite says");
            return Ok(Some(head.into()));
        }
        Err(SourceError::Rewritten { git_ref: self.git_ref.clone(), pinned: pinned.commit.clone(), head: head.into() })
    }

    async fn verify(&mut self, commit: &str) -> Result<(), SourceError> {
        let (Some(signers), Some(open)) = (&mut self.signers, &self.open) else { return Ok(()) };
        signers.verify(&open.git, commit, self.limits.local).await?.map_err(|why| SourceError::NotSigned {
            commit: commit.into(),
            git_ref: self.git_ref.clone(),
            why,
        })
    }

    async fn put_in_force(&mut self, commit: &str, accepted: Option<Text>) -> Result<(), SourceError> {
        let pinned = Pinned::new(commit.into(), self.whole_ref.as_str().into(), self.origin(), accepted);
        if self.opened()?.pinned.as_ref() == Some(&pinned) {
            return Ok(());
        }
        let kept = self.local("keeping the commit in force", &["update-ref", IN_FORCE, commit]).await?;
        if !kept.is_done() {
            return Err(self.opened()?.place.failed(kept.said));
        }
        self.pin(pinned.clone()).await?;
        if let Some(open) = &mut self.open {
            (open.pinned, open.is_kept) = (Some(pinned), true);
        }
        // Months of small fetches would leave as many packs. Where it fails, the next one tries again.
        let tidied = self.local("tidying the checkout", &["gc", "--auto", "--quiet"]).await;
        if !tidied.as_ref().is_ok_and(Ended::is_done) {
            tracing::debug!(?tidied, "the checkout was not tidied");
        }
        Ok(())
    }
}
