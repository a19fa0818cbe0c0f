//! One row on its way: look, prepare, record, send, judge, settle.

use tokio::time::Instant;

use super::{
    End, Hand, RowOutcome, Work,
    fresh::{Fresh, Looked},
    patience::within,
    settle::{Known, settle},
};
use crate::{
    access::{Cause, Entry, Group},
    journal::{Intent, JournalError, Outcome, OutcomeKind},
    plan::Removal,
    transport::{NotSent, SendFailure, request_id},
    wire::{Answer, Change, Note, Order, Prepared, Settled},
};

/// How often a conflict (409) that turned out to be a verified failure steps the idempotency key on.
pub const MAX_STEPS: u32 = 3;

/// How often an entry is judged anew since it was renamed between two looks.
const MAX_NAMES: u32 = 3;

/// How a try ended.
enum Try {
    Ended(Box<RowOutcome>),
    /// A conflict that proved to have had no effect: the same removal under the next key.
    StepOn,
    /// It is called so now, and was named by a person: whether it is still the one is asked of the policies.
    Renamed(Box<Entry>),
}

/// Carries one row out.
pub(super) async fn remove(
    work: &Work<'_>,
    hand: &Hand,
    fresh: &Fresh<'_>,
    removal: Removal<'_>,
    order: &mut Order,
) -> RowOutcome {
    let (mut step, mut names) = (0, 0);
    loop {
        if let Some(why) = work.stopped() {
            return RowOutcome::of(removal, if step == 0 { End::Skipped } else { End::Failed }, why);
        }
        match attempt(work, hand, removal, order, step).await {
            Try::Ended(outcome) => return *outcome,
            Try::StepOn => step += 1,
            // Whoever goes on renaming a leaked token must not keep it by that.
            Try::Renamed(now) => {
                names += 1;
                let still = match names > MAX_NAMES {
                    true => Err(format!("it was renamed {names} times since")),
                    false => fresh.still_means(work, removal.row, &now).await,
                };
                if let Err(why) = still {
                    // The next run judges it by its new name. After an order there is none.
                    let end = if removal.cause == Cause::Ordered { End::Blocked } else { End::Skipped };
                    return RowOutcome::of(removal, end, format!("{RENAMED}: {why}"));
                }
                // What a look at one entry does not tell is as the reading had it.
                order.entry = Entry { facts: order.entry.facts.take(), ..*now };
            }
        }
    }
}

/// Why nothing was sent for an entry that has another name now.
const RENAMED: &str = "it was renamed since the plan";

async fn attempt(work: &Work<'_>, hand: &Hand, removal: Removal<'_>, order: &Order, step: u32) -> Try {
    let ended = |end, detail: String| Try::Ended(Box::new(RowOutcome::of(removal, end, detail)));
    // The next run judges what changed. After an order of a person there is none.
    let changed = |what: &str| match removal.cause {
        Cause::Ordered => ended(End::Failed, format!("not sent: {what}; look at it, and order it again")),
        _ => ended(End::Skipped, format!("{what}; the next run judges it anew")),
    };
    let from = work.now();
    let looking = work.system.prepare(work.ask, work.account, order);
    let draft = match within(work.patience.look, looking).await {
        Ok(Prepared::Send(draft)) => *draft,
        Ok(Prepared::InFlight(_)) => return ended(End::InFlight, "a removal is already under way".into()),
        Ok(Prepared::Gone) => return ended(End::Gone, "it was gone before it was sent".into()),
        Ok(Prepared::Changed(now)) => match order.change(&now) {
            Some(Change::Use) => {
                return ended(End::Skipped, "it was used since the reading, so its cause no longer holds".into());
            }
            Some(Change::Name) if removal.cause.group() == Group::Absent => return Try::Renamed(now),
            Some(Change::Name) => return changed(RENAMED),
            Some(Change::Access) | None => return changed("it changed since the plan"),
        },
        Ok(Prepared::Blocked(why)) => return ended(End::Blocked, why),
        Ok(Prepared::Refused(why)) => return ended(End::Refused, why),
        Err(unreadable) => {
            return ended(End::Failed, format!("not sent, since it could not be looked at again: {unreadable}"));
        }
    };
    let looked = Looked { from, to: work.now(), alone: order.entry.kind.read_alone };
    // The look may have taken long: a stop or a failing journal since then still holds.
    if let Some(why) = work.stopped() {
        return ended(End::Skipped, why);
    }
    let Some(host) = work.hosts.get(draft.host).cloned() else {
        return ended(End::Failed, format!("not sent: the target has no host `{}`", draft.host));
    };
    let note = draft.note.clone();
    let intent = Intent {
        order,
        draft,
        system: work.system.describe().system.into(),
        account: work.account_key.clone(),
        host,
        natural_key: removal.row.natural_key.clone(),
        weight: removal.row.weight,
        files: removal.row.files.clone(),
        said: removal.row.said.clone(),
        step,
        ceiling: work.ceiling.filter(|_| removal.cause.group() != Group::Absent),
    };
    let receipt = match work.journal.intent(&work.run, intent).await {
        Ok(receipt) => receipt,
        Err(over @ JournalError::OverTotal { .. }) => {
            return ended(
                End::Blocked,
                format!(
                    "not sent: {over}; another run sends at the same time: plan again, or state a number for every target"
                ),
            );
        }
        Err(error) => {
            work.halt.pull(error.to_string());
            return ended(End::Skipped, format!("not sent, since it could not be recorded: {error}"));
        }
    };
    // Asked right before each try: the turn may have been long in coming.
    let brake = || work.stopped().or_else(|| looked.stale(work.now()));
    let sent = hand.send(&receipt, work.stop, &brake).await;
    let until = Instant::now() + work.settle;
    let mut outcome = match sent {
        Err(SendFailure::NotSent(why)) => {
            return Try::Ended(Box::new(not_sent(work, removal, receipt.intent(), note, &why).await));
        }
        Err(SendFailure::Unknown(why)) => {
            judged(work, removal, order, receipt.intent(), Settled::Unknown(why), note, None, until).await
        }
        Ok(answer) => {
            let judgement = work.system.judge(receipt.draft(), &answer);
            judged(work, removal, order, receipt.intent(), judgement.settled, judgement.note, Some(&answer), until)
                .await
        }
    };
    if let Try::Ended(outcome) = &mut outcome {
        outcome.intent = Some(receipt.intent().into());
    }
    match outcome {
        Try::StepOn if step >= MAX_STEPS => {
            let mut outcome =
                RowOutcome::of(removal, End::Failed, format!("in conflict {} times, and still there", step + 1));
            outcome.confirmed = true;
            outcome.intent = Some(receipt.intent().into());
            Try::Ended(Box::new(outcome))
        }
        other => other,
    }
}

async fn not_sent(work: &Work<'_>, removal: Removal<'_>, intent: &str, note: Note, why: &NotSent) -> RowOutcome {
    let detail = why.to_string();
    let outcome = Outcome { kind: OutcomeKind::NotSent, detail: detail.clone(), status: None, request_id: None };
    let recorded = work.record(intent, outcome, note).await;
    let end = if matches!(why, NotSent::Stopped | NotSent::Braked(_)) { End::Skipped } else { End::Failed };
    let mut ended = RowOutcome::of(removal, end, detail);
    ended.intent = Some(intent.into());
    ended.remarks.extend(recorded.err().map(unrecorded));
    ended
}

/// Records what the answer means and, where it does not tell, settles by reading.
#[expect(clippy::too_many_arguments, reason = "the parts of one exchange, used once")]
async fn judged(
    work: &Work<'_>,
    removal: Removal<'_>,
    order: &Order,
    intent: &str,
    settled: Settled,
    note: Note,
    answer: Option<&Answer>,
    until: Instant,
) -> Try {
    let status = answer.map(|answer| answer.status);
    let request_id = answer.and_then(request_id);
    let first = match settled {
        Settled::Done(remark) => Known::Done(remark),
        Settled::Gone => Known::Gone,
        Settled::InFlight(what) => Known::InFlight(what),
        Settled::Refused(why) => Known::Refused(why),
        Settled::Present => Known::Open("the answer says that it is still there".into()),
        Settled::Untold(why) | Settled::Unknown(why) => Known::Open(why),
    };
    let mut failures = Vec::new();
    failures.extend(work.record(intent, first.outcome(status, request_id.clone()), note.clone()).await.err());
    let known = match first {
        Known::Open(_) => {
            let known = settle(work, order, &note, until).await;
            if !matches!(known, Known::Open(_)) {
                failures.extend(work.record(intent, known.outcome(status, request_id), note.clone()).await.err());
            }
            known
        }
        known => known,
    };
    if known == Known::StillThere && status == Some(409) && failures.is_empty() {
        return Try::StepOn;
    }
    let gone = known == Known::Gone;
    let is_early = matches!(known, Known::Open(_)) && work.leaves_early(until);
    let mut outcome = RowOutcome { is_early, ..from_known(removal, known) };
    // Whose hand it was is not known; when it stops working matters all the same.
    outcome.remarks.extend(work.lingering().filter(|_| gone));
    outcome.note = note;
    outcome.remarks.extend(failures.into_iter().map(unrecorded));
    Try::Ended(Box::new(outcome))
}

fn from_known(removal: Removal<'_>, known: Known) -> RowOutcome {
    match known {
        Known::Done(remark) => {
            let mut outcome = RowOutcome::of(removal, End::Done, "");
            outcome.remarks.extend(remark);
            outcome
        }
        Known::Gone => RowOutcome::of(removal, End::Gone, "absent in a complete reading"),
        Known::InFlight(what) => RowOutcome::of(removal, End::InFlight, what),
        Known::Refused(why) => RowOutcome::of(removal, End::Refused, why),
        Known::StillThere => {
            let mut outcome = RowOutcome::of(removal, End::Failed, "still there after the settle deadline");
            outcome.confirmed = true;
            outcome
        }
        Known::Untold(why) | Known::Open(why) => RowOutcome::of(removal, End::Unknown, why),
    }
}

/// The remark at a row whose outcome could not be recorded.
pub(super) fn unrecorded(why: String) -> String {
    format!("this outcome could not be recorded ({why}); the next run settles it by reading")
}
