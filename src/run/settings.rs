//! What the operator decided, in the form that the plan takes.

use jiff::Timestamp;

use crate::{
    access::{Kind, Selectors},
    config::{Config, FreezeWindow, OwnList, Target, frozen_until},
    plan::Settings,
};

/// The environment variable that stops all writing when it is `1`.
pub const OBSERVE_VARIABLE: &str = "PORTCULLIS_OBSERVE";

/// Why all writing is stopped, where it is: the environment, or the operator's stop file.
pub fn stopped(config: &Config) -> Option<String> {
    if std::env::var_os(OBSERVE_VARIABLE).is_some_and(|value| value == "1") {
        return Some(format!("{OBSERVE_VARIABLE}=1 is set"));
    }
    let file = config.stop_file.as_ref()?;
    // A stop file that cannot be looked at stops too: whoever set it up wants no doubt.
    match file.try_exists() {
        Ok(false) => None,
        Ok(true) => Some(format!("the stop file {} is there", file.display())),
        Err(error) => Some(format!("the stop file {} cannot be looked at: {error}", file.display())),
    }
}

/// The same in a sentence, for rows that are not sent any more.
pub(super) fn brake(config: &Config) -> Option<String> {
    stopped(config).map(|why| format!("all writing is stopped: {why}"))
}

/// The settings of one target at a time.
pub fn settings(
    common: &[FreezeWindow],
    target: &Target,
    stopped: Option<String>,
    retry_refused: bool,
    now: Timestamp,
) -> Settings {
    let windows = [target.freeze.as_slice(), common];
    let frozen = windows.iter().filter_map(|windows| frozen_until(windows, now)).max();
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
        frozen_until: frozen,
        frozen: frozen.map(|until| format!("a freeze window is open until {until:.0}")),
        retry_refused,
        announced_only: false,
        only_expired: None,
    }
}
