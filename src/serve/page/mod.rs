//! The page for people: rendered here, one document without scripts or anything from elsewhere.
//!
//! Names from APIs are hostile: `words` makes each of them harmless, and `maud` escapes all text.

mod detail;
mod frame;
mod icons;
mod overview;
mod parts;
mod style;
mod table;
mod words;

use std::sync::Arc;

use axum::{
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    response::{Html, IntoResponse, Response},
};
use serde::Deserialize;

use self::{detail::Detail, frame::Frame, overview::Overview};
use super::{Problem, health, records, routes::Shared};
use crate::access::Text;

pub(super) use style::content_security_policy;

/// What a reader chose.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Choice {
    refresh: Option<String>,
}

type Chosen = Result<Query<Choice>, QueryRejection>;

/// `GET /`
pub(super) async fn overview(State(shared): State<Arc<Shared>>, chosen: Chosen) -> Response {
    let mut targets: Vec<_> = shared.board.targets().into_values().collect();
    overview::sort(&mut targets);
    let mut frame = frame(&shared, chosen, "/".to_owned());
    (frame.title, frame.tone) = overview::headline(&targets, frame.pause.is_some(), frame.silent.is_some());
    let revoked = revoked(&shared, None, overview::REVOKED).await;
    Html(Overview { frame, targets, revoked }.page()).into_response()
}

/// `GET /targets/{name}`
pub(super) async fn target(
    State(shared): State<Arc<Shared>>,
    name: Result<Path<String>, PathRejection>,
    chosen: Chosen,
) -> Result<Response, Problem> {
    let view = shared.target(name)?;
    let mut frame = frame(&shared, chosen, format!("/targets/{}", words::segment(&view.target)));
    frame.title = format!("{}: {}", view.target, words::health(view.health).to_lowercase());
    frame.tone = words::tone(view.health);
    frame.freezes.retain(|freeze| freeze.bears_on(&view.target));
    let revoked = revoked(&shared, Some(&view.target), 4 * overview::REVOKED).await;
    Ok(Html(Detail { frame, view, revoked }.page()).into_response())
}

fn frame(shared: &Shared, chosen: Chosen, here: String) -> Frame {
    let board = &shared.board;
    Frame {
        title: String::new(),
        tone: "calm",
        now: shared.control.now(),
        refresh: chosen.ok().and_then(|Query(choice)| choice.refresh).is_none_or(|choice| choice != "off"),
        here,
        source: board.source(),
        pause: board.pause(),
        freezes: board.freezes(),
        journal: board.journal(),
        listener: board.listener(),
        silent: (!health::alive(board).ok).then(|| board.since_beat().as_secs()),
    }
}

async fn revoked(shared: &Shared, target: Option<&Text>, most: usize) -> Result<Vec<records::Revocation>, String> {
    let filter = records::recent(target);
    let all = shared.records(&filter).await.map_err(|error| error.to_string())?;
    Ok(records::revocations(all, most))
}
