//! Guards that hold single rows, and those that look at the end state: widening and floor.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{
    Confirmation, HoldName, Input, candidate::Candidate, due::span, fights::Fights, only_expired, settings::frozen_why,
    tally::Tally,
};
use crate::{
    access::{Cause, Entry, Fingerprint, Group, Kind, Text},
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
    /// What went and came back.
    pub fights: &'a Fights<'a>,
    /// Where files are broken: entries for which something speaks that may have changed.
    pub spared: &'a only_expired::Spared,
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
        only_expired::judge(&self.input, self.spared, candidate);
        self.observe(candidate);
        self.refused(candidate);
        if let Some(until) = settings.frozen_until {
            candidate.hold(HoldName::Freeze, frozen_why(until), None);
        }
        if candidate.cause == Cause::Absent {
            return;
        }
        if let Some(hold) = held {
            let doubt = match hold.until <= self.input.now {
                true => format!(" ({}: nobody can tell whether that has passed)", self.clock()),
                false => String::new(),
            };
            let why = format!("held until {:.0}: {}{doubt}", hold.until, hold.justification);
            candidate.hold(HoldName::Hold, why, None);
        }
        // What is undeclared may be so by the time alone: its notice, and what else kept it, are measured by this clock.
        if !self.clock_is_right && (candidate.cause.is_time_based() || candidate.cause == Cause::Undeclared) {
            candidate.hold(HoldName::Clock, self.clock(), Some("set this machine's clock right and run again".into()));
        }
        if candidate.cause == Cause::Undeclared {
            self.notice(candidate);
        }
        self.fights.judge(candidate);
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
        let facts = entry.facts.as_ref();
        let listed = facts.and_then(|facts| facts.refused.as_ref());
        let (why, way_on) = match (known, listed) {
            (Some(refusal), _) if refusal.said == candidate.said => {
                (&refusal.why, "change what the policies say of it, or apply with --retry-refused")
            }
            // It goes once: then a rejection of its own is known, as long as the journal lasts.
            (None, Some(listed))
                if self.input.history.persistent && facts.is_some_and(|facts| facts.refused_in_doubt) =>
            {
                candidate.remarks.push(listed.to_string());
                return;
            }
            // What the policies said then nobody knows.
            (None, Some(listed)) => (listed, "apply with --retry-refused"),
            _ => return,
        };
        // A right that was missing shows in the words of every system, and another credential alone sends nothing again.
        let way_on = match why.contains("the credential") {
            true => format!(
                "give the credential the right, then: portcullis apply --target {} --retry-refused",
                super::quoted(&self.input.settings.target)
            ),
            false => way_on.to_owned(),
        };
        candidate.hold(HoldName::Refused, format!("the system refused it before: {why}"), Some(way_on));
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
            // On a wrong clock the guard `clock` holds it.
            Some(end) if end <= self.input.now => {}
            Some(end) => {
                candidate.hold(
                    HoldName::Notice,
                    format!("unattended it goes from {end:.0} ({notice} of notice)"),
                    Some(at_once),
                );
            }
            None if self.input.history.unread => {
                let why = format!(
                    "no journal was read, so unattended it may go at once: where this change takes its declaration away, or \
                     where it was recorded {notice} ago; else {notice} after `apply` or `watch` first records it"
                );
                candidate.hold(HoldName::Notice, why, Some(at_once));
            }
            None => {
                let why = format!("unattended it goes {notice} after `apply` or `watch` first records it");
                candidate.hold(HoldName::Notice, why, Some(at_once));
            }
        }
    }

    fn notice_ends(&self, candidate: &Candidate<'_>) -> Option<Timestamp> {
        undeclared_since(&self.input, candidate.entry)?.checked_add(self.input.settings.notice).ok()
    }

    fn clock(&self) -> String {
        let skew = self.input.snapshot.clock_skew.map_or_else(String::new, |skew| format!("{}s", skew.as_secs()));
        format!("this machine's clock is {skew} off the vendor's")
    }
}

/// Since when the journal has an entry as undeclared. Whoever holds it cannot start its notice anew by changing it: another
/// fingerprint is another entry only where the system gives an id to a new entry again.
pub fn undeclared_since(input: &Input<'_>, entry: &Entry) -> Option<Timestamp> {
    let known = input.history.undeclared.get(&(entry.kind.name.into(), entry.id.clone()))?;
    let is_same = !entry.kind.reissues_ids || known.fingerprint == Fingerprint::of(entry);
    is_same.then_some(known.since)
}

/// Holds rows on a control whose removal would leave it open: judged on what would go in all.
pub fn widening(input: &Input<'_>, candidates: &mut [Candidate<'_>], tally: &Tally) {
    let may_open: HashSet<&Text> = input.settings.may_open.iter().collect();
    let mut on_control: HashMap<Text, Vec<usize>> = HashMap::new();
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| candidate.goes()) {
        if let Some(control) = candidate.entry.facts.as_ref().and_then(|facts| facts.control.clone()) {
            on_control.entry(control).or_default().push(at);
        }
    }
    for control in &input.snapshot.controls {
        if std::iter::once(&control.id).chain(&control.names).any(|name| may_open.contains(name)) {
            continue;
        }
        let Some(going) = on_control.get(&control.id) else { continue };
        let live = tally.live_by_control.get(&control.id).copied().unwrap_or(0) + control.others;
        let is_absent = |at: &&usize| candidates.get(**at).is_some_and(|candidate| candidate.group() == Group::Absent);
        let absent = going.iter().filter(is_absent).count();
        if live as usize > going.len() {
            continue;
        }
        let absent_alone = absent > 0 && live as usize <= absent;
        let name = control.names.first().unwrap_or(&control.id);
        for &at in going {
            let Some(candidate) = candidates.get_mut(at) else { continue };
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
    // The kind itself, and each further group, with the rows in it.
    let mut inside: HashMap<(&'static str, Option<Text>), Vec<usize>> = HashMap::new();
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| candidate.goes()) {
        let kind = candidate.entry.kind.name;
        inside.entry((kind, None)).or_default().push(at);
        for group in candidate.entry.facts.iter().flat_map(|facts| &facts.floor_groups) {
            let of_group = inside.entry((kind, Some(group.clone()))).or_default();
            if of_group.last() != Some(&at) {
                of_group.push(at);
            }
        }
    }
    let mut groups: Vec<_> = inside.into_iter().collect();
    groups.sort_unstable();
    for ((kind, group), rows) in groups {
        // Of a further group one has to remain; the operator's number is about the kind.
        let (live, least) = match &group {
            None => (tally.floor_by_kind.get(kind), least),
            Some(group) => (tally.floor_by_group.get(&(kind, group.clone())), 1),
        };
        let Some(&live) = live else { continue };
        // What another group holds does not go.
        let goes = |at: &&usize| candidates.get(**at).is_some_and(Candidate::goes);
        let going = u32::try_from(rows.iter().filter(goes).count()).unwrap_or(u32::MAX);
        if going == 0 || live.saturating_sub(going) >= least {
            continue;
        }
        let what = group.map_or_else(|| format!("kind {kind}"), |group| format!("group {group}"));
        let why = format!("{} of {live} in {what} would remain, at least {least} has to", live.saturating_sub(going));
        for at in rows {
            let Some(candidate) = candidates.get_mut(at).filter(|c| c.goes() && c.group() != Group::Absent) else {
                continue;
            };
            let way_on = format!("the operator can set `guards: {{ keep_at_least: 0 }}` on {}", input.settings.target);
            candidate.hold(HoldName::Floor, why.clone(), Some(way_on));
        }
    }
}

/// The time by which what keeps an entry counts as over. On a wrong clock nothing that keeps does: no declaration, no hold, and
/// nobody has left.
pub fn over_by(input: &Input<'_>) -> Timestamp {
    if clock_is_right(input) { input.now } else { Timestamp::MIN }
}

/// The time-based facts of a target that hold for every row: whether the clock is right.
pub fn clock_is_right(input: &Input<'_>) -> bool {
    input.snapshot.clock_skew.is_none_or(|skew| skew.abs() <= input.settings.max_clock_skew)
}
