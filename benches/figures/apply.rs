//! Sending, 16 at once: how near it comes to what the server's delay allows, and what the journal costs a change.

use std::{fs, time::Instant};

use futures::{StreamExt as _, stream};
use portcullis::{
    access::{Action, Cause, Entry, Fingerprint, Life, Text, Value},
    journal::{Intent, Journal, Mode, Outcome, OutcomeKind, RunInfo},
    sandbox::{Fault, System, Trouble},
    systems,
    wire::{Draft, Method, Order, Path, Verdict},
};

use crate::support::{Account, Limit, TARGET, process, tell};

const AT_ONCE: usize = 16;
const DELAY_MS: u64 = 100;
const REMOVALS: usize = 480;
const RECORDED: usize = 4_000;

/// Removes tokens from a server that answers late, with a journal on disk.
pub fn apply() {
    let limits = format!("    limits: {{ requests: 1000000/s, concurrency: {AT_ONCE} }}\n");
    let world = Account::new(REMOVALS, 0, false, &limits);
    let policy = format!(
        "version: 1\ntarget: {TARGET}\nmanage:\n  access_tokens: {{ select: [{{ id: \"service/*\" }}], allow_empty: true }}\n"
    );
    fs::write(world.dir.path().join("policies/none.yaml"), policy).unwrap();
    world.sandbox.fault(Fault::new(System::S2, Trouble::Delay { ms: DELAY_MS, after_effect: false }));
    let args = ["apply", "--yes", "--new-journal"];
    let took = process::run(process::binary(), &args, world.dir.path(), "out", &[0]);
    // Each removal is a look and a DELETE. What comes before and after, two whole readings, is not sending.
    let requests = world.sandbox.record().requests();
    let first = requests.iter().find(|request| request.query.iter().any(|(name, _)| name == "prefix")).unwrap();
    let last = requests.iter().rfind(|request| request.write).unwrap();
    let sending: Vec<_> = requests.iter().filter(|r| r.number >= first.number && r.number <= last.number).collect();
    assert_eq!(sending.iter().filter(|request| request.write && request.took_effect).count(), REMOVALS);
    let delay = DELAY_MS as f64 / 1000.0;
    // A look for each, then its DELETE: nothing else is asked in between.
    let ideal = (sending.len().div_ceil(AT_ONCE)) as f64 * delay;
    let real = last.at.duration_since(first.at).as_secs_f64() + delay;
    tell(
        &format!("apply, {AT_ONCE} at once, {DELAY_MS} ms a request"),
        100.0 * ideal / real,
        " %",
        Limit::AtLeast(95.0),
        &format!(
            "{REMOVALS} removals, {} requests in {real:.2} s where {ideal:.2} s are possible, the whole run {:.2} s",
            sending.len(),
            took.seconds
        ),
    );
}

/// Records intents and outcomes of many changes on disk, 16 at once.
pub fn journal() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seconds = runtime.block_on(async {
        let journal = Journal::open(&dir.path().join("journal.db"), Mode::Create).await.unwrap();
        let info = RunInfo { command: "bench".into(), version: String::new(), ..RunInfo::default() };
        let run = journal.begin(&info).await.unwrap();
        let begun = Instant::now();
        stream::iter(0..RECORDED).for_each_concurrent(AT_ONCE, |number| change(&journal, &run, number)).await;
        begun.elapsed().as_secs_f64()
    });
    let each = seconds * 1000.0 / RECORDED as f64;
    let name = format!("journal, a change with {AT_ONCE} at once");
    let details = format!("{RECORDED} changes, two records each, every record synced, in {seconds:.2} s");
    tell(&name, each, " ms", Limit::AtMost(1.0), &details);
}

async fn change(journal: &Journal, run: &str, number: usize) {
    let system = systems::s2::DESCRIPTION.system;
    let id = Text::from(format!("service/{number:08}"));
    let kind = &systems::s2::DESCRIPTION.kinds[0];
    let mut values = vec![Value::Absent; kind.fields.len()];
    values[0] = Value::Text(id.clone());
    let entry = Entry {
        kind,
        id: id.clone(),
        handle: None,
        values: values.into(),
        principal: None,
        label: None,
        created_at: None,
        expires_at: None,
        last_used_at: None,
        life: Life::Live,
        facts: None,
    };
    let order = Order {
        target: TARGET.into(),
        action: Action::Revoke,
        cause: Cause::Undeclared,
        fingerprint: Fingerprint::of(&entry),
        entry,
        reason: "undeclared: data/s2.yaml".into(),
        peers: Vec::new(),
        may_open: false,
    };
    let draft = Draft {
        host: "account",
        method: Method::Delete,
        path: Path::new(&["access-tokens", &id]).unwrap(),
        body: None,
        key_header: None,
        generation: None,
        judge: |_| Verdict::Final,
        note: serde_json::Value::Null,
    };
    let intent = Intent {
        order: &order,
        draft,
        system: system.into(),
        account: "northlight".into(),
        host: "https://aws.s2.dev/v1".into(),
        natural_key: id,
        weight: 1,
        files: vec!["data/s2.yaml".into()],
        said: "said".into(),
        step: 0,
        ceiling: Some(1_000_000),
    };
    let receipt = journal.intent(run, intent).await.unwrap();
    let outcome = Outcome { kind: OutcomeKind::Done, detail: String::new(), status: Some(204), request_id: None };
    journal.outcome(run, TARGET, receipt.intent(), outcome, serde_json::Value::Null).await.unwrap();
}
