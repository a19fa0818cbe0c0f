//! What the operator decided, in the form that the plan takes.

use crate::{
    access::{Kind, Selectors},
    config::{Config, OwnList, Target},
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

/// Why removals are frozen, where the operator set a window. Whether one is open is not judged yet: until it is, a window
/// holds at every time, which is safe, where ignoring it would not be.
fn frozen(config: &Config, target: &Target) -> Option<String> {
    let any = !config.freeze.is_empty() || !target.freeze.is_empty();
    any.then(|| "`freeze:` is set, and this version cannot tell whether a window is open".to_owned())
}

/// The settings of one target.
pub fn settings(config: &Config, target: &Target, stopped: Option<String>, retry_refused: bool) -> Settings {
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
        frozen: frozen(config, target),
        retry_refused,
    }
}
