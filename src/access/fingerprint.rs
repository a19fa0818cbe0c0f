//! A digest over what makes an entry give access, so that a change between plan and removal is seen.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Entry, FieldRole, Object, Region, Value, hex};

/// SHA-256 over the access-bearing fields of an entry; not over last use, counters or labels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of an entry: kind, id, holder, fields that are not labels, its beginning and the vendor's own end.
    pub fn of(entry: &Entry) -> Self {
        let mut hasher = Hasher::new("entry");
        Self::feed(&mut hasher, entry);
        Self(hasher.finish())
    }

    /// Adds an entry's access-bearing fields to a digest over several.
    pub fn feed(hasher: &mut Hasher, entry: &Entry) {
        hasher.text(entry.kind.name).text(&entry.id);
        hasher.text(entry.principal.as_ref().map_or("", |principal| &principal.id));
        hasher.text(&entry.created_at.map_or_else(String::new, |at| at.to_string()));
        hasher.text(&entry.expires_at.map_or_else(String::new, |at| at.to_string()));
        for (field, value) in entry.kind.fields.iter().zip(&entry.values) {
            if field.role != FieldRole::Label {
                hasher.text(field.name);
                hash_value(hasher, value);
            }
        }
    }

    /// From 64 hexadecimal digits, as [`fmt::Display`] writes them.
    pub fn parse(text: &str) -> Option<Self> {
        hex::bytes(text.as_bytes()).map(Self)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::of(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a fingerprint is 64 hexadecimal digits"))
    }
}

/// SHA-256 over parts, each with its length, so that no two lists of parts collide by their borders.
pub struct Hasher(Sha256);

impl Hasher {
    /// A hasher for one purpose; equal parts under another purpose give another digest.
    pub fn new(purpose: &str) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.text(purpose);
        hasher
    }

    /// Adds a text.
    pub fn text(&mut self, part: &str) -> &mut Self {
        self.bytes(part.as_bytes())
    }

    /// Adds bytes.
    pub fn bytes(&mut self, part: &[u8]) -> &mut Self {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
        self
    }

    /// Adds a value of a field, objects by their ids.
    pub fn value(&mut self, value: &Value) -> &mut Self {
        hash_value(self, value);
        self
    }

    /// Adds digests without regard to their order.
    pub fn bag(&mut self, name: &str, digests: impl IntoIterator<Item = [u8; 32]>) -> &mut Self {
        let mut digests: Vec<[u8; 32]> = digests.into_iter().collect();
        digests.sort_unstable();
        self.text(name).text(&digests.len().to_string());
        for digest in digests {
            self.bytes(&digest);
        }
        self
    }

    /// The digest.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The digest as 64 hexadecimal digits.
    pub fn finish_hex(self) -> String {
        hex::of(&self.finish())
    }
}

fn hash_value(hasher: &mut Hasher, value: &Value) {
    let by_id = |hasher: &mut Hasher, object: &Object| {
        hasher.text(&object.class).text(&object.id);
    };
    match value {
        Value::Absent => {
            hasher.text("absent");
        }
        Value::Text(text) => {
            hasher.text("text").text(text);
        }
        Value::Object(object) => {
            hasher.text("object");
            by_id(hasher, object);
        }
        Value::Set(words) => {
            hasher.text("set").text(&words.len().to_string());
            words.iter().for_each(|word| {
                hasher.text(word);
            });
        }
        Value::Objects(objects) => {
            hasher.text("objects").text(&objects.len().to_string());
            objects.iter().for_each(|object| by_id(hasher, object));
        }
        Value::Bool(flag) => {
            hasher.text(if *flag { "true" } else { "false" });
        }
        Value::Region(Region::Exact(name)) => {
            hasher.text("exact").text(name);
        }
        Value::Region(Region::Prefix(prefix)) => {
            hasher.text("prefix").text(prefix);
        }
        Value::Record(values) => {
            hasher.text("record").text(&values.len().to_string());
            values.iter().for_each(|value| hash_value(hasher, value));
        }
    }
}
