//! The part of Buildkite's schema that is imitated, as a table: which field of which type leads where.

/// What a field leads to: another type, or `""` for a scalar. `None` where the type has no such field.
pub fn field(kind: &str, name: &str) -> Option<&'static str> {
    let known: &[(&str, &str)] = match kind {
        "Query" => &[("viewer", "Viewer"), ("organization", "Organization")],
        "Mutation" => &[("organizationApiAccessTokenRevoke", "RevokePayload")],
        "RevokePayload" => &[("revokedApiAccessTokenId", ""), ("clientMutationId", "")],
        "Viewer" => &[("id", ""), ("user", "User")],
        "User" => &[
            ("id", ""),
            ("uuid", ""),
            ("email", ""),
            ("name", ""),
            ("bot", ""),
            ("hasPassword", ""),
            ("machineUser", ""),
        ],
        "Organization" => &[
            ("id", ""),
            ("uuid", ""),
            ("slug", ""),
            ("name", ""),
            ("isTeamsEnabled", ""),
            ("apiAccessTokens", "Connection"),
        ],
        // No `count` here, unlike other connections.
        "Connection" => &[("edges", "Edge"), ("nodes", "Token"), ("pageInfo", "PageInfo")],
        "Edge" => &[("cursor", ""), ("node", "Token")],
        "PageInfo" => &[("endCursor", ""), ("hasNextPage", ""), ("hasPreviousPage", ""), ("startCursor", "")],
        "Token" => &[
            ("id", ""),
            ("uuid", ""),
            ("description", ""),
            ("owner", "User"),
            ("scopes", ""),
            ("createdAt", ""),
            ("expiresAt", ""),
            ("lastAccessedAt", ""),
            ("ipAddress", ""),
        ],
        _ => &[],
    };
    known.iter().find(|(field, _)| *field == name).map(|(_, leads)| *leads)
}

/// The arguments of a field with the types that a variable may have.
pub fn arguments(kind: &str, name: &str) -> &'static [(&'static str, &'static [&'static str])] {
    match (kind, name) {
        ("Query", "organization") => &[("slug", &["ID", "ID!"]), ("uuid", &["ID", "ID!"])],
        ("Organization", "apiAccessTokens") => &[
            ("first", &["Int", "Int!"]),
            ("after", &["String", "String!"]),
            ("last", &["Int", "Int!"]),
            ("before", &["String", "String!"]),
        ],
        ("Mutation", "organizationApiAccessTokenRevoke") => {
            &[("input", &["OrganizationAPIAccessTokenRevokeMutationInput!"])]
        }
        _ => &[],
    }
}

/// The vendor's name of a type, for messages.
pub fn shown(kind: &str) -> &str {
    match kind {
        "Connection" => "OrganizationAPIAccessTokenConnection",
        "Edge" => "OrganizationAPIAccessTokenEdge",
        "Token" => "OrganizationAPIAccessToken",
        "RevokePayload" => "OrganizationAPIAccessTokenRevokeMutationPayload",
        other => other,
    }
}
