//! Guards that hold single rows, and those that look at the end state: widening and floor.

use jiff::Timestamp;

use super::{Confirmation, HoldName, Input, candidate::Candidate, due::span, only_expired, tally::Tally};
use crate::{
    access::{Cause, Group, Kind, SentRow, Text},
    policy::Hold,
};

/// What the row guards know besides the row.
pub struct RowGuards<'a> {
    /// The plan's input.
    pub input: Input<'a>,
    /// Kinds whose own credential is not known.
    pub own_unknown: &'a [&'static Kind],
    /// Whether our clock agrees with the vendor's.
    pub clock_is_right: bool,
}

impl RowGuards<'_> {
    /// Adds every guard that holds the row.
    pub fn judge(&self, candidate: &mut Candidate<'_>) {
        let settings = self.input.settings;
        let held: Option<&Hold> = candidate.held.and_then(|item| self.input.policy.holds.get(item as usize));
        if candidate.own {
            candidate.hold(HoldName::Own, "Portcullis or its pipeline lives on it", None);
        }
        if candidate.protected {
            candidate.hold(HoldName::Protected, "the operator protects it in portcullis.yaml", None);
        }
        only_expired::judge(&self.input, candidate);
        self.observe(candidate);
        self.refused(candidate);
        if let Some(until) = &settings.frozen {
            candidate.hold(HoldName::Freeze, until.clone(), None);
        }
        if candidate.cause == Cause::Absent {
            return;
        }
        if let Some(hold) = held {
            candidate.hold(HoldName::Hold, format!("held until {}: {}", hold.until, hold.justification), None);
        }
        if !self.clock_is_right && candidate.cause.is_time_based() {
            candidate.hold(HoldName::Clock, self.clock(), Some("set this machine's clock right and run again".into()));
        }
        if candidate.cause == Cause::Undeclared {
            self.notice(candidate);
        }
        self.fights(candidate);
    }

    fn observe(&self, candidate: &mut Candidate<'_>) {
        let (settings, kind) = (self.input.settings, candidate.entry.kind);
        if let Some(what) = &settings.stopped {
            candidate.hold(HoldName::Observe, format!("all writing is stopped: {what}"), None);
        }
        let list = kind.list;
        if !settings.enforce.contains(&kind) {
            let way_on = format!("name {list} under `enforce:` of {} in portcullis.yaml", settings.target);
            candidate.hold(HoldName::Observe, format!("{list} are only observed"), Some(way_on));
        } else if self.own_unknown.contains(&kind) {
            let way_on = format!(
                "list it under `own:` of {}, or say `own: {{ {list}: unlisted }}` if it is not among them",
                settings.target
            );
            candidate.hold(HoldName::Observe, format!("the own credential among {list} is not known"), Some(way_on));
        }
    }

    fn refused(&self, candidate: &mut Candidate<'_>) {
        if self.input.settings.retry_refused {
            return;
        }
        let entry = candidate.entry;
        let known = self.input.history.refusals.get(&(entry.kind.name.into(), entry.id.clone()));
        let listed = entry.facts.as_ref().and_then(|facts| facts.refused.as_ref());
        let why = match (known, listed) {
            (Some(refusal), _) if refusal.said == candidate.said => refusal.why.clone(),
            (None, Some(listed)) => listed.clone(),
            _ => return,
        };
        candidate.hold(
            HoldName::Refused,
            format!("the system refused it before: {why}"),
            Some("change what the policies say of it, or apply with --retry-refused".into()),
        );
    }

    fn notice(&self, candidate: &mut Candidate<'_>) {
        let settings = self.input.settings;
        if candidate.no_longer_declared || settings.notice.is_zero() {
            return;
        }
        if let Confirmation::Person(_) = self.input.confirmation {
            return;
        }
        let at_once =
            "at once when a person confirms: `apply` at a terminal, or a saved plan with --reviewed-by".to_owned();
        if !self.input.history.persistent {
            candidate.hold(HoldName::Notice, "without a lasting journal notice cannot be measured", Some(at_once));
            return;
        }
        let notice = span(Some(settings.notice));
        match self.notice_ends(candidate) {
            Some(end) if end <= self.input.now && self.clock_is_right => {}
            Some(end) if end <= self.input.now => {
                candidate.hold(HoldName::Clock, self.clock(), Some(at_once));
            }
            Some(end) => {
                candidate.hold(
                    HoldName::Notice,
                    format!("unattended it goes from {end} ({notice} of notice)"),
                    Some(at_once),
                );
            }
            None => {
                let why = format!("unattended it goes {notice} after `apply` or `watch` first records it");
                candidate.hold(HoldName::Notice, why, Some(at_once));
            }
        }
    }

    fn notice_ends(&self, candidate: &Candidate<'_>) -> Option<Timestamp> {
        let entry = candidate.entry;
        let known = self.input.history.undeclared.get(&(entry.kind.name.into(), entry.id.clone()))?;
        if known.fingerprint != crate::access::Fingerprint::of(entry) {
            return None;
        }
        known.since.checked_add(self.input.settings.notice).ok()
    }

    /// Where people carry removals out, the same natural key is asked for at most once a day.
    fn fights(&self, candidate: &mut Candidate<'_>) {
        if !self.input.description.by_hand {
            return;
        }
        let entry = candidate.entry;
        // Another entry of the same key that was there all along is not back.
        let back = |sent: &&SentRow| {
            let again = sent.id == entry.id || entry.created_at.is_some_and(|at| at > sent.at);
            sent.done && again && sent.natural_key == candidate.natural_key
        };
        let asked = self.input.history.sent.iter().filter(back).count();
        if asked > 0 {
            candidate.hold(
                HoldName::Fights,
                format!("it was removed {asked} times in 24 hours and is back; people are asked at most once a day"),
                Some("find out who grants it again".into()),
            );
        }
    }

    fn clock(&self) -> String {
        let skew = self.input.snapshot.clock_skew.map_or_else(String::new, |skew| format!("{}s", skew.as_secs()));
        format!("this machine's clock is {skew} off the vendor's")
    }
}

/// Holds rows on a control whose removal would leave it open: judged on what would go in all.
pub fn widening(input: &Input<'_>, candidates: &mut [Candidate<'_>], tally: &Tally) {
    for control in &input.snapshot.controls {
        let may_open = |name: &Text| *name == control.id || control.names.contains(name);
        if input.settings.may_open.iter().any(may_open) {
            continue;
        }
        let live = tally.live_by_control.get(&control.id).copied().unwrap_or(0) + control.others;
        let on_it = |candidate: &Candidate<'_>| {
            candidate.goes()
                && candidate.entry.facts.as_ref().and_then(|facts| facts.control.as_ref()) == Some(&control.id)
        };
        let count = |only_absent: bool, candidates: &[Candidate<'_>]| {
            let going = candidates.iter().filter(|c| on_it(c) && (!only_absent || c.group() == Group::Absent)).count();
            u32::try_from(going).unwrap_or(u32::MAX)
        };
        if count(false, candidates) == 0 || live > count(false, candidates) {
            continue;
        }
        let absent_alone = count(true, candidates) > 0 && live <= count(true, candidates);
        let name = control.names.first().unwrap_or(&control.id);
        for candidate in candidates.iter_mut().filter(|candidate| on_it(candidate)) {
            if absent_alone || candidate.group() != Group::Absent {
                candidate.hold(
                    HoldName::Widening,
                    format!("no control would remain on {name}, which would then be open to all"),
                    Some(format!("add another control, or say `may_open: [{name}]` on {}", input.settings.target)),
                );
            }
        }
    }
}

/// Holds the undeclared and due rows of a kind, or of a floor group, that would leave too few.
pub fn floor(input: &Input<'_>, candidates: &mut [Candidate<'_>], tally: &Tally) {
    let least = input.settings.keep_at_least;
    if least == 0 {
        return;
    }
    let mut kinds: Vec<(&'static str, Option<&Text>, u32, u32)> = Vec::new();
    kinds.extend(tally.floor_by_kind.iter().map(|(&kind, &live)| (kind, None, live, least)));
    // Of a further group one has to remain; the operator's number is about the kind.
    kinds.extend(tally.floor_by_group.iter().map(|((kind, group), &live)| (*kind, Some(group), live, 1)));
    kinds.sort_unstable();
    for (kind, group, live, least) in kinds {
        let inside = |candidate: &Candidate<'_>| {
            let groups = candidate.entry.facts.as_ref().map_or(&[][..], |facts| &facts.floor_groups);
            candidate.goes() && candidate.entry.kind.name == kind && group.is_none_or(|group| groups.contains(group))
        };
        let going = u32::try_from(candidates.iter().filter(|c| inside(c)).count()).unwrap_or(u32::MAX);
        if going == 0 || live.saturating_sub(going) >= least {
            continue;
        }
        let what = group.map_or_else(|| format!("kind {kind}"), |group| format!("group {group}"));
        let why = format!("{} of {live} in {what} would remain, at least {least} has to", live.saturating_sub(going));
        for candidate in candidates.iter_mut().filter(|c| inside(c) && c.group() != Group::Absent) {
            let way_on = format!("the operator can set `guards: {{ keep_at_least: 0 }}` on {}", input.settings.target);
            candidate.hold(HoldName::Floor, why.clone(), Some(way_on));
        }
    }
}

/// The time-based facts of a target that hold for every row: whether the clock is right.
pub fn clock_is_right(input: &Input<'_>) -> bool {
    input.snapshot.clock_skew.is_none_or(|skew| skew.abs() <= input.settings.max_clock_skew)
}

/// Kinds whose own credential is not known, each with why.
pub fn own_unknown(input: &Input<'_>) -> Vec<(&'static Kind, String)> {
    let mut unknown = Vec::new();
    for kind in input.description.kinds {
        let entries = || input.snapshot.entries.iter().filter(|entry| entry.kind == kind && entry.is_live());
        let detected: Vec<_> = input.snapshot.own.iter().filter(|mark| mark.kind == kind.name).collect();
        let listed: Vec<_> = input.settings.own.iter().filter(|(own, _)| *own == kind).map(|(_, own)| own).collect();
        let unlisted = input.settings.own_unlisted.contains(&kind);
        let unseen = listed.iter().flat_map(|own| super::unseen(own, entries())).next();
        let mark_unseen = detected.iter().find(|mark| !entries().any(|entry| entry.id == mark.id));
        if unlisted {
            continue;
        }
        if let Some(selector) = unseen {
            unknown.push((kind, format!("an own entry that the operator lists is not there: {selector}")));
        } else if let Some(mark) = mark_unseen {
            unknown.push((kind, format!("the own credential {} is not in the list", mark.id)));
        } else if kind.holds_own && detected.is_empty() && listed.is_empty() {
            unknown.push((kind, "nothing tells which one is the own credential".to_owned()));
        }
    }
    unknown
}
