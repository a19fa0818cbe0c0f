//! Whether the daemon lives, and whether it is ready. Open to everybody, so that no name is told here.

use std::time::Duration;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::Board;

/// The loop says at least every minute that it lives; after this long it does not.
const DEAD_AFTER: Duration = Duration::from_secs(180);

/// What a probe is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Probe {
    /// Whether it is as asked.
    pub ok: bool,
    /// Why not; empty where it is.
    pub why: Vec<String>,
}

impl Probe {
    fn of(why: Vec<String>) -> Self {
        Self { ok: why.is_empty(), why }
    }

    /// The status that probes look at.
    pub(super) fn status(&self) -> StatusCode {
        if self.ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    }
}

/// Whether the loop lives.
pub(super) fn alive(board: &Board) -> Probe {
    let silent = board.since_beat();
    Probe::of(if silent > DEAD_AFTER {
        vec![format!("the loop has said nothing for {} seconds", silent.as_secs())]
    } else {
        Vec::new()
    })
}

/// Whether it does its work: a tree was loaded, every target was looked at, what is sent can be recorded.
pub(super) fn ready(board: &Board) -> Probe {
    let mut why = alive(board).why;
    if board.source().loaded_at.is_none() {
        why.push("the first tree is not loaded yet: there is none by which any target can be planned".to_owned());
    }
    let targets = board.targets();
    let unseen = targets.values().filter(|view| view.looked_at.is_none()).count();
    if unseen > 0 {
        why.push(format!("{unseen} of {} targets were not looked at yet", targets.len()));
    }
    if board.journal().failing.is_some() {
        why.push("the journal cannot record".to_owned());
    }
    Probe::of(why)
}
