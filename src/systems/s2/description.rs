//! S2 as data: access tokens, of which the id is all that is known besides their scope and their end.
//!
//! Facts: S2's published API description, its pages on access tokens and access control, and the wire types of its own
//! open-source crates.

use crate::access::{
    AuthStyle, Description, Field, FieldRole, HostSpec, Kind, Limit, RequestRate, Reversibility, Shape,
};

use super::scope;

/// The only host; basins are never asked.
pub(super) const ACCOUNT: &str = "account";

/// The system.
pub static DESCRIPTION: Description = Description {
    system: "s2",
    title: "S2",
    hosts: &[HostSpec { name: ACCOUNT, key: "base_url", default: "https://a.s2.dev/v1" }],
    auth: AuthStyle::Bearer,
    own_claim: None,
    target_fields: &[],
    kinds: &KINDS,
    // No figure is documented for the account endpoint. Fifty a second is far below what the vendor's own clients, which
    // do not pace themselves, send; a 429 is waited out.
    requests: RequestRate { count: 50, seconds: 1 },
    concurrency: 4,
    knows_account: false,
    by_hand: false,
};

/// How long a revoked token may go on working, by the vendor's page on revoking.
pub(super) const CACHED_SECONDS: u32 = 600;

/// Access tokens of the account.
pub(super) static ACCESS_TOKENS: &Kind = &KINDS[0];

static KINDS: [Kind; 1] = [Kind {
    name: "access_token",
    list: "access_tokens",
    noun: "access token",
    fields: &[
        Field {
            name: "id",
            shape: Shape::Text,
            role: FieldRole::Exact,
            compare: None,
            doc: "The token's id, which its issuer chose.",
        },
        Field {
            name: "scope",
            shape: Shape::Record(SCOPE_FIELDS),
            role: FieldRole::Content,
            compare: Some(scope::compare),
            doc: "The most that the token may do. A part that is left out (no `basins`, say) means none of it, so that a token \
                  which has some holds more than declared; a scope that is left out whole is not compared.",
        },
        Field {
            name: "auto_prefix_streams",
            shape: Shape::Bool,
            role: FieldRole::Content,
            compare: None,
            doc: "Whether stream names are prefixed with the scope's stream prefix when used.",
        },
    ],
    identities: &[&["id"]],
    limits: &[Limit::Expires],
    allow_limits: &[Limit::MustExpireWithin],
    reversibility: Reversibility::Irreversible,
    holds_own: true,
    has_owner: false,
    splits_by: None,
    reissues_ids: true,
    read_alone: true,
}];

/// Positions in the scope's record.
pub(super) const BASINS: usize = 0;
pub(super) const STREAMS: usize = 1;
pub(super) const TOKENS: usize = 2;
pub(super) const GROUPS: usize = 3;
pub(super) const OPS: usize = 4;

/// The fields of a scope.
pub(super) const SCOPE_FIELDS: &[Field] = &[
    region("basins", "The basins it may touch."),
    region("streams", "The streams it may touch."),
    region("access_tokens", "The access tokens it may issue and revoke."),
    Field {
        name: "op_groups",
        shape: Shape::Flags(&[
            ("account", &["read", "write"]),
            ("basin", &["read", "write"]),
            ("stream", &["read", "write"]),
        ]),
        role: FieldRole::Content,
        compare: None,
        doc: "Groups of operations; a group also covers operations that S2 adds to it later.",
    },
    Field {
        name: "ops",
        shape: Shape::Set { known: KNOWN_OPS },
        role: FieldRole::Content,
        compare: None,
        doc: "Single operations, besides those of the groups.",
    },
];

const fn region(name: &'static str, doc: &'static str) -> Field {
    Field { name, shape: Shape::Region, role: FieldRole::Content, compare: None, doc }
}

/// The operations that this binary knows. The vendor's list is open.
pub(super) const KNOWN_OPS: &[&str] = &[
    "account-metrics",
    "append",
    "basin-metrics",
    "check-tail",
    "create-basin",
    "create-stream",
    "delete-basin",
    "delete-stream",
    "fence",
    "get-basin-config",
    "get-default-location",
    "get-stream-config",
    "issue-access-token",
    "list-access-tokens",
    "list-basins",
    "list-locations",
    "list-streams",
    "read",
    "reconfigure-basin",
    "reconfigure-stream",
    "revoke-access-token",
    "set-default-location",
    "stream-metrics",
    "trim",
];
