//! `portcullis schema`: the JSON Schema of each file.

use clap::ValueEnum;

use super::{Exit, failure::Result, terminal};
use crate::{plan::render::document, run::schema, systems};

/// Write the JSON Schema of a file, generated from what parses it
///
/// Point your editor at it: `# yaml-language-server: $schema=policy.schema.json`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis schema policy > policy.schema.json
  portcullis schema config > config.schema.json")]
pub struct SchemaArgs {
    /// Which file
    #[arg(value_enum, value_name = "FILE")]
    which: Which,
}

/// What has a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// A policy file
    Policy,
    /// The people file
    People,
    /// The operator's file
    Config,
    /// What `plan --format json` and `plan --out` write
    Plan,
    /// A line of what `snapshot` writes
    Snapshot,
}

/// Prints it.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &SchemaArgs) -> Result<Exit> {
    let which = match args.which {
        Which::Policy => schema::Which::Policy,
        Which::People => schema::Which::People,
        Which::Config => schema::Which::Config,
        Which::Plan => schema::Which::Plan,
        Which::Snapshot => schema::Which::Snapshot,
    };
    terminal::print(&document(&schema::schema(which, &systems::descriptions())))?;
    Ok(Exit::Done)
}
