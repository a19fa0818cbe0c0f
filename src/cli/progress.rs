//! What is under way, on standard error: a bar at a terminal, the log elsewhere. Talk, not data.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::resolve::Context;
use crate::{
    apply::{Event, Progress, Quiet},
    plan::render::{count, neutral},
};

/// Who hears of it here.
pub fn listener(context: &Context) -> Box<dyn Progress> {
    if context.progress {
        Box::new(Bar::new())
    } else if context.verbosity > 0 {
        Box::new(Log)
    } else {
        Box::new(Quiet)
    }
}

/// A bar over all rows that are sent, with what happened last beside it.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::new(0);
        // The template is ours: should it ever be wrong, the plain style does.
        let style = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }
}

impl Progress for Bar {
    fn tell(&self, event: &Event<'_>) {
        match event {
            Event::Sending { rows, .. } => self.0.inc_length(*rows as u64),
            Event::Row { .. } => self.0.inc(1),
            _ => {}
        }
        self.0.set_message(neutral::line(&sentence(event)));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A line of the log for each event.
struct Log;

impl Progress for Log {
    fn tell(&self, event: &Event<'_>) {
        tracing::info!("{}", sentence(event));
    }
}

fn sentence(event: &Event<'_>) -> String {
    match event {
        Event::Locking { target } => format!("{target}: waiting for its lock"),
        Event::Reading { target } => format!("{target}: reading"),
        Event::Read { target, entries } => format!("{target}: read {}", count(*entries as u64, "entry", "entries")),
        Event::Unreadable { target, what } => format!("{target}: unreadable: {what}"),
        Event::Settling { target, open } => {
            format!("{target}: settling {} of earlier runs", count(*open as u64, "removal", "removals"))
        }
        Event::Sending { target, rows } => format!("{target}: sending {}", count(*rows as u64, "removal", "removals")),
        Event::Row { target, outcome } => {
            format!("{target}: {} {} {}", outcome.end.name().replace('_', " "), outcome.kind, outcome.title)
        }
        Event::ReadingBack { target } => format!("{target}: reading back"),
    }
}
