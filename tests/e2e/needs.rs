//! Programs that tests use and a machine may lack.

use std::path::PathBuf;

/// The first of these names that is a program of the path. A test that needs one ends where there is none, and says so; where
/// `PORTCULLIS_NEED_PROGRAMS` is set, as in `.ci/run`, it fails.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).flat_map(|directory| names.iter().map(move |name| directory.join(name)));
    let found = found.into_iter().find(|file| file.is_file());
    if found.is_none() {
        missing(&names.join(" or "));
    }
    found
}

/// Says so, or fails, where a program is missing.
pub fn missing(what: &str) {
    assert!(std::env::var_os("PORTCULLIS_NEED_PROGRAMS").is_none(), "no {what} on PATH");
    eprintln!("SKIPPED: no {what} on PATH");
}

/// Whether there is this program.
pub fn has(name: &str) -> bool {
    find(&[name]).is_some()
}
