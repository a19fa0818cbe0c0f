//! Snapshot files: a secret-free reading for plans without credentials.

use crate::{
    access::{Description, PastRecord, Snapshot, SnapshotRecord, Text},
    config::Config,
};

/// The largest snapshot file, in bytes.
pub const MAX_SNAPSHOT_BYTES: usize = 1024 * 1024 * 1024;

/// Why a snapshot file cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFileError {
    /// Too large.
    #[error("{0} is larger than {MAX_SNAPSHOT_BYTES} bytes")]
    TooLarge(String),
    /// Not a snapshot.
    #[error("{file} is no snapshot that this version wrote: {why}")]
    NoSnapshot {
        /// The file.
        file: String,
        /// Why not.
        why: String,
    },
    /// Of a target that the configuration does not have.
    #[error("{file} is a snapshot of target `{target}`, which portcullis.yaml does not have")]
    UnknownTarget {
        /// The file.
        file: String,
        /// The target.
        target: String,
    },
    /// Two files of the same target.
    #[error("{file} is a second snapshot of target `{target}`")]
    Twice {
        /// The file.
        file: String,
        /// The target.
        target: String,
    },
}

/// A reading from a file.
pub struct FromFile {
    /// The target.
    pub target: Text,
    /// The file as named.
    pub file: String,
    /// The reading.
    pub snapshot: Snapshot,
    /// What the journal knew where the reading was made.
    pub past: Option<PastRecord>,
}

/// A target's snapshot as the bytes of a file, with what the journal knows: JSON, one line, ended by a line feed.
///
/// # Errors
/// It cannot be written as JSON.
pub fn write(target: &str, snapshot: &Snapshot, past: Option<PastRecord>) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec(&SnapshotRecord::of(target, snapshot, past))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads a snapshot file against the configuration's targets.
///
/// # Errors
/// [`SnapshotFileError`].
pub fn parse(file: &str, bytes: &[u8], config: &Config) -> Result<FromFile, SnapshotFileError> {
    if bytes.len() > MAX_SNAPSHOT_BYTES {
        return Err(SnapshotFileError::TooLarge(file.to_owned()));
    }
    let no_snapshot = |why: String| SnapshotFileError::NoSnapshot { file: file.to_owned(), why };
    let mut record: SnapshotRecord = serde_json::from_slice(bytes).map_err(|error| no_snapshot(error.to_string()))?;
    let target = record.target.clone();
    let Some(known) = config.targets.get(&target) else {
        return Err(SnapshotFileError::UnknownTarget { file: file.to_owned(), target: target.to_string() });
    };
    let description: &'static Description = known.description;
    let past = record.past.take();
    let snapshot = record.into_snapshot(description).map_err(|error| no_snapshot(error.to_string()))?;
    Ok(FromFile { target, file: file.to_owned(), snapshot, past })
}
