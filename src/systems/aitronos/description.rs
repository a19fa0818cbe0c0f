//! Aitronos as data.

use crate::access::{
    Account, AuthStyle, Description, Field, FieldRole, HostSpec, Kind, Limit, RequestRate, Reversibility, Shape,
    TargetField, TargetShape,
};

/// The one host.
pub const API: &str = "api";

/// The target field that names the organization.
pub const ORGANIZATION: &str = "organization";
/// The target field that tells how the credential travels, and its words.
pub const AUTH: &str = "auth";
/// A user's access token.
pub const BEARER: &str = "bearer";
/// An organization's API key.
pub const API_KEY: &str = "api_key";
/// The header of an API key.
pub const API_KEY_HEADER: &str = "X-API-Key";

/// What access can be given to, and the classes of these objects.
pub const ENTITIES: &[&str] = &["assistant", "vector_store", "knowledge_slice"];
/// Who access can be given to, and the classes of these objects.
pub const GRANTEES: &[&str] = &["user", "department", "role"];
/// The levels, the least first.
pub const LEVELS: &[&str] = &["read", "write", "admin"];

/// Positions in [`GRANT`]'s fields.
pub const ENTITY: usize = 1;
/// See [`ENTITY`].
pub const GRANTEE: usize = 2;

/// A grant: an entity, a grantee, a level.
pub static GRANT: &Kind = &KINDS[0];

static KINDS: [Kind; 1] = [Kind {
    name: "grant",
    list: "grants",
    noun: "grant",
    fields: &[
        Field { name: "id", shape: Shape::Text, role: FieldRole::Exact, compare: None, doc: "The id of the grant." },
        Field {
            name: "entity",
            shape: Shape::TypedObject { classes: ENTITIES },
            role: FieldRole::Key,
            compare: None,
            doc: "What it gives access to: `assistant/…`, `vector_store/…` or `knowledge_slice/…`, by id or name.",
        },
        Field {
            name: "grantee",
            shape: Shape::TypedObject { classes: GRANTEES },
            role: FieldRole::Key,
            compare: None,
            doc: "Who holds it: `user/…` by id or e-mail address, `department/…` or `role/…` by id or name. For a person \
                  rather `user`.",
        },
        Field {
            name: "user",
            shape: Shape::Person,
            role: FieldRole::Key,
            compare: None,
            doc: "The person who holds it, instead of `grantee`.",
        },
        Field {
            name: "level",
            shape: Shape::Level(LEVELS),
            role: FieldRole::Content,
            compare: None,
            doc: "The most that it may allow. Left out it is not compared.",
        },
    ],
    identities: &[&["id"], &["entity", "grantee"], &["entity", "user"]],
    limits: &[Limit::Expires],
    allow_limits: &[],
    reversibility: Reversibility::Reversible,
    holds_own: false,
    has_owner: false,
    splits_by: None,
    reissues_ids: false,
    read_alone: true,
}];

/// Aitronos.
pub static DESCRIPTION: Description = Description {
    system: "aitronos",
    title: "Aitronos",
    hosts: &[HostSpec { name: API, key: "base_url", default: "https://api.aitronos.com/v1" }],
    auth: AuthStyle::Bearer,
    own_claim: None,
    target_fields: &[
        TargetField {
            name: ORGANIZATION,
            shape: TargetShape::Text,
            required: true,
            doc: "The id of the organization, `org_…`.",
        },
        TargetField {
            name: AUTH,
            shape: TargetShape::Auth(&[(BEARER, AuthStyle::Bearer), (API_KEY, AuthStyle::Header(API_KEY_HEADER))]),
            required: false,
            doc: "How the credential is sent: as a bearer token, or as an API key in the header `X-API-Key`.",
        },
    ],
    kinds: &KINDS,
    requests: RequestRate { count: 100, seconds: 60 },
    concurrency: 4,
    // Every path names the organization, and answers that tell of another one are refused.
    knows_account: true,
    by_hand: false,
};

/// How the credential of this account travels.
pub fn auth(account: &Account) -> AuthStyle {
    if account.lists(AUTH, API_KEY) { AuthStyle::Header(API_KEY_HEADER) } else { DESCRIPTION.auth }
}
