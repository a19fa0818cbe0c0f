//! What a journal knows of a target as a part of the snapshot document, so that a plan that is made elsewhere is the plan that
//! `apply` would make.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Base, EntryKey, Expectation, History, LastMatch, OpenIntent, Refusal, SentRow, Text, UndeclaredSince};

/// How long what was sent and the bases count: the window of the guards share and count.
const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// What the journal knew of a target when it was read. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PastRecord {
    /// When the journal was asked.
    pub as_of: Timestamp,
    /// The account id that earlier runs saw.
    pub account_id: Option<Text>,
    /// The last declaration that each entry matched.
    pub matches: Vec<LastMatch>,
    /// Since when each entry is recorded as undeclared, and with which fingerprint.
    pub undeclared: Vec<OfEntry<UndeclaredSince>>,
    /// The last owner known of each entry.
    pub owners: Vec<OfEntry<Text>>,
    /// Rows sent in the 24 hours before.
    pub sent: Vec<SentRow>,
    /// The weight that other targets sent in the 24 hours before.
    pub sent_elsewhere: u32,
    /// The largest numbers of declared or managed entries in the 24 hours before.
    pub bases: Vec<Base>,
    /// Removals without a final outcome.
    pub open: Vec<OpenIntent>,
    /// Those of another account that the target was before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open_elsewhere: Vec<OpenIntent>,
    /// Entries whose removal was refused for good.
    pub refusals: Vec<OfEntry<Refusal>>,
    /// A number that a person announced for this target.
    pub expectation: Option<Expectation>,
}

/// Something that is known of one entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfEntry<T> {
    /// The entry's kind.
    pub kind: Text,
    /// The entry's id.
    pub id: Text,
    /// What is known.
    pub known: T,
}

impl PastRecord {
    /// The document of a history that a lasting journal told at that time; `None` where there is no such journal.
    pub fn of(history: &History, as_of: Timestamp) -> Option<Self> {
        let History {
            persistent,
            unread,
            account_id,
            matches,
            undeclared,
            owners,
            sent,
            sent_elsewhere,
            bases,
            open,
            refusals,
            open_elsewhere,
            expectation,
        } = history;
        if !persistent || *unread {
            return None;
        }
        let mut matches: Vec<LastMatch> = matches.values().cloned().collect();
        matches.sort_by(|a, b| (&a.kind, &a.id).cmp(&(&b.kind, &b.id)));
        Some(Self {
            as_of,
            account_id: account_id.clone(),
            matches,
            undeclared: listed(undeclared),
            owners: listed(owners),
            sent: sent.clone(),
            sent_elsewhere: *sent_elsewhere,
            bases: bases.clone(),
            open: open.clone(),
            open_elsewhere: open_elsewhere.clone(),
            refusals: listed(refusals),
            expectation: expectation.clone(),
        })
    }

    /// The history as far as it still counts now.
    pub fn into_history(self, now: Timestamp) -> History {
        let Self {
            as_of,
            account_id,
            matches,
            undeclared,
            owners,
            mut sent,
            sent_elsewhere,
            bases,
            open,
            open_elsewhere,
            refusals,
            expectation,
        } = self;
        let counts = |at: Timestamp| now.duration_since(at) <= WINDOW;
        sent.retain(|sent| counts(sent.at));
        // Of the sums nobody knows which part would still count: all of it, until none of it does.
        let sums_count = counts(as_of);
        History {
            persistent: true,
            unread: false,
            account_id,
            matches: matches.into_iter().map(|known| ((known.kind.clone(), known.id.clone()), known)).collect(),
            undeclared: by_key(undeclared),
            owners: by_key(owners),
            sent,
            sent_elsewhere: if sums_count { sent_elsewhere } else { 0 },
            bases: if sums_count { bases } else { Vec::new() },
            open,
            open_elsewhere,
            refusals: by_key(refusals),
            expectation: expectation.filter(|expected| !expected.is_over(now)),
        }
    }
}

fn listed<T: Clone>(known: &std::collections::HashMap<EntryKey, T>) -> Vec<OfEntry<T>> {
    let mut listed: Vec<OfEntry<T>> = known
        .iter()
        .map(|((kind, id), known)| OfEntry { kind: kind.clone(), id: id.clone(), known: known.clone() })
        .collect();
    listed.sort_by(|a, b| (&a.kind, &a.id).cmp(&(&b.kind, &b.id)));
    listed
}

fn by_key<T>(listed: Vec<OfEntry<T>>) -> std::collections::HashMap<EntryKey, T> {
    listed.into_iter().map(|OfEntry { kind, id, known }| ((kind, id), known)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{BaseScope, Cause};

    #[test]
    fn what_no_longer_counts_stays_behind_and_what_was_not_read_is_told_from_nothing_known() {
        let at: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let hours = |hours: i64| at + SignedDuration::from_hours(hours);
        let sent = |id: &str, at| SentRow {
            at,
            kind: "token".into(),
            id: id.into(),
            natural_key: id.into(),
            weight: 1,
            cause: Cause::Undeclared,
            files: Vec::new(),
            done: true,
        };
        let history = History {
            persistent: true,
            sent: vec![sent("early", hours(-20)), sent("late", hours(-1))],
            sent_elsewhere: 3,
            bases: vec![Base { scope: BaseScope::Kind("token".into()), number: 40 }],
            expectation: Some(Expectation { number: 2, until: hours(2) }),
            ..History::default()
        };
        let past = PastRecord::of(&history, at).unwrap();
        let later = |hours_later| past.clone().into_history(hours(hours_later));
        let ids = |history: &History| history.sent.iter().map(|sent| sent.id.to_string()).collect::<Vec<_>>();
        let soon = later(1);
        assert!(soon.persistent && !soon.unread);
        assert_eq!((ids(&soon), soon.sent_elsewhere, soon.bases.len()), (vec!["early".into(), "late".into()], 3, 1));
        assert!(soon.expectation.is_some());
        assert!(later(2).expectation.is_none(), "at its end it is over");
        let evening = later(6);
        assert_eq!((ids(&evening), evening.sent_elsewhere, evening.bases.len()), (vec!["late".to_owned()], 3, 1));
        assert!(evening.expectation.is_none());
        let tomorrow = later(25);
        assert_eq!((tomorrow.sent.len(), tomorrow.sent_elsewhere, tomorrow.bases.len()), (0, 0, 0));
        assert!(PastRecord::of(&History::default(), at).is_none(), "an ephemeral journal knows this run only");
        assert!(PastRecord::of(&History { unread: true, ..history }, at).is_none());
    }
}
