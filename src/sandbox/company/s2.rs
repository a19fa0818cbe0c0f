//! Northlight's S2: tokens of services, people and CI runs.

use jiff::Timestamp;

use super::hours_from_now;
use crate::sandbox::{
    call::Right,
    s2::{Both, Groups, Names, Scope, State, Token},
};

const BASIN: &str = "northlight-events";
/// Services whose token reads and writes the streams under their own name.
const SERVICES: &[&str] = &[
    "alerts",
    "audit",
    "billing",
    "calibration",
    "catalog",
    "export",
    "ingest",
    "inventory",
    "metrics",
    "notifications",
    "orders",
    "replay",
    "telemetry",
];

pub(super) fn state() -> State {
    let mut state = State::empty();
    let own = state.credentials.iter().find(|known| known.right == Right::Full).map(|known| known.label.clone());
    state.credentials.retain(|known| known.right == Right::Full);
    let others: Vec<String> = state.ids().map(str::to_owned).collect();
    for id in others.into_iter().filter(|id| Some(id) != own.as_ref() && id != "root/owner") {
        state.remove(&id, hours_from_now(0));
    }

    for name in SERVICES {
        state.issue(Token::new(&format!("service/{name}"), streams(name, true)));
    }
    for name in ["pavel", "quinn", "rosa", "samir", "tara"] {
        state.issue(Token::new(&format!("people/{name}"), streams("", false)));
    }
    for (run, hours) in [(9921, 5), (9922, 9), (9925, 14), (9926, 20), (9930, 30)] {
        let token = Token::new(&format!("ci/run-{run}"), streams("ci", true));
        state.issue(Token { expires_at: Some(hours_from_now(hours)), ..token });
    }
    // Protected by the operator, and declared with an end that has passed: held.
    state.issue(Token::new("root/breakglass", streams("", false)));
    // It writes although it is declared to read; its declaration asks for its removal then.
    state.issue(Token::new("service/search-indexer", streams("search", true)));
    // Its declaration has ended.
    state.issue(Token::new("people/milo", streams("", false)));
    // It must not exist: it was leaked.
    state.issue(Token::new("service/legacy-export", streams("export", false)));
    // What nobody declares: a demo, and a CI token that never ends.
    state.issue(Token::new("service/hackday-demo", streams("demo", true)));
    state.issue(Token::new("ci/run-8714", streams("ci", true)));
    // Past its own end: listed, but dead.
    let ended = "2026-01-31T00:00:00Z".parse::<Timestamp>().ok();
    state.issue(Token { expires_at: ended, ..Token::new("service/migration", streams("migration", true)) });
    state
}

/// Reads, and where said writes, the streams under a name; all streams where that is empty.
fn streams(name: &str, write: bool) -> Scope {
    let prefix = if name.is_empty() { String::new() } else { format!("{name}/") };
    Scope {
        basins: Some(Names::Exact(BASIN.to_owned())),
        streams: Some(Names::Prefix(prefix)),
        access_tokens: None,
        op_groups: Some(Groups { stream: Some(Both { read: true, write }), ..Groups::default() }),
        ops: None,
    }
}
