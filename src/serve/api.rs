//! The handlers of the JSON API, of the probes and of the metrics.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{
        Path, Query, Request, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::StreamExt as _;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{
    Problem, asker,
    denials::Denial,
    documents::{
        API_VERSION, JournalDocument, PauseDocument, PauseRequest, PlanDocument, ReconcileDocument, ReconcileRequest,
        ResumeRequest, StateDocument, TargetDocument,
    },
    health, metrics,
    routes::Shared,
    webhook::{self, GitHost, WebhookError},
};
use crate::{access::Text, journal::Filter, plan::render::document};

/// Bytes of a request's body.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;
/// Bytes of a Git host's message. They take up to 25 MiB; one that tells of a push is far smaller.
pub(super) const MAX_HOOK_BYTES: usize = 1024 * 1024;
/// Records that are listed unless said otherwise.
const DEFAULT_RECORDS: u32 = 100;
/// The most records that are listed at once.
pub(super) const MAX_RECORDS: u32 = 1_000;
/// Characters of the reason of a pause.
const MAX_BECAUSE: usize = 500;
/// How long the body of a webhook may take: few are read at once.
const HOOK_BODY_TIME: Duration = Duration::from_secs(5);

pub(super) type Answer = Result<Response, Problem>;
type Here = State<Arc<Shared>>;

/// A document of ours as JSON, safe on a terminal.
pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    let mut response = (status, document(value)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// `GET /healthz`
pub(super) async fn healthz(State(shared): Here) -> Response {
    let probe = health::alive(&shared.board);
    json(probe.status(), &probe)
}

/// `GET /readyz`
pub(super) async fn readyz(State(shared): Here) -> Response {
    let probe = health::ready(&shared.board);
    json(probe.status(), &probe)
}

/// `GET /metrics`
pub(super) async fn metrics(State(shared): Here) -> Answer {
    let text = metrics::encode(&shared.board, shared.control.now()).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string(), "report this as a bug of Portcullis")
    })?;
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(metrics::OPEN_METRICS));
    Ok(response)
}

/// `GET /v1/openapi.json`
pub(super) async fn openapi() -> Response {
    json(StatusCode::OK, &super::openapi::document())
}

/// `GET /v1/state`
pub(super) async fn state(State(shared): Here) -> Response {
    json(StatusCode::OK, &StateDocument::of(&shared.board, shared.control.now()))
}

/// `GET /v1/targets/{name}`
pub(super) async fn target(State(shared): Here, name: Result<Path<String>, PathRejection>) -> Answer {
    let view = shared.target(name)?;
    Ok(json(StatusCode::OK, &TargetDocument::of(&view, &shared.board, shared.control.now())))
}

/// `GET /v1/targets/{name}/plan`
pub(super) async fn plan(State(shared): Here, name: Result<Path<String>, PathRejection>) -> Answer {
    let view = shared.target(name)?;
    let plan = PlanDocument::of(&shared.board, &view).ok_or_else(|| {
        let detail = format!("there is no plan of `{}` yet", view.target);
        Problem::new(StatusCode::NOT_FOUND, detail, "GET /v1/state says when it was looked at, and why it failed")
    })?;
    Ok(json(StatusCode::OK, &plan))
}

/// What `GET /v1/journal` is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JournalQuery {
    target: Option<Text>,
    id: Option<Text>,
    principal: Option<Text>,
    since: Option<Timestamp>,
    limit: Option<u32>,
}

/// `GET /v1/journal`
pub(super) async fn journal(State(shared): Here, query: Result<Query<JournalQuery>, QueryRejection>) -> Answer {
    let Query(query) = query.map_err(|refused| {
        Problem::bad(
            refused.body_text(),
            "it takes `target`, `id`, `principal`, `since` (as 2027-01-31T00:00:00Z) and `limit` (at most 1000)",
        )
    })?;
    let JournalQuery { target, id, principal, since, limit } = query;
    let limit = limit.unwrap_or(DEFAULT_RECORDS);
    if !(1..=MAX_RECORDS).contains(&limit) {
        return Err(Problem::bad(
            format!("`limit` is {limit}"),
            format!("take 1 to {MAX_RECORDS}, and narrow by `since`, `target` or `id`"),
        ));
    }
    let filter = Filter { target, id, principal, since, limit: Some(limit) };
    let records = shared.records(&filter).await?;
    let more = records.len() >= limit as usize;
    Ok(json(StatusCode::OK, &JournalDocument { version: API_VERSION, records, more }))
}

/// `POST /v1/reconcile`
pub(super) async fn reconcile(State(shared): Here, request: Request) -> Answer {
    let ReconcileRequest { targets } = read(request).await?;
    let targets = shared.control.reconcile(&targets)?;
    Ok(json(StatusCode::ACCEPTED, &ReconcileDocument { version: API_VERSION, targets }))
}

/// `POST /v1/pause`
pub(super) async fn pause(State(shared): Here, request: Request) -> Answer {
    let PauseRequest { because, until } = read(request).await?;
    let because = because.trim().to_owned();
    if because.is_empty() || because.chars().count() > MAX_BECAUSE {
        return Err(Problem::bad(
            "`because` says nothing, or too much",
            format!("say in 1 to {MAX_BECAUSE} characters why nothing may be sent: others will read it"),
        ));
    }
    if until.is_some_and(|until| until <= shared.control.now()) {
        return Err(Problem::bad("`until` is over already", "name a later time, or leave it out"));
    }
    tracing::warn!(because, until = until.map(tracing::field::display), "asked over HTTP to stop all writing");
    shared.control.pause(because, until).await?;
    Ok(json(StatusCode::OK, &PauseDocument { version: API_VERSION, pause: shared.board.pause() }))
}

/// `POST /v1/resume`
pub(super) async fn resume(State(shared): Here, request: Request) -> Answer {
    let ResumeRequest {} = read(request).await?;
    tracing::warn!("asked over HTTP to let writing go on");
    shared.control.resume().await?;
    Ok(json(StatusCode::OK, &PauseDocument { version: API_VERSION, pause: shared.board.pause() }))
}

/// `POST /v1/hooks/{host}`
pub(super) async fn hook(State(shared): Here, host: Result<Path<String>, PathRejection>, request: Request) -> Answer {
    let peer = asker::peer(request.extensions());
    hooked(&shared, host, request).await.map_err(|(why, problem)| {
        if let Some(why) = why {
            shared.denials.note(why, peer);
        }
        problem
    })
}

async fn hooked(
    shared: &Shared,
    host: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, (Option<Denial>, Problem)> {
    let Path(host) = host.map_err(|_| (None, Problem::nowhere()))?;
    let options = shared.options();
    let known = GitHost::of(&host).and_then(|host| options.webhooks.iter().find(|(known, _)| *known == host));
    let (host, secret) = known.ok_or_else(|| {
        let problem = Problem::new(
            StatusCode::NOT_FOUND,
            "no webhook of this host is configured, or its secret cannot be had",
            "name it in portcullis.yaml: `watch: { webhooks: [{ from: …, secret: { … } }] }`; the daemon's log says what \
             is wrong with a secret",
        );
        (Some(Denial::UnknownHook), problem)
    })?;
    let headers = request.headers().clone();
    webhook::has_proof(*host, headers.iter().map(|(name, _)| name.as_str())).map_err(refused)?;
    let body = {
        // Who waits too long for a turn is told so by the gate.
        let _turn = shared.hook_bodies.acquire().await;
        let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time", "send it at once");
        let read = timeout(HOOK_BODY_TIME, bytes(request, MAX_HOOK_BYTES)).await;
        read.map_err(late).flatten().map_err(|problem| (None, problem))?
    };
    let lines = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let hook = webhook::read(*host, secret.expose_secret().as_bytes(), lines, &body).map_err(refused)?;
    let targets = shared.control.pushed(&hook).map_err(|error| (None, error.into()))?;
    Ok(json(StatusCode::ACCEPTED, &ReconcileDocument { version: API_VERSION, targets }))
}

fn refused(error: WebhookError) -> (Option<Denial>, Problem) {
    let why = match error {
        WebhookError::Malformed => {
            return (None, Problem::bad(error.to_string(), "let the Git host send pushes, as JSON"));
        }
        WebhookError::NoProof(_) => Denial::NoProof,
        WebhookError::WeakSecret | WebhookError::WrongProof(_) => Denial::WrongProof,
    };
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        error.to_string(),
        "give the Git host the same secret as `watch: { webhooks: … }` in portcullis.yaml",
    );
    (Some(why), problem)
}

async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    let body = bytes(request, MAX_BODY_BYTES).await?;
    // An empty body asks for nothing in particular.
    let body = if body.is_empty() { &b"{}"[..] } else { &body };
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("the body is not what this takes: {error}");
        Problem::bad(detail, "see GET /v1/openapi.json for what this takes")
    })
}

/// The body, where it is no longer than that. What is too long by its own word is not read at all.
async fn bytes(request: Request, most: usize) -> Result<Vec<u8>, Problem> {
    let too_long = || {
        let detail = format!("the body is longer than {most} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail, "send less; nothing here takes more")
    };
    let said = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|said| said > most as u64) {
        return Err(too_long());
    }
    let mut body = request.into_body().into_data_stream();
    let mut read = Vec::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_| Problem::bad("the body ended early", "send it again"))?;
        if read.len() + piece.len() > most {
            return Err(too_long());
        }
        read.extend_from_slice(&piece);
    }
    Ok(read)
}
