//! Promises of the journal. Helpers here, one file a promise.

mod chain;
mod crash;
mod cut_off;
mod daemon;
mod files;
mod history;
mod looks;
mod open;
mod past;
mod power;

use jiff::Timestamp;

use super::*;
use crate::{
    access::{Action, Cause, Entry, Fingerprint, Kind, Life, Object, Reversibility},
    wire::{Answer, Draft, Method, Order, Path, Receipt, Verdict},
};

static KIND: Kind = Kind {
    name: "access_token",
    list: "access_tokens",
    noun: "access token",
    fields: &[],
    identities: &[],
    limits: &[],
    allow_limits: &[],
    reversibility: Reversibility::Irreversible,
    holds_own: true,
    has_owner: false,
    splits_by: None,
    reissues_ids: false,
    read_alone: true,
};

/// Every kind that there is.
const OUTCOMES: [OutcomeKind; 8] = [
    OutcomeKind::Done,
    OutcomeKind::Gone,
    OutcomeKind::InFlight,
    OutcomeKind::Refused,
    OutcomeKind::Failed,
    OutcomeKind::NotSent,
    OutcomeKind::Untold,
    OutcomeKind::Unknown,
];

fn order(target: &str, id: &str) -> Order {
    let anna = Object {
        class: "user".into(),
        id: "usr_1".into(),
        names: vec!["anna@example.com".into()],
        parent: None,
        typed: false,
        called: None,
        people: None,
    };
    let entry = Entry {
        kind: &KIND,
        id: id.into(),
        handle: None,
        values: Box::default(),
        principal: Some(anna.into()),
        label: None,
        created_at: None,
        expires_at: None,
        last_used_at: None,
        life: Life::Live,
        facts: None,
    };
    Order {
        target: target.into(),
        action: Action::Revoke,
        cause: Cause::Undeclared,
        fingerprint: Fingerprint::of(&entry),
        entry,
        reason: "undeclared: data/s2.yaml".into(),
        peers: Vec::new(),
        may_open: false,
    }
}

fn draft(generation: Option<u32>) -> Draft {
    Draft {
        host: "api",
        method: Method::Post,
        path: Path::new(&["revocations"]).unwrap(),
        body: Some(br#"{"reason":"undeclared"}"#.to_vec()),
        key_header: Some("idempotency-key"),
        generation,
        judge: |_: &Answer| Verdict::Final,
        note: serde_json::json!({ "seen": ["rev_1"] }),
    }
}

fn intent(order: &Order, generation: Option<u32>, step: u32) -> Intent<'_> {
    Intent {
        order,
        draft: draft(generation),
        system: "s2".into(),
        account: "acme".into(),
        host: "https://api.example.com".into(),
        natural_key: "anna".into(),
        weight: 2,
        files: vec!["data/s2.yaml".into()],
        said: "said-1".into(),
        step,
        ceiling: None,
    }
}

async fn send(journal: &Journal, run: &str, id: &str) -> Receipt {
    let order = order("s2", id);
    journal.intent(run, intent(&order, None, 0)).await.unwrap()
}

fn became(kind: OutcomeKind) -> Outcome {
    Outcome { kind, detail: "as told".into(), status: Some(200), request_id: None }
}

async fn settle(journal: &Journal, run: &str, receipt: &Receipt, kind: OutcomeKind) {
    let note = serde_json::json!({ "after": kind });
    journal.outcome(run, "s2", receipt.intent(), became(kind), note).await.unwrap();
}

/// Takes a file back to the version before it had lists.
async fn before_the_list(journal: &Journal) {
    let script = "DROP TRIGGER intent_opens; DROP TRIGGER outcome_opens_again; DROP TRIGGER outcome_closes; DROP TRIGGER outcome_counts;
        DROP TABLE open_intents; DROP TABLE sent_intents; DROP TABLE accounts; DROP INDEX records_target; DROP INDEX records_refused; DROP INDEX records_entry;
        CREATE INDEX records_entry ON records (target, type, kind, entry); PRAGMA user_version = 2";
    sqlx::raw_sql(script).execute(&mut *journal.connection.lock().await).await.unwrap();
}

fn now() -> Timestamp {
    Timestamp::now()
}
