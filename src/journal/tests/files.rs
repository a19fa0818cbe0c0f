//! Opening, modes, permissions, locks, and a disk that does not take more.

use std::{collections::BTreeSet, path::Path, time::Duration};

use super::*;

fn names(directory: &Path) -> BTreeSet<std::ffi::OsString> {
    std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[tokio::test]
async fn only_create_makes_a_journal_and_only_for_its_owner() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state/journal.db");
    for mode in [Mode::Read, Mode::Write] {
        assert!(matches!(Journal::open(&path, mode).await.err(), Some(JournalError::Missing(_))));
    }
    assert!(names(directory.path()).is_empty());
    let journal = Journal::open(&path, Mode::Create).await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    assert!(journal.history("s2", now()).await.unwrap().persistent);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }
    let again = Journal::open(&path, Mode::Create).await.unwrap();
    again.append(&run, None, RecordBody::RunEnded { exit_code: 0, cut_off: false }).await.unwrap();
    assert_eq!(journal.verify().await.unwrap().records, 2, "it is not made anew");
}

#[tokio::test]
async fn a_reader_writes_nothing_while_another_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Journal::open(&path, Mode::Create).await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    send(&journal, &run, "a").await;
    let (files, bytes) = (names(directory.path()), std::fs::read(&path).unwrap());
    let reader = Journal::open(&path, Mode::Read).await.unwrap();
    assert_eq!(reader.history("s2", now()).await.unwrap().open.len(), 1);
    assert!(matches!(reader.begin(&RunInfo::default()).await, Err(JournalError::Storage(_))));
    assert_eq!((names(directory.path()), std::fs::read(&path).unwrap()), (files, bytes));
    send(&journal, &run, "b").await;
    assert_eq!(reader.verify().await.unwrap().records, 3);
}

#[tokio::test]
async fn what_is_no_journal_or_a_newer_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    std::fs::write(&path, vec![b'x'; 8192]).unwrap();
    for mode in [Mode::Read, Mode::Write, Mode::Create] {
        let error = Journal::open(&path, mode).await.err().unwrap();
        assert!(matches!(&error, JournalError::Storage(what) if what.contains("no journal")), "{error}");
    }
    std::fs::write(&path, b"").unwrap();
    assert!(Journal::open(&path, Mode::Write).await.is_err(), "an empty file is made a journal only when asked for");
    let journal = Journal::open(&path, Mode::Create).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99").execute(&mut *journal.connection.lock().await).await.unwrap();
    for mode in [Mode::Read, Mode::Write] {
        let error = Journal::open(&path, mode).await.err().unwrap();
        assert!(error.to_string().contains("update Portcullis"), "{error}");
    }
}

#[tokio::test]
async fn on_a_full_disk_no_receipt_is_given() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(&directory.path().join("journal.db"), Mode::Create).await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    sqlx::raw_sql("PRAGMA max_page_count = 1").execute(&mut *journal.connection.lock().await).await.unwrap();
    let order = order("s2", "a");
    let mut stored = 0;
    let error = loop {
        match journal.intent(&run, intent(&order, None, 0)).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1000, "the limit has no effect");
    };
    assert!(matches!(&error, JournalError::Storage(what) if what.contains("disk is full")), "{error}");
    assert_eq!(journal.verify().await.unwrap().records, 1 + stored, "and the chain is whole");
}

#[tokio::test]
async fn whether_there_is_room_is_not_asked_at_the_expense_of_records() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(&directory.path().join("journal.db"), Mode::Create).await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    let pages: i64 =
        sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *journal.connection.lock().await).await.unwrap();
    let limit = format!("PRAGMA max_page_count = {}", pages + 8);
    sqlx::raw_sql(sqlx::AssertSqlSafe(limit)).execute(&mut *journal.connection.lock().await).await.unwrap();
    let record = || journal.append(&run, Some("s2"), RecordBody::ExpectationUsed);
    let (before, room, after) = tokio::join!(record(), journal.can_be_written(), record());
    assert!(room.is_err(), "there is none for so much");
    before.unwrap();
    after.unwrap();
    assert_eq!(journal.verify().await.unwrap().records, 3);
}

#[tokio::test]
async fn a_target_has_one_holder_who_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let one = Journal::open(&path, Mode::Create).await.unwrap();
    let two = Journal::open(&path, Mode::Write).await.unwrap();
    let wait = Duration::from_millis(150);
    let held = one.lock("s2/../x", wait).await.unwrap();
    assert!(two.lock("other", wait).await.is_ok());
    let Err(JournalError::TargetHeld { target, by }) = two.lock("s2/../x", wait).await else { panic!("held twice") };
    assert!(target == "s2/../x" && by.contains(&format!("process {} on ", std::process::id())), "{target} {by}");
    assert_eq!(names(&directory.path().join("journal.db.locks")).len(), 2, "the name stays below its directory");
    let (taken, ()) = tokio::join!(two.lock("s2/../x", Duration::from_secs(5)), async { drop(held) });
    let held = taken.expect("whoever waits gets it");
    std::os::unix::fs::symlink("journal.db", directory.path().join("link.db")).unwrap();
    let linked = Journal::open(&directory.path().join("link.db"), Mode::Write).await.unwrap();
    assert!(linked.lock("s2/../x", wait).await.is_err(), "the same journal by another name has the same locks");
    drop(held);
    assert!(linked.lock("s2/../x", wait).await.is_ok());

    let memory = Journal::ephemeral().await.unwrap();
    let held = memory.lock("s2", wait).await.unwrap();
    assert!(memory.clone().lock("s2", wait).await.is_err());
    drop(held);
    assert!(memory.lock("s2", wait).await.is_ok());
}
