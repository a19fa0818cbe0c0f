//! What a run asks of the journal.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use sqlx::{Connection as _, QueryBuilder, Sqlite, SqliteConnection};
use tokio::sync::{Mutex, OnceCell, mpsc, oneshot};
use uuid::Uuid;

use crate::{
    access::{EntryRecord, Expectation, History, Observation, Text, title},
    wire::{Durable, Note, Receipt},
};

use super::{
    Filter, Intent, JournalError, Mode, Outcome, Record, RecordBody, RunInfo, TargetLock, Verified,
    chain::{self, Loose, Walk},
    key::KeyParts,
    lock::Locks,
    open, past,
    problem::storage,
    seen::Seen,
    store::{self, FileId, PrivateCopy, Store},
    writer::{self, IntentWork, Job, Work},
};

/// Ids that are asked for in one statement.
const IDS_AT_ONCE: usize = 500;

/// The record. Cheap to clone: one writer task behind it commits a group of records at a time.
///
/// Opened on a tokio runtime, and used on the same one.
#[derive(Clone)]
pub struct Journal {
    pub(super) connection: Arc<Mutex<SqliteConnection>>,
    /// Absent when opened to read.
    writer: Option<mpsc::Sender<Job>>,
    locks: Locks,
    persistent: bool,
    /// Where it is, and which file that was when it was opened.
    file: Option<Arc<(PathBuf, FileId)>>,
    /// What it saw of the chain.
    seen: Arc<Seen>,
    /// The run whose beginning is recorded with its first record.
    lazy: Option<Arc<Lazy>>,
    /// Lives as long as the connection that reads it.
    _copy: Option<Arc<PrivateCopy>>,
}

/// A run whose beginning is not recorded yet.
struct Lazy {
    run: Text,
    info: RunInfo,
    begun: OnceCell<()>,
}

impl Journal {
    /// Opens a journal file, and checks its newest records.
    ///
    /// # Errors
    /// [`JournalError`]: missing, held, broken at its head, unwritable, no journal, of a newer version.
    pub async fn open(path: &Path, mode: Mode) -> Result<Self, JournalError> {
        let store = store::open(path, mode).await?;
        let id = FileId::of(path).ok_or_else(|| JournalError::Vanished(path.display().to_string()))?;
        let journal = Self::over(store, mode != Mode::Read, Locks::beside(path), true);
        Ok(Self { file: Some(Arc::new((path.to_owned(), id))), ..journal })
    }

    /// A journal in memory, for `journal: ephemeral`. Its locks hold within this process only.
    ///
    /// # Errors
    /// Out of memory.
    pub async fn ephemeral() -> Result<Self, JournalError> {
        let store = store::in_memory().await?;
        Ok(Self::over(store, true, Locks::Memory(Arc::default()), false))
    }

    fn over(store: Store, writes: bool, locks: Locks, persistent: bool) -> Self {
        let connection = Arc::new(Mutex::new(store.connection));
        let seen = Arc::new(Seen::default());
        let writer = writes.then(|| writer::start(Arc::clone(&connection), Arc::clone(&seen)));
        let copy = store.copy.map(Arc::new);
        Self { connection, writer, locks, persistent, file: None, seen, lazy: None, _copy: copy }
    }

    /// Takes the lock of a target, waiting at most `wait`.
    ///
    /// # Errors
    /// [`JournalError::TargetHeld`] with who holds it.
    pub async fn lock(&self, target: &str, wait: Duration) -> Result<TargetLock, JournalError> {
        self.locks.take(target, wait).await
    }

    /// Records that a run began and returns its id.
    ///
    /// # Errors
    /// Storage.
    pub async fn begin(&self, info: &RunInfo) -> Result<Text, JournalError> {
        let run = Text::from(Uuid::now_v7().to_string());
        self.append(&run, None, RecordBody::RunStarted(info.clone())).await?;
        Ok(run)
    }

    /// A handle for one run, and the run's id: that it began is recorded with the first record that the handle writes, so that
    /// a run that has nothing to record leaves nothing behind. [`Journal::end`] ends it.
    pub fn begin_lazily(&self, info: RunInfo) -> (Self, Text) {
        let run = Text::from(Uuid::now_v7().to_string());
        let lazy = Lazy { run: run.clone(), info, begun: OnceCell::new() };
        (Self { lazy: Some(Arc::new(lazy)), ..self.clone() }, run)
    }

    /// Records that a run ended, where its beginning is recorded.
    ///
    /// # Errors
    /// Storage.
    pub async fn end(&self, run: &str, exit_code: u8) -> Result<(), JournalError> {
        match &self.lazy {
            Some(lazy) if !lazy.begun.initialized() => Ok(()),
            _ => self.append(run, None, RecordBody::RunEnded { exit_code, cut_off: false }).await,
        }
    }

    /// Whether the open file is still the one at its path. What is written to a file that was removed or replaced is lost.
    ///
    /// # Errors
    /// [`JournalError::Vanished`].
    pub fn is_in_place(&self) -> Result<(), JournalError> {
        match self.file.as_deref() {
            Some((path, id)) if self.seen.is_replaced() || FileId::of(path).as_ref() != Some(id) => {
                Err(JournalError::Vanished(path.display().to_string()))
            }
            _ => Ok(()),
        }
    }

    /// The same, and whether the chain in it goes on from what was seen of it: a copy may have been written over the file.
    ///
    /// # Errors
    /// [`JournalError::Vanished`], or the file cannot be read.
    pub async fn is_same(&self) -> Result<(), JournalError> {
        self.is_in_place()?;
        let looked = {
            let mut connection = self.connection.lock().await;
            let mut view = connection.begin().await.map_err(storage)?;
            let looked = self.seen.look(&mut view).await;
            view.rollback().await.map_err(storage)?;
            looked
        };
        match looked {
            // Its path is known here.
            Err(JournalError::Vanished(_)) => self.is_in_place(),
            looked => looked.map(|_| ()),
        }
    }

    /// Whether it can be written just now: takes room for what a look records, synced, and gives it back. Nothing of that is
    /// told by the journal.
    ///
    /// # Errors
    /// Storage: what would be recorded now would be lost.
    pub async fn can_be_written(&self) -> Result<(), JournalError> {
        for take in [true, false] {
            self.write(Work::Room { take }).await?;
        }
        Ok(())
    }

    /// Appends a record, synced when it returns.
    ///
    /// # Errors
    /// Storage.
    pub async fn append(&self, run: &str, target: Option<&str>, body: RecordBody) -> Result<(), JournalError> {
        let loose = Loose { at: chain::now_ms(), run: run.into(), target: target.map(Into::into), body };
        self.write(Work::Append(loose)).await.map(|_| ())
    }

    /// Records an intent, computes its idempotency key, and hands over the receipt once it is synced to disk.
    ///
    /// The key's generation is the number of closed removals that the system lists, else that this journal knows (carried out,
    /// gone or rejected), plus verified failures.
    ///
    /// Where nobody could tell whether the last one of the entry arrived, that one goes again as it was, with its key: a vendor that has it takes both for one, whatever the policies say of the entry by now.
    ///
    /// # Errors
    /// Storage, or [`JournalError::OverTotal`]: then nothing may be sent.
    pub async fn intent(&self, run: &str, mut intent: Intent<'_>) -> Result<Receipt, JournalError> {
        let order = intent.order;
        let untold = match intent.draft.key_header {
            Some(_) => past::untold(&mut *self.connection.lock().await, order, &intent.draft).await?,
            None => None,
        };
        let again = untold.map(|past::Untold { body, key, generation }| {
            intent.draft.body = Some(body);
            (key, generation)
        });
        let draft = &intent.draft;
        let request_body = match &draft.body {
            Some(body) => Some(
                String::from_utf8(body.clone())
                    .map_err(|_| JournalError::Storage("a request body that is no text cannot be recorded".into()))?,
            ),
            None => None,
        };
        let entry = serde_json::to_value(EntryRecord::of(&order.entry))
            .map_err(|error| JournalError::Storage(format!("an entry cannot be written as JSON: {error}")))?;
        let principal = order.entry.principal.as_ref();
        let id = Text::from(Uuid::now_v7().to_string());
        let body = RecordBody::Intent {
            intent: id.clone(),
            kind: order.entry.kind.name.into(),
            id: order.entry.id.clone(),
            title: title(&order.entry),
            cause: order.cause,
            reason: order.reason.clone(),
            key: Text::default(),
            generation: 0,
            fingerprint: order.fingerprint,
            request: draft.shown(),
            request_body,
            note: draft.note.clone(),
            natural_key: intent.natural_key.clone(),
            weight: intent.weight,
            files: intent.files.clone(),
            said: intent.said.clone(),
            principal: principal.map(|object| object.shown().into()),
            entry,
        };
        let loose = Loose { at: chain::now_ms(), run: run.into(), target: Some(order.target.to_string()), body };
        let (listed, step, ceiling) = (draft.generation, intent.step, intent.ceiling);
        let work =
            Work::Intent(Box::new(IntentWork { loose, listed, step, ceiling, key: KeyParts::of(&intent), again }));
        let key = self.write(work).await?.unwrap_or_default();
        Ok(Receipt::seal(id.to_string(), key, intent.draft, Durable::synced()))
    }

    /// Records what happened to an intent.
    ///
    /// # Errors
    /// Storage.
    pub async fn outcome(
        &self,
        run: &str,
        target: &str,
        intent: &str,
        outcome: Outcome,
        note: Note,
    ) -> Result<(), JournalError> {
        self.append(run, Some(target), RecordBody::Outcome { intent: intent.into(), outcome, note }).await
    }

    /// What the journal knows of a target at a time.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn history(&self, target: &str, now: Timestamp) -> Result<History, JournalError> {
        let mut connection = self.connection.lock().await;
        let mut view = connection.begin().await.map_err(storage)?;
        let history = past::history(&mut view, target, now, self.persistent).await?;
        view.rollback().await.map_err(storage)?;
        Ok(history)
    }

    /// The account id that is pinned for a target, where one was seen.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn account_id(&self, target: &str) -> Result<Option<Text>, JournalError> {
        past::account_id(&mut *self.connection.lock().await, target).await
    }

    /// The account id that is pinned for each target of which one was seen, asked for in one go.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn account_ids(&self) -> Result<BTreeMap<Text, Text>, JournalError> {
        past::account_ids(&mut *self.connection.lock().await).await
    }

    /// The newest number that was announced for a target, unless it was used or its time is over.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn expectation(&self, target: &str, now: Timestamp) -> Result<Option<Expectation>, JournalError> {
        past::expectation(&mut *self.connection.lock().await, target, now).await
    }

    /// Keeps what a run saw, beside the chain, in one transaction.
    ///
    /// # Errors
    /// Storage.
    pub async fn observe(&self, target: &str, now: Timestamp, seen: &Observation) -> Result<(), JournalError> {
        self.write(Work::Observe(Box::new((target.into(), now, seen.clone())))).await.map(|_| ())
    }

    /// Open intents of a target with all that is needed to settle them: the intent record, its newest note, and its newest
    /// outcome where there is one.
    ///
    /// # Errors
    /// Storage.
    pub async fn open_intents(&self, target: &str) -> Result<Vec<(Record, Note, Option<Outcome>)>, JournalError> {
        open::with_outcomes(&mut *self.connection.lock().await, target).await
    }

    /// Whether a saved plan was used up.
    ///
    /// # Errors
    /// Storage.
    pub async fn is_used_up(&self, digest: &str) -> Result<bool, JournalError> {
        let found = sqlx::query("SELECT 1 FROM records WHERE subject = $1 AND type = 'plan_used_up' LIMIT 1");
        let mut connection = self.connection.lock().await;
        let found = found.bind(digest).fetch_optional(&mut *connection).await.map_err(storage)?;
        Ok(found.is_some())
    }

    /// Records, oldest first. An entry's id and principal also find the outcomes of its intents.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn records(&self, filter: &Filter) -> Result<Vec<Record>, JournalError> {
        let mut query = past::listing(filter);
        let mut connection = self.connection.lock().await;
        let rows = query.build().fetch_all(&mut *connection).await.map_err(storage)?;
        rows.iter().map(chain::record).collect()
    }

    /// The intents of these ids, in the order of the chain.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn intents(&self, ids: &[Text]) -> Result<Vec<Record>, JournalError> {
        let mut found = Vec::new();
        for chunk in ids.chunks(IDS_AT_ONCE) {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM records WHERE type = 'intent' AND subject IN (");
            let mut list = query.separated(", ");
            for id in chunk {
                list.push_bind(id.as_str());
            }
            query.push(") ORDER BY seq");
            let mut connection = self.connection.lock().await;
            let rows = query.build().fetch_all(&mut *connection).await.map_err(storage)?;
            for row in &rows {
                found.push(chain::record(row)?);
            }
        }
        Ok(found)
    }

    /// Walks the whole chain, and compares the lists beside it with it.
    ///
    /// # Errors
    /// [`JournalError::Broken`] with the first broken record; [`JournalError::Lists`] where the chain is whole.
    pub async fn verify(&self) -> Result<Verified, JournalError> {
        let mut walk = Walk::new();
        loop {
            // The connection is given back between batches, so that a long walk does not hold up a writer.
            let mut connection = self.connection.lock().await;
            let mut view = connection.begin().await.map_err(storage)?;
            let reached = walk.step(&mut view).await?;
            view.rollback().await.map_err(storage)?;
            if let Some(verified) = reached {
                return Ok(verified);
            }
        }
    }

    pub(super) async fn write(&self, work: Work) -> writer::Written {
        self.is_in_place()?;
        if let (Some(lazy), Work::Append(_) | Work::Intent(_)) = (&self.lazy, &work) {
            let body = RecordBody::RunStarted(lazy.info.clone());
            let began = Loose { at: chain::now_ms(), run: lazy.run.to_string(), target: None, body };
            lazy.begun.get_or_try_init(|| async { self.send(Work::Append(began)).await.map(|_| ()) }).await?;
        }
        self.send(work).await
    }

    async fn send(&self, work: Work) -> writer::Written {
        let Some(writer) = &self.writer else {
            return Err(JournalError::Storage("the journal was opened to be read only".into()));
        };
        let (reply, answer) = oneshot::channel();
        let ended = || JournalError::Storage("the journal's writer has ended: nothing more is sent".into());
        writer.send(Job { work, reply }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}
