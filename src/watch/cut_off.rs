//! Looks that were cut off, by a kill or at the end of the grace: they told nobody what they had removed. Whoever begins after
//! them does, and then closes their runs in the journal. What is still open of them is settled by the next look.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{publish, shared::Shared, telling};
use crate::{
    access::Text,
    apply::RowOutcome,
    journal::{JournalError, Left, Unended},
    serve::{Ended, TargetView},
};

/// The daemon's looks, as the journal names their runs.
pub(super) const COMMAND: &str = "watch";

/// By target: the runs that had no end when the daemon began.
pub(super) struct CutOff(Mutex<BTreeMap<Text, Owed>>);

/// Runs of one target.
#[derive(Default)]
struct Owed {
    runs: Vec<Unended>,
    /// Whether people were told, and only the end is not recorded yet.
    is_told: bool,
}

impl CutOff {
    pub(super) fn of(unended: Vec<Unended>) -> Self {
        let mut owed = BTreeMap::<Text, Owed>::new();
        for run in unended {
            owed.entry(run.target.clone()).or_default().runs.push(run);
        }
        Self(Mutex::new(owed))
    }

    /// The targets of such runs.
    pub(super) fn targets(&self) -> Vec<Text> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Text, Owed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells what the looks at this target came to that were cut off. Does nothing where there are none; where another process has
/// the target, so that one of them may still be under way, it is tried again the next time.
pub(super) async fn tell(shared: &Shared, name: &Text) {
    let Some(mut owed) = shared.cut_off.lock().remove(name) else { return };
    if let Err(error) = make_known(shared, name, &mut owed).await {
        tracing::debug!(target = %name, %error, "what was cut off is not closed yet");
        shared.cut_off.lock().insert(name.clone(), owed);
    }
}

async fn make_known(shared: &Shared, name: &Text, owed: &mut Owed) -> Result<(), JournalError> {
    let journal = shared.fleet.journal().await?;
    // A run that is under way has it.
    let _lock = journal.lock(name, Duration::ZERO).await?;
    let mut left = Vec::new();
    let mut at = 0;
    while let Some(run) = owed.runs.get(at) {
        match journal.left_by(run).await? {
            // Somebody closed it.
            None => drop(owed.runs.remove(at)),
            Some(recorded) => {
                left.extend(recorded);
                at += 1;
            }
        }
    }
    if owed.runs.is_empty() {
        return Ok(());
    }
    if !owed.is_told {
        publish(shared, name, &owed.runs, &left);
        owed.is_told = true;
    }
    // Closed after it was told: a crash in between tells it twice, and never not at all.
    while let Some(run) = owed.runs.first() {
        journal.close(run).await?;
        owed.runs.remove(0);
    }
    Ok(())
}

/// Counts, shows and tells it.
fn publish(shared: &Shared, name: &Text, runs: &[Unended], left: &[Left]) {
    let config = shared.config();
    let description = config.targets.get(name).map(|target| target.description);
    let of = |one: &Left| Some((one.at, RowOutcome::recorded(&one.intent.body, &one.outcome, description)?));
    let (at, rows): (Vec<_>, Vec<RowOutcome>) = left.iter().filter_map(of).unzip();
    tracing::warn!(target = %name, runs = runs.len(), rows = rows.len(), "a look of before was cut off");
    for row in rows.iter().filter(|row| publish::ended_for_good(row)) {
        shared.board.meters().revocation(name, row.cause.name(), row.end.name());
    }
    if let Some(view) = shared.board.target(name) {
        let ended: Vec<Ended> = at.into_iter().zip(&rows).map(|(at, row)| publish::ended(row, at)).collect();
        if !ended.is_empty() {
            shared.board.replace_target(TargetView { ended, ..(*view).clone() });
        }
    }
    let commit = runs.last().and_then(|run| run.revision.clone());
    telling::cut_off(name, &rows, shared.now(), commit).into_iter().for_each(|news| shared.tell.tell(news));
}
