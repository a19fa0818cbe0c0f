//! Which state a revocation means that names no person.
//!
//! AccessOwl leaves the person out where the account is linked to nobody, and may leave it out elsewhere. Taken for
//! everybody's, one such record would hide the same access of all the others. It means one state at most: one that is linked
//! to nobody where there is one, and where nothing tells which, the one that has been there longest, so that it stays the same
//! from run to run.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use super::{
    revocations::{Revocation, Status},
    states::State,
};
use crate::access::Text;

/// Active states with the revocations without a person that are taken for theirs.
#[derive(Debug, Default)]
pub struct Claims<'r> {
    by_state: HashMap<Text, Vec<&'r Revocation>>,
    /// Those of an account that may as well be another account's.
    in_doubt: HashSet<&'r Text>,
}

/// A state whose own revocation is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Sought<'s> {
    /// Its id.
    pub state: &'s Text,
    /// Ids of revocations that were there before that one was sent.
    pub known: &'s [Text],
}

/// States of one application by their resource.
type ByResource<'s> = HashMap<Option<&'s Text>, Vec<&'s State>>;

impl<'r> Claims<'r> {
    /// Ties each of these revocations to one of the states. Of those that it fits as well, one that is not `known` yet means the
    /// state that `sought` names.
    pub fn new(mut unnamed: Vec<&'r Revocation>, states: &[State], sought: Option<Sought<'_>>) -> Self {
        // Those without a time fit every state, so they come last and take what is left.
        unnamed.sort_by_key(|revocation| (Reverse(revocation.asked_at), revocation.id.clone()));
        let mut applications: HashMap<&Text, ByResource<'_>> =
            unnamed.iter().map(|revocation| (&revocation.application, HashMap::new())).collect();
        if applications.is_empty() {
            return Self::default();
        }
        for state in states {
            if let Some(known) = applications.get_mut(&state.application) {
                known.entry(state.resource.as_ref()).or_default().push(state);
            }
        }
        let mut claims = Self::default();
        let mut answered: HashSet<&Text> = HashSet::new();
        for revocation in unnamed {
            let Some(known) = applications.get(&revocation.application) else { continue };
            let fitting: Vec<&Vec<&State>> = match &revocation.resource {
                Some(resource) => known.get(&resource.as_ref()).into_iter().collect(),
                None => known.values().collect(),
            };
            let fitting = fitting.into_iter().flatten().copied();
            // By far most do not fit, and that is cheap to tell: only what does is looked up.
            let mut accounts = 0;
            let sought = sought.filter(|sought| !sought.known.contains(&revocation.id)).map(|sought| sought.state);
            let ranked = fitting.filter_map(|state| {
                let near = rank(revocation, state)?;
                accounts += u32::from(state.user.is_none());
                if answered.contains(&state.id) {
                    return None;
                }
                let claimed = claims.by_state.get(&state.id).map_or(0, Vec::len);
                Some(((near, claimed, Some(&state.id) != sought, state.start, &state.id), state))
            });
            let Some((_, state)) = ranked.min_by_key(|(rank, _)| *rank) else { continue };
            if state.user.is_none() && accounts > 1 {
                claims.in_doubt.insert(&revocation.id);
            }
            if state.end.is_none() {
                claims.by_state.entry(state.id.clone()).or_default().push(revocation);
            } else if revocation.status == Status::Revoked {
                answered.insert(&state.id);
            }
        }
        claims
    }

    /// Those that are taken for this state's.
    pub fn of(&self, state: &State) -> &[&'r Revocation] {
        self.by_state.get(&state.id).map_or(&[], Vec::as_slice)
    }

    /// Whether one that is taken for an account's may be another account's.
    pub fn is_in_doubt(&self, revocation: &Revocation) -> bool {
        self.in_doubt.contains(&revocation.id)
    }
}

/// How near a state is to what the revocation means, the nearest first; `None` where it cannot mean it.
fn rank(revocation: &Revocation, state: &State) -> Option<u8> {
    if !revocation.may_mean(state) || !revocation.is_of_this_life(state) {
        return None;
    }
    let linked = state.user.is_some();
    match (state.end, revocation.status) {
        (Some(end), _) if !revocation.may_have_led_to(end) => None,
        // What is done has ended its state.
        (Some(_), Status::Revoked) => Some(if linked { 2 } else { 0 }),
        (None, Status::Revoked) => Some(if linked { 3 } else { 1 }),
        (None, _) => Some(if linked { 2 } else { 0 }),
        // A state may end by other means before its revocation is closed; a person's is not given up for that.
        (Some(_), _) => (!linked).then_some(1),
    }
}
