//! What the chain tells of a target's past.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection, sqlite::SqliteRow};

use crate::{
    access::{Expectation, History, Refusal, Text},
    wire::{Draft, Order},
};

use super::{
    Announced, Filter, JournalError, Record, RecordBody,
    accounts::Accounts,
    chain::{Loose, record},
    observed::{self, WINDOW_MS},
    open,
    problem::storage,
    sent::{self, counts_as_sent},
};

/// The furthest back that a number can have been announced that is still in force: as long as anything may be announced for, and
/// a day more, since clocks are set.
const ANNOUNCED_MS: i64 = (Expectation::LONGEST.as_secs() + 24 * 60 * 60) * 1000;

/// Joins an intent `i` with its last outcome `o`. Joined with a list of intents, it looks at these only:
/// `CROSS JOIN` has SQLite begin with the list.
macro_rules! intents {
    ($columns:literal, $conditions:literal) => {
        intents!("records i", $columns, $conditions)
    };
    ($from:literal, $columns:literal, $conditions:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM ",
            $from,
            " LEFT JOIN records o ON o.seq = \
             (SELECT MAX(seq) FROM records WHERE subject = i.subject AND type = 'outcome') \
             WHERE i.type = 'intent' AND ",
            $conditions
        )
    };
}
pub(super) use intents;

/// How often each end of an entry's removals came, by run.
pub(super) const ENDS: &str = intents!(
    "i.run AS run, o.outcome AS last, COUNT(*) AS number",
    "i.target = $1 AND i.kind = $2 AND i.entry = $3 GROUP BY i.run, o.outcome"
);

/// The newest intent of an entry of which something was sent.
pub(super) const NEWEST_SENT: &str = intents!(
    "i.seq AS seq, i.body AS body, o.outcome AS last",
    "i.target = $1 AND i.kind = $2 AND i.entry = $3 AND (o.outcome IS NULL OR o.outcome <> 'not_sent')
     ORDER BY i.seq DESC LIMIT 1"
);

/// How the intents since a time ended, of every target.
pub(super) const SENT_SINCE: &str = intents!("i.seq AS seq, i.target AS target, o.outcome AS last", "i.at >= $1");

/// The refusals of a target that stand: of each entry that was ever refused, its newest intent of which something was sent,
/// where that was the one refused.
pub(super) const REFUSED: &str = concat!(
    "SELECT i.seq AS seq, i.kind AS kind, i.entry AS entry, i.body AS body, o.at AS last_at, o.body AS last_body
     FROM (SELECT DISTINCT n.kind AS kind, n.entry AS entry FROM records r CROSS JOIN records n
           WHERE r.target = $1 AND r.outcome = 'refused' AND n.subject = r.subject AND n.type = 'intent') e
     JOIN records i ON i.seq = (",
    intents!(
        "i.seq",
        "i.target = $1 AND i.kind = e.kind AND i.entry = e.entry AND (o.outcome IS NULL OR o.outcome <> 'not_sent')
         ORDER BY i.seq DESC LIMIT 1"
    ),
    ") JOIN records o ON o.seq = (SELECT MAX(seq) FROM records WHERE subject = i.subject AND type = 'outcome')
     WHERE o.outcome = 'refused'"
);

/// The newest record of a type that speaks of no entry.
pub(super) const NEWEST: &str = "SELECT * FROM records WHERE target = $1 AND type = $2 AND kind IS NULL AND entry IS NULL ORDER BY seq DESC LIMIT 1";

/// The newest record of one of two types.
pub(super) const NEWEST_OF: &str = "SELECT * FROM records WHERE type IN ($1, $2) ORDER BY seq DESC LIMIT 1";

/// Every account that was pinned.
pub(super) const PINNED: &str = "SELECT * FROM records WHERE type = 'account_pinned' ORDER BY seq";

/// The first use of what was announced with a record.
pub(super) const USED_SINCE: &str =
    "SELECT MIN(seq) AS seq FROM records WHERE target = $1 AND type = 'expectation_used' AND kind IS NULL AND seq > $2";

/// How many intents of a target stand behind a record that will not be planned again for the same removal: all but those that
/// had no effect.
pub(super) const GONE_SINCE: &str = intents!(
    "COUNT(*) AS number",
    "i.target = $1 AND i.seq > $2 AND (o.outcome IS NULL OR o.outcome NOT IN ('failed', 'not_sent'))"
);

/// The numbers that were announced since a time.
pub(super) const ANNOUNCED: &str = "SELECT * FROM records WHERE type = 'expected' AND at >= $1 ORDER BY seq";

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
    let rows = sqlx::query(ENDS).bind(&intent.target).bind(kind.as_str()).bind(id.as_str());
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

/// What was sent last to have an entry removed, where nobody could tell whether it arrived: body, key and its generation.
pub(super) struct Untold {
    pub(super) body: Vec<u8>,
    pub(super) key: Text,
    pub(super) generation: u32,
}

/// What of an order was sent last and may have arrived or not. Another life of the entry, another account or another request has
/// nothing to do with it.
pub(super) async fn untold(
    connection: &mut SqliteConnection,
    order: &Order,
    draft: &Draft,
) -> Result<Option<Untold>, JournalError> {
    let entry = &order.entry;
    let row = sqlx::query(NEWEST_SENT).bind(order.target.as_str()).bind(entry.kind.name).bind(entry.id.as_str());
    let Some(row) = row.fetch_optional(&mut *connection).await.map_err(storage)? else { return Ok(None) };
    let is_untold = row.try_get::<Option<&str>, _>("last").map_err(storage)? == Some("untold");
    let seq = row.try_get("seq").map_err(storage)?;
    if !is_untold || !Accounts::of(connection, &order.target).await?.is_here(seq) {
        return Ok(None);
    }
    let RecordBody::Intent { key, generation, fingerprint, request, request_body, .. } = body(&row, "body")? else {
        return Err(unreadable(&row, "its body"));
    };
    let is_same = request == draft.shown() && (!entry.kind.reissues_ids || fingerprint == order.fingerprint);
    Ok(request_body.filter(|_| is_same).map(|body| Untold { body: body.into_bytes(), key, generation }))
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
    let accounts = Accounts::of(connection, target).await?;
    (history.open, history.open_elsewhere) = open::of(connection, target, &accounts).await?;
    for row in sqlx::query(REFUSED).bind(target).fetch_all(&mut *connection).await.map_err(storage)? {
        if accounts.is_here(row.try_get("seq").map_err(storage)?) {
            add_refusal(&mut history, &row)?;
        }
    }
    history.sent = sent::of(connection, target, since).await?;
    history.sent_elsewhere = sent::elsewhere(connection, target, since).await?;
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
    let mut pinned = BTreeMap::new();
    for row in sqlx::query(PINNED).fetch_all(connection).await.map_err(storage)? {
        // A later one takes the place of an earlier one.
        if let Record { target: Some(target), body: RecordBody::AccountPinned { account_id }, .. } = record(&row)? {
            pinned.insert(target, account_id);
        }
    }
    Ok(pinned)
}

fn add_refusal(history: &mut History, row: &SqliteRow) -> Result<(), JournalError> {
    let (RecordBody::Intent { kind, id, said, .. }, RecordBody::Outcome { outcome, .. }) =
        (body(row, "body")?, body(row, "last_body")?)
    else {
        return Err(unreadable(row, "its body"));
    };
    let at = time(row, "last_at")?;
    history.refusals.insert((kind, id), Refusal { at, why: outcome.detail.into(), said });
    Ok(())
}

pub(super) fn time(row: &SqliteRow, column: &str) -> Result<Timestamp, JournalError> {
    let ms: i64 = row.try_get(column).map_err(storage)?;
    Timestamp::from_millisecond(ms).map_err(|_| unreadable(row, "its time"))
}

pub(super) fn body(row: &SqliteRow, column: &str) -> Result<RecordBody, JournalError> {
    let text: Option<&str> = row.try_get(column).map_err(storage)?;
    serde_json::from_str(text.unwrap_or_default()).map_err(|_| unreadable(row, "its body"))
}

pub(super) fn unreadable(row: &SqliteRow, what: &str) -> JournalError {
    let seq = row.try_get::<i64, _>("seq").unwrap_or_default().unsigned_abs();
    JournalError::Broken { seq, what: format!("{what} cannot be read") }
}

/// The newest record of a type that speaks of no entry.
async fn newest(connection: &mut SqliteConnection, target: &str, r#type: &str) -> Result<Option<Record>, JournalError> {
    let row = sqlx::query(NEWEST).bind(target).bind(r#type).fetch_optional(connection).await.map_err(storage)?;
    row.as_ref().map(record).transpose()
}

/// The newest record of one of these types, whatever its target.
pub(super) async fn newest_of(
    connection: &mut SqliteConnection,
    [one, other]: [&str; 2],
) -> Result<Option<Record>, JournalError> {
    let row = sqlx::query(NEWEST_OF).bind(one).bind(other).fetch_optional(connection).await.map_err(storage)?;
    row.as_ref().map(record).transpose()
}

/// The newest announced number, less what went by it already, unless nothing is left of it, its time is over, or it was announced
/// for another account. A run that is broken off does not use up what it did not send.
pub(super) async fn expectation(
    connection: &mut SqliteConnection,
    target: &str,
    now: Timestamp,
) -> Result<Option<Expectation>, JournalError> {
    let Some(announced) = newest(connection, target, "expected").await? else { return Ok(None) };
    let RecordBody::Expected(expectation) = announced.body else { return Ok(None) };
    let seq = announced.seq.cast_signed();
    if expectation.is_over(now) || !Accounts::of(connection, target).await?.is_here(seq) {
        return Ok(None);
    }
    let used = sqlx::query(USED_SINCE).bind(target).bind(seq).fetch_one(&mut *connection).await.map_err(storage)?;
    let Some(used) = used.try_get::<Option<i64>, _>("seq").map_err(storage)? else { return Ok(Some(expectation)) };
    let gone = sqlx::query(GONE_SINCE).bind(target).bind(used).fetch_one(connection).await.map_err(storage)?;
    let gone = gone.try_get::<i64, _>("number").map_err(storage)?;
    let left = expectation.number.saturating_sub(u32::try_from(gone).unwrap_or(u32::MAX));
    Ok((left > 0).then_some(Expectation { number: left, ..expectation }))
}

/// The newest announced number of each target, used or not, unless its time is over. A number is announced for a few days at
/// most, so older records are not looked at.
pub(super) async fn announced(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> Result<BTreeMap<Text, Announced>, JournalError> {
    let since = now.as_millisecond() - ANNOUNCED_MS;
    let mut newest = BTreeMap::new();
    for row in sqlx::query(ANNOUNCED).bind(since).fetch_all(&mut *connection).await.map_err(storage)? {
        if let Record { seq, target: Some(target), body: RecordBody::Expected(expected), .. } = record(&row)? {
            newest.insert(target, (seq, expected));
        }
    }
    newest.retain(|_, (_, expected)| !expected.is_over(now));
    if newest.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut announced: BTreeMap<Text, Announced> = BTreeMap::new();
    let mut seqs = BTreeMap::new();
    for (target, (seq, expected)) in newest {
        seqs.insert(target.clone(), seq);
        announced.insert(target, Announced { number: expected.number, sent_since: 0 });
    }
    for row in sqlx::query(SENT_SINCE).bind(since).fetch_all(connection).await.map_err(storage)? {
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

/// The statement that lists records, oldest first.
pub(super) fn listing(filter: &Filter) -> QueryBuilder<Sqlite> {
    let Filter { target, id, principal, since, limit } = filter;
    let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM (SELECT * FROM records WHERE 1 = 1");
    if let Some(target) = target {
        query.push(" AND target = ").push_bind(target.to_string());
    }
    for (column, wanted) in [("entry", id), ("principal", principal)] {
        if let Some(wanted) = wanted {
            query.push(" AND type IN ('intent', 'outcome') AND subject IN (SELECT subject FROM records WHERE type = 'intent' AND ");
            query.push(column).push(" = ").push_bind(wanted.to_string()).push(")");
        }
    }
    if let Some(since) = since {
        query.push(" AND at >= ").push_bind(since.as_millisecond());
    }
    query.push(" ORDER BY seq DESC");
    if let Some(limit) = limit {
        query.push(" LIMIT ").push_bind(i64::from(*limit));
    }
    query.push(") ORDER BY seq");
    query
}
