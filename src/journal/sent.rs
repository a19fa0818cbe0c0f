//! What was sent lately, and how much that is.
//!
//! A list beside the chain has the weight of each intent and whether it counts, so that the sums of a day read no records.

use std::collections::BTreeMap;

use sqlx::{Row as _, SqliteConnection};

use crate::access::{SentRow, Text};

use super::{
    JournalError, RecordBody,
    chain::Loose,
    observed::WINDOW_MS,
    past::{body, intents, time, unreadable},
    problem::storage,
    schema::SENT_OTHERWISE,
};

/// The intents of a target since a time.
pub(super) const OF: &str = intents!(
    "sent_intents n CROSS JOIN records i",
    "i.seq AS seq, i.at AS at, i.body AS body, o.outcome AS last",
    "i.subject = n.subject AND n.target = $1 AND n.at >= $2 ORDER BY i.seq"
);

/// The weight that counts since a time, of all targets but one.
pub(super) const ELSEWHERE: &str =
    "SELECT COALESCE(SUM(weight), 0) FROM sent_intents WHERE at >= $1 AND counts = 1 AND target <> $2";

/// The weight that counts since a time, of all targets.
pub(super) const IN_ALL: &str = "SELECT COALESCE(SUM(weight), 0) FROM sent_intents WHERE at >= $1 AND counts = 1";

/// The same of each target. The pluses keep SQLite from going by target, through all that was ever sent.
pub(super) const BY_TARGET: &str = "SELECT target, SUM(weight) AS weight FROM sent_intents
    WHERE at >= $1 AND counts = 1 AND +target IS NOT NULL GROUP BY +target";

/// Whether an intent with this last outcome counts as sent: unknown outcomes do, verified failures, rejections and what never
/// left do not.
pub(super) fn counts_as_sent(last: Option<&str>) -> bool {
    !matches!(last, Some("failed" | "refused" | "not_sent"))
}

/// What was sent to a target since a time, oldest first.
pub(super) async fn of(
    connection: &mut SqliteConnection,
    target: &str,
    since: i64,
) -> Result<Vec<SentRow>, JournalError> {
    let mut sent = Vec::new();
    for row in sqlx::query(OF).bind(target).bind(since).fetch_all(connection).await.map_err(storage)? {
        let last: Option<&str> = row.try_get("last").map_err(storage)?;
        if !counts_as_sent(last) {
            continue;
        }
        let RecordBody::Intent { kind, id, cause, natural_key, weight, files, .. } = body(&row, "body")? else {
            return Err(unreadable(&row, "its body"));
        };
        let (at, done) = (time(&row, "at")?, matches!(last, Some("done" | "gone")));
        sent.push(SentRow { at, kind, id, natural_key, weight, cause, files, done });
    }
    Ok(sent)
}

/// The weight that was sent to all other targets since a time.
pub(super) async fn elsewhere(
    connection: &mut SqliteConnection,
    target: &str,
    since: i64,
) -> Result<u32, JournalError> {
    let sum: i64 =
        sqlx::query_scalar(ELSEWHERE).bind(since).bind(target).fetch_one(connection).await.map_err(storage)?;
    Ok(weight(sum))
}

/// The weight that was sent to each target since a time.
pub(super) async fn by_target(
    connection: &mut SqliteConnection,
    since: i64,
) -> Result<BTreeMap<Text, u32>, JournalError> {
    let rows = sqlx::query(BY_TARGET).bind(since).fetch_all(connection).await.map_err(storage)?;
    rows.iter()
        .map(|row| {
            let sum: i64 = row.try_get("weight").map_err(storage)?;
            Ok((row.try_get::<&str, _>("target").map_err(storage)?.into(), weight(sum)))
        })
        .collect()
}

/// Whether an intent may be recorded. A plan was judged whole against the same figure; what is cut here is the plan of a process
/// that another one overtook. Call it inside the transaction that records.
pub(super) async fn admits(
    connection: &mut SqliteConnection,
    intent: &Loose,
    ceiling: Option<u32>,
) -> Result<Result<(), JournalError>, JournalError> {
    let (Some(max), RecordBody::Intent { weight: planned, .. }) = (ceiling, &intent.body) else { return Ok(Ok(())) };
    let since = intent.at - WINDOW_MS;
    let sum: i64 = sqlx::query_scalar(IN_ALL).bind(since).fetch_one(connection).await.map_err(storage)?;
    let sent = weight(sum);
    Ok(if sent.saturating_add(*planned) > max { Err(JournalError::OverTotal { sent, max }) } else { Ok(()) })
}

/// Compares the list with the chain, in one view of the file.
pub(super) async fn compare(connection: &mut SqliteConnection) -> Result<(), JournalError> {
    let other: Option<String> = sqlx::query_scalar(SENT_OTHERWISE).fetch_optional(connection).await.map_err(storage)?;
    match other {
        Some(subject) => {
            Err(JournalError::Lists(format!("the intent {subject} weighs or counts otherwise among the sent ones")))
        }
        None => Ok(()),
    }
}

fn weight(sum: i64) -> u32 {
    u32::try_from(sum.max(0)).unwrap_or(u32::MAX)
}
