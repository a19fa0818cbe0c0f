//! Carries out one target's approved plan, row by row, and reads it back.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::{sync::Mutex, time::Instant};

use super::{
    End, Event, Hand, RowOutcome, TargetOutcome, Work,
    confirm::{Claimed, Wait, confirm},
    fresh::{Fresh, Look},
    remove::remove,
};
use crate::{
    access::{Controls, Entry, Snapshot, Text},
    plan::{Removal, Row, TargetPlan},
    wire::{Order, Unreadable},
};

/// What a run knows and apply does not: what a reading has to prove, and what the policies say of a newer one.
pub trait Rules: Send + Sync {
    /// Whether a new reading of the target proves what it must.
    ///
    /// # Errors
    /// [`Unreadable`]: then nothing is concluded from it.
    fn check(&self, reading: &Snapshot) -> Result<(), Unreadable>;

    /// The plan of a new reading, from the same policies and history.
    fn plan(&self, reading: &Snapshot, now: Timestamp) -> TargetPlan;
}

/// What was approved.
pub struct Approved<'a> {
    /// The plan; its changes are sent, nothing else.
    pub plan: &'a TargetPlan,
    /// The reading it was made from.
    pub snapshot: Arc<Snapshot>,
    /// Ids or names of controls that may be opened.
    pub may_open: &'a [Text],
    /// What [`super::resume()`] found: an entry with an outcome that is still not known is not sent again.
    pub open: &'a [RowOutcome],
    /// For newer readings.
    pub rules: &'a dyn Rules,
}

/// Sends the plan's changes in its order, at most [`Work::concurrency`] at once, and reads the target back. Returns one
/// outcome for every change, in the plan's order.
pub async fn carry_out(work: &Work<'_>, hand: &Hand, approved: Approved<'_>) -> TargetOutcome {
    let rows: Vec<Removal<'_>> = approved.plan.changes().filter_map(known).collect();
    let mut outcome = TargetOutcome { target: work.target.clone(), ..TargetOutcome::default() };
    if rows.is_empty() {
        return outcome;
    }
    work.progress.tell(&Event::Sending { target: &work.target, rows: rows.len() });
    let entries: HashMap<(&str, &str), &Entry> =
        approved.snapshot.entries.iter().map(|entry| ((entry.kind.name, entry.id.as_str()), entry)).collect();
    let gates = Gates::of(&rows, &entries, &approved.snapshot.controls, approved.may_open);
    let open: HashMap<(&Text, &Text), &RowOutcome> = approved
        .open
        .iter()
        .filter(|earlier| matches!(earlier.end, End::Unknown | End::InFlight))
        .map(|earlier| ((&earlier.kind, &earlier.id), earlier))
        .collect();
    let fresh = Fresh::new(approved.rules, Arc::clone(&approved.snapshot));
    let (gates, fresh, open) = (&gates, &fresh, &open);
    let mut sending = Vec::with_capacity(rows.len());
    for turn in in_turn(&rows, &entries) {
        sending.push(async move {
            let mut ended = Vec::with_capacity(turn.len());
            let mut in_doubt = false;
            for (at, removal) in turn {
                let (outcome, order) = match open.get(&(&removal.row.kind, &removal.row.id)) {
                    Some(earlier) => (still_open(earlier, removal), None),
                    // Nothing would tell the one in doubt from this one.
                    None if in_doubt => (RowOutcome::of(removal, End::Skipped, IN_DOUBT), None),
                    // On the heap: of very many rows few are under way at once.
                    None => Box::pin(one(work, hand, fresh, gates, removal)).await,
                };
                in_doubt |= outcome.end == End::Unknown;
                work.progress.tell(&Event::Row { target: &work.target, outcome: &outcome });
                ended.push((at, outcome, order));
            }
            ended
        });
    }
    let sending = stream::iter(sending).buffer_unordered(work.concurrency.max(1));
    let ended: Vec<Vec<(usize, RowOutcome, Option<Order>)>> = sending.collect().await;
    let mut ended: Vec<_> = ended.into_iter().flatten().collect();
    ended.sort_by_key(|(at, ..)| *at);

    let until = Instant::now() + work.settle;
    let claimed = ended
        .iter_mut()
        .filter_map(|(_, outcome, order)| {
            let sent = outcome.intent.is_some();
            let wait = match outcome.end {
                End::Done | End::Gone => Wait::Confirm,
                End::InFlight if work.system.ends_soon(&outcome.note) => Wait::Follow,
                _ => return None,
            };
            order.as_ref().filter(|_| sent).map(|order| Claimed { outcome, order, wait })
        })
        .collect();
    outcome.read_back_failed = confirm(work, fresh, claimed, until).await;
    outcome.rows = ended.into_iter().map(|(_, row, _)| row).collect();
    outcome.stopped = work.stop.is_cancelled() && outcome.rows.iter().any(|row| row.end == End::Skipped);
    outcome.journal_failed = work.halt.why().map(str::to_owned);
    outcome
}

/// The removal of a change. No plan has a change without one; should there be such a row all the same, nothing is made up for it.
fn known(row: &Row) -> Option<Removal<'_>> {
    let removal = row.removal();
    if removal.is_none() {
        tracing::error!(kind = %row.kind, id = ?row.id, "a change names no entry or no cause, and is not sent: report this defect");
    }
    removal
}

/// Why a row waits for another one.
const IN_DOUBT: &str =
    "not sent: what came of the removal of another one, which nothing tells from it, is not known yet";

/// The rows with their positions, in the order of the plan. Rows whose removals nothing tells apart take turns, the oldest first:
/// that one is what the system's next reading takes a removal for.
fn in_turn<'r>(rows: &[Removal<'r>], entries: &HashMap<(&str, &str), &Entry>) -> Vec<Vec<(usize, Removal<'r>)>> {
    let of = |removal: &Removal<'_>| entries.get(&(removal.row.kind.as_str(), removal.row.id.as_str())).copied();
    let mut turns: Vec<Vec<(usize, Removal<'r>)>> = Vec::with_capacity(rows.len());
    let mut alike: HashMap<&str, usize> = HashMap::new();
    for (at, removal) in rows.iter().copied().enumerate() {
        let like = of(&removal).and_then(|entry| entry.facts.as_ref()?.alike.as_deref());
        let turn = like.map_or(turns.len(), |like| *alike.entry(like).or_insert(turns.len()));
        match turns.get_mut(turn) {
            Some(turn) => turn.push((at, removal)),
            None => turns.push(vec![(at, removal)]),
        }
    }
    for turn in turns.iter_mut().filter(|turn| turn.len() > 1) {
        turn.sort_by_key(|(_, removal)| of(removal).map(|entry| (entry.created_at, &entry.id)));
    }
    turns
}

/// A row whose earlier removal is not settled: first that one, then, by the plan of a later run, the next.
fn still_open(earlier: &RowOutcome, removal: Removal<'_>) -> RowOutcome {
    let why = "the outcome of an earlier removal is not known yet; the next run settles it by reading";
    let mut outcome = RowOutcome::of(removal, earlier.end, why);
    outcome.overdue = earlier.overdue;
    outcome
}

async fn one(
    work: &Work<'_>,
    hand: &Hand,
    fresh: &Fresh<'_>,
    gates: &Gates,
    removal: Removal<'_>,
) -> (RowOutcome, Option<Order>) {
    if let Some(why) = work.stopped() {
        return (RowOutcome::of(removal, End::Skipped, why), None);
    }
    let entry = match fresh.look(work, removal.row).await {
        Look::AsPlanned(entry) => *entry,
        Look::Gone => return (RowOutcome::of(removal, End::Gone, "it was gone before it was sent"), None),
        Look::Skip(why) => return (RowOutcome::of(removal, End::Skipped, why), None),
        Look::Unreadable(unreadable) => {
            let why =
                format!("not sent: its reading was too old, and the target could not be read again: {unreadable}");
            return (RowOutcome::of(removal, End::Failed, why), None);
        }
    };
    let gate = gates.of_entry(&entry);
    // A control's check and call are one at a time, settling included: the next check has to see what this one did.
    let _turn = match gate {
        Some(gate) => Some(gate.turn.lock().await),
        None => None,
    };
    let mut order = Order {
        target: work.target.clone(),
        action: removal.action,
        cause: removal.cause,
        fingerprint: removal.fingerprint,
        reason: removal.row.reason.clone(),
        peers: gate.map(|gate| gate.peers(&entry.id)).unwrap_or_default(),
        may_open: gate.is_some_and(|gate| gate.may_open),
        entry,
    };
    let outcome = remove(work, hand, fresh, removal, &mut order).await;
    (outcome, Some(order))
}

/// One control (a Pinata gateway) of which this plan removes entries.
struct Gate {
    turn: Mutex<()>,
    removed: Vec<Text>,
    may_open: bool,
}

impl Gate {
    fn peers(&self, id: &Text) -> Vec<Text> {
        self.removed.iter().filter(|removed| *removed != id).cloned().collect()
    }
}

struct Gates(BTreeMap<Text, Gate>);

impl Gates {
    fn of(
        rows: &[Removal<'_>],
        entries: &HashMap<(&str, &str), &Entry>,
        controls: &[Controls],
        may_open: &[Text],
    ) -> Self {
        let mut gates = BTreeMap::new();
        for Removal { row, .. } in rows {
            let control = entries
                .get(&(row.kind.as_str(), row.id.as_str()))
                .and_then(|entry| entry.facts.as_ref())
                .and_then(|facts| facts.control.clone());
            if let Some(control) = control {
                let may_open = opens(&control, controls, may_open);
                gates
                    .entry(control)
                    .or_insert_with(|| Gate { turn: Mutex::new(()), removed: Vec::new(), may_open })
                    .removed
                    .push(row.id.clone());
            }
        }
        Self(gates)
    }

    fn of_entry(&self, entry: &Entry) -> Option<&Gate> {
        self.0.get(entry.facts.as_ref()?.control.as_ref()?)
    }
}

/// Whether the operator lets this control be opened, by its id or another spelling.
fn opens(control: &Text, controls: &[Controls], may_open: &[Text]) -> bool {
    let names = controls.iter().filter(|known| known.id == *control).flat_map(|known| &known.names);
    std::iter::once(control).chain(names).any(|name| may_open.contains(name))
}
