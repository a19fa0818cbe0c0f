//! What people are told, as plain data. Who hears it, and how often, is the teller's.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    access::Text,
    config::{Notify, NotifyOn},
};

/// Something worth telling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct News {
    /// When.
    pub at: Timestamp,
    /// What sort of news it is.
    #[serde(serialize_with = "named")]
    #[schemars(with = "String")]
    pub on: NotifyOn,
    /// The target, where it is one target's.
    pub target: Option<Text>,
    /// What it is about: news of the same subject replaces the one before, and is not told again while `state` stays the same.
    pub subject: Text,
    /// A digest of the subject's state.
    pub state: Text,
    /// One line.
    pub title: String,
    /// Further lines, at most [`MAX_LINES`]. Names from APIs stand in them as they are: each way of telling neutralizes them.
    pub lines: Vec<String>,
    /// How many lines were cut off.
    pub lines_left_out: usize,
    /// The commit of the policies, with a Git source.
    pub commit: Option<Text>,
}

/// The most lines of one message.
pub const MAX_LINES: usize = 20;

/// Every sort of news, in the order in which a person wants to hear of them.
pub const ALL: [NotifyOn; 5] =
    [NotifyOn::Failures, NotifyOn::Refusals, NotifyOn::Revocations, NotifyOn::Changes, NotifyOn::Recoveries];

/// The name of a sort of news, as in configuration.
pub fn name(on: NotifyOn) -> &'static str {
    match on {
        NotifyOn::Changes => "changes",
        NotifyOn::Revocations => "revocations",
        NotifyOn::Refusals => "refusals",
        NotifyOn::Failures => "failures",
        NotifyOn::Recoveries => "recoveries",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn named<S: serde::Serializer>(on: &NotifyOn, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name(*on))
}

/// Hands news to whoever is to be told.
pub trait Tell: Send + Sync {
    /// Takes news. Must not block.
    fn tell(&self, news: News);

    /// Tells these from now on: the operator's file was read.
    fn set_receivers(&self, _notify: &[Notify]) {}
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Tell for Quiet {
    fn tell(&self, _news: News) {}
}
