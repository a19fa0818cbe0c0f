//! Where a credential comes from. Nothing of what stands here is ever echoed: somebody may have pasted the credential itself.

use std::path::Path;

use super::{bounds, names};
use crate::{
    config::CredentialRef,
    yaml::{Node, Reporter, get},
};

const HINT: &str = "name where it is: { env: NAME }, { file: path } or { command: [program, argument] }; if this was the \
                    credential itself, revoke it";

/// Fields whose value is a credential by reference, wherever they stand.
pub(super) const FIELDS: [&str; 4] = ["credential", "token", "secret", "slack"];

/// Reads `credential:`, or one of the other [`FIELDS`].
pub(super) fn credential(node: &Node<'_>, directory: &Path, reporter: &mut Reporter<'_>) -> Option<CredentialRef> {
    let Some(entries) = node.as_map() else {
        return refuse(node, "credentials are given by reference, never in the file", reporter);
    };
    let [(key, value)] = entries else {
        return refuse(node, "a credential takes exactly one of `env`, `file` and `command`", reporter);
    };
    match key.text.as_ref() {
        "env" => match value.as_scalar() {
            Some(scalar) if is_variable(&scalar.text) => Some(CredentialRef::Env(scalar.text.to_string())),
            _ => refuse(
                value,
                "`env` has to be the name of an environment variable: capital letters, digits and underscores",
                reporter,
            ),
        },
        "file" => match text(value) {
            Some(path) => Some(CredentialRef::File { path: directory.join(path), shown: path.contains('/') }),
            None => refuse(value, "`file` has to be a path", reporter),
        },
        "command" => command(value, directory, reporter).map(CredentialRef::Command),
        _ => refuse(key, "a credential takes exactly one of `env`, `file` and `command`", reporter),
    }
}

/// A program and its arguments. A bare name is looked up in PATH, a path is one of this file's directory.
pub(super) fn command(node: &Node<'_>, directory: &Path, reporter: &mut Reporter<'_>) -> Option<Vec<String>> {
    let words: Option<Vec<&str>> = node.as_list().and_then(|items| items.iter().map(text).collect());
    let Some([program, arguments @ ..]) = words.as_deref() else {
        let message = "`command` has to be a list: the program, then its arguments, all of them text";
        reporter.report_unseen(node, message, Some("write [/usr/local/bin/program, argument]".to_owned()));
        return None;
    };
    let path = if program.contains('/') {
        directory.join(program).to_string_lossy().into_owned()
    } else {
        (*program).to_owned()
    };
    Some(std::iter::once(path).chain(arguments.iter().map(|&word| word.to_owned())).collect())
}

/// Whether a text can name an environment variable. Small letters are refused, so that a pasted credential is never taken for
/// a name and then shown as one.
pub fn is_variable(text: &str) -> bool {
    text.len() <= bounds::ENV
        && text.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A text without a message of its own, since that could quote it.
fn text<'n>(node: &'n Node<'_>) -> Option<&'n str> {
    let mut silent = Reporter::new("", "", false);
    get::text(node, "it", &mut silent).filter(|text| text.chars().count() <= bounds::TEXT)
}

fn refuse<T>(at: impl crate::yaml::Marked, message: &str, reporter: &mut Reporter<'_>) -> Option<T> {
    reporter.report_unseen(at, message, Some(HINT.to_owned()));
    None
}

/// Whether one of the [`FIELDS`] is written so that its line may be shown: it names a variable or a file.
pub(super) fn may_be_shown(node: &Node<'_>) -> bool {
    match node.as_map() {
        Some([(key, value)]) if names::CREDENTIAL.contains(&key.text.as_ref()) => match key.text.as_ref() {
            "env" => value.as_scalar().is_some_and(|scalar| is_variable(&scalar.text)),
            "file" => value.as_scalar().is_some_and(|scalar| scalar.text.contains('/')),
            _ => false,
        },
        _ => false,
    }
}
