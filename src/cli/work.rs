//! The thin seam between commands and the layers below: what was typed becomes what they are asked for, what they answer
//! becomes a [`Report`]. Nothing is decided here.

use std::path::{Path, PathBuf};

use super::{
    Exit,
    apply::ApplyArgs,
    failure::{Failure, Result},
    plan::PlanArgs,
    report::Report,
    resolve::Context,
    revoke::RevokeArgs,
    sandbox::SandboxArgs,
    schema::Which,
    validate,
};
use crate::{config::Config, plan::Plan, systems, transport::Stop, yaml::Problem};

/// Asks whether a plan may be sent.
pub type AskFn<'a> = dyn FnMut(&Plan) -> Result<bool> + Send + 'a;

/// What `validate` found.
pub struct Checked {
    /// Every problem of every file.
    pub problems: Vec<Problem>,
    /// How many declarations there are.
    pub declarations: u64,
    /// In how many policy files.
    pub files: u64,
    /// For how many targets.
    pub targets: u64,
}

fn unwired(what: &str) -> Failure {
    Failure::new(format!("`{what}` is not part of this build"))
}

/// The operator's file.
///
/// # Errors
/// It cannot be read, or every problem of it.
pub fn config(context: &Context) -> Result<Config> {
    let text = super::files::read(&context.config, "the configuration")
        .map_err(|failure| failure.hint("`portcullis init` writes one; --config names another place"))?;
    let name = context.config.display().to_string();
    let config = crate::config::load(&name, &context.config, text.as_bytes(), &systems::descriptions())
        .map_err(|problems| validate::problems(&problems))?;
    context.check_targets(config.targets.keys())?;
    Ok(config)
}

/// Every file checked, without any request.
///
/// # Errors
/// The operator's file cannot be read at all.
pub fn validate(_context: &Context) -> Result<Checked> {
    Err(unwired("validate"))
}

/// Reads (or takes a snapshot file) and plans; sends nothing.
///
/// # Errors
/// The operator's file or the snapshot cannot be used.
pub async fn plan(_context: &Context, _args: &PlanArgs) -> Result<Report> {
    Err(unwired("plan"))
}

/// Plans, asks, and carries out.
///
/// # Errors
/// The operator's file or the journal cannot be used.
pub async fn apply(
    _context: &Context,
    _args: &ApplyArgs,
    _saved: Option<&Plan>,
    _stop: &Stop,
    _ask: &mut AskFn<'_>,
) -> Result<Report> {
    Err(unwired("apply"))
}

/// Looks at one entry, asks, and carries its removal out.
///
/// # Errors
/// The target or the entry is not known, or a guard that no order passes holds it.
pub async fn revoke(_context: &Context, _args: &RevokeArgs, _stop: &Stop, _ask: &mut AskFn<'_>) -> Result<Report> {
    Err(unwired("revoke"))
}

/// Reads targets and returns the readings as the text of a file, with the exit code where some could not be read.
///
/// # Errors
/// The operator's file cannot be used.
pub async fn snapshot(_context: &Context) -> Result<(String, Exit)> {
    Err(unwired("snapshot"))
}

/// Reads a target and returns declarations for what exists.
///
/// # Errors
/// The target is not known or cannot be read.
pub async fn import(_context: &Context, _target: &str) -> Result<String> {
    Err(unwired("import"))
}

/// Writes a configuration, a policy tree and a journal; returns what to tell.
///
/// # Errors
/// Something of it exists already, or cannot be written.
pub async fn init(_context: &Context, _dir: &Path) -> Result<String> {
    Err(unwired("init"))
}

/// The schema of a file that people write.
///
/// # Errors
/// None today.
pub fn schema(_which: Which) -> Result<serde_json::Value> {
    Err(unwired("schema"))
}

/// Serves the imitated systems until stopped.
///
/// # Errors
/// No port could be bound, or the directory cannot be written.
pub async fn sandbox(_args: &SandboxArgs, _stop: &Stop) -> Result<()> {
    Err(unwired("sandbox"))
}

/// The imitated company of the demonstration.
pub struct Company {}

impl Company {
    /// Starts the systems and writes configuration, policies and people to a directory: the one to keep, else a temporary
    /// one that goes with this value.
    ///
    /// # Errors
    /// No port could be bound, or the directory cannot be written.
    pub async fn start(_keep: Option<&Path>) -> Result<Self> {
        Err(unwired("demo"))
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        PathBuf::new()
    }

    /// What the servers' own record saw.
    pub fn saw(&self) -> String {
        String::new()
    }
}
