//! `portcullis.yaml` to targets, credentials by reference, guards, journal and freeze windows.

mod model;

pub use model::{
    Config, CredentialRef, Delegation, FreezeWindow, Guards, JournalPlace, OwnList, RequestLimits, Target,
    WatchSettings,
};
