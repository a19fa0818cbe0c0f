//! From SQLite's errors to what a person can do about them.

use super::JournalError;

/// SQLite's primary result codes that a person can act on: <https://www.sqlite.org/rescode.html>.
const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const NOTADB: i32 = 26;

/// A killed writer's unfinished transaction has to be rolled back, which a reader may not do.
const READONLY_ROLLBACK: i32 = 776;

/// The extended result code, where the error has one.
fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// Whether a killed writer left something that only a writer may roll back.
pub(super) fn needs_rollback(error: &sqlx::Error) -> bool {
    code(error) == Some(READONLY_ROLLBACK)
}

/// The error in words, with what to do next.
pub(super) fn storage(error: sqlx::Error) -> JournalError {
    let what = match code(&error).map(|code| code & 0xff) {
        Some(BUSY | LOCKED) => {
            return JournalError::Held { what: "the journal".into(), by: "another process that is writing it".into() };
        }
        Some(FULL) => "the journal cannot be written: the disk is full. Make room and run again",
        Some(READONLY | PERM) => "the journal cannot be written: its file or directory is read-only",
        Some(CANTOPEN) => "the journal cannot be opened: look at the permissions of its file and directory",
        Some(IOERR) => "the journal cannot be read or written: the disk reports an error",
        Some(CORRUPT) => {
            "the journal is damaged: put back a copy, or keep the file elsewhere as evidence and make a new journal with `portcullis init` (history is lost, correctness is not)"
        }
        Some(NOTADB) => "this file is no journal: look at `journal:` in the configuration",
        _ => "the journal cannot be used",
    };
    JournalError::Storage(format!("{what} ({error})"))
}
