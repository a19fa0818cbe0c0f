//! Writes one directory of a commit out as files, byte for byte.
//!
//! Git itself checks nothing out: no attribute, filter, hook or submodule of a repository has a say, and no name of it can lead
//! out of the directory. Links are written last, so that nothing is written through one; what they may lead to is judged by
//! whoever reads the tree.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use super::{
    SourceError,
    program::{Call, Program},
};
use crate::run::files::{MAX_DEPTH, MAX_FILE_BYTES, MAX_FILES, MAX_TREE_BYTES};

/// The longest listing of a tree, in bytes.
const MAX_LISTING_BYTES: usize = 16 * 1024 * 1024;
/// The longest line before a file's bytes.
const MAX_HEADER_BYTES: u64 = 256;
/// The longest target of a link, in bytes.
const MAX_LINK_BYTES: u64 = 4_096;

/// A file of a commit.
#[derive(Debug)]
struct Blob {
    object: String,
    size: u64,
    is_link: bool,
    path: PathBuf,
}

/// What is written out.
pub(super) struct Wanted<'a> {
    pub(super) git: &'a Program,
    pub(super) commit: &'a str,
    /// The policy root in the repository; empty: the repository's own root.
    pub(super) path: &'a str,
    /// The people file in the repository.
    pub(super) people: Option<&'a str>,
    pub(super) limit: Duration,
}

/// Where it was written to.
pub(super) struct Written {
    pub(super) policies: PathBuf,
    pub(super) people: Option<PathBuf>,
}

impl Wanted<'_> {
    /// Writes it into a directory that is there and empty.
    ///
    /// # Errors
    /// The commit lacks a path, holds what cannot be a file, or is too large; the disk is full.
    pub(super) async fn write(&self, into: &Path) -> Result<Written, SourceError> {
        let written =
            Written { policies: into.join("policies"), people: self.people.map(|_| into.join("people.yaml")) };
        let mut blobs = self.list().await?;
        for blob in &mut blobs {
            blob.path = written.policies.join(&blob.path);
        }
        if let (Some(people), Some(place)) = (self.people, &written.people) {
            blobs.push(self.people(people, place).await?);
        }
        blobs.sort_by_key(|blob| blob.is_link);
        let copied = tokio::time::timeout(self.limit, self.copy(&written.policies, &blobs)).await;
        copied
            .map_err(|_| SourceError::TimedOut { what: "writing the commit's files".into(), after: self.limit })??;
        Ok(written)
    }

    async fn list(&self) -> Result<Vec<Blob>, SourceError> {
        let tree = format!("{}:{}", self.commit, self.path);
        let sort = self.ask("looking for the policies in the commit", &["cat-file", "-t", &tree]).await?;
        if sort.line() != "tree" {
            let commit = format!("{}^{{commit}}", self.commit);
            let known = self.ask("looking for the commit", &["cat-file", "-e", &commit]).await?;
            if !known.is_done() {
                let why = format!("it has lost commit {}, which comes back with the next fetch", self.commit);
                return Err(SourceError::Checkout { path: self.git.repository.clone(), why });
            }
            let path = if self.path.is_empty() { "." } else { self.path };
            return Err(self.missing("directory", path));
        }
        // With directories: a tree of nothing but directories in directories would be walked without a word otherwise.
        let arguments = ["ls-tree", "-r", "-t", "-l", "-z", "--full-tree", &tree];
        let listed = self.ask("listing the commit's files", &arguments).await.map_err(|error| match error {
            SourceError::TooLarge { .. } => {
                let limit = format!("{MAX_FILES} files and directories, or {MAX_LISTING_BYTES} bytes of names");
                SourceError::TooLarge { what: self.policy_tree(), limit }
            }
            other => other,
        })?;
        if !listed.is_done() {
            return Err(self.unusable(format!("its files cannot be listed: {}", listed.said)));
        }
        let lines = listed.output.split(|byte| *byte == 0).filter(|line| !line.is_empty());
        let mut blobs = Vec::new();
        let mut sum = 0_u64;
        for line in lines {
            if line.starts_with(b"040000 ") {
                continue;
            }
            let blob = self.blob(line)?;
            sum = sum.saturating_add(blob.size);
            if sum > MAX_TREE_BYTES {
                return Err(self.too_large("together", MAX_TREE_BYTES));
            }
            blobs.push(blob);
        }
        Ok(blobs)
    }

    /// One line: `100644 blob OBJECT    SIZE<tab>PATH`.
    fn blob(&self, line: &[u8]) -> Result<Blob, SourceError> {
        let odd = || self.unusable("git lists its files in an unknown form".into());
        let tab = line.iter().position(|byte| *byte == b'\t').ok_or_else(odd)?;
        let (about, name) = (line.get(..tab).unwrap_or_default(), line.get(tab + 1..).unwrap_or_default());
        let about = std::str::from_utf8(about).map_err(|_| odd())?;
        let fields: Vec<&str> = about.split_ascii_whitespace().collect();
        let [mode, _, object, size] = fields.as_slice() else { return Err(odd()) };
        let shown = || String::from_utf8_lossy(name).into_owned();
        let is_link = match *mode {
            "100644" | "100755" | "100664" => false,
            "120000" => true,
            // What lies in it would silently be missing.
            "160000" => return Err(self.unusable(format!("`{}` is a submodule, and none is followed", shown()))),
            _ => return Err(self.unusable(format!("`{}` is no file, directory or link", shown()))),
        };
        let size: u64 = size.parse().map_err(|_| odd())?;
        let limit = if is_link { MAX_LINK_BYTES } else { MAX_FILE_BYTES };
        if size > limit {
            return Err(self.too_large(&format!("`{}`", shown()), limit));
        }
        let path =
            inner(name).ok_or_else(|| self.unusable(format!("`{}` is a name that leads out of its tree", shown())))?;
        Ok(Blob { object: (*object).to_owned(), size, is_link, path })
    }

    async fn people(&self, people: &str, place: &Path) -> Result<Blob, SourceError> {
        let arguments = ["ls-tree", "-l", "-z", "--full-tree", self.commit, "--", people];
        let listed = self.ask("looking for the people file in the commit", &arguments).await?;
        let is_it = |line: &&[u8]| line.ends_with(format!("\t{people}").as_bytes()) && line.starts_with(b"100");
        let Some(line) = listed.output.split(|byte| *byte == 0).find(is_it) else {
            return Err(self.missing("file", people));
        };
        Ok(Blob { path: place.to_owned(), ..self.blob(line)? })
    }

    async fn ask(&self, what: &str, arguments: &[&str]) -> Result<super::program::Ended, SourceError> {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        let call = Call::local(what, &arguments, self.limit, MAX_LISTING_BYTES);
        self.git.run(Call { entries: Some(MAX_FILES), ..call }).await
    }

    /// Copies the blobs to their places, through one `git cat-file`.
    async fn copy(&self, policies: &Path, blobs: &[Blob]) -> Result<(), SourceError> {
        let failed = |error: io::Error| self.full(policies, &error);
        make_directories(policies, blobs).await.map_err(failed)?;
        let broken = || self.unusable("git does not give its files: the checkout's repository may be damaged".into());
        let mut command = self.git.command(None, &["cat-file".as_ref(), "--batch".as_ref(), "--buffer".as_ref()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let (mut child, mut group) = Program::start(&mut command)?;
        let (Some(mut asks), Some(answers)) = (child.stdin.take(), child.stdout.take()) else { return Err(broken()) };
        let ask = async move {
            for blob in blobs {
                asks.write_all(blob.object.as_bytes()).await?;
                asks.write_all(b"\n").await?;
            }
            asks.shutdown().await
        };
        let take = async {
            let mut answers = BufReader::with_capacity(64 * 1024, answers);
            for blob in blobs {
                let mut header = String::new();
                (&mut answers).take(MAX_HEADER_BYTES).read_line(&mut header).await.map_err(|_| broken())?;
                if header != format!("{} blob {}\n", blob.object, blob.size) {
                    return Err(broken());
                }
                // One byte more, the line end after it.
                let mut bytes = Vec::new();
                let length = blob.size.saturating_add(1);
                (&mut answers).take(length).read_to_end(&mut bytes).await.map_err(|_| broken())?;
                if bytes.len() as u64 != length || bytes.pop() != Some(b'\n') {
                    return Err(broken());
                }
                let (path, is_link) = (blob.path.clone(), blob.is_link);
                let written = tokio::task::spawn_blocking(move || write(&path, &bytes, is_link)).await;
                written.map_err(|_| broken())?.map_err(|error| self.full(&blob.path, &error))?;
            }
            Ok(())
        };
        // What it could not be asked shows as an answer that is not there.
        let (_, taken) = tokio::join!(ask, take);
        taken?;
        let status = child.wait().await.map_err(|_| broken())?;
        group.forget();
        if status.success() { Ok(()) } else { Err(broken()) }
    }

    fn policy_tree(&self) -> String {
        format!("the policy tree of commit {}", self.commit)
    }

    fn full(&self, path: &Path, error: &io::Error) -> SourceError {
        SourceError::Checkout {
            path: path.to_owned(),
            why: format!("the files of {} cannot be written: {error}", self.commit),
        }
    }

    fn missing(&self, what: &'static str, path: &str) -> SourceError {
        SourceError::NoSuchPath { commit: self.commit.into(), what, path: path.to_owned() }
    }

    fn unusable(&self, why: String) -> SourceError {
        SourceError::Unusable { commit: self.commit.into(), why }
    }

    fn too_large(&self, what: &str, limit: u64) -> SourceError {
        SourceError::TooLarge { what: format!("{} ({what})", self.policy_tree()), limit: format!("{limit} bytes") }
    }
}

/// The path of a name in a tree; none where it would lead out of it, or too deep.
fn inner(name: &[u8]) -> Option<PathBuf> {
    #[cfg(unix)]
    let name: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(name);
    #[cfg(not(unix))]
    let name: &OsStr = std::str::from_utf8(name).ok().filter(|name| !name.contains(['\\', ':']))?.as_ref();
    let path = Path::new(name);
    let inside = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
    // Components leave out `.` and doubled slashes, so that the length tells whether there were any.
    let plain: PathBuf = path.components().collect();
    let depth = path.components().count();
    (depth > 0 && depth <= MAX_DEPTH + 2 && path.components().all(inside) && plain.as_os_str() == name)
        .then(|| path.to_owned())
}

async fn make_directories(policies: &Path, blobs: &[Blob]) -> io::Result<()> {
    let mut all: BTreeSet<PathBuf> = blobs.iter().filter_map(|blob| blob.path.parent().map(Path::to_owned)).collect();
    all.insert(policies.to_owned());
    let made = tokio::task::spawn_blocking(move || all.iter().try_for_each(std::fs::create_dir_all)).await;
    made.unwrap_or_else(|_| Err(io::Error::other("writing was cut off")))
}

fn write(path: &Path, bytes: &[u8], is_link: bool) -> io::Result<()> {
    if is_link {
        return link(path, bytes);
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o444);
    options.open(path)?.write_all(bytes)
}

#[cfg(unix)]
fn link(path: &Path, target: &[u8]) -> io::Result<()> {
    let target: &OsStr = std::os::unix::ffi::OsStrExt::from_bytes(target);
    std::os::unix::fs::symlink(target, path)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &[u8]) -> io::Result<()> {
    Err(io::Error::other("it holds a link, and links are only written on Unix"))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::inner;

    #[test]
    fn no_name_leads_out_of_the_tree() {
        for good in ["a.yaml", "a/b.yaml", "a b/ü.yaml", ".hidden/x", "..data/x"] {
            assert_eq!(inner(good.as_bytes()).unwrap().to_str(), Some(good));
        }
        let deep = vec!["a"; 200].join("/");
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/.", "..", ".", deep.as_str()] {
            assert!(inner(bad.as_bytes()).is_none(), "{bad:?}");
        }
        assert!(inner(b"a\xff.yaml").is_some(), "who reads the tree refuses names that are no UTF-8");
    }
}
