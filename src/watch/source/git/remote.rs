//! What speaks with the remote: which object its ref names, and fetching it into our bare repository.

use std::{ffi::OsStr, fs, io, path::Path, sync::Arc};

use super::{FETCHED, Git, MAX_ANSWER};
use crate::watch::source::{
    SourceError,
    error::ASKING,
    pinned::blocking,
    program::{Call, size_of},
};

/// The largest list of refs, in bytes.
const MAX_REFS: usize = 4 * 1024 * 1024;

impl Git {
    /// The object that the remote's ref names.
    pub(super) async fn listed(&self) -> Result<String, SourceError> {
        let arguments: [&OsStr; 5] = [
            "ls-remote".as_ref(),
            "--quiet".as_ref(),
            "--exit-code".as_ref(),
            self.address.url.as_ref(),
            self.whole_ref.as_ref(),
        ];
        let call = Call::local(ASKING, &arguments, self.limits.ask, MAX_REFS);
        let call = Call { remote: Some(&self.address), ..call };
        let ended = self.opened()?.git.run(call).await?;
        let text = String::from_utf8_lossy(&ended.output);
        // The pattern also takes longer names that end alike.
        let found = text.lines().find_map(|line| line.split_once('\t').filter(|(_, name)| *name == self.whole_ref));
        match (ended.code, found) {
            (Some(0), Some((object, _))) if is_object(object) => Ok(object.to_owned()),
            (Some(0 | 2), _) => {
                Err(SourceError::NoSuchRef { place: self.place(), git_ref: self.whole_ref.as_str().into() })
            }
            _ => Err(self.unreachable(ended.said)),
        }
    }

    fn unreachable(&self, why: String) -> SourceError {
        SourceError::Unreachable { place: self.place(), why }
    }

    /// The commit that the listed object is or leads to, fetched.
    pub(super) async fn head(&mut self, listed: &str) -> Result<String, SourceError> {
        let known = self.in_force().map(|pinned| pinned.commit.to_string());
        if let (Some(known), true) = (known, self.opened()?.listed.as_deref() == Some(listed)) {
            return Ok(known);
        }
        self.repository(listed.len()).await?;
        let refspec = format!("+{}:{FETCHED}", self.whole_ref);
        let arguments = [
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-show-forced-updates",
            "--refmap=",
            &self.address.url,
            &refspec,
        ]
        .map(OsStr::new);
        let open = self.opened()?;
        sweep(&open.git.repository).await;
        let call = Call::local("fetching from the repository", &arguments, self.limits.fetch, MAX_ANSWER);
        let room = Some((open.git.repository.as_path(), self.limits.repository));
        let call = Call { remote: Some(&self.address), room, ..call };
        let ended = match open.git.run(call).await {
            Ok(ended) => ended,
            Err(error) => {
                sweep(&open.git.repository).await;
                return Err(error);
            }
        };
        if !ended.is_done() {
            // It answered a moment ago, and what it has is another commit than the one in force.
            return Err(SourceError::NotFetched {
                place: self.place(),
                git_ref: self.whole_ref.as_str().into(),
                listed: listed.into(),
                why: ended.said,
            });
        }
        let (directory, limit) = (open.git.repository.clone(), self.limits.repository);
        let size = tokio::task::spawn_blocking(move || size_of(&directory, limit)).await;
        if !size.is_ok_and(|size| size <= limit) {
            let limit = format!("{} MiB", limit / (1024 * 1024));
            return Err(SourceError::TooLarge { what: "the repository".into(), limit });
        }
        let commit = format!("{FETCHED}^{{commit}}");
        let ended = self.local("reading the fetched ref", &["rev-parse", "--verify", "--quiet", &commit]).await?;
        match ended.line() {
            commit if ended.is_done() && is_object(commit) => Ok(commit.to_owned()),
            _ => Err(SourceError::NoSuchRef { place: self.place(), git_ref: self.whole_ref.as_str().into() }),
        }
    }

    /// The bare repository, made where there is none that could take objects of this length.
    async fn repository(&self, digits: usize) -> Result<(), SourceError> {
        let open = self.opened()?;
        let format = if digits == 64 { "sha256" } else { "sha1" };
        if open.git.repository.join("HEAD").is_file() {
            let ended = self.local("looking at the checkout", &["rev-parse", "--show-object-format"]).await?;
            if ended.is_done() && ended.line() == format {
                return Ok(());
            }
        }
        // It holds nothing that cannot be fetched again: whether the new head descends from the commit in force is told by
        // the history that comes with it.
        let (place, repository) = (Arc::clone(&open.place), open.git.repository.clone());
        let remove = move || match fs::remove_dir_all(&repository) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(place.failed(error)),
            _ => Ok(()),
        };
        blocking(&self.checkout, remove).await?;
        let format = format!("--object-format={format}");
        let ended = self
            .local(
                "making the checkout",
                &["init", "--quiet", "--bare", "--template=", &format, "--initial-branch=none"],
            )
            .await?;
        if ended.is_done() { Ok(()) } else { Err(open.place.failed(ended.said)) }
    }
}

/// Removes what a git that was ended left behind: half of a pack, which nothing would ever collect, and locks, which would
/// stop every later one. The checkout is ours alone, so nobody else holds them.
async fn sweep(repository: &Path) {
    let places = [repository.to_owned(), repository.join("objects/pack"), repository.join("refs/portcullis")];
    let remove = move || {
        for found in places.into_iter().filter_map(|place| fs::read_dir(place).ok()).flatten().flatten() {
            let name = found.file_name();
            let is_left = name.as_encoded_bytes().starts_with(b"tmp_") || name.as_encoded_bytes().ends_with(b".lock");
            if is_left && found.file_type().is_ok_and(|kind| kind.is_file()) {
                let _ = fs::remove_file(found.path());
            }
        }
    };
    // What is not swept stops the next git, which says so.
    let _ = tokio::task::spawn_blocking(remove).await;
}

fn is_object(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}
