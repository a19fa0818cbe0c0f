//! The one table of addresses, and the router that is made of it.

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    Router,
    extract::{Path, rejection::PathRejection},
    middleware,
    routing::{MethodRouter, get, post},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;

use super::{
    Board, Bound, Control, Problem, Records, TargetView, api,
    asker::Access,
    denials::Denials,
    documents::{
        JournalDocument, PauseDocument, PauseRequest, PlanDocument, ReconcileDocument, ReconcileRequest, ResumeRequest,
        StateDocument, TargetDocument,
    },
    gate::{self, Gate},
    health::Probe,
    listener, page,
    webhook::GitHost,
};
use crate::journal::{Filter, JournalError, Record};

/// Readings of the journal at once: what is shown must not hold up what is recorded.
const JOURNAL_READERS: usize = 1;
/// Bodies of webhooks that are read at once: each may be of 1 MiB, and anybody may send one.
const HOOK_BODIES: usize = 4;

/// How the listener treats its callers.
#[derive(Default)]
pub struct Options {
    /// What callers have to send; without one only this machine is served.
    pub token: Option<SecretString>,
    /// A token is configured and cannot be had: nobody is let in by it, nor without it.
    pub locked: bool,
    /// Whether `/metrics` is open to everybody.
    pub open_metrics: bool,
    /// The Git hosts whose messages are taken.
    pub webhooks: Vec<(GitHost, SecretString)>,
}

/// How the listener treats its callers, from now on and until that is changed.
#[derive(Default)]
pub struct Door(RwLock<Arc<Options>>);

impl Door {
    /// Treats callers so.
    pub fn new(options: Options) -> Self {
        Self(RwLock::new(Arc::new(options)))
    }

    /// Treats callers so from the next request on.
    pub fn change(&self, options: Options) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(options);
    }

    /// How callers are treated at this moment.
    pub fn options(&self) -> Arc<Options> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What every handler has at hand.
pub(super) struct Shared {
    door: Arc<Door>,
    pub(super) denials: Denials,
    /// Bodies of webhooks that are read at once.
    pub(super) hook_bodies: Semaphore,
    pub(super) board: Arc<Board>,
    pub(super) control: Arc<dyn Control>,
    records: Arc<dyn Records>,
    readers: Semaphore,
}

impl Shared {
    /// How callers are treated at this moment.
    pub(super) fn options(&self) -> Arc<Options> {
        self.door.options()
    }

    /// A target by the name in an address.
    pub(super) fn target(&self, name: Result<Path<String>, PathRejection>) -> Result<Arc<TargetView>, Problem> {
        let Path(name) = name.map_err(|_| Problem::nowhere())?;
        self.board.target(&name).ok_or_else(|| Problem::no_target(&name))
    }

    /// Records of the journal; callers wait for one another.
    pub(super) async fn records(&self, filter: &Filter) -> Result<Vec<Record>, JournalError> {
        let _turn = self.readers.acquire().await;
        self.records.records(filter).await
    }
}

/// Serves until it is told to stop, and then lets what is under way end: at most 5 seconds more.
pub async fn serve(
    bound: Bound,
    door: Arc<Door>,
    board: Arc<Board>,
    records: Arc<dyn Records>,
    control: Arc<dyn Control>,
    stop: CancellationToken,
) {
    let readers = Semaphore::new(JOURNAL_READERS);
    let (denials, hook_bodies) = (Denials::new(Arc::clone(&board)), Semaphore::new(HOOK_BODIES));
    let shared = Shared { door, denials: denials.clone(), hook_bodies, board, control, records, readers };
    listener::run(bound, router(Arc::new(shared)), denials, stop).await;
}

/// How an address is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

impl Method {
    /// Its name in the OpenAPI document.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
        }
    }

    /// What stands in `Allow`.
    pub(super) fn allow(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
        }
    }
}

/// The schema of a document.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// Something in an address.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// Whether it is a part of the path, not of the query.
    pub(super) in_path: bool,
    pub(super) what: &'static str,
    /// Its JSON type and format.
    pub(super) shape: (&'static str, Option<&'static str>),
}

const fn part(name: &'static str, what: &'static str) -> Parameter {
    Parameter { name, in_path: true, what, shape: ("string", None) }
}

const fn query(name: &'static str, what: &'static str) -> Parameter {
    Parameter { name, in_path: false, what, shape: ("string", None) }
}

/// What is answered.
pub(super) enum Media {
    Json(SchemaOf),
    /// A document whose schema is not ours.
    AnyJson,
    Html,
    OpenMetrics,
}

/// One answer that is no problem document.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) what: &'static str,
    pub(super) media: Media,
}

const fn reply(status: u16, what: &'static str, media: Media) -> Reply {
    Reply { status, what, media }
}

/// An address.
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) summary: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) body: Option<SchemaOf>,
    pub(super) replies: &'static [Reply],
    /// Problems that are told besides those of all addresses.
    pub(super) problems: &'static [u16],
    handler: fn() -> MethodRouter<Arc<Shared>>,
}

const TARGET: Parameter = part("name", "The target's name");

/// Every address.
pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/",
        access: Access::Token,
        summary: "The page for people",
        parameters: &[query("refresh", "`off` keeps the page from loading itself anew")],
        body: None,
        replies: &[reply(200, "The page", Media::Html)],
        problems: &[],
        handler: || get(page::overview),
    },
    Route {
        method: Method::Get,
        path: "/targets/{name}",
        access: Access::Token,
        summary: "The page of one target",
        parameters: &[TARGET, query("refresh", "`off` keeps the page from loading itself anew")],
        body: None,
        replies: &[reply(200, "The page", Media::Html)],
        problems: &[404],
        handler: || get(page::target),
    },
    Route {
        method: Method::Get,
        path: "/healthz",
        access: Access::Open,
        summary: "Whether the loop lives",
        parameters: &[],
        body: None,
        replies: &[
            reply(200, "It lives", Media::Json(of::<Probe>)),
            reply(503, "It does not", Media::Json(of::<Probe>)),
        ],
        problems: &[],
        handler: || get(api::healthz),
    },
    Route {
        method: Method::Get,
        path: "/readyz",
        access: Access::Open,
        summary: "Whether a policy tree was loaded, every target looked at, and the journal can record",
        parameters: &[],
        body: None,
        replies: &[
            reply(200, "All of it", Media::Json(of::<Probe>)),
            reply(503, "Not yet, or not any more", Media::Json(of::<Probe>)),
        ],
        problems: &[],
        handler: || get(api::readyz),
    },
    Route {
        method: Method::Get,
        path: "/metrics",
        access: Access::Metrics,
        summary: "Metrics for Prometheus",
        parameters: &[],
        body: None,
        replies: &[reply(200, "OpenMetrics text", Media::OpenMetrics)],
        problems: &[],
        handler: || get(api::metrics),
    },
    Route {
        method: Method::Get,
        path: "/v1/openapi.json",
        access: Access::Token,
        summary: "This document",
        parameters: &[],
        body: None,
        replies: &[reply(200, "An OpenAPI 3.1 document", Media::AnyJson)],
        problems: &[],
        handler: || get(api::openapi),
    },
    Route {
        method: Method::Get,
        path: "/v1/state",
        access: Access::Token,
        summary: "The state of the daemon and of every target",
        parameters: &[],
        body: None,
        replies: &[reply(200, "The state", Media::Json(of::<StateDocument>))],
        problems: &[],
        handler: || get(api::state),
    },
    Route {
        method: Method::Get,
        path: "/v1/targets/{name}",
        access: Access::Token,
        summary: "One target",
        parameters: &[TARGET],
        body: None,
        replies: &[reply(200, "The target", Media::Json(of::<TargetDocument>))],
        problems: &[404],
        handler: || get(api::target),
    },
    Route {
        method: Method::Get,
        path: "/v1/targets/{name}/plan",
        access: Access::Token,
        summary: "The plan of a target's last look",
        parameters: &[TARGET],
        body: None,
        replies: &[reply(200, "The plan document", Media::Json(of::<PlanDocument>))],
        problems: &[404],
        handler: || get(api::plan),
    },
    Route {
        method: Method::Get,
        path: "/v1/journal",
        access: Access::Token,
        summary: "The newest records of the journal that fit",
        parameters: &[
            query("target", "Only of this target"),
            query("id", "Only of this entry"),
            query("principal", "Only of this holder"),
            Parameter { name: "since", in_path: false, what: "Only since then", shape: ("string", Some("date-time")) },
            Parameter {
                name: "limit",
                in_path: false,
                what: "At most so many records, 1 to 1000; 100 unless said otherwise",
                shape: ("integer", None),
            },
        ],
        body: None,
        replies: &[reply(200, "Records", Media::Json(of::<JournalDocument>))],
        problems: &[400],
        handler: || get(api::journal),
    },
    Route {
        method: Method::Post,
        path: "/v1/reconcile",
        access: Access::Token,
        summary: "Looks again: at these targets, or at all where none is named; the source first",
        parameters: &[],
        body: Some(of::<ReconcileRequest>),
        replies: &[reply(202, "What will be looked at", Media::Json(of::<ReconcileDocument>))],
        problems: &[400, 404, 413, 415],
        handler: || post(api::reconcile),
    },
    Route {
        method: Method::Post,
        path: "/v1/pause",
        access: Access::Token,
        summary: "Stops all writing, until it is taken back or until a time; a pause in force that ends later stays in its place",
        parameters: &[],
        body: Some(of::<PauseRequest>),
        replies: &[reply(200, "What stops all writing now", Media::Json(of::<PauseDocument>))],
        problems: &[400, 413, 415],
        handler: || post(api::pause),
    },
    Route {
        method: Method::Post,
        path: "/v1/resume",
        access: Access::Token,
        summary: "Takes back what /v1/pause set; not a stop file, not the environment",
        parameters: &[],
        body: Some(of::<ResumeRequest>),
        replies: &[reply(200, "What stops all writing still", Media::Json(of::<PauseDocument>))],
        problems: &[400, 413, 415],
        handler: || post(api::resume),
    },
    Route {
        method: Method::Post,
        path: "/v1/hooks/{host}",
        access: Access::Signed,
        summary: "A Git host's push webhook: looks again; needs the host's signature and no token",
        parameters: &[part("host", "`github`, `gitlab`, `gitea` or `bitbucket`")],
        body: None,
        replies: &[reply(202, "What will be looked at", Media::Json(of::<ReconcileDocument>))],
        problems: &[400, 404, 413, 415],
        handler: || post(api::hook),
    },
];

pub(super) fn router(shared: Arc<Shared>) -> Router {
    let gate = |access| middleware::from_fn_with_state(Gate { shared: Arc::clone(&shared), access }, gate::gate);
    let mut router = Router::new();
    for route in ROUTES {
        let wrong_method = async || Problem::method(route.method.allow());
        let methods = (route.handler)().fallback(wrong_method);
        router = router.route(route.path, methods.layer(gate(route.access)));
    }
    // What is not in the table is nobody's business without a token.
    let nowhere = MethodRouter::new().fallback(async || Problem::nowhere());
    let nowhere = nowhere.layer(gate(Access::Token)).with_state(Arc::clone(&shared));
    router.fallback_service(nowhere).layer(CompressionLayer::new()).with_state(shared)
}
