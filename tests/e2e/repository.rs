//! A Git repository with the policies of a house, pushed to by a person with a clone.

use std::{fs, process::Command};

use crate::{
    house::House,
    needs::has,
    service::{declaring, kept},
};

/// A bare repository and a clone that pushes to it.
pub struct Repository<'a> {
    house: &'a House,
}

impl<'a> Repository<'a> {
    /// With these policies on `main`. The house has none of its own any more. `None` where there is no `git`.
    pub fn of(house: &'a House, declared: usize) -> Option<Self> {
        if !has("git") {
            return None;
        }
        fs::remove_dir_all(house.path("policies")).unwrap();
        let repository = Self { house };
        fs::create_dir(house.path("clone")).unwrap();
        repository.git(&["init", "--quiet", "--bare", "--initial-branch=main", "../origin.git"]);
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.git(&["remote", "add", "origin", "../origin.git"]);
        repository.push(declared);
        Some(repository)
    }

    /// Where the daemon finds it.
    pub fn address(&self) -> String {
        self.house.path("origin.git").display().to_string()
    }

    /// Runs `git` in the clone.
    pub fn git(&self, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.current_dir(self.house.path("clone")).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.house.path(".")).env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Anna").env(format!("GIT_{who}_EMAIL"), "anna@example.com");
        }
        let output = command.args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits policies that declare so many tokens, and returns the commit.
    pub fn commit(&self, declared: usize) -> String {
        self.house.write("clone/policies/s2.yaml", &declaring(&kept(declared)));
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "a change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// The same, pushed.
    pub fn push(&self, declared: usize) -> String {
        let commit = self.commit(declared);
        self.git(&["push", "--quiet", "origin", "main"]);
        commit
    }

    /// Takes the repository away.
    pub fn vanish(&self) {
        fs::rename(self.house.path("origin.git"), self.house.path("elsewhere.git")).unwrap();
    }

    /// Puts it back.
    pub fn come_back(&self) {
        fs::rename(self.house.path("elsewhere.git"), self.house.path("origin.git")).unwrap();
    }
}
