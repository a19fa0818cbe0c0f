//! What a vendor's data leaves in doubt removes nothing: a title that is missing or new, another spelling of the same text,
//! another name of the same gateway, a `Date` far from ours, a narrower access that stays.

use portcullis::sandbox::{
    Fault, System, Trouble, World,
    accessowl::{AccessState, Application, Permission, Provisioning, Resource, Revocation, Status, User},
    aitronos,
    buildkite::{Owner, Token},
    pinata::{Control, Gateway},
};
use serde_json::{Value, json};

use crate::house::{House, holds, ids, rows};

pub const BORN: &str = "2026-01-01T00:00:00Z";
/// Ids of access states; AccessOwl takes nothing else than UUIDs.
pub const ANNA: &str = "5a000000-0000-4000-8000-00000000000a";
pub const BEN: &str = "5a000000-0000-4000-8000-00000000000b";
pub const ELSE: &str = "5a000000-0000-4000-8000-00000000000e";
const WIDE: &str = "5a000000-0000-4000-8000-000000000001";
const NARROW: &str = "5a000000-0000-4000-8000-000000000002";
/// Two texts that look the same: in the first the accent is part of its letter, in the second it follows it.
const COMPOSED: &str = "service/caf\u{e9}";
const DECOMPOSED: &str = "service/cafe\u{301}";

/// One target of a system, called `t`, in which everything is enforced at once, with one policy file.
pub fn house(system: System, list: &str, target: &str, policy: &str) -> House {
    let house = House::of(World::empty());
    let name = system.name();
    let url = house.sandbox.url(system);
    let address = match system {
        System::Buildkite => format!("graphql_url: {url}\n    rest_url: {}", house.sandbox.urls().buildkite_rest),
        _ => format!("base_url: {url}"),
    };
    let label = if matches!(system, System::Aitronos | System::Buildkite) { "" } else { "    account: northlight\n" };
    house.write(
        "portcullis.yaml",
        &format!(
            "version: 1\npolicies: policies/\njournal: .portcullis/journal.db\ntargets:\n  t:\n    system: {name}\n    \
             {address}\n    allow_host: true\n    credential: {{ file: credentials/{name} }}\n{label}    \
             enforce: {list}\n    guards: {{ notice: 0h, max_share: 100%, keep_at_least: 0 }}\n    settle: 1s\n    \
             limits: {{ requests: 500/s, concurrency: 4 }}\n{target}"
        ),
    );
    house.clear_policies();
    house.write("policies/t.yaml", &format!("version: 1\ntarget: t\n{policy}"));
    house
}

/// A policy in charge of every access at AccessOwl, of which anna's to the code is declared.
pub const ANNA_ALONE: &str =
    "manage: { access: all }\naccess:\n  - { user: anna@example.com, application: GitHub, resource: code }\n";

/// An access to the code at AccessOwl that is linked to nobody.
pub fn unlinked(id: &str) -> AccessState {
    AccessState { grantee_user_id: None, ..access(id, id, Some("res-code"), &["perm-member"]) }
}

/// A revocation of an access to the code that names nobody.
pub fn unnamed(state: &str, status: Status) -> Revocation {
    Revocation {
        id: "7e000000-0000-4000-8000-000000000001".to_owned(),
        state_id: state.to_owned(),
        application_id: "app-git".to_owned(),
        grantee_user_id: None,
        resource_id: Some("res-code".to_owned()),
        permission_ids: Some(vec!["perm-member".to_owned()]),
        provisioning_type: Provisioning::ApplicationAdmin,
        reason: "cleaning up".to_owned(),
        status,
        inserted_at: "2026-05-01T00:00:00Z".parse().unwrap(),
        looks: 0,
    }
}

/// A member of an Aitronos organization.
pub fn member(id: &str, email: &str, full_name: &str) -> aitronos::User {
    let [id, email, full_name] = [id, email, full_name].map(str::to_owned);
    aitronos::User { id, email, full_name, deleted: false }
}

/// What lets a user of Aitronos read something: `vs_…` or `asst_…`, by its prefix.
pub fn grant(id: &str, entity: &str, user: &str) -> aitronos::Grant {
    let of = if entity.starts_with("vs_") { "vector_store" } else { "assistant" };
    let [id, entity_type, entity_id, grantee_id] = [id, of, entity, user].map(str::to_owned);
    let (grantee_type, access_level) = ("user".to_owned(), "read".to_owned());
    let created_at = BORN.parse().unwrap();
    aitronos::Grant { id, entity_type, entity_id, grantee_type, grantee_id, access_level, created_at }
}

/// What was said of an entry: why, what holds it and the remarks.
pub fn said(plan: &Value, id: &str) -> String {
    let row = rows(plan, "t").iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("no row {id} in {plan}"));
    format!("{} {} {}", row["why"], row["holds"], row["remarks"])
}

/// What the servers saw removed after an `apply`, whatever it came to.
pub fn removed(house: &House, system: System, kind: &str) -> Vec<String> {
    house.run(&["apply", "--yes", "--new-journal"]);
    house.removed(system, kind)
}

fn permission(id: &str, title: &str) -> Permission {
    Permission { id: id.to_owned(), title: title.to_owned(), elevated: false }
}

pub fn access(id: &str, user: &str, resource: Option<&str>, permissions: &[&str]) -> AccessState {
    AccessState {
        id: id.to_owned(),
        application_id: "app-git".to_owned(),
        grantee_user_account_id: format!("account-{user}"),
        grantee_user_id: Some(user.to_owned()),
        effective_start: BORN.parse().unwrap(),
        effective_end: None,
        resource_id: resource.map(str::to_owned),
        target_permission_ids: permissions.iter().map(|id| (*id).to_owned()).collect(),
    }
}

/// An application with two resources; anna and ben hold access to it.
pub fn accessowl(states: Vec<AccessState>, policy: &str) -> House {
    let house = house(System::AccessOwl, "[access]", "", policy);
    house.sandbox.world(|world| {
        let owl = &mut world.accessowl;
        // What goes is gone in the answer, however slow the machine is.
        owl.settings.automatic_after_looks = 0;
        for name in ["anna", "ben"] {
            owl.users.push(User {
                id: format!("u-{name}"),
                email: format!("{name}@example.com"),
                first_name: None,
                last_name: None,
                status: "active".to_owned(),
                departments: Vec::new(),
                job_title: None,
            });
        }
        let resource = |id: &str, title: &str| Resource {
            id: id.to_owned(),
            title: Some(title.to_owned()),
            parent_resource_id: None,
            permissions: vec![permission("perm-member", "Member"), permission("perm-owner", "Owner")],
        };
        owl.applications.push(Application {
            id: "app-git".to_owned(),
            title: "GitHub".to_owned(),
            status: "approved".to_owned(),
            provisioning_type: Provisioning::Automatic,
            resources: vec![resource("res-code", "code"), resource("res-infra", "infra")],
        });
        owl.states = states;
    });
    house
}

const MEMBERS: &str = "manage: { access: all }\naccess:\n  - { users: [anna@example.com, ben@example.com], application: \
                       GitHub, resource: code, permissions: [Member], on_excess: revoke }\n";

fn members() -> House {
    let states = vec![
        access(ANNA, "u-anna", Some("res-code"), &["perm-member"]),
        access(BEN, "u-ben", Some("res-code"), &["perm-member"]),
    ];
    accessowl(states, MEMBERS)
}

#[test]
fn a_permission_whose_title_is_not_told_is_never_excess() {
    let house = members();
    let states = "/api/v1/access_states";
    let set = |value| Trouble::SetField { field: "target_permissions".to_owned(), value };
    for trouble in [
        set(Value::Null),
        set(json!([])),
        set(json!([{ "id": "perm-member", "title": null }])),
        Trouble::MissingField { field: "target_permissions".to_owned() },
    ] {
        house.sandbox.clear_faults();
        house.sandbox.fault(Fault::new(System::AccessOwl, trouble.clone()).at(states));
        let plan = house.plan(&[]);
        assert_eq!(ids(&plan, "t", "change"), [""; 0], "{trouble:?} {plan}");
        assert!(said(&plan, ANNA).contains("perm-member"), "it is told: {plan}");
        assert_eq!(removed(&house, System::AccessOwl, "access"), [""; 0], "{trouble:?}");
    }
    // What is more for certain goes.
    house.sandbox.clear_faults();
    house.sandbox.world(|world| world.accessowl.states[1].target_permission_ids.push("perm-owner".to_owned()));
    assert_eq!(removed(&house, System::AccessOwl, "access"), [BEN]);
}

#[test]
fn a_declared_permission_that_stands_for_nothing_live_holds_what_could_be_it() {
    let house = members();
    house.sandbox.world(|world| {
        for resource in &mut world.accessowl.applications[0].resources {
            // The other resource still has one with the declared title.
            if resource.id == "res-code" {
                resource.permissions = vec![permission("perm-member", "Contributor")];
            }
        }
        world.accessowl.states.push(access(ELSE, "u-ben", Some("res-infra"), &["perm-owner"]));
    });
    house.edit("policies/t.yaml", "manage: { access: all }\n", "");
    let plan = house.plan(&[]);
    assert_eq!(ids(&plan, "t", "held"), [ANNA, BEN], "{plan}");
    assert_eq!(holds(&plan, "t", ANNA), ["unresolved"]);
    assert!(said(&plan, ANNA).contains("Member"), "{plan}");
    assert_eq!(removed(&house, System::AccessOwl, "access"), [""; 0]);
    // Named by its id, a new title is nothing to it.
    house.edit("policies/t.yaml", "[Member]", "[perm-member]");
    assert_eq!(rows(&house.plan(&[]), "t"), [Value::Null; 0]);
}

#[test]
fn a_wider_access_is_not_removed_while_a_narrower_one_of_the_same_person_stays() {
    let states = || vec![access(WIDE, "u-anna", None, &[]), access(NARROW, "u-anna", Some("res-infra"), &[])];
    let other = "access: [{ user: ben@example.com, application: GitHub }]\n";
    let stays = [
        ("manage: { access: { select: all, except: [{ resource: infra }] } }\n", ""),
        ("manage: { access: { select: [{ id: WIDE }] } }\n", ""),
        ("manage: { access: all }\nallow: { access: [{ select: { resource: infra } }] }\n", ""),
        ("manage: { access: all }\n", "    protected: { access: [{ resource: infra }] }\n"),
        ("manage: { access: all }\nholds: { access: [{ id: NARROW, until: 2030-01-01, justification: move }] }\n", ""),
    ];
    for (policy, target) in stays {
        let policy = policy.replace("WIDE", WIDE).replace("NARROW", NARROW);
        let house = accessowl(states(), &format!("{policy}{other}"));
        house.sandbox.world(|world| world.accessowl.states.push(access(BEN, "u-ben", None, &[])));
        let main = house.read("portcullis.yaml");
        house.write("portcullis.yaml", &format!("{main}{target}"));
        let plan = house.plan(&[]);
        assert_eq!(holds(&plan, "t", WIDE), ["implied"], "{policy} {plan}");
        assert_eq!(removed(&house, System::AccessOwl, "access"), [""; 0], "{policy}");
    }
    // What goes itself keeps nothing.
    let house = accessowl(states(), &format!("manage: {{ access: all }}\n{other}"));
    house.sandbox.world(|world| world.accessowl.states.push(access(BEN, "u-ben", None, &[])));
    assert_eq!(removed(&house, System::AccessOwl, "access"), [WIDE, NARROW]);
}

#[test]
fn a_text_that_differs_only_in_how_it_is_written_holds_the_row_and_shows_how() {
    let policy = |id: &str| {
        format!(
            "version: 1\ntarget: s2\nmanage: {{ access_tokens: {{ select: [{{ id: \"service/*\" }}] }} }}\naccess_tokens:\n  \
             - {{ id: \"{id}\" }}\n  - {{ id: service/other }}\n"
        )
    };
    let target = "    enforce: [access_tokens]\n    guards: { notice: 0h, max_share: 100%, keep_at_least: 0 }";
    for (declared, live, shown) in [
        (COMPOSED, DECOMPOSED, "service/cafe\\u{301}"),
        (DECOMPOSED, COMPOSED, "service/caf\\u{e9}"),
        ("service/\u{c9}TAT", "service/e\u{301}tat", "service/e\\u{301}tat"),
    ] {
        let house = House::s2(&[live, "service/other", "service/cafe"], target, &policy(declared));
        let plan = house.plan(&[]);
        assert_eq!(holds(&plan, "s2", live), ["maybe_renamed"], "{plan}");
        let row = rows(&plan, "s2").iter().find(|row| row["id"] == live).unwrap();
        assert!(row["holds"][0]["why"].as_str().unwrap().contains(shown), "{row}");
        assert!(house.run(&["plan"]).out.contains(shown));
        house.apply(3);
        assert_eq!(house.removed_tokens(), ["service/cafe"], "another text is another token");
        // Nothing is matched by it: named as it is, it is declared.
        house.write("policies/s2.yaml", &policy(live));
        assert_eq!(rows(&house.plan(&[]), "s2"), [Value::Null; 0]);
    }
}

#[test]
fn a_description_that_differs_only_in_how_it_is_written_holds_the_row() {
    let policy = format!(
        "manage: {{ api_tokens: all }}\napi_tokens:\n  - {{ user: anna@example.com, description: \"{COMPOSED}\" }}\n  \
         - {{ user: ben@example.com, description: other }}\n"
    );
    let target = "    organization: northlight\n    own: { api_tokens: unlisted }\n";
    let house = house(System::Buildkite, "[api_tokens]", target, &policy);
    house.sandbox.world(|world| {
        let token = |uuid: &str, who: &str, description: &str| Token {
            uuid: uuid.to_owned(),
            description: Some(description.to_owned()),
            owner: Some(Owner {
                uuid: format!("user-{who}"),
                email: format!("{who}@example.com"),
                name: who.to_owned(),
                bot: false,
            }),
            scopes: vec!["READ_BUILDS".to_owned()],
            created_at: BORN.parse().unwrap(),
            expires_at: None,
            last_accessed_at: None,
        };
        world.buildkite.tokens.extend([
            token("t-anna", "anna", DECOMPOSED),
            token("t-ben", "ben", "other"),
            token("t-cleo", "cleo", DECOMPOSED),
        ]);
    });
    let plan = house.plan(&[]);
    assert_eq!(holds(&plan, "t", "t-anna"), ["maybe_renamed"], "{plan}");
    assert!(ids(&plan, "t", "change").contains(&"t-cleo".to_owned()), "somebody else's is not meant: {plan}");
}

/// A gateway with a custom domain and two keys, and another gateway.
pub fn pinata(policy: &str) -> House {
    let house = house(System::Pinata, "[gateway_keys]", "    own: { api_keys: unlisted }\n", policy);
    house.sandbox.world(|world| {
        let gateway = |id: &str, domain: &str, custom: &[&str], keys: &[&str]| Gateway {
            id: id.to_owned(),
            domain: domain.to_owned(),
            created_at: BORN.parse().unwrap(),
            custom_domains: custom.iter().map(|&name| name.to_owned()).collect(),
            keys: keys.iter().map(|id| Control::key(id, BORN.parse().unwrap())).collect(),
            hosts: vec![Control { value: "example.com".to_owned(), ..Control::key("host", BORN.parse().unwrap()) }],
            addresses: Vec::new(),
        };
        world.pinata.gateways =
            vec![gateway("gw-1", "media", &["cdn.example.com"], &["k1", "k2"]), gateway("gw-2", "docs", &[], &["k3"])];
    });
    house
}

const CDN: &str = "manage: { gateway_keys: all }\ngateway_keys:\n  - { gateway: cdn.example.com, id: k1 }\n  - { gateway: \
                   media, id: k2 }\n  - { gateway: docs, id: k3 }\n";

#[test]
fn a_gateway_key_declared_by_its_id_is_not_lost_with_its_gateways_domain() {
    let house = pinata(CDN);
    assert_eq!(rows(&house.plan(&[]), "t"), [Value::Null; 0]);
    house.sandbox.world(|world| world.pinata.gateways[0].custom_domains.clear());
    let plan = house.plan(&[]);
    assert_eq!(holds(&plan, "t", "k1"), ["unresolved"], "{plan}");
    assert!(said(&plan, "k1").contains("cdn.example.com"), "{plan}");
    assert_eq!(removed(&house, System::Pinata, "gateway_key"), [""; 0]);
    // The domain now belongs to another gateway, and its keys are not those that were meant.
    house.sandbox.world(|world| world.pinata.gateways[1].custom_domains.push("cdn.example.com".to_owned()));
    let plan = house.plan(&[]);
    assert_eq!(holds(&plan, "t", "k1"), ["maybe_renamed"], "{plan}");
    assert_eq!(removed(&house, System::Pinata, "gateway_key"), [""; 0]);
}

#[test]
fn an_absent_gateway_key_whose_gateway_has_no_such_name_is_told() {
    let house = pinata("absent: { gateway_keys: [{ gateway: cdn.example.com, id: k1 }] }\n");
    assert_eq!(ids(&house.plan(&[]), "t", "change"), ["k1"]);
    house.sandbox.world(|world| world.pinata.gateways[0].custom_domains.clear());
    let plan = house.plan(&[]);
    assert_eq!(ids(&plan, "t", "change"), [""; 0]);
    let remarks = plan["targets"][0]["remarks"].to_string();
    assert!(remarks.contains("names nothing") && remarks.contains("cdn.example.com"), "{plan}");
}

#[test]
fn a_token_is_dead_only_when_its_end_has_passed_on_both_clocks() {
    let policy = "version: 1\ntarget: s2\nabsent: { access_tokens: [{ id: service/leaked }] }\n";
    let target = "    enforce: [access_tokens]";
    let house = House::s2(&["service/other"], target, policy);
    house.sandbox.world(|world| {
        let body =
            json!({ "id": "service/leaked", "expires_at": "2028-01-01T00:00:00Z", "scope": { "ops": ["append"] } });
        world.s2.issue(serde_json::from_value(body).unwrap());
    });
    let four_years = 4 * 365 * 24 * 3600;
    house.sandbox.fault(Fault::new(System::S2, Trouble::ClockSkew { seconds: four_years }));
    let plan = house.plan(&[]);
    assert_eq!(ids(&plan, "s2", "change"), ["service/leaked"], "{plan}");
    house.expect(0, &["revoke", "s2", "service/leaked", "--because", "leaked", "--yes", "--new-journal"]);
    assert_eq!(house.removed_tokens(), ["service/leaked"]);
}
