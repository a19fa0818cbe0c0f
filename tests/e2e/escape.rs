//! Neither the name of a file, nor what a holder may edit, nor leaving the house lets an entry escape or go by chance.

use std::time::{Duration, Instant};

use portcullis::sandbox::{
    System,
    buildkite::{Owner, Token},
};

use crate::{
    house::{House, holds, ids, rows},
    vendors,
};

const TARGET: &str = "    organization: northlight\n    own: { api_tokens: unlisted }\n";

/// A Buildkite organization in which each of these people has one token, called after them.
fn buildkite(people: &[&str], policy: &str) -> House {
    let house = vendors::house(System::Buildkite, "[api_tokens]", TARGET, policy);
    let token = |who: &&str| Token {
        uuid: format!("t-{who}"),
        description: Some(format!("of {who}")),
        owner: Some(Owner {
            uuid: format!("user-{who}"),
            email: format!("{who}@example.com"),
            name: (*who).to_owned(),
            bot: false,
        }),
        scopes: vec!["READ_BUILDS".to_owned(), "READ_AGENTS".to_owned()],
        created_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        expires_at: None,
        last_accessed_at: None,
    };
    house.sandbox.world(|world| world.buildkite.tokens.extend(people.iter().map(token)));
    house
}

fn gone(house: &House) -> Vec<String> {
    // Besides those that the people have there are the house's own.
    house.removed(System::Buildkite, "api_token").into_iter().filter(|id| id.starts_with("t-")).collect()
}

/// Changes somebody's token, as its owner may.
fn edit(house: &House, who: &str, change: impl FnOnce(&mut Token)) {
    house.sandbox.world(|world| {
        let uuid = format!("t-{who}");
        change(world.buildkite.tokens.iter_mut().find(|token| token.uuid == uuid).unwrap());
    });
}

#[test]
fn the_name_of_a_file_does_not_decide_what_is_more_than_declared() {
    let by_id = "version: 1\ntarget: t\napi_tokens: [{ uuid: t-anna, scopes: [read_builds], on_excess: revoke }]\n";
    for (file, other) in [("a.yaml", "report"), ("z.yaml", "report"), ("a.yaml", "revoke"), ("z.yaml", "revoke")] {
        let policy = format!(
            "api_tokens:\n  - {{ user: anna@example.com, description: of anna, scopes: [read_agents], on_excess: {other} }}\n  \
             - {{ uuid: t-ben }}\n"
        );
        let house = buildkite(&["anna", "ben"], &policy);
        house.write(&format!("policies/{file}"), by_id);
        house.apply(0);
        assert_eq!(gone(&house), [""; 0], "both together declare exactly what it holds: {file} {other}");
        edit(&house, "anna", |token| token.scopes.push("WRITE_BUILDS".to_owned()));
        house.apply(0);
        let goes: &[&str] = if other == "revoke" { &["t-anna"] } else { &[] };
        assert_eq!(gone(&house), goes, "{file} {other}");
    }
}

#[test]
fn an_owner_who_edits_a_token_does_not_put_off_its_end() {
    let house = buildkite(&["anna", "ben"], "manage: { api_tokens: all }\napi_tokens: [{ uuid: t-anna }]\n");
    house.edit("portcullis.yaml", "notice: 0h", "notice: 2s");
    let begin = Instant::now();
    while gone(&house).is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(60), "in vain");
        house.run(&["apply", "--yes", "--new-journal"]);
        if gone(&house).is_empty() {
            edit(&house, "ben", |token| match token.scopes.len() {
                1 => token.scopes.push("READ_AGENTS".to_owned()),
                _ => token.scopes.truncate(1),
            });
        }
    }
    assert_eq!(gone(&house), ["t-ben"]);
    assert!(begin.elapsed() >= Duration::from_secs(2), "not before its notice is over");
}

#[test]
fn a_token_that_was_relabelled_does_not_escape_its_end_unseen() {
    let policy = "api_tokens:\n  - { uuid: t-anna }\n  - { user: ben@example.com, description: of ben }\n";
    let house = buildkite(&["anna", "ben"], policy);
    house.apply(0);
    edit(&house, "ben", |token| token.description = Some("of ben ".to_owned()));
    house.apply(0);
    house.edit("policies/t.yaml", "of ben }", "of ben, expires: 2026-03-31 }");
    let plan = house.plan(&[]);
    assert_eq!(holds(&plan, "t", "t-ben"), ["maybe_renamed"], "{plan}");
    house.expect(2, &["plan", "--detailed-exitcode"]);
    house.apply(3);
    assert_eq!(gone(&house), [""; 0], "a person decides");
    // One way on: it has to go.
    house.edit("policies/t.yaml", "api_tokens:", "absent: { api_tokens: [{ uuid: t-ben }] }\napi_tokens:");
    house.apply(0);
    assert_eq!(gone(&house), ["t-ben"]);
}

/// An organization at Aitronos in which anna and ben each have one grant.
fn aitronos(policy: &str) -> House {
    let mut organization = String::new();
    let blank = House::of(portcullis::sandbox::World::empty());
    blank.sandbox.world(|world| organization.clone_from(&world.aitronos.organization));
    let house = vendors::house(System::Aitronos, "[grants]", &format!("    organization: {organization}\n"), policy);
    house.sandbox.world(|world| {
        for who in ["anna", "ben"] {
            let id = format!("usr_{who}");
            world.aitronos.users.push(vendors::member(&id, &format!("{who}@example.com"), who));
            world.aitronos.grants.push(vendors::grant(&format!("agrant_{who}"), "vs_1", &id));
        }
    });
    house.edit("portcullis.yaml", "policies: policies/\n", "policies: policies/\npeople: people.yaml\n");
    people(&house, "");
    house
}

fn people(house: &House, until: &str) {
    house.write(
        "people.yaml",
        &format!(
            "version: 1\npeople:\n  anna: {{ email: anna@example.com }}\n  ben: {{ email: ben@example.com{until} }}\n"
        ),
    );
}

const DECLARED: &str =
    "grants:\n  - { user: anna, entity: vector_store/vs_1 }\n  - { user: ben, entity: vector_store/vs_1 }\n";
const ALLOWED: &str = "manage: { grants: all }\ngrants: [{ user: anna, entity: vector_store/vs_1 }]\n\
                       allow: { grants: [{ select: { entity: \"vector_store/*\" }, justification: all of us }] }\n";
const LEFT: &str = ", until: 2026-01-31";

#[test]
fn whoever_left_and_is_no_member_any_more_is_still_known_by_the_address() {
    for policy in [DECLARED, ALLOWED] {
        let house = aitronos(policy);
        house.apply(0);
        people(&house, LEFT);
        house
            .sandbox
            .world(|world| world.aitronos.users.iter_mut().for_each(|user| user.deleted = user.id == "usr_ben"));
        assert_eq!(ids(&house.plan(&[]), "t", "change"), ["agrant_ben"], "{policy}");
        house.apply(0);
        assert_eq!(house.removed(System::Aitronos, "grant"), ["agrant_ben"], "{policy}");
    }
}

#[test]
fn what_nobody_tells_the_holder_of_may_be_a_leavers_and_is_held() {
    for policy in [DECLARED, ALLOWED] {
        let house = aitronos(policy);
        people(&house, LEFT);
        // Not even among those who were removed.
        house.sandbox.world(|world| world.aitronos.users.retain(|user| user.id != "usr_ben"));
        let plan = house.plan(&[]);
        assert_eq!(holds(&plan, "t", "agrant_ben"), ["unresolved"], "{policy} {plan}");
        let row = rows(&plan, "t").iter().find(|row| row["id"] == "agrant_ben").unwrap().to_string();
        assert!(row.contains("ben") && row.contains("usr_ben") && row.contains("alias at aitronos"), "{row}");
        house.expect(2, &["plan", "--detailed-exitcode"]);
        house.expect(3, &["plan", "--check-guards"]);
        house.apply(3);
        assert_eq!(house.writes(), 0, "{policy}");
        // The way on: the people file says who it is.
        let known = format!("{LEFT}, aliases: {{ aitronos: usr_ben }}");
        people(&house, &known);
        house.apply(0);
        assert_eq!(house.removed(System::Aitronos, "grant"), ["agrant_ben"], "{policy}");
    }
}

#[test]
fn an_alias_by_the_name_of_a_target_is_refused() {
    let house = aitronos(DECLARED);
    people(&house, ", aliases: { t: usr_ben }");
    let run = house.expect(1, &["validate"]);
    assert!(run.err.contains("`t` is not a system") && run.err.contains("aitronos, buildkite"), "{}", run.err);
    house.apply(1);
    assert_eq!(house.writes(), 0);
    // One at a system of which there is no target here is fine: several configurations may share the file.
    people(&house, ", aliases: { buildkite: b-1 }");
    house.expect(0, &["validate"]);
}
