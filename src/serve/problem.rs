//! What a caller is told when it does not get what it asked for: a problem document (RFC 9457) that says what to do.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::ControlError;
use crate::{journal::JournalError, plan::render::document};

/// The media type of problem documents.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says what sort of problem it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened.
    pub detail: String,
    /// What to do.
    pub advice: String,
    /// Methods that this address has.
    #[serde(skip)]
    allow: Option<&'static str>,
}

impl Problem {
    /// A problem with this status.
    pub fn new(status: StatusCode, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Problem").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            advice: advice.into(),
            allow: None,
        }
    }

    /// This method is none of the address'.
    pub(super) fn method(allow: &'static str) -> Self {
        let detail = format!("this address takes {allow} only");
        let mut problem =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, detail, "see GET /v1/openapi.json for what there is");
        problem.allow = Some(allow);
        problem
    }

    /// No such address.
    pub(super) fn nowhere() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing here", "see GET /v1/openapi.json for what there is")
    }

    /// No such target.
    pub(super) fn no_target(name: &str) -> Self {
        let detail = format!("there is no target `{name}`");
        Self::new(StatusCode::NOT_FOUND, detail, "GET /v1/state lists the targets")
    }

    /// A request that does not say what it has to.
    pub(super) fn bad(detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail, advice)
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        let advice = "see that the journal's file is there, whole and readable; the daemon's log says more";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), advice)
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::UnknownTarget(name) => Self::no_target(&name),
            ControlError::Starting => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string(), "ask again once GET /readyz says so")
            }
            ControlError::Journal(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                error.to_string(),
                "make room or put the journal's file right, then ask again; until it is recorded it does not outlive a restart",
            ),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, document(&self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"portcullis\""));
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"portcullis\""));
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}
