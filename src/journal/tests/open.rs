//! The list of open intents: kept by whoever writes, made from the chain where a file has none, and compared with it.

use rstest::rstest;
use sqlx::AssertSqlSafe;

use super::*;

async fn open_ids(journal: &Journal) -> Vec<String> {
    let open = journal.open_intents("s2").await.unwrap();
    let ids = open.into_iter().map(|(intent, ..)| match intent.body {
        RecordBody::Intent { id, .. } => id.to_string(),
        _ => panic!("an intent"),
    });
    ids.collect()
}

#[tokio::test]
async fn a_file_without_the_list_is_read_as_it_is_and_gets_one_from_a_writer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    // It was there before, and goes on writing as it did.
    let old = Journal::open(&path, Mode::Create).await.unwrap();
    let run = old.begin(&RunInfo::default()).await.unwrap();
    before_the_list(&old).await;
    let mut receipts = Vec::new();
    for (id, outcomes) in [
        ("untouched", &[][..]),
        ("done", &[OutcomeKind::Done]),
        ("followed", &[OutcomeKind::Unknown, OutcomeKind::InFlight]),
        ("again", &[OutcomeKind::Failed, OutcomeKind::Unknown]),
        ("refused", &[OutcomeKind::InFlight, OutcomeKind::Refused]),
    ] {
        let receipt = send(&old, &run, id).await;
        for &outcome in outcomes {
            settle(&old, &run, &receipt, outcome).await;
        }
        receipts.push(receipt);
    }
    let expected = ["untouched", "followed", "again"];
    let bytes = std::fs::read(&path).unwrap();
    let reader = Journal::open(&path, Mode::Read).await.unwrap();
    assert_eq!(open_ids(&reader).await, expected);
    let history = reader.history("s2", now()).await.unwrap();
    assert_eq!((history.open.len(), history.refusals.len(), history.sent.len()), (3, 1, 4));
    assert_eq!(reader.verify().await.unwrap().records, 13);
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "a reader brings nothing up to date");

    settle(&old, &run, &receipts[0], OutcomeKind::Gone).await;
    assert_eq!(open_ids(&reader).await, ["followed", "again"], "and sees what is written meanwhile");
    let new = Journal::open(&path, Mode::Write).await.unwrap();
    assert_eq!(open_ids(&new).await, ["followed", "again"]);
    new.verify().await.unwrap();

    settle(&old, &run, &receipts[2], OutcomeKind::Done).await;
    send(&old, &run, "later").await;
    for journal in [&new, &reader, &old] {
        assert_eq!(open_ids(journal).await, ["again", "later"], "whoever writes keeps the list");
        journal.verify().await.unwrap();
    }
    assert_eq!(open_ids(&Journal::open(&path, Mode::Read).await.unwrap()).await, ["again", "later"]);
}

#[rstest]
#[case::missing(
    "DELETE FROM open_intents WHERE subject = 'OPEN'",
    "the intent OPEN of record 2 is open and does not stand among the open ones"
)]
#[case::added(
    "INSERT INTO open_intents SELECT subject, target FROM records WHERE seq = 3",
    "the intent DONE stands among the open ones and is not open"
)]
#[case::unknown(
    "INSERT INTO open_intents VALUES ('x', 's2')",
    "the intent x stands among the open ones and is not open"
)]
#[case::elsewhere(
    "UPDATE open_intents SET target = 's3'",
    "the intent OPEN of record 2 stands among the open ones for another target"
)]
#[case::lighter(
    "UPDATE sent_intents SET weight = 0 WHERE subject = 'OPEN'",
    "the intent OPEN weighs or counts otherwise"
)]
#[case::gone("DELETE FROM sent_intents WHERE subject = 'OPEN'", "the intent OPEN weighs or counts otherwise")]
#[tokio::test]
async fn a_list_that_is_not_what_the_chain_says_is_told_apart_from_a_broken_chain(
    #[case] statement: &str,
    #[case] expected: &str,
) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal.db");
    let journal = Journal::open(&path, Mode::Create).await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    let (open, done) = (send(&journal, &run, "a").await, send(&journal, &run, "b").await);
    settle(&journal, &run, &done, OutcomeKind::Done).await;
    journal.verify().await.unwrap();
    let statement = AssertSqlSafe(statement.replace("OPEN", open.intent()));
    sqlx::raw_sql(statement).execute(&mut *journal.connection.lock().await).await.unwrap();
    let error = Journal::open(&path, Mode::Read).await.unwrap().verify().await.unwrap_err();
    assert!(matches!(&error, JournalError::Lists(_)), "{error}");
    let expected = expected.replace("OPEN", open.intent()).replace("DONE", done.intent());
    assert!(error.to_string().contains(&expected), "{error}");
    let listed = open_ids(&journal).await;
    assert!(!listed.contains(&"b".to_owned()), "what the chain says has ended is never taken for open: {listed:?}");
}
