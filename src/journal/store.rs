//! The journal's file: opened, created, brought up to date.
//!
//! The file is kept in SQLite's rollback-journal mode with `synchronous=FULL`: what is committed survives a kill and a loss of
//! power, and a reader needs no file besides, so that it can work in a read-only directory and never writes. Write-ahead
//! logging would cost fewer syncs a commit, but its readers have to create or write a shared-memory file. `PERSIST` syncs the
//! end of a transaction; `DELETE` leaves that to the directory.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    JournalError, Mode, chain,
    problem::{needs_rollback, storage},
    schema::{ACCOUNTS_FOR_READERS, APPLICATION_ID, HAS_LISTS, LISTS_FOR_READERS, MIGRATIONS},
};

/// How long to wait for another process in the middle of a commit.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The rollback file is cut back to this many bytes after a large transaction.
const ROLLBACK_FILE_BYTES: &str = "4194304";

/// How often a copy is taken again when its original changed meanwhile.
const COPY_TRIES: u32 = 3;

/// An open journal.
pub(super) struct Store {
    pub(super) connection: SqliteConnection,
    /// The copy it reads, where a killed writer left a transaction that only a writer may roll back.
    pub(super) copy: Option<PrivateCopy>,
}

/// Which file a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileId(u64, u64);

impl FileId {
    /// The file at a path; `None` where there is none. Where the system has no numbers for files, all are the same one.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            Some(Self(about.dev(), about.ino()))
        }
        #[cfg(not(unix))]
        {
            let _ = about;
            Some(Self(0, 0))
        }
    }
}

/// Options to create a file that only its owner can read.
pub(super) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a directory, and those above it, that only its owner can enter. One that is there stays as it is.
///
/// # Errors
/// The file system's.
pub fn make_private_directory(path: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    if path.as_os_str().is_empty() { Ok(()) } else { builder.create(path) }
}

pub(super) async fn open(path: &Path, mode: Mode) -> Result<Store, JournalError> {
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) if mode == Mode::Create => create(path)?,
        Ok(false) => return Err(JournalError::Missing(path.display().to_string())),
        Err(error) => return Err(JournalError::Storage(format!("cannot look at {}: {error}", path.display()))),
    }
    if mode == Mode::Read {
        return open_to_read(path).await;
    }
    let options = options(path).journal_mode(SqliteJournalMode::Persist).synchronous(SqliteSynchronous::Full);
    let options = options.pragma("journal_size_limit", ROLLBACK_FILE_BYTES);
    let mut connection = options.connect().await.map_err(storage)?;
    migrate(&mut connection, mode == Mode::Create).await?;
    check(&mut connection).await?;
    Ok(Store { connection, copy: None })
}

/// The same tables in memory.
pub(super) async fn in_memory() -> Result<Store, JournalError> {
    let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(false).disable_statement_logging();
    let mut connection = options.connect().await.map_err(storage)?;
    migrate(&mut connection, true).await?;
    Ok(Store { connection, copy: None })
}

fn options(path: &Path) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(false);
    options.busy_timeout(BUSY_TIMEOUT).disable_statement_logging()
}

fn create(path: &Path) -> Result<(), JournalError> {
    let directory = path.parent().unwrap_or(Path::new(""));
    let make = || -> std::io::Result<()> {
        make_private_directory(directory)?;
        private_file().create_new(true).open(path)?.sync_all()?;
        // The new name has to survive a loss of power too.
        #[cfg(unix)]
        File::open(if directory.as_os_str().is_empty() { Path::new(".") } else { directory })?.sync_all()?;
        Ok(())
    };
    match make() {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(JournalError::Storage(format!("cannot make the journal {}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

async fn open_to_read(path: &Path) -> Result<Store, JournalError> {
    let mut connection = options(path).read_only(true).connect().await.map_err(storage)?;
    match sqlx::query("SELECT 1 FROM sqlite_master LIMIT 1").fetch_optional(&mut connection).await {
        Ok(_) => {
            check_to_read(&mut connection).await?;
            return Ok(Store { connection, copy: None });
        }
        Err(error) if needs_rollback(&error) => {}
        Err(error) => return Err(storage(error)),
    }
    // A writer was killed in the middle of a commit. Rolling that back is the next writer's right; a reader does it in a copy.
    let mut last = JournalError::Storage("the journal changes too fast to be read".into());
    for _ in 0..COPY_TRIES {
        let copy = PrivateCopy::of(path)
            .map_err(|error| JournalError::Storage(format!("cannot copy {} to read it: {error}", path.display())))?;
        let mut connection = options(&copy.file()).connect().await.map_err(storage)?;
        match check_to_read(&mut connection).await {
            Ok(()) => return Ok(Store { connection, copy: Some(copy) }),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A copy of a journal and its rollback file in a directory of its own, removed when dropped.
pub(super) struct PrivateCopy(PathBuf);

impl PrivateCopy {
    fn of(path: &Path) -> std::io::Result<Self> {
        let copy = Self(std::env::temp_dir().join(format!("portcullis-{}", uuid::Uuid::new_v4())));
        make_private_directory(&copy.0)?;
        let beside = |file: &Path| {
            let mut name = file.as_os_str().to_owned();
            name.push("-journal");
            PathBuf::from(name)
        };
        // The rollback file first: one that is newer than the copied pages would not undo them.
        std::fs::copy(beside(path), beside(&copy.file()))?;
        std::fs::copy(path, copy.file())?;
        Ok(copy)
    }

    fn file(&self) -> PathBuf {
        self.0.join("journal.db")
    }
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "a copy of the journal could not be removed");
        }
    }
}

async fn pragma(connection: &mut SqliteConnection, name: &'static str) -> Result<i64, JournalError> {
    sqlx::query_scalar(name).fetch_one(connection).await.map_err(storage)
}

fn too_new(version: i64) -> JournalError {
    JournalError::Storage(format!(
        "the journal was written by a newer Portcullis (its version is {version}, this one knows {}): update Portcullis",
        MIGRATIONS.len()
    ))
}

fn no_journal() -> JournalError {
    JournalError::Storage("this file is no journal: look at `journal:` in the configuration".into())
}

/// Checks a file that is read as it is, and stands in for what a file of an earlier version lacks.
async fn check_to_read(connection: &mut SqliteConnection) -> Result<(), JournalError> {
    if version_to_read(connection).await? < HAS_LISTS {
        sqlx::raw_sql(LISTS_FOR_READERS).execute(&mut *connection).await.map_err(storage)?;
    }
    let accounts: i64 = pragma(connection, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'accounts'").await?;
    if accounts == 0 {
        sqlx::raw_sql(ACCOUNTS_FOR_READERS).execute(&mut *connection).await.map_err(storage)?;
    }
    check(connection).await
}

async fn version_to_read(connection: &mut SqliteConnection) -> Result<usize, JournalError> {
    if pragma(connection, "PRAGMA application_id").await? != APPLICATION_ID {
        return Err(no_journal());
    }
    let version = pragma(connection, "PRAGMA user_version").await?;
    match usize::try_from(version) {
        // Later versions only add to the record, and nothing that a reader could not do without.
        Ok(known) if (1..=MIGRATIONS.len()).contains(&known) => Ok(known),
        _ => Err(too_new(version)),
    }
}

/// Brings the tables up to date, in one transaction; makes them where that is asked for and the file is empty.
async fn migrate(connection: &mut SqliteConnection, make: bool) -> Result<(), JournalError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(storage)?;
    let tables: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master").fetch_one(&mut *transaction).await.map_err(storage)?;
    let marked = pragma(&mut transaction, "PRAGMA application_id").await? == APPLICATION_ID;
    if !marked && (tables > 0 || !make) {
        return Err(no_journal());
    }
    let version = pragma(&mut transaction, "PRAGMA user_version").await?;
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    let todo = MIGRATIONS.get(done..).ok_or_else(|| too_new(version))?;
    if todo.is_empty() {
        return transaction.rollback().await.map_err(storage);
    }
    for script in todo {
        sqlx::raw_sql(*script).execute(&mut *transaction).await.map_err(storage)?;
    }
    let stamp = format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {};", MIGRATIONS.len());
    sqlx::raw_sql(AssertSqlSafe(stamp)).execute(&mut *transaction).await.map_err(storage)?;
    transaction.commit().await.map_err(storage)
}

/// Checks the newest records in one view of the file.
async fn check(connection: &mut SqliteConnection) -> Result<(), JournalError> {
    let mut view = connection.begin().await.map_err(storage)?;
    chain::check_newest(&mut view).await?;
    view.rollback().await.map_err(storage)
}
