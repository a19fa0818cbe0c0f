//! That all writing is stopped, and goes on again, for whoever is told. What it holds is decided by each run, and asked before
//! each send.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::shared::Shared;
use crate::{config::NotifyOn, serve::Pause};

/// How often a stop without an end is told once more: it is easily forgotten, and nothing is revoked meanwhile.
const AGAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct Stopped(Mutex<Option<Told>>);

/// A stop of all writing as it was told, and when by the time that only runs forward.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    pause: Pause,
    since: Duration,
    times: u32,
}

impl Stopped {
    /// Takes what holds now; returns what is to be told, where that is anything: a stop, or that it is over.
    fn look(&self, pause: Option<&Pause>, now: Duration) -> Option<Option<Told>> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = match (&*told, pause) {
            (None, None) => return None,
            (Some(_), None) => None,
            (Some(known), Some(pause)) if is_same(&known.pause, pause) => {
                let is_old = now.saturating_sub(known.since) >= AGAIN.saturating_mul(known.times);
                if pause.until.is_some() || !is_old {
                    return None;
                }
                Some(Told { times: known.times.saturating_add(1), ..known.clone() })
            }
            (_, Some(pause)) => Some(Told { pause: pause.clone(), since: now, times: 1 }),
        };
        told.clone_from(&next);
        Some(next)
    }
}

fn is_same(one: &Pause, other: &Pause) -> bool {
    (&one.because, one.until) == (&other.because, other.until)
}

impl Shared {
    /// Tells that all writing is stopped, each day anew where that has no end, and that it goes on.
    pub(super) fn tell_stopped(&self) {
        let Some(turned) = self.stopped.look(self.board.pause().as_ref(), self.began.elapsed()) else { return };
        let Some(Told { pause, since, times }) = turned else {
            self.announce(NotifyOn::Changes, "pause", "over", "Writing goes on", Vec::new());
            return;
        };
        let title = match (pause.until, times) {
            (Some(until), _) => format!("All writing is stopped until {until:.0}"),
            (None, 1) => "All writing is stopped".to_owned(),
            (None, times) => format!("All writing is still stopped, for {} h by now", u64::from(times - 1) * 24),
        };
        let lines =
            vec![pause.because.clone(), "plans go on; what comes due meanwhile goes when writing goes on".to_owned()];
        let state = format!("{} {:?} {since:?} {times}", pause.because, pause.until);
        self.announce(NotifyOn::Changes, "pause", &state, &title, lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_told_once_and_each_day_where_it_has_no_end() {
        let (stopped, hour) = (Stopped::default(), Duration::from_secs(60 * 60));
        let pause = |because: &str, ends: bool| Pause {
            since: None,
            until: ends.then(|| "2026-12-01T00:00:00Z".parse().unwrap()),
            because: because.into(),
        };
        let told = |pause: Option<&Pause>, hours: u32| {
            stopped.look(pause, hour * hours).map(|told| told.map(|told| (told.pause.because, told.times)))
        };
        let (open, ends) = (pause("paused: a move", false), pause("paused: a day", true));
        assert_eq!(told(None, 0), None, "nothing was stopped");
        assert_eq!(told(Some(&open), 1), Some(Some((open.because.clone(), 1))));
        assert_eq!((told(Some(&open), 2), told(Some(&open), 24)), (None, None));
        assert_eq!(told(Some(&open), 25), Some(Some((open.because.clone(), 2))));
        assert_eq!((told(Some(&open), 26), told(Some(&open), 48)), (None, None));
        assert_eq!(told(Some(&open), 49), Some(Some((open.because.clone(), 3))));
        assert_eq!(told(Some(&ends), 50), Some(Some((ends.because.clone(), 1))), "another one");
        assert_eq!(told(Some(&ends), 100), None, "it ends by itself");
        assert_eq!((told(None, 101), told(None, 102)), (Some(None), None));
    }
}
