//! The one stylesheet, and the policy that lets a browser take it and nothing else.

use std::sync::LazyLock;

use axum::http::HeaderValue;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

/// The stylesheet; it stands in the page itself.
pub(super) const STYLE: &str = include_str!("style.css");

/// What a browser may do with anything that is served here: show text in our style. No scripts, no frames, no forms, nothing
/// from elsewhere.
pub(in crate::serve) fn content_security_policy() -> HeaderValue {
    static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    });
    POLICY.clone()
}
