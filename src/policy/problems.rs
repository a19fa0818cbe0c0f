//! What is wrong with all files together: kept up to a number, counted past it.

use std::collections::{BTreeMap, HashMap};

use crate::{
    access::Text,
    yaml::{Problem, Reporter, quoted},
};

use super::{Place, Source, TargetPolicy, merge};

/// Problems of all files together that are kept; of more only the number is told.
pub const MAX_PROBLEMS: usize = 5_000;

/// Problems on their way out.
#[derive(Default)]
pub struct Problems {
    kept: Vec<Problem>,
    unkept: usize,
}

impl Problems {
    /// Whether a further one is only counted.
    pub fn is_full(&self) -> bool {
        self.kept.len() >= MAX_PROBLEMS
    }

    /// Takes more in; `unkept` of them nobody put into words.
    pub fn take(&mut self, mut problems: Vec<Problem>, unkept: usize) {
        let room = MAX_PROBLEMS.saturating_sub(self.kept.len());
        self.unkept += unkept + problems.len().saturating_sub(room);
        problems.truncate(room);
        self.kept.append(&mut problems);
    }

    /// In order, with the number of those that are not kept.
    pub fn finish(mut self) -> Vec<Problem> {
        self.kept.sort();
        self.kept.dedup();
        if let Some(last) = self.kept.last().filter(|_| self.unkept > 0) {
            let message = format!("{} further problems, here and in other files, are not shown", self.unkept);
            let told = Problem::after_all(&last.file, message);
            self.kept.push(told);
        }
        self.kept
    }
}

/// Conflicts of all targets by the file in which the second declaration stands.
#[derive(Default)]
pub struct Conflicts {
    by_file: BTreeMap<Text, Vec<OfFile>>,
}

/// A conflict as its file tells it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct OfFile {
    line: u32,
    field: &'static str,
    key: Text,
    /// The file and the line of the first declaration.
    first: (Text, u32),
}

impl Conflicts {
    /// Takes in what one target's declarations do not agree in.
    pub fn take(&mut self, conflicts: Vec<merge::Conflict>, policy: &TargetPolicy) {
        let name =
            |place: Place| policy.files.get(place.file as usize).map(|file| file.name.clone()).unwrap_or_default();
        for merge::Conflict { field, key, first, second } in conflicts {
            let of_file = self.by_file.entry(name(second)).or_default();
            of_file.push(OfFile { line: second.line, field, key, first: (name(first), first.line) });
        }
    }

    /// Tells them: each file is looked at once, however many it has, and the same at several targets is told once.
    pub fn report(self, files: &[Source<'_>], problems: &mut Problems) {
        let sources: HashMap<&str, &Source<'_>> = files.iter().map(|source| (source.name, source)).collect();
        for (name, mut conflicts) in self.by_file {
            conflicts.sort_unstable();
            conflicts.dedup();
            if problems.is_full() {
                problems.take(Vec::new(), conflicts.len());
                continue;
            }
            let empty = Source { name: &name, bytes: &[] };
            let mut reporter = reporter(sources.get(name.as_str()).copied().unwrap_or(&empty));
            for (told, conflict) in conflicts.iter().enumerate() {
                let OfFile { line, field, key, first: (first, first_line) } = conflict;
                if reporter.is_full() {
                    reporter.count_unkept(conflicts.len() - told);
                    break;
                }
                let at = reporter.line_mark(*line);
                let key = quoted(key);
                reporter.report_with(
                    at,
                    format!("{key} is declared twice with different `{field}`: first at {first}:{first_line}"),
                    "make them equal, or keep one of them",
                );
            }
            problems.take(reporter.into_problems(), 0);
        }
    }
}

/// For problems that are found after a file was read.
pub fn reporter<'a>(source: &Source<'a>) -> Reporter<'a> {
    let text = std::str::from_utf8(source.bytes).unwrap_or("");
    Reporter::new(source.name, text.strip_prefix('\u{feff}').unwrap_or(text), true)
}
