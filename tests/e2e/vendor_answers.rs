//! Answers that are easily taken for more or for less than they say: errors beside data, a record that leaves out whom it is
//! about, an empty title, a time that was cut off, a right that another one includes, an id that is still listed.

use jiff::Timestamp;
use portcullis::sandbox::{
    Fault, Mutation, System, Trouble,
    accessowl::Status,
    aitronos::Grant,
    buildkite::{Owner, Token},
    pinata::ApiKey,
};
use serde_json::{Value, json};

use crate::{
    house::{House, holds, ids, rows},
    vendors::{self, ANNA, ANNA_ALONE, BEN, BORN, ELSE, access, accessowl, house, removed, unlinked, unnamed},
};

fn born() -> Timestamp {
    BORN.parse().unwrap()
}

/// Whether a plan has nothing to say of live entries.
fn is_quiet(house: &House) -> bool {
    rows(&house.plan(&[]), "t").iter().all(|row| row["finding"] == "dead")
}

/// Buildkite with two tokens that were used a moment ago and may stand unused for 30 days.
fn buildkite() -> House {
    let policy = "api_tokens:\n  - { uuid: t-anna, max_unused: 30d }\n  - { uuid: t-ben, max_unused: 30d }\n";
    let target = "    organization: northlight\n    own: { api_tokens: unlisted }\n";
    let house = house(System::Buildkite, "[api_tokens]", target, policy);
    house.sandbox.world(|world| {
        for name in ["anna", "ben"] {
            let (uuid, email) = (format!("user-{name}"), format!("{name}@example.com"));
            world.buildkite.tokens.push(Token {
                uuid: format!("t-{name}"),
                description: Some("deploy".to_owned()),
                owner: Some(Owner { uuid, email, name: name.to_owned(), bot: false }),
                scopes: vec!["READ_BUILDS".to_owned()],
                created_at: born(),
                expires_at: None,
                last_accessed_at: Some(Timestamp::now()),
            });
        }
    });
    house
}

#[test]
fn errors_beside_data_make_it_worthless_however_they_are_written() {
    let never_used = || {
        let used = Trouble::SetField { field: "lastAccessedAt".to_owned(), value: Value::Null };
        Fault::new(System::Buildkite, used).on_reads()
    };
    for member in [
        r#""errors":[{"message":"lastAccessedAt could not be loaded"}]"#,
        r#""errors":[{"message":"could not be loaded: \ud83d"}]"#,
        "\"errors\":[{\"message\":\"could not be loaded: caf\u{e9}\"}]",
        r#""errors":[{"message":"x","extensions":{"cost":1e999}}]"#,
        r#""errors":[],"errors":[{"message":"x"}]"#,
        r#""\u0065rrors":[{"message":"x"}]"#,
        r#""\u0065rrors":[{"message":"\ud83d"}]"#,
    ] {
        let house = buildkite();
        house.sandbox.fault(never_used());
        let beside = Trouble::Beside { member: member.to_owned() };
        house.sandbox.fault(Fault::new(System::Buildkite, beside).on_reads());
        house.apply(1);
        assert_eq!(house.removed(System::Buildkite, "api_token"), [""; 0], "{member}");
        assert_eq!(house.plan(&[])["targets"][0]["state"]["is"], "unreadable", "{member}");
    }
    // The same data without errors is taken at its word.
    let house = buildkite();
    house.sandbox.fault(never_used());
    assert_eq!(removed(&house, System::Buildkite, "api_token"), ["t-anna", "t-ben"]);
}

/// Access of a CI account that is linked to nobody.
const CI: &str = "5a000000-0000-4000-8000-00000000000c";

#[test]
fn a_revocation_of_an_account_without_a_person_hides_nobody_elses_access() {
    for status in [Status::Revoked, Status::Rejected, Status::ProcessingAccess] {
        let member = |id, user| access(id, user, Some("res-code"), &["perm-member"]);
        let mut states = vec![member(ANNA, "u-anna"), member(BEN, "u-ben"), unlinked(CI)];
        if status == Status::Revoked {
            states[2].effective_end = Some("2026-05-02T00:00:00Z".parse().unwrap());
        }
        let house = accessowl(states, ANNA_ALONE);
        house.sandbox.world(|world| world.accessowl.revocations.push(unnamed(CI, status)));
        let plan = house.plan(&[]);
        assert_eq!(ids(&plan, "t", "change"), [BEN], "{status:?} {plan}");
        assert_eq!(removed(&house, System::AccessOwl, "access"), [BEN], "{status:?}");
        let plan = house.plan(&[]);
        let told = rows(&plan, "t").iter().filter(|row| row["finding"] != "dead");
        let told: Vec<_> = told.map(|row| (row["finding"].as_str(), row["id"].as_str())).collect();
        let expected = [(Some("in_flight"), Some(CI))];
        assert_eq!(told, expected[usize::from(status != Status::ProcessingAccess)..], "{status:?}");
    }
}

#[test]
fn a_revocation_that_names_nobody_is_taken_for_one_persons_where_it_can_be_nobody_elses() {
    let member = |id, user| access(id, user, Some("res-code"), &["perm-member"]);
    let states =
        vec![member(ANNA, "u-anna"), member(BEN, "u-ben"), access(ELSE, "u-anna", Some("res-infra"), &["perm-member"])];
    let policy =
        "manage: { access: all }\naccess:\n  - { user: anna@example.com, application: GitHub, resource: infra }\n";
    let house = accessowl(states, policy);
    house.sandbox.world(|world| world.accessowl.revocations.push(unnamed(CI, Status::Rejected)));
    let plan = house.plan(&[]);
    assert_eq!(holds(&plan, "t", ANNA), ["refused"], "{plan}");
    assert_eq!(ids(&plan, "t", "held"), [ANNA], "{plan}");
    assert_eq!(ids(&plan, "t", "change"), [BEN], "{plan}");
    assert_eq!(removed(&house, System::AccessOwl, "access"), [BEN]);
}

#[test]
fn an_empty_title_is_no_title() {
    for title in [None, Some("")] {
        let policy = "manage: { access: all }\naccess:\n  - { user: anna@example.com, application: GitHub }\n";
        let member = |id, user| access(id, user, Some("res-code"), &["perm-member"]);
        let house = accessowl(vec![member(ANNA, "u-anna"), member(BEN, "u-ben")], policy);
        house.sandbox.world(|world| {
            let resources = &mut world.accessowl.applications[0].resources;
            resources.truncate(1);
            resources[0].title = title.map(str::to_owned);
        });
        assert_eq!(removed(&house, System::AccessOwl, "access"), [BEN], "{title:?}");
    }
}

#[test]
fn the_second_of_two_equal_accesses_goes_too_where_ends_are_cut_off() {
    let member = |id, user| access(id, user, Some("res-code"), &["perm-member"]);
    let house = accessowl(vec![member(ANNA, "u-anna"), member(BEN, "u-ben"), member(ELSE, "u-ben")], ANNA_ALONE);
    house.sandbox.world(|world| world.accessowl.settings.coarse_ends = true);
    // One after the other, so that the second finds the end of the first.
    house.edit("portcullis.yaml", "concurrency: 4", "concurrency: 1");
    house.apply(0);
    assert_eq!(house.removed(System::AccessOwl, "access"), [BEN, ELSE]);
    assert!(is_quiet(&house));
}

#[test]
fn a_right_that_a_declared_one_includes_is_no_excess() {
    let house = house(
        System::Pinata,
        "[api_keys]",
        "    own: { api_keys: unlisted }\n",
        "api_keys:\n  - { key: k-write, scopes: [\"org:files:write\"], on_excess: revoke }\n  - { key: k-admin, scopes: \
         [admin], on_excess: revoke }\n  - { key: k-more, scopes: [\"org:files:read\"], on_excess: revoke }\n",
    );
    house.sandbox.world(|world| {
        let admin = json!({ "admin": true, "endpoints": { "pinning": { "pinByHash": true, "unpin": true } } });
        for (key, scopes) in [
            ("k-write", json!({ "resources": ["org:files:read", "org:files:write"] })),
            ("k-admin", admin),
            ("k-more", json!({ "resources": ["org:files:read", "org:files:write"] })),
        ] {
            world.pinata.api_keys.push(ApiKey {
                id: format!("row-{key}"),
                name: key.to_owned(),
                key: key.to_owned(),
                scopes,
                revoked: false,
                uses: 0,
                max_uses: None,
                created_at: born(),
                updated_at: born(),
            });
        }
    });
    assert_eq!(removed(&house, System::Pinata, "api_key"), ["k-more"]);
    assert!(is_quiet(&house));
}

#[test]
fn an_operation_of_which_nothing_tells_whether_a_group_has_it_is_told_and_never_excess() {
    let policy = "version: 1\ntarget: s2\naccess_tokens:\n  - { id: service/a, scope: { op_groups: { account: { write: true }, \
                  stream: { read: true } } }, on_excess: revoke }\n";
    let target = "    enforce: [access_tokens]\n    guards: { notice: 0h, max_share: 100%, keep_at_least: 0 }";
    let house = House::s2(&["service/other"], target, policy);
    let issue = |ops: &[&str]| {
        let scope = json!({ "op_groups": { "account": { "write": true }, "stream": { "read": true } }, "ops": ops });
        let token = json!({ "id": "service/a", "scope": scope });
        house.sandbox.world(|world| world.s2.issue(serde_json::from_value(token).unwrap()));
    };
    issue(&["get-basin-config", "get-stream-config", "list-locations"]);
    let plan = house.plan(&[]);
    assert_eq!(rows(&plan, "s2")[0]["finding"], "differs", "{plan}");
    assert!(rows(&plan, "s2")[0]["why"].as_str().unwrap().contains("get-basin-config"), "{plan}");
    house.apply(0);
    assert_eq!(house.removed_tokens(), [""; 0]);
    issue(&["get-basin-config", "append"]);
    house.apply(0);
    assert_eq!(house.removed_tokens(), ["service/a"]);
}

fn grant(id: &str, level: &str) -> Grant {
    Grant { access_level: level.to_owned(), ..vendors::grant(id, "asst_1", &format!("usr_{id}")) }
}

#[test]
fn an_id_that_is_still_listed_is_not_gone_where_no_id_is_given_out_twice() {
    let policy = "manage: { grants: all }\ngrants:\n  - { id: grant_kept }\n";
    let house = house(System::Aitronos, "[grants]", "    organization: org_northlight\n", policy);
    house.sandbox.world(|world| world.aitronos.grants = vec![grant("grant_kept", "write"), grant("grant_1", "read")]);
    let entry = serde_json::to_value(grant("grant_1", "admin")).unwrap();
    let mutation = Mutation::Issue { kind: "grant".to_owned(), entry };
    house.sandbox.fault(Fault::new(System::Aitronos, Trouble::Then { mutation }).on_writes());
    let run = house.apply(4);
    assert!(run.all().contains("still there"), "{run:?}");
}

#[test]
fn an_id_that_is_given_out_again_is_another_one_and_the_removal_is_done() {
    let policy = "version: 1\ntarget: s2\nabsent: { access_tokens: [{ id: service/leaked }] }\n";
    let house = House::s2(&["service/leaked", "service/other"], "    enforce: [access_tokens]", policy);
    let entry = json!({ "id": "service/leaked", "scope": { "ops": ["read"] } });
    let mutation = Mutation::Issue { kind: "access_token".to_owned(), entry };
    house.sandbox.fault(Fault::new(System::S2, Trouble::Then { mutation }).on_writes());
    let run = house.apply(0);
    assert!(run.all().contains("is there again"), "{run:?}");
    assert_eq!(house.removed_tokens(), ["service/leaked"]);
}
