//! What the operator decided, in the form that the plan takes.

use std::{
    ffi::OsStr,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    access::{Kind, Selectors},
    apply::Frozen,
    config::{Config, FreezeWindow, OwnList, Target, frozen_until},
    plan::{Settings, frozen_why},
};

/// The environment variable that stops all writing, whatever it is set to but nothing or `0`.
pub const OBSERVE_VARIABLE: &str = "PORTCULLIS_OBSERVE";

/// Why all writing is stopped, where it is: the environment, or the operator's stop file.
pub fn stopped(config: &Config) -> Option<String> {
    if std::env::var_os(OBSERVE_VARIABLE).is_some_and(|value| means_stop(&value)) {
        return Some(format!("{OBSERVE_VARIABLE} is set, and not to 0"));
    }
    let file = config.stop_file.as_ref()?;
    // A stop file that cannot be looked at stops too: whoever set it up wants no doubt.
    match file.try_exists() {
        Ok(false) => None,
        Ok(true) => Some(format!("the stop file {} is there", file.display())),
        Err(error) => Some(format!("the stop file {} cannot be looked at: {error}", file.display())),
    }
}

/// An emergency stop fails closed: whoever writes `true`, `on` or anything else means it.
fn means_stop(value: &OsStr) -> bool {
    !value.is_empty() && value != "0"
}

/// The same in a sentence, for rows that are not sent any more.
pub(super) fn brake(config: &Config) -> Option<String> {
    stopped(config).map(|why| format!("all writing is stopped: {why}"))
}

/// Until when a target is frozen, by its own windows and those of all targets: now, or by the vendor's time where our clock is
/// wrong.
fn frozen(
    common: &[FreezeWindow],
    target: &Target,
    (now, theirs): (Timestamp, Option<Timestamp>),
) -> Option<Timestamp> {
    let at = |at: Timestamp| {
        let windows = [target.freeze.as_slice(), common];
        windows.into_iter().filter_map(move |windows| frozen_until(windows, at))
    };
    at(now).chain(theirs.into_iter().flat_map(at)).max()
}

/// Why nothing may be sent to a target, asked before each send: a window may open after the plan was made. Windows begin and
/// end with whole seconds, and what was found for one is not looked for again. `ahead`: by how much our clock is wrong.
pub(super) fn freezing<'a>(config: &'a Config, target: &'a Target, ahead: Option<SignedDuration>) -> Frozen<'a> {
    let known: Mutex<Option<(i64, Option<Timestamp>)>> = Mutex::new(None);
    Box::new(move |now| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let second = now.as_second();
        let until = match *known {
            Some((at, until)) if at == second => until,
            _ => {
                let theirs = ahead.and_then(|ahead| now.checked_sub(ahead).ok());
                let until = frozen(&config.freeze, target, (now, theirs));
                *known = Some((second, until));
                until
            }
        };
        until.map(frozen_why)
    })
}

/// The settings of one target at a time: ours, and the vendor's where our clock is wrong.
pub fn settings(
    common: &[FreezeWindow],
    target: &Target,
    stopped: Option<String>,
    retry_refused: bool,
    times: (Timestamp, Option<Timestamp>),
) -> Settings {
    let mut own: Vec<(&'static Kind, Selectors)> = Vec::new();
    let mut own_unlisted = Vec::new();
    for (kind, list) in &target.own {
        match list {
            OwnList::Listed(selectors) => own.push((kind, selectors.clone())),
            OwnList::Unlisted => own_unlisted.push(*kind),
        }
    }
    Settings {
        target: target.name.clone(),
        account: target.account.clone(),
        enforce: target.enforce.clone(),
        own,
        own_unlisted,
        protected: target.protected.clone(),
        may_open: target.may_open.clone(),
        max_share_percent: target.guards.max_share_percent,
        max_count: target.guards.max_count,
        keep_at_least: target.guards.keep_at_least,
        notice: target.guards.notice,
        max_clock_skew: target.guards.max_clock_skew,
        max_in_flight: target.max_in_flight,
        stopped,
        frozen_until: frozen(common, target, times),
        retry_refused,
        announced_only: false,
        only_expired: None,
    }
}
