//! From what was typed to what it means: paths, colours, formats, times and stated numbers.
//!
//! Pure: the surroundings come in as a value, so that every rule here has a test.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Span, Timestamp, civil::Date, tz::TimeZone};

use super::{
    args::{ColorChoice, Format, Global, LogFormat},
    failure::{Failure, Result},
};
use crate::access::Text;

/// What a command may know of its surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surroundings {
    /// Whether standard input is a terminal.
    pub stdin_is_terminal: bool,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// Whether `NO_COLOR` is set and not empty, or `TERM` is `dumb`.
    pub no_colour: bool,
    /// The terminal's width, where there is one.
    pub width: Option<u16>,
    /// The time.
    pub now: Timestamp,
}

/// What every command works with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// The operator's file.
    pub config: PathBuf,
    /// The policy root, where the command line names another one than the file.
    pub policies: Option<PathBuf>,
    /// The people file, likewise.
    pub people: Option<PathBuf>,
    /// Only these targets; empty: all.
    pub targets: Vec<Text>,
    /// How the result is written.
    pub format: Format,
    /// How the log is written.
    pub log_format: LogFormat,
    /// How often `-v` was given.
    pub verbosity: u8,
    /// Whether the result has colours.
    pub colour: bool,
    /// Whether talk on standard error has colours.
    pub talk_colour: bool,
    /// Where to wrap; 0: nowhere.
    pub width: usize,
    /// Whether a person can be asked: both ends of the talk are at a terminal.
    pub can_ask: bool,
    /// Whether a progress bar may be drawn.
    pub progress: bool,
    /// The time at which the command began.
    pub now: Timestamp,
}

impl Context {
    /// What the common arguments mean here.
    pub fn resolve(global: Global, around: Surroundings) -> Self {
        let coloured = |is_terminal: bool| match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !around.no_colour,
        };
        let at_terminal = around.stdout_is_terminal && global.format == Format::Text;
        Self {
            colour: global.format == Format::Text && coloured(around.stdout_is_terminal),
            talk_colour: coloured(around.stderr_is_terminal),
            width: if at_terminal { around.width.map_or(100, usize::from) } else { 0 },
            can_ask: around.stdin_is_terminal && around.stderr_is_terminal,
            progress: around.stderr_is_terminal && global.log_format == LogFormat::Text && global.verbose == 0,
            config: global.config,
            policies: global.policies,
            people: global.people,
            targets: global.target.into_iter().map(Text::from).collect(),
            format: global.format,
            log_format: global.log_format,
            verbosity: global.verbose,
            now: around.now,
        }
    }

    /// Fails where `--target` names something that the configuration does not have.
    ///
    /// # Errors
    /// Names it, and what there is.
    pub fn check_targets<'a>(&self, known: impl Iterator<Item = &'a Text> + Clone) -> Result<()> {
        for wanted in &self.targets {
            check_target(wanted, known.clone(), &self.config)?;
        }
        Ok(())
    }
}

/// Fails where a name is no target of the configuration.
///
/// # Errors
/// Names it, and what there is.
pub fn check_target<'a>(wanted: &str, known: impl Iterator<Item = &'a Text> + Clone, config: &Path) -> Result<()> {
    if known.clone().any(|name| name == wanted) {
        return Ok(());
    }
    let names: Vec<&str> = known.map(Text::as_str).collect();
    Err(Failure::new(format!("{} has no target `{wanted}`", config.display()))
        .hint(format!("its targets are: {}", names.join(", "))))
}

/// `TARGET=N`, as a refusal prints it.
///
/// # Errors
/// Says how it is written.
pub fn stated_number(typed: &str) -> std::result::Result<(Text, u32), String> {
    let wrong = || "write it as the refusal prints it: TARGET=NUMBER, for instance s2-production=28".to_owned();
    let (target, number) = typed.rsplit_once('=').ok_or_else(wrong)?;
    if target.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    Ok((target.into(), number.parse().map_err(|_| wrong())?))
}

/// A wait as its seconds (`90`) or as a span (`90s`, `2m`).
///
/// # Errors
/// Says how it is written.
pub fn seconds(typed: &str) -> std::result::Result<u64, String> {
    let wrong = || "write seconds, or a span: 90, 90s, 2m".to_owned();
    if let Ok(seconds) = typed.parse() {
        return Ok(seconds);
    }
    let span: SignedDuration = typed.parse().map_err(|_| wrong())?;
    u64::try_from(span.as_secs()).ok().filter(|_| span.subsec_nanos() == 0).ok_or_else(wrong)
}

/// A time in the future: `2026-12-24T18:00:00Z`, a date (its end in UTC), or a span from now (`2h`).
///
/// # Errors
/// Says what is taken, or that the time has passed.
pub fn until(typed: &str, now: Timestamp) -> Result<Timestamp> {
    let at = time(typed, now, 1)?;
    if at <= now {
        return Err(
            Failure::new(format!("`{typed}` has passed already")).hint("name a time in the future, or a span like 2h")
        );
    }
    Ok(at)
}

/// A time in the past: the same forms; a date is its beginning, a span counts back.
///
/// # Errors
/// Says what is taken.
pub fn since(typed: &str, now: Timestamp) -> Result<Timestamp> {
    time(typed, now, -1)
}

fn time(typed: &str, now: Timestamp, direction: i64) -> Result<Timestamp> {
    let wrong = || {
        Failure::new(format!("`{typed}` is no time"))
            .hint("write 2026-12-24T18:00:00Z, 2026-12-24, or a span: 90m, 36h, 2d")
    };
    if let Ok(at) = typed.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(date) = typed.parse::<Date>() {
        let day = if direction > 0 { date.tomorrow().map_err(|_| wrong())? } else { date };
        return Ok(day.to_zoned(TimeZone::UTC).map_err(|_| wrong())?.timestamp());
    }
    let span: Span = typed.parse().map_err(|_| wrong())?;
    if span.is_negative() {
        return Err(wrong());
    }
    // Days are taken as 24 hours: a terminal has no time zone to be trusted.
    let zoned = now.to_zoned(TimeZone::UTC);
    let moved = if direction > 0 { zoned.checked_add(span) } else { zoned.checked_sub(span) };
    // Whole seconds: nobody announces a fraction.
    jiff::Timestamp::from_second(moved.map_err(|_| wrong())?.timestamp().as_second()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use jiff::Timestamp;

    use super::{Context, Surroundings, seconds, since, stated_number, until};
    use crate::cli::args::Cli;

    fn now() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn terminal() -> Surroundings {
        Surroundings {
            stdin_is_terminal: true,
            stdout_is_terminal: true,
            stderr_is_terminal: true,
            no_colour: false,
            width: Some(80),
            now: now(),
        }
    }

    fn resolved(line: &[&str], around: Surroundings) -> Context {
        let words = ["portcullis"].into_iter().chain(line.iter().copied()).chain(["plan"]);
        Context::resolve(Cli::try_parse_from(words).unwrap().global, around)
    }

    #[test]
    fn colour_is_for_terminals_unless_said_otherwise() {
        assert!(resolved(&[], terminal()).colour);
        assert!(!resolved(&[], Surroundings { no_colour: true, ..terminal() }).colour);
        assert!(!resolved(&[], Surroundings { stdout_is_terminal: false, ..terminal() }).colour);
        assert!(resolved(&["--color", "always"], Surroundings { no_colour: true, ..terminal() }).colour);
        assert!(!resolved(&["--color", "never"], terminal()).colour);
        assert!(!resolved(&["--format", "json", "--color", "always"], terminal()).colour, "data has no colours");
    }

    #[test]
    fn nobody_is_asked_and_nothing_is_drawn_away_from_a_terminal() {
        assert!(resolved(&[], terminal()).can_ask);
        assert!(!resolved(&[], Surroundings { stdin_is_terminal: false, ..terminal() }).can_ask);
        let piped = Surroundings { stderr_is_terminal: false, ..terminal() };
        assert!(!resolved(&[], piped).can_ask && !resolved(&[], piped).progress);
        assert!(!resolved(&["--log-format", "json"], terminal()).progress);
    }

    #[test]
    fn numbers_are_stated_as_the_refusal_prints_them() {
        assert_eq!(stated_number("s2=28"), Ok(("s2".into(), 28)));
        for wrong in ["s2", "=3", "s2=", "s2=+3", "s2=-1", "s2=3.0", "s2=99999999999"] {
            assert!(stated_number(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_wait_is_seconds_or_a_span() {
        for (typed, meant) in [("3", 3), ("3s", 3), ("2m", 120), ("1h 30m", 5400), ("0", 0)] {
            assert_eq!(seconds(typed), Ok(meant), "{typed}");
        }
        for wrong in ["", "-3", "-3s", "soon", "500ms", "3 4"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_instants_dates_or_spans() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(until("2026-11-22", now()).unwrap(), at("2026-11-23T00:00:00Z"), "a date is its end");
        assert_eq!(since("2026-11-20", now()).unwrap(), at("2026-11-20T00:00:00Z"), "or its beginning");
        assert_eq!(until("2h", now()).unwrap(), at("2026-11-21T14:00:00Z"));
        assert_eq!(since("2d", now()).unwrap(), at("2026-11-19T12:00:00Z"));
        assert!(until("2026-11-20", now()).is_err(), "has passed");
        assert!(until("soon", now()).is_err() && until("-2h", now()).is_err());
    }
}
