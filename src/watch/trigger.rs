//! What says "look again".

/// Why a target is looked at. It never changes what a look does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// The daemon began, or the target is new.
    Start,
    /// The time between looks is over.
    Interval,
    /// Policy or configuration files changed.
    Files,
    /// The Git source moved.
    Source,
    /// Something came due.
    Due,
    /// Somebody asked.
    Request,
    /// A Git host asked.
    Webhook,
    /// The look before failed.
    Retry,
    /// The look before sent something: whether the target is in sync now.
    Confirm,
}

impl Trigger {
    /// Every trigger.
    pub const ALL: [Self; 9] = [
        Self::Start,
        Self::Interval,
        Self::Files,
        Self::Source,
        Self::Due,
        Self::Request,
        Self::Webhook,
        Self::Retry,
        Self::Confirm,
    ];

    /// Its name in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Interval => "interval",
            Self::Files => "files",
            Self::Source => "source",
            Self::Due => "due",
            Self::Request => "request",
            Self::Webhook => "webhook",
            Self::Retry => "retry",
            Self::Confirm => "confirm",
        }
    }
}
