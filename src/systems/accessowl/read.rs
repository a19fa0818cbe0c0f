//! The complete reading: people, applications, revocations, states, and the resources that names or trees need.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::{
    access::{Account, Entry, Snapshot, Text},
    systems::{Wanted, shared::Conversation},
    wire::{Ask, Fault, Unreadable},
};

use super::{
    description::{ACCESS, APPLICATION, DESCRIPTION, RESOURCE},
    entries,
    objects::Objects,
    revocations::{self, Revocations},
    states::{self, Filter, State},
};

/// Reads the target whole.
///
/// # Errors
/// Anything that could not be proved whole.
pub async fn read(ask: &dyn Ask, account: &Account, wanted: &Wanted) -> Result<Snapshot, Unreadable> {
    let conversation = Conversation::new(ask);
    let mut objects = Objects::default();
    objects.read_users(&conversation).await?;
    objects.read_applications(&conversation).await?;
    let revocations = revocations::list(&conversation, None, None).await?;
    if revocations.is_none() {
        conversation.remark("this API does not list revocations: one under way or rejected cannot be seen");
    }
    let states = states::list(&conversation, Filter::default(), &mut objects).await?;
    read_trees(&conversation, &states, &mut objects).await?;
    read_wanted(&conversation, wanted, &mut objects).await?;
    let entries = build(&states, &objects, account, revocations.as_ref())?;
    let directory = objects.directory();
    Ok(conversation.into_snapshot(DESCRIPTION.system, None, entries, directory))
}

/// Reads the resources of applications where a tree is not known to its root, or where a resource without a title may or
/// may not be the only one.
async fn read_trees(
    conversation: &Conversation<'_>,
    states: &[State],
    objects: &mut Objects,
) -> Result<(), Unreadable> {
    let mut asked = BTreeSet::new();
    for state in states.iter().filter(|state| state.end.is_none()) {
        if let Some(resource) = &state.resource
            && !asked.contains(&state.application)
            && (objects.line_to(resource)?.is_none() || objects.is_untitled(resource))
        {
            asked.insert(state.application.clone());
        }
    }
    for application in &asked {
        objects.read_resources(conversation, application).await?;
    }
    Ok(())
}

/// Reads the resources of applications in which a policy names a resource that no state brought along.
async fn read_wanted(
    conversation: &Conversation<'_>,
    wanted: &Wanted,
    objects: &mut Objects,
) -> Result<(), Unreadable> {
    let [resource, application] =
        [RESOURCE, APPLICATION].map(|field| ACCESS.fields.get(field).map_or("", |field| field.name));
    let names: Vec<(&Text, &Text)> = wanted
        .names
        .iter()
        .filter(|name| name.kind == ACCESS.name && name.field == resource)
        .filter_map(|name| Some((&name.name, name.within.as_ref()?)))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let directory = objects.directory();
    let mut known: HashSet<(&str, &str)> = HashSet::new();
    for object in directory.of_class(resource) {
        let parent = object.parent.as_deref().unwrap_or_default();
        known.extend(std::iter::once(&object.id).chain(&object.names).map(|spelling| (parent, spelling.as_str())));
    }
    let mut asked = BTreeSet::new();
    for (name, within) in names {
        // A title that stands for several applications stays unresolved whatever their resources are.
        if let crate::access::Resolved::One(found) = directory.resolve(application, within, None)
            && !known.contains(&(found.id.as_str(), name.as_str()))
        {
            asked.insert(found.id.clone());
        }
    }
    for application in &asked {
        objects.read_resources(conversation, application).await?;
    }
    Ok(())
}

fn build(
    states: &[State],
    objects: &Objects,
    account: &Account,
    revocations: Option<&Revocations>,
) -> Result<Vec<Entry>, Unreadable> {
    let mut twins: HashMap<(&Text, Option<&Text>), Vec<&State>> = HashMap::new();
    if revocations.is_some() {
        for state in states.iter().filter(|state| state.end.is_some()) {
            twins.entry(holding(state)).or_default().push(state);
        }
    }
    let claims = revocations.map(|revocations| revocations.claims(states, None)).unwrap_or_default();
    let none: &[&State] = &[];
    states
        .iter()
        .map(|state| {
            if state.end.is_some() {
                return Ok(entries::ended(state, objects));
            }
            if objects.application(&state.application).is_none_or(|application| application.discovered.is_none()) {
                let what = format!("nothing tells the status of the application {:?}", state.application.as_str());
                return Err(Unreadable::new(Fault::Incomplete, what));
            }
            let line = match &state.resource {
                None => Vec::new(),
                Some(resource) => objects.line_to(resource)?.ok_or_else(|| {
                    let what = format!("nothing tells which resources {:?} lies in", resource.as_str());
                    Unreadable::new(Fault::Incomplete, what)
                })?,
            };
            let twins = twins.get(&holding(state)).map_or(none, Vec::as_slice);
            let standing = revocations.map(|revocations| revocations.standing(state, twins, &claims));
            Ok(entries::active(state, objects, account, standing.as_ref(), line))
        })
        .collect()
}

fn holding(state: &State) -> (&Text, Option<&Text>) {
    (&state.application, state.user.as_ref().map(|user| &user.id))
}
