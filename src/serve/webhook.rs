//! Proves that a webhook is a Git host's own, and reads what it says was pushed.
//!
//! Pure: headers and body in, an event out. Nothing of the body is looked at before its signature is proved. A webhook can
//! only say "look again": what is pinned and what is sent never comes from its words, so one that is replayed does no harm.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use sha2::Sha256;

use crate::access::{Text, hex};

/// The most refs of one push that are looked at.
pub const MAX_PUSHED_REFS: usize = 1_000;
/// The longest name of a ref that is taken, in bytes.
pub const MAX_REF_BYTES: usize = 1_024;
/// The shortest secret that is taken, in bytes.
pub const MIN_SECRET_BYTES: usize = 16;

/// How a Git host proves that a webhook is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GitHost {
    /// `X-Hub-Signature-256`: HMAC-SHA-256 over the body.
    GitHub,
    /// `X-Gitlab-Token`: the secret itself.
    GitLab,
    /// `X-Gitea-Signature`: HMAC-SHA-256 over the body, of Gitea and Forgejo.
    Gitea,
    /// `X-Hub-Signature`: HMAC-SHA-256 over the body, of Bitbucket's cloud and data center.
    Bitbucket,
}

impl GitHost {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::GitHub, Self::GitLab, Self::Gitea, Self::Bitbucket];

    /// Its name in configuration and in the path of its hook.
    pub fn name(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Bitbucket => "bitbucket",
        }
    }

    /// The host of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|host| host.name() == name)
    }

    /// The header that proves a delivery.
    pub fn proof_header(self) -> &'static str {
        match self {
            Self::GitHub => "x-hub-signature-256",
            Self::GitLab => "x-gitlab-token",
            Self::Gitea => "x-gitea-signature",
            Self::Bitbucket => "x-hub-signature",
        }
    }

    fn event_header(self) -> &'static str {
        match self {
            Self::GitHub => "x-github-event",
            Self::GitLab => "x-gitlab-event",
            Self::Gitea => "x-gitea-event",
            Self::Bitbucket => "x-event-key",
        }
    }
}

/// What a proved webhook says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// The host tries whether it is heard.
    Ping,
    /// Refs moved.
    Push(Vec<Pushed>),
    /// Something else happened; it is none of ours.
    Other,
}

/// A ref that moved. Its name comes from outside and may be hostile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The whole name: `refs/heads/main`.
    pub git_ref: Text,
    /// The commit that it is on now; none where the ref was deleted.
    pub commit: Option<Text>,
}

impl Hook {
    /// Whether it is a reason to look at the source again. `watched` is the ref as it was configured; without one (the source
    /// is a directory that something else updates) every push is.
    pub fn concerns(&self, watched: Option<&str>) -> bool {
        let Self::Push(pushed) = self else { return false };
        let Some(watched) = watched else { return true };
        let is_watched = |one: &Pushed| match watched.starts_with("refs/") {
            true => one.git_ref == watched,
            false => one.git_ref.strip_prefix("refs/heads/") == Some(watched),
        };
        pushed.iter().any(is_watched)
    }
}

/// Why a webhook is refused. No text of it comes from the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// The shared secret is too short to prove anything.
    #[error("the secret of this webhook is shorter than {MIN_SECRET_BYTES} bytes")]
    WeakSecret,
    /// The proof is not there, or there more than once.
    #[error("the delivery does not have exactly one `{0}` header")]
    NoProof(&'static str),
    /// The proof is wrong.
    #[error("the `{0}` header does not prove this delivery: the secrets differ, or the body was changed on its way")]
    WrongProof(&'static str),
    /// It is proved, and it cannot be read.
    #[error("the body is not the JSON of a push: set the hook's content type to application/json")]
    Malformed,
}

/// Whether a delivery could prove itself at all, to be asked before its body is read.
///
/// # Errors
/// [`WebhookError::NoProof`].
pub fn has_proof<'a>(host: GitHost, names: impl IntoIterator<Item = &'a str>) -> Result<(), WebhookError> {
    let proofs = names.into_iter().filter(|name| name.eq_ignore_ascii_case(host.proof_header()));
    if proofs.count() == 1 { Ok(()) } else { Err(WebhookError::NoProof(host.proof_header())) }
}

/// Proves a delivery and reads it. Names of headers may be of either case.
///
/// # Errors
/// [`WebhookError`]; the first three mean that nobody proved anything.
pub fn read<'a>(
    host: GitHost,
    secret: &[u8],
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    body: &[u8],
) -> Result<Hook, WebhookError> {
    let (mut proofs, mut events) = (Vec::new(), Vec::new());
    for (name, value) in headers {
        if name.eq_ignore_ascii_case(host.proof_header()) {
            proofs.push(value);
        } else if name.eq_ignore_ascii_case(host.event_header()) {
            events.push(value);
        }
    }
    if secret.len() < MIN_SECRET_BYTES {
        return Err(WebhookError::WeakSecret);
    }
    let [proof] = proofs.as_slice() else { return Err(WebhookError::NoProof(host.proof_header())) };
    if !is_proved(host, secret, proof, body) {
        return Err(WebhookError::WrongProof(host.proof_header()));
    }
    let event = match events.as_slice() {
        [event] => *event,
        _ => b"",
    };
    let pushed = match (host, event) {
        (GitHost::GitHub, b"ping") | (GitHost::Bitbucket, b"diagnostics:ping") => return Ok(Hook::Ping),
        (GitHost::GitHub | GitHost::Gitea, b"push") => one_ref(body)?,
        (GitHost::GitLab, b"Push Hook" | b"Tag Push Hook") => one_ref(body)?,
        (GitHost::Bitbucket, b"repo:push") => cloud_refs(body)?,
        (GitHost::Bitbucket, b"repo:refs_changed") => data_center_refs(body)?,
        _ => return Ok(Hook::Other),
    };
    Ok(Hook::Push(pushed))
}

/// Every comparison takes the same time, wherever the first difference is.
fn is_proved(host: GitHost, secret: &[u8], proof: &[u8], body: &[u8]) -> bool {
    let digits = match host {
        // The two texts are compared by their digests under a key, and those in constant time.
        GitHost::GitLab => {
            let Some(ours) = digest(secret, secret) else { return false };
            return digest(secret, proof)
                .is_some_and(|theirs| ours.verify_slice(&theirs.finalize().into_bytes()).is_ok());
        }
        GitHost::Gitea => proof,
        GitHost::GitHub | GitHost::Bitbucket => proof.strip_prefix(b"sha256=").unwrap_or_default(),
    };
    match (hex::bytes::<32>(digits), digest(secret, body)) {
        (Some(claimed), Some(ours)) => ours.verify_slice(&claimed).is_ok(),
        _ => false,
    }
}

fn digest(key: &[u8], of: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(of);
    Some(mac)
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, WebhookError> {
    serde_json::from_slice(body).map_err(|_| WebhookError::Malformed)
}

fn named(name: &str, commit: Option<&str>) -> Option<Pushed> {
    let is_id = |text: &&str| matches!(text.len(), 40 | 64) && text.bytes().all(|c| c.is_ascii_hexdigit());
    let commit = commit.filter(is_id).filter(|text| text.bytes().any(|c| c != b'0')).map(Text::from);
    (name.len() <= MAX_REF_BYTES).then(|| Pushed { git_ref: name.into(), commit })
}

/// GitHub, GitLab, Gitea and Forgejo: one ref a push.
fn one_ref(body: &[u8]) -> Result<Vec<Pushed>, WebhookError> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "ref")]
        git_ref: String,
        after: Option<String>,
    }
    let body: Body = parse(body)?;
    Ok(named(&body.git_ref, body.after.as_deref()).into_iter().collect())
}

/// Bitbucket's cloud: branches and tags by their short names.
fn cloud_refs(body: &[u8]) -> Result<Vec<Pushed>, WebhookError> {
    #[derive(Deserialize)]
    struct Body {
        push: Push,
    }
    #[derive(Deserialize)]
    struct Push {
        changes: Vec<Change>,
    }
    #[derive(Deserialize)]
    struct Change {
        old: Option<Ref>,
        new: Option<Ref>,
    }
    #[derive(Deserialize)]
    struct Ref {
        #[serde(rename = "type")]
        sort: String,
        name: String,
        target: Option<Commit>,
    }
    #[derive(Deserialize)]
    struct Commit {
        hash: String,
    }
    let body: Body = parse(body)?;
    let pushed = body.push.changes.into_iter().take(MAX_PUSHED_REFS).filter_map(|change| {
        let moved = change.new.as_ref().or(change.old.as_ref())?;
        let folder = match moved.sort.as_str() {
            "branch" | "named_branch" => "heads",
            "tag" => "tags",
            _ => return None,
        };
        let commit = change.new.as_ref().and_then(|new| new.target.as_ref()).map(|target| target.hash.as_str());
        named(&format!("refs/{folder}/{}", moved.name), commit)
    });
    Ok(pushed.collect())
}

/// Bitbucket's data center: whole names of refs.
fn data_center_refs(body: &[u8]) -> Result<Vec<Pushed>, WebhookError> {
    #[derive(Deserialize)]
    struct Body {
        changes: Vec<Change>,
    }
    #[derive(Deserialize)]
    struct Change {
        #[serde(rename = "refId")]
        git_ref: String,
        #[serde(rename = "toHash")]
        to: Option<String>,
    }
    let body: Body = parse(body)?;
    let changes = body.changes.iter().take(MAX_PUSHED_REFS);
    Ok(changes.filter_map(|change| named(&change.git_ref, change.to.as_deref())).collect())
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
