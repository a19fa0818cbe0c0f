//! Buildkite as data: API access tokens that reach one organization.
//!
//! Facts: the public GraphQL schema of Buildkite (`OrganizationAPIAccessToken`, `APIAccessTokenScopes`) and its pages on
//! managing API tokens and on rate limits.

use crate::access::{
    AuthStyle, Description, Field, FieldRole, HostSpec, Kind, Limit, RequestRate, Reversibility, Shape, TargetField,
    TargetShape,
};

/// The host that answers GraphQL.
pub(super) const GRAPHQL: &str = "graphql";
/// The host that tells which token is calling.
pub(super) const REST: &str = "rest";

/// The system.
pub static DESCRIPTION: Description = Description {
    system: "buildkite",
    title: "Buildkite",
    hosts: &[
        HostSpec { name: GRAPHQL, key: "graphql_url", default: "https://graphql.buildkite.com/v1" },
        HostSpec { name: REST, key: "rest_url", default: "https://api.buildkite.com/v2" },
    ],
    auth: AuthStyle::Bearer,
    own_claim: None,
    target_fields: &[
        TargetField {
            name: "organization",
            shape: TargetShape::Text,
            required: true,
            doc: "The organization's slug, as in its address.",
        },
        TargetField {
            name: "include",
            shape: TargetShape::ManyOf(&["system"]),
            required: false,
            doc: "`system`: tokens without an owner, or owned by a bot, may be selected too.",
        },
    ],
    kinds: &KINDS,
    // GraphQL counts points (a user has 5,000 in five minutes, a page costs about 200); REST allows a user 50 requests a
    // minute and an organization 200. The smallest of the documented request rates; points are waited for when they run out.
    requests: RequestRate { count: 50, seconds: 60 },
    concurrency: 4,
    knows_account: true,
    by_hand: false,
};

/// Tokens of users that can reach the organization.
pub(super) static API_TOKENS: &Kind = &KINDS[0];

static KINDS: [Kind; 1] = [Kind {
    name: "api_token",
    list: "api_tokens",
    noun: "API token",
    fields: &[
        Field {
            name: "uuid",
            shape: Shape::Text,
            role: FieldRole::Exact,
            compare: None,
            doc: "The token's UUID, as on the API Access Audit page.",
        },
        Field {
            name: "user",
            shape: Shape::Person,
            role: FieldRole::Key,
            compare: None,
            doc: "The user who owns the token.",
        },
        Field {
            name: "description",
            shape: Shape::Text,
            role: FieldRole::Label,
            compare: None,
            doc: "The token's description, which its owner can edit.",
        },
        Field {
            name: "scopes",
            shape: Shape::Set { known: KNOWN_SCOPES },
            role: FieldRole::Content,
            compare: None,
            doc: "The most scopes that it may have, in lower case; `graphql` stands for GraphQL access.",
        },
    ],
    identities: &[&["uuid"], &["user", "description"]],
    limits: &[Limit::Expires, Limit::MaxAge, Limit::MaxIdle, Limit::MaxUnused],
    allow_limits: &[],
    // The organization can never be put back on a token.
    reversibility: Reversibility::Irreversible,
    holds_own: true,
    has_owner: true,
    splits_by: None,
    reissues_ids: false,
    read_alone: false,
}];

/// The scopes that this binary knows, as REST and the settings page spell them. The vendor's list is open.
const KNOWN_SCOPES: &[&str] = &[
    "delete_packages",
    "delete_registries",
    "graphql",
    "read_agents",
    "read_artifacts",
    "read_audit_events",
    "read_build_logs",
    "read_builds",
    "read_clusters",
    "read_deployables",
    "read_events",
    "read_job_env",
    "read_notification_services",
    "read_organization_invitations",
    "read_organization_repository_connections",
    "read_organization_settings",
    "read_organizations",
    "read_packages",
    "read_pipeline_templates",
    "read_pipelines",
    "read_portals",
    "read_registries",
    "read_rules",
    "read_secrets_details",
    "read_suites",
    "read_teams",
    "read_test_plan",
    "read_test_pool",
    "read_user",
    "retry_builds",
    "write_agents",
    "write_artifacts",
    "write_build_logs",
    "write_builds",
    "write_clusters",
    "write_deployables",
    "write_notification_services",
    "write_organization_invitations",
    "write_organization_settings",
    "write_organizations",
    "write_packages",
    "write_pipeline_templates",
    "write_pipelines",
    "write_portals",
    "write_registries",
    "write_rules",
    "write_secrets",
    "write_suites",
    "write_teams",
    "write_test_plan",
];
