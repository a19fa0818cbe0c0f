//! Transcripts: what Aitronos says, and what has to follow from it.

use serde_json::{Value as Json, json};

use super::{Aitronos, auth};
use crate::{
    access::{Account, Action, AuthStyle, Cause, Directory, Entry, Fingerprint, Life, Resolved, Snapshot, shown},
    systems::{
        System, Wanted, WantedName,
        shared::transcript::{Transcript, answer},
    },
    wire::{Draft, Fault, Order, Prepared, Settled, Unreadable},
};

const GRANTS: &str = "GET /organizations/org_1/access/grants?skip=0&limit=100";
const OURS: &str = "GET /organizations/org_1/access/grants?entity_type=assistant&entity_id=asst_1\
                    &grantee_type=user&grantee_id=usr_1&skip=0&limit=100";
const MEMBERS: &str =
    r#"POST /organizations/org_1/users {"skip":0,"sort_direction":"asc","sort_field":"created_at","take":100}"#;
const DEPARTMENTS: &str = "GET /organizations/org_1/departments";
const ROLES: &str = "GET /organizations/org_1/roles?include_global=true";
const ASSISTANTS: &str = "GET /assistants?organization_id=org_1&include_inactive=true&limit=100&offset=0";
const SLICES: &str = "GET /organizations/org_1/knowledge/slices?skip=0&limit=100";

fn account() -> Account {
    Account { fields: [("organization", vec!["org_1".into()])].into(), ..Account::default() }
}

fn grant(id: &str) -> Json {
    json!({
        "id": id, "entity_type": "assistant", "entity_id": "asst_1", "grantee_type": "user", "grantee_id": "usr_1",
        "access_level": "write", "something_new": {"a": 1},
    })
}

fn with(mut grant: Json, changes: Json) -> Json {
    for (key, value) in changes.as_object().unwrap() {
        grant[key] = value.clone();
    }
    grant
}

fn page(rows: &[Json]) -> Json {
    part(rows, rows.len(), false, 0)
}

fn part(rows: &[Json], total: usize, has_more: bool, skip: u64) -> Json {
    json!({"items": rows, "total": total, "skip": skip, "limit": 100, "has_more": has_more})
}

fn numbered(range: std::ops::Range<u32>) -> Vec<Json> {
    range.map(|number| grant(&format!("agrant_{number}"))).collect()
}

fn directory(script: Transcript) -> Transcript {
    script
        .on(
            MEMBERS,
            json!({"members": [
                {"id": "orguser_9", "user_id": "usr_1", "email": "anna@example.com", "full_name": "ben@example.com"},
            ], "total": 1, "skip": 0, "limit": 100}),
        )
        .on(DEPARTMENTS, json!([{"id": "dept_1", "name": "Legal", "member_count": 7, "organization_id": "org_1"}]))
        .on(ROLES, json!({"roles": [{"id": "role_1", "name": "Reader", "member_count": 30}]}))
}

fn with_names(script: Transcript) -> Transcript {
    directory(script).on(ASSISTANTS, json!({"assistants": [{"id": "asst_1", "name": "Helper"}], "total": 1}))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

fn read_wanting(script: Transcript, wanted: &Wanted) -> Result<Snapshot, Unreadable> {
    let result = run(Aitronos.read(&script, &account(), wanted));
    if result.is_ok() {
        script.finished();
    }
    result
}

fn read(script: Transcript) -> Result<Snapshot, Unreadable> {
    read_wanting(script, &Wanted::default())
}

fn read_grants(grants: &[Json]) -> Snapshot {
    read(with_names(Transcript::new().on(GRANTS, page(grants)))).unwrap()
}

fn fault(result: Result<Snapshot, Unreadable>) -> Fault {
    result.unwrap_err().fault
}

#[test]
fn an_entry_says_who_what_and_how_much() {
    let department = json!({"grantee_type": "department", "grantee_id": "dept_1", "access_level": "admin"});
    let snapshot = read_grants(&[grant("agrant_1"), with(grant("agrant_2"), department)]);
    let [person, group] = snapshot.entries.as_slice() else { panic!("two grants") };
    assert_eq!(shown(person.value("entity")), "assistant/Helper");
    assert_eq!(shown(person.value("user")), "anna@example.com");
    assert_eq!(person.principal.as_ref().unwrap().shown(), "anna@example.com");
    assert!(person.value("grantee").any_spelling(|spelling| spelling == "user/usr_1"));
    assert!(person.value("user").any_spelling(|spelling| spelling == "usr_1"));
    assert_eq!(person.weight(), 1);
    assert_eq!(person.facts, None);
    assert_eq!(shown(group.value("grantee")), "department/Legal");
    assert!(group.value("user").is_absent());
    assert_eq!(group.weight(), 7);
    assert_eq!(group.facts.as_ref().unwrap().floor_groups, ["admin:assistant/asst_1"]);
    assert_eq!(snapshot.account_id.as_deref(), Some("org_1"));
    assert!(matches!(snapshot.directory.resolve("role", "Reader", None), Resolved::One(_)));
    assert_eq!(snapshot.directory.resolve("user", "ben@example.com", None), Resolved::Nothing);
    assert_eq!(snapshot.directory.resolve("user", "orguser_9", None), Resolved::Nothing);
}

#[test]
fn a_required_field_is_required_and_an_unknown_one_is_not_minded() {
    for field in ["id", "entity_type", "entity_id", "grantee_type", "grantee_id", "access_level"] {
        let mut lacking = grant("agrant_1");
        lacking.as_object_mut().unwrap().remove(field);
        assert_eq!(fault(read(Transcript::new().on(GRANTS, page(&[lacking])))), Fault::Malformed, "{field}");
        let empty = with(grant("agrant_1"), json!({field: ""}));
        assert_eq!(fault(read(Transcript::new().on(GRANTS, page(&[empty])))), Fault::Malformed, "{field}");
    }
    for field in ["items", "total", "has_more"] {
        let mut lacking = page(&[]);
        lacking.as_object_mut().unwrap().remove(field);
        assert_eq!(fault(read(Transcript::new().on(GRANTS, lacking))), Fault::Malformed, "{field}");
    }
}

#[test]
fn pages_overlap_by_a_row_and_meet_the_total() {
    let second = "GET /organizations/org_1/access/grants?skip=99&limit=100";
    let first = part(&numbered(0..100), 150, true, 0);
    let script = Transcript::new().on(GRANTS, first).on(second, part(&numbered(99..150), 150, false, 99));
    let snapshot = read(with_names(script)).unwrap();
    assert_eq!(snapshot.entries.len(), 150);
    assert_eq!(snapshot.evidence.pages, 2);
}

#[test]
fn a_list_that_shifts_is_read_again_three_times_and_then_given_up() {
    let second = "GET /organizations/org_1/access/grants?skip=99&limit=100";
    let damaged = [
        ("a row went and another came", part(&numbered(100..151), 150, false, 99)),
        ("an id twice", part(&[numbered(99..149), numbered(5..6)].concat(), 150, false, 99)),
        ("it ends too early", part(&numbered(99..149), 150, false, 99)),
        ("it does not end", part(&numbered(99..150), 150, true, 99)),
        ("it is empty", part(&[], 150, true, 99)),
    ];
    for (what, bad) in damaged {
        let first = || part(&numbered(0..100), 150, true, 0);
        let healed = (0..3)
            .fold(Transcript::new(), |script, _| script.on(GRANTS, first()).on(second, &bad))
            .on(GRANTS, first())
            .on(second, part(&numbered(99..150), 150, false, 99));
        assert_eq!(read(with_names(healed)).unwrap().entries.len(), 150, "{what}");
        let broken = (0..4).fold(Transcript::new(), |script, _| script.on(GRANTS, first()).on(second, &bad));
        assert_eq!(fault(read(broken)), Fault::Shifted, "{what}");
    }
    let shrunk = (0..4).fold(Transcript::new(), |script, _| {
        script.on(GRANTS, part(&numbered(0..100), 151, true, 0)).on(second, part(&numbered(99..150), 150, false, 99))
    });
    assert_eq!(fault(read(shrunk)), Fault::Shifted, "the total changed");
}

#[test]
fn a_list_that_contradicts_what_was_asked_for_is_given_up_at_once() {
    let second = "GET /organizations/org_1/access/grants?skip=99&limit=100";
    let first = part(&numbered(0..100), 150, true, 0);
    let elsewhere = Transcript::new().on(GRANTS, first).on(second, part(&numbered(99..150), 150, false, 100));
    assert_eq!(fault(read(elsewhere)), Fault::Incomplete);
    assert_eq!(fault(read(Transcript::new().on(GRANTS, page(&numbered(0..101))))), Fault::Incomplete);
}

#[test]
fn members_come_in_two_shapes_and_no_third() {
    let members = |body: Json| {
        let script =
            Transcript::new().on(GRANTS, page(&[])).on(MEMBERS, body).on(DEPARTMENTS, json!([])).on(ROLES, json!([]));
        read(script)
    };
    let row = json!({"user_id": "usr_1", "email": "anna@example.com"});
    let one = members(json!({"users": [row], "total_users_count": 1, "skip": 0, "take": 100})).unwrap();
    assert!(matches!(one.directory.resolve("user", "Anna@example.com", None), Resolved::One(_)));
    assert_eq!(fault(members(json!({"people": [row], "total": 1}))), Fault::Malformed);
    assert_eq!(fault(members(json!({"members": [{"id": "orguser_1"}], "total": 1}))), Fault::Malformed);
}

#[test]
fn whoever_was_removed_is_asked_for_where_a_grant_names_somebody_unknown() {
    const REMOVED: &str = r#"POST /organizations/org_1/users {"include_deleted":true,"skip":0,"sort_direction":"asc","sort_field":"created_at","take":100}"#;
    let theirs = with(grant("agrant_1"), json!({"grantee_id": "usr_7"}));
    let script = || directory(Transcript::new().on(GRANTS, page(std::slice::from_ref(&theirs))));
    let script = || script().on_status(ASSISTANTS, 403, "");
    // Back again, and removed again: the same person with two memberships. The address of another one is somebody else's now.
    let all = json!({"members": [
        {"id": "orguser_6", "user_id": "usr_7", "email": "gone@example.com"},
        {"id": "orguser_7", "user_id": "usr_7", "email": "gone@example.com"},
        {"id": "orguser_8", "user_id": "usr_8", "email": "Anna@example.com"},
        {"id": "orguser_9", "user_id": "usr_1", "email": "anna@example.com"},
    ], "total": 4});
    let snapshot = read(script().on(REMOVED, all)).unwrap();
    assert_eq!(snapshot.entries[0].principal.as_ref().unwrap().shown(), "gone@example.com");
    assert!(
        matches!(snapshot.directory.resolve("user", "anna@example.com", None), Resolved::One(one) if one.id == "usr_1")
    );
    // Where the credential may not see them, or their list is not whole, they stay unknown, and that is told.
    let gone = json!({"id": "orguser_6", "user_id": "usr_7", "email": "gone@example.com"});
    let nobody = json!({"id": "orguser_7", "user_id": null});
    let again = |script: Transcript, page: Json| (0..4).fold(script, |script, _| script.on(REMOVED, page.clone()));
    let fails = [
        script().on_status(REMOVED, 403, "{}"),
        again(script(), json!({"members": [&gone], "total": 0})),
        again(script(), json!({"members": [&gone, &gone], "total": 2})),
        script().on(REMOVED, json!({"members": [&gone, &nobody], "total": 2})),
    ];
    for script in fails {
        let snapshot = read(script).unwrap();
        assert_eq!(snapshot.entries[0].principal.as_ref().unwrap().shown(), "usr_7");
        assert!(snapshot.evidence.remarks.iter().any(|remark| remark.contains("removed from the organization")));
    }
}

#[test]
fn people_and_groups_are_needed_and_the_names_of_entities_only_where_a_policy_uses_one() {
    let refused = Transcript::new().on(GRANTS, page(&[])).on_status(MEMBERS, 403, "{}");
    assert_eq!(fault(read(refused)), Fault::Permission);
    let script = || directory(Transcript::new().on(GRANTS, page(&[grant("agrant_1")]))).on_status(ASSISTANTS, 403, "");
    let snapshot = read(script()).unwrap();
    assert_eq!(shown(snapshot.entries[0].value("entity")), "assistant/asst_1");
    assert_eq!(snapshot.evidence.remarks.len(), 1);
    let wanted = |name: &str| Wanted {
        names: vec![WantedName { kind: "grant", field: "entity", name: name.into(), within: None }],
        ..Wanted::default()
    };
    assert_eq!(fault(read_wanting(script(), &wanted("assistant/Helper"))), Fault::Permission);
    assert!(read_wanting(script(), &wanted("assistant/asst_7")).is_ok());
    let slices = directory(Transcript::new().on(GRANTS, page(&[])))
        .on(SLICES, json!({"slices": [{"id": "kslice_1", "name": "Law"}], "total": 1}));
    let snapshot = read_wanting(slices, &wanted("knowledge_slice/Law")).unwrap();
    assert!(matches!(snapshot.directory.resolve("knowledge_slice", "Law", None), Resolved::One(_)));
}

#[test]
fn another_organization_in_an_answer_is_refused() {
    let foreign = with(grant("agrant_1"), json!({"organization_id": "org_2"}));
    assert_eq!(fault(read(Transcript::new().on(GRANTS, page(&[foreign])))), Fault::WrongAccount);
    let script = Transcript::new()
        .on(GRANTS, page(&[]))
        .on(MEMBERS, json!({"members": [], "total": 0}))
        .on(DEPARTMENTS, json!([{"id": "dept_1", "organization_id": "org_2"}]));
    assert_eq!(fault(read(script)), Fault::WrongAccount);
    let nowhere = run(Aitronos.read(&Transcript::new(), &Account::default(), &Wanted::default()));
    assert_eq!(fault(nowhere), Fault::Missing);
}

#[test]
fn the_remnant_of_a_revoked_grant_is_dead() {
    let snapshot = read_grants(&[with(grant("agrant_1"), json!({"deleted_at": "2026-09-01T00:00:00Z"}))]);
    assert!(matches!(snapshot.entries[0].life, Life::Dead(_)));
}

#[test]
fn the_credential_travels_as_the_target_says() {
    assert_eq!(auth(&account()), AuthStyle::Bearer);
    let mut keyed = account();
    keyed.fields.insert("auth", vec!["api_key".into()]);
    assert_eq!(auth(&keyed), AuthStyle::Header("X-API-Key"));
}

fn order_of(entry: Entry) -> Order {
    Order {
        target: "freddy".into(),
        action: Action::Revoke,
        cause: Cause::Undeclared,
        fingerprint: Fingerprint::of(&entry),
        entry,
        reason: "undeclared".into(),
        peers: Vec::new(),
        may_open: false,
    }
}

fn order() -> Order {
    order_of(read_grants(&[grant("agrant_1")]).entries.remove(0))
}

fn prepare(rows: &[Json]) -> Prepared {
    let script = Transcript::new().on(OURS, page(rows));
    run(Aitronos.prepare(&script, &account(), &order())).unwrap()
}

fn draft() -> Draft {
    match prepare(&[grant("agrant_0"), grant("agrant_1")]) {
        Prepared::Send(draft) => *draft,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_draft_deletes_one_grant_by_its_id() {
    let draft = draft();
    assert_eq!(draft.shown(), "DELETE /organizations/org_1/access/grants/agrant_1");
    assert_eq!((draft.body, draft.key_header, draft.generation), (None, None, None));
}

#[test]
fn nothing_is_deleted_that_changed_or_is_gone() {
    let raised = with(grant("agrant_1"), json!({"access_level": "admin"}));
    assert!(matches!(prepare(&[raised]), Prepared::Changed(_)));
    assert!(matches!(prepare(&[grant("agrant_2")]), Prepared::Gone));
    let remnant = with(grant("agrant_1"), json!({"deleted_at": "2026-09-01T00:00:00Z"}));
    assert!(matches!(prepare(&[remnant]), Prepared::Gone));
    let script = Transcript::new().on_status(OURS, 404, "{}");
    assert!(run(Aitronos.prepare(&script, &account(), &order())).is_err(), "an error is no empty list");
}

#[test]
fn only_204_is_done_and_not_found_is_for_a_list_to_tell() {
    let draft = draft();
    let judged = |status| Aitronos.judge(&draft, &answer(status, r#"{"error":{"message":"no"}}"#)).settled;
    assert_eq!(judged(204), Settled::Done(None));
    for status in [400, 403, 422] {
        assert!(matches!(judged(status), Settled::Refused(_)), "{status}");
    }
    for status in [200, 302, 401, 404, 409, 429, 500, 503] {
        assert!(matches!(judged(status), Settled::Unknown(_)), "{status}");
    }
}

#[test]
fn a_removal_is_settled_by_the_list() {
    let draft = draft();
    let settle = |status: u16, rows: &[Json]| {
        let note = Aitronos.judge(&draft, &answer(status, "")).note;
        let script = Transcript::new().on(OURS, page(rows));
        run(Aitronos.settle(&script, &account(), &order(), &note)).unwrap()
    };
    assert_eq!(settle(204, &[]), Settled::Done(None));
    assert_eq!(settle(204, &[grant("agrant_1")]), Settled::Present);
    assert_eq!(settle(404, &[grant("agrant_2")]), Settled::Gone);
    assert_eq!(settle(404, &[grant("agrant_1")]), Settled::Present);
    let script = Transcript::new().on_status(OURS, 404, "{}");
    assert!(run(Aitronos.settle(&script, &account(), &order(), &draft.note)).is_err());
}

fn left(script: Transcript, entry: &Entry) -> Result<Vec<String>, Unreadable> {
    run(Aitronos.still_reachable(&script, &account(), entry, &Directory::default()))
}

#[test]
fn what_is_left_after_a_removal_is_told() {
    let person = order().entry;
    let resolved = "GET /organizations/org_1/users/usr_1/resolved-access?entity_type=assistant";
    let entities = json!({"user_id": "usr_1", "entities": [
        {"entity_type": "assistant", "entity_id": "asst_1", "access_level": "read", "grant_paths": [{"odd": true}]},
        {"entity_type": "assistant", "entity_id": "asst_2", "access_level": "admin"},
    ]});
    let remarks = left(Transcript::new().on(resolved, entities), &person).unwrap();
    assert_eq!(remarks.len(), 1);
    assert!(remarks[0].contains("read"), "{remarks:?}");
    assert!(left(Transcript::new().on_status(resolved, 500, ""), &person).is_err());

    let group = json!({"grantee_type": "department", "grantee_id": "dept_1"});
    let group = read_grants(&[with(grant("agrant_1"), group)]).entries.remove(0);
    let first = "GET /organizations/org_1/access/users-with-access?entity_type=assistant&entity_id=asst_1";
    let second = "GET /organizations/org_1/knowledge/users-with-access?entity_type=assistant&entity_id=asst_1";
    let two = json!({"users": [{"user_id": "usr_1"}, {"user_id": "usr_2"}]});
    let remarks = left(Transcript::new().on_status(first, 404, "").on(second, two), &group).unwrap();
    assert!(remarks[0].starts_with("2 people"), "{remarks:?}");
    assert!(left(Transcript::new().on(first, json!({"users": []})), &group).unwrap().is_empty());
}
