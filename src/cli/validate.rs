//! `portcullis validate`: is every file right?

use super::{
    Exit,
    args::Format,
    failure::{Failure, Result},
    resolve::Context,
    terminal, work,
};
use crate::{
    plan::render::{count, document},
    yaml::Problem,
};

/// Check the configuration, the people file and every policy file
///
/// Reports every problem of every file at once, each with its place and a hint. Makes no request and needs no credential.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  portcullis validate
  portcullis validate --config /etc/portcullis.yaml --policies policies/ --format json")]
pub struct ValidateArgs {}

/// Checks and tells.
///
/// # Errors
/// The files cannot be read at all, or are asked for in Markdown.
pub fn run(context: &Context, _args: &ValidateArgs) -> Result<Exit> {
    if context.format == Format::Markdown {
        return Err(Failure::new("`validate` has no Markdown form")
            .hint("--format json, or text; `plan --format markdown` tells broken files too"));
    }
    let checked = work::validate(context)?;
    if context.format == Format::Json {
        let problems: Vec<_> = checked.problems.iter().map(problem_document).collect();
        terminal::print(&document(&serde_json::json!({ "version": 1, "problems": problems })))?;
        return Ok(if checked.problems.is_empty() { Exit::Done } else { Exit::Error });
    }
    if checked.problems.is_empty() {
        terminal::print(&format!(
            "All right: {} in {} for {}\n",
            count(checked.declarations, "declaration", "declarations"),
            count(checked.files, "policy file", "policy files"),
            count(checked.targets, "target", "targets")
        ))?;
        return Ok(Exit::Done);
    }
    Err(problems(&checked.problems))
}

/// A problem for programs.
pub fn problem_document(problem: &Problem) -> serde_json::Value {
    serde_json::json!({
        "file": problem.file, "line": problem.line, "column": problem.column,
        "message": problem.message, "hint": problem.hint,
    })
}

/// Every problem, rendered with its place, as one failure.
pub fn problems(problems: &[Problem]) -> Failure {
    let mut text = count(problems.len() as u64, "problem", "problems");
    for problem in problems {
        text.push_str("\n\n");
        text.push_str(problem.rendered().trim_end());
    }
    Failure::new(text)
}
