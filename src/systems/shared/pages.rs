//! The checks that hold for every list walked page by page: nothing twice, nothing endless, totals met.

use std::{collections::HashSet, fmt::Display};

use crate::{
    access::Text,
    wire::{Fault, Unreadable},
};

/// The most pages that one list may have: 10 million rows at 100 a page. More is taken for a list that never ends.
pub const MAX_PAGES: u32 = 100_000;

/// The bookkeeping of one list. A breach that a change in the middle of the reading explains is [`Fault::Shifted`], any other
/// [`Fault::Incomplete`].
#[derive(Debug)]
pub struct Pages {
    list: &'static str,
    pages: u32,
    rows: u64,
    cursors: HashSet<String>,
    ids: HashSet<Text>,
}

impl Pages {
    /// For a list that people call so: `access states`.
    pub fn of(list: &'static str) -> Self {
        Self { list, pages: 0, rows: 0, cursors: HashSet::new(), ids: HashSet::new() }
    }

    /// Takes a page in.
    ///
    /// # Errors
    /// It has more rows than were asked for, or it is one page too many.
    pub fn page(&mut self, rows: usize, limit: usize) -> Result<(), Unreadable> {
        self.pages = self.pages.saturating_add(1);
        self.rows = self.rows.saturating_add(rows as u64);
        if rows > limit {
            return self.incomplete(format!("a page has {rows} rows where at most {limit} were asked for"));
        }
        if self.pages > MAX_PAGES {
            return self.incomplete(format!("it did not end after {MAX_PAGES} pages"));
        }
        Ok(())
    }

    /// Takes a row's id in.
    ///
    /// # Errors
    /// It was there before, or it is empty.
    pub fn id(&mut self, id: &Text) -> Result<(), Unreadable> {
        if id.is_empty() {
            return self.incomplete("a row has an empty id".to_owned());
        }
        if !self.ids.insert(id.clone()) {
            return Err(self.shifted(format!("the id {id:?} came twice")));
        }
        Ok(())
    }

    /// Takes the mark of the next page in.
    ///
    /// # Errors
    /// It was there before, or it is empty.
    pub fn cursor(&mut self, cursor: &str) -> Result<(), Unreadable> {
        if cursor.is_empty() {
            return self.incomplete("the mark of the next page is empty".to_owned());
        }
        if !self.cursors.insert(cursor.to_owned()) {
            return self.incomplete("the mark of the next page repeats".to_owned());
        }
        Ok(())
    }

    /// Compares the total that the API tells with what was collected.
    ///
    /// # Errors
    /// They differ.
    pub fn total(&self, told: u64) -> Result<(), Unreadable> {
        if told != self.rows {
            return Err(self.shifted(format!("it has {} rows where the API tells of {told}", self.rows)));
        }
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Pages so far.
    pub fn pages(&self) -> u32 {
        self.pages
    }

    /// What was collected, in words: `26 in 1 page`.
    pub fn told(&self) -> String {
        let Self { rows, pages, .. } = self;
        format!("{rows} in {pages} {}", if *pages == 1 { "page" } else { "pages" })
    }

    /// An error that says that this list is not whole, and that another reading would not be either.
    pub fn fault(&self, what: impl Display) -> Unreadable {
        self.not_whole(Fault::Incomplete, what)
    }

    /// An error that says that this list is not whole since it changed while it was read.
    pub fn shifted(&self, what: impl Display) -> Unreadable {
        self.not_whole(Fault::Shifted, what)
    }

    fn not_whole(&self, fault: Fault, what: impl Display) -> Unreadable {
        Unreadable::new(fault, format!("the list of {} is not whole: {what}", self.list))
    }

    fn incomplete(&self, what: String) -> Result<(), Unreadable> {
        Err(self.fault(what))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_breach_names_the_list_and_tells_a_shift_from_a_broken_list() {
        let mut pages = Pages::of("things");
        pages.page(2, 2).unwrap();
        pages.id(&"a".into()).unwrap();
        pages.cursor("x").unwrap();
        pages.total(2).unwrap();
        assert_eq!(pages.told(), "2 in 1 page");
        let breaches = [
            (pages.id(&"a".into()), Fault::Shifted),
            (pages.total(3), Fault::Shifted),
            (pages.id(&"".into()), Fault::Incomplete),
            (pages.cursor("x"), Fault::Incomplete),
            (pages.cursor(""), Fault::Incomplete),
            (pages.page(3, 2), Fault::Incomplete),
        ];
        for (breach, fault) in breaches {
            let error = breach.unwrap_err();
            assert_eq!(error.fault, fault);
            assert!(error.what.contains("things"));
        }
    }

    #[test]
    fn a_list_that_never_ends_is_given_up() {
        let mut pages = Pages::of("things");
        assert!((0..MAX_PAGES).all(|_| pages.page(0, 1).is_ok()));
        assert!(pages.page(0, 1).is_err());
    }
}
