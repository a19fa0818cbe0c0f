//! A reading that cannot be proved whole makes its target unreadable: nothing is written there, the others go on, and the
//! message says where it happened and what to do.

use portcullis::sandbox::{Fault, Mutation, System, Trouble, pinata::ApiKey};
use serde_json::{Value, json};

use crate::house::{House, Run, issue};

/// One way in which an answer goes wrong, and words that have to stand in the message.
struct Case {
    trouble: Trouble,
    /// The beginning of the paths where it happens; empty: everywhere.
    at: String,
    says: &'static str,
}

fn case(trouble: Trouble, says: &'static str) -> Case {
    Case { trouble, at: String::new(), says }
}

impl Case {
    fn at(self, path: &str) -> Self {
        Self { at: path.to_owned(), ..self }
    }
}

fn missing(field: &str) -> Trouble {
    Trouble::MissingField { field: field.to_owned() }
}

fn set(field: &str, value: Value) -> Trouble {
    Trouble::SetField { field: field.to_owned(), value }
}

/// What no system may take for an answer.
fn common() -> Vec<Case> {
    vec![
        case(Trouble::Html, ""),
        case(Trouble::Truncate, "broke before the answer was whole"),
        case(Trouble::BrokenJson, ""),
        case(Trouble::Oversize { bytes: 65 << 20 }, "larger than"),
        case(Trouble::Redirect { location: "https://elsewhere.example/login?next=x".to_owned() }, "redirect"),
        case(Trouble::Status { status: 401, after_effect: false }, ""),
        case(Trouble::Status { status: 403, after_effect: false }, ""),
        case(Trouble::Status { status: 404, after_effect: false }, ""),
        case(Trouble::Status { status: 503, after_effect: false }, "503"),
        case(Trouble::RateLimit { after_ms: 3_600_000 }, "in 3"),
        case(Trouble::DropBefore, "tried"),
    ]
}

/// A company whose lists have several pages each and that a faultless run reads well; no ceiling stands in the way.
fn house() -> House {
    let house = House::company();
    house.edit(
        "portcullis.yaml",
        "guards: { notice: 0h }",
        "guards: { notice: 0h, max_share: 100%, max_count: 1000 }\n    settle: 1s",
    );
    house.edit("portcullis.yaml", "requests: 100/s", "requests: 1000/s");
    house.edit("portcullis.yaml", "targets:", "guards: { max_count_total: 1000000 }\ntargets:");
    house.sandbox.world(|world| {
        world.buildkite.settings.page = 10;
        world.pinata.settings.key_page = 5;
        for number in 0..1001 {
            issue(world, &format!("elsewhere/{number:04}"));
        }
        let grant = world.aitronos.grants[0].clone();
        for number in 0..120 {
            let mut grant = grant.clone();
            grant.id = format!("agrant_9{number:05}");
            (grant.grantee_type, grant.grantee_id) = ("user".to_owned(), format!("usr_more{number}"));
            world.aitronos.grants.push(grant);
        }
    });
    house
}

fn target(system: System) -> String {
    format!("{}-northlight", system.name())
}

/// Applies to the troubled target and to a healthy one that has something to revoke.
fn check(house: &House, system: System, number: usize, case: &Case) {
    let other = if system == System::S2 { System::Pinata } else { System::S2 };
    let extra = format!("{number:020}");
    let id = if other == System::S2 { format!("service/{extra}") } else { extra.clone() };
    house.sandbox.world(|world| match other {
        System::S2 => issue(world, &id),
        _ => {
            let key: ApiKey = world.pinata.api_keys.iter().find(|key| !key.revoked).unwrap().clone();
            world.pinata.api_keys.push(ApiKey { id: extra.clone(), key: extra.clone(), name: extra.clone(), ..key });
        }
    });
    house.sandbox.record().clear();
    house.sandbox.clear_faults();
    house.sandbox.fault(Fault::new(system, case.trouble.clone()).on_reads().at(&case.at));

    let (bad, good) = (target(system), target(other));
    let run = house.run(&["apply", "--yes", "--new-journal", "--target", &bad, "--target", &good]);
    let what = format!("{} {:?} {}\n{}", system.name(), case.trouble, case.at, run.all());
    assert_eq!(run.code, 1, "{what}");
    let writes = house.sandbox.record().writes();
    assert!(writes.iter().all(|write| write.system == other), "nothing is written there: {what}");
    let kind = if other == System::S2 { "access_token" } else { "api_key" };
    assert!(house.removed(other, kind).contains(&id), "the other target goes on: {what}");
    says_what_to_do(&run, &bad, case.says, &what);
}

/// The message names the target, what happened and what to do.
fn says_what_to_do(run: &Run, target: &str, says: &str, what: &str) {
    let text = run.all();
    let mut lines = text.lines().skip_while(|line| *line != target);
    assert!(lines.next().is_some(), "names the target: {what}");
    let told = lines.next().unwrap();
    assert!(told.starts_with("  UNREADABLE, nothing changed there: ") && told.contains(says), "says {says:?}: {what}");
    assert!(lines.next().unwrap().starts_with("    way on: "), "says what to do: {what}");
}

fn all(system: System, own: Vec<Case>) {
    let cases: Vec<Case> = common().into_iter().chain(own).collect();
    // A new company now and then: what goes from the healthy target counts for its ceilings.
    for cases in cases.chunks(8) {
        let house = house();
        let whole = house.plan(&["--target", &target(system)]);
        assert_eq!(whole["targets"][0]["state"]["is"], "planned", "without a fault it is read: {whole}");
        for (number, case) in cases.iter().enumerate() {
            check(&house, system, number, case);
        }
    }
}

#[test]
fn accessowl() {
    let states = "/api/v1/access_states";
    all(
        System::AccessOwl,
        vec![
            case(
                Trouble::Redirect { location: "https://billing.example/".to_owned() },
                "API is probably not switched on",
            ),
            case(missing("effective_end"), "effective_end").at(states),
            case(missing("next_cursor"), "next_cursor").at(states),
            case(set("effective_end", json!(7)), "").at(states),
            case(set("effective_end", json!("yesterday")), "").at(states),
            case(set("id", json!(7)), "").at(states),
            case(set("id", Value::Null), "").at(states),
            case(set("data", Value::Null), "").at(states),
            case(Trouble::RepeatRow, "twice").at(states),
            case(Trouble::RepeatPage, "").at(states),
        ],
    );
}

#[test]
fn aitronos() {
    let grants = "/v1/organizations/org_northlight/access/grants";
    all(
        System::Aitronos,
        vec![
            case(Trouble::ShortPage, "grants").at(grants),
            case(Trouble::RepeatRow, "").at(grants),
            case(Trouble::RepeatPage, "").at(grants),
            case(Trouble::WrongTotal { by: 1 }, "").at(grants),
            case(Trouble::WrongTotal { by: -1 }, "").at(grants),
            case(missing("total"), "").at(grants),
            case(missing("access_level"), "").at(grants),
            case(missing("entity_id"), "").at(grants),
            case(set("id", json!(7)), "").at(grants),
            case(set("items", Value::Null), "").at(grants),
            case(set("total", json!("all")), "").at(grants),
        ],
    );
}

#[test]
fn buildkite() {
    let graphql = "/graphql";
    all(
        System::Buildkite,
        vec![
            case(set("organization", Value::Null), "organization").at(graphql),
            case(Trouble::RepeatRow, "twice").at(graphql),
            case(Trouble::RepeatPage, "").at(graphql),
            case(missing("hasNextPage"), "").at(graphql),
            case(missing("endCursor"), "").at(graphql),
            case(set("endCursor", Value::Null), "").at(graphql),
            case(missing("owner"), "").at(graphql),
            case(missing("lastAccessedAt"), "").at(graphql),
            case(set("uuid", json!(7)), "").at(graphql),
            case(set("edges", Value::Null), "").at(graphql),
            case(set("node", Value::Null), "").at(graphql),
            case(set("scopes", json!("all")), "").at(graphql),
        ],
    );
}

#[test]
fn pinata() {
    let house = house();
    let gateway = house.sandbox.world(|world| format!("/v3/gateways/{}", world.pinata.gateways[1].id));
    let (gateways, keys) = ("/v3/gateways", "/v3/api_keys");
    all(
        System::Pinata,
        vec![
            // The details of one gateway of three.
            case(Trouble::Status { status: 500, after_effect: false }, "500").at(&gateway),
            case(Trouble::Status { status: 404, after_effect: false }, "").at(&gateway),
            case(missing("accessTokens"), "").at(&gateway),
            case(missing("allowedHosts"), "").at(&gateway),
            case(missing("restriction_policies"), "").at(&gateway),
            case(set("createdAt", json!("soon")), "").at(&gateway),
            case(set("data", Value::Null), "").at(&gateway),
            case(Trouble::RepeatRow, "").at(&gateway),
            case(Trouble::ShortPage, "gateways").at(gateways),
            case(Trouble::WrongTotal { by: 1 }, "gateways").at(gateways),
            case(Trouble::RepeatRow, "").at(keys),
            case(Trouble::RepeatPage, "").at(keys),
            case(missing("revoked"), "").at(keys),
            case(set("key", json!(7)), "").at(keys),
        ],
    );
}

#[test]
fn s2() {
    all(
        System::S2,
        vec![
            case(Trouble::RepeatRow, ""),
            case(Trouble::RepeatPage, ""),
            case(missing("has_more"), "has_more"),
            case(missing("scope"), "scope"),
            case(missing("id"), "id"),
            case(set("id", json!(7)), ""),
            case(set("expires_at", json!(7)), ""),
            case(set("access_tokens", Value::Null), ""),
            case(set("has_more", json!("yes")), ""),
        ],
    );
}

#[test]
fn a_list_that_shifts_between_two_pages_is_read_again_and_heals() {
    let grants = "/v1/organizations/org_northlight/access/grants";
    let vanish = |number: usize| Trouble::Then {
        mutation: Mutation::Remove { kind: "grant".to_owned(), id: format!("agrant_9{number:05}") },
    };
    let plan =
        |house: &House| house.plan(&["--target", &target(System::Aitronos)])["targets"][0]["state"]["is"].clone();
    // Once: the second reading of the list is whole.
    let house = house();
    house.sandbox.fault(Fault::new(System::Aitronos, vanish(0)).at(grants).times(1));
    assert_eq!(plan(&house), "planned");
    let pages = |house: &House| house.sandbox.record().requests().iter().filter(|one| one.path == grants).count();
    assert_eq!(pages(&house), 4, "two pages, read twice");
    // Three times: the fourth one is.
    house.sandbox.record().clear();
    house.sandbox.clear_faults();
    for shift in 0..3 {
        let after = u32::try_from(2 * shift).unwrap();
        house.sandbox.fault(Fault::new(System::Aitronos, vanish(1 + shift)).at(grants).after(after).times(1));
    }
    assert_eq!(plan(&house), "planned");
    assert_eq!(pages(&house), 8);
    // A fourth time: it never was whole.
    house.sandbox.record().clear();
    house.sandbox.clear_faults();
    for shift in 0..4 {
        let after = u32::try_from(2 * shift).unwrap();
        house.sandbox.fault(Fault::new(System::Aitronos, vanish(4 + shift)).at(grants).after(after).times(1));
    }
    assert_ne!(plan(&house), "planned");
    assert_eq!(pages(&house), 8, "and was not read for ever");
}

#[test]
fn every_list_that_can_shift_is_read_again_and_heals() {
    let house = house();
    house.sandbox.world(|world| world.pinata.settings.gateway_page = 2);
    let lists = [
        (System::AccessOwl, "/api/v1/users"),
        (System::AccessOwl, "/api/v1/access_revocations"),
        (System::AccessOwl, "/api/v1/access_states"),
        (System::Buildkite, "/graphql"),
        (System::Pinata, "/v3/gateways"),
        (System::Pinata, "/v3/api_keys"),
    ];
    let state = |system: System| house.plan(&["--target", &target(system)])["targets"][0]["state"]["is"].clone();
    for (system, list) in lists {
        house.sandbox.clear_faults();
        house.sandbox.fault(Fault::new(system, Trouble::RepeatRow).at(list).times(3));
        assert_eq!(state(system), "planned", "{list}");
    }
}

#[test]
fn a_pinata_key_that_moves_between_two_pages_is_read_once() {
    let house = house();
    let keys = "/v3/api_keys";
    let pages = |house: &House| house.sandbox.record().requests().iter().filter(|one| one.path == keys).count();
    let plan = |house: &House| house.plan(&["--target", &target(System::Pinata)]);
    let before = plan(&house);
    let quiet = pages(&house);
    house.sandbox.record().clear();
    // The first key leaves its place and comes back as the last one, behind the first page.
    let moved = house.sandbox.world(|world| world.pinata.api_keys[0].clone());
    let mutation = Mutation::Issue { kind: "api_key".to_owned(), entry: json!(moved) };
    house.sandbox.fault(Fault::new(System::Pinata, Trouble::Then { mutation }).at(keys).times(1));
    let after = plan(&house);
    assert_eq!(pages(&house), quiet + 2, "two pages until the shift shows, then all of them");
    assert_eq!(after["targets"][0]["counts"], before["targets"][0]["counts"]);
    assert_eq!(
        after["targets"][0]["rows"].as_array().map(Vec::len),
        before["targets"][0]["rows"].as_array().map(Vec::len)
    );
}

#[test]
fn what_must_be_seen_and_is_not_makes_the_reading_worthless() {
    let house = house();
    house.edit(
        "portcullis.yaml",
        "must_see: { access_tokens: [{ id: root/owner }] }",
        "must_see: { access_tokens: [{ id: root/nobody }] }",
    );
    let run = house.expect(1, &["apply", "--yes", "--new-journal"]);
    assert_eq!(house.removed_tokens(), [""; 0]);
    says_what_to_do(&run, "s2-northlight", "must_see", &run.all());
    assert!(!house.removed(System::Buildkite, "api_token").is_empty(), "the others go on");
}

#[test]
fn another_account_than_the_pinned_one_is_never_written_to() {
    let house = house();
    house.expect(0, &["apply", "--yes", "--new-journal", "--target", "buildkite-northlight"]);
    house.sandbox.record().clear();
    house.sandbox.world(|world| {
        world.buildkite.uuid = "00000000-0000-4000-8000-000000000001".to_owned();
        let token = world.buildkite.tokens[3].clone();
        world.buildkite.tokens.push(portcullis::sandbox::buildkite::Token {
            uuid: "00000000-0000-4000-8000-000000000002".to_owned(),
            description: Some("nobody declares it".to_owned()),
            ..token
        });
    });
    let run = house.expect(1, &["apply", "--yes", "--target", "buildkite-northlight", "--target", "s2-northlight"]);
    says_what_to_do(&run, "buildkite-northlight", "the journal pins", &run.all());
    let writes = house.sandbox.record().writes();
    assert!(!writes.is_empty() && writes.iter().all(|write| write.system == System::S2));
}
