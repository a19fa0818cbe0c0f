//! Real repositories, made with the git program in temporary directories; real keys, real signatures, real sockets.
//! Without that program nothing can be tested here, and it is said.
#![cfg(unix)]

mod commits;
mod hostile;
#[path = "../../../../tests/e2e/needs.rs"]
mod needs;
mod remote;
mod signed;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use needs::has;
use tempfile::TempDir;

use super::*;
use crate::run::files::read_tree;

/// A directory with a repository that others push to, and a place for our checkout.
struct World {
    dir: TempDir,
}

impl World {
    /// None without git.
    fn new() -> Option<Self> {
        let world = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(world.at("origin")).unwrap();
        has("git").then(|| world.git(&["init", "--quiet", "--initial-branch=main"])).map(|_| world)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.current_dir(self.at("origin")).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.dir.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Anna").env(format!("GIT_{who}_EMAIL"), "anna@example.com");
        }
        command.args(arguments);
        command
    }

    /// Runs git in the origin and returns what it says.
    fn git(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Runs git with an input.
    fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut child = self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.at("origin").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Commits everything and returns the commit.
    fn commit(&self) -> String {
        self.commit_with(&[])
    }

    fn commit_with(&self, options: &[&str]) -> String {
        self.git(&["add", "--all", "--force"]);
        self.git(&[&["commit", "--quiet", "--allow-empty", "--message", "a change"], options].concat());
        self.git(&["rev-parse", "HEAD"])
    }

    /// A commit with one policy of this text.
    fn policy(&self, text: &str) -> String {
        self.write("policies/a.yaml", text);
        self.commit()
    }

    fn options(&self) -> GitOptions {
        GitOptions {
            address: self.at("origin").to_str().unwrap().into(),
            git_ref: "main".into(),
            path: "policies".into(),
            people_path: None,
            checkout: Some(self.at("checkout")),
            allowed_signers: None,
            accept_rewrite: None,
        }
    }

    fn source(&self) -> Git {
        self.source_with(self.options())
    }

    /// The source, once it has taken the commit that there is.
    async fn followed(&self) -> Git {
        let mut source = self.source();
        source.fetch().await.unwrap();
        source
    }

    fn source_with(&self, options: GitOptions) -> Git {
        self.source_within(options, Limits::default())
    }

    fn source_within(&self, options: GitOptions, limits: Limits) -> Git {
        let sources = Sources { config: self.at("portcullis.yaml"), ..Sources::default() };
        Git::new(sources, options, limits).unwrap()
    }
}

fn commit_of(checkout: &Checkout) -> &str {
    &checkout.revision.as_ref().unwrap().commit
}

fn policies(checkout: &Checkout) -> PathBuf {
    checkout.sources.policies.clone().unwrap()
}

fn text_of(checkout: &Checkout) -> String {
    fs::read_to_string(policies(checkout).join("a.yaml")).unwrap()
}
