//! The metrics say what stands on the board, in a form that a strict reader takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use portcullis::serve::{Board, Health};

use crate::stage::{Stage, ago, board, calm, view};

/// A sample's name, its labels and its value.
pub type Sample = (String, BTreeMap<String, String>, f64);

/// Reads OpenMetrics text, and takes nothing that the specification does not allow.
pub fn parse(text: &str) -> Vec<Sample> {
    let body = text.strip_suffix("# EOF\n").expect("it ends with the end mark");
    let (mut samples, mut kinds, mut done) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
    let mut family = String::new();
    for line in body.lines() {
        if let Some(meta) = line.strip_prefix("# ") {
            let mut words = meta.splitn(3, ' ');
            let (what, name, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or_default());
            if name != family {
                assert!(done.insert(name.to_owned()), "the family {name} comes twice");
                name.clone_into(&mut family);
            }
            match what {
                "HELP" => assert!(!rest.is_empty(), "{name} has no help"),
                "TYPE" => drop(kinds.insert(name.to_owned(), rest.to_owned())),
                other => panic!("{other} in {line}"),
            }
            continue;
        }
        let (name, labels, value) = sample(line);
        let kind = kinds.get(&family).unwrap_or_else(|| panic!("{line} before its type"));
        let suffix = name.strip_prefix(&family).unwrap_or_else(|| panic!("{line} among {family}"));
        let fits = match kind.as_str() {
            "gauge" => suffix.is_empty(),
            "counter" => matches!(suffix, "_total" | "_created"),
            "histogram" => matches!(suffix, "_bucket" | "_count" | "_sum" | "_created"),
            "info" => suffix == "_info",
            other => panic!("the type {other}"),
        };
        assert!(fits, "{line} is no sample of a {kind}");
        assert_eq!(suffix == "_bucket", labels.contains_key("le"), "{line}");
        samples.push((name, labels, value));
    }
    let distinct: BTreeSet<_> = samples.iter().map(|(name, labels, _)| (name, labels)).collect();
    assert_eq!(distinct.len(), samples.len(), "no sample comes twice");
    samples
}

fn sample(line: &str) -> Sample {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    let Some((name, rest)) = series.split_once('{') else { return (series.to_owned(), BTreeMap::new(), value) };
    let mut rest = rest.strip_suffix('}').unwrap();
    let mut labels = BTreeMap::new();
    while !rest.is_empty() {
        let (label, quoted) = rest.split_once("=\"").unwrap();
        let (mut text, mut chars) = (String::new(), quoted.char_indices());
        let end = loop {
            match chars.next().unwrap() {
                (at, '"') => break at,
                (_, '\\') => match chars.next().unwrap().1 {
                    'n' => text.push('\n'),
                    c @ ('"' | '\\') => text.push(c),
                    c => panic!("the escape {c} in {line}"),
                },
                (_, c) => text.push(c),
            }
        };
        assert!(label.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{label}");
        assert!(labels.insert(label.to_owned(), text).is_none(), "{line}");
        rest = &quoted[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    (name.to_owned(), labels, value)
}

async fn scrape(board: Board) -> String {
    let stage = Stage::of(board).await;
    let answer = stage.get("/metrics").await;
    assert_eq!(answer.headers()["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    answer.text().await.unwrap()
}

fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let fits = |known: &&Sample| {
        known.0 == name && labels.iter().all(|(label, value)| known.1.get(*label).is_some_and(|found| found == value))
    };
    let mut found = samples.iter().filter(fits);
    let first = found.next().map(|sample| sample.2);
    assert!(found.next().is_none(), "{name} {labels:?} is not one sample");
    first
}

/// One sample of each family that keeps no order.
fn metered() -> Board {
    let board = board();
    let meters = board.meters();
    meters.run("s2-production", "complete", Duration::from_millis(250));
    meters.revocation("s2-production", "expired", "done");
    meters.due_lag("s2-production", Duration::from_millis(700));
    meters.refusal("accessowl-northlight", "share");
    meters.trigger("due");
    meters.calls("s2-production", 12);
    meters.notification(1, "slack", "sent");
    meters.notification(3, "slack", "failed");
    board
}

#[tokio::test]
async fn they_say_what_stands_on_the_board() {
    let board = metered();
    board.meters().run("s2-production", "failed", Duration::from_secs(700));
    let samples = parse(&scrape(board).await);
    let of = |name: &str, labels: &[(&str, &str)]| value(&samples, &format!("portcullis_{name}"), labels);
    let s2 = ("target", "s2-production");
    assert_eq!(of("reading_age_seconds", &[s2]), Some(125.0));
    assert_eq!(of("convergence_age_seconds", &[s2]), Some(7_500.0));
    assert_eq!(of("reading_age_seconds", &[("target", "s2-staging")]), Some(86_400.0), "as old as the daemon");
    assert_eq!(of("changes_waiting", &[s2, ("kind", "access_token"), ("cause", "expired")]), Some(1.0));
    assert_eq!(of("rows_held", &[s2, ("hold", "notice"), ("cause", "undeclared")]), Some(1.0));
    assert_eq!(of("rows_held", &[("target", "accessowl-northlight"), ("hold", "ceiling")]), Some(9.0));
    assert_eq!(of("findings", &[s2, ("finding", "in_flight")]), Some(1.0));
    assert_eq!(of("target_state", &[s2, ("state", "out_of_sync")]), Some(1.0));
    assert_eq!(of("target_state", &[s2, ("state", "in_sync")]), Some(0.0));
    assert_eq!(of("failures_in_a_row", &[("target", "buildkite-acme")]), Some(4.0));
    assert_eq!(of("rate_limit_remaining", &[s2]), Some(4_990.0));
    assert_eq!(of("guard_refusing", &[("guard", "share")]), Some(1.0));
    assert_eq!(of("guard_refusals_total", &[("guard", "share")]), Some(1.0));
    assert_eq!(of("revocations_total", &[s2, ("cause", "expired"), ("outcome", "done")]), Some(1.0));
    assert_eq!(of("calls_total", &[s2]), Some(12.0));
    assert_eq!(of("run_duration_seconds_count", &[s2, ("result", "complete")]), Some(1.0));
    assert_eq!(of("run_duration_seconds_sum", &[s2, ("result", "failed")]), Some(700.0));
    assert_eq!(of("due_lag_seconds_bucket", &[s2, ("le", "1.0")]), Some(1.0));
    assert_eq!(of("due_lag_seconds_bucket", &[s2, ("le", "0.5")]), Some(0.0));
    for flag in ["paused", "source_failing", "policy_problems", "journal_failing"] {
        assert_eq!(of(flag, &[]), Some(0.0), "{flag}");
    }
    assert_eq!(of("frozen", &[s2]), Some(0.0));
    assert_eq!(of("notifications_total", &[("receiver", "3"), ("to", "slack"), ("result", "failed")]), Some(1.0));
    assert_eq!(of("build_info", &[("version", env!("CARGO_PKG_VERSION"))]), Some(1.0));
}

#[tokio::test]
async fn their_form_is_kept() {
    let text = scrape(metered()).await;
    parse(&text);
    let steady = |line: &str| match line.split_once(' ') {
        Some(("portcullis_loop_age_seconds", _)) => "portcullis_loop_age_seconds [age]".to_owned(),
        _ => line.replace(env!("CARGO_PKG_VERSION"), "[version]"),
    };
    let mut lines: Vec<String> = text.lines().map(steady).collect();
    // Of a family of counters they come in no order.
    for family in ["portcullis_notifications_total", "portcullis_listener_denials_total"] {
        let first = lines.iter().position(|line| line.starts_with(family)).unwrap();
        let count = lines.iter().filter(|line| line.starts_with(family)).count();
        lines[first..first + count].sort();
    }
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn no_name_from_an_api_is_a_label() {
    let board = Board::new(ago(5));
    // The operator's own names may be strange, too.
    let target = "a \"quoted\"\\ target\nwith a line";
    let rows = vec![crate::stage::row(portcullis::plan::Status::Change, "access_token", "HOSTILE", "HOSTILE")];
    board.set_target(view(target, "s2", Health::OutOfSync, rows));
    board.set_target(calm("plain", "s2"));
    let text = scrape(board).await;
    assert!(!text.contains("HOSTILE"));
    assert_eq!(value(&parse(&text), "portcullis_changes_waiting", &[("target", target)]), Some(1.0));
}
