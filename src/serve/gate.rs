//! What every request passes: who may have the answer, in what time, and under which headers it goes out.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method as HttpMethod, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use super::{
    Problem,
    asker::{self, Access, Peer},
    denials::Denial,
    page,
    routes::Shared,
};

/// How long a request may take, its body and the journal included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// What stands before an address.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) shared: Arc<Shared>,
    pub(super) access: Access,
}

/// Lets a request through, or says why not.
pub(super) async fn gate(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let peer = asker::peer(request.extensions());
    let judged = gate.judge(&request).map_err(|(why, problem)| {
        gate.shared.denials.note(why, peer);
        problem
    });
    let mut response = match judged {
        Ok(()) => match timeout(REQUEST_TIMEOUT, next.run(request)).await {
            Ok(response) => {
                if let Some(why) = not_taken(response.status()) {
                    gate.shared.denials.note(why, peer);
                }
                response
            }
            Err(_) => late().into_response(),
        },
        Err(problem) => problem.into_response(),
    };
    secure(response.headers_mut());
    // What is left of a request that was not read to its end is never the next one.
    if !response.status().is_success() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

impl Gate {
    fn judge(&self, request: &Request) -> Result<(), (Denial, Problem)> {
        let headers = request.headers();
        if let Some(problem) = asker::malformed(headers) {
            return Err((Denial::Malformed, problem));
        }
        let peer = request.extensions().get::<Peer>();
        let local = peer.is_some_and(|peer| asker::is_local(*peer, request.uri(), headers));
        asker::judge(self.access, local, headers, &self.shared.options())?;
        if request.method() == HttpMethod::POST {
            if asker::is_cross_site(headers) {
                let problem = Problem::new(
                    StatusCode::FORBIDDEN,
                    "a page of another site sent this",
                    "send it from a program, not from a page",
                );
                return Err((Denial::CrossSite, problem));
            }
            if !asker::is_json(headers) {
                let problem = Problem::new(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "this takes JSON only",
                    "send `Content-Type: application/json` and a document, `{}` where there is nothing to say (in a Git host's \
                     webhook settings: content type JSON)",
                );
                return Err((Denial::Malformed, problem));
            }
        }
        Ok(())
    }
}

/// Why a request was let in and not taken, where its answer says so: whoever let it in counted nothing.
fn not_taken(status: StatusCode) -> Option<Denial> {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Some(Denial::TooLarge),
        StatusCode::BAD_REQUEST => Some(Denial::Malformed),
        _ => None,
    }
}

fn late() -> Problem {
    let detail = format!("this took longer than {} seconds", REQUEST_TIMEOUT.as_secs());
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        detail,
        "send the body at once, or ask again when the journal is less busy",
    )
}

/// No scripts, no frames, no guessing of types, no referrer, no copy in any cache.
fn secure(headers: &mut HeaderMap) {
    const FIXED: [(HeaderName, &str); 6] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, page::content_security_policy());
}
