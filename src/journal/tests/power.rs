//! A power cut in the middle of a commit: some of what was written since the last sync is on the disk, some is not. Whatever
//! of it is, the next process finds the chain as it was before.
//!
//! SQLite syncs the pages that it is about to change into the rollback file before it changes any, so a cut leaves that file
//! whole up to the last sync, and only what lies behind that, and the pages of the journal itself, half written.

use std::path::Path;

use super::*;

/// A rollback file begins each of its parts with this.
const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// The length of the synced parts of a rollback file: those whose header tells their number of pages.
fn synced(rollback: &[u8]) -> usize {
    let (mut at, sector, page) = (0, word(rollback, 20), word(rollback, 24));
    while rollback.get(at..at + 12).is_some_and(|head| head.starts_with(&MAGIC)) && word(rollback, at + 8) > 0 {
        let end = at + sector + word(rollback, at + 8) * (page + 8);
        at = end.next_multiple_of(sector);
    }
    at
}

/// The journal, its rollback file, and the journal before it all, in the middle of a large transaction.
struct Caught {
    before: Vec<u8>,
    torn: Vec<u8>,
    rollback: Vec<u8>,
    sound: Verified,
}

async fn caught() -> Caught {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Journal::open(&path, Mode::Create).await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    for id in 0..50 {
        send(&journal, &run, &id.to_string()).await;
    }
    let sound = journal.verify().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let mut connection = journal.connection.lock().await;
    let spill = "PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE records SET body = body || printf('%10000c', 'x');";
    sqlx::raw_sql(spill).execute(&mut *connection).await.unwrap();
    let torn = std::fs::read(&path).unwrap();
    let rollback = std::fs::read(directory.path().join("journal.db-journal")).unwrap();
    sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await.unwrap();
    Caught { before, torn, rollback, sound }
}

/// What a cut leaves on the disk, opened by a reader first and then by a writer, which goes on.
async fn recovers(file: &[u8], rollback: &[u8], sound: &Verified, when: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    std::fs::write(&path, file).unwrap();
    std::fs::write(directory.path().join("journal.db-journal"), rollback).unwrap();
    verified(&path, Mode::Read, sound, when).await;
    let journal = verified(&path, Mode::Write, sound, when).await;
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    send(&journal, &run, "after the cut").await;
    drop(journal);
    let again = Journal::open(&path, Mode::Read).await.unwrap();
    assert_eq!(again.verify().await.unwrap().records, sound.records + 2, "{when}: it goes on");
}

async fn verified(path: &Path, mode: Mode, sound: &Verified, when: &str) -> Journal {
    let journal = Journal::open(path, mode).await.unwrap_or_else(|error| panic!("{when}, {mode:?}: {error}"));
    let found = journal.verify().await.unwrap_or_else(|error| panic!("{when}, {mode:?}: {error}"));
    assert_eq!(found, *sound, "{when}, {mode:?}");
    journal
}

#[tokio::test]
async fn a_cut_before_the_first_sync_leaves_pages_untouched_and_any_part_of_the_rollback_file() {
    let Caught { before, rollback, sound, .. } = caught().await;
    // Up to the first sync the header tells no pages yet.
    let mut unsynced = rollback.clone();
    unsynced[8..12].fill(0);
    for length in [0, 1, 8, 27, 28, 511, 512, 513, 5_000, rollback.len()] {
        recovers(&before, &unsynced[..length], &sound, &format!("{length} bytes of the rollback file")).await;
    }
}

#[tokio::test]
async fn a_cut_between_two_syncs_leaves_any_of_the_pages_written() {
    let Caught { before, torn, rollback, sound } = caught().await;
    let kept = synced(&rollback);
    let page = word(&rollback, 24);
    assert!(kept > 0 && kept <= rollback.len() && torn.len() > before.len(), "the file has grown");
    assert!(torn[..before.len()] != before[..], "and older pages have changed");
    // As much of the file as there was is always there; of each page the old or the new form may be.
    let pages = torn.len() / page;
    let old = before.len() / page;
    for (when, takes) in [
        ("all pages", Box::new(|_| true) as Box<dyn Fn(usize) -> bool>),
        ("no page", Box::new(|_| false)),
        ("every second page", Box::new(|number| number % 2 == 0)),
        ("every third page", Box::new(|number| number % 3 == 1)),
        ("the first page only", Box::new(|number| number == 0)),
        ("all but the first page", Box::new(|number| number > 0)),
    ] {
        for grown in [old, old + 1, pages - 1, pages] {
            let mut file = before.clone();
            file.resize(grown * page, 0);
            for number in (0..grown).filter(|&number| takes(number)) {
                let at = number * page;
                file[at..at + page].copy_from_slice(&torn[at..at + page]);
            }
            let half = kept + (rollback.len() - kept) / 2;
            for length in [kept, half, rollback.len()] {
                let when = format!("{when} of {grown} pages, {length} bytes of the rollback file");
                recovers(&file, &rollback[..length], &sound, &when).await;
            }
        }
    }
}

#[tokio::test]
async fn without_its_rollback_file_a_torn_journal_is_found_out() {
    let Caught { torn, .. } = caught().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    std::fs::write(&path, &torn).unwrap();
    for mode in [Mode::Read, Mode::Write] {
        let whole = match Journal::open(&path, mode).await {
            Ok(journal) => journal.verify().await.is_ok(),
            Err(_) => false,
        };
        assert!(!whole, "{mode:?}: the pages were torn, and only the rollback file mends them");
    }
}
