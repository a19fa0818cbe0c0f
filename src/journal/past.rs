//! What the chain tells of a target's past.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::access::{EntryKey, Expectation, History, OpenIntent, Refusal, SentRow, Text};

use super::{
    Announced, JournalError, Outcome, Record, RecordBody,
    chain::{Loose, record},
    observed::{self, WINDOW_MS},
    problem::storage,
};
use crate::wire::Note;

/// The furthest back that a number can have been announced that is still in force: more than anything may be announced for.
const ANNOUNCED_MS: i64 = 8 * 24 * 60 * 60 * 1000;

/// Joins an intent `i` with its last outcome `o`.
macro_rules! intents {
    ($columns:literal, $conditions:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM records i LEFT JOIN records o ON o.seq = \
             (SELECT MAX(seq) FROM records WHERE subject = i.subject AND type = 'outcome') \
             WHERE i.type = 'intent' AND ",
            $conditions
        )
    };
}

/// Earlier removals of an entry, as the chain knows them.
#[derive(Debug, Default)]
pub(super) struct Closed {
    /// That were carried out, met an absent entry or were rejected.
    pub(super) closed: u32,
    /// Verified failures of earlier runs.
    pub(super) failed_before: u32,
    /// Verified failures of this run.
    pub(super) failed_in_run: u32,
}

/// Counts the closed removals of the entry that an intent is about.
pub(super) async fn closed(connection: &mut SqliteConnection, intent: &Loose) -> Result<Closed, JournalError> {
    let RecordBody::Intent { kind, id, .. } = &intent.body else { return Ok(Closed::default()) };
    let rows = sqlx::query(intents!(
        "i.run AS run, o.outcome AS last, COUNT(*) AS number",
        "i.target = $1 AND i.kind = $2 AND i.entry = $3 GROUP BY i.run, o.outcome"
    ));
    let rows = rows.bind(&intent.target).bind(kind.as_str()).bind(id.as_str());
    let mut known = Closed::default();
    for row in rows.fetch_all(connection).await.map_err(storage)? {
        let number: u32 = row.try_get("number").map_err(storage)?;
        let run: &str = row.try_get("run").map_err(storage)?;
        let count = match row.try_get("last").map_err(storage)? {
            Some("done" | "gone" | "refused") => &mut known.closed,
            Some("failed") if run == intent.run => &mut known.failed_in_run,
            Some("failed") => &mut known.failed_before,
            _ => continue,
        };
        *count = count.saturating_add(number);
    }
    Ok(known)
}

/// Whether an intent with this last outcome counts as sent: unknown outcomes do, verified failures, rejections and what never
/// left do not.
fn counts_as_sent(last: Option<&str>) -> bool {
    !matches!(last, Some("failed" | "refused" | "not_sent"))
}

/// The whole history of a target. Call it inside a transaction.
pub(super) async fn history(
    connection: &mut SqliteConnection,
    target: &str,
    now: Timestamp,
    persistent: bool,
) -> Result<History, JournalError> {
    let mut history = History { persistent, ..History::default() };
    observed::read(connection, target, now, &mut history).await?;
    let since = now.as_millisecond() - WINDOW_MS;
    // Bodies are large: they come along only where something of theirs is needed.
    let rows = sqlx::query(intents!(
        "i.seq AS seq, i.at AS at, i.subject AS subject, i.kind AS kind, i.entry AS entry, o.outcome AS last, o.at AS last_at,
         CASE WHEN i.at >= $2 OR o.outcome = 'refused' THEN i.body END AS body,
         CASE WHEN o.outcome = 'refused' THEN o.body END AS last_body",
        "i.target = $1 ORDER BY i.seq"
    ));
    for row in rows.bind(target).bind(since).fetch_all(&mut *connection).await.map_err(storage)? {
        add_intent(&mut history, &row, since)?;
    }
    let rows =
        sqlx::query(intents!("i.seq AS seq, i.body AS body, o.outcome AS last", "i.at >= $2 AND i.target <> $1"));
    for row in rows.bind(target).bind(since).fetch_all(&mut *connection).await.map_err(storage)? {
        if counts_as_sent(row.try_get("last").map_err(storage)?)
            && let RecordBody::Intent { weight, .. } = body(&row, "body")?
        {
            history.sent_elsewhere = history.sent_elsewhere.saturating_add(weight);
        }
    }
    history.account_id = account_id(connection, target).await?;
    history.expectation = expectation(connection, target, now).await?;
    Ok(history)
}

/// The account id that is pinned for a target.
pub(super) async fn account_id(connection: &mut SqliteConnection, target: &str) -> Result<Option<Text>, JournalError> {
    Ok(newest(connection, target, "account_pinned").await?.and_then(|record| match record.body {
        RecordBody::AccountPinned { account_id } => Some(account_id),
        _ => None,
    }))
}

/// The account id that is pinned for each target. Each is pinned once, so there are few such records.
pub(super) async fn account_ids(connection: &mut SqliteConnection) -> Result<BTreeMap<Text, Text>, JournalError> {
    let rows = sqlx::query("SELECT * FROM records WHERE type = 'account_pinned' ORDER BY seq");
    let mut pinned = BTreeMap::new();
    for row in rows.fetch_all(connection).await.map_err(storage)? {
        // A later one takes the place of an earlier one.
        if let Record { target: Some(target), body: RecordBody::AccountPinned { account_id }, .. } = record(&row)? {
            pinned.insert(target, account_id);
        }
    }
    Ok(pinned)
}

fn add_intent(history: &mut History, row: &SqliteRow, since: i64) -> Result<(), JournalError> {
    let text = |name: &str| row.try_get::<Option<&str>, _>(name).map_err(storage).map(Option::unwrap_or_default);
    let key: EntryKey = (text("kind")?.into(), text("entry")?.into());
    let at_ms: i64 = row.try_get("at").map_err(storage)?;
    let at = time(row, "at")?.unwrap_or_default();
    let last: Option<&str> = row.try_get("last").map_err(storage)?;
    if last != Some("not_sent") {
        // A later removal of the same entry takes the place of an earlier refusal.
        history.refusals.remove(&key);
    }
    match last {
        None | Some("unknown" | "in_flight") => history.open.push(OpenIntent {
            intent: text("subject")?.into(),
            kind: key.0.clone(),
            id: key.1.clone(),
            since: at,
            in_flight: last == Some("in_flight"),
        }),
        Some("done" | "gone" | "failed" | "refused") => *history.generations.entry(key.clone()).or_default() += 1,
        _ => {}
    }
    let refused = last == Some("refused");
    if !refused && at_ms < since {
        return Ok(());
    }
    let RecordBody::Intent { cause, natural_key, weight, files, said, .. } = body(row, "body")? else { return Ok(()) };
    if refused && let RecordBody::Outcome { outcome, .. } = body(row, "last_body")? {
        let at = time(row, "last_at")?.unwrap_or(at);
        history.refusals.insert(key.clone(), Refusal { at, why: outcome.detail.into(), said });
    }
    if at_ms >= since && counts_as_sent(last) {
        let done = matches!(last, Some("done" | "gone"));
        history.sent.push(SentRow { at, kind: key.0, id: key.1, natural_key, weight, cause, files, done });
    }
    Ok(())
}

fn time(row: &SqliteRow, column: &str) -> Result<Option<Timestamp>, JournalError> {
    let ms: Option<i64> = row.try_get(column).map_err(storage)?;
    ms.map(|ms| Timestamp::from_millisecond(ms).map_err(|_| unreadable(row, "its time"))).transpose()
}

fn body(row: &SqliteRow, column: &str) -> Result<RecordBody, JournalError> {
    let text: Option<&str> = row.try_get(column).map_err(storage)?;
    serde_json::from_str(text.unwrap_or_default()).map_err(|_| unreadable(row, "its body"))
}

fn unreadable(row: &SqliteRow, what: &str) -> JournalError {
    let seq = row.try_get::<i64, _>("seq").unwrap_or_default().unsigned_abs();
    JournalError::Broken { seq, what: format!("{what} cannot be read") }
}

/// The newest record of a type.
async fn newest(connection: &mut SqliteConnection, target: &str, r#type: &str) -> Result<Option<Record>, JournalError> {
    let row = sqlx::query("SELECT * FROM records WHERE target = $1 AND type = $2 ORDER BY seq DESC LIMIT 1");
    let row = row.bind(target).bind(r#type).fetch_optional(connection).await.map_err(storage)?;
    row.as_ref().map(record).transpose()
}

/// The newest record of one of these types, whatever its target.
pub(super) async fn newest_of(
    connection: &mut SqliteConnection,
    [one, other]: [&str; 2],
) -> Result<Option<Record>, JournalError> {
    let row = sqlx::query("SELECT * FROM records WHERE type IN ($1, $2) ORDER BY seq DESC LIMIT 1");
    let row = row.bind(one).bind(other).fetch_optional(connection).await.map_err(storage)?;
    row.as_ref().map(record).transpose()
}

/// The intents since a time, for [`weight_sent`].
pub(super) async fn sent_since(connection: &mut SqliteConnection, since: i64) -> Result<Vec<SqliteRow>, JournalError> {
    let rows =
        sqlx::query(intents!("i.seq AS seq, i.target AS target, i.body AS body, o.outcome AS last", "i.at >= $1"));
    rows.bind(since).fetch_all(connection).await.map_err(storage)
}

/// The weight of an intent that counts as sent.
pub(super) fn weight_sent(row: &SqliteRow) -> Result<Option<u32>, JournalError> {
    if !counts_as_sent(row.try_get("last").map_err(storage)?) {
        return Ok(None);
    }
    match body(row, "body")? {
        RecordBody::Intent { weight, .. } => Ok(Some(weight)),
        _ => Ok(None),
    }
}

/// The newest announced number, unless it was used or its time is over.
pub(super) async fn expectation(
    connection: &mut SqliteConnection,
    target: &str,
    now: Timestamp,
) -> Result<Option<Expectation>, JournalError> {
    let Some(announced) = newest(connection, target, "expected").await? else { return Ok(None) };
    let used = newest(connection, target, "expectation_used").await?;
    let RecordBody::Expected(expectation) = announced.body else { return Ok(None) };
    let valid = expectation.until >= now && used.is_none_or(|used| used.seq < announced.seq);
    Ok(valid.then_some(expectation))
}

/// The newest announced number of each target, used or not, unless its time is over. A number is announced for a few days at
/// most, so older records are not looked at.
pub(super) async fn announced(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<BTreeMap<Text, Announced>, JournalError> {
    let since = now.as_millisecond() - ANNOUNCED_MS;
    let rows = sqlx::query("SELECT * FROM records WHERE type = 'expected' AND at >= $1 ORDER BY seq");
    let mut newest = BTreeMap::new();
    for row in rows.bind(since).fetch_all(&mut *connection).await.map_err(storage)? {
        if let Record { seq, target: Some(target), body: RecordBody::Expected(expected), .. } = record(&row)? {
            newest.insert(target, (seq, expected));
        }
    }
    newest.retain(|_, (_, expected)| now < expected.until);
    let mut announced: BTreeMap<Text, Announced> = BTreeMap::new();
    let mut seqs = BTreeMap::new();
    for (target, (seq, expected)) in newest {
        seqs.insert(target.clone(), seq);
        announced.insert(target, Announced { number: expected.number, sent_since: 0 });
    }
    let rows = sqlx::query(intents!("i.seq AS seq, i.target AS target, o.outcome AS last", "i.at >= $1"));
    for row in rows.bind(since).fetch_all(connection).await.map_err(storage)? {
        let target: Option<&str> = row.try_get("target").map_err(storage)?;
        let seq: i64 = row.try_get("seq").map_err(storage)?;
        let after = target.and_then(|target| seqs.get(target)).is_some_and(|announced| seq.unsigned_abs() > *announced);
        if after
            && counts_as_sent(row.try_get("last").map_err(storage)?)
            && let Some(announced) = target.and_then(|target| announced.get_mut(target))
        {
            announced.sent_since = announced.sent_since.saturating_add(1);
        }
    }
    Ok(announced)
}

/// The open intents of a target, oldest first, each with its newest note and outcome.
pub(super) async fn open_intents(
    connection: &mut SqliteConnection,
    target: &str,
) -> Result<Vec<(Record, Note, Option<Outcome>)>, JournalError> {
    let rows = sqlx::query(intents!(
        "i.seq AS seq, i.at AS at, i.run AS run, i.target AS target, i.body AS body, i.hash AS hash, o.body AS last_body",
        "i.target = $1 AND (o.outcome IS NULL OR o.outcome IN ('unknown', 'in_flight')) ORDER BY i.seq"
    ));
    let mut open = Vec::new();
    for row in rows.bind(target).fetch_all(connection).await.map_err(storage)? {
        let intent = record(&row)?;
        let last = row.try_get::<Option<&str>, _>("last_body").map_err(storage)?;
        let (note, outcome) = match (last, &intent.body) {
            (Some(_), _) => match body(&row, "last_body")? {
                RecordBody::Outcome { note, outcome, .. } => (note, Some(outcome)),
                _ => (Note::Null, None),
            },
            (None, RecordBody::Intent { note, .. }) => (note.clone(), None),
            (None, _) => (Note::Null, None),
        };
        open.push((intent, note, outcome));
    }
    Ok(open)
}
