//! run

pub mod credential;
pub mod init;
pub mod schema;
