//! Fights: the same natural key goes and comes back, since somebody or something grants it anew.

use std::collections::HashMap;

use super::{FindingKind, HoldName, Input, Row, candidate::Candidate, rows::finding};
use crate::access::{SentRow, Text};

/// So often in 24 hours is told loudly.
const LOUD: usize = 3;

/// What went lately, by natural key.
pub struct Fights<'a> {
    by_hand: bool,
    done: HashMap<&'a Text, Vec<&'a SentRow>>,
}

impl<'a> Fights<'a> {
    /// Takes in what was sent in the last 24 hours and is confirmed.
    pub fn of(input: &Input<'a>) -> Self {
        let mut done: HashMap<&Text, Vec<&SentRow>> = HashMap::new();
        for sent in input.history.sent.iter().filter(|sent| sent.done) {
            done.entry(&sent.natural_key).or_default().push(sent);
        }
        Self { by_hand: input.description.by_hand, done }
    }

    fn went(&self, candidate: &Candidate<'_>) -> &[&'a SentRow] {
        self.done.get(&candidate.natural_key).map_or(&[], Vec::as_slice)
    }

    /// Where people carry removals out, the same natural key is asked for at most once a day.
    pub fn judge(&self, candidate: &mut Candidate<'_>) {
        if !self.by_hand {
            return;
        }
        let entry = candidate.entry;
        // Another entry of the same key that was there all along is not back.
        let back = |sent: &&&SentRow| sent.id == entry.id || entry.created_at.is_some_and(|at| at > sent.at);
        let asked = self.went(candidate).iter().filter(back).count();
        if asked > 0 {
            let times = if asked == 1 { "once".to_owned() } else { format!("{asked} times") };
            candidate.hold(
                HoldName::Fights,
                format!("it was removed {times} in 24 hours and is back; people are asked at most once a day"),
                Some("find out who grants it again".into()),
            );
        }
    }

    /// What went and came back too often: told loudly.
    pub fn told(&self, candidates: &[Candidate<'_>]) -> Vec<Row> {
        let loud = |candidate: &&Candidate<'_>| self.went(candidate).len() >= LOUD;
        candidates
            .iter()
            .filter(loud)
            .map(|candidate| {
                let times = self.went(candidate).len();
                let why =
                    format!("removed {times} times in 24 hours and back again: somebody or something grants it anew");
                finding(candidate.entry, FindingKind::Fight, why)
            })
            .collect()
    }
}
