//! Reading and writing files that the command line names.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
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

/// Writes a file whole or not at all: a killed process leaves the old one.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, text: &str, what: &str) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = File::create(&part)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&part, path));
    written.map_err(|error| {
        // What is half written is of no use to anyone; that it cannot be removed either changes nothing.
        let _ = std::fs::remove_file(&part);
        Failure::while_doing(format!("{what} cannot be written to {}", path.display()), &error)
            .hint("check that the directory exists and can be written to")
    })
}

#[cfg(test)]
mod tests {
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
