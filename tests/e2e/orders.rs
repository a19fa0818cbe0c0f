//! `revoke`: one entry, now. It passes what is meant to slow things down, never what keeps the lights on.

use std::process::Stdio;

use portcullis::sandbox::{Fault, System, Trouble};
use serde_json::Value;

use crate::{
    daemon::{Daemon, watching},
    house::{House, Run},
    service::{AT_ONCE, appears, declaring, house, kept},
};

fn order(house: &House, code: i32, target: &str, id: &str) -> Run {
    house.expect(code, &["revoke", target, id, "--because", "SEC-9: leaked in a log", "--yes", "--new-journal"])
}

/// The exit code that the journal has of the last run.
fn recorded(house: &House) -> i64 {
    let records = house.expect(0, &["history", "--format", "json"]).json();
    let records = records["records"].as_array().unwrap();
    let code = |record: &Value| record["body"]["exit_code"].as_i64();
    records.iter().rev().find_map(code).unwrap_or_else(|| panic!("no run ended in {records:?}"))
}

#[test]
fn an_order_passes_observe_notice_floor_share_and_count() {
    // Observed, at its notice, above its count, below its floor.
    let house = house(2, 2, "    guards: { max_count: 0, keep_at_least: 1000, max_share: 1% }");
    let run = order(&house, 0, "s2", "service/stray-01");
    assert_eq!(house.removed_tokens(), ["service/stray-01"]);
    assert_eq!(recorded(&house), 0);
    assert!(run.out.contains("certainly dead"), "it tells when the token stops working\n{}", run.out);
    // A declared one goes as well.
    order(&house, 0, "s2", "service/keep-00");
    assert_eq!(house.removed_tokens(), ["service/keep-00", "service/stray-01"]);
    let history = house.expect(0, &["history", "--id", "service/keep-00"]).out;
    assert!(history.contains("ordered") && history.contains("SEC-9: leaked in a log"), "{history}");
}

#[test]
fn an_order_needs_no_policy_and_no_journal_that_lasts() {
    let house = house(2, 1, AT_ONCE);
    house.clear_policies();
    house.s2_target("");
    house.edit("portcullis.yaml", "journal: .portcullis/journal.db", "journal: ephemeral");
    order(&house, 0, "s2", "service/keep-01");
    assert_eq!(house.removed_tokens(), ["service/keep-01"]);
    assert!(!house.path(".portcullis").exists());
}

#[test]
fn own_and_protected_entries_and_the_last_control_never_go_and_that_is_3() {
    let house = house(2, 0, &format!("{AT_ONCE}\n    protected: {{ access_tokens: [{{ id: \"root/*\" }}] }}"));
    for id in ["portcullis/reconciler", "root/owner"] {
        let run = order(&house, 3, "s2", id);
        assert!(run.err.contains("nothing was sent"), "{}", run.err);
        assert_eq!(recorded(&house), 3);
    }
    assert_eq!(house.writes(), 0);

    let company = House::company();
    let (target, gateway) = ("pinata-northlight", "northlight-docs");
    let keys = |house: &House| {
        let of_gateway = |world: &mut portcullis::sandbox::World| {
            let gateway = world.pinata.gateways.iter_mut().find(|known| known.domain == gateway).unwrap();
            gateway.hosts.clear();
            gateway.addresses.clear();
            gateway.keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>()
        };
        house.sandbox.world(of_gateway)
    };
    let all = keys(&company);
    let (last, others) = all.split_last().unwrap();
    assert!(!others.is_empty());
    for key in others {
        order(&company, 0, target, key);
    }
    let run = order(&company, 3, target, last);
    assert!(run.err.contains("open to all"), "{}", run.err);
    assert_eq!(company.removed(System::Pinata, "gateway_key").len(), others.len());
    assert_eq!(recorded(&company), 3);
}

#[test]
fn what_is_not_there_is_an_error_and_the_journal_agrees() {
    let house = house(2, 0, AT_ONCE);
    let run = order(&house, 1, "s2", "service/nobody");
    assert!(run.err.contains("service/nobody") && run.err.contains("snapshot"), "{}", run.err);
    assert_eq!(recorded(&house), 1);
    let run = order(&house, 1, "s3", "service/keep-00");
    assert!(run.err.contains("s2"), "the targets that there are are named\n{}", run.err);
    let run = house.expect(1, &["revoke", "s2", "service/keep-00", "--because", " ", "--yes"]);
    assert!(run.err.contains("say why"), "{}", run.err);
    // Nobody can be asked, and nobody said yes.
    house.expect(1, &["revoke", "s2", "service/keep-00", "--because", "leaked"]);
    assert_eq!(house.writes(), 0);
}

#[test]
fn an_order_beside_a_daemon_waits_for_what_it_settles_and_says_for_whom() {
    let house = house(8, 1, &format!("{AT_ONCE}\n    settle: 2s"));
    watching(&house, "interval: 1h");
    // Nobody knows what became of the daemon's removal until the vendor answers again.
    house.sandbox.fault(Fault::new(System::S2, Trouble::Hang { after_effect: false }).on_writes().times(1));
    let mut daemon = Daemon::start(&house);
    daemon.until("its removal to be on its way", |_| house.writes() == 1);
    let args = ["revoke", "s2", "service/keep-00", "--because", "SEC-9: leaked in a log", "--yes"];
    let run = house.expect(1, &[&args[..], &["--lock-wait", "0"]].concat());
    assert!(run.err.contains("another process is applying to target s2"), "{}", run.err);
    assert!(!run.err.contains("the journal cannot be used") && run.err.contains("--lock-wait"), "{}", run.err);
    let order = house.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    daemon.kill();
    let ended = order.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(4), "the daemon's removal, which it settled first, had failed");
    assert_eq!(house.removed_tokens(), ["service/keep-00"]);
}

#[test]
fn a_dead_entry_is_an_error_and_nothing_is_sent() {
    let house = House::company();
    let dead = house.sandbox.world(|world| {
        let key = &mut world.pinata.api_keys[5];
        key.revoked = true;
        key.key.clone()
    });
    let snapshot = house.expect(0, &["snapshot", "pinata-northlight"]).out;
    assert!(snapshot.contains(&dead), "revoked rows are listed as dead");
    let run = order(&house, 1, "pinata-northlight", &dead);
    assert!(run.err.contains("no access any more"), "{}", run.err);
    assert_eq!(recorded(&house), 1);
    assert_eq!(house.writes(), 0);
}

#[test]
fn it_prints_the_lines_to_change_in_git_which_then_keep_the_entry_away() {
    let house = house(9, 0, AT_ONCE);
    let run = order(&house, 0, "s2", "service/keep-00");
    let line = house.read("policies/s2.yaml").lines().position(|line| line.contains("keep-00")).unwrap() + 1;
    assert!(run.out.contains(&format!("remove the declaration at s2.yaml:{line}")), "{}", run.out);
    let (_, absent) = run.out.split_once("keep it away with: ").unwrap();
    let absent = absent.lines().next().unwrap();
    let declared: Vec<String> = kept(9).into_iter().skip(1).collect();
    house.write("policies/s2.yaml", &format!("{}{absent}\n", declaring(&declared)));
    house.expect(0, &["validate"]);
    appears(&house, "service/keep-00");
    house.apply(0);
    assert_eq!(house.removed_tokens(), ["service/keep-00", "service/keep-00"]);
}

#[test]
fn a_declaration_by_natural_key_is_found_too() {
    let house = House::company();
    let id = house.sandbox.world(|world| {
        let key = world.pinata.api_keys.iter().find(|key| key.name == "website uploader").unwrap();
        key.key.clone()
    });
    let run = order(&house, 0, "pinata-northlight", &id);
    assert_eq!(house.removed(System::Pinata, "api_key").len(), 1);
    let file = house.read("policies/media/pinata.yaml");
    let line = file.lines().position(|line| line.contains("website uploader")).unwrap() + 1;
    assert!(run.out.contains(&format!("remove the declaration at media/pinata.yaml:{line}")), "{}", run.out);
}

#[test]
fn an_order_that_fails_is_4_and_an_unreadable_target_is_1() {
    use portcullis::sandbox::{Fault, Trouble};
    let house = house(2, 0, AT_ONCE);
    house.sandbox.fault(Fault::new(System::S2, Trouble::Status { status: 403, after_effect: false }).on_writes());
    order(&house, 4, "s2", "service/keep-00");
    assert_eq!(recorded(&house), 4);
    house.sandbox.fault(Fault::new(System::S2, Trouble::Html).on_reads());
    order(&house, 1, "s2", "service/keep-00");
    assert_eq!(recorded(&house), 1);
    assert_eq!(house.removed_tokens(), [""; 0]);
}

#[test]
fn an_order_is_done_beside_broken_files_which_are_remarks_and_counts_in_the_total_of_later_runs() {
    let house = house(7, 1, AT_ONCE);
    house.write("policies/broken.yaml", "version: 1\ntarget: s2\nnonsense: 1\n");
    let run = order(&house, 0, "s2", "service/keep-00");
    assert_eq!(house.removed_tokens(), ["service/keep-00"]);
    assert_eq!(recorded(&house), 0);
    assert!(run.err.contains("note: ") && run.err.contains("broken.yaml:3:1"), "{}", run.err);
    assert!(!run.err.contains("error: 1 problem"), "{}", run.err);
    // Of the run itself nothing is forgiven.
    order(&house, 1, "s2", "service/nobody");
    house.apply(1);
    assert_eq!(house.writes(), 1);

    // It passes count itself, at its target and over all of them, and is counted by those that do not.
    std::fs::remove_file(house.path("policies/broken.yaml")).unwrap();
    house.write("policies/s2.yaml", &declaring(&kept(7)[1..]));
    house.edit("portcullis.yaml", "targets:\n", "guards: { max_count_total: 1 }\ntargets:\n");
    let run = house.apply(3);
    assert!(run.out.contains("count_total") && run.out.contains("1 in the last 24 h"), "{}", run.out);
    assert_eq!(house.writes(), 1);
    order(&house, 0, "s2", "service/stray-00");
    assert_eq!(house.removed_tokens(), ["service/keep-00", "service/stray-00"]);
}

#[test]
fn an_order_is_refused_where_a_broken_people_file_leaves_open_who_is_protected() {
    let house = House::company();
    house.edit(
        "portcullis.yaml",
        "    system: buildkite\n",
        "    system: buildkite\n    protected: { api_tokens: [{ user: anna }] }\n",
    );
    let id = house.sandbox.world(|world| world.buildkite.tokens[3].uuid.clone());
    let people = house.read("people.yaml");
    house.write("people.yaml", &format!("{people}nonsense: 1\n"));
    let run = order(&house, 1, "buildkite-northlight", &id);
    assert!(run.err.contains("the people file is broken"), "{}", run.err);
    assert_eq!(house.writes(), 0);
}
