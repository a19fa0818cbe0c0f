//! Access states as entries.

use std::sync::Arc;

use crate::access::{Account, Entry, Facts, Life, Object, Text, Value};

use super::{
    description::{ACCESS, DISCOVERED, INCLUDE, UNLINKED},
    objects::Objects,
    revocations::Standing,
    states::{State, object},
};

/// The entry of a state that has ended: shown, never counted, so it carries no more than its fields.
pub fn ended(state: &State, objects: &Objects) -> Entry {
    entry(state, objects, Life::Dead(Text::new_static("ended")), None)
}

/// The entry of an active state. `standing` is what the listed revocations say of it, where they are listed; `line` the
/// resources from the outermost to its own.
pub fn active(
    state: &State,
    objects: &Objects,
    account: &Account,
    standing: Option<&Standing<'_>>,
    line: Vec<Text>,
) -> Entry {
    let in_flight = standing.and_then(|standing| standing.in_flight);
    let life = match in_flight {
        Some(revocation) => {
            Life::InFlight { since: revocation.asked_at, what: Text::new_static(revocation.waits_for()) }
        }
        None => Life::Live,
    };
    let rejected = standing.and_then(Standing::rejected);
    let mut lineage = Vec::with_capacity(line.len() + 2);
    lineage.extend(holder(state).map(|holder| holder.id.clone()));
    lineage.push(state.application.clone());
    lineage.extend(line);
    let facts = Facts {
        outside: outside(state, objects, account).map(Text::new_static),
        // Without a holder nothing can be told to be of the same one.
        lineage: if holder(state).is_some() { lineage } else { Vec::new() },
        refused: rejected.map(|rejected| rejected.why().into()),
        refused_in_doubt: rejected.is_some_and(|rejected| rejected.in_doubt),
        closed_revocations: standing.map(|standing| standing.closed),
        alike: state.user.is_none().then(|| alike(state)),
        ..Facts::default()
    };
    entry(state, objects, life, Some(Box::new(facts)))
}

fn entry(state: &State, objects: &Objects, life: Life, facts: Option<Box<Facts>>) -> Entry {
    let application = match objects.application(&state.application) {
        Some(known) => Arc::clone(&known.object),
        None => Arc::new(object("application", state.application.clone(), Vec::new(), None)),
    };
    let resource = state.resource.as_ref().map(|id| objects.resource(id, &state.application));
    let label = match &resource {
        Some(resource) if !resource.names.is_empty() => {
            format!("{} / {}", application.shown(), resource.shown()).into()
        }
        _ => Text::new(application.shown()),
    };
    Entry {
        kind: ACCESS,
        id: state.id.clone(),
        handle: None,
        values: Box::new([
            Value::Text(state.id.clone()),
            state.user.clone().map_or(Value::Absent, Value::Object),
            Value::Object(application),
            resource.map_or(Value::Absent, Value::Object),
            Value::Objects(Arc::clone(&state.permissions)),
        ]),
        principal: holder(state),
        label: Some(label),
        created_at: Some(state.start),
        expires_at: None,
        last_used_at: None,
        life,
        facts,
    }
}

/// All that a revocation tells of an account without a person.
fn alike(state: &State) -> Text {
    let resource = state.resource.as_deref().unwrap_or_default();
    let permissions = state.permissions.iter().map(|permission| permission.id.as_str());
    let parts: Vec<&str> = [state.application.as_str(), resource].into_iter().chain(permissions).collect();
    parts.join("\u{1f}").into()
}

/// The person, or the account where it is linked to none.
fn holder(state: &State) -> Option<Arc<Object>> {
    let account = || state.account.as_ref().map(|id| Arc::new(object("account", id.clone(), Vec::new(), None)));
    state.user.clone().or_else(account)
}

fn outside(state: &State, objects: &Objects, account: &Account) -> Option<&'static str> {
    let discovered = objects.application(&state.application).and_then(|application| application.discovered);
    if discovered == Some(true) && !account.lists(INCLUDE, DISCOVERED) {
        return Some(DISCOVERED);
    }
    (state.user.is_none() && !account.lists(INCLUDE, UNLINKED)).then_some(UNLINKED)
}
