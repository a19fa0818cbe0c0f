//! One server a system: reads a request whole, lets faults have their way, asks the imitated system, writes the record.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body as HttpBody, Bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, Method, Response, StatusCode, header},
};
use jiff::Timestamp;

use super::{
    Shared, System,
    call::{Body, Call, Reply},
    fault::{Hit, Trouble, spoil},
    listener::Scissors,
    record::Arrived,
};

/// The longest request body that is read. No call of the five systems comes near it.
const MAX_REQUEST: usize = 1 << 20;
/// The longest body that a fault may blow up to.
const MAX_ANSWER: usize = 256 << 20;

#[derive(Clone)]
struct Place {
    system: System,
    shared: Arc<Shared>,
}

/// The service of one system.
pub(super) fn router(system: System, shared: Arc<Shared>) -> Router {
    Router::new().fallback(serve).with_state(Place { system, shared })
}

async fn serve(
    State(Place { system, shared }): State<Place>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response<HttpBody> {
    let (parts, body) = request.into_parts();
    let at = Timestamp::now();
    let Ok(body) = axum::body::to_bytes(body, MAX_REQUEST).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, HttpBody::empty());
    };
    let query = parts.uri.query().map(|text| url::form_urlencoded::parse(text.as_bytes()).into_owned().collect());
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: query.unwrap_or_default(),
        headers: parts.headers,
        body,
        at,
    };
    let write = is_write(system, &call);
    let hits = shared.faults().hits(system, &call, write);
    let arrived = Arrived::new(system, &call, write, hits.iter().map(|hit| hit.trouble.name().to_owned()).collect());

    let mut instead = None;
    for Hit { trouble, .. } in &hits {
        match trouble {
            Trouble::Delay { ms, after_effect: false } => tokio::time::sleep(Duration::from_millis(*ms)).await,
            Trouble::Hang { after_effect: false } => {
                shared.record.request(arrived, None, &[]);
                return std::future::pending().await;
            }
            Trouble::DropBefore => {
                shared.record.request(arrived, None, &[]);
                match scissors.cut().await {}
            }
            Trouble::RateLimit { after_ms } => {
                instead = Some(shared.world().store(system).rate_limited(&call, *after_ms));
            }
            Trouble::Status { status, after_effect: false } => {
                instead = Some(shared.world().store(system).failed(&call, *status));
            }
            Trouble::Redirect { location } => instead = Some(Reply::empty(302).header("location", location)),
            _ => {}
        }
    }
    let mut reply = match instead {
        Some(reply) => reply,
        None => shared.world().store(system).answer(&call),
    };

    let mut skew = None;
    for Hit { id, trouble } in &hits {
        match trouble {
            Trouble::Delay { ms, after_effect: true } => tokio::time::sleep(Duration::from_millis(*ms)).await,
            Trouble::Hang { after_effect: true } => {
                shared.record.request(arrived, None, &reply.effects);
                return std::future::pending().await;
            }
            Trouble::DropAfter => {
                shared.record.request(arrived, None, &reply.effects);
                match scissors.cut().await {}
            }
            Trouble::Status { status, after_effect: true } => {
                let effects = std::mem::take(&mut reply.effects);
                reply = shared.world().store(system).failed(&call, *status);
                reply.effects = effects;
            }
            Trouble::ClockSkew { seconds } => skew = Some(*seconds),
            Trouble::RepeatPage if reply.rows.is_some() => {
                let first = shared.faults().first_body(*id, bytes_of(&reply.body));
                reply.body = Body::Text(first);
            }
            trouble => spoil(&mut reply, trouble),
        }
    }
    shared.record.request(arrived, Some(reply.status), &reply.effects);
    for Hit { trouble, .. } in &hits {
        if let Trouble::Then { mutation } = trouble {
            // An entry that is not there any more has nothing to vanish.
            let _ = shared.mutate(system, mutation);
        }
    }
    respond(reply, &hits, skew)
}

/// Whether a request could change something, told by method and, for Buildkite's one address, by its operation.
fn is_write(system: System, call: &Call) -> bool {
    match (system, &call.method) {
        (_, &Method::GET | &Method::HEAD | &Method::OPTIONS) => false,
        (System::Buildkite, &Method::POST) => super::buildkite::is_mutation(call),
        (System::Aitronos, &Method::POST) => !super::aitronos::is_lookup(call),
        _ => true,
    }
}

pub(super) fn bytes_of(body: &Body) -> Bytes {
    match body {
        Body::Empty => Bytes::new(),
        Body::Json(value) => Bytes::from(value.to_string()),
        Body::Text(text) => text.clone(),
    }
}

fn respond(reply: Reply, hits: &[Hit], skew: Option<i64>) -> Response<HttpBody> {
    let has_body = !matches!(reply.body, Body::Empty);
    let mut bytes = bytes_of(&reply.body);
    let mut kind = "application/json";
    let mut cut_body = false;
    for Hit { trouble, .. } in hits {
        match trouble {
            Trouble::Html => {
                kind = "text/html; charset=utf-8";
                bytes = Bytes::from_static(b"<!doctype html><title>Sign in</title><p>Please sign in to continue.");
            }
            Trouble::BrokenJson => bytes.truncate(bytes.len() / 2),
            Trouble::Truncate => cut_body = true,
            Trouble::Oversize { bytes: wanted } => {
                let mut blown = bytes.to_vec();
                blown.resize((*wanted).clamp(blown.len(), MAX_ANSWER), b' ');
                bytes = Bytes::from(blown);
            }
            _ => {}
        }
    }
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let full = bytes.len();
    let body = if cut_body {
        let half = bytes.slice(..full / 2);
        let first = futures::stream::once(std::future::ready(Ok::<_, std::io::Error>(half)));
        let cut = futures::stream::once(async {
            // The pause lets headers and the first half out before the connection ends.
            tokio::time::sleep(Duration::from_millis(5)).await;
            Err(std::io::ErrorKind::ConnectionReset.into())
        });
        HttpBody::from_stream(futures::StreamExt::chain(first, cut))
    } else {
        HttpBody::from(bytes)
    };
    let mut response = plain(status, body);
    let headers = response.headers_mut();
    if has_body || kind != "application/json" {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if cut_body {
        // The error in the stream closes the connection before this promise is kept.
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(full));
    }
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    if let Some(seconds) = skew {
        let now = std::time::SystemTime::now();
        let shifted = Duration::from_secs(seconds.unsigned_abs());
        let date = if seconds < 0 { now.checked_sub(shifted) } else { now.checked_add(shifted) };
        if let Ok(value) = HeaderValue::from_str(&httpdate::fmt_http_date(date.unwrap_or(now))) {
            headers.insert(header::DATE, value);
        }
    }
    response
}

fn plain(status: StatusCode, body: HttpBody) -> Response<HttpBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}
