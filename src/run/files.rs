//! Reads the operator's file, the people file and the policy tree: bounded, in a fixed order, and never out of the tree.
//!
//! Nothing is parsed here. A file that cannot be taken is a problem with its name; what a team forgot to name `.yaml` must not
//! look as if it were in force.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use rustix::fs::FileType;

use super::open::{self, Held};
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

/// The problem of a file of the policy tree with the file's path as the operator or the caller gave it, so that editors find it.
pub(super) fn placed(mut problem: Problem, root: &Path) -> Problem {
    problem.file = root.join(&problem.file).display().to_string();
    problem
}

/// Reads one file that is named by the operator.
///
/// # Errors
/// A problem: not there, no file, too large.
pub fn read_file(path: &Path) -> Result<Vec<u8>, Problem> {
    // Looked at before it is opened, too: to open a device may do something.
    let read = match fs::metadata(path) {
        Ok(about) if !about.is_file() => Err(IRREGULAR.to_owned()),
        _ => read_bounded(open::calmly(path), MAX_FILE_BYTES),
    };
    read.map_err(|why| Problem::of_file(path.display().to_string(), why, None))
}

/// Reads one file that was named on the command line, perhaps of a branch that is under review: where it is a link, only one that
/// stays in the directory that the file was named in. What is shown of a broken file would be of any file otherwise.
///
/// # Errors
/// A problem: not there, no file, too large, a link that leads out of its directory.
pub fn read_named(path: &Path) -> Result<Vec<u8>, Problem> {
    let shown = || path.display().to_string();
    let unreadable = |error: io::Error| Problem::of_file(shown(), format!("the file cannot be read: {error}"), None);
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let directory = fs::canonicalize(directory).map_err(unreadable)?;
    let held = Held::directory(&directory).map_err(unreadable)?;
    let real = fs::canonicalize(path).map_err(unreadable)?;
    let Ok(below) = real.strip_prefix(&directory) else {
        let hint = "put the file itself there, or name the file that it leads to";
        return Err(Problem::of_file(shown(), "this is a link that leads out of its directory", Some(hint)));
    };
    read_bounded(held.below(below), MAX_FILE_BYTES).map_err(|why| Problem::of_file(shown(), why, None))
}

const IRREGULAR: &str = "this is no regular file";

/// What was opened is judged: its name may lead elsewhere by now.
fn read_bounded(opened: io::Result<File>, limit: u64) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| format!("the file cannot be read: {error}");
    let file = opened.map_err(|error| format!("the file cannot be opened: {error}"))?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(IRREGULAR.into());
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limit {
        return Err(format!("the file is larger than {limit} bytes"));
    }
    Ok(bytes)
}

/// Reads every policy file below the root, in the order of their names. All problems are told, not only the first.
pub fn read_tree(root: &Path) -> (Vec<SourceFile>, Vec<Problem>) {
    let mut tree = Tree { files: Vec::new(), problems: Vec::new(), seen: 0, bytes: 0, full: false };
    let unreadable = |error: io::Error| {
        Problem::of_file(
            root.display().to_string(),
            format!("the policy root cannot be read: {error}"),
            Some("name it as `policies:` in portcullis.yaml, or with --policies"),
        )
    };
    match fs::canonicalize(root) {
        Ok(real) if real.is_dir() => match Held::directory(&real) {
            Ok(held) => {
                let root = Root { held: &held, path: &real };
                tree.walk(root, &held, "", 0);
            }
            Err(error) => tree.problems.push(unreadable(error)),
        },
        Ok(_) => {
            tree.problems.push(Problem::of_file(root.display().to_string(), "the policy root is no directory", None))
        }
        Err(error) => tree.problems.push(unreadable(error)),
    }
    tree.files.sort_by(|a, b| a.name.cmp(&b.name));
    (tree.files, tree.problems)
}

/// Whether an editor keeps this beside a file: `a.yaml~`, what `a.yaml` was before, and `#a.yaml#`, what is not saved yet. Where the
/// file itself is not there, its backup is no such thing: an editor was broken off while it put the new one in its place.
fn is_backup(directory: &Held, name: &OsStr) -> bool {
    match name.as_bytes() {
        [b'#', .., b'#'] => true,
        [of @ .., b'~'] if !of.is_empty() => {
            matches!(directory.kind(OsStr::from_bytes(of)), Ok(FileType::RegularFile | FileType::Symlink))
        }
        _ => false,
    }
}

/// The root, held open; what is read below it never leaves it, whatever is swapped meanwhile.
#[derive(Clone, Copy)]
struct Root<'a> {
    held: &'a Held,
    /// Its real path.
    path: &'a Path,
}

struct Tree {
    files: Vec<SourceFile>,
    problems: Vec<Problem>,
    seen: usize,
    bytes: u64,
    full: bool,
}

impl Tree {
    fn walk(&mut self, root: Root<'_>, directory: &Held, below: &str, depth: usize) {
        if depth > MAX_DEPTH {
            self.problems.push(Problem::of_file(below, format!("directories lie more than {MAX_DEPTH} deep"), None));
            return;
        }
        let unreadable =
            |error: io::Error| Problem::of_file(below, format!("the directory cannot be read: {error}"), None);
        let listed = match directory.list() {
            Ok(listed) => listed,
            Err(error) => {
                self.problems.push(unreadable(error));
                return;
            }
        };
        for found in listed {
            if self.full {
                return;
            }
            let found = match found {
                Ok(found) => found,
                Err(error) => {
                    self.problems.push(unreadable(error.into()));
                    return;
                }
            };
            let name = OsStr::from_bytes(found.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            self.seen += 1;
            if self.seen > MAX_FILES {
                self.stop(below, format!("the policy tree has more than {MAX_FILES} files"));
                return;
            }
            let Some(text) = name.to_str() else {
                let name = format!("{below}{}", name.to_string_lossy());
                self.problems.push(Problem::of_file(name, "the name is not UTF-8", None));
                continue;
            };
            if text.starts_with('.') || text.ends_with(".md") || text == "CODEOWNERS" {
                continue;
            }
            let shown = format!("{below}{text}");
            let kind = match found.file_type() {
                FileType::Unknown => directory.kind(name),
                known => Ok(known),
            };
            if !matches!(kind, Ok(FileType::Directory)) && is_backup(directory, name) {
                continue;
            }
            match kind {
                Ok(FileType::Directory) => match directory.inner(name) {
                    Ok(inner) => self.walk(root, &inner, &format!("{shown}/"), depth + 1),
                    Err(error) => {
                        self.problems.push(Problem::of_file(
                            shown,
                            format!("the directory cannot be read: {error}"),
                            None,
                        ));
                    }
                },
                Ok(FileType::Symlink) => self.link(root, shown),
                Ok(FileType::RegularFile) => self.take(shown, || directory.below(Path::new(name))),
                Ok(_) => self.take(shown, || Err(io::Error::other(IRREGULAR))),
                Err(error) => {
                    self.problems.push(Problem::of_file(shown, format!("its type cannot be read: {error}"), None))
                }
            }
        }
    }

    fn link(&mut self, root: Root<'_>, shown: String) {
        let real = match fs::canonicalize(root.path.join(&shown)) {
            Ok(real) => real,
            Err(error) => {
                self.problems.push(Problem::of_file(
                    shown,
                    format!("this is a link that leads nowhere: {error}"),
                    None,
                ));
                return;
            }
        };
        match real.strip_prefix(root.path) {
            Err(_) => self.problems.push(Problem::of_file(
                shown,
                "this is a link that leads out of the policy tree",
                Some("put the file itself into the tree"),
            )),
            // Under another path another delegation would hold for the same files.
            Ok(_) if real.is_dir() => self.problems.push(Problem::of_file(
                shown,
                "this is a link to a directory",
                Some("put the files themselves there, or link them one by one"),
            )),
            Ok(below) => self.take(shown, || root.held.below(below)),
        }
    }

    fn take(&mut self, shown: String, open: impl FnOnce() -> io::Result<File>) {
        if !(shown.ends_with(".yaml") || shown.ends_with(".yml")) {
            self.problems.push(Problem::of_file(
                shown,
                "this is no policy file: policies end in `.yaml` or `.yml`",
                Some("rename it, or move it out of the policy tree (dot-files, *.md, CODEOWNERS and editors' backups of files that are there may stay)"),
            ));
            return;
        }
        match read_bounded(open(), MAX_FILE_BYTES) {
            Ok(bytes) => {
                self.bytes += bytes.len() as u64;
                if self.bytes > MAX_TREE_BYTES {
                    self.stop(&shown, format!("the policy files together are larger than {MAX_TREE_BYTES} bytes"));
                    return;
                }
                self.files.push(SourceFile { name: shown, bytes });
            }
            Err(why) => self.problems.push(Problem::of_file(shown, why, None)),
        }
    }

    fn stop(&mut self, at: &str, why: String) {
        self.full = true;
        self.problems.push(Problem::of_file(at, why, None));
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
        ["a.yaml~", "#a.yaml#", "b/.#s2.yml", "b/s2.yml~", "c.yaml~"].into_iter().for_each(write);
        let (files, problems) = read_tree(root.path());
        assert_eq!(names(&files), ["a.yaml", "b/s2.yml"]);
        let mut told: Vec<&str> = problems.iter().map(|problem| problem.file.as_str()).collect();
        told.sort_unstable();
        assert_eq!(told, ["b/notes.txt", "c.yaml.bak", "c.yaml~"], "a file that is away is no backup of one");
    }

    #[test]
    fn what_is_no_file_is_told_and_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let pipe = root.path().join("pipe.yaml");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("pipe.yaml", root.path().join("link.yaml")).unwrap();
        let (files, problems) = read_tree(root.path());
        assert!(files.is_empty() && problems.len() == 2, "{problems:?}");
        for told in [read_file(&pipe), read_named(&pipe), read_named(&root.path().join("link.yaml"))] {
            assert_eq!(told.unwrap_err().message, IRREGULAR);
        }
        // As if it had been put there after the look.
        assert_eq!(read_bounded(open::calmly(&pipe), 1).unwrap_err(), IRREGULAR);
    }

    #[test]
    fn a_file_that_was_named_is_no_link_out_of_its_directory() {
        use std::os::unix::fs::symlink;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("branch/..data")).unwrap();
        fs::write(at("secret"), "secret").unwrap();
        fs::write(at("branch/..data/people.yaml"), "people").unwrap();
        symlink("..data/people.yaml", at("branch/people.yaml")).unwrap();
        symlink("../secret", at("branch/out.yaml")).unwrap();
        symlink("/proc/self/environ", at("branch/environ.yaml")).unwrap();
        symlink("branch", at("linked")).unwrap();
        for name in ["branch/people.yaml", "linked/people.yaml", "secret"] {
            assert!(read_named(&at(name)).is_ok(), "{name}");
        }
        for name in ["branch/out.yaml", "branch/environ.yaml", "linked/out.yaml"] {
            let told = read_named(&at(name)).unwrap_err();
            assert!(told.message.contains("leads out of its directory"), "{told:?}");
        }
        assert!(read_named(&at("branch/nowhere.yaml")).is_err() && read_named(&at("branch")).is_err());
    }

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
