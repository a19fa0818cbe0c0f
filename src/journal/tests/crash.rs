//! A killed writer leaves a sound chain, with everything that it had confirmed.

use std::io::Write as _;
use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use futures::future::join_all;

use super::*;

const CHILD: &str = "PORTCULLIS_TEST_JOURNAL_TO_WRITE";

/// Does nothing by itself: it is the process that the next test starts and kills.
#[tokio::test]
async fn child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let journal = Journal::open(path.as_ref(), Mode::Write).await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    for round in 0.. {
        let (journal, run) = (&journal, &run);
        join_all((0..8).map(|index| async move {
            let receipt = send(journal, run, &format!("{round}-{index}")).await;
            writeln!(std::io::stdout(), "\nconfirmed {}", receipt.intent()).unwrap();
        }))
        .await;
    }
}

#[tokio::test]
async fn a_killed_writer_leaves_a_sound_chain() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    drop(Journal::open(&path, Mode::Create).await.unwrap());
    for lines in [1, 20, 45] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::crash::child", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let confirmed = |line: String| line.strip_prefix("confirmed ").map(str::to_owned);
        let mut ids: Vec<String> = output.by_ref().filter_map(confirmed).take(lines).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        ids.extend(output.filter_map(confirmed).filter(|id| id.len() == 36));
        assert!(ids.len() >= lines);

        // A reader comes first: it has to get along with whatever lies there.
        let reader = Journal::open(&path, Mode::Read).await.unwrap();
        let seen = reader.verify().await.unwrap();
        drop(reader);
        let journal = Journal::open(&path, Mode::Write).await.unwrap();
        assert_eq!(journal.verify().await.unwrap(), seen);
        let open = journal.open_intents("s2").await.unwrap();
        for id in ids {
            let kept = open
                .iter()
                .any(|(record, ..)| matches!(&record.body, RecordBody::Intent { intent, .. } if *intent == id));
            assert!(kept, "{id} was confirmed and is lost");
        }
    }
}

#[tokio::test]
async fn a_reader_gets_along_with_an_unfinished_commit_and_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Journal::open(&path, Mode::Create).await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    for id in 0..50 {
        send(&journal, &run, &id.to_string()).await;
    }
    let sound = journal.verify().await.unwrap();
    // A transaction that is written to the file in part, as a kill would leave it.
    let left = directory.path().join("killed");
    std::fs::create_dir(&left).unwrap();
    {
        let mut connection = journal.connection.lock().await;
        let spill = "PRAGMA cache_size = 1; BEGIN IMMEDIATE; UPDATE records SET body = body || printf('%10000c', 'x');";
        sqlx::raw_sql(spill).execute(&mut *connection).await.unwrap();
        for name in ["journal.db", "journal.db-journal"] {
            std::fs::copy(directory.path().join(name), left.join(name)).unwrap();
        }
        sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await.unwrap();
    }
    let killed = left.join("journal.db");
    let bytes = std::fs::read(&killed).unwrap();
    assert_ne!(bytes, std::fs::read(&path).unwrap(), "the pages did reach the file");
    let reader = Journal::open(&killed, Mode::Read).await.unwrap();
    assert_eq!(reader.verify().await.unwrap(), sound);
    assert_eq!(std::fs::read(&killed).unwrap(), bytes);
    let writer = Journal::open(&killed, Mode::Write).await.unwrap();
    assert_eq!(writer.verify().await.unwrap(), sound);
}
