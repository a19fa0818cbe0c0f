//! What would go along: at some systems removing an access removes what the same holder has below it.

use std::collections::HashMap;

use super::{HoldName, candidate::Candidate};
use crate::access::{Cause, Entry, Text, title};

/// Rows by their lineage, each with an entry of the same holder that stays on the same thing or below it.
pub struct Implied<'a> {
    rows: HashMap<&'a [Text], Option<&'a Entry>>,
}

impl<'a> Implied<'a> {
    /// Of these rows, while nothing is known to stay.
    pub fn of(candidates: &[Candidate<'a>]) -> Self {
        let lineages = candidates.iter().map(|candidate| lineage(candidate.entry));
        Self { rows: lineages.filter(|lineage| !lineage.is_empty()).map(|lineage| (lineage, None)).collect() }
    }

    /// An entry stays, whatever keeps it: nobody may take along what is not itself to go.
    pub fn stays(&mut self, entry: &'a Entry) {
        if self.rows.is_empty() {
            return;
        }
        let lineage = lineage(entry);
        for beginning in (1..=lineage.len()).filter_map(|end| lineage.get(..end)) {
            if let Some(staying) = self.rows.get_mut(beginning) {
                staying.get_or_insert(entry);
            }
        }
    }

    /// Holds a row whose removal would take an entry along that stays.
    pub fn judge(&self, candidate: &mut Candidate<'_>) {
        if candidate.cause == Cause::Absent {
            return;
        }
        if let Some(Some(staying)) = self.rows.get(lineage(candidate.entry)) {
            let title = title(staying);
            candidate.hold(
                HoldName::Implied,
                format!(
                    "the same holder's {title} [{}] stays, on the same resource or below it, and would go along with it",
                    staying.id
                ),
                Some("declare this entry too, or let the other one go with it".into()),
            );
        }
    }

    /// Rows that are held stay as well: one that would take them along is held with them. Once is enough, since what holds a
    /// row this way lies below whatever lies above that row.
    pub fn held_stay_too(&mut self, candidates: &mut [Candidate<'a>]) {
        candidates.iter().filter(|candidate| !candidate.goes()).for_each(|candidate| self.stays(candidate.entry));
        candidates.iter_mut().filter(|candidate| candidate.goes()).for_each(|candidate| self.judge(candidate));
    }
}

fn lineage(entry: &Entry) -> &[Text] {
    entry.facts.as_ref().map_or(&[], |facts| &facts.lineage)
}
