//! run

pub mod credential;
