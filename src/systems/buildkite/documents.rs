//! The two GraphQL documents, validated by a test against the vendor's schema.

use crate::wire::QueryDoc;

/// The tokens of an organization, in a document of their own: an error in this list nulls the whole organization and
/// whatever else would be asked beside it. `machineUser` and the last address are not asked for: too young, and no business
/// of ours. There is no total to ask for.
pub(super) const API_TOKENS: QueryDoc = QueryDoc::new(
    "query OrganizationApiTokens($organization: ID!, $first: Int!, $after: String) {
  organization(slug: $organization) {
    id
    uuid
    apiAccessTokens(first: $first, after: $after) {
      edges {
        node {
          id
          uuid
          description
          createdAt
          expiresAt
          lastAccessedAt
          scopes
          owner {
            uuid
            email
            bot
          }
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}",
);

/// Takes the organization off one token.
pub(super) const REVOKE: &str =
    "mutation RevokeOrganizationApiToken($input: OrganizationAPIAccessTokenRevokeMutationInput!) {
  organizationApiAccessTokenRevoke(input: $input) {
    clientMutationId
    revokedApiAccessTokenId
  }
}";

#[cfg(test)]
mod tests {
    use apollo_compiler::{ExecutableDocument, Schema};

    use super::{API_TOKENS, REVOKE};

    fn validates_against(schema: &str, name: &str) {
        let schema = Schema::parse_and_validate(schema, name).unwrap_or_else(|errors| panic!("{name}: {errors}"));
        for document in [API_TOKENS.document(), REVOKE] {
            if let Err(errors) = ExecutableDocument::parse_and_validate(&schema, document, "document.graphql") {
                panic!("against {name}: {errors}");
            }
        }
    }

    #[test]
    fn the_documents_validate_against_the_part_of_the_schema_that_we_wrote() {
        validates_against(include_str!("schema.graphql"), "schema.graphql");
    }

    /// The vendor publishes it; it is not ours to keep here.
    #[test]
    fn the_documents_validate_against_the_vendors_schema_where_it_is_at_hand() {
        let Some(path) = std::env::var_os("PORTCULLIS_BUILDKITE_SCHEMA") else {
            eprintln!("SKIPPED: PORTCULLIS_BUILDKITE_SCHEMA names no file with the vendor's schema");
            return;
        };
        validates_against(&std::fs::read_to_string(path).unwrap(), "the vendor's schema");
    }

    #[test]
    fn a_field_that_the_schema_does_not_have_is_noticed() {
        let schema = Schema::parse_and_validate(include_str!("schema.graphql"), "schema.graphql").unwrap();
        let document = API_TOKENS.document().replace("edges {", "count edges {");
        assert!(ExecutableDocument::parse_and_validate(&schema, document, "document.graphql").is_err());
    }
}
