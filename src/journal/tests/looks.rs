//! What a look asks is found by an index, whatever the journal's age.
//!
//! What must not be in the snapshot: `SCAN records` without a limit, or a target, or all intents, as the only thing that narrows a
//! `SEARCH`. Where the types are few (pins, pauses, announced numbers) the type narrows enough.

use std::fmt::Write as _;

use sqlx::{AssertSqlSafe, Row as _};

use super::*;
use crate::journal::{open, past, sent};

#[tokio::test]
async fn every_question_of_a_look_goes_by_an_index() {
    let journal = Journal::ephemeral().await.unwrap();
    let newest = |target: Option<&str>| {
        past::listing(&Filter { target: target.map(Into::into), limit: Some(10), ..Filter::default() })
    };
    let (of_target, of_all) = (newest(Some("s2")), newest(None));
    let mut told = String::new();
    for (name, statement) in [
        ("open intents", open::OPEN.to_owned()),
        ("refusals", past::REFUSED.to_owned()),
        ("intents of the last 24 hours", sent::OF.to_owned()),
        ("what others sent in them", sent::ELSEWHERE.to_owned()),
        ("what all sent in them", sent::IN_ALL.to_owned()),
        ("what each sent in them", sent::BY_TARGET.to_owned()),
        ("ends of an entry's removals", past::ENDS.to_owned()),
        ("newest removal of an entry that was sent", past::NEWEST_SENT.to_owned()),
        ("newest of a type: account, announced number", past::NEWEST.to_owned()),
        ("newest of two types: pause", past::NEWEST_OF.to_owned()),
        ("pinned accounts", past::PINNED.to_owned()),
        ("announced numbers", past::ANNOUNCED.to_owned()),
        ("what was sent since", past::SENT_SINCE.to_owned()),
        ("newest records of a target", of_target.sql().as_str().to_owned()),
        ("newest records", of_all.sql().as_str().to_owned()),
    ] {
        let mut connection = journal.connection.lock().await;
        let plan = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
        writeln!(told, "{name}").unwrap();
        for row in plan.fetch_all(&mut *connection).await.unwrap() {
            writeln!(told, "    {}", row.get::<&str, _>("detail")).unwrap();
        }
    }
    insta::assert_snapshot!(told);
}
