//! One access state looked at again, with the revocations that may mean it.

use crate::{
    access::{Account, Entry, Object, Value},
    systems::shared::Conversation,
    wire::{Fault, Unreadable},
};

use super::{
    description::{APPLICATION, USER},
    entries,
    objects::Objects,
    states::{self, Filter, State},
};

/// What a look found.
pub struct Look {
    /// Every state of the same application and person.
    pub states: Vec<State>,
    /// The objects that they speak of.
    pub objects: Objects,
    /// The position of the state that was looked for; `None`: it is in no list.
    position: Option<usize>,
}

impl Look {
    /// The state that was looked for.
    pub fn state(&self) -> Option<&State> {
        self.position.and_then(|position| self.states.get(position))
    }

    /// The others.
    pub fn twins(&self) -> Vec<&State> {
        let others = self.states.iter().enumerate().filter(|(position, _)| Some(*position) != self.position);
        others.map(|(_, state)| state).collect()
    }

    /// Takes the state that was looked for as if it had not ended. Tells whether it had, or is in no list.
    pub fn revive(&mut self) -> bool {
        let state = self.position.and_then(|position| self.states.get_mut(position));
        state.is_none_or(|state| state.end.take().is_some())
    }

    /// The state as an entry, as far as its fingerprint goes.
    pub fn entry(&self, state: &State, account: &Account) -> Entry {
        entries::active(state, &self.objects, account, None, Vec::new())
    }
}

/// Lists the states of the entry's application and person and finds it by id. One that is not among them may have been
/// linked to somebody else since: only the list of the whole application tells that it is gone.
///
/// # Errors
/// A list is not whole.
pub async fn look(conversation: &Conversation<'_>, entry: &Entry) -> Result<Look, Unreadable> {
    let application = application(entry)?;
    let user = user(entry).map(|user| user.id.as_str());
    let narrow = Filter { application: Some(&application.id), user };
    let wide = Filter { application: Some(&application.id), user: None };
    let mut found = find(conversation, narrow, entry).await?;
    if found.position.is_none() && user.is_some() {
        found = find(conversation, wide, entry).await?;
    }
    Ok(found)
}

async fn find(conversation: &Conversation<'_>, filter: Filter<'_>, entry: &Entry) -> Result<Look, Unreadable> {
    let mut objects = Objects::default();
    let states = states::list(conversation, filter, &mut objects).await?;
    let position = states.iter().position(|state| state.id == entry.id);
    Ok(Look { states, objects, position })
}

/// The application that the entry is in.
///
/// # Errors
/// The entry has none: it is not one of AccessOwl.
pub fn application(entry: &Entry) -> Result<&Object, Unreadable> {
    match entry.values.get(APPLICATION) {
        Some(Value::Object(application)) => Ok(application),
        _ => Err(Unreadable::new(Fault::Request, "the entry names no application")),
    }
}

/// The person who holds the entry, where it is linked to one.
pub fn user(entry: &Entry) -> Option<&Object> {
    match entry.values.get(USER) {
        Some(Value::Object(user)) => Some(user),
        _ => None,
    }
}
