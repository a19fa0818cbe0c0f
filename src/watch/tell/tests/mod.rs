//! What people are told, how often, and what no receiver can do to the others.

mod deliveries;
mod golden;
mod programs;
mod sending;

use crate::{config::NotifyOn, watch::News};

/// News of a target.
pub(super) fn news(on: NotifyOn, subject: &str, state: &str) -> News {
    News {
        at: "2026-11-21T10:00:00Z".parse().unwrap(),
        on,
        target: Some("s2-production".into()),
        subject: subject.into(),
        state: state.into(),
        title: format!("{subject} is {state}"),
        lines: vec!["one line".to_owned()],
        lines_left_out: 0,
        commit: None,
    }
}
