//! The log, on standard error: lines for people, or one JSON object a line for whatever collects them.

use std::io;

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use super::{args::LogFormat, resolve::Context, terminal};
use crate::plan::render::neutral;

/// The environment variable that takes a filter of the log, for instance `portcullis=debug`.
pub const LOG_ENV: &str = "PORTCULLIS_LOG";

/// Begins the log: warnings, with `-v` what is done, with `-vv` every request. The daemon, which shows no result of its own,
/// always tells what it does.
pub fn begin(context: &Context, is_daemon: bool) {
    terminal::talk_as(context.log_format);
    let level = match context.verbosity.saturating_add(u8::from(is_daemon)) {
        0 => "warn",
        1 => "portcullis=info,warn",
        2 => "portcullis=debug,warn",
        _ => "portcullis=trace,debug",
    };
    let filter = EnvFilter::try_from_env(LOG_ENV).unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Harmless(context.log_format));
    // A second log in one process (tests) is no error.
    let _ = match context.log_format {
        LogFormat::Text => log.with_ansi(false).with_target(false).try_init(),
        // Without the module: `target` is the account at a system here.
        LogFormat::Json => log.json().flatten_event(true).with_target(false).try_init(),
    };
}

/// Standard error, with every unsafe character of a record spelled out: names from APIs are in the log too.
struct Harmless(LogFormat);

impl<'a> MakeWriter<'a> for Harmless {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { format: self.0, record: Vec::new() }
    }
}

/// One record, written as a whole when it ends.
struct Line {
    format: LogFormat,
    record: Vec<u8>,
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.record.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.record);
        let text = text.trim_end_matches('\n');
        let safe = match self.format {
            LogFormat::Text => neutral::whole(text),
            LogFormat::Json => neutral::json(text),
        };
        let _ = io::Write::write_all(&mut io::stderr().lock(), format!("{safe}\n").as_bytes());
    }
}
