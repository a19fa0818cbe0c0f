//! What a caller of the API may ask of the loop.

use async_trait::async_trait;
use jiff::Timestamp;

use super::webhook::Hook;
use crate::access::Text;

/// The loop, as far as a caller may steer it. Nothing here can make anything be removed: a caller can only ask to look again,
/// to stop writing, and to let it go on.
#[async_trait]
pub trait Control: Send + Sync {
    /// Looks again: at these targets, or at all where none is named; the source first. Returns the targets that will be
    /// looked at. Equal requests merge.
    ///
    /// # Errors
    /// A target that is not configured.
    fn reconcile(&self, targets: &[Text]) -> Result<Vec<Text>, ControlError>;

    /// A Git host told of something: where that concerns the source, looks again, which is at every push unless the loop knows
    /// which ref it is on. Returns the targets that will be looked at whatever the source says.
    ///
    /// # Errors
    /// As [`Control::reconcile`].
    fn pushed(&self, hook: &Hook) -> Result<Vec<Text>, ControlError>;

    /// Stops all writing until it is taken back, or until a time; a pause in force that ends later stays. Recorded in the journal, so that it outlives a restart; in
    /// force even where it could not be recorded.
    ///
    /// # Errors
    /// It could not be recorded.
    async fn pause(&self, because: String, until: Option<Timestamp>) -> Result<(), ControlError>;

    /// Lets writing go on. Takes back what [`Control::pause`] set, not a stop file nor the environment.
    ///
    /// # Errors
    /// It could not be recorded: then the pause stays.
    async fn resume(&self) -> Result<(), ControlError>;

    /// The time.
    fn now(&self) -> Timestamp;
}

/// Why the loop does not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No such target.
    #[error("there is no target `{0}`")]
    UnknownTarget(Text),
    /// The loop did not begin yet.
    #[error("the first tree is not loaded yet")]
    Starting,
    /// The journal cannot record it.
    #[error("the journal cannot record it: {0}")]
    Journal(String),
}
