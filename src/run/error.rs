//! Why a run could not begin.

use crate::{journal::JournalError, plan::OrderRefused, yaml::Problem};

use super::{saved::SavedPlanError, snapshot_file::SnapshotFileError};

/// Why a run could not begin. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The operator's file is broken.
    #[error("portcullis.yaml cannot be used: {} problems", .0.len())]
    Load(Vec<Problem>),
    /// `--target` names what is not there.
    #[error("portcullis.yaml has no target `{name}`; it has {known}")]
    UnknownTarget {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A snapshot file cannot be taken.
    #[error(transparent)]
    Snapshot(#[from] SnapshotFileError),
    /// A saved plan cannot be taken.
    #[error(transparent)]
    SavedPlan(#[from] SavedPlanError),
    /// What is own or protected there cannot be told.
    #[error("target `{target}` gets no order: {why}")]
    Unclear {
        /// The target.
        target: String,
        /// Why.
        why: String,
    },
    /// A guard or a circumstance stands against an order.
    #[error(transparent)]
    Refused(#[from] OrderRefused),
    /// A stop was asked for before anything was sent.
    #[error("stopped before anything was planned; nothing was sent")]
    Stopped,
    /// It panicked. What was sent stands in the journal.
    #[error("a defect of Portcullis broke the run off; the log tells where: please report it")]
    Defect,
    /// A reviewed plan is asked for, and there is none.
    #[error("--reviewed-by confirms a saved plan: name the file, as in `apply plan.json --reviewed-by WHO`")]
    NothingReviewed,
    /// An empty upper bound is no bound at all.
    #[error("the saved plan names none of the targets that are asked for, so there is nothing to send")]
    NotInSavedPlan,
}

impl RunError {
    /// The exit code: 3 where a guard holds the entry of an order, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(OrderRefused::Held { .. }) => 3,
            _ => 1,
        }
    }
}
