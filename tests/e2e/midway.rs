//! What happens between the reading and a call: a stop, a stop file, a token that is used after all.

use std::process::{Child, Command, Stdio};

use portcullis::sandbox::{Fault, Mutation, System, Trouble};

use crate::{
    house::{House, ids, rows},
    meant::buildkite,
    service::{AT_ONCE, house, strays},
    wait::{ended, until},
};

fn begin(house: &House, args: &[&str]) -> Child {
    house.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_stop_file_that_appears_between_two_rows_holds_the_rest_and_the_report_says_so() {
    let house = house(16, 4, AT_ONCE);
    house.edit("portcullis.yaml", "targets:\n", "stop_file: STOP\ntargets:\n");
    house.edit("portcullis.yaml", "concurrency: 4", "concurrency: 1");
    house.expect(0, &["init"]);
    let late = Trouble::Delay { ms: 2_000, after_effect: true };
    house.sandbox.fault(Fault::new(System::S2, late).on_writes().times(1));
    let mut child = begin(&house, &["apply", "--yes", "--format", "json"]);
    assert!(until(&mut child, || !house.removed_tokens().is_empty() || house.writes() > 0), "it sends");
    // The answer to the first one is on the way.
    house.write("STOP", "");
    let run = ended(child);
    assert_eq!(run.code, 0, "a stop file is no refusal\n{}", run.all());
    assert_eq!(house.writes(), 1, "nothing more was sent");
    let first = house.removed_tokens();
    assert_eq!(first.len(), 1);
    let report = run.json();
    for row in report["outcomes"][0]["rows"].as_array().unwrap() {
        if row["id"] == first[0].as_str() {
            assert_eq!(row["end"], "done", "{row}");
        } else {
            assert_eq!(row["end"], "skipped", "{row}");
            assert!(row["detail"].as_str().unwrap().contains("STOP is there"), "{row}");
        }
    }
    std::fs::remove_file(house.path("STOP")).unwrap();
    house.expect(0, &["apply", "--yes"]);
    assert_eq!(house.removed_tokens(), strays(4));
}

#[test]
fn ctrl_c_while_a_target_is_read_ends_it_soon_sends_nothing_and_frees_the_locks() {
    let house = house(7, 1, AT_ONCE);
    house.expect(0, &["init"]);
    let order = ["revoke", "s2", "service/stray-00", "--because", "leaked", "--yes"];
    for command in [&["apply", "--yes"][..], &order] {
        house.sandbox.record().clear();
        // A request that gets no answer in its time is asked again: no try of this run gets one.
        house.sandbox.fault(Fault::new(System::S2, Trouble::Hang { after_effect: false }).on_reads());
        let mut child = begin(&house, command);
        let requests = || house.sandbox.record().requests();
        assert!(until(&mut child, || requests().iter().any(|one| one.faults.contains(&"hang".to_owned()))), "it reads");
        let sent = Command::new("sh").arg("-c").arg(format!("kill -INT {}", child.id())).status().unwrap();
        assert!(sent.success());
        let run = ended(child);
        assert_eq!(run.code, 1, "{}", run.all());
        assert!(run.err.contains("stopped before anything was planned; nothing was sent"), "{}", run.err);
        house.sandbox.clear_faults();
        assert_eq!(house.writes(), 0);
        let history = house.expect(0, &["history", "--format", "json"]).json();
        let last = history["records"].as_array().unwrap().last().unwrap();
        assert_eq!(last["body"]["exit_code"], 1, "{history}");
    }
    house.expect(0, &["apply", "--yes", "--lock-wait", "0"]);
    assert_eq!(house.removed_tokens(), strays(1));
}

#[test]
fn a_token_that_was_used_since_the_reading_is_idle_no_more_and_stays() {
    let house = House::company();
    let target = "buildkite-northlight";
    house.sandbox.record().clear();
    let plan = house.plan(&["--target", target]);
    let reads = u32::try_from(house.sandbox.record().requests().len()).unwrap();
    let idle = rows(&plan, target).iter().find(|row| row["cause"] == "idle" && row["status"] == "change").unwrap();
    let id = idle["id"].as_str().unwrap();
    let used = house.sandbox.world(|world| {
        let token = world.buildkite.tokens.iter().find(|token| token.uuid == id).unwrap();
        let mut used = serde_json::to_value(token).unwrap();
        used["last_accessed_at"] = serde_json::Value::from(jiff::Timestamp::now().to_string());
        used
    });
    // Right after the last answer of the reading, somebody uses it.
    let mutation = Mutation::Issue { kind: "api_token".to_owned(), entry: used };
    let then = Fault::new(System::Buildkite, Trouble::Then { mutation }).on_reads().after(reads - 1).times(1);
    house.sandbox.fault(then);
    let report = house.expect(0, &["apply", "--yes", "--new-journal", "--format", "json", "--target", target]).json();
    let rows = report["outcomes"][0]["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("it was planned: {report}"));
    assert_eq!(row["end"], "skipped", "{row}");
    assert!(row["detail"].as_str().unwrap().contains("used since"), "{row}");
    let removed = house.removed(System::Buildkite, "api_token");
    assert!(!removed.is_empty() && !removed.contains(&id.to_owned()), "{removed:?}");
    let next = house.plan(&["--target", target]);
    assert!(crate::house::rows(&next, target).iter().all(|row| row["id"] != id), "{next}");
}

/// Two tokens called `ci`, of which b's is declared, and a fault: right after the reading a's is called `deploy`.
fn renamed_midway(policy: &str) -> House {
    let declared = "api_tokens: [{ user: b@example.com, description: ci, justification: x }, { user: a@example.com, \
                    description: deploy, justification: x }]\n";
    let tokens: &[(&str, &str, &[&str])] =
        &[("t-a", "a@example.com", &["READ_BUILDS"]), ("t-b", "b@example.com", &["READ_BUILDS"])];
    let house = buildkite(tokens, &format!("{policy}{declared}"));
    house.sandbox.record().clear();
    assert_eq!(ids(&house.plan(&[]), "t", "change"), ["t-a"], "{policy}");
    let reads = u32::try_from(house.sandbox.record().requests().len()).unwrap();
    let entry = house.sandbox.world(|world| {
        let token = world.buildkite.tokens.iter().find(|token| token.uuid == "t-a").unwrap();
        let mut renamed = serde_json::to_value(token).unwrap();
        renamed["description"] = "deploy".into();
        renamed
    });
    let mutation = Mutation::Issue { kind: "api_token".to_owned(), entry };
    let then = Fault::new(System::Buildkite, Trouble::Then { mutation }).on_reads().after(reads - 1).times(1);
    house.sandbox.fault(then);
    house
}

const ALL: &str = "manage: { api_tokens: [{ user: [a@example.com, b@example.com] }] }\n";

#[test]
fn a_token_that_is_declared_by_the_name_it_got_since_the_reading_stays() {
    for policy in [ALL, "absent: { api_tokens: [{ user: a@example.com, description: ci }] }\n"] {
        let house = renamed_midway(policy);
        let report = house.expect(0, &["apply", "--yes", "--new-journal", "--format", "json"]).json();
        let row = &report["outcomes"][0]["rows"][0];
        assert_eq!((row["id"].as_str(), row["end"].as_str()), (Some("t-a"), Some("skipped")), "{report}");
        assert!(row["detail"].as_str().unwrap().contains("renamed since the plan"), "{row}");
        assert_eq!(house.removed(System::Buildkite, "api_token"), [""; 0], "{policy}");
        assert_eq!(rows(&house.plan(&[]), "t"), [serde_json::Value::Null; 0], "{policy}");
    }
}

#[test]
fn a_token_that_a_person_named_by_its_id_does_not_escape_by_another_name() {
    let house = renamed_midway("absent: { api_tokens: [{ uuid: t-a }] }\n");
    house.expect(0, &["apply", "--yes", "--new-journal"]);
    assert_eq!(house.removed(System::Buildkite, "api_token"), ["t-a"]);
    let revoke = ["revoke", "t", "t-a", "--because", "leaked", "--yes", "--new-journal"];
    let house = renamed_midway(ALL);
    house.expect(0, &revoke);
    assert_eq!(house.removed(System::Buildkite, "api_token"), ["t-a"]);
    // What the operator protects is protected by the new name too.
    let house = renamed_midway(ALL);
    let own = "    own: { api_tokens: unlisted }\n";
    house.edit("portcullis.yaml", own, &format!("{own}    protected: {{ api_tokens: [{{ description: deploy }}] }}\n"));
    let told = house.expect(3, &revoke).all();
    assert!(told.contains("renamed since the plan: judged by its new name it does not go"), "{told}");
    assert_eq!(house.removed(System::Buildkite, "api_token"), [""; 0]);
    let house = renamed_midway("absent: { api_tokens: [{ uuid: t-a }] }\n");
    house.edit("portcullis.yaml", own, &format!("{own}    protected: {{ api_tokens: [{{ description: deploy }}] }}\n"));
    let told = house.run(&["apply", "--yes", "--new-journal"]).all();
    assert!(told.contains("renamed since the plan: protected holds it"), "{told}");
    assert_eq!(house.removed(System::Buildkite, "api_token"), [""; 0]);
}
