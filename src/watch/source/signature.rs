//! Whether a commit is signed by somebody who may.
//!
//! Only SSH signatures count, and only those of the operator's file of allowed signers: what keys a user's keyring holds, and
//! what a repository's configuration says, has no part in it.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::{
    SourceError,
    program::{Call, Program},
};

/// The largest file of allowed signers, in bytes.
const MAX_SIGNERS_BYTES: u64 = 1024 * 1024;
/// The largest commit object that is looked at, in bytes.
const MAX_COMMIT_BYTES: usize = 1024 * 1024;

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
        let digest = self.digest()?;
        if self.verified.as_ref().is_some_and(|(known, by)| known == commit && *by == digest) {
            return Ok(Ok(()));
        }
        let object = git
            .run(Call {
                what: "reading the commit",
                arguments: &["cat-file".as_ref(), "commit".as_ref(), commit.as_ref()],
                remote: None,
                limit,
                output: MAX_COMMIT_BYTES,
                entries: None,
                room: None,
            })
            .await?;
        match signature(&object.output) {
            Some(b"-----BEGIN SSH SIGNATURE-----") if object.is_done() => {}
            Some(_) => return Ok(Err("it is signed in another way than by SSH, and only SSH signatures count".into())),
            None => return Ok(Err("it is not signed".into())),
        }
        let setting = |name: &str, value: &OsStr| {
            let mut setting = OsString::from(name);
            setting.push("=");
            setting.push(value);
            setting
        };
        let signers = setting("gpg.ssh.allowedSignersFile", self.path.as_os_str());
        let none: &OsStr = "/dev/null".as_ref();
        let (openpgp, x509, old) =
            (setting("gpg.openpgp.program", none), setting("gpg.x509.program", none), setting("gpg.program", none));
        let ended = git
            .run(Call {
                what: "verifying the commit's signature",
                arguments: &[
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
                    "gpg.ssh.program=ssh-keygen".as_ref(),
                    "-c".as_ref(),
                    "gpg.minTrustLevel=fully".as_ref(),
                    "verify-commit".as_ref(),
                    "--raw".as_ref(),
                    commit.as_ref(),
                ],
                remote: None,
                limit,
                output: MAX_COMMIT_BYTES,
                entries: None,
                room: None,
            })
            .await?;
        // Both: the exit code, and that a principal of the file is named.
        if ended.is_done() && ended.errors.lines().any(|line| line.starts_with("Good \"git\" signature for ")) {
            self.verified = Some((commit.to_owned(), digest));
            return Ok(Ok(()));
        }
        Ok(Err(format!("its signature is by none of the allowed signers, or wrong: {}", ended.said)))
    }

    fn digest(&self) -> Result<[u8; 32], SourceError> {
        let failed = |why: String| SourceError::Signers { path: self.path.clone(), why };
        let about = std::fs::metadata(&self.path).map_err(|error| failed(error.to_string()))?;
        if !about.is_file() {
            return Err(failed("it is no regular file".into()));
        }
        let file = File::open(&self.path).map_err(|error| failed(error.to_string()))?;
        let mut bytes = Vec::new();
        file.take(MAX_SIGNERS_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
        if bytes.len() as u64 > MAX_SIGNERS_BYTES {
            return Err(failed(format!("it is larger than {MAX_SIGNERS_BYTES} bytes")));
        }
        Ok(Sha256::digest(&bytes).into())
    }
}

/// The first line of the signature in a commit's header. A message that looks like one is none.
fn signature(object: &[u8]) -> Option<&[u8]> {
    let header = object.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let mut found =
        header.filter_map(|line| line.strip_prefix(b"gpgsig ").or_else(|| line.strip_prefix(b"gpgsig-sha256 ")));
    found.next()
}
