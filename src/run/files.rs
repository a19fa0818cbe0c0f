//! Reads the operator's file, the people file and the policy tree: bounded, in a fixed order, and never out of the tree.
//!
//! Nothing is parsed here. A file that cannot be taken is a problem with its name; what a team forgot to name `.yaml` must not
//! look as if it were in force.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use crate::yaml::Problem;

/// The largest file, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;
/// The largest sum of all files, in bytes.
pub const MAX_TREE_BYTES: u64 = 512 * 1024 * 1024;
/// The largest number of files and directories in the tree.
pub const MAX_FILES: usize = 20_000;
/// How deep directories may lie in each other.
pub const MAX_DEPTH: usize = 16;

/// A file with its name as shown: below the policy root, with slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The name.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// A problem with a whole file.
pub(super) fn problem(file: impl Into<String>, message: impl Into<String>, hint: Option<&str>) -> Problem {
    let (file, message) = (file.into(), message.into());
    let shown = |text: &str| text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>();
    let mut rendered = format!("error: {}\n  --> {}", shown(&message), shown(&file));
    if let Some(hint) = hint {
        rendered.push_str(&format!("\n  = help: {}", shown(hint)));
    }
    Problem { file, line: 0, column: 1, message, hint: hint.map(str::to_owned), rendered }
}

/// The problem of a file of the policy tree with the file's path as the operator or the caller gave it, so that editors find it.
pub(super) fn placed(mut problem: Problem, root: &Path) -> Problem {
    let shown = root.join(&problem.file).display().to_string();
    problem.rendered = problem.rendered.replacen(&format!("--> {}", problem.file), &format!("--> {shown}"), 1);
    problem.file = shown;
    problem
}

/// Reads one file that is named by the operator.
///
/// # Errors
/// A problem: not there, no file, too large.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Problem> {
    read_bounded(path, MAX_FILE_BYTES).map_err(|why| problem(path.display().to_string(), why, None))
}

fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    // Looked at before it is opened: opening a pipe would wait for its writer.
    let about = fs::metadata(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    if !about.is_file() {
        return Err("this is no regular file".into());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| format!("the file cannot be opened: {error}"))?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| format!("the file cannot be read: {error}"))?;
    if bytes.len() as u64 > limit {
        return Err(format!("the file is larger than {limit} bytes"));
    }
    Ok(bytes)
}

/// Reads every policy file below the root, in the order of their names. All problems are told, not only the first.
pub fn read_tree(root: &Path) -> (Vec<SourceFile>, Vec<Problem>) {
    let mut tree =
        Tree { root: PathBuf::new(), files: Vec::new(), problems: Vec::new(), seen: 0, bytes: 0, full: false };
    match fs::canonicalize(root) {
        Ok(real) if real.is_dir() => {
            tree.root.clone_from(&real);
            tree.walk(&real, "", 0);
        }
        Ok(_) => tree.problems.push(problem(root.display().to_string(), "the policy root is no directory", None)),
        Err(error) => tree.problems.push(problem(
            root.display().to_string(),
            format!("the policy root cannot be read: {error}"),
            Some("name it as `policies:` in portcullis.yaml, or with --policies"),
        )),
    }
    tree.files.sort_by(|a, b| a.name.cmp(&b.name));
    (tree.files, tree.problems)
}

struct Tree {
    root: PathBuf,
    files: Vec<SourceFile>,
    problems: Vec<Problem>,
    seen: usize,
    bytes: u64,
    full: bool,
}

impl Tree {
    fn walk(&mut self, directory: &Path, below: &str, depth: usize) {
        if depth > MAX_DEPTH {
            self.problems.push(problem(below, format!("directories lie more than {MAX_DEPTH} deep"), None));
            return;
        }
        let listed = match fs::read_dir(directory) {
            Ok(listed) => listed,
            Err(error) => {
                self.problems.push(problem(below, format!("the directory cannot be read: {error}"), None));
                return;
            }
        };
        for found in listed {
            if self.full {
                return;
            }
            self.seen += 1;
            if self.seen > MAX_FILES {
                self.stop(below, format!("the policy tree has more than {MAX_FILES} files"));
                return;
            }
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    self.problems.push(problem(below, format!("the directory cannot be read: {error}"), None));
                    return;
                }
            };
            let Some(name) = found.file_name().to_str().map(str::to_owned) else {
                let name = format!("{below}{}", found.file_name().to_string_lossy());
                self.problems.push(problem(name, "the name is not UTF-8", None));
                continue;
            };
            if name.starts_with('.') || name.ends_with(".md") || name == "CODEOWNERS" {
                continue;
            }
            let shown = format!("{below}{name}");
            match found.file_type() {
                Ok(kind) if kind.is_dir() => self.walk(&found.path(), &format!("{shown}/"), depth + 1),
                Ok(kind) if kind.is_symlink() => self.link(&found.path(), shown),
                Ok(_) => self.take(&found.path(), shown),
                Err(error) => self.problems.push(problem(shown, format!("its type cannot be read: {error}"), None)),
            }
        }
    }

    fn link(&mut self, path: &Path, shown: String) {
        match fs::canonicalize(path) {
            Ok(real) if !real.starts_with(&self.root) => self.problems.push(problem(
                shown,
                "this is a link that leads out of the policy tree",
                Some("put the file itself into the tree"),
            )),
            // Under another path another delegation would hold for the same files.
            Ok(real) if real.is_dir() => self.problems.push(problem(
                shown,
                "this is a link to a directory",
                Some("put the files themselves there, or link them one by one"),
            )),
            Ok(real) => self.take(&real, shown),
            Err(error) => {
                self.problems.push(problem(shown, format!("this is a link that leads nowhere: {error}"), None))
            }
        }
    }

    fn take(&mut self, path: &Path, shown: String) {
        if !(shown.ends_with(".yaml") || shown.ends_with(".yml")) {
            self.problems.push(problem(
                shown,
                "this is no policy file: policies end in `.yaml` or `.yml`",
                Some("rename it, or move it out of the policy tree (dot-files, *.md and CODEOWNERS may stay)"),
            ));
            return;
        }
        match read_bounded(path, MAX_FILE_BYTES) {
            Ok(bytes) => {
                self.bytes += bytes.len() as u64;
                if self.bytes > MAX_TREE_BYTES {
                    self.stop(&shown, format!("the policy files together are larger than {MAX_TREE_BYTES} bytes"));
                    return;
                }
                self.files.push(SourceFile { name: shown, bytes });
            }
            Err(why) => self.problems.push(problem(shown, why, None)),
        }
    }

    fn stop(&mut self, at: &str, why: String) {
        self.full = true;
        self.problems.push(problem(at, why, None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[SourceFile]) -> Vec<&str> {
        files.iter().map(|file| file.name.as_str()).collect()
    }

    #[test]
    fn policies_are_read_in_order_and_what_is_no_policy_is_told() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "version: 1\n").unwrap();
        };
        ["b/s2.yml", "a.yaml", "README.md", "CODEOWNERS", ".git/config", "b/notes.txt", "c.yaml.bak"]
            .into_iter()
            .for_each(write);
        let (files, problems) = read_tree(root.path());
        assert_eq!(names(&files), ["a.yaml", "b/s2.yml"]);
        let mut told: Vec<&str> = problems.iter().map(|problem| problem.file.as_str()).collect();
        told.sort_unstable();
        assert_eq!(told, ["b/notes.txt", "c.yaml.bak"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_in_the_tree_and_the_root_itself_may_be_one() {
        use std::os::unix::fs::symlink;
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("secret.yaml"), "version: 1\n").unwrap();
        let real = tempfile::tempdir().unwrap();
        fs::create_dir(real.path().join("..data")).unwrap();
        fs::write(real.path().join("..data/a.yaml"), "version: 1\n").unwrap();
        symlink("..data/a.yaml", real.path().join("a.yaml")).unwrap();
        symlink(outside.path().join("secret.yaml"), real.path().join("out.yaml")).unwrap();
        symlink(outside.path(), real.path().join("dir")).unwrap();
        symlink(".", real.path().join("loop")).unwrap();
        let root = outside.path().join("root");
        symlink(real.path(), &root).unwrap();
        let (files, problems) = read_tree(&root);
        assert_eq!(names(&files), ["a.yaml"]);
        assert_eq!(problems.len(), 3, "{problems:?}");
    }
}
