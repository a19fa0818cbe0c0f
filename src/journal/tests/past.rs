//! What the journal tells of the past: generations and keys, open intents, what was announced, observations.

use std::collections::{HashMap, HashSet};

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::access::{Base, BaseScope, EntryKey, Expectation, History, LastMatch, Observation, Text};

fn key_of(id: &str) -> EntryKey {
    (KIND.name.into(), id.into())
}

#[tokio::test]
async fn equal_removals_have_equal_keys_until_one_is_closed() {
    let journal = Journal::ephemeral().await.unwrap();
    let fresh = Journal::ephemeral().await.unwrap();
    let first = send(&journal, "run-1", "a").await;
    assert_eq!(first.idempotency_key(), send(&fresh, "run-9", "a").await.idempotency_key());
    assert_ne!(first.idempotency_key(), send(&fresh, "run-9", "b").await.idempotency_key());
    settle(&journal, "run-1", &first, OutcomeKind::NotSent).await;
    let again = send(&journal, "run-1", "a").await;
    assert_eq!(first.idempotency_key(), again.idempotency_key(), "what never left is sent with the same key");
    settle(&journal, "run-1", &again, OutcomeKind::Done).await;
    assert_ne!(first.idempotency_key(), send(&journal, "run-2", "a").await.idempotency_key(), "a second life");
}

#[tokio::test]
async fn a_key_follows_from_what_is_removed_and_from_nothing_else() {
    async fn key(change: impl FnOnce(&mut Order, &mut Draft, &mut [Text; 3])) -> String {
        let journal = Journal::ephemeral().await.unwrap();
        let (mut order, mut draft) = (order("s2", "a"), draft(None));
        let mut texts = ["s2", "acme", "https://api.example.com"].map(Text::from);
        change(&mut order, &mut draft, &mut texts);
        let [system, account, host] = texts;
        let intent = Intent { draft, system, account, host, ..intent(&order, None, 0) };
        journal.intent("run-1", intent).await.unwrap().idempotency_key().to_owned()
    }
    let plain = key(|_, _, _| {}).await;
    assert!((1..=255).contains(&plain.len()));
    let others = [
        key(|_, _, texts| texts[0] = "s3".into()).await,
        key(|_, _, texts| texts[1] = "other".into()).await,
        key(|_, _, texts| texts[2] = "https://other.example.com".into()).await,
        key(|order, _, _| order.entry.id = "b".into()).await,
        key(|order, _, _| order.fingerprint = Fingerprint::parse(&"0".repeat(64)).unwrap()).await,
        key(|_, draft, _| draft.body = Some(br#"{"reason":"expired"}"#.to_vec())).await,
        key(|_, draft, _| draft.generation = Some(1)).await,
        plain.clone(),
    ];
    assert_eq!(others.iter().collect::<std::collections::HashSet<_>>().len(), others.len(), "each has its own");
    for same in [
        key(|order, _, _| order.target = "renamed".into()).await,
        key(|order, _, _| order.cause = crate::access::Cause::Absent).await,
        key(|_, draft, _| draft.note = serde_json::json!({ "seen": ["rev_1", "rev_2"] })).await,
    ] {
        assert_eq!(same, plain);
    }
}

#[tokio::test]
async fn verified_failures_step_the_key_on_once_each() {
    let journal = Journal::ephemeral().await.unwrap();
    let mut keys = Vec::new();
    // Within a run the caller counts too; a later run only has the journal.
    for (run, step) in [("run-1", 0), ("run-1", 1), ("run-1", 2), ("run-2", 0), ("run-2", 1)] {
        let order = order("s2", "a");
        let receipt = journal.intent(run, intent(&order, Some(4), step)).await.unwrap();
        settle(&journal, run, &receipt, OutcomeKind::Failed).await;
        keys.push(receipt.idempotency_key().to_owned());
    }
    let generations: Vec<u32> = journal
        .records(&Filter::default())
        .await
        .unwrap()
        .into_iter()
        .filter_map(|record| match record.body {
            RecordBody::Intent { generation, .. } => Some(generation),
            _ => None,
        })
        .collect();
    assert_eq!(generations, [4, 5, 6, 7, 8]);
    keys.dedup();
    assert_eq!(keys.len(), 5);
}

#[tokio::test]
async fn open_intents_come_with_their_newest_note_and_the_rest_is_told() {
    let journal = Journal::ephemeral().await.unwrap();
    let run = journal.begin(&RunInfo::default()).await.unwrap();
    let receipt = send(&journal, &run, "a").await;
    assert_eq!(journal.open_intents("s2").await.unwrap()[0].1, draft(None).note);
    settle(&journal, &run, &receipt, OutcomeKind::InFlight).await;
    let open = journal.open_intents("s2").await.unwrap();
    assert_eq!((open.len(), &open[0].1), (1, &serde_json::json!({ "after": "in_flight" })));
    assert!(journal.open_intents("other").await.unwrap().is_empty());

    let pinned = RecordBody::AccountPinned { account_id: "acc_1".into() };
    journal.append(&run, Some("s2"), pinned).await.unwrap();
    let until = Timestamp::from_millisecond(now().as_millisecond() + 60_000).unwrap();
    let expected = Expectation { number: 28, until };
    journal.append(&run, Some("s2"), RecordBody::Expected(expected.clone())).await.unwrap();
    let history = journal.history("s2", now()).await.unwrap();
    assert_eq!((history.account_id.as_deref(), &history.expectation), (Some("acc_1"), &Some(expected)));
    assert!(!history.persistent);
    assert_eq!(journal.history("s2", until).await.unwrap().expectation, None, "at its end it is over");
    assert!(journal.announced(until).await.unwrap().is_empty());
    assert_eq!(journal.announced(until - SignedDuration::from_millis(1)).await.unwrap().len(), 1);
    assert_eq!(journal.history("other", now()).await.unwrap().sent_elsewhere, 2);
    journal.append(&run, Some("s2"), RecordBody::ExpectationUsed).await.unwrap();
    let left = |history: History| history.expectation.map(|expected| expected.number);
    assert_eq!(left(journal.history("s2", now()).await.unwrap()), Some(28), "nothing went by it yet");
    let last = journal.intent(&run, intent(&order("s2", "b"), None, 0)).await.unwrap();
    assert_eq!(left(journal.history("s2", now()).await.unwrap()), Some(27));
    settle(&journal, &run, &last, OutcomeKind::Failed).await;
    assert_eq!(left(journal.history("s2", now()).await.unwrap()), Some(28), "it is meant still");
    assert!(!journal.is_used_up("plan-1").await.unwrap());
    journal.append(&run, None, RecordBody::PlanUsedUp { digest: "plan-1".into() }).await.unwrap();
    assert!(journal.is_used_up("plan-1").await.unwrap());
    let tomorrow = now() + SignedDuration::from_hours(25);
    let later = journal.history("s2", tomorrow).await.unwrap();
    assert_eq!((later.sent.len(), later.open.len()), (0, 1), "what is open stays so");
}

#[tokio::test]
async fn observations_replace_what_was_known() {
    let journal = Journal::ephemeral().await.unwrap();
    let start = now();
    let at = |hours| start + SignedDuration::from_hours(hours);
    let fingerprint = Fingerprint::of(&order("s2", "a").entry);
    let other = Fingerprint::of(&order("s2", "b").entry);
    let matched = |index: usize, line| LastMatch {
        kind: KIND.name.into(),
        id: Text::from(format!("token-{index}")),
        declaration: "id=a".into(),
        file: "data/s2.yaml".into(),
        line,
        fingerprint,
        in_set: true,
        objects: vec![("user".into(), "usr_1".into())],
    };
    let base = |number| vec![Base { scope: BaseScope::Kind(KIND.name.into()), number }];
    let first = Observation {
        matched: (0..1300).map(|index| matched(index, 3)).collect(),
        undeclared: vec![(key_of("a"), fingerprint), (key_of("b"), fingerprint)],
        owners: vec![(key_of("a"), "anna".into())],
        bases: base(40),
        ..Observation::default()
    };
    journal.observe("s2", at(0), &first).await.unwrap();
    let second = Observation {
        matched: vec![matched(0, 9)],
        forgotten: (1..1299).map(|index| key_of(&format!("token-{index}"))).collect(),
        undeclared: vec![(key_of("a"), fingerprint), (key_of("b"), other)],
        declared_again: Vec::new(),
        owners: vec![(key_of("a"), "ben".into()), (key_of("c"), "carla".into())],
        disowned: Vec::new(),
        bases: base(30),
    };
    journal.observe("s2", at(2), &second).await.unwrap();
    let history = journal.history("s2", at(3)).await.unwrap();
    assert_eq!(history.matches.len(), 2);
    assert_eq!(history.matches[&key_of("token-0")], matched(0, 9));
    assert_eq!(history.owners[&key_of("a")], "ben");
    let since = |id: &str| history.undeclared[&key_of(id)].since.as_second();
    assert_eq!(since("a"), at(0).as_second(), "the same entry keeps its first time");
    assert_eq!(since("b"), at(2).as_second(), "another fingerprint starts anew");
    assert_eq!(history.bases, base(40), "the largest in 24 hours");
    assert_eq!(journal.history("s2", at(25)).await.unwrap().bases, base(30));
    assert!(journal.history("other", at(3)).await.unwrap().matches.is_empty());
    let third =
        Observation { declared_again: vec![key_of("a")], disowned: vec![key_of("a")], ..Observation::default() };
    journal.observe("s2", at(4), &third).await.unwrap();
    let history = journal.history("s2", at(4)).await.unwrap();
    assert_eq!(history.undeclared.len(), 1);
    assert_eq!(history.owners.keys().collect::<Vec<_>>(), [&key_of("c")], "whose entry is gone is forgotten");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// A removal's generation is the number of earlier removals of its entry that were closed or failed by their last outcome,
    /// and its key is a new one exactly where the generation is.
    #[test]
    fn generation_and_key_step_on_with_each_end(
        steps in prop::collection::vec((0..3usize, prop::collection::vec(0..OUTCOMES.len(), 0..3)), 0..12)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let journal = Journal::ephemeral().await.unwrap();
            let mut ended = HashMap::<&str, u32>::new();
            let mut keys = HashMap::<(&str, u32), String>::new();
            for (index, (entry, outcomes)) in steps.iter().enumerate() {
                let id = ["a", "b", "c"][*entry];
                let run = format!("run-{index}");
                let receipt = send(&journal, &run, id).await;
                for &outcome in outcomes {
                    settle(&journal, &run, &receipt, OUTCOMES[outcome]).await;
                }
                let expected = ended.get(id).copied().unwrap_or(0);
                let record = journal.records(&Filter { id: Some(id.into()), ..Filter::default() }).await.unwrap();
                let told = record.iter().rev().find_map(|record| match &record.body {
                    RecordBody::Intent { generation, key, .. } => Some((*generation, key.as_str())),
                    _ => None,
                });
                prop_assert_eq!(told, Some((expected, receipt.idempotency_key())));
                let known = keys.entry((id, expected)).or_insert_with(|| receipt.idempotency_key().to_owned());
                prop_assert_eq!(receipt.idempotency_key(), known);
                use OutcomeKind::*;
                if matches!(outcomes.last().map(|&outcome| OUTCOMES[outcome]), Some(Done | Gone | Refused | Failed)) {
                    *ended.entry(id).or_default() += 1;
                }
            }
            let different: HashSet<&String> = keys.values().collect();
            prop_assert_eq!(different.len(), keys.len(), "another generation or entry, another key");
            Ok(())
        })?;
    }
}
