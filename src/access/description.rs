//! What a system tells about itself, as data: its kinds, their fields, the limits it can answer, what a removal costs.
//!
//! Policies are parsed against this and the JSON Schema is composed from it, so a new system needs no code outside its module.

use super::{Gap, Limit, Reversibility, Value};

/// A system, described as data.
#[derive(Debug)]
pub struct Description {
    /// The name in `system:`, for instance `s2`. Also the key of a person's `aliases`.
    pub system: &'static str,
    /// What people call it, for instance `S2`.
    pub title: &'static str,
    /// The hosts that it is reached at; the first is the main one.
    pub hosts: &'static [HostSpec],
    /// How the credential is sent unless a target field says otherwise.
    pub auth: AuthStyle,
    /// The claim of a JWT credential that holds the own entry's handle (Pinata `scopedKeyKey`).
    pub own_claim: Option<&'static str>,
    /// Fields of a target besides those that every target takes.
    pub target_fields: &'static [TargetField],
    /// The kinds that it lists.
    pub kinds: &'static [Kind],
    /// The documented request rate, the default of `limits.requests`.
    pub requests: RequestRate,
    /// Requests at once, the default of `limits.concurrency`.
    pub concurrency: u32,
    /// Whether the API tells the account's own id; otherwise the operator's `account:` label stands for it.
    pub knows_account: bool,
    /// Whether people at the system carry removals out by hand (AccessOwl), so that asking twice a day annoys them.
    pub by_hand: bool,
}

impl Description {
    /// The kind with this list name (`access_tokens`), if the system has it.
    pub fn kind_by_list(&self, list: &str) -> Option<&'static Kind> {
        self.kinds.iter().find(|kind| kind.list == list)
    }

    /// The kind with this name (`access_token`), if the system has it.
    pub fn kind_by_name(&self, name: &str) -> Option<&'static Kind> {
        self.kinds.iter().find(|kind| kind.name == name)
    }
}

/// One host of a system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostSpec {
    /// The name by which requests speak of it, for instance `graphql`.
    pub name: &'static str,
    /// The target field that overrides it: `base_url`, `graphql_url`, `rest_url`.
    pub key: &'static str,
    /// The vendor's address, with the version in its path, without a slash at the end.
    pub default: &'static str,
}

/// How a credential travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthStyle {
    /// `Authorization: Bearer …`
    Bearer,
    /// A header of the vendor's own, for instance `X-API-Key`.
    Header(&'static str),
}

/// So many requests in so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRate {
    /// How many.
    pub count: u32,
    /// In this many seconds: 1, 60 or 3600.
    pub seconds: u32,
}

/// A field of a target in `portcullis.yaml`.
#[derive(Debug)]
pub struct TargetField {
    /// Its name.
    pub name: &'static str,
    /// What values it takes.
    pub shape: TargetShape,
    /// Whether it must be given.
    pub required: bool,
    /// One sentence for the schema and `--help`.
    pub doc: &'static str,
}

/// What a target field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetShape {
    /// Any text.
    Text,
    /// One word of a list; the first is the default.
    OneOf(&'static [&'static str]),
    /// A list of words out of this list.
    ManyOf(&'static [&'static str]),
    /// The word `all`, or a list of texts.
    AllOrTexts,
    /// One word of a list, each with how the credential then travels; the first is the default.
    Auth(&'static [(&'static str, AuthStyle)]),
}

/// A kind of thing that a system lists.
#[derive(Debug)]
pub struct Kind {
    /// Its name, for instance `access_token`.
    pub name: &'static str,
    /// The list in files that holds it, for instance `access_tokens`.
    pub list: &'static str,
    /// What a person calls one of them: `access token`.
    pub noun: &'static str,
    /// Its fields, in the order of [`super::Entry::values`].
    pub fields: &'static [Field],
    /// The sets of fields that identify one entry, the exact id first. An optional key field is marked in its [`Field`].
    pub identities: &'static [&'static [&'static str]],
    /// The limits that this kind can answer in a declaration and in `allow`.
    pub limits: &'static [Limit],
    /// Further limits that it can answer in `allow` only.
    pub allow_limits: &'static [Limit],
    /// Whether a removal can be undone.
    pub reversibility: Reversibility,
    /// Whether Portcullis' own credential can be among these entries, so that the kind stays in observe until it is known.
    pub holds_own: bool,
    /// Whether entries have an owner: an owner that is null while the journal knows one holds the row.
    pub has_owner: bool,
    /// The content field by which several entries may together meet one declaration (AccessOwl `permissions`).
    pub splits_by: Option<&'static str>,
    /// Whether the system may give the id of an entry that is gone to a new one: then another fingerprint is another entry.
    pub reissues_ids: bool,
    /// Whether an entry can be read alone right before its removal; otherwise only with the whole list.
    pub read_alone: bool,
}

// Descriptions are statics: a kind is the same kind if it is the same static.
impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || (self.name == other.name && self.list == other.list)
    }
}
impl Eq for Kind {}

impl Kind {
    /// The position of a field in [`super::Entry::values`].
    pub fn field_index(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The field with this name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The position of the field that alone or with its siblings names an entry exactly (the first identity's last field).
    pub fn exact_field(&self) -> Option<usize> {
        self.identities.first().and_then(|names| names.last()).and_then(|name| self.field_index(name))
    }

    /// Whether a limit may stand in a declaration of this kind.
    pub fn answers(&self, limit: Limit) -> bool {
        self.limits.contains(&limit)
    }
}

/// A field of a kind.
#[derive(Debug)]
pub struct Field {
    /// Its name in files.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// What it is for.
    pub role: FieldRole,
    /// Overrides the comparison that the shape implies.
    pub compare: Option<fn(&Value, &Value) -> Gap>,
    /// One sentence for the schema.
    pub doc: &'static str,
}

/// What a field is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldRole {
    /// Names an entry exactly: ids and handles.
    Exact,
    /// Part of the natural key; must be given where the natural key is used.
    Key,
    /// Part of the natural key; left out it means "none" (AccessOwl `resource`: application-wide, or the only resource
    /// where that has no title).
    OptionalKey,
    /// Part of the natural key that people can edit (Buildkite `description`); never part of a fingerprint.
    Label,
    /// How much the entry gives: compared, never a key. Left out of a declaration it is not compared.
    Content,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Any text, compared exactly.
    Text,
    /// A person, by a name of the people file, an e-mail address or the system's own user id. In declarations the field may
    /// be written `user`, `users` or `groups`.
    Person,
    /// An object of a class of the snapshot's directory, by id or by name. `lookup`: a name that resolves to nothing or to
    /// several holds rows as `unresolved`. `within`: the field that holds its parent object.
    Object {
        /// The class in the directory.
        class: &'static str,
        /// Whether the API has a list of these, so that a name can be known to be wrong.
        lookup: bool,
        /// The field that holds the object it lies in.
        within: Option<&'static str>,
    },
    /// An object written `class/id` or `class/name`, of one of these classes (Aitronos `entity`, `grantee`).
    TypedObject {
        /// The classes that may stand before the slash.
        classes: &'static [&'static str],
    },
    /// A set of words. `known` empty: open, each element is an object that has an id and a name; one without a name is never
    /// excess. Otherwise the words that this binary knows: any other live word is never excess.
    Set {
        /// The words known.
        known: &'static [&'static str],
    },
    /// One word of an ordered list, the least first.
    Level(&'static [&'static str]),
    /// `true` or `false`.
    Bool,
    /// `{ exact: NAME }` or `{ prefix: TEXT }`; absent means nothing at all.
    Region,
    /// Named groups of flags, `{ stream: { read: true } }`, held as the set of words `stream.read`.
    Flags(&'static [(&'static str, &'static [&'static str])]),
    /// A mapping of further fields; one that is left out means none.
    Record(&'static [Field]),
}
