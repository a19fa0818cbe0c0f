//! Addresses of repositories: which ones are taken, how they are shown, and where their credential goes.
//!
//! A password in an address would stand in the argument lists of every program that git starts. It is taken out here and
//! given to git by an environment variable instead.

use std::path::Path;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use url::Url;
use zeroize::Zeroize as _;

use super::SourceError;
use crate::config;

/// The longest address, in bytes.
const MAX_ADDRESS_BYTES: usize = 4_096;
/// The shortest text that is taken out of messages, in bytes.
const SHORTEST_SECRET: usize = 6;

/// Where a repository is.
#[derive(Debug)]
pub(super) struct Address {
    /// For git, without a credential.
    pub(super) url: String,
    /// The transports that git may use for it, as `GIT_ALLOW_PROTOCOL` takes them.
    pub(super) protocols: &'static str,
    /// What stood before the host of an https address.
    pub(super) login: Option<Login>,
}

/// A user name and a password. Either may be the secret, so neither is shown.
#[derive(Debug)]
pub(super) struct Login {
    /// Who may be given it: scheme, host and port.
    pub(super) origin: String,
    pub(super) user: SecretString,
    pub(super) password: SecretString,
}

impl Address {
    /// Reads an address or a path. Relative paths are made absolute.
    pub(super) fn parse(text: &str) -> Result<Self, SourceError> {
        let refuse = |why| Err(SourceError::Option(why));
        if text.is_empty() || text.len() > MAX_ADDRESS_BYTES || text.chars().any(char::is_control) {
            return refuse("--git takes an address or a path: one line that is not empty");
        }
        if text.starts_with('-') {
            return refuse("--git takes an address or a path, and none begins with `-`");
        }
        match text.split_once("://") {
            Some((scheme, _)) if scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+.-".contains(&c)) => {
                by_url(text)
            }
            _ => by_place(text),
        }
    }

    /// Takes every word of the credential out of a text.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let login = self.login.as_ref();
        for secret in login.iter().flat_map(|login| [&login.user, &login.password]).map(ExposeSecret::expose_secret) {
            // Either may be the token; what is shorter is none, and may be a word of any message.
            if secret.len() >= SHORTEST_SECRET {
                text = text.replace(secret, "[hidden]");
            }
        }
        text
    }
}

fn by_url(text: &str) -> Result<Address, SourceError> {
    let refuse = |why| Err(SourceError::Option(why));
    let Ok(mut url) = Url::parse(text) else { return refuse("the address after --git is no URL") };
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("the address after --git has a query or a fragment: give it without");
    }
    let protocols = match url.scheme() {
        "https" => "https",
        "http" if config::is_loopback(&url) => "http",
        "http" => {
            return refuse("plain HTTP is refused but on loopback: give --git an address that begins with https://");
        }
        "ssh" => "ssh",
        "file" => "file",
        _ => return refuse("--git takes https://, ssh://, file:// or a path; other transports are refused"),
    };
    let mut login = None;
    if matches!(protocols, "https" | "http") && (!url.username().is_empty() || url.password().is_some()) {
        let (Some(user), Some(password)) = (decoded(url.username()), decoded(url.password().unwrap_or(""))) else {
            return refuse("the user name or the password in the address after --git has a control character");
        };
        login = Some(Login { origin: url.origin().ascii_serialization(), user, password });
        // The password first: to take out the user copies what follows it.
        let taken_out = url.set_password(None).is_ok() && url.set_username("").is_ok();
        if !taken_out {
            return refuse("the address after --git is no URL");
        }
    } else if url.password().is_some() {
        return refuse("ssh takes no password from an address: give it a key, by an agent or GIT_SSH_COMMAND");
    }
    let shown = url.as_str().to_owned();
    // What was taken out still stands in its memory, behind the end.
    String::from(url).zeroize();
    Ok(Address { url: shown, protocols, login })
}

/// What stands here becomes lines of git's credential protocol, so that a line end would forge another one.
fn decoded(part: &str) -> Option<SecretString> {
    let text = percent_decode_str(part).decode_utf8().ok()?;
    (!text.chars().any(char::is_control)).then(|| SecretString::from(text.into_owned()))
}

/// `host:path` as ssh writes it, or a path.
fn by_place(text: &str) -> Result<Address, SourceError> {
    if text.contains("::") {
        return Err(SourceError::Option(
            "--git takes https://, ssh://, file:// or a path; other transports are refused",
        ));
    }
    let colon = text.find(':');
    let slash = text.find('/');
    let is_ssh = colon.is_some_and(|colon| slash.is_none_or(|slash| colon < slash));
    if is_ssh {
        return Ok(Address { url: text.to_owned(), protocols: "ssh", login: None });
    }
    let path = std::path::absolute(Path::new(text));
    match path.as_ref().ok().and_then(|path| path.to_str()) {
        Some(path) => Ok(Address { url: path.to_owned(), protocols: "file", login: None }),
        None => Err(SourceError::Option("the path after --git cannot be made absolute")),
    }
}

/// The whole name of a ref: a branch where only a short one is given, so that a tag of the same name cannot stand in for it.
pub(super) fn whole_ref(text: &str) -> Result<String, SourceError> {
    let whole = if text.starts_with("refs/") { text.to_owned() } else { format!("refs/heads/{text}") };
    let bad_part =
        |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock") || part.ends_with('.');
    let bad = text.is_empty()
        || text.starts_with('-')
        || whole.len() > 1_024
        || whole.contains("..")
        || whole.contains("@{")
        || whole.chars().any(|c| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c))
        || whole.split('/').any(bad_part)
        || whole.split('/').count() < 3;
    if bad {
        return Err(SourceError::Option("--ref takes the name of a branch, or a whole name like refs/tags/live"));
    }
    Ok(whole)
}

/// A path in a repository in its one spelling: no way up, no root; the repository's own root is empty.
pub(super) fn inner_path(text: &str) -> Result<String, SourceError> {
    let refuse =
        Err(SourceError::Option("--path and --people-path take a path inside the repository, like policies/acme"));
    if text.starts_with('/') || text.contains(|c: char| c.is_control() || c == '\\') || text.len() > 4_096 {
        return refuse;
    }
    let mut parts = Vec::new();
    for part in text.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            return refuse;
        }
        parts.push(part);
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_transports_and_options_are_refused() {
        for text in [
            "ext::sh -c id",
            "git://host/x",
            "http://git.example.com/x",
            "ftp://host/x",
            "--upload-pack=id",
            "-x",
            "",
            "a\nb",
            "fd::7",
            "https://host/x?token=1",
            "ssh://git:secret@host/x",
            "https://u%0ax:p@host/x",
        ] {
            let told = Address::parse(text).map(|address| address.url);
            assert!(matches!(told, Err(SourceError::Option(_))), "{text}: {told:?}");
        }
    }

    #[test]
    fn what_is_taken_is_taken_by_one_transport() {
        for (text, protocols, shown) in [
            ("https://git.example.com/acme/x.git", "https", "https://git.example.com/acme/x.git"),
            ("http://127.0.0.1:8080/x", "http", "http://127.0.0.1:8080/x"),
            ("ssh://git@host/x", "ssh", "ssh://git@host/x"),
            ("git@host:acme/x.git", "ssh", "git@host:acme/x.git"),
            ("file:///srv/x.git", "file", "file:///srv/x.git"),
            ("/srv/x.git", "file", "/srv/x.git"),
            ("/srv/a:b", "file", "/srv/a:b"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.protocols, address.url.as_str()), (protocols, shown), "{text}");
            assert!(address.login.is_none());
        }
        assert!(Address::parse("repo").unwrap().url.ends_with("/repo"));
    }

    #[test]
    fn a_credential_leaves_the_address() {
        let address = Address::parse("https://anna:p%40ss%3Aword@git.example.com/x").unwrap();
        assert_eq!(address.url, "https://git.example.com/x");
        let login = address.login.as_ref().unwrap();
        assert_eq!((login.user.expose_secret(), login.password.expose_secret()), ("anna", "p@ss:word"));
        assert_eq!(address.redact("fatal: anna p@ss:word"), "fatal: anna [hidden]");
        let token_alone = Address::parse("https://ghp_token@github.com/x").unwrap();
        assert_eq!(token_alone.url, "https://github.com/x");
        assert!(!format!("{token_alone:?}").contains("ghp_token"));
    }

    #[test]
    fn a_short_ref_is_a_branch() {
        assert_eq!(whole_ref("main").unwrap(), "refs/heads/main");
        assert_eq!(whole_ref("team/x").unwrap(), "refs/heads/team/x");
        assert_eq!(whole_ref("refs/tags/live").unwrap(), "refs/tags/live");
        for bad in
            ["", "-x", "a..b", "a b", "a:b", "a^", "refs/", "refs/heads", "a.lock", "/a", "a/", "*", "a@{1}", "a\0"]
        {
            assert!(whole_ref(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_path_stays_in_the_repository() {
        assert_eq!(inner_path("./policies//acme/").unwrap(), "policies/acme");
        assert_eq!(inner_path(".").unwrap(), "");
        for bad in ["/etc", "../x", "a/../../x", "a\\b", "a\nb"] {
            assert!(inner_path(bad).is_err(), "{bad:?}");
        }
    }
}
