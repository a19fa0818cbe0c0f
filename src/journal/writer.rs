//! One task writes. It takes whatever waits, up to a bound, and commits it as one group, so that the cost of a sync is
//! shared; each caller hears back only when its record is on disk.
//!
//! A group begins by locking the file and reading the head, so that two processes on one journal keep one chain.

use std::sync::Arc;

use jiff::Timestamp;
use sqlx::SqliteConnection;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::access::{Observation, Text};

use super::{
    GoodTree, JournalError, RecordBody, accounts,
    chain::{self, Head, Loose},
    good_tree,
    key::KeyParts,
    observed, past,
    problem::storage,
    seen::Seen,
    sent,
};

/// How many jobs wait at most; a further caller waits for room.
pub(super) const QUEUE: usize = 256;

/// How many jobs one commit takes at most.
const GROUP: usize = 128;

/// Something to write.
#[expect(clippy::large_enum_variant, reason = "the queue is short, and a record is written once")]
pub(super) enum Work {
    /// A record.
    Append(Loose),
    /// An intent, whose generation depends on the chain as it is when it is written.
    Intent(Box<IntentWork>),
    /// What a run saw.
    Observe(Box<(Text, Timestamp, Observation)>),
    /// Which account a target is.
    Account(Box<(Text, Text)>),
    /// What the last good tree said of a target.
    KeepTree(Box<(Text, GoodTree)>),
    /// Room for a while of records, to see that there is some: taken, or given back.
    Room {
        /// Which of the two.
        take: bool,
    },
}

/// An intent that still lacks its key.
pub(super) struct IntentWork {
    /// The record, with an empty key.
    pub(super) loose: Loose,
    /// Closed removals as the system lists them.
    pub(super) listed: Option<u32>,
    /// Verified failures within this run, as the caller counts them.
    pub(super) step: u32,
    /// What all targets together may have sent in 24 hours with this one.
    pub(super) ceiling: Option<u32>,
    /// What its key is made of.
    pub(super) key: KeyParts,
    /// Key and generation of what is sent again as it was.
    pub(super) again: Option<(Text, u32)>,
}

/// What came of a job: the key, for an intent.
pub(super) type Written = Result<Option<String>, JournalError>;

/// A job and who waits for it.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) reply: oneshot::Sender<Written>,
}

/// Starts the task. It ends when every handle is gone.
pub(super) fn start(connection: Arc<Mutex<SqliteConnection>>, seen: Arc<Seen>) -> mpsc::Sender<Job> {
    let (sender, mut jobs) = mpsc::channel::<Job>(QUEUE);
    tokio::spawn(async move {
        let mut group = Vec::with_capacity(GROUP);
        while jobs.recv_many(&mut group, GROUP).await > 0 {
            while !group.is_empty() {
                let rest = group.split_off(together(&group));
                let written = {
                    let mut connection = connection.lock().await;
                    commit(&mut connection, &seen, &mut group).await
                };
                answer(group, written);
                group = rest;
            }
            // Who heard back has more to record at once: it shall be in the next group, not wait behind one of few.
            tokio::task::yield_now().await;
        }
    });
    sender
}

/// How many of these jobs are committed as one: on a disk that is nearly full, whether there is room must not be asked at the
/// expense of records that have some.
fn together(jobs: &[Job]) -> usize {
    let room = jobs.iter().position(|job| matches!(job.work, Work::Room { .. }));
    room.map_or(jobs.len(), |at| at.max(1))
}

/// Tells each caller what came of its job. One that went away needs no answer; its record stands.
fn answer(group: Vec<Job>, written: Result<Vec<Written>, JournalError>) {
    match written {
        Ok(written) => {
            for (job, written) in group.into_iter().zip(written) {
                let _ = job.reply.send(written);
            }
        }
        Err(error) => {
            for job in group {
                let _ = job.reply.send(Err(error.clone()));
            }
        }
    }
}

/// Writes a group whole or not at all, but for what is refused one by one. When it returns `Ok`, the group is synced.
///
/// The transaction is begun and ended in plain SQL. On a full disk SQLite rolls back by itself; the driver's own transactions
/// take the error of the roll-back that follows for one that is still open, and the next try fails for that, not for the disk.
async fn commit(
    connection: &mut SqliteConnection,
    seen: &Seen,
    group: &mut [Job],
) -> Result<Vec<Written>, JournalError> {
    execute(connection, "BEGIN IMMEDIATE").await?;
    let written = write_all(connection, seen, group).await;
    if written.is_err() {
        // Where SQLite has rolled back already there is nothing left to end, and that it says so is no news.
        let _ = execute(connection, "ROLLBACK").await;
    }
    written
}

async fn execute(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), JournalError> {
    sqlx::raw_sql(statement).execute(connection).await.map(|_| ()).map_err(storage)
}

async fn write_all(
    connection: &mut SqliteConnection,
    seen: &Seen,
    group: &mut [Job],
) -> Result<Vec<Written>, JournalError> {
    let before = seen.look(connection).await?;
    let mut head = before.clone();
    let mut written = Vec::with_capacity(group.len());
    for job in group {
        written.push(write(connection, &mut head, &mut job.work).await?);
    }
    if head != before {
        chain::set_head(connection, &head).await?;
    }
    execute(connection, "COMMIT").await?;
    seen.wrote(head);
    Ok(written)
}

async fn write(connection: &mut SqliteConnection, head: &mut Head, work: &mut Work) -> Result<Written, JournalError> {
    match work {
        Work::Append(loose) => chain::append(connection, head, loose).await?,
        Work::KeepTree(tree) => good_tree::write(connection, &tree.0, &tree.1).await?,
        Work::Room { take } => good_tree::room(connection, *take).await?,
        Work::Account(of) => accounts::write(connection, &of.0, &of.1, head.seq).await?,
        Work::Observe(seen) => observed::write(connection, &seen.0, seen.1, &seen.2).await?,
        Work::Intent(work) => {
            if let Err(refused) = sent::admits(connection, &work.loose, work.ceiling).await? {
                return Ok(Err(refused));
            }
            let (made, number) = match work.again.take() {
                Some((key, number)) => (key.to_string(), number),
                None => {
                    let known = past::closed(connection, &work.loose).await?;
                    let listed = work.listed.unwrap_or(known.closed);
                    let counted = listed.saturating_add(known.failed_before);
                    let number = counted.saturating_add(known.failed_in_run.max(work.step));
                    (work.key.key(number), number)
                }
            };
            if let RecordBody::Intent { key, generation, .. } = &mut work.loose.body {
                *key = made.as_str().into();
                *generation = number;
            }
            chain::append(connection, head, &work.loose).await?;
            return Ok(Ok(Some(made)));
        }
    }
    Ok(Ok(None))
}
