//! A small world to plan in: entries and policies of S2, Buildkite, AccessOwl and Pinata, made by hand.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use crate::{
    access::{
        Description, Directory, Entry, Evidence, Facts, History, Kind, Life, Object, OwnMark, Pattern, Person,
        SelectField, Selector, Selectors, Snapshot, Text, Value,
    },
    plan::{Confirmation, HoldName, Input, Planned, Settings, Status, TargetPlan, plan_target},
    policy::{Absent, Allow, Declaration, Limits, ManagedSet, OnExcess, Place, PolicyFile, TargetPolicy},
    systems,
};

pub fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

pub fn days_ago(days: i64) -> Timestamp {
    now() - SignedDuration::from_hours(24 * days)
}

pub struct World {
    pub description: &'static Description,
    pub settings: Settings,
    pub policy: TargetPolicy,
    pub people: BTreeMap<Text, Arc<Person>>,
    pub snapshot: Snapshot,
    pub history: History,
    pub confirmation: Confirmation,
    pub stated: Option<u32>,
    pub saved: Option<TargetPlan>,
}

impl World {
    /// A world of one system in which everything is enforced, the own credential is elsewhere, and guards are wide.
    pub fn of(system: &str) -> Self {
        let description: &'static Description = match system {
            "accessowl" => &systems::accessowl::DESCRIPTION,
            "aitronos" => &systems::aitronos::DESCRIPTION,
            "buildkite" => &systems::buildkite::DESCRIPTION,
            _ => &systems::s2::DESCRIPTION,
        };
        Self {
            description,
            settings: Settings {
                target: "t".into(),
                account: None,
                enforce: description.kinds.iter().collect(),
                own: Vec::new(),
                own_unlisted: description.kinds.iter().collect(),
                protected: Vec::new(),
                may_open: Vec::new(),
                max_share_percent: 100,
                max_count: 1000,
                keep_at_least: 0,
                notice: SignedDuration::ZERO,
                max_clock_skew: SignedDuration::from_mins(5),
                max_in_flight: SignedDuration::from_hours(24 * 7),
                stopped: None,
                retry_refused: false,
                announced_only: false,
                only_expired: None,
                frozen_until: None,
            },
            policy: TargetPolicy {
                files: vec![file("a.yaml"), file("b.yaml")],
                digest: "digest".into(),
                ..TargetPolicy::default()
            },
            people: BTreeMap::new(),
            snapshot: Snapshot {
                system: description.system,
                account_id: None,
                started_at: now(),
                finished_at: now(),
                clock_skew: None,
                entries: Vec::new(),
                directory: Directory::default(),
                own: Vec::new(),
                controls: Vec::new(),
                evidence: Evidence::default(),
            },
            history: History { persistent: true, ..History::default() },
            confirmation: Confirmation::Unattended,
            stated: None,
            saved: None,
        }
    }

    pub fn kind(&self) -> &'static Kind {
        &self.description.kinds[0]
    }

    /// Adds a live entry with one text in its first field.
    pub fn live(&mut self, id: &str) -> &mut Entry {
        let mut values = vec![Value::Absent; self.kind().fields.len()];
        values[0] = Value::Text(id.into());
        self.entry(id, values)
    }

    pub fn entry(&mut self, id: &str, values: Vec<Value>) -> &mut Entry {
        self.snapshot.entries.push(Entry {
            kind: self.kind(),
            id: id.into(),
            handle: None,
            values: values.into(),
            principal: None,
            label: None,
            created_at: Some(days_ago(10)),
            expires_at: None,
            last_used_at: None,
            life: Life::Live,
            facts: None,
        });
        self.snapshot.entries.last_mut().unwrap()
    }

    /// Declares an entry by the text of its first field, in `a.yaml`.
    pub fn declare(&mut self, id: &str) -> &mut Declaration {
        let mut values = vec![Value::Absent; self.kind().fields.len()];
        values[0] = Value::Text(id.into());
        self.declaration(&format!("id={id}"), values, None)
    }

    pub fn declaration(&mut self, key: &str, values: Vec<Value>, person: Option<Arc<Person>>) -> &mut Declaration {
        let line = u32::try_from(10 + self.policy.declarations.len()).unwrap();
        self.policy.declarations.push(Declaration {
            kind: self.kind(),
            key: key.into(),
            values: values.into(),
            person,
            justifications: ["needed".into()].into(),
            teams: [].into(),
            limits: Limits::default().into(),
            on_excess: OnExcess::Report,
            places: Box::new([Place { file: 0, line }]),
        });
        self.policy.declarations.last_mut().unwrap()
    }

    /// Manages what a glob over the first field names, from a file.
    pub fn manage(&mut self, file: u32, glob: &str) -> &mut ManagedSet {
        let set = ManagedSet {
            kind: self.kind(),
            select: select(glob),
            except: Vec::new(),
            allow_empty: false,
            place: Place { file, line: 3 },
        };
        self.policy.sets.push(set);
        self.policy.sets.last_mut().unwrap()
    }

    pub fn allow(&mut self, file: u32, glob: &str) -> &mut Allow {
        self.policy.allows.push(Allow {
            kind: self.kind(),
            select: select(glob),
            limits: Limits::default(),
            must_expire_within: None,
            justification: None,
            team: None,
            place: Place { file, line: 5 },
        });
        self.policy.allows.last_mut().unwrap()
    }

    pub fn absent(&mut self, id: &str) {
        let mut values = vec![Value::Absent; self.kind().fields.len()];
        values[0] = Value::Text(id.into());
        self.policy.absents.push(Absent {
            kind: self.kind(),
            values: values.into(),
            person: None,
            justification: Some("SEC-9, leaked".into()),
            team: None,
            place: Place { file: 0, line: 7 },
        });
    }

    pub fn protect(&mut self, glob: &str) {
        self.settings.protected.push((self.kind(), select(glob)));
    }

    pub fn own(&mut self, id: &str) {
        self.snapshot.own.push(OwnMark { kind: self.kind().name.into(), id: id.into() });
        self.settings.own_unlisted.clear();
    }

    pub fn planned(&self, observe: bool) -> Planned {
        plan_target(&Input {
            description: self.description,
            settings: &self.settings,
            policy: &self.policy,
            people: &self.people,
            snapshot: &self.snapshot,
            history: &self.history,
            confirmation: &self.confirmation,
            stated: self.stated,
            saved: self.saved.as_ref(),
            now: now(),
            from_file: None,
            observe,
            upcoming: false,
        })
    }

    pub fn plan(&self) -> TargetPlan {
        self.planned(false).plan
    }

    /// Ids and causes of what would be sent.
    pub fn sent(&self) -> Vec<(String, &'static str)> {
        let plan = self.plan();
        let mut sent: Vec<_> = plan.changes().map(|row| (row.id.to_string(), row.cause.unwrap().name())).collect();
        sent.sort();
        sent
    }

    pub fn sent_ids(&self) -> Vec<String> {
        self.sent().into_iter().map(|(id, _)| id).collect()
    }

    /// What holds an entry's row; empty where it is not held.
    pub fn holds(&self, id: &str) -> Vec<HoldName> {
        let plan = self.plan();
        let row = plan.rows.iter().find(|row| row.id == id && row.status == Status::Held);
        row.map(|row| row.holds.iter().map(|hold| hold.name).collect()).unwrap_or_default()
    }

    pub fn refusals(&self) -> Vec<&'static str> {
        self.plan().refusals.iter().map(|refusal| refusal.guard.name()).collect()
    }

    /// What the journal would know after this run.
    pub fn remember(&mut self) {
        let seen = self.planned(true).observation;
        for last in seen.matched {
            self.history.matches.insert((last.kind.clone(), last.id.clone()), last);
        }
        for key in seen.forgotten {
            self.history.matches.remove(&key);
        }
        for (key, fingerprint) in seen.undeclared {
            let since = crate::access::UndeclaredSince { since: now(), fingerprint };
            self.history.undeclared.insert(key, since);
        }
        for key in seen.declared_again {
            self.history.undeclared.remove(&key);
        }
        self.history.owners.extend(seen.owners);
    }
}

pub fn file(name: &str) -> PolicyFile {
    PolicyFile {
        name: name.into(),
        digest: "d".into(),
        team: Some("data@example.com".into()),
        reasons: BTreeMap::new(),
    }
}

pub fn select(glob: &str) -> Selectors {
    if glob == "all" { Selectors::All } else { Selectors::Any(vec![selector(glob)]) }
}

pub fn selector(glob: &str) -> Selector {
    let condition = crate::access::Condition {
        field: SelectField::Field(0),
        any_of: vec![Pattern::parse(glob).unwrap()],
        ignore_case: false,
    };
    Selector { conditions: vec![condition] }
}

pub fn object(class: &str, id: &str, name: &str, parent: Option<&str>) -> Arc<Object> {
    Arc::new(Object {
        class: class.into(),
        id: id.into(),
        names: if name.is_empty() { Vec::new() } else { vec![name.into()] },
        parent: parent.map(Into::into),
        called: None,
        people: None,
        typed: false,
    })
}

pub fn person(name: &str, until: Option<Timestamp>) -> Arc<Person> {
    Arc::new(Person {
        name: name.into(),
        email: Some(format!("{name}@example.com").into()),
        aliases: BTreeMap::new(),
        until,
        service: false,
    })
}

pub fn facts(change: impl FnOnce(&mut Facts)) -> Option<Box<Facts>> {
    let mut facts = Facts::default();
    change(&mut facts);
    Some(Box::new(facts))
}

/// A world of AccessOwl with people, two applications and their resources.
pub fn accessowl() -> World {
    let mut world = World::of("accessowl");
    for name in ["anna", "ben", "cleo"] {
        world.snapshot.directory.add(object("user", &format!("u-{name}"), &format!("{name}@example.com"), None));
        world.people.insert(name.into(), person(name, None));
    }
    for app in ["GitHub", "Jira"] {
        world.snapshot.directory.add(object("application", &format!("a-{app}"), app, None));
        for resource in ["prod", "test"] {
            let id = format!("r-{app}-{resource}");
            world.snapshot.directory.add(object("resource", &id, resource, Some(&format!("a-{app}"))));
        }
    }
    world
}

impl World {
    /// A live access state.
    pub fn state(&mut self, id: &str, user: &str, app: &str, resource: &str, permissions: &[&str]) -> &mut Entry {
        let get = |class: &str, id: String| Arc::clone(self.snapshot.directory.get(class, &id).unwrap());
        let user = get("user", format!("u-{user}"));
        let application = get("application", format!("a-{app}"));
        let mut lineage = vec![user.id.clone(), application.id.clone()];
        let resource = if resource.is_empty() {
            Value::Absent
        } else {
            let resource = get("resource", format!("r-{app}-{resource}"));
            lineage.push(resource.id.clone());
            Value::Object(resource)
        };
        let permissions =
            Value::objects(permissions.iter().map(|name| object("permission", &format!("p-{name}"), name, None)));
        let values = vec![
            Value::Text(id.into()),
            Value::Object(user.clone()),
            Value::Object(application),
            resource,
            permissions,
        ];
        let entry = self.entry(id, values);
        entry.principal = Some(user);
        entry.facts = facts(|facts| facts.lineage = lineage);
        entry
    }

    /// Declares access for a person of the people file.
    pub fn access(&mut self, user: &str, app: &str, resource: &str, permissions: &[&str]) -> &mut Declaration {
        let text = |text: &str| if text.is_empty() { Value::Absent } else { Value::Text(text.into()) };
        let permissions = match permissions {
            [] => Value::Absent,
            some => Value::set(some.iter().map(|name| Text::from(*name))),
        };
        let person = self.people.get(user).cloned().unwrap_or_else(|| person(user, None));
        let key = format!("user={user} application={app} resource={resource}");
        self.declaration(&key, vec![Value::Absent, Value::Absent, text(app), text(resource), permissions], Some(person))
    }
}
