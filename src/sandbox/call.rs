//! What a request and an answer are to an imitated system: plain values, without sockets.

use axum::{
    body::Bytes,
    http::{HeaderMap, Method},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::System;

/// One request, read whole.
#[derive(Debug)]
pub struct Call {
    /// Its method.
    pub method: Method,
    /// Its path as it travelled, still percent-encoded.
    pub path: String,
    /// Its query parameters, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// When it arrived.
    pub at: Timestamp,
}

impl Call {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The token of `Authorization: Bearer …`.
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The first value of a query parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter as a number within bounds; `default` where it is absent, `Err` where it is anything else.
    pub fn number(&self, name: &str, default: usize, least: usize, most: usize) -> Result<usize, String> {
        let Some(text) = self.param(name) else { return Ok(default) };
        match text.parse::<usize>() {
            Ok(number) if (least..=most).contains(&number) => Ok(number),
            _ => Err(format!("{name} must be a whole number from {least} to {most}")),
        }
    }

    /// The path's segments, each percent-decoded; `None` where one is not UTF-8 after that.
    pub fn segments(&self) -> Option<Vec<String>> {
        self.path
            .trim_start_matches('/')
            .split('/')
            .map(|segment| percent_encoding::percent_decode_str(segment).decode_utf8().ok().map(Into::into))
            .collect()
    }

    /// The body as a JSON object, where its type says so too.
    pub fn json(&self) -> Option<serde_json::Map<String, Value>> {
        let typed = self.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        if !typed {
            return None;
        }
        serde_json::from_slice(&self.body).ok()
    }
}

/// One answer, and what it did.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Headers besides the content type.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Body,
    /// Where the rows of a list are in a JSON body (a JSON pointer).
    pub rows: Option<&'static str>,
    /// Where its total is.
    pub total: Option<&'static str>,
    /// What it changed.
    pub effects: Vec<Effect>,
}

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// None.
    Empty,
    /// A JSON value.
    Json(Value),
    /// JSON that is already text.
    Text(Bytes),
}

impl Reply {
    /// An answer with a JSON body.
    pub fn json(status: u16, value: Value) -> Self {
        Self { status, headers: Vec::new(), body: Body::Json(value), rows: None, total: None, effects: Vec::new() }
    }

    /// An answer with JSON text that was made before.
    pub fn text(status: u16, text: Bytes) -> Self {
        Self { body: Body::Text(text), ..Self::json(status, Value::Null) }
    }

    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { body: Body::Empty, ..Self::json(status, Value::Null) }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// Marked as a list.
    #[must_use]
    pub fn list(mut self, rows: &'static str, total: Option<&'static str>) -> Self {
        self.rows = Some(rows);
        self.total = total;
        self
    }

    /// With what it changed.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }
}

/// One change of an imitated system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// What happened.
    pub action: Deed,
    /// The kind, by its name in policies: `access_token`.
    pub kind: String,
    /// The entry's id.
    pub id: String,
    /// Whose credential did it, by its label; `world` for the control interface, `system` for the vendor's own work.
    pub by: String,
}

impl Effect {
    /// A change made with a credential.
    pub fn new(action: Deed, kind: &str, id: &str, by: &str) -> Self {
        Self { action, kind: kind.to_owned(), id: id.to_owned(), by: by.to_owned() }
    }
}

/// What happened to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// It gives no access any more.
    Removed,
    /// Its removal was asked for and is to follow.
    Requested,
    /// Its removal was turned down.
    Rejected,
    /// Its removal was said to be carried out, through the API.
    Confirmed,
    /// It came to be.
    Issued,
    /// It gives another access than before.
    Changed,
}

/// A change of the world from outside of the imitated API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mutation {
    /// An entry vanishes, as if somebody else had removed it.
    Remove {
        /// The kind, by its name in policies.
        kind: String,
        /// The entry's id.
        id: String,
    },
    /// An entry appears or is replaced; the row has the form that the state's type has.
    Issue {
        /// The kind, by its name in policies.
        kind: String,
        /// The entry.
        entry: Value,
    },
    /// A person carries out an AccessOwl revocation that waits (by revocation id or state id; all that wait where left out).
    Approve {
        /// Which.
        id: Option<String>,
    },
    /// A person turns it down.
    Reject {
        /// Which.
        id: Option<String>,
    },
    /// A setting of the system, by name.
    Set {
        /// Its name.
        setting: String,
        /// Its value.
        value: Value,
    },
}

/// An imitated system's state and rules.
pub trait Store: Send {
    /// Answers a request.
    fn answer(&mut self, call: &Call) -> Reply;
    /// The vendor's answer to too many requests.
    fn rate_limited(&self, call: &Call, after_ms: u64) -> Reply;
    /// The vendor's answer of a failed server or another error status.
    fn failed(&self, call: &Call, status: u16) -> Reply;
    /// Changes the world from outside.
    ///
    /// # Errors
    /// A sentence for the person who asked, where the system has no such kind, entry or setting.
    fn mutate(&mut self, mutation: &Mutation, at: Timestamp) -> Result<Vec<Effect>, String>;
    /// Every live entry as `kind, id`, for judging a test.
    fn live(&self) -> Vec<(&'static str, String)>;
}

/// What a credential may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Read and remove.
    Full,
    /// Read only.
    ReadOnly,
    /// Known, but without any right.
    Nothing,
    /// Full rights in another organization.
    Foreign,
}

/// A token that an imitated system accepts. Made up; opens nothing.
#[derive(Debug, Clone)]
pub struct Credential {
    /// What is sent.
    pub token: String,
    /// What it may do.
    pub right: Right,
    /// What the record calls it. Where the credential is itself an entry, that entry's id.
    pub label: String,
}

impl Credential {
    /// A credential.
    pub fn new(token: impl Into<String>, right: Right, label: impl Into<String>) -> Self {
        Self { token: token.into(), right, label: label.into() }
    }
}

/// The credential with this token.
pub fn known<'a>(all: &'a [Credential], token: Option<&str>) -> Option<&'a Credential> {
    let token = token?;
    all.iter().find(|credential| credential.token == token)
}

/// The usual four credentials of a system; their tokens are `SYSTEM-full`, `-readonly`, `-nothing` and `-foreign`.
pub fn usual(system: System) -> Vec<Credential> {
    let name = system.name();
    [(Right::Full, "full"), (Right::ReadOnly, "readonly"), (Right::Nothing, "nothing"), (Right::Foreign, "foreign")]
        .map(|(right, word)| Credential::new(format!("{name}-{word}"), right, word))
        .to_vec()
}
