//! One conversation of reads and the evidence that it leaves: requests, pages, times, clock skew, proofs.

use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::{
    access::{Account, Directory, Entry, Evidence, Snapshot, Text},
    wire::{Ask, Read, Unreadable},
};

use super::Heard;

/// Asks on behalf of one reading and keeps the tally. Several questions may be under way at once.
pub struct Conversation<'a> {
    ask: &'a dyn Ask,
    tally: Mutex<Tally>,
}

#[derive(Default)]
struct Tally {
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
    clock_skew: Option<SignedDuration>,
    evidence: Evidence,
}

impl<'a> Conversation<'a> {
    /// A conversation with nothing said yet.
    pub fn new(ask: &'a dyn Ask) -> Self {
        Self { ask, tally: Mutex::default() }
    }

    /// Sends a read. The answer may still be an error: see [`Heard::ok`].
    ///
    /// # Errors
    /// No final answer could be had.
    pub async fn ask(&self, read: Read) -> Result<Heard, Unreadable> {
        let request = read.shown();
        let answer = self.ask.ask(read).await.map_err(|error| error.at(request.clone()))?;
        let heard = Heard { answer, request };
        self.tally(|tally| {
            let at = heard.answer.received_at;
            tally.evidence.requests = tally.evidence.requests.saturating_add(1);
            tally.finished_at = Some(tally.finished_at.map_or(at, |latest| latest.max(at)));
            if let Some(skew) = heard.clock_skew()
                && tally.clock_skew.is_none_or(|largest| skew.unsigned_abs() > largest.unsigned_abs())
            {
                tally.clock_skew = Some(skew);
            }
        });
        Ok(heard)
    }

    /// Counts an answer as a page of entries: the age of the reading counts from the first of these.
    pub fn page(&self, heard: &Heard) {
        self.tally(|tally| {
            let at = heard.answer.received_at;
            tally.evidence.pages = tally.evidence.pages.saturating_add(1);
            tally.started_at = Some(tally.started_at.map_or(at, |first| first.min(at)));
        });
    }

    /// Adds a line to the proof that the reading is whole.
    pub fn prove(&self, proof: impl Into<String>) {
        self.tally(|tally| tally.evidence.proofs.push(proof.into()));
    }

    /// Adds what a reader has to know and nobody has to do. The same remark is kept once.
    pub fn remark(&self, remark: impl Into<String>) {
        let remark = remark.into();
        self.tally(|tally| {
            if !tally.evidence.remarks.contains(&remark) {
                tally.evidence.remarks.push(remark);
            }
        });
    }

    /// The snapshot of a complete reading; own marks and controls are the system's to add.
    pub fn into_snapshot(
        self,
        system: &'static str,
        account_id: Option<Text>,
        entries: Vec<Entry>,
        directory: Directory,
    ) -> Snapshot {
        let tally = self.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        let finished_at = tally.finished_at.unwrap_or(Timestamp::UNIX_EPOCH);
        Snapshot {
            system,
            account_id,
            started_at: tally.started_at.unwrap_or(finished_at),
            finished_at,
            clock_skew: tally.clock_skew,
            entries,
            directory,
            own: Vec::new(),
            controls: Vec::new(),
            evidence: tally.evidence,
        }
    }

    fn tally<T>(&self, with: impl FnOnce(&mut Tally) -> T) -> T {
        with(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A target field that the configuration has checked to be there.
///
/// # Errors
/// It is not: no request is made.
pub fn required<'a>(account: &'a Account, field: &'static str) -> Result<&'a Text, Unreadable> {
    account.field(field).ok_or_else(|| {
        Unreadable::new(crate::wire::Fault::Missing, format!("the target does not say `{field}`"))
            .advise(format!("add `{field}:` to the target in portcullis.yaml"))
    })
}
