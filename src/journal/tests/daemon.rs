//! What the daemon keeps: runs that record nothing, pauses, good trees, and files of earlier versions.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::*;
use crate::access::Text;
use crate::journal::{GoodTree, Mode, schema::MIGRATIONS};

fn info() -> RunInfo {
    RunInfo { command: "watch".into(), revision: Some("abc".into()), ..RunInfo::default() }
}

fn in_hours(hours: i64) -> Timestamp {
    Timestamp::now().checked_add(SignedDuration::from_hours(hours)).unwrap()
}

#[tokio::test]
async fn a_run_that_records_nothing_leaves_nothing_and_another_begins_with_its_first_record() {
    let journal = Journal::ephemeral().await.unwrap();
    let (idle, run) = journal.begin_lazily(info());
    idle.end(&run, 0).await.unwrap();
    assert_eq!(journal.verify().await.unwrap().records, 0);
    let (busy, run) = journal.begin_lazily(info());
    let pin = |id: &str| RecordBody::AccountPinned { account_id: id.into() };
    let (one, other) = tokio::join!(busy.append(&run, Some("t"), pin("a")), busy.append(&run, Some("t"), pin("b")));
    one.and(other).unwrap();
    busy.end(&run, 4).await.unwrap();
    let records = journal.records(&Filter::default()).await.unwrap();
    assert_eq!(records.len(), 4, "{records:?}");
    assert!(records.iter().all(|record| record.run == run));
    assert!(matches!(&records[0].body, RecordBody::RunStarted(told) if *told == info()));
    assert!(matches!(records[3].body, RecordBody::RunEnded { exit_code: 4, cut_off: false }));
    journal.verify().await.unwrap();
}

#[tokio::test]
async fn a_pause_stands_until_it_is_taken_back_or_its_time_is_over() {
    let journal = Journal::ephemeral().await.unwrap();
    let now = Timestamp::now();
    assert_eq!(journal.paused(now).await.unwrap(), None);
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    let pause = |until| RecordBody::Paused { because: "INC-1".into(), until };
    journal.append(&run, None, pause(None)).await.unwrap();
    let paused = journal.paused(in_hours(10_000)).await.unwrap().unwrap();
    assert_eq!((paused.because.as_str(), paused.until), ("INC-1", None));
    journal.append(&run, None, RecordBody::Resumed).await.unwrap();
    assert_eq!(journal.paused(now).await.unwrap(), None);
    journal.append(&run, None, pause(Some(in_hours(1)))).await.unwrap();
    assert!(journal.paused(now).await.unwrap().is_some());
    assert_eq!(journal.paused(in_hours(2)).await.unwrap(), None);
    journal.verify().await.unwrap();
}

fn tree(people: &str, files: usize) -> GoodTree {
    let files: BTreeMap<Text, Text> =
        (0..files).map(|number| (format!("{number}.yaml").into(), format!("d{number}").into())).collect();
    let digests = files.values().cloned().chain((!people.is_empty()).then(|| people.into()));
    let contents = digests.map(|digest: Text| (digest.clone(), format!("bytes of {digest}").into_bytes().into()));
    GoodTree { people: people.into(), account: "a".into(), meaning: "m".into(), contents: contents.collect(), files }
}

#[tokio::test]
async fn the_last_good_tree_of_each_target_comes_back_as_it_was_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    let journal = Journal::open(&path, Mode::Create).await.unwrap();
    assert_eq!(journal.good_trees().await.unwrap(), BTreeMap::new());
    let (first, second, other) = (tree("p", 1_700), tree("", 3), tree("p", 0));
    journal.keep_tree("t", &first).await.unwrap();
    journal.keep_tree("u", &other).await.unwrap();
    assert_eq!(journal.good_trees().await.unwrap(), BTreeMap::from([("t".into(), first), ("u".into(), other.clone())]));
    journal.keep_tree("t", &second).await.unwrap();
    let kept: i64 = {
        let mut connection = journal.connection.lock().await;
        sqlx::query_scalar("SELECT COUNT(*) FROM tree_contents").fetch_one(&mut *connection).await.unwrap()
    };
    assert_eq!(kept, 4, "what no tree holds any more is gone, and what two hold is there once");
    drop(journal);
    let journal = Journal::open(&path, Mode::Write).await.unwrap();
    assert_eq!(journal.good_trees().await.unwrap(), BTreeMap::from([("t".into(), second), ("u".into(), other)]));
    assert_eq!(journal.verify().await.unwrap().records, 0, "beside the chain");
}

#[tokio::test]
async fn a_journal_of_the_first_version_is_read_as_it_is_and_brought_up_to_date_by_a_writer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    let journal = Journal::open(&path, Mode::Create).await.unwrap();
    journal.begin(&RunInfo::default()).await.unwrap();
    before_the_list(&journal).await;
    {
        let mut connection = journal.connection.lock().await;
        sqlx::raw_sql("DROP TABLE trees; DROP TABLE tree_files; DROP TABLE tree_contents; PRAGMA user_version = 1")
            .execute(&mut *connection)
            .await
            .unwrap();
    }
    drop(journal);
    assert!(MIGRATIONS.len() > 1);
    let read = Journal::open(&path, Mode::Read).await.unwrap();
    assert_eq!(read.verify().await.unwrap().records, 1);
    drop(read);
    let journal = Journal::open(&path, Mode::Write).await.unwrap();
    journal.keep_tree("t", &tree("p", 1)).await.unwrap();
    assert_eq!(journal.verify().await.unwrap().records, 1);
}

#[tokio::test]
async fn what_every_target_sent_is_told_by_target() {
    let journal = Journal::ephemeral().await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    for (target, id) in [("s2", "a"), ("s2", "b"), ("s3", "c")] {
        journal.intent(&run, intent(&order(target, id), None, 0)).await.unwrap();
    }
    let sent = journal.sent(Timestamp::now()).await.unwrap();
    assert_eq!(sent, BTreeMap::from([("s2".into(), 4), ("s3".into(), 2)]), "each reaches two");
    assert_eq!(journal.sent(in_hours(25)).await.unwrap(), BTreeMap::new());
}

/// Of two runs that were judged before either had sent, the second one is stopped where the first one left off.
#[tokio::test]
async fn an_intent_over_the_ceiling_is_not_recorded_and_harms_no_other_of_its_group() {
    let journal = Journal::ephemeral().await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    let (one, two) = (order("s2", "one"), order("other", "two"));
    let bounded = |order| Intent { ceiling: Some(3), ..intent(order, None, 0) };
    let (first, over) = tokio::join!(journal.intent(&run, bounded(&one)), journal.intent(&run, bounded(&two)));
    assert!(matches!(over, Err(JournalError::OverTotal { sent: 2, max: 3 })), "each weighs 2: {over:?}");
    let first = first.unwrap();
    assert_eq!(journal.open_intents("s2").await.unwrap().len(), 1);
    assert!(journal.open_intents("other").await.unwrap().is_empty());
    // What did not take effect does not count, what nobody knows does.
    settle(&journal, &run, &first, OutcomeKind::Unknown).await;
    assert!(journal.intent(&run, bounded(&two)).await.is_err());
    settle(&journal, &run, &first, OutcomeKind::Failed).await;
    journal.intent(&run, bounded(&two)).await.unwrap();
    assert_eq!(journal.sent(now()).await.unwrap(), BTreeMap::from([("other".into(), 2)]));
    journal.intent(&run, intent(&one, None, 0)).await.unwrap();
    journal.verify().await.unwrap();
}
