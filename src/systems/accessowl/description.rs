//! AccessOwl as data.

use crate::access::{
    AuthStyle, Description, Field, FieldRole, HostSpec, Kind, Limit, RequestRate, Reversibility, Shape, TargetField,
    TargetShape,
};

/// The one host.
pub const API: &str = "api";

/// The target field that lets in what lies outside every selector, and its words.
pub const INCLUDE: &str = "include";
/// Accounts that are linked to no person.
pub const UNLINKED: &str = "unlinked";
/// Applications whose use AccessOwl only found.
pub const DISCOVERED: &str = "discovered";

/// Positions in [`ACCESS`]'s fields.
pub const USER: usize = 1;
/// See [`USER`].
pub const APPLICATION: usize = 2;
/// See [`USER`].
pub const RESOURCE: usize = 3;

/// A person's access to an application or a resource of it (AccessOwl calls it an access state).
pub static ACCESS: &Kind = &KINDS[0];

static KINDS: [Kind; 1] = [Kind {
    name: "access",
    list: "access",
    noun: "access",
    fields: &[
        Field {
            name: "id",
            shape: Shape::Text,
            role: FieldRole::Exact,
            compare: None,
            doc: "The id of the access state.",
        },
        Field { name: "user", shape: Shape::Person, role: FieldRole::Key, compare: None, doc: "Who holds the access." },
        Field {
            name: "application",
            shape: Shape::Object { class: "application", lookup: true, within: None },
            role: FieldRole::Key,
            compare: None,
            doc: "The application, by its id or its title.",
        },
        Field {
            name: "resource",
            shape: Shape::Object { class: "resource", lookup: true, within: Some("application") },
            role: FieldRole::OptionalKey,
            compare: None,
            doc: "The resource within the application, by its id or its title. Left out it means the application as a \
                  whole, or its only resource where that has no title.",
        },
        Field {
            name: "permissions",
            shape: Shape::Set { known: &[] },
            role: FieldRole::Content,
            compare: None,
            doc: "The most permissions that it may hold, by id or title. Left out they are not compared.",
        },
    ],
    identities: &[&["id"], &["user", "application", "resource"]],
    limits: &[Limit::Expires, Limit::MaxAge],
    allow_limits: &[],
    reversibility: Reversibility::Lossy,
    holds_own: false,
    has_owner: false,
    splits_by: Some("permissions"),
    reissues_ids: false,
    read_alone: true,
}];

/// AccessOwl.
pub static DESCRIPTION: Description = Description {
    system: "accessowl",
    title: "AccessOwl",
    hosts: &[HostSpec { name: API, key: "base_url", default: "https://api.accessowl.com/api/v1" }],
    auth: AuthStyle::Bearer,
    own_claim: None,
    target_fields: &[TargetField {
        name: INCLUDE,
        shape: TargetShape::ManyOf(&[UNLINKED, DISCOVERED]),
        required: false,
        doc: "Lets selectors reach accounts that are linked to no person (`unlinked`) and applications whose use AccessOwl \
              only found (`discovered`).",
    }],
    kinds: &KINDS,
    requests: RequestRate { count: 1000, seconds: 3600 },
    concurrency: 4,
    knows_account: false,
    by_hand: true,
};
