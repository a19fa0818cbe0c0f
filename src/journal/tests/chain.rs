//! The chain finds what was edited, and stays one with two writers.

use futures::future::join_all;
use rstest::rstest;
use sqlx::AssertSqlSafe;

use super::*;
use crate::access::EntryRecord;

async fn tamper(journal: &Journal, statements: &str) {
    let mut connection = journal.connection.lock().await;
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut *connection).await.unwrap();
}

#[rstest]
#[case::edited("UPDATE records SET body = replace(body, 'data/s2.yaml', 'data/s3.yaml') WHERE seq = 6", 6)]
#[case::moved_in_time("UPDATE records SET at = at + 1 WHERE seq = 3", 3)]
#[case::given_to_another_target("UPDATE records SET target = 'other' WHERE seq = 5", 5)]
#[case::deleted("DELETE FROM records WHERE seq = 4", 4)]
#[case::first_deleted("DELETE FROM records WHERE seq = 1", 1)]
#[case::last_deleted("DELETE FROM records WHERE seq = 11", 11)]
#[case::swapped(
    "UPDATE records SET seq = -6 WHERE seq = 6; UPDATE records SET seq = 6 WHERE seq = 8; UPDATE records SET seq = 8 WHERE seq = -6",
    6
)]
#[case::look_up_columns("UPDATE records SET outcome = 'failed' WHERE seq = 3", 3)]
#[case::added(
    "INSERT INTO records SELECT 12, at, run, target, body, hash, type, subject, kind, entry, principal, outcome FROM records WHERE seq = 11",
    12
)]
#[case::unreadable("UPDATE records SET body = 'x' WHERE seq = 9", 9)]
#[tokio::test]
async fn verification_names_the_first_broken_record(#[case] statements: &str, #[case] first: u64) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Journal::open(&path, Mode::Create).await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    for id in ["a", "b", "c", "d", "e"] {
        let receipt = send(&journal, &run, id).await;
        settle(&journal, &run, &receipt, OutcomeKind::Done).await;
    }
    assert_eq!(journal.verify().await.unwrap().records, 11);
    tamper(&journal, statements).await;
    let Err(JournalError::Broken { seq, .. }) = journal.verify().await else { panic!("not noticed") };
    assert_eq!(seq, first);
    let again = Journal::open(&path, Mode::Write).await;
    assert!(matches!(again.err(), Some(JournalError::Broken { seq, .. }) if seq == first), "opening finds it too");
}

#[tokio::test]
async fn two_writers_keep_one_chain() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let one = Journal::open(&path, Mode::Create).await.unwrap();
    let two = Journal::open(&path, Mode::Write).await.unwrap();
    let write = async |journal: &Journal| {
        let run = journal.begin(&RunInfo::default()).await.unwrap();
        join_all((0..20).map(|index| {
            let (run, id) = (run.clone(), format!("{run}/{index}"));
            async move { send(journal, &run, &id).await }
        }))
        .await
    };
    tokio::join!(write(&one), write(&two));
    let verified = one.verify().await.unwrap();
    assert_eq!(verified.records, 42);
    assert_eq!(two.verify().await.unwrap(), verified);
    assert_eq!(one.open_intents("s2").await.unwrap().len(), 40);
}

#[tokio::test]
async fn records_are_found_by_entry_principal_and_target() {
    let journal = Journal::ephemeral().await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    for id in ["a", "b"] {
        let receipt = send(&journal, &run, id).await;
        settle(&journal, &run, &receipt, OutcomeKind::Done).await;
    }
    let count = async |filter: Filter| journal.records(&filter).await.unwrap().len();
    assert_eq!(count(Filter::default()).await, 5);
    assert_eq!(count(Filter { id: Some("a".into()), ..Filter::default() }).await, 2, "its outcome too");
    assert_eq!(count(Filter { principal: Some("anna@example.com".into()), ..Filter::default() }).await, 4);
    assert_eq!(count(Filter { target: Some("s2".into()), ..Filter::default() }).await, 4);
    let newest = journal.records(&Filter { limit: Some(2), ..Filter::default() }).await.unwrap();
    assert_eq!(newest.iter().map(|record| record.seq).collect::<Vec<_>>(), [4, 5]);
    let RecordBody::Intent { entry, key, request_body, .. } = &newest[0].body else { panic!("an intent") };
    assert_eq!(serde_json::from_value::<EntryRecord>(entry.clone()).unwrap(), EntryRecord::of(&order("s2", "b").entry));
    assert_eq!(key.len(), 64);
    assert_eq!(request_body.as_deref(), Some(r#"{"reason":"undeclared"}"#));
}
