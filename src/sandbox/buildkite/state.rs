//! What a Buildkite organization holds.

use base64::Engine;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::sandbox::{
    call::{Credential, Right},
    company,
};

/// The owner of a token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    /// Its UUID.
    pub uuid: String,
    /// E-mail address.
    pub email: String,
    /// Name.
    pub name: String,
    /// Whether it is a bot of Buildkite's.
    #[serde(default)]
    pub bot: bool,
}

/// An API access token that can access the organization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Its UUID.
    pub uuid: String,
    /// What its owner calls it.
    pub description: Option<String>,
    /// Its owner; null for what Buildkite made itself.
    pub owner: Option<Owner>,
    /// Its scopes, in upper case.
    pub scopes: Vec<String>,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when; null for ever.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Last use; null for never.
    #[serde(default)]
    pub last_accessed_at: Option<Timestamp>,
}

impl Token {
    /// The GraphQL id, which is what revoking takes.
    pub fn id(&self) -> String {
        relay_id("OrganizationAPIAccessToken", &self.uuid)
    }
}

/// How the organization behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The largest page; more is clamped.
    pub page: usize,
    /// Points of complexity that a user has in five minutes.
    pub user_points: i64,
    /// Points of the organization.
    pub organization_points: i64,
    /// Whether using them up is answered by 429; otherwise they are only told.
    pub enforce_points: bool,
}

/// A Buildkite organization.
pub struct State {
    /// Its slug.
    pub slug: String,
    /// Its UUID.
    pub uuid: String,
    /// How it behaves.
    pub settings: Settings,
    /// The credentials; a label that is a token's UUID makes it that token.
    pub credentials: Vec<Credential>,
    /// Tokens.
    pub tokens: Vec<Token>,
    pub(super) window: Window,
}

/// What was used up of the current five minutes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    pub since: i64,
    pub used: i64,
}

impl State {
    /// Three tokens that are credentials: `buildkite-full`, `buildkite-readonly` (GraphQL read-only) and `buildkite-nothing`
    /// (no GraphQL); `buildkite-foreign` belongs to another organization.
    pub fn empty(slug: &str) -> Self {
        let settings = Settings { page: 500, user_points: 5_000, organization_points: 20_000, enforce_points: false };
        let uuid = company::uuid_of(&format!("buildkite organization {slug}"));
        let mut state = Self {
            slug: slug.to_owned(),
            uuid,
            settings,
            credentials: Vec::new(),
            tokens: Vec::new(),
            window: Window::default(),
        };
        let owner = Owner {
            uuid: company::uuid_of("buildkite user robot"),
            email: "access-robot@example.com".to_owned(),
            name: "Access Robot".to_owned(),
            bot: false,
        };
        for (right, word, scopes) in [
            (Right::Full, "full", &["GRAPHQL"][..]),
            (Right::ReadOnly, "readonly", &["GRAPHQL"]),
            (Right::Nothing, "nothing", &["READ_USER"]),
        ] {
            let uuid = company::uuid_of(&format!("buildkite token {word}"));
            state.credentials.push(Credential::new(format!("buildkite-{word}"), right, uuid.clone()));
            state.tokens.push(Token {
                uuid,
                description: Some(format!("portcullis {word}")),
                owner: Some(owner.clone()),
                scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
                created_at: company::days_ago(120),
                expires_at: None,
                last_accessed_at: Some(company::days_ago(0)),
            });
        }
        state.credentials.push(Credential::new("buildkite-foreign", Right::Foreign, company::uuid_of("foreign token")));
        state
    }

    /// The organization's GraphQL id.
    pub fn id(&self) -> String {
        relay_id("Organization", &self.uuid)
    }
}

/// A GraphQL id as the vendor makes them.
pub fn relay_id(kind: &str, uuid: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{kind}---{uuid}"))
}
