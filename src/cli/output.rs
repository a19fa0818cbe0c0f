//! Results to standard output, in the format that was asked for.

use super::{args::Format, failure::Result, report::Report, resolve::Context, terminal, validate};
use crate::plan::{
    Plan,
    render::{self, COMMENT_LIMIT, Diffs, TextOptions},
};

/// How a plan is shown as text here.
pub fn text_options(context: &Context, colour: bool, diffs: Diffs) -> TextOptions {
    TextOptions { colour, width: context.width, diffs, verbose: context.verbosity > 0, now: terminal::now() }
}

/// Prints a plan.
///
/// # Errors
/// Standard output cannot be written.
pub fn plan(context: &Context, plan: &Plan, diffs: Diffs) -> Result<()> {
    terminal::print(&match context.format {
        Format::Text => render::text(plan, &text_options(context, context.colour, diffs)),
        Format::Json => render::json(plan),
        Format::Markdown => render::markdown(plan, terminal::now(), COMMENT_LIMIT),
    })
}

/// Says on standard error what went wrong besides the plan: problems of files with their places, errors, remarks.
pub fn troubles(report: &Report) {
    problems(report);
    for error in &report.errors {
        terminal::say(&format!("error: {error}"));
    }
    for remark in &report.remarks {
        terminal::say(&format!("note: {remark}"));
    }
}

fn problems(report: &Report) {
    if report.problems.is_empty() {
        return;
    }
    let told = validate::problems(&report.problems);
    if report.spared_problems {
        terminal::say_lines(&format!(
            "note: this needed no policy, and was done without these files; a declaration in one of them is not named \
             here. {}",
            told.message
        ));
    } else {
        terminal::say_lines(&told.to_string());
    }
}

/// Prints what a run did.
///
/// # Errors
/// Standard output cannot be written.
pub fn report(context: &Context, report: &Report) -> Result<()> {
    problems(report);
    terminal::print(&match context.format {
        Format::Text => report.text(context.colour),
        Format::Json => render::document(report),
        Format::Markdown => report.markdown(COMMENT_LIMIT),
    })
}
