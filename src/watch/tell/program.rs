//! A program that is given a message: JSON on its standard input.

use std::{io::ErrorKind, time::Duration};

use crate::{
    plan::render::neutral,
    run::program::{self, Bounds, COMMAND_ENVIRONMENT, Failed, Keep, Said},
    transport::Undelivered,
};

/// What is kept of each stream of a program's output, in bytes, for the case that it fails.
const OUTPUT: usize = 2_048;

/// Runs a program with this input. It has done its work when it ends with success.
pub(super) async fn run(words: &[String], input: &[u8], limit: Duration) -> Result<(), Undelivered> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(Undelivered::never("the command is empty", "write `command: [program, argument]`"));
    };
    // Its arguments are not shown: they may hold secrets.
    let named = if program.contains('/') { format!("the command `{program}`") } else { "the command".to_owned() };
    let mut command = program::cleared(program, COMMAND_ENVIRONMENT, |name| std::env::var_os(name));
    command.args(arguments);
    let kept = Keep::Beginning(OUTPUT);
    match program::run(command, Bounds { input: Some(input), output: kept, errors: kept, limit }).await {
        Ok((status, _)) if status.success() => Ok(()),
        Ok((status, said)) => Err(Undelivered::later(format!("{named} failed ({status})"), advice(&said))),
        Err(Failed::Start(error)) => {
            let what = format!("{named} does not start: {error}");
            let advice = "check the program's path and mode; it is looked up in PATH, and no shell is involved";
            Err(match error.kind() {
                ErrorKind::NotFound | ErrorKind::PermissionDenied => Undelivered::never(what, advice),
                _ => Undelivered::later(what, Some(advice.to_owned())),
            })
        }
        Err(Failed::Lost(error)) => Err(Undelivered::later(format!("{named} cannot be waited for: {error}"), None)),
        Err(Failed::TimedOut(said)) => {
            let what = format!("{named} did not end within {} s and was killed", limit.as_secs_f32());
            Err(Undelivered::later(what, advice(&said)))
        }
        // Only the beginning is kept, so that there is no such limit.
        Err(Failed::TooMuch) => Err(Undelivered::later(format!("{named} wrote too much and was killed"), None)),
    }
}

/// What it says itself, made harmless.
fn advice(said: &Said) -> Option<String> {
    let said = if said.errors.is_empty() { &said.output } else { &said.errors };
    let said = String::from_utf8_lossy(said);
    let said = neutral::sentence(said.trim());
    (!said.is_empty()).then(|| format!("it says: {said}"))
}
