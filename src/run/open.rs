//! Opens files that somebody may swap meanwhile: what was opened is judged, not what its name led to a moment before.
//!
//! Nothing here waits: a pipe without a writer is opened at once, and then refused by whoever wants a regular file.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt as _},
    path::{Component, Path},
};

use rustix::fs::{CWD, Mode, OFlags, openat};

/// What holds for each opening: it does not wait, no program that is started inherits it, and no terminal becomes ours.
const CALM: OFlags = OFlags::NONBLOCK.union(OFlags::CLOEXEC).union(OFlags::NOCTTY);

/// Opens what a name leads to, links followed, for reading.
///
/// # Errors
/// What the system says.
pub fn calmly(path: &Path) -> io::Result<File> {
    let flags = i32::try_from((OFlags::NONBLOCK | OFlags::NOCTTY).bits()).unwrap_or_default();
    File::options().read(true).custom_flags(flags).open(path)
}

/// A directory that is held open, so that its name may be swapped without what is read below it leaving it.
#[derive(Debug)]
pub struct Held(OwnedFd);

impl Held {
    /// Opens a directory, links followed.
    ///
    /// # Errors
    /// What the system says; it is none.
    pub fn directory(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | CALM, Mode::empty())?))
    }

    /// Opens a directory right in it. A link is an error.
    ///
    /// # Errors
    /// What the system says.
    pub fn inner(&self, name: &OsStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | CALM;
        Ok(Self(openat(&self.0, Path::new(name), flags, Mode::empty())?))
    }

    /// Opens what lies below it, by a path without links: each part is opened in the one before it, and a part that is a link, or
    /// has become one, is an error.
    ///
    /// # Errors
    /// What the system says; the path leads up or is empty.
    pub fn below(&self, path: &Path) -> io::Result<File> {
        let (Some(name), directories) = (path.file_name(), path.parent().unwrap_or(Path::new(""))) else {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        };
        let mut held: Option<Self> = None;
        for part in directories.components() {
            let Component::Normal(part) = part else { return Err(io::Error::from(io::ErrorKind::InvalidInput)) };
            held = Some(held.as_ref().unwrap_or(self).inner(part)?);
        }
        let at = &held.as_ref().unwrap_or(self).0;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | CALM;
        Ok(File::from(openat(at, Path::new(name), flags, Mode::empty())?))
    }

    /// The names in it, with what each is.
    ///
    /// # Errors
    /// What the system says.
    pub fn list(&self) -> io::Result<rustix::fs::Dir> {
        Ok(rustix::fs::Dir::read_from(&self.0)?)
    }

    /// What a name in it is, links not followed.
    ///
    /// # Errors
    /// What the system says.
    pub fn kind(&self, name: &OsStr) -> io::Result<rustix::fs::FileType> {
        let about = rustix::fs::statat(&self.0, Path::new(name), rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(rustix::fs::FileType::from_raw_mode(about.st_mode))
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read as _, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn nothing_below_a_held_directory_leads_out_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("root/team")).unwrap();
        fs::create_dir_all(at("outside/team")).unwrap();
        fs::write(at("root/team/a.yaml"), "inside").unwrap();
        fs::write(at("outside/team/a.yaml"), "outside").unwrap();
        let held = Held::directory(&at("root")).unwrap();
        let read = |path: &str| {
            let mut text = String::new();
            held.below(Path::new(path)).and_then(|mut file| file.read_to_string(&mut text)).map(|_| text)
        };
        assert_eq!(read("team/a.yaml").unwrap(), "inside");
        // Between the look and the opening somebody puts a link there: for the file, for its directory, for the root.
        symlink(at("outside/team/a.yaml"), at("root/team/link.yaml")).unwrap();
        assert!(read("team/link.yaml").is_err());
        fs::rename(at("root/team"), at("root/away")).unwrap();
        symlink(at("outside/team"), at("root/team")).unwrap();
        assert!(read("team/a.yaml").is_err() && held.inner(OsStr::new("team")).is_err());
        fs::rename(at("root"), at("old")).unwrap();
        symlink(at("outside"), at("root")).unwrap();
        assert_eq!(read("away/a.yaml").unwrap(), "inside");
        for odd in ["", "..", "../outside/team/a.yaml", "/etc/passwd"] {
            assert!(read(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_pipe_that_nobody_writes_to_is_opened_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let held = Held::directory(dir.path()).unwrap();
        for opened in [calmly(&pipe), held.below(Path::new("pipe"))] {
            assert!(!opened.unwrap().metadata().unwrap().is_file());
        }
    }
}
