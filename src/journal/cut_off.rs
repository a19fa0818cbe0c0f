//! Runs that were cut off: their beginning is recorded, their end is not.
//!
//! The same is true of a run that is still under way. Who wants to know which of the two holds the lock of its target: a run
//! has it from before its first record until its end is recorded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::Row as _;

use super::{
    Journal, JournalError, Outcome, OutcomeKind, Record, RecordBody,
    chain::{head, record},
    problem::storage,
};
use crate::access::Text;

/// How many of the newest records are searched. A process that begins comes right behind the one that was cut off, and is to
/// find its runs whatever the journal's age.
const SEARCHED: i64 = 20_000;

/// The beginnings among the newest records to which no end is recorded, each with the target of its first record that has one.
/// The pluses keep SQLite from going by type, through all that ever was.
const UNENDED: &str = "SELECT s.*,
        (SELECT t.target FROM records t WHERE t.seq > s.seq AND t.run = s.run AND +t.target IS NOT NULL
         ORDER BY t.seq LIMIT 1) AS its_target
    FROM records s
    WHERE s.seq > $1 AND +s.type = 'run_started'
      AND s.run NOT IN (SELECT e.run FROM records e WHERE e.seq > $1 AND +e.type = 'run_ended')
    ORDER BY s.seq";

/// What a run recorded of one target.
const RECORDED: &str = "SELECT * FROM records
    WHERE target = $1 AND seq > $2 AND run = $3 AND +type IN ('intent', 'outcome') ORDER BY seq";

/// Whether a run that began with this record goes on without an end.
const STANDS: &str = "SELECT 1 FROM records s WHERE s.seq = $1 AND s.run = $2
    AND NOT EXISTS (SELECT 1 FROM records e WHERE e.seq > $1 AND e.run = $2 AND +e.type = 'run_ended')";

/// A run that began and recorded something of a target, and no end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unended {
    /// Its id.
    pub run: Text,
    /// Its target: the first one of which it recorded anything.
    pub target: Text,
    /// The commit of the policies, with a Git source.
    pub revision: Option<Text>,
    seq: i64,
}

/// A removal that such a run recorded the outcome of: its own, or one of before that it found ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// The record of the intent.
    pub intent: Record,
    /// When the last outcome was recorded.
    pub at: Timestamp,
    /// The last outcome that the run recorded.
    pub outcome: Outcome,
}

impl Journal {
    /// The runs of this command among the newest records of which no end is recorded.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn unended(&self, command: &str) -> Result<Vec<Unended>, JournalError> {
        let mut connection = self.connection.lock().await;
        let from = (head(&mut connection).await?.seq - SEARCHED).max(0);
        let mut unended = Vec::new();
        for row in sqlx::query(UNENDED).bind(from).fetch_all(&mut *connection).await.map_err(storage)? {
            let target: Option<&str> = row.try_get("its_target").map_err(storage)?;
            let Record { seq, run, body: RecordBody::RunStarted(info), .. } = record(&row)? else { continue };
            if let (Some(target), true) = (target, info.command == command) {
                unended.push(Unended { run, target: target.into(), revision: info.revision, seq: seq.cast_signed() });
            }
        }
        Ok(unended)
    }

    /// What a run recorded of removals, in the order in which they were recorded; `None` where its end is recorded by now, or
    /// where it is not in this journal. Ask with the target's lock: then it is not under way.
    ///
    /// # Errors
    /// Storage, or a record that does not parse.
    pub async fn left_by(&self, unended: &Unended) -> Result<Option<Vec<Left>>, JournalError> {
        let Unended { run, target, seq, .. } = unended;
        let (mut own, mut outcomes) = (BTreeMap::new(), BTreeMap::new());
        {
            let mut connection = self.connection.lock().await;
            let stands = sqlx::query(STANDS).bind(seq).bind(run.as_str()).fetch_optional(&mut *connection).await;
            if stands.map_err(storage)?.is_none() {
                return Ok(None);
            }
            let rows = sqlx::query(RECORDED).bind(target.as_str()).bind(seq).bind(run.as_str());
            for row in rows.fetch_all(&mut *connection).await.map_err(storage)? {
                let record = record(&row)?;
                match &record.body {
                    RecordBody::Intent { intent, .. } => drop(own.insert(intent.clone(), record)),
                    RecordBody::Outcome { intent, outcome, .. } => {
                        outcomes.insert(intent.clone(), (record.at, outcome.clone()));
                    }
                    _ => {}
                }
            }
        }
        // What it found open of before, and what of that is open still, the next look finds, too.
        outcomes.retain(|intent, (_, outcome)| match own.contains_key(intent) {
            true => outcome.kind != OutcomeKind::NotSent,
            false => outcome.kind != OutcomeKind::NotSent && !outcome.kind.is_open(),
        });
        let before: Vec<Text> = outcomes.keys().filter(|intent| !own.contains_key(*intent)).cloned().collect();
        let mut left = Vec::new();
        for intent in own.into_values().chain(self.intents(&before).await?) {
            let RecordBody::Intent { intent: id, .. } = &intent.body else { continue };
            if let Some((at, outcome)) = outcomes.remove(id) {
                left.push(Left { intent, at, outcome });
            }
        }
        left.sort_by_key(|one| one.intent.seq);
        Ok(Some(left))
    }

    /// Records that a run was cut off, so that nobody takes it up again.
    ///
    /// # Errors
    /// Storage.
    pub async fn close(&self, unended: &Unended) -> Result<(), JournalError> {
        self.append(&unended.run, None, RecordBody::RunEnded { exit_code: 1, cut_off: true }).await
    }
}
