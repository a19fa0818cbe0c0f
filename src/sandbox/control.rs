//! The control interface: JSON over its own loopback port, so that another process can read the record, set faults and
//! change the world.
//!
//! | call | does |
//! |---|---|
//! | `GET /control/record?skip=N` | the record as JSON lines |
//! | `DELETE /control/record` | forgets it |
//! | `GET /control/faults` | the faults that are set, with how often each was met |
//! | `POST /control/faults` | sets one ([`Fault`]) |
//! | `DELETE /control/faults` | clears all |
//! | `GET /control/world/SYSTEM` | live entries as `[kind, id]` |
//! | `POST /control/world/SYSTEM` | changes the world ([`Mutation`]) |
//! | `GET /control/urls` | the base addresses |
//! | `POST /control/stop` | stops all servers |

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fault, Mutation, Shared, System, Urls};

pub(super) fn router(shared: Arc<Shared>, urls: Urls) -> Router {
    Router::new()
        .route("/control/record", get(record).delete(forget))
        .route("/control/faults", get(faults).post(set_fault).delete(clear_faults))
        .route("/control/world/{system}", get(live).post(mutate))
        .route("/control/urls", get(|| async { Json(urls) }))
        .route("/control/stop", post(stop))
        .with_state(shared)
}

#[derive(Deserialize)]
struct Skip {
    #[serde(default)]
    skip: usize,
}

async fn record(State(shared): State<Arc<Shared>>, Query(Skip { skip }): Query<Skip>) -> String {
    shared.record.json_lines(skip)
}

async fn forget(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.record.clear();
    StatusCode::NO_CONTENT
}

async fn faults(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!(shared.faults().active()))
}

async fn set_fault(State(shared): State<Arc<Shared>>, Json(fault): Json<Fault>) -> Json<Value> {
    Json(json!({ "id": shared.faults().add(fault) }))
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.faults().clear();
    StatusCode::NO_CONTENT
}

async fn live(State(shared): State<Arc<Shared>>, Path(system): Path<System>) -> Json<Value> {
    Json(json!(shared.world().store(system).live()))
}

async fn mutate(
    State(shared): State<Arc<Shared>>,
    Path(system): Path<System>,
    Json(mutation): Json<Mutation>,
) -> Result<StatusCode, (StatusCode, String)> {
    match shared.mutate(system, &mutation) {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(why) => Err((StatusCode::BAD_REQUEST, why)),
    }
}

async fn stop(State(shared): State<Arc<Shared>>) -> StatusCode {
    // The answer may or may not get out before the servers end.
    shared.stop.cancel();
    StatusCode::ACCEPTED
}
