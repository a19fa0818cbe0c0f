//! Northlight's AccessOwl: seven applications, and what drifted in them.

use std::collections::BTreeMap;

use super::{days_ago, employees, in_groups, uuid_of};
use crate::sandbox::accessowl::{AccessState, Application, Permission, Provisioning, Resource, State, User};

/// An application: title, how removals are carried out, and its resources (title or none, permissions).
type Sketch = (&'static str, Provisioning, &'static [(Option<&'static str>, &'static [&'static str])]);

const APPLICATIONS: &[Sketch] = &[
    ("Slack", Provisioning::Automatic, &[]),
    ("GitHub", Provisioning::Automatic, &[(Some("northlight"), &["Member"]), (Some("northlight-infra"), &["Admin"])]),
    ("Datadog", Provisioning::Automatic, &[]),
    ("AWS", Provisioning::ApplicationAdmin, &[(Some("Production"), &["ReadOnly", "Administrator"])]),
    // One resource only: it has no title.
    ("Figma", Provisioning::Automatic, &[(None, &["Editor", "Viewer"])]),
    ("HubSpot", Provisioning::ApplicationAdmin, &[]),
    ("Zendesk", Provisioning::Automatic, &[]),
];

pub(super) fn state() -> State {
    let mut state = State::empty();
    for person in employees() {
        state.users.push(User {
            id: user_id(&person.key),
            email: person.email.clone(),
            first_name: Some(person.first.to_owned()),
            last_name: Some(person.last.to_owned()),
            status: if person.left { "offboarded" } else { "active" }.to_owned(),
            departments: if person.group.is_empty() { Vec::new() } else { vec![person.group.to_owned()] },
            job_title: None,
        });
    }
    for (title, provisioning, resources) in APPLICATIONS {
        state.applications.push(application(title, "requestable", *provisioning, resources));
    }
    state.applications.push(application("ChatGPT", "discovered", Provisioning::ApplicationAdmin, &[]));

    let mut grants = Grants { state, count: BTreeMap::new() };
    let (engineers, platform) = (in_groups(&["platform", "product-engineering", "data"]), in_groups(&["platform"]));
    for person in employees().iter().filter(|person| !person.group.is_empty()) {
        grants.give(&person.key, "Slack", None, &[]);
    }
    for key in &engineers {
        grants.give(key, "GitHub", Some("northlight"), &["Member"]);
    }
    for key in ["anna", "tomas"] {
        grants.give(key, "GitHub", Some("northlight-infra"), &["Admin"]);
    }
    for key in &platform {
        grants.give(key, "Datadog", None, &[]);
        grants.give(key, "AWS", Some("Production"), &["ReadOnly"]);
    }
    for key in in_groups(&["design"]) {
        grants.give(&key, "Figma", Some(""), &["Editor"]);
    }
    for key in in_groups(&["product"]) {
        grants.give(&key, "Figma", Some(""), &["Viewer"]);
    }
    for key in in_groups(&["sales", "marketing"]) {
        grants.give(&key, "HubSpot", None, &[]);
    }
    // Kofi has just started: his Zendesk access is declared and not there yet.
    for key in in_groups(&["support"]).iter().filter(|key| *key != "kofi") {
        grants.give(key, "Zendesk", None, &[]);
    }

    // What nobody declares: two who left, one grant too many, one for an afternoon that never ended.
    grants.give("pete", "Slack", None, &[]);
    grants.give("pete", "HubSpot", None, &[]);
    grants.give("nora", "GitHub", Some("northlight"), &["Member"]);
    grants.give("ben", "GitHub", Some("northlight-infra"), &["Admin"]);
    grants.give("dina", "AWS", Some("Production"), &["ReadOnly"]);
    // What is declared, with an end that has passed.
    grants.give("milo", "GitHub", Some("northlight"), &["Member"]);
    grants.give("maya", "Datadog", None, &[]);
    // What no selector reaches: usage that was only discovered, and an account without a person.
    for key in ["sofia", "theo", "carl"] {
        grants.give(key, "ChatGPT", None, &[]);
    }
    let mut unlinked = grants.make("northlight-ci", "GitHub", Some("northlight"), &["Member"]);
    unlinked.grantee_user_id = None;
    grants.state.states.push(unlinked);
    // What ended long ago stays in the list.
    for key in ["nora", "pete"] {
        let mut ended = grants.make(key, "Zendesk", None, &[]);
        ended.effective_end = Some(days_ago(90));
        grants.state.states.push(ended);
    }
    grants.state
}

struct Grants {
    state: State,
    count: BTreeMap<String, i64>,
}

impl Grants {
    fn give(&mut self, user: &str, application: &str, resource: Option<&str>, permissions: &[&str]) {
        let state = self.make(user, application, resource, permissions);
        self.state.states.push(state);
    }

    fn make(&mut self, user: &str, application: &str, resource: Option<&str>, permissions: &[&str]) -> AccessState {
        let age = self.count.entry(application.to_owned()).or_insert(30);
        *age += 7;
        let place = format!("{application}/{}", resource.unwrap_or("*"));
        AccessState {
            id: uuid_of(&format!("access state {user} {place}")),
            application_id: application_id(application),
            grantee_user_account_id: uuid_of(&format!("account {user} {application}")),
            grantee_user_id: Some(user_id(user)),
            effective_start: days_ago(*age),
            effective_end: None,
            resource_id: resource.map(|title| resource_id(application, title)),
            target_permission_ids: permissions
                .iter()
                .map(|title| permission_id(application, resource.unwrap_or(""), title))
                .collect(),
        }
    }
}

fn application(
    title: &str,
    status: &str,
    provisioning_type: Provisioning,
    resources: &[(Option<&str>, &[&str])],
) -> Application {
    let resource = |&(name, permissions): &(Option<&str>, &[&str])| {
        let named = name.unwrap_or("");
        let permission = |permission: &&str| Permission {
            id: permission_id(title, named, permission),
            title: (*permission).to_owned(),
            elevated: permission.starts_with("Admin"),
        };
        Resource {
            id: resource_id(title, named),
            title: name.map(str::to_owned),
            parent_resource_id: None,
            permissions: permissions.iter().map(permission).collect(),
        }
    };
    Application {
        id: application_id(title),
        title: title.to_owned(),
        status: status.to_owned(),
        provisioning_type,
        resources: resources.iter().map(resource).collect(),
    }
}

fn user_id(key: &str) -> String {
    uuid_of(&format!("accessowl user {key}"))
}

fn application_id(title: &str) -> String {
    uuid_of(&format!("application {title}"))
}

fn resource_id(application: &str, title: &str) -> String {
    uuid_of(&format!("resource {application} {title}"))
}

fn permission_id(application: &str, resource: &str, title: &str) -> String {
    uuid_of(&format!("permission {application} {resource} {title}"))
}
