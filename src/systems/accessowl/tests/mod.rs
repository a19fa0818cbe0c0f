//! Transcripts: what AccessOwl says, and what has to follow from it.

mod outcome;
mod reading;
mod revocations;
mod sending;

use serde_json::{Value as Json, json};

use super::{AccessOwl, note::Trail};
use crate::{
    access::{Account, Action, Cause, Entry, Fingerprint, Life, Resolved, Snapshot, Value},
    systems::{
        System, Wanted, WantedName,
        shared::transcript::{Transcript, answer},
    },
    wire::{Draft, Fault, Order, Prepared, Settled, Unreadable},
};

const STATES: &str = "GET /access_states?limit=100&expand=grantee_user,application,resource,target_permissions";
const NARROW: &str = "GET /access_states?limit=100&expand=grantee_user,application,resource,target_permissions\
                      &application_id=app-1&grantee_user_id=user-1";
const WIDE: &str = "GET /access_states?limit=100&expand=grantee_user,application,resource,target_permissions\
                    &application_id=app-1";
const USERS: &str = "GET /users?limit=100&status=all";
const APPLICATIONS: &str = "GET /applications?limit=100";
const REVOCATIONS: &str = "GET /access_revocations?limit=100";
const THEIRS: &str = "GET /access_revocations?limit=100&user_id=user-1&application_id=app-1";
const RESOURCES: &str = "GET /applications/app-1/resources";

fn page(rows: &[Json]) -> Json {
    json!({"data": rows, "meta": {"limit": 100, "next_cursor": null}})
}

fn page_to(rows: &[Json], next: &str) -> Json {
    json!({"data": rows, "meta": {"limit": 100, "next_cursor": next}})
}

/// An active state of user-1 on app-1 as a whole, with one permission.
fn state(id: &str) -> Json {
    json!({
        "id": id, "application_id": "app-1", "grantee_user_account_id": "account-1", "grantee_user_id": "user-1",
        "resource_id": null, "target_permission_ids": ["perm-1"],
        "effective_start": "2026-03-01T00:00:00Z", "effective_end": null,
        "application": {"id": "app-1", "title": "Wiki", "status": "requestable"},
        "grantee_user": {"id": "user-1", "email": "anna@example.com", "full_name": "Anna A"},
        "target_permissions": [{"id": "perm-1", "title": "Editor", "elevated": false}],
    })
}

fn with(mut state: Json, changes: Json) -> Json {
    for (key, value) in changes.as_object().unwrap() {
        state[key] = value.clone();
    }
    state
}

fn without(mut state: Json, key: &str) -> Json {
    state.as_object_mut().unwrap().remove(key);
    state
}

fn on_resource(id: &str, resource: &str, title: Option<&str>, parent: Option<&str>) -> Json {
    let brought = json!({"id": resource, "title": title, "parent_resource_id": parent});
    with(state(id), json!({"resource_id": resource, "resource": brought}))
}

fn revocation(id: &str, status: &str) -> Json {
    json!({
        "id": id, "application_id": "app-1", "reason": "somebody's", "status": status, "grantee_user_id": "user-1",
        "resource_id": null, "permission_ids": ["perm-1"], "inserted_at": "2026-06-01T10:00:00Z",
        "provisioning_type": "application_admin",
    })
}

fn lists() -> Transcript {
    Transcript::new()
        .on(USERS, page(&[json!({"id": "user-1", "email": "anna@example.com", "full_name": "ben@example.com"})]))
        .on(APPLICATIONS, page(&[json!({"id": "app-1", "title": "Wiki", "status": "requestable"})]))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(future)
}

fn read_as(script: Transcript, account: &Account, wanted: &Wanted) -> Result<Snapshot, Unreadable> {
    let result = run(AccessOwl.read(&script, account, wanted));
    if result.is_ok() {
        script.finished();
    }
    result
}

fn read(script: Transcript) -> Result<Snapshot, Unreadable> {
    read_as(script, &Account::default(), &Wanted::default())
}

fn read_states(states: &[Json]) -> Result<Snapshot, Unreadable> {
    read(lists().on(REVOCATIONS, page(&[])).on(STATES, page(states)))
}

fn read_revocations(states: &[Json], revocations: &[Json]) -> Snapshot {
    read(lists().on(REVOCATIONS, page(revocations)).on(STATES, page(states))).unwrap()
}

fn fault(result: Result<Snapshot, Unreadable>) -> Fault {
    result.unwrap_err().fault
}

fn life<'s>(snapshot: &'s Snapshot, id: &str) -> &'s Life {
    &snapshot.entries.iter().find(|entry| entry.id == id).unwrap().life
}

fn order_of(entry: Entry) -> Order {
    Order {
        target: "owl".into(),
        action: Action::Revoke,
        cause: Cause::Undeclared,
        fingerprint: Fingerprint::of(&entry),
        entry,
        reason: "undeclared: ask team".into(),
        peers: Vec::new(),
        may_open: false,
    }
}

fn order() -> Order {
    order_of(read_states(&[state("s-1")]).unwrap().entries.remove(0))
}

fn prepare_order(script: Transcript, order: &Order) -> Prepared {
    let prepared = run(AccessOwl.prepare(&script, &Account::default(), order)).unwrap();
    script.finished();
    prepared
}

fn prepare(script: Transcript) -> Prepared {
    prepare_order(script, &order())
}

fn draft() -> Draft {
    match prepare(Transcript::new().on(NARROW, page(&[state("s-1")])).on(THEIRS, page(&[]))) {
        Prepared::Send(draft) => *draft,
        other => panic!("{other:?}"),
    }
}
