//! A reading and its entries as a document: the snapshot file, and what the journal keeps of an entry.
//!
//! Nothing in a [`Snapshot`] is secret, so nothing in here is. What comes back is checked against the system's
//! [`Description`]: a document of another system, of a kind or a field that this binary does not know, or of another
//! version is refused, since a reading that was understood only in part must not look whole.

use std::{collections::HashMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Controls, Description, Directory, Entry, Evidence, Facts, Kind, Life, Object, OwnMark, PastRecord, Shape, Snapshot,
    Text, Value,
};

/// The version of the snapshot document. Since version 2 it may hold what the journal knows.
pub const SNAPSHOT_VERSION: u32 = 2;

/// The oldest version that is still read.
const OLDEST_VERSION: u32 = 1;

/// Why a document cannot become what it says it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Written by another version.
    #[error("the snapshot has version {found}, this binary reads versions {OLDEST_VERSION} to {SNAPSHOT_VERSION}")]
    Version {
        /// The version it has.
        found: u32,
    },
    /// Of another system.
    #[error("the snapshot is of system `{found}`, the target is of `{wanted}`")]
    System {
        /// The system it has.
        found: String,
        /// The system that was expected.
        wanted: &'static str,
    },
    /// A kind that the system does not have.
    #[error("the system has no kind `{0}`")]
    Kind(String),
    /// Another number of fields, or a value that does not fit its field.
    #[error("entry `{id}`: {what}")]
    Values {
        /// The entry.
        id: String,
        /// What does not fit.
        what: String,
    },
    /// The same entry twice.
    #[error("entry `{0}` is in the snapshot twice")]
    Twice(String),
}

/// An entry as a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryRecord {
    /// The kind's name.
    pub kind: Text,
    /// The id.
    pub id: Text,
    /// The handle, where it is not the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handle: Option<Text>,
    /// The fields in the kind's order.
    pub values: Vec<Value>,
    /// The holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Arc<Object>>,
    /// The label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Text>,
    /// Its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The vendor's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Its last use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
    /// Whether it gives access.
    pub life: Life,
    /// Further facts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Box<Facts>>,
}

impl EntryRecord {
    /// The document of an entry.
    pub fn of(entry: &Entry) -> Self {
        let Entry { kind, id, handle, values, principal, label, created_at, expires_at, last_used_at, life, facts } =
            entry;
        Self {
            kind: kind.name.into(),
            id: id.clone(),
            handle: handle.clone(),
            values: values.to_vec(),
            principal: principal.clone(),
            label: label.clone(),
            created_at: *created_at,
            expires_at: *expires_at,
            last_used_at: *last_used_at,
            life: life.clone(),
            facts: facts.clone(),
        }
    }

    /// The entry of a document.
    ///
    /// # Errors
    /// A kind that the system does not have, or values that do not fit its fields.
    pub fn into_entry(self, description: &'static Description) -> Result<Entry, RecordError> {
        let Self { kind, id, handle, values, principal, label, created_at, expires_at, last_used_at, life, facts } =
            self;
        let kind = description.kind_by_name(&kind).ok_or_else(|| RecordError::Kind(kind.to_string()))?;
        check(kind, &id, &values)?;
        Ok(Entry {
            kind,
            id,
            handle,
            values: values.into(),
            principal,
            label,
            created_at,
            expires_at,
            last_used_at,
            life,
            facts,
        })
    }
}

fn check(kind: &'static Kind, id: &str, values: &[Value]) -> Result<(), RecordError> {
    let wrong = |what: String| RecordError::Values { id: id.to_owned(), what };
    if values.len() != kind.fields.len() {
        return Err(wrong(format!("{} values for {} fields", values.len(), kind.fields.len())));
    }
    match kind.fields.iter().zip(values).find(|(field, value)| !fits(&field.shape, value)) {
        Some((field, _)) => Err(wrong(format!("the value of `{}` has another shape", field.name))),
        None => Ok(()),
    }
}

/// Whether a live value can stand in a field of this shape.
fn fits(shape: &Shape, value: &Value) -> bool {
    match (shape, value) {
        (_, Value::Absent) => true,
        (Shape::Text | Shape::Level(_), Value::Text(_)) => true,
        (Shape::Person | Shape::Object { .. } | Shape::TypedObject { .. }, Value::Object(_) | Value::Text(_)) => true,
        (Shape::Set { .. }, Value::Set(_) | Value::Objects(_)) => true,
        (Shape::Flags(_), Value::Set(_)) => true,
        (Shape::Bool, Value::Bool(_)) => true,
        (Shape::Region, Value::Region(_)) => true,
        (Shape::Record(fields), Value::Record(values)) => {
            fields.len() == values.len()
                && fields.iter().zip(values.iter()).all(|(field, value)| fits(&field.shape, value))
        }
        _ => false,
    }
}

/// A snapshot as a document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotRecord {
    /// The document's version, 2; of version 1 there is no `past`.
    pub version: u32,
    /// The target that was read.
    pub target: Text,
    /// Its system.
    pub system: Text,
    /// The account's own id.
    pub account_id: Option<Text>,
    /// The first answer.
    pub started_at: Timestamp,
    /// The last answer.
    pub finished_at: Timestamp,
    /// Our clock less the vendor's, in milliseconds.
    pub clock_skew_ms: Option<i64>,
    /// How it proves that it is whole.
    pub evidence: Evidence,
    /// The own credential's entries, as the API told.
    pub own: Vec<OwnMark>,
    /// What guards things besides entries.
    pub controls: Vec<Controls>,
    /// The directory.
    pub objects: Vec<Arc<Object>>,
    /// The entries.
    pub entries: Vec<EntryRecord>,
    /// What the journal knew, where one that lasts was there to be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<PastRecord>,
}

impl SnapshotRecord {
    /// The document of a target's snapshot, with what the journal knew.
    pub fn of(target: &str, snapshot: &Snapshot, past: Option<PastRecord>) -> Self {
        let Snapshot {
            system,
            account_id,
            started_at,
            finished_at,
            clock_skew,
            entries,
            directory,
            own,
            controls,
            evidence,
        } = snapshot;
        Self {
            version: SNAPSHOT_VERSION,
            target: target.into(),
            system: (*system).into(),
            account_id: account_id.clone(),
            started_at: *started_at,
            finished_at: *finished_at,
            clock_skew_ms: clock_skew.map(|skew| i64::try_from(skew.as_millis()).unwrap_or(i64::MAX)),
            evidence: evidence.clone(),
            own: own.clone(),
            controls: controls.clone(),
            objects: directory.all(),
            entries: entries.iter().map(EntryRecord::of).collect(),
            past,
        }
    }

    /// The snapshot of a document.
    ///
    /// # Errors
    /// [`RecordError`]: another version or system, something that the description does not know, an entry twice.
    pub fn into_snapshot(self, description: &'static Description) -> Result<Snapshot, RecordError> {
        let Self {
            version,
            target: _,
            system,
            account_id,
            started_at,
            finished_at,
            clock_skew_ms,
            evidence,
            own,
            controls,
            objects,
            entries,
            past: _,
        } = self;
        if !(OLDEST_VERSION..=SNAPSHOT_VERSION).contains(&version) {
            return Err(RecordError::Version { found: version });
        }
        if system != description.system {
            return Err(RecordError::System { found: system.to_string(), wanted: description.system });
        }
        let mut directory = Directory::default();
        for object in objects {
            directory.add(object);
        }
        let mut seen: HashMap<(&'static str, Text), ()> = HashMap::with_capacity(entries.len());
        let mut live = Vec::with_capacity(entries.len());
        for record in entries {
            let mut entry = record.into_entry(description)?;
            if seen.insert((entry.kind.name, entry.id.clone()), ()).is_some() {
                return Err(RecordError::Twice(entry.id.to_string()));
            }
            // Equal objects are held once, as a live reading holds them.
            entry.principal = entry.principal.map(|object| shared(&directory, object));
            for value in &mut entry.values {
                if let Value::Object(object) = value {
                    *object = shared(&directory, Arc::clone(object));
                }
            }
            live.push(entry);
        }
        Ok(Snapshot {
            system: description.system,
            account_id,
            started_at,
            finished_at,
            clock_skew: clock_skew_ms.map(SignedDuration::from_millis),
            entries: live,
            directory,
            own,
            controls,
            evidence,
        })
    }
}

fn shared(directory: &Directory, object: Arc<Object>) -> Arc<Object> {
    match directory.get(&object.class, &object.id) {
        Some(known) if **known == *object => Arc::clone(known),
        _ => object,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{AuthStyle, Field, FieldRole, Fingerprint, Region, RequestRate, Reversibility};

    static KIND: Kind = Kind {
        name: "token",
        list: "tokens",
        noun: "token",
        fields: &[
            Field { name: "id", shape: Shape::Text, role: FieldRole::Exact, compare: None, doc: "" },
            Field { name: "user", shape: Shape::Person, role: FieldRole::Key, compare: None, doc: "" },
            Field { name: "streams", shape: Shape::Region, role: FieldRole::Content, compare: None, doc: "" },
        ],
        identities: &[&["id"]],
        limits: &[],
        allow_limits: &[],
        reversibility: Reversibility::Irreversible,
        holds_own: true,
        has_owner: false,
        splits_by: None,
        reissues_ids: false,
        read_alone: true,
    };
    static SYSTEM: Description = Description {
        system: "made_up",
        title: "Made up",
        hosts: &[],
        auth: AuthStyle::Bearer,
        own_claim: None,
        target_fields: &[],
        kinds: std::slice::from_ref(&KIND),
        requests: RequestRate { count: 1, seconds: 1 },
        concurrency: 1,
        knows_account: false,
        by_hand: false,
    };

    fn snapshot() -> Snapshot {
        let mut directory = Directory::default();
        let anna = directory.add(Arc::new(Object {
            class: "user".into(),
            id: "usr_1".into(),
            names: vec!["anna@example.com".into()],
            parent: None,
            called: None,
            people: None,
            typed: false,
        }));
        let entry = Entry {
            kind: &KIND,
            id: "service/a".into(),
            handle: Some("h1".into()),
            values: Box::new([
                Value::Text("service/a".into()),
                Value::Object(Arc::clone(&anna)),
                Value::Region(Region::Prefix("a/".into())),
            ]),
            principal: Some(anna),
            label: None,
            created_at: Some("2026-01-01T00:00:00Z".parse().unwrap()),
            expires_at: None,
            last_used_at: None,
            life: Life::Live,
            facts: Some(Box::new(Facts { weight: 3, ..Facts::default() })),
        };
        Snapshot {
            system: "made_up",
            account_id: Some("acc".into()),
            started_at: "2026-11-21T10:00:00Z".parse().unwrap(),
            finished_at: "2026-11-21T10:00:01Z".parse().unwrap(),
            clock_skew: Some(SignedDuration::from_millis(-1500)),
            entries: vec![entry],
            directory,
            own: vec![OwnMark { kind: "token".into(), id: "me".into() }],
            controls: Vec::new(),
            evidence: Evidence { requests: 2, pages: 1, ..Evidence::default() },
        }
    }

    #[test]
    fn a_snapshot_comes_back_as_it_was_with_the_same_fingerprints() {
        let before = snapshot();
        let text = serde_json::to_string(&SnapshotRecord::of("t", &before, None)).unwrap();
        let record: SnapshotRecord = serde_json::from_str(&text).unwrap();
        let after = record.clone().into_snapshot(&SYSTEM).unwrap();
        assert_eq!(after.entries, before.entries);
        assert_eq!(Fingerprint::of(&after.entries[0]), Fingerprint::of(&before.entries[0]));
        assert_eq!(after.clock_skew, before.clock_skew);
        assert_eq!(after.directory.all(), before.directory.all());
        assert_eq!(SnapshotRecord::of("t", &after, None), record);
    }

    #[test]
    fn what_is_understood_only_in_part_is_refused() {
        let good = SnapshotRecord::of("t", &snapshot(), None);
        let refused = |change: &dyn Fn(&mut SnapshotRecord)| {
            let mut record = good.clone();
            change(&mut record);
            record.into_snapshot(&SYSTEM).unwrap_err()
        };
        assert_eq!(refused(&|record| record.version = 3), RecordError::Version { found: 3 });
        assert!(matches!(refused(&|record| record.system = "s3".into()), RecordError::System { .. }));
        assert!(matches!(refused(&|record| record.entries[0].kind = "key".into()), RecordError::Kind(_)));
        assert!(matches!(
            refused(&|record| {
                record.entries[0].values.pop();
            }),
            RecordError::Values { .. }
        ));
        assert!(matches!(
            refused(&|record| record.entries[0].values[2] = Value::Bool(true)),
            RecordError::Values { .. }
        ));
        assert!(matches!(
            refused(&|record| {
                let again = record.entries[0].clone();
                record.entries.push(again);
            }),
            RecordError::Twice(_)
        ));
        assert!(serde_json::from_str::<SnapshotRecord>(r#"{"version":1,"secret":"x"}"#).is_err());
    }
}
