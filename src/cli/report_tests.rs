//! What a report shows.

use super::{Calls, REPORT_VERSION, Report};
use crate::{
    apply::TargetOutcome,
    cli::Exit,
    plan::render::{COMMENT_LIMIT, document, neutral},
};

/// An outcome as its own document form gives it: some of its fields are private to what carries plans out.
fn outcome() -> TargetOutcome {
    let row = |id: &str, end: &str, confirmed: bool, detail: &str| {
        serde_json::json!({
            "kind": "access_token", "id": id, "title": id, "cause": "undeclared", "end": end, "confirmed": confirmed,
            "detail": detail, "remarks": ["may still work until 12:10"], "intent": "i1", "overdue": false,
        })
    };
    serde_json::from_value(serde_json::json!({
        "target": "s2-production",
        "resumed": [row("service/earlier", "gone", true, "")],
        "rows": [
            row("service/a", "done", true, ""),
            row("x\u{1b}[2J\u{202e}`@anna`", "refused", false, "403: no right <b>"),
            row("service/c", "unknown", false, "the connection broke"),
        ],
        "read_back_failed": null, "stopped": true, "journal_failed": null,
    }))
    .unwrap()
}

fn report() -> Report {
    Report {
        version: REPORT_VERSION,
        problems: Vec::new(),
        spared_problems: false,
        plan: None,
        outcomes: vec![outcome()],
        calls: vec![Calls { target: "s2-production".into(), requests: 12, retries: 1, remaining: Some(88) }],
        errors: vec!["the lock of s2-staging is held by process 7".to_owned()],
        remarks: Vec::new(),
        declined: false,
        exit: Exit::Partial,
    }
}

#[test]
fn every_row_has_its_end_and_the_last_line_counts_them() {
    insta::assert_snapshot!(report().text(false));
}

#[test]
fn no_output_has_a_raw_unsafe_character_and_markdown_fits() {
    let mut report = report();
    let mut problem = crate::yaml::Problem::of_file("policies/a\u{202e}.yaml", "no `@anna`", None);
    (problem.line, problem.column) = (3, 7);
    report.problems.push(problem);
    assert!(report.markdown(COMMENT_LIMIT).contains("yaml:3:7"), "a comment names the broken file");
    for output in [report.text(false), report.markdown(COMMENT_LIMIT), document(&report)] {
        assert!(!output.chars().any(|c| c != '\n' && neutral::is_unsafe(c)), "{output}");
    }
    assert!(report.markdown(500).len() <= 500);
    assert!(report.markdown(500).contains("Left out"));
    assert!(!report.markdown(COMMENT_LIMIT).contains("@anna"));
}

#[test]
fn the_document_has_the_exit_code_as_a_number() {
    let value: serde_json::Value = serde_json::from_str(&document(&report())).unwrap();
    assert_eq!(value["exit"], 4);
    assert_eq!(value["outcomes"][0]["rows"][0]["end"], "done");
}
