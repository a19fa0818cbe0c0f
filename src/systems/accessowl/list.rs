//! Lists walked by cursor to AccessOwl's explicit end mark.

use serde::Deserialize;

use crate::{
    systems::shared::{Conversation, Heard, Pages, Rereads, Str, present, read_judge, redirect},
    wire::{Fault, Read, Unreadable},
};

use super::description::API;

/// Rows asked for at a time, the most that the API gives.
pub const LIMIT: usize = 100;

/// A page. A missing `next_cursor` is an error and no end: only an explicit null ends a list.
#[derive(Deserialize)]
pub struct Page<'a, T> {
    /// The rows.
    pub data: Vec<T>,
    #[serde(borrow)]
    meta: Meta<'a>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow, deserialize_with = "present")]
    next_cursor: Option<Str<'a>>,
}

impl<T> Page<'_, T> {
    /// Counts the rows and gives the mark of the next page.
    ///
    /// # Errors
    /// More rows than asked for.
    pub fn turn(&self, pages: &mut Pages) -> Result<Option<String>, Unreadable> {
        pages.page(self.data.len(), LIMIT)?;
        Ok(self.meta.next_cursor.as_ref().map(|cursor| cursor.as_str().to_owned()))
    }
}

/// A list and how it is asked for.
pub struct List<'q> {
    /// What people call its rows.
    pub rows: &'static str,
    /// The path.
    pub path: &'static str,
    /// Filters and expansions.
    pub query: Vec<(&'static str, &'q str)>,
    /// Whether an organization's API may lack it (404, 405).
    pub optional: bool,
}

/// Walks a list; `take` decodes a page, keeps its rows and gives the mark of the next. `None` where the API lacks the list.
/// What was kept of a reading in which the list shifted is dropped.
///
/// # Errors
/// The list could not be walked to its end mark.
pub async fn walk<K: Default>(
    conversation: &Conversation<'_>,
    list: List<'_>,
    mut take: impl FnMut(&mut K, &Heard, &mut Pages) -> Result<Option<String>, Unreadable>,
) -> Result<Option<(K, Pages)>, Unreadable> {
    let mut rereads = Rereads::default();
    loop {
        match once(conversation, &list, &mut take).await {
            Ok(whole) => return Ok(whole),
            Err(error) => rereads.again(error)?,
        }
    }
}

async fn once<K: Default>(
    conversation: &Conversation<'_>,
    list: &List<'_>,
    take: &mut impl FnMut(&mut K, &Heard, &mut Pages) -> Result<Option<String>, Unreadable>,
) -> Result<Option<(K, Pages)>, Unreadable> {
    let mut kept = K::default();
    let mut pages = Pages::of(list.rows);
    let limit = LIMIT.to_string();
    let mut cursor: Option<String> = None;
    loop {
        let mut query = vec![("limit", limit.as_str())];
        query.extend(list.query.iter().copied());
        if let Some(cursor) = &cursor {
            query.push(("cursor", cursor));
        }
        let heard = conversation.ask(Read::get(API, &[list.path], &query, read_judge)?).await?;
        if list.optional && pages.pages() == 0 && lacks(&heard) {
            return Ok(None);
        }
        explained(&heard)?;
        let next = take(&mut kept, &heard, &mut pages).map_err(|error| error.at(&heard.request))?;
        match next {
            None => return Ok(Some((kept, pages))),
            Some(next) => {
                pages.cursor(&next).map_err(|error| error.at(&heard.request))?;
                cursor = Some(next);
            }
        }
    }
}

/// Whether the answer says that this organization's API does not have the call.
pub fn lacks(heard: &Heard) -> bool {
    matches!(heard.status(), 404 | 405)
}

/// Refuses what is no success, with AccessOwl's own meaning of a redirect.
///
/// # Errors
/// The status is not 200.
pub fn explained(heard: &Heard) -> Result<(), Unreadable> {
    match heard.status() {
        200 => Ok(()),
        300..=399 => Err(heard
            .fault(Fault::Permission, format!("{}: the API is probably not switched on", redirect(&heard.answer)))
            .advise(
                "have an administrator of the organization switch on API access in AccessOwl, and check `base_url`",
            )),
        _ => Err(crate::systems::shared::unreadable(&heard.answer).at(&heard.request)),
    }
}
