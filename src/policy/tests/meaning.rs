//! What files mean.

use super::{STORE_FILE, good, load_all, problems};
use crate::{
    access::{Selector, Selectors, Value, shown},
    policy::{Blocked, OnExcess, wanted_names},
};

#[test]
fn a_whole_file_means_what_it_says() {
    let policies = good(&[("data/s.yaml", STORE_FILE)]);
    let policy = &policies.targets["store-a"];
    let [declaration] = policy.declarations.as_slice() else { panic!("one declaration") };
    assert_eq!(declaration.key, "id=service/ingest");
    assert_eq!(shown(declaration.value("scope")), "(prefix \"ingest/\", [stream.write])");
    assert_eq!(*declaration.value("auto_prefix"), Value::Absent);
    assert_eq!(declaration.limits.expires.unwrap().to_string(), "2027-02-01T00:00:00Z");
    assert_eq!(*declaration.teams, ["data@example.com"]);
    assert_eq!(declaration.places[0].line, 7);
    assert_eq!((policy.sets.len(), policy.sets[0].except.len(), policy.sets[0].allow_empty), (1, 1, false));
    assert_eq!(policy.allows[0].must_expire_within.unwrap().as_hours(), 48);
    assert_eq!(shown(&policy.absents[0].values[0]), "service/old-export");
    assert_eq!(policy.holds[0].until.to_string(), "2026-12-25T00:00:00Z");
    assert_eq!(policy.files[0].reasons.len(), 1);
}

#[test]
fn people_and_groups_expand_to_one_declaration_each() {
    let text = "version: 1\ntarget: club\ngrants:\n  - { users: [ben, X@Example.com], groups: [platform], application: \
                \"Git Hub\", resource: core }\n  - { user: usr_1, entity: assistant/a1, level: read }\n  - { user: \
                ANNA@example.com, entity: assistant/a2 }\n";
    let policies = good(&[("a.yaml", text)]);
    let keys: Vec<&str> = policies.targets["club"].declarations.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "user=ben application=\"Git Hub\" resource=core",
            "user=x@example.com application=\"Git Hub\" resource=core",
            "user=anna application=\"Git Hub\" resource=core",
            "user=bot application=\"Git Hub\" resource=core",
            "user=anna entity=assistant/a1",
            "user=anna entity=assistant/a2",
        ]
    );
    let names = wanted_names(&policies.targets["club"], "club");
    assert!(names.iter().any(|name| name.field == "resource" && name.within.as_deref() == Some("Git Hub")));
    assert!(names.iter().any(|name| name.field == "user" && name.name == "usr_1"));
}

#[test]
fn equal_declarations_merge_and_different_ones_are_refused() {
    let file = |items: &str| format!("version: 1\ntarget: club\ngrants:\n{items}");
    let a = file(
        "  - { user: anna, application: G, justification: one, team: t1, expires: 2027-01-01, on_excess: revoke }\n",
    );
    let b = file("  - { user: anna@example.com, application: G, justification: two, team: t2, expires: 2027-06-01 }\n");
    let policies = good(&[("a", &a), ("b", &b)]);
    let [one] = policies.targets["club"].declarations.as_slice() else { panic!("merged") };
    assert_eq!(
        (&*one.justifications, &*one.teams),
        (&["one".into(), "two".into()][..], &["t1".into(), "t2".into()][..])
    );
    assert_eq!(one.limits.expires.unwrap().to_string(), "2027-06-02T00:00:00Z");
    assert_eq!((one.on_excess, one.places.len()), (OnExcess::Report, 2));
    let never = file("  - { user: anna, application: G }\n");
    let policies = good(&[("a", &a), ("b", &never)]);
    assert_eq!(policies.targets["club"].declarations[0].limits.expires, None, "left out is the loosest");

    let read = file("  - { user: anna, application: G, level: read, permissions: [x] }\n");
    let admin = file("  - { user: anna, application: G, level: admin, permissions: [x] }\n");
    let group = file("  - { groups: [platform], application: G, level: admin, permissions: [z] }\n");
    let policies = load_all(&[("a", &read), ("b", &admin)]);
    assert_eq!(
        problems(&policies),
        ["b:4:3 `user=anna application=G` is declared twice with different `level`: first at a:4 \
         | make them equal, or keep one of them"]
    );
    assert_eq!(policies.blocked, Blocked::Some(["club".into()].into()));
    for order in [[("a", &read), ("b", &group)], [("a", &group), ("b", &read)]] {
        let policies = good(&order.map(|(name, text)| (name, text.as_str())));
        let anna = policies.targets["club"].declarations.iter().find(|one| one.key.contains("anna")).unwrap();
        assert_eq!((shown(anna.value("level")), shown(anna.value("permissions"))), ("admin".into(), "[x, z]".into()));
    }
    let policies = load_all(&[("a", &group), ("b", &read), ("c", &admin)]);
    assert_eq!(policies.problems.len(), 1, "two direct ones differ, whatever a group says");
}

#[test]
fn names_of_people_in_selectors_mean_their_address_and_alias() {
    let text = "version: 1\ntarget: club\nmanage: { grants: [{ user: anna }, { groups: platform }, { principal: \"*@x\" }] }\n";
    let policies = good(&[("a", text)]);
    let Selectors::Any(list) = &policies.targets["club"].sets[0].select else { panic!("a list") };
    let patterns = |selector: &Selector| -> Vec<String> {
        selector.conditions[0].any_of.iter().map(ToString::to_string).collect()
    };
    assert_eq!(patterns(&list[0]), ["Anna@example.com", "usr_1"]);
    assert_eq!(patterns(&list[1]), ["Anna@example.com", "usr_1", "bot@example.com"]);
    assert_eq!(patterns(&list[2]), ["*@x"]);
}

#[test]
fn a_file_of_several_targets_says_the_same_of_each() {
    let text =
        "version: 1\ntargets: [store-a, store-b]\nmanage: { tokens: all }\ntokens: [{ id: x, justification: one }]\n";
    let more = "version: 1\ntarget: store-b\ntokens: [{ id: x, justification: two }]\n";
    let policies = good(&[("a", text), ("b", more)]);
    let said = |target: &str| {
        let policy = &policies.targets[target];
        (policy.sets.len(), policy.declarations.len(), policy.declarations[0].justifications.len(), policy.files.len())
    };
    assert_eq!((said("store-a"), said("store-b")), ((1, 1, 1, 1), (1, 1, 2, 2)));
    assert_eq!(good(&[("a", text)]).targets["store-a"].digest, policies.targets["store-a"].digest);
}

#[test]
fn a_file_of_targets_of_several_systems_has_only_what_all_of_them_have() {
    let text = |lists: &str| format!("version: 1\ntargets: [store-a, club]\nteam: t@example.com\n{lists}");
    let policies = good(&[("a", &text(""))]);
    assert_eq!(policies.targets.keys().collect::<Vec<_>>(), ["club", "store-a"]);
    assert!(policies.targets.values().all(|policy| policy.files[0].team.is_some()));
    for lists in ["tokens: [{ id: x }]\n", "manage: { grants: all }\n"] {
        let policies = load_all(&[("a", &text(lists))]);
        let told = problems(&policies);
        assert!(told.len() == 1 && told[0].starts_with("a:4:"), "{told:?}");
        assert_eq!(policies.blocked, Blocked::Some(["club".into(), "store-a".into()].into()), "both are blocked");
    }
}

#[test]
fn the_same_conflict_at_several_targets_is_told_once() {
    let text = "version: 1\ntargets: [store-a, store-b]\ntokens: [{ id: x, auto_prefix: true }, { id: x, auto_prefix: false }]\n";
    let policies = load_all(&[("a", text)]);
    assert_eq!(policies.problems.len(), 1, "{:?}", problems(&policies));
    assert_eq!(policies.blocked, Blocked::Some(["store-a".into(), "store-b".into()].into()));
}
