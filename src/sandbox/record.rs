//! The independent record: every request and every effect, in order. Tests judge by it, never by what the client says.
//!
//! No credential is kept, only the label of its holder.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    System,
    call::{Call, Deed, Effect},
};

/// How many lines are kept; a longer test has to clear the record in between.
const MAX_LINES: usize = 2_000_000;

/// One line of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// A request.
    Request(Request),
    /// What changed.
    Effect(Changed),
}

/// A request as it arrived and was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its number, from 1, over all systems.
    pub number: u64,
    /// When it arrived.
    pub at: Timestamp,
    /// The system.
    pub system: System,
    /// Its method.
    pub method: String,
    /// Its path, encoded as it travelled.
    pub path: String,
    /// Its query parameters, decoded.
    pub query: Vec<(String, String)>,
    /// The body of anything but GET.
    pub body: Option<String>,
    /// Its idempotency key.
    pub idempotency_key: Option<String>,
    /// The status answered; `None` where no answer left.
    pub status: Option<u16>,
    /// The faults that it met, by name.
    pub faults: Vec<String>,
    /// Whether it changed anything.
    pub took_effect: bool,
    /// Whether it could change something: a write of the system's API.
    pub write: bool,
}

/// An effect and when it happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The request that made it; 0 for the world and the system's own work.
    pub request: u64,
    /// When.
    pub at: Timestamp,
    /// The system.
    pub system: System,
    /// What.
    #[serde(flatten)]
    pub effect: Effect,
}

/// The record; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Record(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    requests: u64,
    lines: Vec<Line>,
}

impl Record {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down a request and what it did. Returns its number.
    pub(super) fn request(&self, arrived: Arrived, status: Option<u16>, effects: &[Effect]) -> u64 {
        let mut lines = self.lock();
        lines.requests += 1;
        let number = lines.requests;
        let Arrived { at, system, method, path, query, body, idempotency_key, write, faults } = arrived;
        // Work that the system does by itself while it answers a read is not that read's effect.
        let own = |effect: &&Effect| effect.by != SYSTEM;
        let took_effect = effects.iter().filter(own).count() > 0;
        lines.push(Line::Request(Request {
            number,
            at,
            system,
            method,
            path,
            query,
            body,
            idempotency_key,
            status,
            faults,
            took_effect,
            write,
        }));
        for effect in effects {
            let request = if effect.by == SYSTEM { 0 } else { number };
            lines.push(Line::Effect(Changed { request, at, system, effect: effect.clone() }));
        }
        number
    }

    /// Writes down what happened without a request.
    pub(super) fn effects(&self, system: System, at: Timestamp, effects: Vec<Effect>) {
        let mut lines = self.lock();
        for effect in effects {
            lines.push(Line::Effect(Changed { request: 0, at, system, effect }));
        }
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<Line> {
        self.lock().lines.clone()
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        let lines = self.lock();
        lines.lines.iter().filter_map(|line| if let Line::Request(r) = line { Some(r.clone()) } else { None }).collect()
    }

    /// Every effect so far.
    pub fn changes(&self) -> Vec<Changed> {
        let lines = self.lock();
        lines.lines.iter().filter_map(|line| if let Line::Effect(e) = line { Some(e.clone()) } else { None }).collect()
    }

    /// The ids of a kind's entries that were removed, in order, repeats kept.
    pub fn removed(&self, system: System, kind: &str) -> Vec<String> {
        let of_kind = |changed: &Changed| {
            changed.system == system && changed.effect.action == Deed::Removed && changed.effect.kind == kind
        };
        self.changes().into_iter().filter(of_kind).map(|changed| changed.effect.id).collect()
    }

    /// The requests that could change something.
    pub fn writes(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.write).collect()
    }

    /// Forgets everything; numbers go on.
    pub fn clear(&self) {
        self.lock().lines.clear();
    }

    /// One JSON object a line, from the line after `skip` on.
    pub fn json_lines(&self, skip: usize) -> String {
        let mut text = String::new();
        for line in self.lock().lines.iter().skip(skip) {
            if let Ok(json) = serde_json::to_string(line) {
                text.push_str(&json);
                text.push('\n');
            }
        }
        text
    }
}

impl Lines {
    fn push(&mut self, line: Line) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(line);
        }
    }
}

/// Who does what the system does by itself.
pub const SYSTEM: &str = "system";
/// Who does what the control interface orders.
pub const WORLD: &str = "world";

/// A request before its answer is known.
pub(super) struct Arrived {
    pub at: Timestamp,
    pub system: System,
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub body: Option<String>,
    pub idempotency_key: Option<String>,
    pub write: bool,
    pub faults: Vec<String>,
}

impl Arrived {
    pub(super) fn new(system: System, call: &Call, write: bool, faults: Vec<String>) -> Self {
        let body = (!call.body.is_empty()).then(|| String::from_utf8_lossy(&call.body).into_owned());
        Self {
            at: call.at,
            system,
            method: call.method.to_string(),
            path: call.path.clone(),
            query: call.query.clone(),
            body,
            idempotency_key: call.header("idempotency-key").map(str::to_owned),
            write,
            faults,
        }
    }
}
