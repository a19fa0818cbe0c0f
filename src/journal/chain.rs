//! The hash chain: how a record is sealed, appended and checked.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};

use crate::access::Hasher;

use super::{JournalError, OutcomeKind, Record, RecordBody, Verified, open::OpenByChain, problem::storage, sent};

/// How many of the newest records are checked when a journal is opened.
pub(super) const CHECKED_ON_OPEN: i64 = 64;

/// How many records verification reads at a time, so that it never holds up a writer for long.
const BATCH: i64 = 1000;

/// The newest record's number and hash; 0 and empty before the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) seq: i64,
    pub(super) hash: String,
}

/// A record that is not in the chain yet.
#[derive(Debug, Clone)]
pub(super) struct Loose {
    pub(super) at: i64,
    pub(super) run: String,
    pub(super) target: Option<String>,
    pub(super) body: RecordBody,
}

/// Now in milliseconds: the precision of every time in the journal.
pub(super) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// What the hash of a record covers, besides the hash before it.
#[derive(Serialize)]
struct Sealed<'a> {
    seq: i64,
    at: i64,
    run: &'a str,
    target: Option<&'a str>,
    body: &'a RawValue,
}

fn seal(before: &str, seq: i64, at: i64, run: &str, target: Option<&str>, body: &str) -> Result<String, String> {
    let body: &RawValue = serde_json::from_str(body).map_err(|error| format!("its body is no JSON: {error}"))?;
    let sealed = Sealed { seq, at, run, target, body };
    let text = serde_json::to_string(&sealed).map_err(|error| error.to_string())?;
    let mut hasher = Hasher::new("portcullis journal record 1");
    hasher.text(before).text(&text);
    Ok(hasher.finish_hex())
}

/// The columns that repeat parts of a body.
#[derive(Debug, PartialEq, Eq)]
struct Columns {
    r#type: &'static str,
    subject: Option<String>,
    kind: Option<String>,
    entry: Option<String>,
    principal: Option<String>,
    outcome: Option<&'static str>,
}

impl Columns {
    fn of(body: &RecordBody) -> Self {
        let mut columns = Self { r#type: "", subject: None, kind: None, entry: None, principal: None, outcome: None };
        columns.r#type = match body {
            RecordBody::RunStarted(_) => "run_started",
            RecordBody::RunEnded { .. } => "run_ended",
            RecordBody::AccountPinned { .. } => "account_pinned",
            RecordBody::Intent { intent, kind, id, principal, .. } => {
                columns.subject = Some(intent.to_string());
                columns.kind = Some(kind.to_string());
                columns.entry = Some(id.to_string());
                columns.principal = principal.as_ref().map(ToString::to_string);
                "intent"
            }
            RecordBody::Outcome { intent, outcome, .. } => {
                columns.subject = Some(intent.to_string());
                columns.outcome = Some(outcome_name(outcome.kind));
                "outcome"
            }
            RecordBody::Expected(_) => "expected",
            RecordBody::ExpectationUsed => "expectation_used",
            RecordBody::PlanUsedUp { digest } => {
                columns.subject = Some(digest.to_string());
                "plan_used_up"
            }
            RecordBody::Paused { .. } => "paused",
            RecordBody::Resumed => "resumed",
        };
        columns
    }
}

/// An outcome's name in the column.
pub(super) fn outcome_name(kind: OutcomeKind) -> &'static str {
    match kind {
        OutcomeKind::Done => "done",
        OutcomeKind::Gone => "gone",
        OutcomeKind::InFlight => "in_flight",
        OutcomeKind::Refused => "refused",
        OutcomeKind::Failed => "failed",
        OutcomeKind::NotSent => "not_sent",
        OutcomeKind::Untold => "untold",
        OutcomeKind::Unknown => "unknown",
    }
}

/// The head as it is stored.
pub(super) async fn head(connection: &mut SqliteConnection) -> Result<Head, JournalError> {
    let row = sqlx::query("SELECT seq, hash FROM head WHERE id = 1").fetch_optional(connection).await;
    let row = row.map_err(storage)?.ok_or_else(|| broken(0, "its head is missing"))?;
    let parts = (row.try_get("seq"), row.try_get("hash"));
    match parts {
        (Ok(seq), Ok(hash)) => Ok(Head { seq, hash }),
        _ => Err(broken(0, "its head cannot be read")),
    }
}

/// Appends a record behind a head, inside the caller's transaction, and moves the head in memory on.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    head: &mut Head,
    loose: &Loose,
) -> Result<(), JournalError> {
    let body = serde_json::to_string(&loose.body)
        .map_err(|error| JournalError::Storage(format!("a record cannot be written as JSON: {error}")))?;
    let seq = head.seq + 1;
    let hash = seal(&head.hash, seq, loose.at, &loose.run, loose.target.as_deref(), &body)
        .map_err(|what| JournalError::Storage(format!("a record cannot be sealed: {what}")))?;
    let columns = Columns::of(&loose.body);
    sqlx::query(
        "INSERT INTO records (seq, at, run, target, body, hash, type, subject, kind, entry, principal, outcome)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(seq)
    .bind(loose.at)
    .bind(&loose.run)
    .bind(&loose.target)
    .bind(body)
    .bind(&hash)
    .bind(columns.r#type)
    .bind(columns.subject)
    .bind(columns.kind)
    .bind(columns.entry)
    .bind(columns.principal)
    .bind(columns.outcome)
    .execute(connection)
    .await
    .map_err(storage)?;
    *head = Head { seq, hash };
    Ok(())
}

/// Stores the head, inside the transaction that appended up to it.
pub(super) async fn set_head(connection: &mut SqliteConnection, head: &Head) -> Result<(), JournalError> {
    let update = sqlx::query("UPDATE head SET seq = $1, hash = $2 WHERE id = 1");
    update.bind(head.seq).bind(&head.hash).execute(connection).await.map(|_| ()).map_err(storage)
}

fn broken(seq: i64, what: impl Into<String>) -> JournalError {
    JournalError::Broken { seq: u64::try_from(seq).unwrap_or(0), what: what.into() }
}

/// A stored row as a record. The columns are those of `SELECT * FROM records`.
pub(super) fn record(row: &SqliteRow) -> Result<Record, JournalError> {
    let seq: i64 = row.try_get("seq").map_err(storage)?;
    let parse = || -> Result<Record, String> {
        let text = |name: &str| row.try_get::<String, _>(name).map_err(|error| error.to_string());
        let target: Option<String> = row.try_get("target").map_err(|error| error.to_string())?;
        let at: i64 = row.try_get("at").map_err(|error| error.to_string())?;
        Ok(Record {
            seq: u64::try_from(seq).map_err(|error| error.to_string())?,
            at: Timestamp::from_millisecond(at).map_err(|error| error.to_string())?,
            run: text("run")?.into(),
            target: target.map(Into::into),
            body: serde_json::from_str(&text("body")?).map_err(|error| error.to_string())?,
            hash: text("hash")?.into(),
        })
    };
    parse().map_err(|what| broken(seq, format!("it cannot be read: {what}")))
}

/// Checks that a row follows a head, and returns the head behind it and the record.
fn follow(head: &Head, row: &SqliteRow) -> Result<(Head, Record), JournalError> {
    let expected = head.seq + 1;
    let seq: i64 = row.try_get("seq").map_err(storage)?;
    if seq != expected {
        return Err(broken(expected, format!("it is missing; the next one is {seq}")));
    }
    let record = record(row)?;
    let text = |name: &str| row.try_get::<Option<String>, _>(name).map_err(storage);
    let body = text("body")?.unwrap_or_default();
    let hash = seal(&head.hash, seq, record.at.as_millisecond(), &record.run, record.target.as_deref(), &body)
        .map_err(|what| broken(seq, what))?;
    if record.hash != hash {
        return Err(broken(seq, "it does not fit its hash, or was not written behind the record before it"));
    }
    let columns = Columns::of(&record.body);
    let same = text("type")?.as_deref() == Some(columns.r#type)
        && text("subject")? == columns.subject
        && text("kind")? == columns.kind
        && text("entry")? == columns.entry
        && text("principal")? == columns.principal
        && text("outcome")?.as_deref() == columns.outcome;
    if !same {
        return Err(broken(seq, "its look-up columns do not agree with its body"));
    }
    Ok((Head { seq, hash }, record))
}

async fn rows_behind(connection: &mut SqliteConnection, seq: i64) -> Result<Vec<SqliteRow>, JournalError> {
    let rows = sqlx::query("SELECT * FROM records WHERE seq > $1 ORDER BY seq LIMIT $2").bind(seq).bind(BATCH);
    rows.fetch_all(connection).await.map_err(storage)
}

/// Checks the newest records and that the last one is the stored head. Call it inside a transaction.
pub(super) async fn check_newest(connection: &mut SqliteConnection) -> Result<(), JournalError> {
    let stored = head(connection).await?;
    let mut at = Head { seq: (stored.seq - CHECKED_ON_OPEN).max(0), hash: String::new() };
    if at.seq > 0 {
        let before = sqlx::query("SELECT hash FROM records WHERE seq = $1").bind(at.seq);
        let before = before.fetch_optional(&mut *connection).await.map_err(storage)?;
        let before = before.ok_or_else(|| broken(at.seq, "it is missing"))?;
        at.hash = before.try_get("hash").map_err(storage)?;
    }
    for row in rows_behind(connection, at.seq).await? {
        (at, _) = follow(&at, &row)?;
    }
    at_head(&at, &stored)
}

fn at_head(walked: &Head, stored: &Head) -> Result<(), JournalError> {
    if walked == stored {
        return Ok(());
    }
    let first = walked.seq.min(stored.seq) + i64::from(walked.seq != stored.seq);
    Err(broken(first, format!("the chain ends at record {}, its head says {}", walked.seq, stored.seq)))
}

/// A walk over the whole chain, one batch a step.
pub(super) struct Walk {
    at: Head,
    open: OpenByChain,
}

impl Walk {
    pub(super) fn new() -> Self {
        Self { at: Head { seq: 0, hash: String::new() }, open: OpenByChain::default() }
    }

    /// Checks the next batch; the result once the stored head is reached and the lists beside the chain agree with it.
    /// Call it inside a transaction.
    pub(super) async fn step(&mut self, connection: &mut SqliteConnection) -> Result<Option<Verified>, JournalError> {
        let rows = rows_behind(connection, self.at.seq).await?;
        let last = (rows.len() as i64) < BATCH;
        for row in rows {
            let (at, record) = follow(&self.at, &row)?;
            self.at = at;
            self.open.follow(connection, record).await?;
        }
        if !last {
            return Ok(None);
        }
        at_head(&self.at, &head(connection).await?)?;
        self.open.compare(connection).await?;
        sent::compare(connection).await?;
        Ok(Some(Verified { records: self.at.seq.unsigned_abs(), head: self.at.hash.as_str().into() }))
    }
}
