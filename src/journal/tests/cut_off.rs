//! Runs that were cut off are found, once, with what they recorded.

use super::*;

async fn began(journal: &Journal, command: &str) -> crate::access::Text {
    let info = RunInfo { command: command.into(), revision: Some("c0ffee".into()), ..RunInfo::default() };
    journal.begin(&info).await.unwrap()
}

fn told(left: &[Left]) -> Vec<(&str, OutcomeKind)> {
    let id = |left: &Left| match &left.intent.body {
        RecordBody::Intent { id, .. } => id.to_string(),
        _ => unreachable!(),
    };
    left.iter().map(|left| (Box::leak(id(left).into_boxed_str()) as &str, left.outcome.kind)).collect()
}

#[tokio::test]
async fn a_run_that_was_cut_off_is_found_with_what_it_recorded_until_it_is_closed() {
    let journal = Journal::ephemeral().await.unwrap();
    let whole = began(&journal, "watch").await;
    let mut open = Vec::new();
    for id in ["goes", "stays", "flies"] {
        let receipt = send(&journal, &whole, id).await;
        settle(&journal, &whole, &receipt, OutcomeKind::Unknown).await;
        open.push(receipt);
    }
    journal.end(&whole, 4).await.unwrap();
    let by_hand = began(&journal, "apply").await;
    send(&journal, &by_hand, "by hand").await;
    began(&journal, "watch").await;

    let cut = began(&journal, "watch").await;
    for (receipt, kind) in open.iter().zip([OutcomeKind::Gone, OutcomeKind::Unknown, OutcomeKind::InFlight]) {
        settle(&journal, &cut, receipt, kind).await;
    }
    let kinds = [Some(OutcomeKind::Done), Some(OutcomeKind::Unknown), Some(OutcomeKind::NotSent), None];
    for (id, kind) in ["done", "unknown", "called back", "no answer"].into_iter().zip(kinds) {
        let receipt = send(&journal, &cut, id).await;
        if let Some(kind) = kind {
            settle(&journal, &cut, &receipt, OutcomeKind::Unknown).await;
            settle(&journal, &cut, &receipt, kind).await;
        }
    }
    let [unended] = &journal.unended("watch").await.unwrap()[..] else { panic!("one of a target, and of the daemon") };
    assert_eq!((&unended.run, unended.target.as_str(), unended.revision.as_deref()), (&cut, "s2", Some("c0ffee")));
    let left = journal.left_by(unended).await.unwrap().unwrap();
    use OutcomeKind::{Done, Gone, Unknown};
    assert_eq!(told(&left), [("goes", Gone), ("done", Done), ("unknown", Unknown)]);

    let other = Journal::ephemeral().await.unwrap();
    began(&other, "watch").await;
    assert_eq!(other.left_by(unended).await.unwrap(), None, "another journal took its place");
    journal.close(unended).await.unwrap();
    assert_eq!(journal.left_by(unended).await.unwrap(), None);
    assert_eq!(journal.unended("watch").await.unwrap(), []);
    journal.verify().await.unwrap();
}
