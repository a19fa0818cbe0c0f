//! Answers that are easily taken for more or for less than they say: errors beside data, a record that leaves out whom it is
//! about, an empty title, a time that was cut off, a right that another one includes, an id that is still listed.

use jiff::Timestamp;
use portcullis::sandbox::{
    Fault, System, Trouble,
    buildkite::{Owner, Token},
};
use serde_json::Value;

use crate::{
    house::House,
    vendors::{ANNA, BEN, BORN, access, accessowl, house, removed},
};

fn born() -> Timestamp {
    BORN.parse().unwrap()
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
