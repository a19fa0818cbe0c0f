//! Which common options mean something to which command. One that a command does not heed is refused and not shown in its
//! help: an option that is taken in silence looks as if it narrowed something down.

use clap::{ArgMatches, CommandFactory as _, Error, error::ErrorKind, parser::ValueSource};

use super::args::Cli;

/// The common options that mean nothing to a command. What tells and colours the log means something to all of them.
const MEANINGLESS: &[(&str, &[&str])] = &[
    ("demo", &["config", "policies", "people", "format"]),
    ("init", &["policies", "people", "target", "format"]),
    // Every file is checked, whichever target it speaks of.
    ("validate", &["target"]),
    // It shows no result of its own.
    ("watch", &["format"]),
    ("revoke", &["target"]),
    ("expect", &["policies", "people", "target", "format"]),
    ("import", &["target", "format"]),
    ("snapshot", &["format"]),
    ("history", &["policies", "people"]),
    ("schema", &["config", "policies", "people", "target", "format"]),
    ("sandbox", &["config", "policies", "people", "target", "format"]),
    ("completions", &["config", "policies", "people", "target", "format"]),
];

/// The whole command line, with the help of each command showing what it heeds.
pub fn command() -> clap::Command {
    let whole = Cli::command();
    let common: Vec<clap::Arg> = whole.get_arguments().filter(|arg| arg.is_global_set()).cloned().collect();
    whole.mut_subcommands(|one| {
        let ids = meaningless(one.get_name());
        let hidden = common.iter().filter(|arg| ids.contains(&arg.get_id().as_str()));
        one.args(hidden.map(|arg| arg.clone().hide(true)))
    })
}

fn meaningless(name: &str) -> &'static [&'static str] {
    MEANINGLESS.iter().find(|(known, _)| *known == name).map_or(&[], |(_, ids)| ids)
}

/// Refuses a common option that was typed for a command to which it means nothing.
///
/// # Errors
/// Names both.
pub fn check(matches: &ArgMatches) -> Result<(), Error> {
    let Some((name, _)) = matches.subcommand() else { return Ok(()) };
    match meaningless(name).iter().find(|id| matches.value_source(id) == Some(ValueSource::CommandLine)) {
        Some(id) => {
            let mut command = command();
            command.build();
            let told = format!("`--{id}` means nothing to `portcullis {name}`: leave it out");
            let of_it = command.find_subcommand_mut(name);
            Err(match of_it {
                Some(one) => one.error(ErrorKind::UnknownArgument, told),
                None => command.error(ErrorKind::UnknownArgument, told),
            })
        }
        None => Ok(()),
    }
}

/// Parses a whole line, the program's name first.
///
/// # Errors
/// It cannot be typed, or it asks for help.
pub fn parse<T: Into<std::ffi::OsString> + Clone>(words: impl IntoIterator<Item = T>) -> Result<Cli, Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(words)?;
    check(&matches)?;
    clap::FromArgMatches::from_arg_matches(&matches)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_refused_wherever_it_stands_and_hidden_and_the_rest_is_taken() {
        let args = |name: &str| match name {
            "revoke" => "revoke a b --because c",
            "expect" => "expect a 1 --until 2h",
            "import" => "import a",
            "schema" => "schema policy",
            "completions" => "completions zsh",
            _ => "",
        };
        let value = |id: &str| if id == "format" { "json" } else { "x" };
        let names: Vec<String> = command().get_subcommands().map(|one| one.get_name().to_owned()).collect();
        assert!(MEANINGLESS.iter().all(|(name, _)| names.iter().any(|known| known == name)));
        for name in &names {
            let line = Some(args(name)).filter(|line| !line.is_empty()).unwrap_or(name);
            let help = parse(["portcullis", name, "--help"]).unwrap_err().to_string();
            for id in ["config", "policies", "people", "target", "format"] {
                let heeded = !meaningless(name).contains(&id);
                for typed in [format!("--{id} {} {line}", value(id)), format!("{line} --{id} {}", value(id))] {
                    let parsed = parse(std::iter::once("portcullis").chain(typed.split(' ')));
                    assert_eq!(parsed.is_ok(), heeded, "{typed}: {parsed:?}");
                    let Err(error) = parsed else { continue };
                    assert!(error.use_stderr(), "{typed}");
                    assert!(error.to_string().contains(&format!("`--{id}` means nothing to `portcullis {name}`")));
                }
                assert_eq!(help.contains(&format!("--{id} <")), heeded, "{name} {id}\n{help}");
            }
        }
    }
}
