//! What keeps an entry keeps whatever it could mean: where a name is not told or stands for nothing any more, and where a text
//! is another one to a computer only, the row is held, told and out of sync. What is named by its id is as it was.

use portcullis::sandbox::{
    Fault, System, Trouble,
    aitronos::{Assistant, Grant},
    buildkite::{Owner, Token},
};
use serde_json::Value;

use crate::{
    house::{House, holds, ids, rows},
    vendors::{grant, house, member, pinata, removed, said},
};

const BORN: &str = "2026-01-01T00:00:00Z";
const COMPOSED: &str = "service/caf\u{e9}";
const DECOMPOSED: &str = "service/cafe\u{301}";
const UNTIL: &str = "until: 2099-01-01, justification: incident";

/// A way to keep an entry: what the operator says and what a policy file that manages `LIST` says, with a selector `WHAT`.
fn ways(list: &str, what: &str) -> Vec<(&'static str, String, String)> {
    let all = format!("manage: {{ {list}: all }}\n");
    vec![
        ("`protected`", format!("    protected: {{ {list}: [{{ {what} }}] }}\n"), all.clone()),
        ("`except`", String::new(), format!("manage: {{ {list}: {{ select: all, except: [{{ {what} }}] }} }}\n")),
        ("`allow`", String::new(), format!("{all}allow: {{ {list}: [{{ select: {{ {what} }} }}] }}\n")),
        ("`holds:`", String::new(), format!("{all}holds: {{ {list}: [{{ {what}, {UNTIL} }}] }}\n")),
    ]
}

/// Takes another line of the operator into the configuration, in the place of one that an earlier call took.
fn operator(house: &House, main: &str, line: &str) {
    house.write("portcullis.yaml", &format!("{main}{line}"));
}

/// An organization of two assistants: anna may use both, ben one of them; only the last grant is declared.
fn aitronos() -> (House, String) {
    let house = house(System::Aitronos, "[grants]", "    organization: org_northlight\n", "");
    house.sandbox.world(|world| {
        let ai = &mut world.aitronos;
        for (id, name) in [("asst_pay", "Payroll"), ("asst_b", "Bee")] {
            let access_mode = "private".to_owned();
            ai.assistants.push(Assistant { id: id.to_owned(), name: name.to_owned(), access_mode, created_by: None });
        }
        for (id, email) in [("usr_1", "anna@example.com"), ("usr_2", "ben@example.com")] {
            ai.users.push(member(id, email, id));
        }
        for (id, entity, user) in
            [("g-pay", "asst_pay", "usr_1"), ("g-anna", "asst_b", "usr_1"), ("g-ben", "asst_b", "usr_2")]
        {
            ai.grants.push(grant(id, entity, user));
        }
    });
    let main = house.read("portcullis.yaml");
    (house, main)
}

/// A policy of this target in which one entry is declared.
fn policy(house: &House, text: &str, declared: &str) {
    house.write("policies/t.yaml", &format!("version: 1\ntarget: t\n{text}{declared}"));
}

const BEN: &str = "grants: [{ id: g-ben, justification: x }]\n";

#[test]
fn a_name_that_the_system_does_not_tell_any_more_keeps_what_it_could_be() {
    for (what, operators, managed) in ways("grants", "entity: assistant/Payroll") {
        let (house, main) = aitronos();
        operator(&house, &main, &operators);
        policy(&house, &managed, BEN);
        assert_eq!(ids(&house.plan(&[]), "t", "change"), ["g-anna"], "{what}");
        // The list shows what the credential may see.
        house.sandbox.world(|world| world.aitronos.assistants.retain(|one| one.id != "asst_pay"));
        let plan = house.plan(&[]);
        assert_eq!(holds(&plan, "t", "g-pay"), ["unresolved"], "{what} {plan}");
        assert!(said(&plan, "g-pay").contains("Payroll") && said(&plan, "g-pay").contains(what), "{plan}");
        house.expect(2, &["plan", "--detailed-exitcode"]);
        house.apply(3);
        assert_eq!(house.removed(System::Aitronos, "grant"), [""; 0], "{what}: either one could be called so now");
        // By its id it is told.
        let by_id = |text: &str| text.replace("assistant/Payroll", "assistant/asst_pay");
        operator(&house, &main, &by_id(&operators));
        policy(&house, &by_id(&managed), BEN);
        house.apply(0);
        assert_eq!(house.removed(System::Aitronos, "grant"), ["g-anna"], "{what}");
    }
}

#[test]
fn a_glob_of_names_keeps_what_has_no_name_and_only_that() {
    for (what, operators, managed) in ways("grants", "entity: \"assistant/Pay*\"").into_iter().take(3) {
        let (house, main) = aitronos();
        house.sandbox.world(|world| world.aitronos.assistants.retain(|one| one.id != "asst_pay"));
        operator(&house, &main, &operators);
        policy(&house, &managed, BEN);
        assert_eq!(holds(&house.plan(&[]), "t", "g-pay"), ["unresolved"], "{what}");
        assert_eq!(removed(&house, System::Aitronos, "grant"), ["g-anna"], "{what}");
    }
}

#[test]
fn a_list_of_names_that_may_not_be_read_is_an_error_where_a_selector_needs_it() {
    let (house, main) = aitronos();
    let forbidden = Trouble::Status { status: 403, after_effect: false };
    house.sandbox.fault(Fault::new(System::Aitronos, forbidden).at("/v1/assistants"));
    let selected = ("", String::new(), "manage: { grants: [{ entity: assistant/Payroll }] }\n".to_owned());
    for name in ["entity: assistant/Payroll", "entity: \"assistant/Pay*\"", "entity: \"*Payroll\""] {
        let cases = ways("grants", name).into_iter().take(if name.contains('*') { 3 } else { 4 });
        for (what, operators, managed) in cases.chain([selected.clone()]) {
            operator(&house, &main, &operators);
            policy(&house, &managed, BEN);
            assert_eq!(house.plan(&[])["targets"][0]["state"]["is"], "unreadable", "{what} {name}");
        }
    }
    house.apply(1);
    assert_eq!(house.writes(), 0);
    // Nobody needs it where ids are named, or every assistant.
    for id in ["entity: assistant/asst_pay", "entity: \"assistant/*\"", "entity: \"assistant/asst_*\""] {
        operator(&house, &main, "");
        policy(&house, &format!("manage: {{ grants: [{{ {id} }}] }}\n"), BEN);
        assert_eq!(house.plan(&[])["targets"][0]["state"]["is"], "planned", "{id}");
    }
}

#[test]
fn somebody_whose_address_is_not_told_any_more_may_be_the_one_who_is_kept() {
    for (what, operators, managed) in ways("grants", "user: anna@example.com") {
        let (house, main) = aitronos();
        operator(&house, &main, &operators);
        policy(&house, &managed, BEN);
        assert_eq!(ids(&house.plan(&[]), "t", "change"), [""; 0], "{what}");
        house.sandbox.world(|world| {
            world.aitronos.users.retain(|user| user.id != "usr_1");
            let other =
                Grant { id: "g-other".to_owned(), grantee_id: "usr_2".to_owned(), ..world.aitronos.grants[0].clone() };
            world.aitronos.grants.push(other);
        });
        let plan = house.plan(&[]);
        assert_eq!(holds(&plan, "t", "g-pay"), ["unresolved"], "{what} {plan}");
        assert!(said(&plan, "g-pay").contains("usr_1"), "{plan}");
        assert_eq!(removed(&house, System::Aitronos, "grant"), ["g-other"], "{what}: ben's address is told");
    }
    // Whoever the people file knows by the id is known.
    let (house, main) = aitronos();
    house.sandbox.world(|world| world.aitronos.users.retain(|user| user.id != "usr_1"));
    house.write(
        "people.yaml",
        "version: 1\npeople: { zoe: { email: zoe@example.com, aliases: { aitronos: usr_1 } } }\n",
    );
    let main = main.replace("policies: policies/\n", "policies: policies/\npeople: people.yaml\n");
    operator(&house, &main, "    protected: { grants: [{ user: anna@example.com }] }\n");
    policy(&house, "manage: { grants: all }\n", BEN);
    assert_eq!(removed(&house, System::Aitronos, "grant"), ["g-anna", "g-pay"]);
}

#[test]
fn an_address_behind_its_class_has_no_case() {
    let what = "grantee: user/Anna@Example.com, entity: assistant/asst_pay";
    for (what, operators, managed) in ways("grants", what) {
        let (house, main) = aitronos();
        operator(&house, &main, &operators);
        policy(&house, &managed, BEN);
        assert_eq!(removed(&house, System::Aitronos, "grant"), ["g-anna"], "{what}");
    }
}

#[test]
fn a_gateway_whose_domain_is_gone_is_kept_by_it_all_the_same() {
    for (what, operators, managed) in ways("gateway_keys", "gateway: cdn.example.com, id: k1") {
        let house = pinata("");
        let main = house.read("portcullis.yaml");
        operator(&house, &main, &operators);
        policy(&house, &managed, "gateway_keys: [{ gateway: docs, id: k3, justification: x }]\n");
        assert_eq!(ids(&house.plan(&[]), "t", "change"), ["k2"], "{what}");
        house.sandbox.world(|world| world.pinata.gateways[0].custom_domains.clear());
        let plan = house.plan(&[]);
        assert_eq!(holds(&plan, "t", "k1"), ["unresolved"], "{what} {plan}");
        assert!(said(&plan, "k1").contains("cdn.example.com") && said(&plan, "k1").contains(what), "{plan}");
        if what != "`allow`" {
            let remarks = plan["targets"][0]["remarks"].to_string();
            assert!(remarks.contains("names none of the gateway_keys: cdn.example.com, k1"), "{what} {remarks}");
        }
        house.apply(3);
        assert_eq!(house.removed(System::Pinata, "gateway_key"), ["k2"], "{what}: another id is another key");
        let revoked = house.run(&["revoke", "t", "k1", "--because", "leaked", "--yes"]);
        match what {
            "`protected`" => assert!(revoked.code == 3 && revoked.err.contains("could mean it"), "{}", revoked.all()),
            _ => assert_eq!(revoked.code, 0, "{what} {}", revoked.all()),
        }
    }
}

#[test]
fn what_is_protected_by_a_name_that_is_gone_is_not_removed_by_absent_either() {
    let house = pinata("absent: { gateway_keys: [{ gateway: media, id: k1 }, { gateway: media, id: k2 }] }\n");
    let main = house.read("portcullis.yaml");
    operator(&house, &main, "    protected: { gateway_keys: [{ gateway: cdn.example.org, id: k1 }] }\n");
    assert_eq!(holds(&house.plan(&[]), "t", "k1"), ["unresolved"]);
    assert_eq!(removed(&house, System::Pinata, "gateway_key"), ["k2"]);
}

#[test]
fn a_protected_name_that_is_gone_for_good_does_not_stop_everything() {
    let protected = "    protected: { gateway_keys: [{ gateway: cdn.example.org }] }\n";
    let all = "manage: { gateway_keys: all }\n";
    let docs = "gateway_keys: [{ gateway: docs, id: k3, justification: x }]\n";
    let house = pinata(&format!("{all}{docs}"));
    let main = house.read("portcullis.yaml");
    operator(&house, &main, protected);
    // Nobody names the gateway of these: it may be the one that is protected.
    for id in ["k1", "k2"] {
        assert_eq!(holds(&house.plan(&[]), "t", id), ["unresolved"]);
    }
    house.expect(0, &["revoke", "t", "k1", "--because", "leaked", "--yes", "--new-journal"]);
    assert_eq!(house.removed(System::Pinata, "gateway_key"), ["k1"]);
    // What a team writes frees nothing of what the operator keeps.
    policy(&house, "manage: { gateway_keys: [{ gateway: media }, { gateway: docs }] }\n", docs);
    assert_eq!(holds(&house.plan(&[]), "t", "k2"), ["unresolved"]);
    operator(
        &house,
        &main,
        "    protected: { gateway_keys: [{ gateway: cdn.example.org }, { gateway: media, id: k9 }] }\n",
    );
    assert_eq!(removed(&house, System::Pinata, "gateway_key"), ["k1", "k2"]);
}

#[test]
fn a_text_in_another_form_keeps_what_looks_like_it() {
    for (written, live) in [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED), ("Service/caf\u{e9}", COMPOSED)] {
        for (what, operators, managed) in ways("access_tokens", &format!("id: \"{written}\"")) {
            let target = format!(
                "    enforce: [access_tokens]\n    guards: {{ notice: 0h, max_share: 100%, keep_at_least: 0 }}\n{operators}"
            );
            let (declared, all) = ("access_tokens: [{ id: service/a, justification: x }]\n", "[{ id: \"service/*\" }]");
            let managed = managed.replace("access_tokens: all", &format!("access_tokens: {all}"));
            let managed = managed.replace("select: all", &format!("select: {all}"));
            let policy = format!("version: 1\ntarget: s2\n{managed}{declared}");
            let house = House::s2(&["service/a", "service/cafe", live], &target, &policy);
            let plan = house.plan(&[]);
            assert_eq!(holds(&plan, "s2", live), ["unresolved"], "{what} {plan}");
            let row = rows(&plan, "s2").iter().find(|row| row["id"] == live).unwrap();
            assert!(row["holds"][0]["why"].as_str().unwrap().contains("\\u{"), "both are spelled out: {row}");
            house.apply(3);
            assert_eq!(house.removed_tokens(), ["service/cafe"], "{what} {written:?}");
        }
    }
    // A name that means another token for certain does not mean its twin.
    let target = "    enforce: [access_tokens]\n    guards: { notice: 0h, max_share: 100%, keep_at_least: 0 }\n";
    let except = format!(
        "{{ select: [{{ id: \"service/*\" }}], except: [{{ id: \"{COMPOSED}\" }}, {{ id: service/a }}], allow_empty: true }}"
    );
    let policy = format!("version: 1\ntarget: s2\nmanage: {{ access_tokens: {except} }}\n");
    let house = House::s2(&["service/a", COMPOSED, DECOMPOSED], target, &policy);
    house.apply(0);
    assert_eq!(house.removed_tokens(), [DECOMPOSED]);
}

/// Buildkite with these tokens: uuid, address and scopes.
pub fn buildkite(tokens: &[(&str, &str, &[&str])], policy: &str) -> House {
    let target = "    organization: northlight\n    own: { api_tokens: unlisted }\n";
    let house = house(System::Buildkite, "[api_tokens]", target, policy);
    house.sandbox.world(|world| {
        world.buildkite.tokens.extend(tokens.iter().map(|(uuid, email, scopes)| Token {
            uuid: (*uuid).to_owned(),
            description: Some("ci".to_owned()),
            owner: Some(Owner {
                uuid: format!("user-{uuid}"),
                email: (*email).to_owned(),
                name: (*uuid).to_owned(),
                bot: false,
            }),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            created_at: BORN.parse().unwrap(),
            expires_at: None,
            last_accessed_at: None,
        }));
    });
    house
}

#[test]
fn an_address_that_is_written_as_it_is_live_means_its_person() {
    let live = "\u{c9}mile@example.com";
    let policy =
        |written: &str| format!("api_tokens: [{{ user: \"{written}\", description: ci, expires: 2026-01-31 }}]\n");
    let house = buildkite(&[("t-emile", live, &["READ_BUILDS"])], &policy(live));
    let plan = house.plan(&[]);
    assert_eq!(ids(&plan, "t", "change"), ["t-emile"], "declared, and over: {plan}");
    // The people file is read alike.
    house.write("people.yaml", &format!("version: 1\npeople: {{ emile: {{ email: {live} }} }}\n"));
    house.edit("portcullis.yaml", "policies: policies/\n", "policies: policies/\npeople: people.yaml\n");
    for written in ["emile", live] {
        house.write("policies/t.yaml", &format!("version: 1\ntarget: t\n{}", policy(written)));
        assert_eq!(ids(&house.plan(&[]), "t", "change"), ["t-emile"], "{written}");
    }
}

#[test]
fn what_is_allowed_by_its_rights_has_no_others() {
    let tokens: &[(&str, &str, &[&str])] = &[
        ("t-reads", "a@example.com", &["READ_BUILDS", "READ_AGENTS"]),
        ("t-writes", "b@example.com", &["READ_BUILDS", "WRITE_PIPELINES"]),
        ("t-none", "c@example.com", &[]),
    ];
    let allow = |scopes: &str| {
        format!(
            "manage: {{ api_tokens: [{{ description: ci }}] }}\nallow: {{ api_tokens: [{{ select: {{ scopes: {scopes} }}, justification: x }}] }}\n"
        )
    };
    let house = buildkite(tokens, &allow("\"read_*\""));
    assert_eq!(ids(&house.plan(&[]), "t", "change"), ["t-none", "t-writes"]);
    house.write("policies/t.yaml", &format!("version: 1\ntarget: t\n{}", allow("[\"read_*\", write_pipelines]")));
    assert_eq!(ids(&house.plan(&[]), "t", "change"), ["t-none"]);
    // Elsewhere any of its rights is enough: what is kept is kept by the one that is named.
    let policy = "manage: { api_tokens: { select: [{ description: ci, scopes: \"read_*\" }], except: [{ scopes: write_pipelines }], allow_empty: true } }\n";
    house.write("policies/t.yaml", &format!("version: 1\ntarget: t\n{policy}"));
    assert_eq!(removed(&house, System::Buildkite, "api_token"), ["t-reads"]);
    assert_eq!(rows(&house.plan(&[]), "t"), [Value::Null; 0]);
}
