//! A credential by reference to the credential itself, in memory only.
//!
//! What is read here is wiped on drop and never part of an error, not even in part: errors name the target and the reference.
//! A credential is one line of visible ASCII, since it travels in a header.

use std::{
    ffi::OsString,
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use zeroize::Zeroizing;

use super::{
    open,
    program::{self, Bounds, COMMAND_ENVIRONMENT, COMMAND_LIMIT, Failed, Keep},
};
use crate::{access::Text, config::CredentialRef};

/// The largest credential, in bytes, with the line end after it.
pub const MAX_CREDENTIAL_BYTES: usize = program::UNMOVED;
/// The longest claim that is taken from a credential, in bytes.
const MAX_CLAIM_BYTES: usize = 1024;

/// Whose credential it is, and the field that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose<'a> {
    /// The `credential:` of the target with this name.
    Target(&'a str),
    /// The field with this name below `watch:`.
    Watch(&'a str),
}

impl Whose<'_> {
    /// Who is without it.
    fn owner(self) -> String {
        match self {
            Self::Target(name) => format!("target `{name}`"),
            Self::Watch(field) => format!("`watch: {field}:`"),
        }
    }

    /// The field, for advice.
    fn field(self) -> String {
        match self {
            Self::Target(_) => "`credential:`".to_owned(),
            Self::Watch(field) => format!("`{field}:`"),
        }
    }
}

/// Why there is no credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{owner}: {what}")]
pub struct CredentialError {
    /// Whose: ``target `s2` ``, or the field.
    pub owner: String,
    /// What happened, without a word of the credential.
    pub what: String,
    /// What to do.
    pub advice: String,
}

/// Follows a reference to its credential.
///
/// # Errors
/// [`CredentialError`] where there is none, where others could read it, or where it could not be sent.
pub async fn resolve(whose: Whose<'_>, from: &CredentialRef) -> Result<SecretString, CredentialError> {
    resolve_in(whose, from, |name| std::env::var_os(name), COMMAND_LIMIT).await
}

async fn resolve_in(
    whose: Whose<'_>,
    from: &CredentialRef,
    environment: impl Fn(&str) -> Option<OsString>,
    limit: Duration,
) -> Result<SecretString, CredentialError> {
    let named = named(whose, from);
    let found = match from {
        CredentialRef::Env(name) => from_environment(name, whose, &environment),
        CredentialRef::File { path, .. } => from_file(path.clone(), named.clone(), whose.field()).await,
        CredentialRef::Command(words) => from_command(words, &named, &environment, limit).await,
    };
    found.and_then(|bytes| checked(&bytes, from, &named)).map_err(|(what, advice)| CredentialError {
        owner: whose.owner(),
        what,
        advice,
    })
}

/// What happened and what to do.
type Failure = (String, String);

fn from_environment(
    name: &str,
    whose: Whose<'_>,
    environment: &impl Fn(&str) -> Option<OsString>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    match environment(name) {
        Some(value) => Ok(Zeroizing::new(value.into_encoded_bytes())),
        None => Err((
            format!("the environment variable `{name}` of its credential is not set"),
            format!("set `{name}`, or change its {}", whose.field()),
        )),
    }
}

/// How errors name a reference. A text without `/` may be the credential itself, pasted where its place belongs.
fn named(whose: Whose<'_>, from: &CredentialRef) -> String {
    match from {
        CredentialRef::Env(name) => format!("the environment variable `{name}`"),
        CredentialRef::File { path, shown: true } => format!("the credential file {}", path.display()),
        CredentialRef::File { .. } => format!("the file named in {}", whose.field()),
        CredentialRef::Command(words) => match words.first() {
            Some(program) if program.contains('/') => format!("the command `{program}`"),
            _ => format!("the command named in {}", whose.field()),
        },
    }
}

async fn from_file(path: PathBuf, named: String, field: String) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let read = tokio::task::spawn_blocking(move || read_file(&path, &named, &field));
    read.await.unwrap_or_else(|_| Err(("reading its credential's file was cut off".to_owned(), "try again".to_owned())))
}

// Links are followed: Kubernetes mounts a secret as a link to a link to the file. What counts is the file at the end.
fn read_file(path: &Path, named: &str, field: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let unreadable = |error: std::io::Error| {
        (
            format!("{named} cannot be read: {error}"),
            format!("create the file with mode 0400 for the user that runs Portcullis, or change {field}"),
        )
    };
    // Looked at before it is opened, since to open a device may do something; what counts is what was opened.
    refuse_odd_file(named, &std::fs::metadata(path).map_err(unreadable)?)?;
    let file = open::calmly(path).map_err(unreadable)?;
    refuse_odd_file(named, &file.metadata().map_err(unreadable)?)?;
    let mut bytes = buffer();
    let most = u64::try_from(MAX_CREDENTIAL_BYTES).unwrap_or(u64::MAX);
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn refuse_odd_file(named: &str, metadata: &std::fs::Metadata) -> Result<(), Failure> {
    if !metadata.is_file() {
        return Err((format!("{named} is no regular file"), "name a regular file, or a link to one".to_owned()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if metadata.mode() & 0o004 != 0 {
            return Err((
                format!("everyone can read {named} (mode {:04o})", metadata.mode() & 0o7777),
                "`chmod o-r` it; for a Kubernetes secret volume set `defaultMode: 0400` (or 0440 with `fsGroup`)"
                    .to_owned(),
            ));
        }
    }
    Ok(())
}

async fn from_command(
    words: &[String],
    named: &str,
    environment: &impl Fn(&str) -> Option<OsString>,
    limit: Duration,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let Some((program, arguments)) = words.split_first() else {
        return Err((
            "its credential's command is empty".to_owned(),
            "write `{ command: [program, argument] }`".to_owned(),
        ));
    };
    // Neither its arguments nor what it wrote to standard error are shown: both may hold secrets.
    let by_hand = || {
        format!(
            "its error output is not shown, as it may hold secrets; run {named} by hand with nothing but PATH and HOME set"
        )
    };
    let mut command = program::cleared(program, COMMAND_ENVIRONMENT, environment);
    command.args(arguments);
    let bounds = Bounds { input: None, output: Keep::All(MAX_CREDENTIAL_BYTES), errors: Keep::Nothing, limit };
    match program::run(command, bounds).await {
        Ok((status, said)) if status.success() => Ok(said.output),
        Ok((status, _)) => Err((format!("{named} failed ({status})"), by_hand())),
        Err(Failed::Start(error)) => Err((
            format!("{named} does not start: {error}"),
            "check the program's path and mode; it is looked up in PATH, and no shell is involved".to_owned(),
        )),
        Err(Failed::TooMuch) => Err(too_large(&output_of(named))),
        Err(Failed::Lost(error)) => Err((format!("what {named} writes cannot be read: {error}"), by_hand())),
        Err(Failed::TimedOut(_)) => {
            Err((format!("{named} did not end within {} s and was killed", limit.as_secs()), by_hand()))
        }
    }
}

fn output_of(named: &str) -> String {
    format!("the output of {named}")
}

fn too_large(place: &str) -> Failure {
    (
        format!("{place} is larger than {MAX_CREDENTIAL_BYTES} bytes"),
        "a credential is one short line; check what the reference names".to_owned(),
    )
}

/// Room for the largest credential, so that no smaller buffer is left behind unwiped when it grows.
fn buffer() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(MAX_CREDENTIAL_BYTES + 64))
}

fn checked(bytes: &[u8], from: &CredentialRef, named: &str) -> Result<SecretString, Failure> {
    let place = match from {
        CredentialRef::Command(_) => output_of(named),
        CredentialRef::Env(_) | CredentialRef::File { .. } => named.to_owned(),
    };
    if bytes.len() > MAX_CREDENTIAL_BYTES {
        return Err(too_large(&place));
    }
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    let line = bytes.get(..end).unwrap_or_default();
    if line.is_empty() {
        return Err((format!("{place} is empty"), "put the credential there".to_owned()));
    }
    match std::str::from_utf8(line) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(SecretString::from(text)),
        _ => Err((
            format!("{place} holds a control character, white space or a character outside ASCII"),
            "a credential is one line with nothing but the token: no quotes, no `Bearer ` before it".to_owned(),
        )),
    }
}

/// One claim of a credential that is a JWT, where it is one and has this claim as a text. The token is not verified: its
/// vendor does that. Nothing but this claim outlives the call.
pub fn own_claim(credential: &SecretString, claim: &str) -> Option<Text> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let mut parts = credential.expose_secret().split('.');
    let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    let mut decoded = Zeroizing::new(vec![0; base64::decoded_len_estimate(payload.len())]);
    let length = ENGINE.decode_slice(payload, &mut decoded).ok()?;
    let json = std::str::from_utf8(decoded.get(..length)?).ok()?;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let found = OneClaim(claim).deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    found.filter(|text| !text.is_empty() && text.len() <= MAX_CLAIM_BYTES)
}

/// Takes one text member of an object and skips the others without copying them. A member that is there twice is none.
struct OneClaim<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for OneClaim<'_> {
    type Value = Option<Text>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneClaim<'_> {
    type Value = Option<Text>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        let mut seen = 0_u32;
        while let Some(is_wanted) = map.next_key_seed(IsKey(self.0))? {
            if is_wanted {
                seen = seen.saturating_add(1);
                found = Some(map.next_value::<Text>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found.filter(|_| seen == 1))
    }
}

struct IsKey<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for IsKey<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for IsKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a claim's name")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(all(test, unix))]
#[path = "credential_tests.rs"]
mod tests;
