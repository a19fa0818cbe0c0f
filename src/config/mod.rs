//! `portcullis.yaml` to targets, credentials by reference, guards, journal and freeze windows.
//!
//! Bytes come in, plain data or every problem goes out: no file is opened, no credential is followed. The file is the
//! operator's alone; only here are hosts, credentials, commands and guards named.

pub mod bounds;
mod credential;
mod distinct;
mod freeze;
mod hidden;
mod hosts;
mod load;
mod model;
pub mod names;
mod scalar;
mod select;
mod target;
#[cfg(test)]
mod tests;
mod watch;
#[cfg(test)]
mod watch_tests;

pub use credential::is_variable;
pub use freeze::{frozen_until, open_until};
pub use hosts::is_loopback;
pub use load::{MAX_COUNT_TOTAL, load};
pub use model::{
    Config, CredentialRef, Delegation, FreezeWindow, Guards, JournalPlace, Notify, NotifyOn, NotifyTo, OwnList,
    RequestLimits, Target, WatchSettings, Webhook, WebhookHost,
};
