//! What is broken or hostile is told with its place, harms nobody who reads it, and changes nothing.

use std::os::unix::fs::PermissionsExt as _;

use portcullis::sandbox::{Fault, Right, System, Trouble, World};
use serde_json::json;

use crate::{
    hostile::{NAMES, assert_harmless, assert_harmless_markdown},
    house::{House, Run, issue},
    service::{AT_ONCE, house, strays},
};

/// Applies, and checks that it is an error and that nothing at all was asked of any system.
fn refused(house: &House) -> Run {
    let run = house.apply(1);
    assert_eq!(house.sandbox.record().requests().len(), 0, "{}", run.all());
    assert_eq!(house.expect(1, &["validate"]).out, "");
    run
}

#[test]
fn every_problem_of_every_file_is_told_at_once_with_its_place() {
    let house = house(3, 1, AT_ONCE);
    house.write("policies/a.yaml", "version: 1\ntarget: s2\nacces_tokens: []\nmanage:\n  access_tokens: {}\n");
    house.write(
        "policies/b.yaml",
        "version: 1\ntarget: s2\naccess_tokens:\n  - { id: x, expries: 2027-01-31, max_age: 3d }\n  - { id: no }\n",
    );
    house.write("policies/c.txt", "not a policy");
    house.write("people.yaml", "version: 1\npeople:\n  anna: { emial: a@example.com }\n");
    let run = refused(&house);
    for told in ["a.yaml:3:1", "a.yaml:5:18", "b.yaml:4:14", "b.yaml:4:44", "b.yaml:5:11", "c.txt", "people.yaml:3:11"]
    {
        assert!(run.err.contains(told), "{told} is missing in\n{}", run.err);
    }
    assert!(
        run.err.contains("did you mean `access_tokens`") && run.err.contains("did you mean `expires`"),
        "{}",
        run.err
    );
    // For programs, too.
    let document = house.run(&["validate", "--format", "json"]).json();
    let problems = document["problems"].as_array().unwrap();
    assert!(problems.len() >= 7, "{problems:?}");
    assert!(
        problems.iter().any(|problem| problem["line"] == 4 && problem["column"] == 14 && problem["hint"].is_string())
    );
}

#[test]
fn what_nobody_knows_is_an_error_before_any_request() {
    let cases = [
        ("target: s2\n", "target: s3\n", "did you mean `s2`"),
        ("access_tokens: { select", "gateway_keys: { select", "gateway_keys"),
        ("{ id: service/keep-00,", "{ uuid: service/keep-00,", "uuid"),
        ("justification: needed }", "max_idle: 3d }", "max_idle"),
        ("{ select: [{ id: \"service/*\" }] }", "{ select: [] }", "empty"),
        ("{ select: [{ id: \"service/*\" }] }", "{ select: [{}] }", "empty"),
        ("version: 1", "version: 2", "version"),
    ];
    for (from, to, told) in cases {
        let house = house(1, 1, AT_ONCE);
        house.edit("policies/s2.yaml", from, to);
        let run = refused(&house);
        assert!(run.err.contains("s2.yaml:") && run.err.contains(told), "{to}: {}", run.err);
    }
    let cases = [
        ("system: s2", "system: s3", "s3"),
        ("enforce: [access_tokens]", "enforce: [gateway_keys]", "gateway_keys"),
        ("account: northlight", "acount: northlight", "did you mean `account`"),
        ("notice: 0h", "notise: 0h", "did you mean `notice`"),
        ("credential: { file: credentials/s2 }", "credential: s2-full", "credential"),
        ("allow_host: true", "allow_host: false", "allow_host"),
    ];
    for (from, to, told) in cases {
        let house = house(1, 1, AT_ONCE);
        house.edit("portcullis.yaml", from, to);
        let run = refused(&house);
        assert!(run.err.contains("portcullis.yaml:") && run.err.contains(told), "{to}: {}", run.err);
        assert!(!run.all().contains("s2-full"), "a credential in the wrong place is not shown\n{}", run.all());
    }
}

#[test]
fn traps_of_yaml_and_files_that_are_too_large_are_refused() {
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n".to_owned();
    let deep = format!("version: 1\ntarget: s2\nmanage: {}{}\n", "[".repeat(5_000), "]".repeat(5_000));
    let huge = format!("version: 1\ntarget: s2\n# {}\n", "x".repeat(64 << 20));
    let many = format!("version: 1\ntarget: s2\naccess_tokens: [{}]\n", "{},".repeat(50_000));
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("a bomb", bomb.into()),
        ("depth", deep.into()),
        ("size", huge.into()),
        ("number", many.into()),
        ("no UTF-8", b"version: 1\ntarget: \xff\xfe\n".to_vec()),
        ("escapes", "version: 1\ntarget: s2\nteam: \u{1b}[2J\n".into()),
        ("bidi", "version: 1\ntarget: s2\nteam: \u{202e}x\n".into()),
        ("empty", Vec::new()),
        ("null", b"version: 1\ntarget: s2\nmanage: null\n".to_vec()),
        ("twice", b"version: 1\ntarget: s2\ntarget: s2\n".to_vec()),
        ("truth", b"version: 1\ntarget: s2\naccess_tokens: [{ id: on }]\n".to_vec()),
        ("a tag", b"version: 1\ntarget: !!python/object s2\n".to_vec()),
    ];
    for (what, bytes) in cases {
        let house = house(1, 1, AT_ONCE);
        std::fs::write(house.path("policies/other.yaml"), bytes).unwrap();
        let run = refused(&house);
        assert!(run.err.contains("other.yaml"), "{what}: {}", run.err);
        assert!(run.err.len() < 300_000, "{what}: {} bytes are told", run.err.len());
        assert_harmless(what, &run.err);
    }
}

#[test]
fn a_link_that_leads_out_of_the_tree_is_refused_and_the_root_may_be_one() {
    let house = house(3, 1, AT_ONCE);
    house.write("elsewhere/secret.yaml", "version: 1\ntarget: s2\n");
    std::os::unix::fs::symlink(house.path("elsewhere/secret.yaml"), house.path("policies/link.yaml")).unwrap();
    let run = refused(&house);
    assert!(run.err.contains("link.yaml"), "{}", run.err);
    std::fs::remove_file(house.path("policies/link.yaml")).unwrap();
    std::fs::rename(house.path("policies"), house.path("tree")).unwrap();
    std::os::unix::fs::symlink("tree", house.path("policies")).unwrap();
    house.expect(0, &["validate"]);
}

#[test]
fn a_broken_file_blocks_its_own_target_and_no_other() {
    let house = House::company();
    house.edit("policies/media/pinata.yaml", "api_keys:\n", "apikeys:\n");
    let run = house.apply(1);
    let asked = house.sandbox.record().requests();
    assert!(asked.iter().all(|request| request.system != System::Pinata), "no request goes there");
    assert!(!house.removed_tokens().is_empty(), "the others go on\n{}", run.all());
    assert!(run.err.contains("media/pinata.yaml:"), "{}", run.err);
    assert!(run.out.contains("BLOCKED"), "{}", run.out);

    // Where the target cannot be told, all are blocked.
    let house = House::company();
    house.edit("policies/media/pinata.yaml", "target: pinata-northlight", "target: pinata-southlight");
    let run = house.apply(1);
    assert_eq!(house.sandbox.record().requests().len(), 0, "{}", run.all());
}

#[test]
fn an_enforced_target_without_any_policy_file_is_an_error() {
    let house = house(3, 1, AT_ONCE);
    house.clear_policies();
    let run = refused(&house);
    assert!(run.err.contains("no policy file names it"), "{}", run.err);
    std::fs::remove_dir(house.path("policies")).unwrap();
    refused(&house);
}

#[test]
fn a_missing_configuration_says_how_to_begin() {
    let house = house(1, 0, AT_ONCE);
    let run = house.expect(1, &["plan", "--config", "elsewhere.yaml"]);
    assert!(run.err.contains("elsewhere.yaml") && run.err.contains("init"), "{}", run.err);
}

/// Applies where the credential of S2 is wrong: that target is named with what to do, the others go on.
fn without_s2(house: &House, told: &str) -> Run {
    let run = house.apply(1);
    assert!(run.all().contains("s2-northlight") && run.all().contains(told), "{told}:\n{}", run.all());
    assert_eq!(house.removed_tokens(), [""; 0]);
    assert!(!house.removed(System::Buildkite, "api_token").is_empty(), "the others went on\n{}", run.all());
    let plan = house.expect(1, &["plan", "--target", "s2-northlight"]);
    assert!(plan.out.contains("way on:") || plan.all().contains("way on"), "it says what to do\n{}", plan.all());
    run
}

#[test]
fn a_credential_that_is_missing_readable_by_all_or_empty_stops_its_target_alone() {
    let file = "credentials/s2";
    let missing = House::company();
    std::fs::remove_file(missing.path(file)).unwrap();
    without_s2(&missing, file);

    let open = House::company();
    std::fs::set_permissions(open.path(file), std::fs::Permissions::from_mode(0o644)).unwrap();
    let run = without_s2(&open, file);
    assert!(run.all().contains("chmod") || run.all().contains("600"), "{}", run.all());
    assert!(open.sandbox.record().requests().iter().all(|request| request.system != System::S2));

    let empty = House::company();
    empty.write(file, "\n");
    without_s2(&empty, file);

    let unset = House::company();
    unset.edit("portcullis.yaml", "credential: { file: credentials/s2 }", "credential: { env: NOBODY_SET_THIS }");
    without_s2(&unset, "NOBODY_SET_THIS");
}

#[test]
fn a_credential_that_is_unknown_or_without_the_right_stops_its_target_alone() {
    let unknown = House::company();
    unknown.write("credentials/s2", "s2-expired-long-ago");
    let run = without_s2(&unknown, "credential");
    assert!(!run.all().contains("s2-expired-long-ago"), "{}", run.all());

    let powerless = House::company();
    powerless.write("credentials/s2", "s2-nothing");
    without_s2(&powerless, "s2-northlight");
}

#[test]
fn a_credential_of_another_account_is_told_by_the_pinned_one() {
    let house = House::company();
    house.apply(0);
    let foreign = house.sandbox.world(|world: &mut World| {
        let foreign = world.aitronos.credentials.iter().find(|known| known.right == Right::Foreign).unwrap();
        foreign.token.clone()
    });
    house.write("credentials/aitronos", &foreign);
    let before = house.writes();
    let run = house.apply(1);
    assert!(run.all().contains("aitronos-northlight"), "{}", run.all());
    assert_eq!(house.writes(), before);
    assert!(!run.all().contains(&foreign));
}

#[test]
fn a_credential_that_may_only_read_plans_and_its_removals_are_refused_one_by_one() {
    let house = house(7, 1, AT_ONCE);
    house.write("credentials/s2", "s2-readonly");
    house.edit("portcullis.yaml", "portcullis/reconciler", "portcullis/reader");
    house.expect(0, &["plan", "--check-guards"]);
    let run = house.apply(4);
    assert!(run.out.contains("service/stray-00"), "{}", run.out);
    assert_eq!(house.removed_tokens(), [""; 0]);
    // Not sent again until a person asks.
    let before = house.writes();
    house.apply(3);
    assert_eq!(house.writes(), before);
    house.write("credentials/s2", "s2-full");
    house.edit("portcullis.yaml", "portcullis/reader", "portcullis/reconciler");
    house.expect(0, &["apply", "--yes", "--retry-refused"]);
    assert_eq!(house.removed_tokens(), strays(1));
}

/// Every output of a house that shows entries, with the Markdown ones apart.
fn outputs(house: &House, target: &str) -> Vec<(String, Run)> {
    let mut all = Vec::new();
    for format in ["text", "json", "markdown"] {
        for args in [
            &["plan", "-v", "--diff", "all"][..],
            &["apply", "--yes", "--new-journal"],
            &["history", "--limit", "1000"],
        ] {
            let run = house.run(&[args, &["--format", format]].concat());
            assert!(!run.out.is_empty(), "{args:?}: {}", run.err);
            all.push((format!("{} {format}", args[0]), run));
        }
    }
    all.push(("import".into(), house.run(&["import", target])));
    all.push(("snapshot".into(), house.run(&["snapshot", target])));
    all
}

fn all_harmless(outputs: &[(String, Run)]) {
    for (what, run) in outputs {
        if what.ends_with("markdown") {
            assert_harmless_markdown(what, &run.out);
        } else {
            assert_harmless(what, &run.out);
        }
        assert_harmless(what, &run.err);
    }
}

#[test]
fn hostile_ids_are_harmless_in_every_output_and_removed_by_their_exact_bytes() {
    let house = house(40, 0, AT_ONCE);
    let names: Vec<String> = NAMES.iter().map(|name| format!("service/{name}")).collect();
    for name in &names {
        house.sandbox.world(|world| issue(world, name));
    }
    let plan = house.plan(&[]);
    let planned = crate::house::ids(&plan, "s2", "change");
    assert_eq!(planned, sorted(&names), "for a program the name is the name");
    all_harmless(&outputs(&house, "s2"));
    assert_eq!(house.removed_tokens(), sorted(&names));
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut sorted = names.to_vec();
    sorted.sort();
    sorted
}

#[test]
fn hostile_names_of_people_and_things_are_harmless_in_every_output() {
    let house = House::company();
    house.sandbox.world(|world: &mut World| {
        for (number, name) in NAMES.into_iter().cycle().enumerate().take(24) {
            world.buildkite.tokens[number].description = Some(name.to_owned());
            world.pinata.api_keys[number % 8].name = name.to_owned();
            world.accessowl.users[number].last_name = Some(name.to_owned());
            world.aitronos.users[number].full_name = name.to_owned();
        }
        for (application, name) in world.accessowl.applications.iter_mut().zip(NAMES) {
            application.title = name.to_owned();
        }
    });
    let outputs = outputs(&house, "buildkite-northlight");
    assert!(outputs.iter().filter(|(what, _)| what.starts_with("plan")).all(|(_, run)| run.out.contains("h4")));
    all_harmless(&outputs);
    all_harmless(&[("import".into(), house.run(&["import", "pinata-northlight"]))]);
}

#[test]
fn hostile_errors_of_a_system_are_harmless_too() {
    let house = house(7, 1, AT_ONCE);
    for name in NAMES {
        house.sandbox.clear_faults();
        house.sandbox.fault(Fault::new(System::S2, Trouble::Status { status: 403, after_effect: false }));
        for field in ["message", "error", "code"] {
            house.sandbox.fault(Fault::new(System::S2, Trouble::SetField { field: field.into(), value: json!(name) }));
        }
        for format in ["text", "json", "markdown"] {
            let run = house.expect(1, &["plan", "--format", format]);
            all_harmless(&[(format!("plan {format}"), run)]);
        }
    }
}

/// Every line that a log collector gets: an object with its time, level and message.
fn all_records(what: &str, run: &Run) {
    assert_harmless(what, &run.err);
    assert!(!run.err.is_empty(), "{what} says nothing");
    for line in run.err.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{what}: {line}"));
        for member in ["timestamp", "level"] {
            assert!(record[member].is_string(), "{what}: {line}");
        }
        assert!(record["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{what}: {line}");
    }
}

#[test]
fn a_log_of_json_has_one_harmless_object_on_every_line() {
    let house = house(40, 0, AT_ONCE);
    for name in NAMES {
        house.sandbox.world(|world| issue(world, &format!("service/{name}")));
    }
    let log = |args: &[&str]| house.run(&[args, &["--log-format", "json"]].concat());
    all_records("plan", &log(&["plan", "-vvv"]));
    let applied = log(&["apply", "--yes", "--new-journal", "-vvv"]);
    all_records("apply", &applied);
    assert!(applied.err.contains("h1 ") && applied.code == 0, "{}", applied.err);
    // What is said beside the log is a record of it, too: errors, and several lines of them.
    house.write("policies/broken.yaml", "version: 1\ntarget: s2\naccess_tokens: [{ id: \"a\\e[2J\" , x: 1 }]\n");
    for args in [
        &["plan"][..],
        &["validate"],
        &["plan", "--config", "elsewhere.yaml"],
        &["revoke", "s2", "none", "--because", "x", "--yes"],
    ] {
        let run = log(args);
        all_records(args[0], &run);
        assert!(run.code == 1 && run.err.contains("\"ERROR\""), "{args:?}: {}", run.err);
    }
}
