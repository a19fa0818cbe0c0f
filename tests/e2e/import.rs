//! `import` writes declarations for what exists: they are valid, and the plan after them is empty.

use portcullis::sandbox::{System, World};

use crate::{
    hostile,
    house::{House, ids, issue, rows},
};

const TARGETS: [(&str, System); 5] = [
    ("accessowl-northlight", System::AccessOwl),
    ("aitronos-northlight", System::Aitronos),
    ("buildkite-northlight", System::Buildkite),
    ("pinata-northlight", System::Pinata),
    ("s2-northlight", System::S2),
];

/// The company before anybody left: the people file's word on a leaver stands above any declaration.
fn everybody_stays() -> House {
    let house = House::company();
    house.edit("people.yaml", ", until: 2026-03-31", "");
    house
}

/// Imports one target as its only policy file and checks the promise. Returns the file.
fn adopt(house: &House, target: &str) -> String {
    house.clear_policies();
    let run = house.expect(0, &["import", target]);
    hostile::assert_harmless(target, &run.out);
    hostile::assert_harmless(target, &run.err);
    house.write("policies/imported.yaml", &run.out);
    let wanted = house.read("portcullis.yaml");
    // The other targets have no policy file any more, so that they may not be enforced.
    let relaxed: String =
        wanted.lines().filter(|line| !line.starts_with("    enforce:")).map(|line| format!("{line}\n")).collect();
    house.write("portcullis.yaml", &relaxed);
    let validated = house.run(&["validate"]);
    assert_eq!(validated.code, 0, "{}\n{}", validated.err, run.out);
    let plan = house.plan(&["--target", target]);
    for status in ["change", "held"] {
        assert_eq!(ids(&plan, target, status), [""; 0], "{target} {status}: {:?}\n{}", rows(&plan, target), run.out);
    }
    let told = |row: &&serde_json::Value| row["finding"] != "dead" && row["finding"] != "in_flight";
    let findings: Vec<_> = rows(&plan, target).iter().filter(told).collect();
    assert!(findings.is_empty(), "{target}: {findings:?}\n{}", run.out);
    house.expect(0, &["plan", "--target", target, "--detailed-exitcode", "--strict"]);
    house.write("portcullis.yaml", &wanted);
    run.out
}

#[test]
fn the_plan_after_an_import_is_empty_at_every_system() {
    let house = everybody_stays();
    for (target, _) in TARGETS {
        let file = adopt(&house, target);
        assert!(file.lines().count() > 10, "{target}: {file}");
    }
    assert_eq!(house.writes(), 0);
}

#[test]
fn an_imported_file_is_in_charge_so_that_what_comes_later_is_undeclared() {
    let house = House::company();
    adopt(&house, "s2-northlight");
    house.sandbox.world(|world| issue(world, "service/newcomer"));
    let plan = house.plan(&["--target", "s2-northlight"]);
    assert_eq!(ids(&plan, "s2-northlight", "change"), ["service/newcomer"]);
}

#[test]
fn short_lived_tokens_become_an_allow_and_not_ids_that_are_gone_next_week() {
    let house = House::of(World::empty());
    house.sandbox.world(|world| {
        let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(20);
        for number in 0..6 {
            let body = serde_json::json!({
                "id": format!("ci/run-{number}"), "expires_at": soon.to_string(),
                "scope": { "streams": { "prefix": "x/" }, "ops": ["append"] },
            });
            world.s2.issue(serde_json::from_value(body).unwrap());
        }
        issue(world, "service/ingest");
    });
    let file = adopt(&house, "s2-northlight");
    assert!(!file.contains("ci/run-"), "{file}");
    assert!(file.contains("allow:") && file.contains("must_expire_within:"), "{file}");
    assert!(file.contains("service/ingest"), "{file}");
    // The next run's tokens are allowed, too.
    house.sandbox.world(|world| {
        let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(30);
        let body =
            serde_json::json!({ "id": "ci/run-next", "expires_at": soon.to_string(), "scope": { "ops": ["append"] } });
        world.s2.issue(serde_json::from_value(body).unwrap());
    });
    let plan = house.plan(&["--target", "s2-northlight"]);
    assert_eq!(ids(&plan, "s2-northlight", "change"), [""; 0]);
}

#[test]
fn hostile_names_survive_an_import_at_every_system() {
    let house = everybody_stays();
    house.sandbox.world(|world| {
        for (number, name) in hostile::NAMES.into_iter().enumerate() {
            issue(world, name);
            world.buildkite.tokens[number].description = Some(name.to_owned());
            world.pinata.api_keys[number].name = name.to_owned();
            world.accessowl.applications[number].title = name.to_owned();
            world.accessowl.users[number].first_name = Some(name.to_owned());
            world.aitronos.users[number].full_name = name.to_owned();
        }
    });
    for (target, _) in TARGETS {
        adopt(&house, target);
    }
}

/// Where a name cannot be read back, or does not stand for the entry alone, the entry goes by its id.
#[test]
fn what_has_no_name_that_can_be_written_goes_by_its_id() {
    let house = everybody_stays();
    house.sandbox.world(|world| {
        for (number, blank) in ["", "   ", "\r", "\u{3000}"].into_iter().enumerate() {
            world.buildkite.tokens[number].description = Some(blank.to_owned());
            world.pinata.api_keys[number].name = blank.to_owned();
            world.accessowl.applications[number].title = blank.to_owned();
            let owl = &mut world.accessowl;
            for resource in owl.applications.iter_mut().flat_map(|one| &mut one.resources).skip(number).step_by(4) {
                resource.title = Some(blank.to_owned());
                resource.permissions.iter_mut().take(1).for_each(|one| one.title = blank.to_owned());
            }
        }
        // The people file knows the first two, one of them by an address that another user has in another case.
        let anna = world.accessowl.users[0].email.clone();
        world.accessowl.users[1].email = anna.to_uppercase();
        world.accessowl.users[2].email = "a*b@example.com".to_owned();
        world.accessowl.users[3].email = "\u{c9}MILE@example.com".to_owned();
        world.aitronos.users[1].email = world.aitronos.users[0].email.to_uppercase();
        world.aitronos.users[2].email = "a*b@example.com".to_owned();
    });
    for (target, _) in TARGETS {
        let file = adopt(&house, target);
        assert!(!file.contains("a*b"), "{file}");
    }
}

#[test]
fn what_a_leaver_holds_is_excepted_until_somebody_decides() {
    let house = House::company();
    let imported = TARGETS.map(|(target, _)| (target, adopt(&house, target)));
    let [(target, file), ..] = &imported;
    assert!(file.contains("held by somebody who has left") && file.contains("    except:\n"), "{file}");
    assert!(file.contains("  # - user: ") && !file.contains("\n    resource: \"res"), "{file}");
    // Taken out of `except` they go.
    let decided: String = file
        .replace("    except:\n", "")
        .lines()
        .filter(|line| !line.starts_with("      - "))
        .map(|l| format!("{l}\n"))
        .collect();
    house.clear_policies();
    house.write("policies/imported.yaml", &decided);
    let plan = house.plan(&["--target", target]);
    assert!(!ids(&plan, target, "change").is_empty(), "{plan}");
}

/// One person holds an application as a whole and, beside it, its only resource, which has no title: both are named without
/// a resource.
#[test]
fn a_person_with_an_application_and_its_lone_resource_is_imported_with_both() {
    use portcullis::sandbox::accessowl::{AccessState, Application, Resource};
    let house = everybody_stays();
    house.sandbox.world(|world| {
        let owl = &mut world.accessowl;
        let mut application: Application = owl.applications[0].clone();
        application.id = "app-lone".to_owned();
        application.title = "Lone".to_owned();
        let lone =
            Resource { id: "res-lone".to_owned(), title: None, parent_resource_id: None, permissions: Vec::new() };
        application.resources = vec![lone];
        owl.applications.push(application);
        let state = owl.states.iter().find(|state| state.grantee_user_id.is_some()).unwrap().clone();
        for (id, resource) in [("state-whole", None), ("state-lone", Some("res-lone"))] {
            owl.states.push(AccessState {
                id: id.to_owned(),
                application_id: "app-lone".to_owned(),
                resource_id: resource.map(str::to_owned),
                target_permission_ids: Vec::new(),
                effective_end: None,
                ..state.clone()
            });
        }
    });
    let file = adopt(&house, "accessowl-northlight");
    // The natural key names both, so each is written by its id.
    assert!(file.contains("id: \"state-whole\"") && file.contains("id: \"state-lone\""), "{file}");
}

#[test]
fn a_target_that_cannot_be_read_gives_no_half_of_a_file() {
    use portcullis::sandbox::{Fault, Trouble};
    let house = House::company();
    house.sandbox.fault(Fault::new(System::Buildkite, Trouble::BrokenJson).on_reads());
    let run = house.expect(1, &["import", "buildkite-northlight"]);
    assert_eq!(run.out, "");
    let run = house.expect(1, &["import", "buildkite-southlight"]);
    assert!(run.err.contains("buildkite-northlight"), "{}", run.err);
}
