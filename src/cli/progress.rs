//! What is under way, on standard error: a bar at a terminal, the log elsewhere. Talk, not data.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::resolve::Context;
use crate::{
    apply::{Event, Progress},
    plan::render::{count, neutral},
};

/// What is said while a run is under way.
pub enum Talk {
    /// A bar over all rows that are sent, with what happened last beside it; absent while nothing is drawn.
    Bar(Mutex<Option<ProgressBar>>),
    /// A line of the log for each event.
    Log,
    /// Nothing.
    Quiet,
}

impl Talk {
    /// As the context has it.
    pub fn new(context: &Context) -> Self {
        match (context.progress, context.verbosity) {
            (true, _) => Self::Bar(Mutex::new(None)),
            (false, 1..) => Self::Log,
            (false, 0) => Self::Quiet,
        }
    }

    /// Takes the bar away; the next event draws a new one.
    pub fn make_room(&self) {
        if let Self::Bar(bar) = self
            && let Some(bar) = bar.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            bar.finish_and_clear();
        }
    }
}

impl Progress for Talk {
    fn tell(&self, event: &Event<'_>) {
        match self {
            Self::Quiet => {}
            Self::Log => tracing::info!("{}", sentence(event)),
            Self::Bar(bar) => {
                let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
                let bar = bar.get_or_insert_with(draw);
                match event {
                    Event::Sending { rows, .. } => bar.inc_length(*rows as u64),
                    Event::Row { .. } => bar.inc(1),
                    _ => {}
                }
                bar.set_message(neutral::line(&sentence(event)));
            }
        }
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        self.make_room();
    }
}

fn draw() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // The template is ours: should it ever be wrong, the plain style does.
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
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
        Event::Waiting { awaited, .. } => {
            let names: Vec<&str> = awaited.iter().map(AsRef::as_ref).collect();
            format!("waiting for the first readings of {}", names.join(", "))
        }
        Event::Sending { target, rows } => format!("{target}: sending {}", count(*rows as u64, "removal", "removals")),
        Event::Row { target, outcome } => {
            format!("{target}: {} {} {}", outcome.end.name(), outcome.kind, outcome.title)
        }
        Event::ReadingBack { target } => format!("{target}: reading back"),
    }
}
