//! What a run has to keep beside the journal's chain: last matches, first records, owners, numbers.

use std::collections::HashSet;

use super::{Input, resolve::Names, row_guards::undeclared_since, standing::Standing, tally::Tally};
use crate::access::{Entry, EntryKey, Fingerprint, LastMatch, Observation, Text};

/// Gathers an observation while the snapshot is walked.
pub struct Observer<'a> {
    input: Input<'a>,
    seen: HashSet<EntryKey>,
    observation: Observation,
    still_undeclared: HashSet<EntryKey>,
}

impl<'a> Observer<'a> {
    /// Begins.
    pub fn new(input: Input<'a>) -> Self {
        Self { input, seen: HashSet::new(), observation: Observation::default(), still_undeclared: HashSet::new() }
    }

    /// Notes an entry that is not dead.
    pub fn see(&mut self, entry: &Entry, standing: &Standing, undeclared: bool, names: &Names<'_>) {
        if !self.input.observe {
            return;
        }
        let key: EntryKey = (entry.kind.name.into(), entry.id.clone());
        let history = self.input.history;
        if entry.kind.has_owner
            && let Some(principal) = &entry.principal
            && history.owners.get(&key).is_none_or(|known| *known != principal.shown())
        {
            self.observation.owners.push((key.clone(), principal.shown().into()));
        }
        let fingerprint = Fingerprint::of(entry);
        let last = history.matches.get(&key);
        let declaration =
            standing.declarations.first().and_then(|&number| self.input.policy.declarations.get(number as usize));
        if let Some(declaration) = declaration.filter(|_| !standing.duplicate) {
            let place = declaration.places.first();
            let file = place.and_then(|place| self.input.policy.files.get(place.file as usize));
            let meaning = names.meaning(declaration.kind, &declaration.values, declaration.person.as_ref());
            let objects = meaning.fields.iter().zip(&meaning.tokens).filter_map(|(&field, tokens)| {
                let field = declaration.kind.fields.get(field)?;
                let token = tokens.first()?;
                let named = !matches!(field.shape, crate::access::Shape::Text | crate::access::Shape::Bool);
                named.then(|| (Text::from(field.name), token.clone()))
            });
            let found = LastMatch {
                kind: key.0.clone(),
                id: key.1.clone(),
                declaration: declaration.key.clone(),
                file: file.map(|file| file.name.clone()).unwrap_or_default(),
                line: place.map_or(0, |place| place.line),
                fingerprint,
                in_set: !standing.sets.is_empty(),
                objects: objects.collect(),
            };
            if last != Some(&found) {
                self.observation.matched.push(found);
            }
        } else if let Some(last) = last
            && last.in_set
            && (last.fingerprint != fingerprint || standing.sets.is_empty())
        {
            // It changed, or left every set: it can not be "no longer declared" any more, though it may be renamed.
            self.observation.matched.push(LastMatch { in_set: false, ..last.clone() });
        }
        if undeclared {
            if undeclared_since(&self.input, entry).is_none() {
                self.observation.undeclared.push((key.clone(), fingerprint));
            }
            self.still_undeclared.insert(key.clone());
        }
        self.seen.insert(key);
    }

    /// Ends: what the journal knows and the reading does not hold is forgotten. On a wrong clock no notice begins or ends and no
    /// number is kept: both would be stamped with it, and what counts as allowed then, since nobody has left, may not be.
    pub fn finish(mut self, tally: &Tally, clock_is_right: bool) -> Observation {
        if !self.input.observe {
            return Observation::default();
        }
        let history = self.input.history;
        self.observation.forgotten = history.matches.keys().filter(|key| !self.seen.contains(*key)).cloned().collect();
        self.observation.declared_again =
            history.undeclared.keys().filter(|key| !self.still_undeclared.contains(*key)).cloned().collect();
        self.observation.disowned = history.owners.keys().filter(|key| !self.seen.contains(*key)).cloned().collect();
        if clock_is_right {
            self.observation.bases = tally.bases(self.input.policy);
        } else {
            self.observation.undeclared.clear();
            self.observation.declared_again.clear();
        }
        let Observation { matched, forgotten, undeclared, declared_again, owners, disowned, bases: _ } =
            &mut self.observation;
        matched.sort_by(|a, b| (&a.kind, &a.id).cmp(&(&b.kind, &b.id)));
        forgotten.sort();
        undeclared.sort_by(|a, b| a.0.cmp(&b.0));
        declared_again.sort();
        owners.sort();
        disowned.sort();
        self.observation
    }
}
