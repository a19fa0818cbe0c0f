//! Who is meant: an address or the system's own id tells a person, what people call themselves never does.

use portcullis::sandbox::{
    System, World,
    accessowl::{AccessState, Application, Provisioning, User},
};

use crate::{
    house::{House, Run, holds, ids, rows},
    vendors,
};

/// One person of an AccessOwl organization.
fn user(id: &str, email: &str, called: &str) -> User {
    User {
        id: id.to_owned(),
        email: email.to_owned(),
        first_name: Some(called.to_owned()),
        last_name: None,
        status: "active".to_owned(),
        departments: Vec::new(),
        job_title: None,
    }
}

/// An organization of these people, each with access to GitHub: the state of `u-anna` is `s-u-anna`.
fn owl(users: &[(&str, &str, &str)], people: &str, policy: &str) -> House {
    let house = House::of(World::empty());
    house.sandbox.world(|world| {
        world.accessowl.applications.push(Application {
            id: "app-1".to_owned(),
            title: "GitHub".to_owned(),
            status: "approved".to_owned(),
            provisioning_type: Provisioning::Automatic,
            resources: Vec::new(),
        });
        for (id, email, called) in users {
            world.accessowl.put_user(user(id, email, called));
            world.accessowl.put_state(AccessState {
                id: format!("s-{id}"),
                application_id: "app-1".to_owned(),
                grantee_user_account_id: format!("account-{id}"),
                grantee_user_id: Some((*id).to_owned()),
                effective_start: "2026-01-01T00:00:00Z".parse().unwrap(),
                effective_end: None,
                resource_id: None,
                target_permission_ids: Vec::new(),
            });
        }
    });
    house.clear_policies();
    house.write("people.yaml", &format!("version: 1\npeople:\n{people}"));
    house.write("policies/owl.yaml", &format!("version: 1\ntarget: owl\n{policy}"));
    target(&house, "");
    house
}

/// Writes a configuration with only the target `owl` and further lines of it.
fn target(house: &House, more: &str) {
    let url = house.sandbox.url(System::AccessOwl);
    house.write(
        "portcullis.yaml",
        &format!(
            "version: 1\npolicies: policies/\npeople: people.yaml\njournal: .portcullis/journal.db\ntargets:\n  owl:\n    \
             system: accessowl\n    base_url: {url}\n    allow_host: true\n    credential: {{ file: credentials/accessowl }}\n    \
             account: northlight\n    enforce: [access]\n    guards: {{ notice: 0h, max_share: 100% }}\n    \
             limits: {{ requests: 500/s, concurrency: 4 }}\n{more}"
        ),
    );
}

fn goes(house: &House) -> Vec<String> {
    ids(&house.plan(&[]), "owl", "change")
}

const ANNA: (&str, &str, &str) = ("u-anna", "anna@example.com", "Anna");
const BEN: (&str, &str, &str) = ("u-ben", "ben@example.com", "Ben");
/// Another person than the people file's `milo`, who calls himself so.
const MILO: (&str, &str, &str) = ("u-ms", "milo.smith@example.com", "milo");
const PEOPLE: &str = "  anna: { email: anna@example.com }\n  ben: { email: ben@example.com }\n  \
                      milos: { email: milo.smith@example.com }\n  \
                      milo: { aliases: { buildkite: bk-milo }, until: 2026-03-31 }\n";

#[test]
fn whoever_calls_himself_like_a_leaver_keeps_what_is_declared_for_him() {
    let policy = "manage: { access: all }\naccess: [{ users: [anna, ben, milos], application: GitHub }]\n";
    let house = owl(&[ANNA, BEN, MILO], PEOPLE, policy);
    house.apply(0);
    assert_eq!(house.writes(), 0, "{}", house.plan(&[]));
}

#[test]
fn somebody_whom_nothing_tells_at_a_system_cannot_be_named_there() {
    let managed = "manage: { access: { select: all, except: [{ user: ben }] } }\n\
                   access: [{ users: [anna], application: GitHub }]\n";
    let group = format!("{PEOPLE}groups: {{ crew: [anna, milo] }}\n");
    for (people, policy) in [
        (PEOPLE, "absent: { access: [{ user: milo }] }\n".to_owned()),
        (PEOPLE, "absent: { access: [{ groups: [crew] }] }\n".to_owned()),
        (PEOPLE, "access: [{ user: milo, application: GitHub }]\n".to_owned()),
        (PEOPLE, "access: [{ users: [anna, milo], application: GitHub }]\n".to_owned()),
        (PEOPLE, "holds: { access: [{ user: milo, until: 2099-01-01, justification: x }] }\n".to_owned()),
        (PEOPLE, managed.replace("ben", "milo")),
        (PEOPLE, managed.replace("user: ben", "principal: milo")),
        (PEOPLE, managed.replace("user: ben", "groups: [crew]")),
        (PEOPLE, format!("{managed}allow: {{ access: [{{ select: {{ user: milo }}, justification: x }}] }}\n")),
    ] {
        let people = if policy.contains("crew") { group.as_str() } else { people };
        let house = owl(&[ANNA, BEN, MILO], people, &policy);
        let Run { err, .. } = house.expect(1, &["validate"]);
        assert!(err.contains("`milo` has neither an e-mail address nor an alias for accessowl"), "{policy}\n{err}");
        assert!(err.contains("owl.yaml:") && err.contains("in the people file"), "{policy}\n{err}");
        house.apply(1);
        assert_eq!(house.writes(), 0, "{policy}");
    }
    // The operator's own selectors are read alike.
    let house = owl(&[ANNA, BEN, MILO], PEOPLE, managed);
    for line in ["protected: { access: [{ user: milo }] }", "must_see: { access: [{ principal: milo }] }"] {
        target(&house, &format!("    {line}\n"));
        let Run { err, .. } = house.expect(1, &["validate"]);
        assert!(err.contains("`milo` has neither an e-mail address nor an alias for accessowl"), "{line}\n{err}");
    }
}

#[test]
fn an_alias_at_another_system_does_no_harm_where_it_is_not_named() {
    let policy = "manage: { access: all }\naccess: [{ users: [anna, ben], application: GitHub }]\n";
    let house = owl(&[ANNA, BEN, MILO], PEOPLE, policy);
    assert_eq!(goes(&house), ["s-u-ms"], "what nobody declared goes, whatever its holder calls himself");
}

/// `anna` is known by her id at AccessOwl, where her address is another one than the people file's.
const MOVED: (&str, &str, &str) = ("u-anna", "a.keller@corp.example", "Anna");
const ALIASED: &str =
    "  anna: { email: anna@example.com, aliases: { accessowl: u-anna } }\n  ben: { email: ben@example.com }\n";

#[test]
fn a_selector_means_the_same_person_as_a_declaration_by_name_address_and_id() {
    for written in ["anna", "anna@example.com", "Anna@Example.com", "u-anna"] {
        let declared =
            format!("manage: {{ access: all }}\naccess: [{{ users: [{written}, ben], application: GitHub }}]\n");
        let except = format!(
            "manage: {{ access: {{ select: all, except: [{{ user: {written} }}] }} }}\n\
             access: [{{ user: ben, application: GitHub }}]\n"
        );
        let principal = except.replace("user: ", "principal: ").replace("{ principal: ben,", "{ user: ben,");
        let allowed = format!(
            "manage: {{ access: all }}\naccess: [{{ user: ben, application: GitHub }}]\n\
             allow: {{ access: [{{ select: {{ user: {written} }}, justification: x }}] }}\n"
        );
        for policy in [declared, except, principal, allowed] {
            let house = owl(&[MOVED, BEN], ALIASED, &policy);
            assert_eq!(goes(&house), [""; 0], "{policy}");
        }
        let strict = "manage: { access: all }\naccess: [{ user: ben, application: GitHub }]\n";
        let house = owl(&[MOVED, BEN], ALIASED, strict);
        assert_eq!(goes(&house), ["s-u-anna"]);
        for line in ["protected", "own"] {
            target(&house, &format!("    {line}: {{ access: [{{ user: {written} }}] }}\n"));
            assert_eq!(goes(&house), [""; 0], "{line} {written}");
        }
        target(&house, &format!("    must_see: {{ access: [{{ user: {written} }}] }}\n"));
        assert_eq!(goes(&house), ["s-u-anna"], "she is seen: {written}");
    }
}

#[test]
fn what_people_call_themselves_fits_no_selector_and_is_shown() {
    let called = [ANNA, ("u-x", "", "svc-deploy"), ("u-y", "svc-real@example.com", "Zoe")];
    let policy = "manage: { access: all }\naccess: [{ user: anna, application: GitHub }]\n\
                  allow: { access: [{ select: { user: \"svc-*\" }, justification: services }] }\n";
    let house = owl(&called, PEOPLE, policy);
    let plan = house.plan(&[]);
    assert_eq!(ids(&plan, "owl", "held"), ["s-u-x"], "the real one is allowed by its address: {plan}");
    assert_eq!(holds(&plan, "owl", "s-u-x"), ["unresolved"], "what its address is, nobody tells: {plan}");
    assert_eq!(rows(&plan, "owl")[0]["principal"], "svc-deploy", "{plan}");
    let policy = policy.replace("svc-*", "*@services.example.com");
    house.write("policies/owl.yaml", &format!("version: 1\ntarget: owl\n{policy}"));
    assert_eq!(ids(&house.plan(&[]), "owl", "change"), ["s-u-y"]);
    house.write(
        "policies/owl.yaml",
        "version: 1\ntarget: owl\nmanage: { access: all }\naccess: [{ user: anna, application: GitHub }]\n",
    );
    for field in ["user", "principal"] {
        target(&house, &format!("    protected: {{ access: [{{ {field}: \"svc-d*\" }}] }}\n"));
        assert_eq!(goes(&house), ["s-u-y"], "{field}");
        assert_eq!(
            holds(&house.plan(&[]), "owl", "s-u-x"),
            ["unresolved"],
            "{field}: not protected by what it calls itself"
        );
    }
    target(&house, "    protected: { access: [{ principal: u-x }] }\n");
    assert_eq!(ids(&house.plan(&[]), "owl", "held"), [""; 0], "its id is its own");
    assert_eq!(goes(&house), ["s-u-y"]);
}

#[test]
fn at_aitronos_nobody_is_known_by_a_display_name_either() {
    let house = House::of(World::empty());
    let mut organization = String::new();
    house.sandbox.world(|world| {
        organization.clone_from(&world.aitronos.organization);
        for (id, email, called) in [("usr_1", "anna@example.com", "Anna"), ("usr_2", "x@example.com", "svc-deploy")] {
            world.aitronos.users.push(vendors::member(id, email, called));
            world.aitronos.grants.push(vendors::grant(&format!("agrant_{id}"), "vs_1", id));
        }
    });
    let url = house.sandbox.url(System::Aitronos);
    house.write(
        "portcullis.yaml",
        &format!(
            "version: 1\npolicies: policies/\npeople: people.yaml\njournal: .portcullis/journal.db\ntargets:\n  t:\n    \
             system: aitronos\n    organization: {organization}\n    base_url: {url}\n    allow_host: true\n    \
             credential: {{ file: credentials/aitronos }}\n    enforce: [grants]\n    \
             guards: {{ notice: 0h, max_share: 100% }}\n    limits: {{ requests: 500/s, concurrency: 4 }}\n"
        ),
    );
    house.write("people.yaml", "version: 1\npeople: { anna: { email: anna@example.com } }\n");
    house.clear_policies();
    let policy = "version: 1\ntarget: t\nmanage: { grants: all }\ngrants: [{ user: anna, entity: vector_store/vs_1 }]\n\
                  allow: { grants: [{ select: { FIELD: \"NAME\" }, justification: services }] }\n";
    for (field, name) in [("user", "svc-*"), ("principal", "svc-*"), ("grantee", "user/svc-*")] {
        house.write("policies/t.yaml", &policy.replace("FIELD", field).replace("NAME", name));
        assert_eq!(ids(&house.plan(&[]), "t", "change"), ["agrant_usr_2"], "{field}");
    }
    house.write("policies/t.yaml", &policy.replace("FIELD", "grantee").replace("NAME", "user/x@example.com"));
    assert_eq!(ids(&house.plan(&[]), "t", "change"), [""; 0]);
    // Nor does a declaration mean anybody by it.
    let declared = "version: 1\ntarget: t\ngrants: [{ grantee: user/svc-deploy, entity: vector_store/vs_1 }]\n\
                    absent: { grants: [{ grantee: user/svc-deploy }] }\n";
    house.write("policies/t.yaml", declared);
    let plan = house.plan(&[]);
    assert_eq!(ids(&plan, "t", "change"), [""; 0], "{plan}");
}

const LEFT: &str = "  anna: { email: anna@example.com }\n  ben: { email: ben@example.com, until: 2026-01-31 }\n";

#[test]
fn what_is_over_and_means_nobody_any_more_holds_nothing() {
    let renamed = ("u-ben", "deactivated-17@example.com", "Ben");
    let both = "manage: { access: all }\naccess: [{ users: [anna, ben], application: GitHub }]\n";
    let stays = LEFT.replace(", until: 2026-01-31", "");
    let ending = |day: &str| {
        format!(
            "manage: {{ access: all }}\naccess:\n  - {{ user: anna, application: GitHub }}\n  \
             - {{ user: ben, application: GitHub, expires: {day} }}\n"
        )
    };
    // While it is not over it could mean the entry, which is held.
    for policy in [both.to_owned(), ending("2099-01-01")] {
        let house = owl(&[ANNA, renamed], &stays, &policy);
        assert_eq!(holds(&house.plan(&[]), "owl", "s-u-ben"), ["unresolved"], "{policy}");
    }
    for (people, policy) in [(LEFT, both.to_owned()), (stays.as_str(), ending("2026-02-01"))] {
        let house = owl(&[ANNA, renamed], people, &policy);
        assert_eq!(goes(&house), ["s-u-ben"], "{policy}");
        // In no managed set, and declared by another, it stays.
        house.edit("policies/owl.yaml", "access: all", "access: [{ application: Jira }]");
        assert_eq!(goes(&house), [""; 0], "{policy}");
        house.write(
            "policies/more.yaml",
            "version: 1\ntarget: owl\nmanage: { access: all }\naccess: [{ id: s-u-ben }]\n",
        );
        assert_eq!(goes(&house), [""; 0], "{policy}");
    }
}

#[test]
fn what_the_journal_knows_of_a_leaver_holds_nothing_either() {
    let policy = "manage: { access: all }\naccess: [{ users: [anna, ben], application: GitHub }]\n";
    let house = owl(&[ANNA, BEN], &LEFT.replace(", until: 2026-01-31", ""), policy);
    house.apply(0);
    house.sandbox.world(|world| world.accessowl.put_user(user("u-ben", "deactivated-17@example.com", "Ben")));
    let held = holds(&house.plan(&[]), "owl", "s-u-ben");
    assert!(held.contains(&"maybe_renamed".to_owned()), "{held:?}");
    house.write("people.yaml", &format!("version: 1\npeople:\n{LEFT}"));
    assert_eq!(goes(&house), ["s-u-ben"]);
}

#[test]
fn a_star_in_a_declaration_is_refused_and_a_real_one_is_written_with_a_backslash() {
    let policy = |id: &str| {
        format!(
            "version: 1\ntarget: s2\nmanage: {{ access_tokens: all }}\naccess_tokens: [{{ id: '{id}' }}, {{ id: kept }}]\n"
        )
    };
    let house =
        House::s2(&["service/a", "service/b", "kept", "odd/*"], "    enforce: [access_tokens]", &policy("service/*"));
    let run = house.expect(1, &["validate"]);
    assert!(
        run.err.contains("policies/s2.yaml:4:23") && run.err.contains("`id` is taken literally here"),
        "{}",
        run.err
    );
    assert!(run.err.contains("under `allow`") && run.err.contains("`\\*`"), "{}", run.err);
    house.apply(1);
    assert_eq!(house.writes(), 0);
    house.write("policies/s2.yaml", &policy(r"odd/\*"));
    let plan = house.plan(&[]);
    let going = [ids(&plan, "s2", "change"), ids(&plan, "s2", "held")].concat();
    assert!(going.contains(&"service/a".to_owned()) && !going.contains(&"odd/*".to_owned()), "{plan}");
    let imported = house.expect(0, &["import", "s2"]).out;
    house.write("policies/s2.yaml", &imported);
    let plan = house.plan(&[]);
    assert_eq!((ids(&plan, "s2", "change"), ids(&plan, "s2", "held")), (Vec::new(), Vec::new()), "{imported}");
    assert_eq!(rows(&plan, "s2").len(), 0, "{imported}");
}

#[test]
fn a_selector_that_names_nothing_is_told_wherever_a_plan_is_shown() {
    let policy = "version: 1\ntarget: s2\nmanage:\n  access_tokens:\n    select: [{ id: \"service/*\" }, { id: \"servce/*\" }]\n\
                  access_tokens: [{ id: service/a }]\n";
    let protecting =
        "    enforce: [access_tokens]\n    protected: { access_tokens: [{ id: \"root/*\" }, { id: \"rooot/*\" }] }";
    let house = House::s2(&["service/a", "root/x"], protecting, policy);
    let slip = "a selector of the managed set at s2.yaml:5 names none of the access_tokens: servce/*";
    let unprotected = "a selector of `protected` of s2 names none of the access_tokens: rooot/*";
    let plan = house.plan(&[]);
    assert_eq!(plan["targets"][0]["remarks"], serde_json::json!([slip, unprotected]));
    for format in ["text", "markdown"] {
        let run = house.expect(0, &["plan", "--format", format, "--detailed-exitcode"]);
        assert!(run.out.contains("servce/") && run.out.contains("rooot/"), "{}", run.out);
    }
    house.edit("policies/s2.yaml", "servce", "service/a");
    house.edit("portcullis.yaml", "rooot", "root");
    house.edit("policies/s2.yaml", "service/a/*", "service/a*");
    assert_eq!(house.plan(&[])["targets"][0]["remarks"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_seen_identifies_nothing_and_may_stand_in_a_justification() {
    let policy = |id: &str, except: &str, justification: &str| {
        format!(
            "version: 1\ntarget: s2\nmanage: {{ access_tokens: {{ select: all, except: [{{ id: {except} }}] }} }}\n\
             access_tokens: [{{ id: {id}, justification: {justification} }}]\n"
        )
    };
    let house = House::s2(&["service/a", "b"], "    enforce: [access_tokens]", &policy("service/a", "b", "x"));
    for unseen in ['\u{200c}', '\u{200d}', '\u{3000}'] {
        house.write("policies/s2.yaml", &policy("service/a", "b", &format!("\"x{unseen}x\"")));
        house.expect(0, &["validate"]);
        for (id, except) in [
            (format!("serv{unseen}ice/a"), "b".to_owned()),
            (format!("\"serv{unseen}ice/a\""), "b".to_owned()),
            ("service/a".to_owned(), format!("\"b{unseen}\"")),
        ] {
            house.write("policies/s2.yaml", &policy(&id, &except, "x"));
            let run = house.expect(1, &["validate"]);
            assert!(run.err.contains(&format!("character U+{:04X}", u32::from(unseen))), "{}", run.err);
            assert!(run.err.contains("as an escape in double quotes"), "{}", run.err);
        }
        // Written out it is seen, so that whatever exists can be named.
        let escape = format!("\"b\\u{:04x}\"", u32::from(unseen));
        house.write("policies/s2.yaml", &policy(&escape, &escape, "x"));
        house.expect(0, &["validate"]);
        house.write("policies/s2.yaml", &policy("service/a", "b", "x"));
        house.write("people.yaml", &format!("version: 1\npeople: {{ an{unseen}na: {{ email: anna@example.com }} }}\n"));
        house.expect(1, &["validate"]);
        house.write("people.yaml", "version: 1\npeople: { anna: { email: anna@example.com } }\n");
    }
}
