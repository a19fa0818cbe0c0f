//! Writes the first files of a set-up, and its journal. What stands in them is [`crate::run::init`]'s.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use super::{
    failure::{Failure, Result},
    validate,
};
use crate::{
    access::Description,
    config::JournalPlace,
    run::{self, init},
    systems,
};

/// Writes a configuration, beside it a policy tree, and the journal that the configuration names; what exists stays as it is.
/// Returns what to tell.
///
/// # Errors
/// A file cannot be written, or a configuration that was there already is broken.
pub async fn init(main: &Path, wanted: &[String], schemas: bool) -> Result<String> {
    let mut told = String::new();
    let dir = main.parent().unwrap_or(Path::new(""));
    if main.exists() {
        told.push_str(&format!("{} is there already and stays as it is\n", main.display()));
    } else {
        for (path, text) in init::files(&chosen(wanted)?, schemas) {
            let path = if path == Path::new(init::CONFIG) { main.to_owned() } else { dir.join(path) };
            let wrote = if write_new(&path, &text)? { "wrote" } else { "is there already and stays as it is:" };
            told.push_str(&format!("{wrote} {}\n", path.display()));
        }
    }
    let bytes =
        fs::read(main).map_err(|error| Failure::while_doing(format!("{} cannot be read", main.display()), &error))?;
    let config = crate::config::load(&main.display().to_string(), main, &bytes, &systems::descriptions())
        .map_err(|problems| validate::problems(&problems))?;
    if let JournalPlace::File(path) = &config.journal {
        parent(path)?;
        run::to_write(&config, true).await?;
        told.push_str(&format!("the journal is {}\n", path.display()));
    }
    told.push_str(&format!("Next: edit {}, then `portcullis import TARGET` and `portcullis plan`.\n", main.display()));
    Ok(told)
}

fn chosen(wanted: &[String]) -> Result<Vec<&'static Description>> {
    let all = systems::descriptions();
    if wanted.is_empty() {
        return Ok(all);
    }
    wanted
        .iter()
        .map(|name| {
            all.iter().copied().find(|one| one.system == name).ok_or_else(|| {
                let names: Vec<&str> = all.iter().map(|one| one.system).collect();
                Failure::new(format!("there is no system `{name}`")).hint(format!("there are: {}", names.join(", ")))
            })
        })
        .collect()
}

/// Writes a file unless it exists; tells whether it did.
fn write_new(path: &PathBuf, text: &str) -> Result<bool> {
    parent(path)?;
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    match opened.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Failure::while_doing(format!("{} cannot be written", path.display()), &error)),
    }
}

fn parent(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)
        .map_err(|error| Failure::while_doing(format!("the directory {} cannot be made", parent.display()), &error))
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn a_new_set_up_has_a_journal_and_nothing_that_exists_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("people.yaml"), "version: 1\npeople: {}\n").unwrap();
        let told = super::init(&dir.path().join("portcullis.yaml"), &["s2".to_owned()], true).await.unwrap();
        assert!(
            told.contains("wrote") && told.contains("stays as it is: ") && told.contains("the journal is"),
            "{told}"
        );
        assert_eq!(std::fs::read_to_string(dir.path().join("people.yaml")).unwrap(), "version: 1\npeople: {}\n");
        let before = std::fs::read(dir.path().join("portcullis.yaml")).unwrap();
        super::init(&dir.path().join("portcullis.yaml"), &[], false).await.unwrap();
        assert_eq!(std::fs::read(dir.path().join("portcullis.yaml")).unwrap(), before);
        assert!(super::init(&dir.path().join("other/portcullis.yaml"), &["s3".to_owned()], false).await.is_err());
        super::init(&dir.path().join("named/guard.yaml"), &["s2".to_owned()], false).await.unwrap();
        assert!(dir.path().join("named/guard.yaml").exists() && dir.path().join("named/policies/s2.yaml").exists());
        assert!(!dir.path().join("named/portcullis.yaml").exists(), "its name was given");
    }
}
