//! What a reading says, and what makes it worthless.

use super::*;

#[test]
fn a_state_is_active_only_with_an_end_that_is_there_and_null() {
    let ended = with(state("s-2"), json!({"effective_end": "2026-05-01T00:00:00Z"}));
    let snapshot = read_states(&[state("s-1"), ended]).unwrap();
    assert_eq!(life(&snapshot, "s-1"), &Life::Live);
    assert!(matches!(life(&snapshot, "s-2"), Life::Dead(_)));
    assert_eq!(fault(read_states(&[without(state("s-1"), "effective_end")])), Fault::Malformed);
    assert_eq!(fault(read_states(&[without(state("s-1"), "target_permission_ids")])), Fault::Malformed);
}

#[test]
fn an_entry_says_who_where_what_and_since_when() {
    let snapshot = read_states(&[state("s-1")]).unwrap();
    let entry = &snapshot.entries[0];
    assert_eq!(entry.principal.as_ref().unwrap().shown(), "anna@example.com");
    assert_eq!(crate::access::shown(entry.value("application")), "Wiki");
    assert_eq!(crate::access::shown(entry.value("permissions")), "[Editor]");
    assert!(entry.value("resource").is_absent());
    assert_eq!(entry.created_at, Some("2026-03-01T00:00:00Z".parse().unwrap()));
    assert_eq!(entry.facts.as_ref().unwrap().lineage, ["user-1", "app-1"]);
    assert_eq!(entry.facts.as_ref().unwrap().closed_revocations, Some(0));
    assert_eq!(snapshot.evidence.requests, 4);
    assert_eq!(snapshot.evidence.pages, 1);
}

#[test]
fn a_permission_has_the_title_that_any_state_tells_and_none_where_none_does() {
    let untold = |id: &str, told: Json| with(state(id), json!({"target_permissions": told}));
    let both = json!(["perm-1", "perm-2"]);
    let half = with(state("s-4"), json!({"target_permission_ids": both}));
    let states =
        [untold("s-1", Json::Null), state("s-2"), untold("s-3", json!([{"id": "perm-1", "title": null}])), half];
    for order in [[0, 1, 2, 3], [1, 0, 2, 3], [3, 2, 0, 1], [0, 3, 2, 1]] {
        let rows: Vec<Json> = order.iter().map(|&at: &usize| states[at].clone()).collect();
        let snapshot = read_states(&rows).unwrap();
        for entry in &snapshot.entries {
            let expected = if entry.id == "s-4" { "[Editor, perm-2]" } else { "[Editor]" };
            assert_eq!(crate::access::shown(entry.value("permissions")), expected, "{order:?} {}", entry.id);
        }
    }
    let snapshot = read_states(&states[..1]).unwrap();
    assert_eq!(crate::access::shown(snapshot.entries[0].value("permissions")), "[perm-1]");
}

#[test]
fn nobody_can_pass_for_another_by_choosing_a_name() {
    let snapshot = read_states(&[]).unwrap();
    assert_eq!(snapshot.directory.resolve("user", "ben@example.com", None), Resolved::Nothing);
    assert!(matches!(snapshot.directory.resolve("user", "anna@example.com", None), Resolved::One(_)));
}

#[test]
fn only_an_explicit_null_ends_a_list() {
    let second = "GET /access_states?limit=100&expand=grantee_user,application,resource,target_permissions&cursor=c1";
    let start = || lists().on(REVOCATIONS, page(&[])).on(STATES, page_to(&[state("s-1")], "c1"));
    assert_eq!(read(start().on(second, page(&[state("s-2")]))).unwrap().entries.len(), 2);
    assert_eq!(fault(read(start().on(second, json!({"data": [], "meta": {"limit": 100}})))), Fault::Malformed);
    assert_eq!(fault(read(start().on(second, json!({"data": []})))), Fault::Malformed);
    assert_eq!(fault(read(start().on(second, page_to(&[], "c1")))), Fault::Incomplete);
    assert_eq!(fault(read(start().fails(second, Fault::Timeout))), Fault::Timeout);
    let many: Vec<Json> = (0..101).map(|number| state(&format!("s-{number}"))).collect();
    assert_eq!(fault(read_states(&many)), Fault::Incomplete);
}

#[test]
fn a_list_that_shifts_is_read_again_three_times_and_then_given_up() {
    let second = "GET /access_states?limit=100&expand=grantee_user,application,resource,target_permissions&cursor=c1";
    let start = || lists().on(REVOCATIONS, page(&[]));
    let shifted =
        |script: Transcript| script.on(STATES, page_to(&[state("s-1")], "c1")).on(second, page(&[state("s-1")]));
    let healed = (0..3).fold(start(), |script, _| shifted(script)).on(STATES, page(&[state("s-1"), state("s-2")]));
    assert_eq!(read(healed).unwrap().entries.len(), 2, "and nothing of the readings before is kept");
    assert_eq!(fault(read((0..4).fold(start(), |script, _| shifted(script)))), Fault::Shifted);
    // People, applications, revocations and resources are no different.
    let anna = json!({"id": "user-1", "email": "anna@example.com"});
    let wiki = json!({"id": "app-1", "title": "Wiki", "status": "requestable"});
    let root = json!({"id": "root", "title": "Root", "parent_resource_id": null});
    let twice = |row: &Json| page(&[row.clone(), row.clone()]);
    let one = revocation("r-1", "processing_access");
    let script = Transcript::new()
        .on(USERS, twice(&anna))
        .on(USERS, page(&[anna]))
        .on(APPLICATIONS, twice(&wiki))
        .on(APPLICATIONS, page(&[wiki]))
        .on(REVOCATIONS, twice(&one))
        .on(REVOCATIONS, page(&[]))
        .on(STATES, page(&[on_resource("s-1", "leaf", Some("Leaf"), Some("root"))]))
        .on(RESOURCES, json!({"data": [root, root]}))
        .on(RESOURCES, json!({"data": [root]}));
    assert_eq!(life(&read(script).unwrap(), "s-1"), &Life::Live);
}

#[test]
fn a_redirect_is_the_api_switched_off() {
    let mut redirect = answer(302, "");
    redirect.headers.push(("location".to_owned(), "https://billing.example".to_owned()));
    let error = read(Transcript::new().answers(USERS, redirect)).unwrap_err();
    assert_eq!(error.fault, Fault::Permission);
    assert!(error.what.contains("redirects to https://billing.example"), "{error}");
    assert!(error.advice.unwrap().contains("switch on"));
    assert_eq!(fault(read(Transcript::new().on_status(USERS, 401, "{}"))), Fault::Credential);
    assert_eq!(fault(read(Transcript::new().on(USERS, "<html>"))), Fault::Malformed);
}

#[test]
fn unlinked_and_discovered_ones_are_outside_unless_included() {
    let unlinked = without(with(state("s-1"), json!({"grantee_user_id": null})), "grantee_user");
    let found = with(
        state("s-2"),
        json!({"application_id": "app-2", "application": {"id": "app-2", "title": "Toy", "status": "discovered"}}),
    );
    let script = || lists().on(REVOCATIONS, page(&[])).on(STATES, page(&[unlinked.clone(), found.clone()]));
    let snapshot = read(script()).unwrap();
    assert_eq!(snapshot.entries[0].outside(), Some("unlinked"));
    assert_eq!(snapshot.entries[0].principal.as_ref().unwrap().id, "account-1");
    assert_eq!(snapshot.entries[1].outside(), Some("discovered"));
    let account =
        Account { fields: [("include", vec!["unlinked".into(), "discovered".into()])].into(), ..Account::default() };
    let snapshot = read_as(script(), &account, &Wanted::default()).unwrap();
    assert!(snapshot.entries.iter().all(|entry| entry.outside().is_none()));
}

#[test]
fn an_application_of_unknown_status_may_be_a_discovered_one() {
    let unknown = with(state("s-1"), json!({"application_id": "app-9", "application": null}));
    assert_eq!(fault(read_states(&[unknown])), Fault::Incomplete);
}

#[test]
fn a_state_that_contradicts_itself_is_refused() {
    let other = with(state("s-1"), json!({"grantee_user": {"id": "user-2", "email": "b@example.com"}}));
    assert_eq!(fault(read_states(&[other])), Fault::Malformed);
    let other = with(state("s-1"), json!({"resource_id": "res-1", "resource": {"id": "res-2", "title": "x"}}));
    assert_eq!(fault(read_states(&[other])), Fault::Malformed);
}

#[test]
fn the_lineage_goes_through_parents_that_nobody_has_access_to() {
    let script = lists()
        .on(REVOCATIONS, page(&[]))
        .on(STATES, page(&[on_resource("s-1", "leaf", Some("Leaf"), Some("mid"))]))
        .on(
            RESOURCES,
            json!({"data": [
                {"id": "root", "title": "Root", "parent_resource_id": null},
                {"id": "mid", "title": "Mid", "parent_resource_id": "root"},
                {"id": "leaf", "title": "Leaf", "parent_resource_id": "mid"},
            ]}),
        );
    let snapshot = read(script).unwrap();
    assert_eq!(snapshot.entries[0].facts.as_ref().unwrap().lineage, ["user-1", "app-1", "root", "mid", "leaf"]);

    let script = || {
        lists().on(REVOCATIONS, page(&[])).on(STATES, page(&[on_resource("s-1", "leaf", Some("Leaf"), Some("mid"))]))
    };
    assert_eq!(fault(read(script().on(RESOURCES, json!({"data": []})))), Fault::Incomplete);
    assert_eq!(fault(read(script().on_status(RESOURCES, 404, "{}"))), Fault::Incomplete);
    let circle = json!({"data": {"resources": [{"id": "mid", "title": "Mid", "parent_resource_id": "leaf"}]}});
    assert_eq!(fault(read(script().on(RESOURCES, circle))), Fault::Malformed);
}

#[test]
fn the_siblings_of_a_resource_without_title_are_read() {
    let script = lists()
        .on(REVOCATIONS, page(&[]))
        .on(STATES, page(&[on_resource("s-1", "res-1", None, None)]))
        .on(RESOURCES, json!({"data": [{"id": "res-1", "title": null}, {"id": "res-2", "title": "Other"}]}));
    let snapshot = read(script).unwrap();
    assert_eq!(snapshot.directory.of_class("resource").len(), 2);
    assert!(snapshot.directory.get("resource", "res-1").unwrap().names.is_empty());
}

#[test]
fn a_resource_that_a_policy_names_is_looked_up_in_its_application() {
    let wanted = |within: &str| Wanted {
        names: vec![WantedName {
            kind: "access",
            field: "resource",
            name: "Handbook".into(),
            within: Some(within.into()),
        }],
        ..Wanted::default()
    };
    let script = || lists().on(REVOCATIONS, page(&[])).on(STATES, page(&[]));
    let listed = json!({"resources": [{"id": "res-7", "title": "Handbook", "parent_resource_id": null}]});
    let snapshot = read_as(script().on(RESOURCES, listed), &Account::default(), &wanted("Wiki")).unwrap();
    assert!(matches!(snapshot.directory.resolve("resource", "Handbook", Some("app-1")), Resolved::One(_)));
    read_as(script(), &Account::default(), &wanted("Nowhere")).unwrap();
    let lacking = script().on_status(RESOURCES, 405, "");
    assert!(!read_as(lacking, &Account::default(), &wanted("Wiki")).unwrap().evidence.remarks.is_empty());
}

#[test]
fn an_empty_title_or_address_is_none() {
    let lone = on_resource("s-1", "res-1", Some(""), None);
    let resources = json!({"data": [{"id": "res-1", "title": ""}]});
    let script = lists().on(REVOCATIONS, page(&[])).on(STATES, page(&[lone])).on(RESOURCES, resources);
    let snapshot = read(script).unwrap();
    let Value::Object(resource) = snapshot.entries[0].value("resource") else { panic!("no resource") };
    assert!(resource.names.is_empty());
}
