//! What is live against what is declared, as a unified diff.

use similar::{ChangeTag, TextDiff};

use super::neutral;
use crate::plan::Row;

/// Which diffs are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Diffs {
    /// None.
    None,
    /// Of entries that are both live and declared, and differ.
    #[default]
    Compared,
    /// Of these, and of entries of which only one side is there.
    All,
}

/// One line of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Only live.
    Live,
    /// Only declared.
    Declared,
    /// Both.
    Same,
    /// A part that is the same in both was left out before this line.
    Hunk,
}

/// Equal lines that are shown around a difference.
const CONTEXT: usize = 3;

impl Sign {
    /// What stands before the line.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Live => "-",
            Self::Declared => "+",
            Self::Same => " ",
            Self::Hunk => "",
        }
    }
}

/// The lines of a row's diff, from what is live to what is declared, neutralized; empty where nothing differs or where
/// `which` leaves it out.
pub fn lines(row: &Row, which: Diffs) -> Vec<(Sign, String)> {
    let one_sided = row.live.is_empty() || row.declared.is_empty();
    if which == Diffs::None || (which == Diffs::Compared && one_sided) || row.live == row.declared {
        return Vec::new();
    }
    let diff = TextDiff::from_lines(row.live.as_str(), row.declared.as_str());
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push((Sign::Hunk, hunk.header().to_string()));
        for change in hunk.iter_changes() {
            let sign = match change.tag() {
                ChangeTag::Delete => Sign::Live,
                ChangeTag::Insert => Sign::Declared,
                ChangeTag::Equal => Sign::Same,
            };
            lines.push((sign, neutral::line(change.value().trim_end_matches('\n'))));
        }
    }
    lines
}
