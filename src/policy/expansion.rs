//! What people, groups and several targets make of a few lines: counted, so that no file becomes more than fits.
//!
//! What is written out is bounded by the size of the files. An item that names a group, or stands in a file of several
//! targets, is many; how many is only known here, and asked before any of them is made.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    access::{Region, Value},
    yaml::{Marked, Reporter},
};

/// The items that people, groups and several targets may add to those that one file writes out.
pub const MAX_ADDED_BY_FILE: u64 = 500_000;

/// The same for all files together.
pub const MAX_ADDED: u64 = 2_000_000;

/// An item with long texts counts once more for each of so many bytes.
const BYTES_A_COUNT: u64 = 256;

/// What all files together added so far.
#[derive(Debug, Default)]
pub struct AllFiles(AtomicU64);

/// What one file added so far.
#[derive(Debug)]
pub struct Expansion<'c> {
    all: &'c AllFiles,
    targets: Cell<u64>,
    added: Cell<u64>,
    told: Cell<bool>,
}

impl<'c> Expansion<'c> {
    /// For one file.
    pub fn new(all: &'c AllFiles) -> Self {
        Self { all, targets: Cell::new(1), added: Cell::new(0), told: Cell::new(false) }
    }

    /// What follows stands for so many targets.
    pub fn for_targets(&self, targets: usize) {
        self.targets.set(targets as u64);
    }

    /// How many items were added.
    pub fn added(&self) -> u64 {
        self.added.get()
    }

    /// Whether a group of so many members may be looked through.
    pub fn group(&self, members: usize, at: impl Marked, reporter: &mut Reporter<'_>) -> bool {
        self.add(members as u64, at, reporter)
    }

    /// Whether an item with these values may stand for so many holders, at each of the targets. The members of groups were
    /// counted when these were looked through.
    pub fn item(&self, holders: usize, values: &[Value], at: impl Marked, reporter: &mut Reporter<'_>) -> bool {
        let holders = holders as u64;
        let all = holders.saturating_mul(self.targets.get());
        if all <= 1 {
            return true;
        }
        let long = values.iter().map(bytes).sum::<u64>() / BYTES_A_COUNT;
        self.add((all - holders).saturating_add(all.saturating_mul(long)), at, reporter)
    }

    fn add(&self, items: u64, at: impl Marked, reporter: &mut Reporter<'_>) -> bool {
        let added = self.added.get().saturating_add(items);
        if added > MAX_ADDED_BY_FILE {
            if !self.told.replace(true) {
                let message = format!(
                    "with this, people, groups and several targets add more than {MAX_ADDED_BY_FILE} items to what the \
                     file writes out"
                );
                reporter.report_with(at, message, "name smaller groups, or split the file");
            }
            return false;
        }
        self.added.set(added);
        // Which files still had room depends on the threads; that some had none does not, and refuses all of them.
        self.all.0.fetch_add(items, Ordering::Relaxed).saturating_add(items) <= MAX_ADDED
    }
}

fn bytes(value: &Value) -> u64 {
    match value {
        Value::Absent | Value::Bool(_) | Value::Object(_) | Value::Objects(_) => 0,
        Value::Text(text) | Value::Region(Region::Exact(text) | Region::Prefix(text)) => text.len() as u64,
        Value::Set(words) => words.iter().map(|word| word.len() as u64 + 1).sum(),
        Value::Record(values) => values.iter().map(bytes).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Mark;

    #[test]
    fn what_stands_once_adds_nothing_and_past_the_room_of_all_files_nothing_is_made() {
        let all = AllFiles(AtomicU64::new(MAX_ADDED - 5));
        let (one, mut reporter) = (Expansion::new(&all), Reporter::new("f", "", false));
        assert!(one.item(1, &[], Mark::default(), &mut reporter));
        assert!(one.group(5, Mark::default(), &mut reporter));
        assert!(one.item(5, &[], Mark::default(), &mut reporter), "what is written out, or counted, has room");
        assert!(!one.group(1, Mark::default(), &mut reporter));
        assert_eq!((one.added(), reporter.count()), (6, 0), "that is told of all files together");
        one.for_targets(3);
        assert!(!one.item(1, &[], Mark::default(), &mut reporter));
        assert_eq!(one.added(), 8);
        assert!(!one.group(usize::MAX, Mark::default(), &mut reporter));
        assert!(!one.group(usize::MAX, Mark::default(), &mut reporter));
        assert_eq!((one.added(), reporter.count()), (8, 1), "told once");
    }
}
