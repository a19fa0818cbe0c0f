//! What runs observed, beside the chain: last matches, notices, owners and bases.

use std::collections::HashMap;

use futures::TryStreamExt as _;
use jiff::Timestamp;
use sqlx::{QueryBuilder, Row as _, Sqlite, SqliteConnection};

use crate::access::{Base, BaseScope, EntryKey, Fingerprint, History, LastMatch, Observation, Text, UndeclaredSince};

use super::{JournalError, problem::storage};

/// Rows a statement: with nine columns well below SQLite's 32,766 parameters.
const CHUNK: usize = 500;

/// How long a base counts: the window of the share guard.
pub(super) const WINDOW_MS: i64 = 24 * 60 * 60 * 1000;

/// Writes an observation, inside the caller's transaction. What ended goes first, so that what also begins stays.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    target: &str,
    now: Timestamp,
    seen: &Observation,
) -> Result<(), JournalError> {
    let Observation { matched, forgotten, undeclared, declared_again, owners, disowned, bases } = seen;
    forget(connection, "DELETE FROM matches", target, forgotten).await?;
    forget(connection, "DELETE FROM undeclared", target, declared_again).await?;
    forget(connection, "DELETE FROM owners", target, disowned).await?;
    for chunk in matched.chunks(CHUNK) {
        write_matches(connection, target, chunk).await?;
    }
    for chunk in undeclared.chunks(CHUNK) {
        let mut query =
            QueryBuilder::<Sqlite>::new("INSERT INTO undeclared (target, kind, entry, since, fingerprint) ");
        query.push_values(chunk, |mut row, ((kind, id), fingerprint)| {
            row.push_bind(target).push_bind(kind.as_str()).push_bind(id.as_str());
            row.push_bind(now.as_millisecond()).push_bind(fingerprint.to_string());
        });
        // The same entry, told twice, keeps its first time.
        query.push(
            " ON CONFLICT (target, kind, entry) DO UPDATE SET since = excluded.since, fingerprint = excluded.fingerprint
             WHERE undeclared.fingerprint <> excluded.fingerprint",
        );
        query.build().execute(&mut *connection).await.map_err(storage)?;
    }
    for chunk in owners.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO owners (target, kind, entry, owner) ");
        query.push_values(chunk, |mut row, ((kind, id), owner)| {
            row.push_bind(target).push_bind(kind.as_str()).push_bind(id.as_str()).push_bind(owner.as_str());
        });
        query.push(" ON CONFLICT (target, kind, entry) DO UPDATE SET owner = excluded.owner");
        query.build().execute(&mut *connection).await.map_err(storage)?;
    }
    for base in bases {
        write_base(connection, target, now, base).await?;
    }
    let old = sqlx::query("DELETE FROM bases WHERE target = $1 AND at < $2");
    let old = old.bind(target).bind(now.as_millisecond() - WINDOW_MS);
    old.execute(connection).await.map(|_| ()).map_err(storage)
}

async fn forget(
    connection: &mut SqliteConnection,
    statement: &'static str,
    target: &str,
    keys: &[EntryKey],
) -> Result<(), JournalError> {
    for chunk in keys.chunks(CHUNK) {
        let mut query = QueryBuilder::<Sqlite>::new(statement);
        query.push(" WHERE target = ").push_bind(target).push(" AND (kind, entry) IN (VALUES ");
        let mut rows = query.separated(", ");
        for (kind, id) in chunk {
            rows.push("(").push_bind_unseparated(kind.as_str()).push_unseparated(", ");
            rows.push_bind_unseparated(id.as_str()).push_unseparated(")");
        }
        query.push(")");
        query.build().execute(&mut *connection).await.map_err(storage)?;
    }
    Ok(())
}

async fn write_matches(
    connection: &mut SqliteConnection,
    target: &str,
    chunk: &[LastMatch],
) -> Result<(), JournalError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "INSERT INTO matches (target, kind, entry, declaration, file, line, fingerprint, in_set, objects) ",
    );
    query.push_values(chunk, |mut row, found| {
        let LastMatch { kind, id, declaration, file, line, fingerprint, in_set, objects } = found;
        row.push_bind(target).push_bind(kind.as_str()).push_bind(id.as_str());
        row.push_bind(declaration.as_str()).push_bind(file.as_str()).push_bind(i64::from(*line));
        row.push_bind(fingerprint.to_string()).push_bind(i64::from(*in_set));
        row.push_bind(serde_json::json!(objects).to_string());
    });
    query.push(
        " ON CONFLICT (target, kind, entry) DO UPDATE SET declaration = excluded.declaration, file = excluded.file,
         line = excluded.line, fingerprint = excluded.fingerprint, in_set = excluded.in_set, objects = excluded.objects",
    );
    query.build().execute(connection).await.map(|_| ()).map_err(storage)
}

/// Keeps a base. Older ones that are not larger can never be the largest again, so few rows remain.
async fn write_base(
    connection: &mut SqliteConnection,
    target: &str,
    now: Timestamp,
    base: &Base,
) -> Result<(), JournalError> {
    let (scope, name) = match &base.scope {
        BaseScope::File(name) => ("file", name),
        BaseScope::Kind(name) => ("kind", name),
    };
    let smaller = "DELETE FROM bases WHERE target = $1 AND scope = $2 AND name = $3 AND number <= $4 AND at <= $5";
    let insert = "INSERT INTO bases (target, scope, name, number, at) VALUES ($1, $2, $3, $4, $5)";
    for statement in [smaller, insert] {
        let query = sqlx::query(statement).bind(target).bind(scope).bind(name.as_str());
        let query = query.bind(i64::from(base.number)).bind(now.as_millisecond());
        query.execute(&mut *connection).await.map_err(storage)?;
    }
    Ok(())
}

/// Reads what is known of a target into its history.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    target: &str,
    now: Timestamp,
    history: &mut History,
) -> Result<(), JournalError> {
    let rows = sqlx::query(
        "SELECT kind, entry, declaration, file, line, fingerprint, in_set, objects FROM matches WHERE target = $1",
    );
    let mut pool = HashMap::new();
    // Row by row: all of them at once would take more room than what is made of them.
    let mut rows = rows.bind(target).fetch(&mut *connection);
    while let Some(row) = rows.try_next().await.map_err(storage)? {
        let kind = pooled(&mut pool, row.try_get("kind").map_err(storage)?);
        let id = Text::from(row.try_get::<&str, _>("entry").map_err(storage)?);
        let objects: &str = row.try_get("objects").map_err(storage)?;
        let found = LastMatch {
            kind: kind.clone(),
            id: id.clone(),
            declaration: row.try_get::<&str, _>("declaration").map_err(storage)?.into(),
            file: pooled(&mut pool, row.try_get("file").map_err(storage)?),
            line: row.try_get("line").map_err(storage)?,
            fingerprint: fingerprint(row.try_get("fingerprint").map_err(storage)?)?,
            in_set: row.try_get::<i64, _>("in_set").map_err(storage)? != 0,
            objects: serde_json::from_str(objects).map_err(|_| damaged("a match"))?,
        };
        history.matches.insert((kind, id), found);
    }
    drop(rows);
    let rows = sqlx::query("SELECT kind, entry, since, fingerprint FROM undeclared WHERE target = $1");
    let mut rows = rows.bind(target).fetch(&mut *connection);
    while let Some(row) = rows.try_next().await.map_err(storage)? {
        let since = Timestamp::from_millisecond(row.try_get("since").map_err(storage)?);
        let since = UndeclaredSince {
            since: since.map_err(|_| damaged("a notice"))?,
            fingerprint: fingerprint(row.try_get("fingerprint").map_err(storage)?)?,
        };
        let kind = pooled(&mut pool, row.try_get("kind").map_err(storage)?);
        history.undeclared.insert((kind, row.try_get::<&str, _>("entry").map_err(storage)?.into()), since);
    }
    drop(rows);
    let rows = sqlx::query("SELECT kind, entry, owner FROM owners WHERE target = $1");
    let mut rows = rows.bind(target).fetch(&mut *connection);
    while let Some(row) = rows.try_next().await.map_err(storage)? {
        let kind = pooled(&mut pool, row.try_get("kind").map_err(storage)?);
        let owner = row.try_get::<&str, _>("owner").map_err(storage)?.into();
        history.owners.insert((kind, row.try_get::<&str, _>("entry").map_err(storage)?.into()), owner);
    }
    drop(rows);
    let rows = sqlx::query(
        "SELECT scope, name, MAX(number) AS number FROM bases WHERE target = $1 AND at >= $2
         GROUP BY scope, name ORDER BY scope, name",
    );
    let rows = rows.bind(target).bind(now.as_millisecond() - WINDOW_MS);
    for row in rows.fetch_all(connection).await.map_err(storage)? {
        let name = Text::from(row.try_get::<&str, _>("name").map_err(storage)?);
        let scope = match row.try_get::<&str, _>("scope").map_err(storage)? {
            "file" => BaseScope::File(name),
            _ => BaseScope::Kind(name),
        };
        history.bases.push(Base { scope, number: row.try_get("number").map_err(storage)? });
    }
    Ok(())
}

/// Kinds and files repeat in every row: one text each.
fn pooled(pool: &mut HashMap<String, Text>, text: &str) -> Text {
    if let Some(known) = pool.get(text) {
        return known.clone();
    }
    let fresh = Text::from(text);
    pool.insert(text.to_owned(), fresh.clone());
    fresh
}

fn fingerprint(text: &str) -> Result<Fingerprint, JournalError> {
    Fingerprint::parse(text).ok_or_else(|| damaged("a fingerprint"))
}

fn damaged(what: &str) -> JournalError {
    JournalError::Storage(format!("{what} in the journal cannot be read: the file is damaged: put back a copy"))
}
