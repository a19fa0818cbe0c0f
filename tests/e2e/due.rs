//! What is declared goes when a limit of its declaration is due, or where it holds more than declared and the declaration says so.

use portcullis::sandbox::{
    System, World,
    buildkite::{Owner, Token},
};

use crate::house::{House, rows};

const KITE: &str = "buildkite-northlight";

fn days_ago(days: i64) -> jiff::Timestamp {
    jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * days)
}

fn uuid_of(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// Tokens of 100 days, each with its last use, its scopes and the rest of its declaration.
fn house(tokens: &[(Option<i64>, &[&str], &str)]) -> House {
    let house = House::of(World::empty());
    let mut policy = format!("version: 1\ntarget: {KITE}\napi_tokens:\n");
    house.sandbox.world(|world| {
        for (number, (used, scopes, declared)) in tokens.iter().enumerate() {
            world.buildkite.tokens.push(Token {
                uuid: uuid_of(number),
                description: Some(format!("token {number}")),
                owner: Some(Owner {
                    uuid: uuid_of(1000),
                    email: "ben@example.com".to_owned(),
                    name: "Ben".to_owned(),
                    bot: false,
                }),
                scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
                created_at: days_ago(100),
                expires_at: None,
                last_accessed_at: used.map(days_ago),
            });
            policy.push_str(&format!("  - {{ uuid: {}{declared} }}\n", uuid_of(number)));
        }
    });
    house.only(KITE);
    house.clear_policies();
    house.write("policies/tokens.yaml", &policy);
    house.edit("portcullis.yaml", "guards: { notice: 0h }", "guards: { max_share: 100% }");
    house
}

/// Each row in a word or two, by the number of its token.
fn told(house: &House) -> Vec<String> {
    let plan = house.plan(&[]);
    let mut told: Vec<String> = rows(&plan, KITE)
        .iter()
        .map(|row| {
            let id = row["id"].as_str().unwrap();
            let what = row["cause"].as_str().or(row["finding"].as_str()).unwrap();
            format!("{} {what}", id.trim_start_matches("00000000-0000-4000-8000-").trim_start_matches("00000000000"))
        })
        .collect();
    told.sort();
    told
}

#[test]
fn each_limit_is_due_for_what_it_is_about_and_is_not_put_off_by_any_notice() {
    let house = house(&[
        (Some(1), &["READ_BUILDS"], ", max_age: 90d"),
        (Some(1), &["READ_BUILDS"], ", max_age: 110d, max_idle: 2d, max_unused: 1d"),
        (Some(9), &["READ_BUILDS"], ", max_idle: 8d"),
        // What was never used is not idle, and what was used is not unused.
        (None, &["READ_BUILDS"], ", max_idle: 8d"),
        (None, &["READ_BUILDS"], ", max_unused: 90d"),
        (Some(1), &["READ_BUILDS"], ", expires: 2026-01-31"),
        (Some(1), &["READ_BUILDS"], ", expires: 2999-01-31"),
    ]);
    assert_eq!(told(&house), ["0 too_old", "2 idle", "4 unused", "5 expired"]);
    house.apply(0);
    assert_eq!(house.removed(System::Buildkite, "api_token"), [0, 2, 4, 5].map(uuid_of));
}

#[test]
fn more_than_declared_goes_where_the_declaration_says_so_and_is_out_of_sync_elsewhere() {
    let (read, more) = (&["READ_BUILDS"][..], &["READ_BUILDS", "WRITE_BUILDS"][..]);
    let house = house(&[
        (Some(1), more, ", scopes: [read_builds], on_excess: revoke"),
        (Some(1), more, ", scopes: [read_builds]"),
        // Not compared, as declared, less than declared.
        (Some(1), more, ", on_excess: revoke"),
        (Some(1), more, ", scopes: [write_builds, read_builds], on_excess: revoke"),
        (Some(1), read, ", scopes: [write_builds, read_builds], on_excess: revoke"),
        // A scope that this binary does not know.
        (Some(1), &["READ_BUILDS", "TELEPORT"], ", scopes: [read_builds], on_excess: revoke"),
    ]);
    assert_eq!(told(&house), ["0 over_scoped", "1 over_scoped", "4 differs", "5 differs"]);
    house.apply(0);
    assert_eq!(house.removed(System::Buildkite, "api_token"), [uuid_of(0)]);
    house.expect(2, &["plan", "--detailed-exitcode"]);
    house.edit(
        "policies/tokens.yaml",
        &format!("{}, scopes: [read_builds] }}", uuid_of(1)),
        &format!("{} }}", uuid_of(1)),
    );
    house.expect(0, &["plan", "--detailed-exitcode"]);
}
