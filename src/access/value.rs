//! Values of fields, both live and declared.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Text;

/// The value of one field of an entry or a declaration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// Nothing: null at the system, left out in a file.
    #[default]
    Absent,
    /// A text, a level, or a name that is not resolved yet.
    Text(Text),
    /// A live object with its id and names.
    Object(Arc<Object>),
    /// A set of words, sorted and without repeats.
    Set(Arc<[Text]>),
    /// A set of live objects, sorted by id.
    Objects(Arc<[Arc<Object>]>),
    /// A truth value.
    Bool(bool),
    /// A part of a namespace.
    Region(Region),
    /// The values of a record's fields, in the order of its [`super::Shape::Record`].
    Record(Arc<[Value]>),
}

impl Value {
    /// A set of words: sorted, repeats dropped.
    pub fn set(words: impl IntoIterator<Item = Text>) -> Self {
        let mut words: Vec<Text> = words.into_iter().collect();
        words.sort_unstable();
        words.dedup();
        Self::Set(words.into())
    }

    /// A set of objects: sorted by id, repeats dropped.
    pub fn objects(objects: impl IntoIterator<Item = Arc<Object>>) -> Self {
        let mut objects: Vec<Arc<Object>> = objects.into_iter().collect();
        objects.sort_by(|a, b| a.id.cmp(&b.id));
        objects.dedup_by(|a, b| a.id == b.id);
        Self::Objects(objects.into())
    }

    /// Whether it is [`Value::Absent`].
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Every spelling by which a selector may name this value: a text, an object's id and names, each word of a set.
    /// Records and regions have none.
    pub fn any_spelling(&self, mut wanted: impl FnMut(&str) -> bool) -> bool {
        match self {
            Self::Absent | Self::Region(_) | Self::Record(_) => false,
            Self::Text(text) => wanted(text),
            Self::Object(object) => object.any_spelling(&mut wanted),
            Self::Set(words) => words.iter().any(|word| wanted(word)),
            Self::Objects(objects) => objects.iter().any(|object| object.any_spelling(&mut wanted)),
            Self::Bool(flag) => wanted(if *flag { "true" } else { "false" }),
        }
    }
}

/// A live object of a system's directory: a person, an application, a resource, a gateway, a department.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Object {
    /// Its class, for instance `application`.
    pub class: Text,
    /// The vendor's id. For classes of a typed field (`assistant/asst_1`) without the class.
    pub id: Text,
    /// What policies may call it; the first is shown. Of a person that is the e-mail address alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Text>,
    /// What a person calls himself: shown where there is no name, and no proof of who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<Text>,
    /// The id of the object it lies in (a resource's application).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Text>,
    /// How many people it stands for, where the API tells (a department, a role).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<u32>,
    /// Whether it is written `class/id` (Aitronos), so that this is a spelling too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub typed: bool,
}

impl Object {
    /// What to show: the first name, else what a person calls himself, else the id.
    pub fn shown(&self) -> &str {
        self.names.first().or(self.called.as_ref()).unwrap_or(&self.id)
    }

    /// Whether `wanted` takes its id, a name, or either with its class before a slash where it is typed.
    pub fn any_spelling(&self, mut wanted: impl FnMut(&str) -> bool) -> bool {
        std::iter::once(&self.id)
            .chain(&self.names)
            .any(|spelling| if self.typed { wanted(&format!("{}/{spelling}", self.class)) } else { wanted(spelling) })
    }
}

/// A part of a namespace that a token may touch (S2's resource sets).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// Exactly this name.
    Exact(Text),
    /// Every name that begins so; the empty prefix is everything.
    Prefix(Text),
}

impl Region {
    /// Whether everything in this region lies in `other`.
    pub fn lies_in(&self, other: &Region) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => a == b,
            (Self::Exact(a) | Self::Prefix(a), Self::Prefix(b)) => a.starts_with(b.as_str()),
            (Self::Prefix(_), Self::Exact(_)) => false,
        }
    }
}
