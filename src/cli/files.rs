//! Reading and writing files that the command line names.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use super::failure::{Failure, Result};

/// The largest file that is read: a saved plan or a reading of a million entries fits.
pub const MAX_FILE_BYTES: u64 = 2 << 30;

/// Reads a text file whole. `what` names it in errors: `the saved plan`.
///
/// # Errors
/// It cannot be opened, is too large, or is not UTF-8.
pub fn read(path: &Path, what: &str) -> Result<String> {
    let fail = |error: &std::io::Error| {
        Failure::while_doing(format!("{what} {} cannot be read", path.display()), error)
            .hint("check the path and its rights")
    };
    let mut text = String::new();
    let read = File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| fail(&error))?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(Failure::new(format!("{what} {} is larger than {MAX_FILE_BYTES} bytes", path.display())));
    }
    Ok(text)
}

/// Writes a file whole or not at all: a killed process leaves the old one. A link is followed, so that it stays one. Only
/// the user who runs this can read the file: it tells who has which access.
///
/// # Errors
/// It cannot be written, or is there and no regular file.
pub fn write(path: &Path, text: &str, what: &str) -> Result<()> {
    let fail = |error: &io::Error| {
        Failure::while_doing(format!("{what} cannot be written to {}", path.display()), error)
            .hint("check that the directory exists and can be written to")
    };
    let place = place(path, what).map_err(|error| error.unwrap_or_else(|error| fail(&error)))?;
    let mut name = place.file_name().unwrap_or_default().to_owned();
    // A name that nobody can have made before, so that what is written goes nowhere else.
    name.push(format!(".{}.part", uuid::Uuid::new_v4()));
    let part = place.with_file_name(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&part)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&part, &place));
    written.map_err(|error| {
        // What is half written is of no use to anyone; that it cannot be removed either changes nothing.
        let _ = std::fs::remove_file(&part);
        fail(&error)
    })
}

/// Where a path leads: itself, or what the link there points to.
fn place(path: &Path, what: &str) -> std::result::Result<PathBuf, std::result::Result<Failure, io::Error>> {
    let odd = || {
        Ok(Failure::new(format!("{what} cannot be written to {}: it is no regular file", path.display()))
            .hint("name a regular file; without --out everything goes to standard output (`plan`: with --format json)"))
    };
    // Standard output may be a regular file too; another one put in its place would not be standard output any more.
    if path.starts_with("/dev") || path.starts_with("/proc") {
        return Err(odd());
    }
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(Err(error)),
        Ok(found) if found.is_file() => Ok(path.to_owned()),
        Ok(found) if found.is_symlink() => {
            let place = std::fs::canonicalize(path).map_err(Err)?;
            if std::fs::metadata(&place).map_err(Err)?.is_file() { Ok(place) } else { Err(odd()) }
        }
        Ok(_) => Err(odd()),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn a_link_stays_one_what_is_no_file_is_refused_and_nobody_else_can_read_it() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.json"), dir.path().join("link.json"));
        std::fs::write(&real, "old").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o644)).unwrap();
        symlink("real.json", &link).unwrap();
        super::write(&link, "new", "the plan").unwrap();
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(real.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        for odd in [dir.path(), std::path::Path::new("/dev/stdout"), std::path::Path::new("/dev/null")] {
            let told = super::write(odd, "x", "the plan").unwrap_err().to_string();
            assert!(told.contains("no regular file") && told.contains("standard output"), "{told}");
        }
        symlink("nowhere/at-all", dir.path().join("loose")).unwrap();
        assert!(super::write(&dir.path().join("loose"), "x", "the plan").is_err());
    }

    #[test]
    fn a_file_is_written_whole_and_replaces_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.json");
        super::write(&path, "one", "the plan").unwrap();
        super::write(&path, "two", "the plan").unwrap();
        assert_eq!(super::read(&path, "the plan").unwrap(), "two");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        let told = super::write(&dir.path().join("no/plan.json"), "x", "the plan").unwrap_err().to_string();
        assert!(told.contains("the plan cannot be written to") && told.contains("way on"), "{told}");
    }
}
