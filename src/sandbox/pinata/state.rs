//! What a Pinata account holds. Every secret is a made-up canary, so that a test can search all output for `CANARY`.

use base64::Engine;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::sandbox::{
    call::{Credential, Right},
    company,
};

/// One of a gateway's controls: a key, a host or an address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Its id.
    pub id: String,
    /// The key itself in clear text, the host, or the address.
    pub value: String,
    /// Since when.
    #[serde(rename = "createdAt")]
    pub created_at: Timestamp,
}

impl Control {
    /// A key with a canary for its secret.
    pub fn key(id: &str, created_at: Timestamp) -> Self {
        let secret = format!("CANARY-gateway-{}", id.replace('-', ""));
        Self { id: id.to_owned(), value: format!("{secret:x<64}"), created_at }
    }
}

/// A gateway.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gateway {
    /// Its id.
    pub id: String,
    /// The bare label of its host name.
    pub domain: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Domains of the customer's own.
    #[serde(default)]
    pub custom_domains: Vec<String>,
    /// Its keys.
    #[serde(default)]
    pub keys: Vec<Control>,
    /// Hosts that need no key.
    #[serde(default)]
    pub hosts: Vec<Control>,
    /// Addresses that need no key.
    #[serde(default)]
    pub addresses: Vec<Control>,
}

/// An account API key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id, which is not what revoking takes.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The public key id, which is.
    pub key: String,
    /// Its rights, in one of the vendor's shapes.
    pub scopes: Value,
    /// Whether it was revoked.
    #[serde(default)]
    pub revoked: bool,
    /// How often it was used.
    #[serde(default)]
    pub uses: u64,
    /// How often it may be used; null for no limit.
    #[serde(default)]
    pub max_uses: Option<i64>,
    /// Since when.
    #[serde(rename = "createdAt")]
    pub created_at: Timestamp,
    /// Since when as it is.
    #[serde(rename = "updatedAt")]
    pub updated_at: Timestamp,
}

/// How the account behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Rows of a page of API keys; the vendor does not say how many.
    pub key_page: usize,
    /// The largest page of gateways, whatever is asked for.
    pub gateway_page: usize,
    /// Whether the list of API keys shows secrets, as its older form does.
    pub show_secrets: bool,
}

/// A Pinata account.
pub struct State {
    /// How it behaves.
    pub settings: Settings,
    /// The credentials; a label that is an API key's `key` makes it that key.
    pub credentials: Vec<Credential>,
    /// Gateways.
    pub gateways: Vec<Gateway>,
    /// API keys, revoked ones too.
    pub api_keys: Vec<ApiKey>,
}

impl State {
    /// Three API keys whose JWTs are the credentials: [`State::credential`] gives them by right.
    pub fn empty() -> Self {
        let settings = Settings { key_page: 10, gateway_page: 100, show_secrets: true };
        let mut state = Self { settings, credentials: Vec::new(), gateways: Vec::new(), api_keys: Vec::new() };
        let born = company::days_ago(400);
        for (right, name) in
            [(Right::Full, "portcullis"), (Right::ReadOnly, "portcullis-reader"), (Right::Nothing, "no-scopes")]
        {
            let key = company::hex_of(&format!("pinata {name}"), 20);
            state.credentials.push(Credential::new(jwt(&key), right, key.clone()));
            let resources = match right {
                Right::Full => json!(["org:write"]),
                Right::ReadOnly => json!(["org:read"]),
                _ => json!(["org:files:read"]),
            };
            state.api_keys.push(ApiKey {
                id: company::uuid_of(&format!("pinata key {name}")),
                name: name.to_owned(),
                key,
                scopes: json!({ "resources": resources }),
                revoked: false,
                uses: 0,
                max_uses: None,
                created_at: born,
                updated_at: born,
            });
        }
        let foreign = company::hex_of("pinata foreign", 20);
        state.credentials.push(Credential::new(jwt(&foreign), Right::Foreign, foreign));
        state
    }

    /// The credential with this right.
    pub fn credential(&self, right: Right) -> Option<&Credential> {
        self.credentials.iter().find(|credential| credential.right == right)
    }
}

/// A JWT for an API key, with the claims that the vendor's have and a signature that signs nothing.
pub fn jwt(key: &str) -> String {
    let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let payload = json!({
        "userInformation": { "id": company::uuid_of("pinata user"), "email": "media@example.com", "email_verified": true,
            "status": "ACTIVE" },
        "authenticationType": "scopedKey",
        "scopedKeyKey": key,
        "scopedKeySecret": format!("CANARY-jwt-{key}"),
        "iat": 1_700_000_000,
    });
    let part = |value: &Value| engine.encode(value.to_string());
    format!("{}.{}.{}", part(&header), part(&payload), engine.encode("CANARY-signature"))
}
