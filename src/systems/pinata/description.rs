//! Pinata as data: keys of dedicated gateways, and API keys of the account.
//!
//! Facts: Pinata's v3 API description, its pages on gateway access controls and on limits, and its own SDK where those are
//! silent.

use crate::access::{
    AuthStyle, Description, Field, FieldRole, HostSpec, Kind, Limit, RequestRate, Reversibility, Shape, TargetField,
    TargetShape,
};

/// The only host.
pub(super) const API: &str = "api";
/// The directory's class of gateways.
pub(super) const GATEWAY_CLASS: &str = "gateway";

/// The system.
pub static DESCRIPTION: Description = Description {
    system: "pinata",
    title: "Pinata",
    hosts: &[HostSpec { name: API, key: "base_url", default: "https://api.pinata.cloud/v3" }],
    auth: AuthStyle::Bearer,
    // Not in the official pages, widely observed: the JWT's payload names its own API key.
    own_claim: Some("scopedKeyKey"),
    target_fields: &[TargetField {
        name: "gateways",
        shape: TargetShape::AllOrTexts,
        required: false,
        doc: "The gateways whose keys are read: `all` (the default), or a list of their ids and domains.",
    }],
    kinds: &KINDS,
    // The smallest plan's documented limit.
    requests: RequestRate { count: 60, seconds: 60 },
    concurrency: 4,
    knows_account: false,
    by_hand: false,
};

/// Keys that open one dedicated gateway.
pub(super) static GATEWAY_KEYS: &Kind = &KINDS[0];

/// API keys of the account.
pub(super) static API_KEYS: &Kind = &KINDS[1];

static KINDS: [Kind; 2] = [
    Kind {
        name: "gateway_key",
        list: "gateway_keys",
        noun: "gateway key",
        fields: &[
            Field {
                name: "gateway",
                // Its names are domains, which come and go: one that stands for no gateway of the reading, or for several, is
                // wrong, and a key that it could mean is held.
                shape: Shape::Object { class: GATEWAY_CLASS, lookup: true, within: None },
                role: FieldRole::Key,
                compare: None,
                doc: "The gateway, by id or domain.",
            },
            Field {
                name: "id",
                shape: Shape::Text,
                role: FieldRole::Exact,
                compare: None,
                doc: "The key's id; not the key itself, which is a secret.",
            },
        ],
        identities: &[&["gateway", "id"]],
        limits: &[Limit::Expires, Limit::MaxAge],
        allow_limits: &[],
        reversibility: Reversibility::Irreversible,
        holds_own: false,
        has_owner: false,
        splits_by: None,
        reissues_ids: false,
        read_alone: true,
    },
    Kind {
        name: "api_key",
        list: "api_keys",
        noun: "API key",
        fields: &[
            Field {
                name: "key",
                shape: Shape::Text,
                role: FieldRole::Exact,
                compare: None,
                doc: "The public key id, which the dashboard shows as the API key; not its secret and not its JWT.",
            },
            Field { name: "name", shape: Shape::Text, role: FieldRole::Label, compare: None, doc: "The key's name." },
            Field {
                name: "scopes",
                shape: Shape::Set { known: KNOWN_SCOPES },
                role: FieldRole::Content,
                compare: None,
                doc: "The most that it may do: `admin`, `org:files:read`, `endpoints.pinning.pinByHash` and the like.",
            },
        ],
        identities: &[&["key"], &["name"]],
        limits: &[Limit::Expires, Limit::MaxAge],
        allow_limits: &[],
        reversibility: Reversibility::Irreversible,
        holds_own: true,
        has_owner: false,
        splits_by: None,
        reissues_ids: false,
        read_alone: false,
    },
];

/// The permissions that this binary knows. Permissions of the older form are nested truth values; their words are the paths
/// to those that are true.
const KNOWN_SCOPES: &[&str] = &[
    "admin",
    "endpoints.data.pinList",
    "endpoints.data.userPinnedDataTotal",
    "endpoints.pinning.hashMetadata",
    "endpoints.pinning.hashPinPolicy",
    "endpoints.pinning.pinByHash",
    "endpoints.pinning.pinFileToIPFS",
    "endpoints.pinning.pinJSONToIPFS",
    "endpoints.pinning.pinJobs",
    "endpoints.pinning.unpin",
    "endpoints.pinning.userPinPolicy",
    "org:analytics:read",
    "org:analytics:write",
    "org:files:read",
    "org:files:write",
    "org:gateways:read",
    "org:gateways:write",
    "org:groups:read",
    "org:groups:write",
    "org:read",
    "org:write",
];
