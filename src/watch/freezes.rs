//! Freeze windows as they open and end, for whoever looks. What they hold is decided by each run, and asked before each send.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::shared::Shared;
use crate::{
    access::Text,
    config::{Config, FreezeWindow, NotifyOn, open_until},
    serve::Freeze,
};

/// The windows of the configuration as they were seen last.
#[derive(Debug, Default)]
pub(super) struct Freezes(Mutex<Vec<Seen>>);

/// A window, of one target or of all.
#[derive(Debug)]
struct Seen {
    target: Option<Text>,
    window: FreezeWindow,
    at: Timestamp,
    until: Option<Timestamp>,
}

/// A window that began or ended since the last look.
#[derive(Debug, PartialEq, Eq)]
struct Turned {
    target: Option<Text>,
    window: String,
    /// Until when it is open; none where it ended.
    until: Option<Timestamp>,
}

impl Freezes {
    /// Looks at every window: those that are open, and what began or ended. A window that begins again while it is open goes on.
    fn look(&self, config: &Config, watches: impl Fn(&Text) -> bool, now: Timestamp) -> (Vec<Freeze>, Vec<Turned>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *known);
        let targets = config.targets.values().filter(|target| watches(&target.name));
        let own = targets.flat_map(|target| target.freeze.iter().map(|window| (Some(&target.name), window)));
        let (mut open, mut turned) = (Vec::new(), Vec::new());
        for (target, window) in config.freeze.iter().map(|window| (None, window)).chain(own) {
            let place = before.iter().position(|one| one.target.as_ref() == target && one.window == *window);
            // A clock that was put back makes what was seen worth nothing.
            let seen = place.map(|place| before.swap_remove(place));
            let was_open = seen.as_ref().is_some_and(|seen| seen.until.is_some());
            let until = match seen.filter(|seen| seen.at <= now) {
                Some(Seen { until: Some(until), .. }) if until > now => Some(until),
                Some(Seen { until: None, at, .. }) => open_until(window, now, Some(at)),
                _ => open_until(window, now, None),
            };
            let seen = Seen { target: target.cloned(), window: window.clone(), at: now, until };
            if was_open != until.is_some() {
                turned.push(seen.turned(until));
            }
            open.extend(until.map(|until| Freeze { target: target.cloned(), window: words(window), until }));
            known.push(seen);
        }
        // What is not configured any more holds nothing.
        turned.extend(before.iter().filter(|seen| seen.until.is_some()).map(|seen| seen.turned(None)));
        (open, turned)
    }
}

impl Seen {
    fn turned(&self, until: Option<Timestamp>) -> Turned {
        Turned { target: self.target.clone(), window: words(&self.window), until }
    }
}

/// A window as people write it.
fn words(window: &FreezeWindow) -> String {
    let FreezeWindow { cron, duration, time_zone } = window;
    format!("{cron}, for {duration:#}, {time_zone}")
}

impl Shared {
    /// Puts up the freeze windows that are open, and says which began and ended.
    pub(super) fn show_freezes(&self) {
        let (open, turned) = self.freezes.look(&self.config(), |name| self.watches(name), self.now());
        for Turned { target, window, until } in turned {
            let of = target.as_deref().unwrap_or("all targets");
            let subject = format!("freeze {of}: {window}");
            let mut lines = vec![format!("the window: {window}")];
            let title = match until {
                Some(until) => {
                    tracing::warn!(of, window, until = %format_args!("{until:.0}"), "a freeze window is open: nothing goes");
                    lines.push("plans go on; what comes due meanwhile goes when it is over".to_owned());
                    format!("Frozen until {until:.0}: {of}")
                }
                None => {
                    tracing::warn!(of, window, "a freeze window is over");
                    let others = open.iter().filter(|one| one.target.is_none() || one.target == target);
                    let last = others.map(|one| one.until).max();
                    lines.extend(last.map(|last| format!("another window is open until {last:.0}")));
                    format!("The freeze is over: {of}")
                }
            };
            let state = until.map_or_else(|| "over".to_owned(), |until| format!("until {until}"));
            self.announce(NotifyOn::Changes, &subject, &state, &title, lines);
        }
        self.board.set_freezes(open);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{config, systems};

    fn config(freeze: &str) -> Config {
        let text = format!(
            "version: 1\njournal: ephemeral\n{freeze}targets:\n  t:\n    system: s2\n    account: x\n    credential: {{ env: T }}\n"
        );
        config::load("portcullis.yaml", Path::new("portcullis.yaml"), text.as_bytes(), &systems::descriptions())
            .unwrap()
    }

    #[test]
    fn each_window_begins_and_ends_once() {
        let (freezes, config) = (
            Freezes::default(),
            config("freeze: [{ cron: \"0 18 * * FRI\", duration: 62h, time_zone: Europe/Zurich }]\n"),
        );
        let end = "2026-11-23T07:00:00Z".parse().unwrap();
        let look = |at: &str, config: &Config| {
            let (open, turned) = freezes.look(config, |_| true, at.parse().unwrap());
            (open.iter().map(|one| one.until).max(), turned.into_iter().map(|one| one.until).collect::<Vec<_>>())
        };
        assert_eq!(look("2026-11-20T16:59:59Z", &config), (None, vec![]));
        assert_eq!(look("2026-11-20T17:00:01Z", &config), (Some(end), vec![Some(end)]));
        assert_eq!(look("2026-11-20T17:00:03Z", &config), (Some(end), vec![]));
        assert_eq!(look("2026-11-20T16:00:00Z", &config), (None, vec![None]), "the clock was put back");
        assert_eq!(look("2026-11-21T00:00:00Z", &config), (Some(end), vec![Some(end)]));
        assert_eq!(look("2026-11-23T07:00:00Z", &config), (None, vec![None]));
        assert_eq!(look("2026-11-23T07:00:02Z", &config), (None, vec![]));
        // A daemon that looks seldom sees the next one, too, and one that is taken out of the file is over.
        assert_eq!(look("2026-11-28T00:00:00Z", &config).1.len(), 1);
        assert_eq!(look("2026-11-28T00:00:02Z", &self::config("")), (None, vec![None]));
    }
}
