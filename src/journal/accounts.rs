//! Which account a target is. The journal knows targets by name, and a name may be given to another account: then what was
//! seen at the one before is forgotten, and what was sent there is not settled here.

use sqlx::{Row as _, SqliteConnection};

use super::{Journal, JournalError, problem::storage, writer::Work};
use crate::access::Text;

/// What is kept beside the chain of the entries of a target.
const SEEN: [&str; 4] = [
    "DELETE FROM matches WHERE target = $1",
    "DELETE FROM undeclared WHERE target = $1",
    "DELETE FROM owners WHERE target = $1",
    "DELETE FROM bases WHERE target = $1",
];

/// The accounts that a target was, each with the first record of its time, oldest first.
#[derive(Debug, Default)]
pub(super) struct Accounts(Vec<(i64, Text)>);

impl Accounts {
    pub(super) async fn of(connection: &mut SqliteConnection, target: &str) -> Result<Self, JournalError> {
        let rows = sqlx::query("SELECT since, account FROM accounts WHERE target = $1 ORDER BY since").bind(target);
        let rows = rows.fetch_all(connection).await.map_err(storage)?;
        let one = |row: &sqlx::sqlite::SqliteRow| {
            let account: &str = row.try_get("account").map_err(storage)?;
            Ok((row.try_get("since").map_err(storage)?, account.into()))
        };
        rows.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    fn newest(&self) -> Option<&Text> {
        self.0.last().map(|(_, account)| account)
    }

    /// Whether a record of the target was made at the account that it is now.
    pub(super) fn is_here(&self, seq: i64) -> bool {
        let then = self.0.iter().rev().find(|(since, _)| *since <= seq).map(|(_, account)| account);
        then.is_none_or(|then| Some(then) == self.newest())
    }
}

/// Writes which account the target is from the next record on, inside the caller's transaction. The first one that is told is
/// what it was all along, in a file that did not know.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    target: &str,
    account: &str,
    head: i64,
) -> Result<(), JournalError> {
    let known = Accounts::of(connection, target).await?;
    if known.newest().is_some_and(|newest| *newest == account) {
        return Ok(());
    }
    let since = match known.newest() {
        None => 0,
        Some(_) => head.saturating_add(1),
    };
    let insert = "INSERT INTO accounts (target, since, account) VALUES ($1, $2, $3)
        ON CONFLICT (target, since) DO UPDATE SET account = excluded.account";
    let insert = sqlx::query(insert).bind(target).bind(since).bind(account);
    insert.execute(&mut *connection).await.map_err(storage)?;
    if known.newest().is_some() {
        for statement in SEEN {
            sqlx::query(statement).bind(target).execute(&mut *connection).await.map_err(storage)?;
        }
    }
    Ok(())
}

impl Journal {
    /// The account that the target was when it was looked at last: the digest that [`Journal::at_account`] was told.
    ///
    /// # Errors
    /// Storage.
    pub async fn account_of(&self, target: &str) -> Result<Option<Text>, JournalError> {
        let mut connection = self.connection.lock().await;
        Ok(Accounts::of(&mut connection, target).await?.newest().cloned())
    }

    /// Tells which account the target is, as a digest of what the operator says of it. Where that is another one than before,
    /// what was seen of the entries of the other one is forgotten, and intents, refusals and announced numbers of that time are
    /// not this account's any more. Returns whether it is another one.
    ///
    /// # Errors
    /// Storage.
    pub async fn at_account(&self, target: &str, account: &str) -> Result<bool, JournalError> {
        let known = self.account_of(target).await?;
        if known.as_deref() == Some(account) {
            return Ok(false);
        }
        self.write(Work::Account(Box::new((target.into(), account.into())))).await?;
        Ok(known.is_some())
    }
}
