//! The chain as this process saw it last, so that a file that another one was written over is not taken for it.

use std::sync::{Mutex, PoisonError};

use sqlx::{Row as _, SqliteConnection};

use super::{
    JournalError,
    chain::{self, Head},
    problem::storage,
};

/// The newest record that this process saw.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    head: Option<Head>,
    replaced: bool,
}

impl Seen {
    /// Whether the chain was found to be another one.
    pub(super) fn is_replaced(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).replaced
    }

    /// Compares the chain with what was seen of it, and remembers its head. A copy that was put back over the file has fewer
    /// records, or another one in the place of the last.
    pub(super) async fn look(&self, connection: &mut SqliteConnection) -> Result<Head, JournalError> {
        let now = chain::head(connection).await?;
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).head.clone();
        let goes_on = match before {
            Some(before) if before != now && before.seq > 0 => {
                let row = sqlx::query("SELECT hash FROM records WHERE seq = $1").bind(before.seq);
                let row = row.fetch_optional(&mut *connection).await.map_err(storage)?;
                let hash = row.map(|row| row.try_get::<String, _>("hash")).transpose().map_err(storage)?;
                hash.is_some_and(|hash| hash == before.hash)
            }
            _ => true,
        };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !goes_on || state.replaced {
            state.replaced = true;
            return Err(JournalError::Vanished("its path".into()));
        }
        state.head = Some(now.clone());
        Ok(now)
    }

    /// What this process wrote.
    pub(super) fn wrote(&self, head: Head) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).head = Some(head);
    }
}
