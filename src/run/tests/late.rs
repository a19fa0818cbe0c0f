//! What a run makes of the time that passes: at the prompt, and since a run that was killed.

use super::*;
use crate::{
    access::{Cause, Fingerprint, Value},
    apply::MadeGood,
    journal::Journal,
    wire::Note,
};

/// Somebody who thinks for longer than a reading is good for, while the world goes on.
struct Dawdles(World);

#[async_trait]
impl Prompt for Dawdles {
    async fn ask(&self, plan: &Plan) -> Answer {
        assert_eq!(plan.targets[0].counts.changes, 3);
        self.0.pass(SignedDuration::from_mins(6));
        let mut state = self.0.state();
        state.entries.retain(|entry| entry.id != "gone");
        let changed = state.entries.iter_mut().find(|entry| entry.id == "changed").unwrap();
        changed.values[1] = Value::Text("write".into());
        state.entries.push(entry("newer"));
        Answer::Yes
    }
}

#[tokio::test]
async fn after_a_long_wait_at_the_prompt_the_target_is_read_again_before_anything_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let loaded = loaded(&directory.path().join("j.db"), vec![target("t")]);
    let world = World::of([entry("keep"), entry("old"), entry("gone"), entry("changed")]);
    let worlds = Fake(BTreeMap::from([("t".into(), world.clone())]));
    let report = run(&loaded, &worlds, Wishes::default(), Consent::Ask(&Dawdles(world.clone()))).await;
    let mut ends: Vec<_> = report.outcomes[0].rows.iter().map(|row| (row.id.as_str(), row.end)).collect();
    ends.sort_by_key(|(id, _)| *id);
    assert_eq!(ends, [("changed", End::Skipped), ("gone", End::Gone), ("old", End::Done)]);
    assert_eq!(world.state().sent.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["old"]);
    assert_eq!(world.state().reads, 3, "for the plan, once more for all rows, and to read back");
    // An answer in time needs no second reading.
    let quick = run(&loaded, &worlds, Wishes::default(), Consent::Ask(&Says(Answer::Yes))).await;
    assert_eq!((quick.outcomes[0].count(End::Done), world.state().reads), (2, 5));
}

#[tokio::test]
async fn what_had_no_effect_is_made_good_by_this_runs_removal_or_by_a_changed_wish_and_by_nothing_else() {
    // Whether it is still wanted, what the system does with the second try, whether nobody can tell of the first one.
    for (wanted, second, untold, made_good, code) in [
        (true, Does::Removes, false, Some(MadeGood::SentAgain), 0),
        (true, Does::Accepts, false, Some(MadeGood::SentAgain), 0),
        (true, Does::Removes, true, Some(MadeGood::SentAgain), 0),
        (true, Does::Forbids, false, None, 4),
        (false, Does::Removes, false, Some(MadeGood::NotWanted), 0),
        // It may still take effect.
        (false, Does::Removes, true, None, 4),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let loaded = loaded(&directory.path().join("j.db"), vec![target("t")]);
        let world = World::of([entry("keep"), entry("old")]);
        let worlds = Fake(BTreeMap::from([("t".into(), world.clone())]));
        let journal = to_write(&loaded.config, true).await.unwrap();
        let begun = journal.begin(&RunInfo::default()).await.unwrap();
        left_open(&journal, &begun, &world).await;
        world.pass(SignedDuration::from_secs(60));
        world.state().does = [second].into();
        world.state().untold = untold;
        let loaded = if wanted { loaded } else { declaring_old(loaded) };
        let report = run(&loaded, &worlds, Wishes::default(), Consent::Unattended).await;
        let case = format!("{wanted} {second:?} {untold}: {report:?}");
        assert_eq!(report.outcomes[0].resumed[0].end, End::Failed, "{case}");
        assert_eq!(report.outcomes[0].resumed[0].made_good, made_good, "{case}");
        assert_eq!(report.exit_code(ExitRules::default()), code, "{case}");
        assert_eq!(world.state().sent.len(), usize::from(wanted), "{case}");
    }
}

/// An intent of `old` that was recorded and never settled, in the form that earlier journals have: what is not there is
/// written as null.
async fn left_open(journal: &Journal, run: &str, world: &World) {
    let old = world.state().entries.iter().find(|entry| entry.id == "old").unwrap().clone();
    let body = RecordBody::Intent {
        intent: "intent-1".into(),
        kind: old.kind.name.into(),
        id: old.id.clone(),
        title: String::new(),
        cause: Cause::Undeclared,
        reason: "undeclared".into(),
        key: "key".into(),
        generation: 0,
        fingerprint: Fingerprint::of(&old),
        request: "DELETE /tokens/old".into(),
        request_body: None,
        note: Note::Null,
        natural_key: old.id.clone(),
        weight: 1,
        files: Vec::new(),
        said: "said".into(),
        principal: None,
        entry: serde_json::json!({
            "kind": "token", "id": "old", "handle": null, "values": [{ "text": "old" }, { "text": "read" }],
            "principal": null, "label": null, "created_at": null, "expires_at": null, "last_used_at": null,
            "life": "live", "facts": null
        }),
    };
    journal.append(run, Some("t"), body).await.unwrap();
}

fn declaring_old(mut loaded: Loaded) -> Loaded {
    let known = [KnownTarget { name: "t".into(), description: &MADE_UP }];
    let file = "version: 1\ntarget: t\nmanage: { tokens: all }\ntokens: [{ id: keep, justification: needed }, { id: old, \
                justification: needed }]\n";
    loaded.policies = Arc::new(policy::load(&[Source { name: "a.yaml", bytes: file.as_bytes() }], None, &known, &[]));
    assert_eq!(loaded.policies.problems, []);
    loaded
}

/// Somebody who thinks until a freeze window has opened.
struct Sleeps(World);

#[async_trait]
impl Prompt for Sleeps {
    async fn ask(&self, _: &Plan) -> Answer {
        self.0.pass(SignedDuration::from_mins(2));
        Answer::Yes
    }
}

#[tokio::test]
async fn a_freeze_window_that_opens_after_the_plan_was_made_holds_what_is_not_sent_yet() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::of([entry("keep"), entry("old"), entry("older")]);
    let opens = (world.clock())().to_zoned(jiff::tz::TimeZone::UTC) + SignedDuration::from_mins(1);
    let window = crate::config::FreezeWindow {
        cron: format!("{} {} * * *", opens.minute(), opens.hour()),
        duration: SignedDuration::from_hours(2),
        time_zone: "UTC".into(),
    };
    let frozen = loaded(&directory.path().join("j.db"), vec![Target { freeze: vec![window], ..target("t") }]);
    let worlds = Fake(BTreeMap::from([("t".into(), world.clone())]));
    let report = run(&frozen, &worlds, Wishes::default(), Consent::Ask(&Sleeps(world.clone()))).await;
    assert_eq!(report.plan.as_ref().unwrap().targets[0].counts.changes, 2, "it was not open then");
    let rows = &report.outcomes[0].rows;
    assert!(rows.iter().all(|row| row.end == End::Skipped && row.detail.contains("freeze window")), "{rows:?}");
    assert!(world.state().sent.is_empty());
    // An order of a person passes it.
    let ordered = Ordered {
        loaded: &frozen,
        target: "t".into(),
        kind: None,
        id: "old",
        because: "leaked",
        prompt: None,
        new_journal: true,
        lock_wait: Duration::from_millis(20),
        stopped: None,
        past_pause: false,
        clock: world.clock(),
        stop: Stop::new(),
    };
    order(ordered, &worlds, &Quiet).await.unwrap();
    assert_eq!(world.state().sent.len(), 1);
}
