//! Intents whose end is not known yet.
//!
//! A list beside the chain tells where to look; what is open is what the chain says of these.

use std::collections::BTreeMap;

use sqlx::{Row as _, SqliteConnection};

use crate::{
    access::{OpenIntent, Text},
    wire::Note,
};

use super::{
    JournalError, Outcome, Record, RecordBody,
    accounts::Accounts,
    chain::record,
    past::{body, intents, time},
    problem::storage,
};

/// The open intents of a target, oldest first.
pub(super) const OPEN: &str = intents!(
    "open_intents n CROSS JOIN records i",
    "i.seq AS seq, i.at AS at, i.run AS run, i.target AS target, i.subject AS subject, i.kind AS kind, i.entry AS entry,
     i.body AS body, i.hash AS hash, o.outcome AS last, o.body AS last_body",
    "i.subject = n.subject AND n.target = $1 AND (o.outcome IS NULL OR o.outcome IN ('unknown', 'in_flight')) ORDER BY i.seq"
);

/// The list.
pub(super) const LISTED: &str = "SELECT subject, target FROM open_intents ORDER BY subject";

/// The intent of an id.
pub(super) const INTENT: &str = "SELECT seq, target FROM records WHERE subject = $1 AND type = 'intent'";

/// The open intents of a target, oldest first: those of the account that it is now, and those of others that it was.
pub(super) async fn of(
    connection: &mut SqliteConnection,
    target: &str,
    accounts: &Accounts,
) -> Result<(Vec<OpenIntent>, Vec<OpenIntent>), JournalError> {
    let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
    for row in sqlx::query(OPEN).bind(target).fetch_all(connection).await.map_err(storage)? {
        let text = |name: &str| row.try_get::<&str, _>(name).map(Text::from).map_err(storage);
        let open = OpenIntent {
            intent: text("subject")?,
            kind: text("kind")?,
            id: text("entry")?,
            since: time(&row, "at")?,
            in_flight: row.try_get::<Option<&str>, _>("last").map_err(storage)? == Some("in_flight"),
        };
        if accounts.is_here(row.try_get("seq").map_err(storage)?) { &mut here } else { &mut elsewhere }.push(open);
    }
    Ok((here, elsewhere))
}

/// Those of the account that the target is now, each as it was recorded, with its newest note and outcome.
pub(super) async fn with_outcomes(
    connection: &mut SqliteConnection,
    target: &str,
) -> Result<Vec<(Record, Note, Option<Outcome>)>, JournalError> {
    let mut open = Vec::new();
    let accounts = Accounts::of(connection, target).await?;
    for row in sqlx::query(OPEN).bind(target).fetch_all(connection).await.map_err(storage)? {
        if !accounts.is_here(row.try_get("seq").map_err(storage)?) {
            continue;
        }
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

/// What is open by the records of the chain alone: number and target of each intent, by its id.
#[derive(Default)]
pub(super) struct OpenByChain(BTreeMap<Text, (i64, Option<Text>)>);

impl OpenByChain {
    /// Takes the chain's next record.
    pub(super) async fn follow(
        &mut self,
        connection: &mut SqliteConnection,
        record: Record,
    ) -> Result<(), JournalError> {
        match record.body {
            RecordBody::Intent { intent, .. } => {
                self.0.insert(intent, (record.seq.cast_signed(), record.target));
            }
            RecordBody::Outcome { intent, outcome, .. } if !outcome.kind.is_open() => {
                self.0.remove(&intent);
            }
            // What had ended is open again. It is looked up, so that only what is open is kept in mind.
            RecordBody::Outcome { intent, .. } if !self.0.contains_key(&intent) => {
                let found = sqlx::query(INTENT).bind(intent.as_str()).fetch_optional(connection).await;
                if let Some(row) = found.map_err(storage)? {
                    let target: Option<&str> = row.try_get("target").map_err(storage)?;
                    self.0.insert(intent, (row.try_get("seq").map_err(storage)?, target.map(Into::into)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Compares it with the list, in the same view of the file.
    pub(super) async fn compare(&self, connection: &mut SqliteConnection) -> Result<(), JournalError> {
        let mut missing = self.0.clone();
        for row in sqlx::query(LISTED).fetch_all(connection).await.map_err(storage)? {
            let (subject, target): (&str, Option<&str>) =
                (row.try_get("subject").map_err(storage)?, row.try_get("target").map_err(storage)?);
            match missing.remove(subject) {
                Some((_, of)) if of.as_deref() == target => {}
                Some((seq, _)) => return Err(disagrees(seq, subject, "stands among the open ones for another target")),
                None => {
                    return Err(JournalError::Lists(format!(
                        "the intent {subject} stands among the open ones and is not open"
                    )));
                }
            }
        }
        match missing.iter().min_by_key(|(_, (seq, _))| seq) {
            Some((subject, (seq, _))) => {
                Err(disagrees(*seq, subject, "is open and does not stand among the open ones"))
            }
            None => Ok(()),
        }
    }
}

fn disagrees(seq: i64, subject: &str, how: &str) -> JournalError {
    JournalError::Lists(format!("the intent {subject} of record {seq} {how}"))
}
