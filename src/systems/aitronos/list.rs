//! Lists walked by offset. Such a list shifts when rows come or go in between, so every page after the first begins with
//! the last row of the one before: a list that shifted shows there even where its totals still fit. It is then read again.

use crate::{
    access::Text,
    systems::shared::{Conversation, Heard, Pages, Rereads},
    wire::{Read, Unreadable},
};

/// Rows asked for at a time, the most that the API gives.
pub const LIMIT: usize = 100;

/// A page of a list.
pub struct Page<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// How many rows the whole list has.
    pub total: u64,
    /// Whether more follow, where the list says so.
    pub has_more: Option<bool>,
    /// The offset that the answer says it begins at, where it does.
    pub skip: Option<u64>,
}

/// A list, how a page of it is asked for and what a page means.
pub struct List<'l, T> {
    /// What people call its rows.
    pub rows: &'static str,
    /// The request for the page at an offset.
    pub ask: &'l (dyn Fn(u64) -> Result<Read, Unreadable> + Send + Sync),
    /// The page in an answer.
    pub page: fn(&Heard) -> Result<Page<T>, Unreadable>,
    /// A row's id.
    pub id: fn(&T) -> &Text,
    /// Whether its pages are pages of entries.
    pub entries: bool,
}

/// Walks a list to its end and proves that its total was met.
///
/// # Errors
/// The list could not be proved whole, or could not be read.
pub async fn walk<T: Send>(conversation: &Conversation<'_>, list: &List<'_, T>) -> Result<Vec<T>, Unreadable> {
    let mut rereads = Rereads::default();
    loop {
        match once(conversation, list).await {
            Ok((rows, pages)) => {
                if list.entries {
                    conversation.prove(format!(
                        "{}: {} rows on {} pages, as many as the total tells, no id twice",
                        list.rows,
                        rows.len(),
                        pages.pages()
                    ));
                }
                return Ok(rows);
            }
            Err(error) => rereads.again(error)?,
        }
    }
}

async fn once<T: Send>(conversation: &Conversation<'_>, list: &List<'_, T>) -> Result<(Vec<T>, Pages), Unreadable> {
    let mut pages = Pages::of(list.rows);
    let mut rows: Vec<T> = Vec::new();
    let mut total = None;
    loop {
        let overlap = usize::from(!rows.is_empty());
        let skip = (rows.len() - overlap) as u64;
        let heard = conversation.ask((list.ask)(skip)?).await?;
        let at = |error: Unreadable| error.at(&heard.request);
        let page = (list.page)(&heard).map_err(at)?;
        if list.entries {
            conversation.page(&heard);
        }
        if page.rows.len() > LIMIT {
            return Err(at(pages.fault(format!("a page has {} rows where {LIMIT} were asked for", page.rows.len()))));
        }
        if page.skip.is_some_and(|told| told != skip) {
            return Err(at(pages.fault("a page begins elsewhere than asked for")));
        }
        if *total.get_or_insert(page.total) != page.total {
            return Err(at(pages.shifted("its total changed while it was read")));
        }
        let mut fresh = page.rows.into_iter();
        if let Some(last) = rows.last() {
            let repeated = fresh.next();
            if repeated.is_none_or(|first| (list.id)(&first) != (list.id)(last)) {
                return Err(at(pages.shifted("its rows shifted while it was read")));
            }
        }
        let before = rows.len();
        for row in fresh {
            pages.id((list.id)(&row)).map_err(at)?;
            rows.push(row);
        }
        let new = rows.len() - before;
        pages.page(new, LIMIT).map_err(at)?;
        let whole = rows.len() as u64 >= page.total;
        match page.has_more {
            Some(more) if more == whole => {
                let says = if more { "more follow" } else { "it has ended" };
                let what = format!("it says that {says} with {} of {} rows read", rows.len(), page.total);
                return Err(at(pages.shifted(what)));
            }
            _ if whole => {
                pages.total(page.total).map_err(at)?;
                return Ok((rows, pages));
            }
            _ if new == 0 => return Err(at(pages.shifted("a page is empty before the total is met"))),
            _ => {}
        }
    }
}
