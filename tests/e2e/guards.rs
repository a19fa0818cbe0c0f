//! Guards stand in the way by default, say so with figure and limit, and let through exactly what their stated way on opens.

use portcullis::sandbox::{System, World, pinata};

use crate::{
    house::{House, Run, holds, ids},
    service::{AT_ONCE, appears, declaring, house, kept, refused_by, stated, strays},
};

const NOTICED: &str = "    enforce: [access_tokens]";

/// The target with these guards.
fn guarded(guards: &str) -> String {
    format!("    enforce: [access_tokens]\n    guards: {{ notice: 0h, {guards} }}")
}

fn absent(house: &House, keep: usize, ids: &[&str]) {
    let items: String = ids.iter().map(|id| format!("    - {{ id: {id}, justification: SEC-1 }}\n")).collect();
    house.write("policies/s2.yaml", &format!("{}absent:\n  access_tokens:\n{items}", declaring(&kept(keep))));
}

fn reviewed(house: &House, code: i32, more: &[&str]) -> Run {
    house.expect(0, &["plan", "--out", "plan.json"]);
    house.expect(code, &[&["apply", "plan.json", "--reviewed-by", "anna", "--new-journal"], more].concat())
}

#[test]
fn unattended_an_undeclared_entry_waits_for_its_notice_and_a_reviewed_one_does_not() {
    let house = house(7, 1, NOTICED);
    let run = house.apply(0);
    assert!(run.out.contains("notice"), "{}", run.out);
    house.apply(0);
    assert_eq!(house.writes(), 0, "20 hours have not passed");
    reviewed(&house, 0, &[]);
    assert_eq!(house.removed_tokens(), strays(1));
}

#[test]
fn a_notice_runs_from_the_first_record_and_then_the_entry_goes_unattended() {
    let house = house(7, 1, "    enforce: [access_tokens]\n    guards: { notice: 2s }");
    house.apply(0);
    assert_eq!(house.writes(), 0, "first recorded just now");
    // Each run is a process of its own; one of them comes after the two seconds.
    let gone = (0..1_000).any(|_| {
        house.apply(0);
        house.writes() > 0
    });
    assert!(gone);
    assert_eq!(house.removed_tokens(), strays(1));
}

#[test]
fn what_is_no_longer_declared_and_what_must_not_exist_goes_at_once() {
    let house = house(8, 0, NOTICED);
    appears(&house, "ci/leaked");
    house.apply(0);
    absent(&house, 7, &["ci/leaked"]);
    house.apply(0);
    assert_eq!(house.removed_tokens(), ["ci/leaked", "service/keep-07"]);
}

#[test]
fn past_share_only_the_exact_number_that_the_refusal_prints_lifts_it() {
    let house = house(5, 5, AT_ONCE);
    let run = house.apply(3);
    assert!(run.out.contains("share") && run.out.contains("25 %"), "{}", run.out);
    assert_eq!(stated(&run, "s2"), "5");
    for wrong in ["s2=4", "s2=6", "s2=0"] {
        let run = house.expect(3, &["apply", "--yes", "--expect-revocations", wrong]);
        assert!(run.out.contains("5 would be sent"), "{}", run.out);
    }
    assert_eq!(house.writes(), 0);
    house.expect(0, &["plan", "--check-guards", "--expect-revocations", "s2=5"]);
    house.expect(0, &["apply", "--yes", "--expect-revocations", "s2=5"]);
    assert_eq!(house.removed_tokens(), strays(5));
}

#[test]
fn share_counts_what_was_sent_in_the_last_day_so_that_small_steps_add_up() {
    let house = house(7, 1, AT_ONCE);
    house.apply(0);
    appears(&house, "service/stray-01");
    house.apply(0);
    appears(&house, "service/stray-02");
    let run = house.apply(3);
    assert!(run.out.contains("in the last 24 h"), "{}", run.out);
    assert_eq!(house.removed_tokens(), strays(2));
    house.expect(0, &["apply", "--yes", "--expect-revocations", &format!("s2={}", stated(&run, "s2"))]);
    assert_eq!(house.removed_tokens(), strays(3));
}

#[test]
fn past_count_absent_rows_are_let_in_first_and_each_group_is_whole_or_refused() {
    let house = house(20, 3, &guarded("max_count: 3"));
    appears(&house, "ci/leaked");
    absent(&house, 20, &["ci/leaked"]);
    let plan = house.plan(&[]);
    assert_eq!(refused_by(&plan, "s2"), ["count"]);
    assert_eq!(ids(&plan, "s2", "change"), ["ci/leaked"], "a group is never cut to fit");
    let run = house.apply(3);
    assert_eq!(house.removed_tokens(), ["ci/leaked"]);
    // What the refusal printed spoke of all four; one of them is gone by now.
    assert_eq!(stated(&run, "s2"), "4");
    house.expect(3, &["apply", "--yes", "--expect-revocations", "s2=4"]);
    house.expect(0, &["apply", "--yes", "--expect-revocations", "s2=3"]);
    assert_eq!(house.removed_tokens().len(), 4);
}

/// Each alone stays below the total. Whichever way they overtake each other, together they do too.
#[test]
fn two_runs_at_once_send_no_more_than_the_total() {
    let house = House::company();
    house.edit("portcullis.yaml", "targets:\n", "guards: { max_count_total: 7 }\ntargets:\n");
    house.expect(0, &["init"]);
    let targets = ["pinata-northlight", "accessowl-northlight"];
    let alone = targets.map(|target| ids(&house.plan(&["--target", target]), target, "change").len());
    assert_eq!(alone, [3, 7]);
    let runs = targets.map(|target| {
        let mut command = house.command(&["apply", "--yes", "--target", target]);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    });
    let runs = runs.map(|run| run.wait_with_output().unwrap());
    let codes = runs.each_ref().map(|run| run.status.code().unwrap());
    let said: String = runs.iter().map(|run| String::from_utf8_lossy(&run.stdout).into_owned()).collect();
    assert!(codes.contains(&3) && codes.iter().all(|code| [0, 3].contains(code)), "{codes:?}: {said}");
    let sent = house.sandbox.record().requests().iter().filter(|request| request.write && request.took_effect).count();
    assert!((3..=7).contains(&sent), "{sent}: {said}");
    house.expect(0, &["history", "--verify"]);
}

#[test]
fn the_total_over_all_targets_is_lifted_by_a_number_for_every_target() {
    let house = House::company();
    house.edit("portcullis.yaml", "targets:\n", "guards: { max_count_total: 3 }\ntargets:\n");
    let targets = ["accessowl", "aitronos", "buildkite", "pinata", "s2"].map(|system| format!("{system}-northlight"));
    let free = house.plan(&[]);
    assert!(targets.iter().all(|target| refused_by(&free, target).contains(&"count_total".to_owned())), "{free}");
    for target in &targets {
        for id in ids(&free, target, "change") {
            let row = crate::house::rows(&free, target).iter().find(|row| row["id"] == id.as_str()).unwrap();
            assert_eq!(row["cause"], "absent", "past the total only absent rows go");
        }
    }
    let text = house.expect(3, &["plan", "--check-guards"]);
    let numbers = targets.clone().map(|target| format!("{target}={}", stated(&text, &target)));
    let mut args = vec!["plan", "--check-guards"];
    for number in &numbers[1..] {
        args.extend(["--expect-revocations", number.as_str()]);
    }
    house.expect(3, &args);
    args.extend(["--expect-revocations", numbers[0].as_str()]);
    house.expect(0, &args);
    args.splice(0..2, ["apply", "--yes", "--new-journal"]);
    house.expect(0, &args);
    assert!(house.removed_tokens().len() > 1);
}

#[test]
fn the_floor_keeps_a_last_entry_of_the_kind_and_only_the_operator_lifts_it() {
    // Eight live tokens besides the own one: four declared, one stray, three that the imitated account begins with.
    let house = house(4, 1, &guarded("keep_at_least: 8"));
    assert_eq!(holds(&house.plan(&[]), "s2", "service/stray-00"), ["floor"]);
    house.apply(3);
    house.expect(3, &["apply", "--yes", "--expect-revocations", "s2=1"]);
    reviewed(&house, 0, &[]);
    assert_eq!(house.writes(), 0, "no number and no person lifts it");
    house.s2_target(&guarded("keep_at_least: 7"));
    house.apply(0);
    assert_eq!(house.removed_tokens(), strays(1));

    // An absent row passes it.
    house.s2_target(&guarded("keep_at_least: 8"));
    absent(&house, 4, &["root/owner"]);
    house.apply(0);
    assert_eq!(house.removed_tokens(), ["root/owner", "service/stray-00"]);
}

/// One gateway with these keys, all of them undeclared in a set that says so.
pub fn gateway(keys: &[&str], target: &str) -> House {
    let mut world = World::empty();
    let born = "2026-01-01T00:00:00Z".parse().unwrap();
    world.pinata.gateways.push(pinata::Gateway {
        id: "gw-1".into(),
        domain: "northlight-media".into(),
        created_at: born,
        custom_domains: Vec::new(),
        keys: keys.iter().map(|id| pinata::Control::key(id, born)).collect(),
        hosts: Vec::new(),
        addresses: Vec::new(),
    });
    let house = House::of(world);
    house.clear_policies();
    house.write(
        "policies/pinata.yaml",
        "version: 1\ntarget: pinata\nmanage: { gateway_keys: { select: [{ gateway: \"*\" }], allow_empty: true } }\n",
    );
    let url = house.sandbox.url(System::Pinata);
    house.write(
        "portcullis.yaml",
        &format!(
            "version: 1\ntargets:\n  pinata:\n    system: pinata\n    base_url: {url}\n    allow_host: true\n    gateways: all\n    \
             account: media\n    credential: {{ file: credentials/pinata }}\n    enforce: [gateway_keys]\n    guards: {{ \
             notice: 0h, max_share: 100%, keep_at_least: 0 }}\n{target}\n"
        ),
    );
    house
}

#[test]
fn the_last_control_of_a_gateway_stays_unless_the_operator_says_that_it_may_open() {
    let house = gateway(&["key-1", "key-2"], "");
    let plan = house.plan(&[]);
    for key in ["key-1", "key-2"] {
        assert_eq!(holds(&plan, "pinata", key), ["widening"], "judged on the end state of the whole plan");
    }
    house.apply(3);
    house.expect(3, &["apply", "--yes", "--expect-revocations", "pinata=2"]);
    house.expect(3, &["apply", "--yes", "--expect-revocations", "pinata=0"]);
    reviewed(&house, 0, &[]);
    assert_eq!(house.writes(), 0, "nothing lifts it");

    // Another control remains: one key may go.
    house.edit(
        "policies/pinata.yaml",
        "manage:",
        "gateway_keys: [{ gateway: northlight-media, id: key-1, justification: website }]\nmanage:",
    );
    house.apply(0);
    assert_eq!(house.removed(System::Pinata, "gateway_key"), ["key-2"]);
}

#[test]
fn a_gateway_that_may_open_by_id_or_domain_loses_its_last_key() {
    for named in ["gw-1", "northlight-media"] {
        let house = gateway(&["key-1", "key-2"], &format!("    may_open: [{named}]"));
        house.apply(0);
        assert_eq!(house.removed(System::Pinata, "gateway_key"), ["key-1", "key-2"], "{named}");
    }
}

#[test]
fn an_absent_row_alone_never_opens_a_gateway_either() {
    let house = gateway(&["key-1"], "");
    house.write(
        "policies/pinata.yaml",
        "version: 1\ntarget: pinata\nabsent: { gateway_keys: [{ gateway: northlight-media, id: key-1, justification: SEC-1 }] }\n",
    );
    assert_eq!(holds(&house.plan(&[]), "pinata", "key-1"), ["widening"]);
    house.apply(3);
    assert_eq!(house.writes(), 0);
}

#[test]
fn an_announced_number_is_used_once_and_only_if_it_is_met() {
    let house = house(5, 5, AT_ONCE);
    house.apply(3);
    house.expect(0, &["expect", "s2", "4", "--until", "1h"]);
    house.apply(3);
    assert_eq!(house.writes(), 0, "not the number");
    house.expect(0, &["expect", "s2", "5", "--until", "1h"]);
    house.expect(0, &["plan", "--check-guards"]);
    house.apply(0);
    assert_eq!(house.removed_tokens(), strays(5));
    for id in strays(5) {
        appears(&house, &id);
    }
    house.apply(3);
    assert_eq!(house.writes(), 5, "the number was used");
    let history = house.expect(0, &["history"]).out;
    assert!(
        history.contains("5 revocations announced") && history.contains("the announced number was used"),
        "{history}"
    );
    assert!(history.contains("expect 0.1.0, confirmed by a person"), "{history}");
}

#[test]
fn a_number_is_announced_for_a_known_target_and_a_near_future_only() {
    let house = house(1, 0, AT_ONCE);
    house.apply(0);
    house.expect(1, &["expect", "s3", "5", "--until", "1h"]);
    house.expect(1, &["expect", "s2", "5", "--until", "2020-01-01"]);
    house.expect(1, &["expect", "s2", "5", "--until", "30d"]);
    house.edit("portcullis.yaml", "journal: .portcullis/journal.db", "journal: ephemeral");
    let run = house.expect(1, &["expect", "s2", "5", "--until", "1h"]);
    assert!(run.err.contains("--expect-revocations"), "{}", run.err);
}

#[test]
fn the_environment_and_the_stop_file_stop_all_writing_at_once() {
    let house = house(7, 1, AT_ONCE);
    let observing =
        |value: &str, args: &[&str]| Run::of(house.command(args).env("PORTCULLIS_OBSERVE", value).output().unwrap());
    // Whatever is meant by it, a stop stops.
    for value in ["1", "true", "yes", "on", "false", " "] {
        let run = observing(value, &["apply", "--yes", "--new-journal"]);
        assert_eq!(run.code, 0, "{value:?}: {}", run.all());
        assert!(run.all().contains("PORTCULLIS_OBSERVE"), "{value:?}: {}", run.all());
        let run = observing(value, &["revoke", "s2", "service/stray-00", "--because", "leaked", "--yes"]);
        assert_eq!(run.code, 3, "{value:?}: {}", run.all());
        assert!(run.err.contains("unset PORTCULLIS_OBSERVE"), "{value:?}: {}", run.err);
    }
    assert_eq!(house.writes(), 0);
    for (value, is_stop) in [("on", true), ("", false), ("0", false)] {
        let run = observing(value, &["plan"]);
        assert_eq!(run.all().contains("PORTCULLIS_OBSERVE"), is_stop, "{value:?}: {}", run.all());
    }

    house.edit("portcullis.yaml", "targets:\n", "stop_file: STOP\ntargets:\n");
    house.write("STOP", "");
    let run = house.apply(0);
    assert!(run.all().contains("STOP"), "{}", run.all());
    house.expect(3, &["revoke", "s2", "service/stray-00", "--because", "leaked", "--yes"]);
    reviewed(&house, 0, &[]);
    assert_eq!(house.writes(), 0);

    std::fs::remove_file(house.path("STOP")).unwrap();
    house.apply(0);
    assert_eq!(house.removed_tokens(), strays(1));
}

/// Notice at its default, no journal.
fn forgetful() -> House {
    let house = house(7, 1, NOTICED);
    house.edit("portcullis.yaml", "journal: .portcullis/journal.db", "journal: ephemeral");
    house
}

#[test]
fn without_a_journal_unattended_runs_send_absent_rows_only_and_say_so() {
    let house = forgetful();
    appears(&house, "ci/leaked");
    absent(&house, 7, &["ci/leaked"]);
    let run = house.expect(0, &["apply", "--yes"]);
    assert!(run.all().contains("ephemeral"), "{}", run.all());
    assert_eq!(house.removed_tokens(), ["ci/leaked"]);
    assert!(!house.path(".portcullis").exists());
}

#[test]
fn without_a_journal_undeclared_rows_go_with_a_person_or_without_any_notice() {
    let house = forgetful();
    house.expect(0, &["plan", "--out", "plan.json"]);
    house.expect(0, &["apply", "plan.json", "--reviewed-by", "anna"]);
    assert_eq!(house.removed_tokens(), strays(1));

    let house = forgetful();
    house.edit("portcullis.yaml", "enforce: [access_tokens]", "enforce: [access_tokens]\n    guards: { notice: 0h }");
    house.expect(0, &["apply", "--yes"]);
    assert_eq!(house.removed_tokens(), strays(1));
}

#[test]
fn without_a_journal_due_rows_go_unattended_and_each_run_has_ceilings_of_its_own() {
    let house = forgetful();
    house.edit("policies/s2.yaml", "id: service/keep-00,", "id: service/keep-00, expires: 2026-01-31,");
    house.expect(0, &["apply", "--yes"]);
    assert_eq!(house.removed_tokens(), ["service/keep-00"], "a due row needs no notice");

    let house = house_at_once_without_a_journal();
    for count in 1..=4 {
        house.expect(0, &["apply", "--yes"]);
        assert_eq!(house.removed_tokens().len(), count, "a lasting journal would know of {} before", count - 1);
        appears(&house, &format!("service/stray-{count:02}"));
    }
}

fn house_at_once_without_a_journal() -> House {
    let house = house(3, 1, AT_ONCE);
    house.edit("portcullis.yaml", "journal: .portcullis/journal.db", "journal: ephemeral");
    house
}

#[test]
fn a_missing_journal_is_never_made_silently() {
    let house = house(7, 1, AT_ONCE);
    let run = house.expect(1, &["apply", "--yes"]);
    assert_eq!(run.err.matches("--new-journal").count(), 1, "{}", run.err);
    assert_eq!(house.writes(), 0);
    assert!(!house.path(".portcullis").exists());
}

#[test]
fn a_file_acts_only_within_what_is_delegated_to_its_path() {
    let house = house(3, 1, AT_ONCE);
    let delegate = "delegate:\n  - { path: \"data/**\", target: s2, within: { access_tokens: [{ id: \"service/*\" }] } }\ntargets:\n";
    house.edit("portcullis.yaml", "targets:\n", delegate);
    house.write(
        "policies/media.yaml",
        &declaring(&[])
            .replace("access_tokens:\n", "")
            .replace("manage:\n  access_tokens:", "manage: # x\n  access_tokens:"),
    );
    house.write(
        "policies/media.yaml",
        "version: 1\ntarget: s2\nabsent: { access_tokens: [{ id: root/owner, justification: takes over }] }\n",
    );
    let run = house.apply(1);
    assert!(run.err.contains("policies/media.yaml") || run.err.contains("media.yaml"), "{}", run.err);
    assert!(run.err.contains("s2.yaml"), "one error lists all files outside\n{}", run.err);
    assert_eq!(house.sandbox.record().requests().len(), 0, "no request before the files are right");

    std::fs::remove_file(house.path("policies/media.yaml")).unwrap();
    let text = house.read("policies/s2.yaml");
    std::fs::remove_file(house.path("policies/s2.yaml")).unwrap();
    house.write("policies/data/s2.yaml", &text);
    house.apply(0);
    assert_eq!(house.removed_tokens(), strays(1));

    // Wider than what is given, by a glob.
    house.edit("policies/data/s2.yaml", "service/*", "serv*");
    house.apply(1);
    assert_eq!(house.writes(), 1);
}

#[test]
fn what_goes_and_comes_back_three_times_is_told_loudly_and_gateway_keys_by_their_gateway() {
    let kept: Vec<String> = (0..8).map(|number| format!("kept-{number}")).collect();
    let keys: Vec<&str> = kept.iter().map(String::as_str).chain(["key-0"]).collect();
    let house = gateway(&keys, "");
    let declared =
        kept.iter().map(|id| format!("{{ gateway: northlight-media, id: {id} }}")).collect::<Vec<_>>().join(", ");
    house.edit("policies/pinata.yaml", "manage:", &format!("gateway_keys: [{declared}]\nmanage:"));
    let again = |number: usize| {
        let born = "2026-01-01T00:00:00Z".parse().unwrap();
        house.sandbox.world(|world| {
            world.pinata.gateways[0].keys.push(pinata::Control::key(&format!("key-{number}"), born));
        });
    };
    for number in 1..=3 {
        let run = house.apply(0);
        assert!(!run.out.contains("fight"), "{}", run.out);
        again(number);
    }
    let run = house.apply(0);
    assert!(run.out.contains("fight: gateway key northlight-media"), "{}", run.out);
    assert!(run.out.contains("removed 3 times in 24 hours and back again"), "{}", run.out);
    assert_eq!(house.removed(System::Pinata, "gateway_key").len(), 4, "no person is bothered: it goes each time");
}

#[test]
fn no_declaration_that_matches_looks_like_a_wrong_account() {
    let house = house(0, 2, AT_ONCE);
    house.write("policies/s2.yaml", &declaring(&kept(3)));
    let plan = house.plan(&["--expect-revocations", "s2=0"]);
    assert!(refused_by(&plan, "s2").contains(&"no_overlap".to_owned()), "{plan}");
    house.apply(3);
    assert_eq!(house.writes(), 0);
}
