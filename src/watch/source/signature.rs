//! Whether a commit is signed by somebody who may.
//!
//! Only SSH signatures count, and only those of the operator's file of allowed signers: what keys a user's keyring holds, and
//! what a repository's configuration says, has no part in it.
//!
//! Git verifies a signature as of the date that the commit claims, and whoever signs chooses that date: a key that ran out would
//! sign for ever. So ssh-keygen is asked a second time, as of now. What was in force when its key ran out stays so until the
//! daemon is started anew.
//!
//! A signature is over the commit. It says nothing of the repository or the ref that the commit is on.

use std::{
    ffi::{OsStr, OsString},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::{
    SourceError,
    pinned::blocking,
    program::{Call, Ended, Program},
    rest,
};
use crate::run::open;

/// The largest file of allowed signers, in bytes.
const MAX_SIGNERS_BYTES: u64 = 1024 * 1024;
/// The largest commit object that is looked at, in bytes.
const MAX_COMMIT_BYTES: usize = 1024 * 1024;
/// The largest answer of ssh-keygen, in bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// How many principals of one key are tried.
const MAX_PRINCIPALS: usize = 16;
/// The header that holds a signature, in a repository of the shorter hash and of the longer one.
const HEADERS: [&[u8]; 2] = [b"gpgsig", b"gpgsig-sha256"];

/// Whose signatures count.
#[derive(Debug)]
pub(super) struct Signers {
    path: PathBuf,
    /// The commit that was verified last, with the digest of the file then.
    verified: Option<(String, [u8; 32])>,
}

impl Signers {
    pub(super) fn new(path: &Path) -> Result<Self, SourceError> {
        let path = std::path::absolute(path)
            .map_err(|error| SourceError::Signers { path: path.to_owned(), why: error.to_string() })?;
        Ok(Self { path, verified: None })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Verifies a commit; the inner error says what is wrong with its signature.
    ///
    /// # Errors
    /// The file cannot be read, or git cannot be run.
    pub(super) async fn verify(
        &mut self,
        git: &Program,
        commit: &str,
        limit: Duration,
    ) -> Result<Result<(), String>, SourceError> {
        let path = self.path.clone();
        let digest = rest::off_thread(move || digest(&path)).await?;
        if self.verified.as_ref().is_some_and(|(known, by)| known == commit && *by == digest) {
            return Ok(Ok(()));
        }
        let object = git
            .run(Call::local(
                "reading the commit",
                &["cat-file".as_ref(), "commit".as_ref(), commit.as_ref()],
                limit,
                MAX_COMMIT_BYTES,
            ))
            .await?;
        let signed = Signed::of(&object.output, commit.len() == 64);
        match signed.signature.split(|byte| *byte == b'\n').next() {
            Some(b"-----BEGIN SSH SIGNATURE-----") if object.is_done() => {}
            None | Some(b"") => return Ok(Err("it is not signed".into())),
            Some(_) => return Ok(Err("it is signed in another way than by SSH, and only SSH signatures count".into())),
        }
        let setting = |name: &str, value: &OsStr| {
            let mut setting = OsString::from(name);
            setting.push("=");
            setting.push(value);
            setting
        };
        let signers = setting("gpg.ssh.allowedSignersFile", self.path.as_os_str());
        let program = setting("gpg.ssh.program", &git.keygen);
        let none: &OsStr = "/dev/null".as_ref();
        let (openpgp, x509, old) =
            (setting("gpg.openpgp.program", none), setting("gpg.x509.program", none), setting("gpg.program", none));
        let ended = git
            .run(Call::local(
                "verifying the commit's signature",
                &[
                    "-c".as_ref(),
                    &signers,
                    "-c".as_ref(),
                    &openpgp,
                    "-c".as_ref(),
                    &x509,
                    "-c".as_ref(),
                    &old,
                    "-c".as_ref(),
                    "gpg.format=ssh".as_ref(),
                    "-c".as_ref(),
                    &program,
                    "-c".as_ref(),
                    "gpg.minTrustLevel=fully".as_ref(),
                    "verify-commit".as_ref(),
                    "--raw".as_ref(),
                    commit.as_ref(),
                ],
                limit,
                MAX_COMMIT_BYTES,
            ))
            .await?;
        // Both: the exit code, and that a principal of the file is named.
        let by_git =
            ended.is_done() && ended.errors.lines().any(|line| line.starts_with("Good \"git\" signature for "));
        if !by_git {
            return Ok(Err(format!("its signature is by none of the allowed signers, or wrong: {}", ended.said)));
        }
        if let Err(said) = self.verify_now(git, signed, limit).await? {
            return Ok(Err(format!(
                "its signature is by none of the allowed signers as of now, whatever date it bears: {said}"
            )));
        }
        self.verified = Some((commit.to_owned(), digest));
        Ok(Ok(()))
    }

    /// Whether the signature holds now; else what ssh-keygen says.
    async fn verify_now(
        &self,
        git: &Program,
        signed: Signed,
        limit: Duration,
    ) -> Result<Result<(), String>, SourceError> {
        let (directory, Signed { signature, payload }) = (git.repository.clone(), signed);
        let keep = move || {
            Kept::new(&directory, &signature)
                .map_err(|error| SourceError::Checkout { path: directory, why: error.to_string() })
        };
        let kept = blocking(&git.repository, keep).await?;
        let told = self.ask_keygen(git, &kept.path, &payload, limit).await;
        // Its file goes on a thread for what blocks, too.
        let _ = tokio::task::spawn_blocking(move || drop(kept)).await;
        told
    }

    async fn ask_keygen(
        &self,
        git: &Program,
        signature: &Path,
        payload: &[u8],
        limit: Duration,
    ) -> Result<Result<(), String>, SourceError> {
        let (signers, signature) = (self.path.as_os_str(), signature.as_os_str());
        let ask = async |arguments: &[&OsStr], input: &[u8]| -> Result<Ended, SourceError> {
            let what = "verifying the commit's signature as of now";
            git.keygen(Call::local(what, arguments, limit, MAX_ANSWER), input).await
        };
        let flags = ["-Y", "find-principals", "verify", "-f", "-s", "-n", "git", "-I"].map(OsStr::new);
        let [y, find, verify, f, s, n, namespace, i] = flags;
        let found = ask(&[y, find, f, signers, s, signature], b"").await?;
        let mut said = found.said.clone();
        for principal in String::from_utf8_lossy(&found.output).lines().take(MAX_PRINCIPALS) {
            let arguments = [y, verify, f, signers, i, principal.as_ref(), n, namespace, s, signature];
            let ended = ask(&arguments, payload).await?;
            if ended.is_done() {
                return Ok(Ok(()));
            }
            said = ended.said;
        }
        Ok(Err(said))
    }
}

/// Of a file of allowed signers.
fn digest(path: &Path) -> Result<[u8; 32], SourceError> {
    let failed = |why: String| SourceError::Signers { path: path.to_owned(), why };
    let file = open::calmly(path).map_err(|error| failed(error.to_string()))?;
    if !file.metadata().map_err(|error| failed(error.to_string()))?.is_file() {
        return Err(failed("it is no regular file".into()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_SIGNERS_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > MAX_SIGNERS_BYTES {
        return Err(failed(format!("it is larger than {MAX_SIGNERS_BYTES} bytes")));
    }
    Ok(Sha256::digest(&bytes).into())
}

/// A commit taken apart: its signature, and what it is over.
struct Signed {
    /// Empty where it is not signed. That of several is none that verifies.
    signature: Vec<u8>,
    payload: Vec<u8>,
}

impl Signed {
    /// As git takes it apart: the headers of signatures, with their further lines, are left out of what is signed.
    fn of(object: &[u8], longer: bool) -> Self {
        let mut signed = Self { signature: Vec::new(), payload: Vec::new() };
        let own = HEADERS.get(usize::from(longer)).copied().unwrap_or_default();
        let (mut rest, mut in_own, mut in_other) = (object, false, false);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end + 1);
            if line == b"\n" {
                break;
            }
            let name = line.split(|byte| *byte == b' ').next().unwrap_or_default();
            let further = line.strip_prefix(b" ");
            (in_own, in_other) = match further {
                Some(_) => (in_own, in_other),
                None => (name == own, name != own && HEADERS.contains(&name)),
            };
            if in_own {
                let text = further.or_else(|| line.get(own.len() + 1..)).unwrap_or_default();
                signed.signature.extend_from_slice(text);
            } else if !in_other {
                signed.payload.extend_from_slice(line);
            }
            rest = after;
        }
        // The message, whatever it looks like.
        signed.payload.extend_from_slice(rest);
        signed
    }
}

/// The signature in a file for ssh-keygen, which takes it no other way; removed when it is dropped.
struct Kept {
    path: PathBuf,
}

impl Kept {
    /// The directory is ours alone. The name is one that is swept away after a process that was killed.
    fn new(directory: &Path, bytes: &[u8]) -> std::io::Result<Self> {
        let kept = Self { path: directory.join(format!("tmp_signature_{}", uuid::Uuid::new_v4().simple())) };
        std::fs::File::options().write(true).create_new(true).open(&kept.path)?.write_all(bytes)?;
        Ok(kept)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
