//! The plan as a document for programs.
//!
//! The document is the plan itself, with its version; what a saved plan holds and what `plan --format json` prints are the
//! same bytes.

use super::neutral;
use crate::plan::Plan;

/// The plan as a JSON document, with a line break at its end.
pub fn json(plan: &Plan) -> String {
    document(plan)
}

/// Any value of ours as a JSON document for standard output: indented, unsafe characters escaped.
pub fn document<T: serde::Serialize>(value: &T) -> String {
    // Our types have no maps with keys other than text and no failing implementation; should one ever come, the error
    // itself is the document.
    let text = serde_json::to_string_pretty(value)
        .unwrap_or_else(|error| serde_json::json!({ "error": error.to_string() }).to_string());
    let mut text = neutral::json(&text);
    text.push('\n');
    text
}
