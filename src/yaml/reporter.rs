//! Collects what is wrong with one file.

use std::cell::OnceCell;

use super::{Mark, Marked, Problem, problem::Excerpt, shown};

/// Problems of one file that are kept; of more only the number is told.
pub const MAX_PROBLEMS: usize = 1_000;

/// Problems of one file for which the nearest known name is looked for: past these, names are wrong for another reason than
/// a slip, and to look through everybody for each of them would take its time.
const MAX_SUGGESTIONS: usize = 100;

/// Collects problems of one file. Messages may quote text of the file: they are neutralized here.
#[derive(Debug)]
pub struct Reporter<'a> {
    name: String,
    source: &'a str,
    show_lines: bool,
    problems: Vec<Problem>,
    unkept: usize,
    /// Where each line begins, found when it is first asked for.
    lines: OnceCell<Vec<u32>>,
}

impl<'a> Reporter<'a> {
    /// For a file with this name and text. Without `show_lines` no line of the text is ever rendered.
    pub fn new(name: &str, source: &'a str, show_lines: bool) -> Self {
        let name = shown::neutral(name).replace('\n', "\\n");
        Self { name, source, show_lines, problems: Vec::new(), unkept: 0, lines: OnceCell::new() }
    }

    /// The file's name, neutralized.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands at a place of the file, as it is written.
    pub(super) fn raw(&self, at: Mark) -> &'a str {
        let start = at.offset as usize;
        self.source.get(start..start + at.length as usize).unwrap_or("")
    }

    /// Whether anything was reported.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// How many problems were reported so far.
    pub fn count(&self) -> usize {
        self.problems.len() + self.unkept
    }

    /// Whether a further problem is only counted.
    pub fn is_full(&self) -> bool {
        self.problems.len() >= MAX_PROBLEMS
    }

    /// Whether it is worth looking for the name that is nearest to a wrong one.
    pub fn may_suggest(&self) -> bool {
        self.problems.len() < MAX_SUGGESTIONS
    }

    /// Counts problems that nobody put into words.
    pub fn count_unkept(&mut self, problems: usize) {
        self.unkept += problems;
    }

    /// Reports a problem.
    pub fn report(&mut self, at: impl Marked, message: impl Into<String>) {
        self.add(at.mark(), message.into(), None, self.show_lines);
    }

    /// Reports a problem and what to do about it.
    pub fn report_with(&mut self, at: impl Marked, message: impl Into<String>, hint: impl Into<String>) {
        self.add(at.mark(), message.into(), Some(hint.into()), self.show_lines);
    }

    /// Reports a problem without showing its line, which may hold a credential.
    pub fn report_unseen(&mut self, at: impl Marked, message: impl Into<String>, hint: Option<String>) {
        self.add(at.mark(), message.into(), hint, false);
    }

    /// Reports a problem of the whole file.
    pub fn report_file(&mut self, message: impl Into<String>, hint: Option<String>) {
        self.add(Mark::default(), message.into(), hint, false);
    }

    /// The place of a line: from its first character that is no blank to its end.
    pub fn line_mark(&self, line: u32) -> Mark {
        let lines = self.lines.get_or_init(|| {
            let ends = self.source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| small(at + 1))).collect()
        });
        let start = (line as usize).checked_sub(1).and_then(|index| lines.get(index)).map(|&start| start as usize);
        let rest = start.and_then(|start| self.source.get(start..)).filter(|rest| !rest.is_empty());
        let (Some(start), Some(rest)) = (start, rest) else { return Mark { line, ..Mark::default() } };
        let body = rest.split('\n').next().unwrap_or("").trim_end();
        let blanks = body.len() - body.trim_start().len();
        Mark { line, column: small(blanks + 1), offset: small(start + blanks), length: small(body.len() - blanks) }
    }

    /// Every problem, in the order of the file.
    pub fn into_problems(mut self) -> Vec<Problem> {
        if self.unkept > 0 {
            let message = format!("{} further problems of this file are not shown", self.unkept);
            self.problems.push(Problem::after_all(self.name, message));
        }
        self.problems.sort();
        self.problems
    }

    fn add(&mut self, at: Mark, message: String, hint: Option<String>, show_line: bool) {
        if self.is_full() {
            self.unkept += 1;
            return;
        }
        let message = shown::neutral(&message).into_owned();
        let hint = hint.map(|hint| shown::neutral(&hint).into_owned());
        let excerpt = if show_line && at.line > 0 { Excerpt::around(self.source, at) } else { None };
        self.problems.push(Problem {
            file: self.name.clone(),
            line: at.line,
            column: at.column,
            message,
            hint,
            excerpt,
        });
    }
}

/// A size of a text whose length fits into 32 bits.
pub(super) fn small(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
