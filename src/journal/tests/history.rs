//! A target's history is what all records of the chain together mean, whichever of them it is read from.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{
    access::{EntryKey, EntryRecord, OpenIntent, Refusal, SentRow},
    journal::{chain::Loose, schema::LISTS_FOR_READERS, writer::Work},
};

const TARGETS: [&str; 3] = ["s2", "s3", "s4"];
const KINDS: [&str; 2] = ["access_token", "grant"];
const ENTRIES: [&str; 2] = ["a", "b"];

/// Ages in milliseconds: around a day, within and beyond it, and a clock that was ahead.
const AGES: [i64; 6] = [86_400_001, 86_400_000, 86_399_999, 3_600_000, 900_000_000, -60_000];

#[derive(Debug, Clone)]
enum Step {
    Intent {
        target: usize,
        kind: usize,
        entry: usize,
        age: usize,
    },
    /// Of the intent that was written so many before.
    Outcome {
        back: usize,
        outcome: usize,
        age: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few targets and entries, so that they meet; refusals more often than they come, so that one follows another.
    let target = prop_oneof![3 => Just(0usize), 1 => 1..TARGETS.len()];
    let outcome = prop_oneof![2 => 0..OUTCOMES.len(), 1 => Just(3usize)];
    let intent = (target, prop_oneof![3 => Just(0usize), 1 => Just(1)], 0..ENTRIES.len(), 0..AGES.len())
        .prop_map(|(target, kind, entry, age)| Step::Intent { target, kind, entry, age });
    let ended =
        (0..5usize, outcome, 0..AGES.len()).prop_map(|(back, outcome, age)| Step::Outcome { back, outcome, age });
    prop::collection::vec(prop_oneof![2 => intent, 3 => ended], 0..40)
}

fn intent_body(number: usize, kind: &str, id: &str) -> RecordBody {
    let order = order("s2", id);
    RecordBody::Intent {
        intent: format!("intent-{number}").into(),
        kind: kind.into(),
        id: id.into(),
        cause: [Cause::Undeclared, Cause::Absent][number % 2],
        reason: String::new(),
        key: "key".into(),
        generation: 0,
        fingerprint: order.fingerprint,
        request: String::new(),
        request_body: None,
        note: serde_json::Value::Null,
        natural_key: format!("natural-{number}").into(),
        weight: 1 << (number % 20),
        files: vec![format!("file-{number}").into()],
        said: format!("said-{number}").into(),
        title: String::new(),
        principal: None,
        entry: serde_json::to_value(EntryRecord::of(&order.entry)).unwrap(),
    }
}

async fn write(journal: &Journal, steps: &[Step], now: Timestamp) {
    let mut intents = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let (target, age, body) = match *step {
            Step::Intent { target, kind, entry, age } => {
                intents.push((format!("intent-{number}"), TARGETS[target]));
                (TARGETS[target], age, intent_body(number, KINDS[kind], ENTRIES[entry]))
            }
            Step::Outcome { back, outcome, age } => {
                let Some((intent, target)) = intents.iter().rev().nth(back) else { continue };
                let outcome = Outcome { detail: format!("detail-{number}"), ..became(OUTCOMES[outcome]) };
                let body = RecordBody::Outcome { intent: intent.as_str().into(), outcome, note: number.into() };
                (*target, age, body)
            }
        };
        let at = now.as_millisecond() - AGES[age];
        let loose = Loose { at, run: "run".into(), target: Some(target.into()), body };
        journal.write(Work::Append(loose)).await.unwrap();
    }
}

/// What a history tells of removals.
#[derive(Debug, PartialEq)]
struct Told {
    open: Vec<OpenIntent>,
    settled_by: Vec<(u64, Option<Outcome>)>,
    sent: Vec<SentRow>,
    elsewhere: u32,
    refusals: BTreeMap<EntryKey, Refusal>,
}

/// The same by its meaning: every intent of the chain with its last outcome, looked at one by one.
fn meant(records: &[Record], target: &str, now: Timestamp) -> Told {
    let day_ago = now - SignedDuration::from_hours(24);
    let mut told =
        Told { open: Vec::new(), settled_by: Vec::new(), sent: Vec::new(), elsewhere: 0, refusals: BTreeMap::new() };
    let mut newest_that_left: BTreeMap<EntryKey, Option<Refusal>> = BTreeMap::new();
    for record in records {
        let RecordBody::Intent { intent, kind, id, cause, natural_key, weight, files, said, .. } = &record.body else {
            continue;
        };
        let last = records.iter().rev().find_map(|end| match &end.body {
            RecordBody::Outcome { intent: of, outcome, .. } if of == intent => Some((end.at, outcome)),
            _ => None,
        });
        let last_kind = last.map(|(_, outcome)| outcome.kind);
        // Nothing is known to have had no effect, so it may have had one.
        let sent = match last_kind {
            Some(OutcomeKind::Failed | OutcomeKind::Refused | OutcomeKind::NotSent) => false,
            None | Some(_) => record.at >= day_ago,
        };
        if record.target.as_deref() != Some(target) {
            told.elsewhere += if sent { *weight } else { 0 };
            continue;
        }
        if let None | Some(OutcomeKind::InFlight | OutcomeKind::Unknown) = last_kind {
            told.open.push(OpenIntent {
                intent: intent.clone(),
                kind: kind.clone(),
                id: id.clone(),
                since: record.at,
                in_flight: last_kind == Some(OutcomeKind::InFlight),
            });
            told.settled_by.push((record.seq, last.map(|(_, outcome)| outcome.clone())));
        }
        if sent {
            told.sent.push(SentRow {
                at: record.at,
                kind: kind.clone(),
                id: id.clone(),
                natural_key: natural_key.clone(),
                weight: *weight,
                cause: *cause,
                files: files.clone(),
                done: matches!(last_kind, Some(OutcomeKind::Done | OutcomeKind::Gone)),
            });
        }
        let refusal = last.filter(|(_, outcome)| outcome.kind == OutcomeKind::Refused);
        let refusal =
            refusal.map(|(at, outcome)| Refusal { at, why: outcome.detail.as_str().into(), said: said.clone() });
        if last_kind != Some(OutcomeKind::NotSent) {
            newest_that_left.insert((kind.clone(), id.clone()), refusal);
        }
    }
    // An entry is refused where the newest removal of it that left was.
    for (entry, refusal) in newest_that_left {
        told.refusals.extend(refusal.map(|refusal| (entry, refusal)));
    }
    told
}

async fn told(journal: &Journal, target: &str, now: Timestamp) -> Told {
    let history = journal.history(target, now).await.unwrap();
    let open = journal.open_intents(target).await.unwrap();
    Told {
        open: history.open,
        settled_by: open.into_iter().map(|(intent, _, outcome)| (intent.seq, outcome)).collect(),
        sent: history.sent,
        elsewhere: history.sent_elsewhere,
        refusals: history.refusals.into_iter().collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn history_is_what_all_records_mean(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (journal, now) = (Journal::ephemeral().await.unwrap(), now());
            let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap();
            write(&journal, &steps, now).await;
            let records = journal.records(&Filter::default()).await.unwrap();
            for target in TARGETS.into_iter().chain(["elsewhere"]) {
                prop_assert_eq!(told(&journal, target, now).await, meant(&records, target, now));
            }
            prop_assert!(journal.verify().await.is_ok(), "what is listed as open is open by the chain");
            // As a reader of a file without the list goes about it.
            sqlx::raw_sql(LISTS_FOR_READERS).execute(&mut *journal.connection.lock().await).await.unwrap();
            for target in TARGETS {
                prop_assert_eq!(told(&journal, target, now).await, meant(&records, target, now));
            }
            let seqs: BTreeSet<u64> = records.iter().map(|record| record.seq).collect();
            prop_assert_eq!(seqs.len() as u64, journal.verify().await.unwrap().records);
            Ok(())
        })?;
    }
}
