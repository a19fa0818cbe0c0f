//! The whole list, and the one token of an id.

use jiff::Timestamp;

use super::{
    answers,
    description::{ACCOUNT, DESCRIPTION},
    page::{Page, Scopes},
};
use crate::{
    access::{Directory, Entry, Snapshot, Text},
    systems::shared::{Conversation, Pages},
    wire::{Ask, Read, Unreadable},
};

/// The largest page. Zero and anything above are silently taken for it.
const LIMIT: usize = 1000;
const LIMIT_TEXT: &str = "1000";

/// Reads every token.
pub(super) async fn read(ask: &dyn Ask) -> Result<Snapshot, Unreadable> {
    let talk = Conversation::new(ask);
    let mut entries = Vec::new();
    let mut take = |entry| {
        entries.push(entry);
        false
    };
    let pages = walk(&talk, None, &mut take).await?;
    talk.prove(format!("access tokens: {}, ids ascending, until has_more was false", pages.told()));
    Ok(talk.into_snapshot(DESCRIPTION.system, None, entries, Directory::default()))
}

/// The token with exactly this id. That there is none is said only after the whole list of ids that begin so.
pub(super) async fn one(ask: &dyn Ask, id: &Text) -> Result<Option<Entry>, Unreadable> {
    let talk = Conversation::new(ask);
    let mut found = None;
    let mut take = |entry: Entry| {
        let same = entry.id == *id;
        if same {
            found = Some(entry);
        }
        same
    };
    walk(&talk, Some(id), &mut take).await?;
    Ok(found)
}

/// Walks the list, all of it or the ids with a prefix, until `take` has enough. It cannot shift: each page begins behind an
/// id, whatever came or went before it. So ids out of order are a broken list, and it is not read again.
async fn walk(
    talk: &Conversation<'_>,
    prefix: Option<&Text>,
    take: &mut (dyn FnMut(Entry) -> bool + Send),
) -> Result<Pages, Unreadable> {
    let mut pages = Pages::of("access tokens");
    let mut scopes = Scopes::default();
    let mut last: Option<Text> = None;
    loop {
        let mut query = vec![("limit", LIMIT_TEXT)];
        query.extend(prefix.map(|prefix| ("prefix", prefix.as_str())));
        query.extend(last.as_ref().map(|last| ("start_after", last.as_str())));
        let heard = talk.ask(Read::get(ACCOUNT, &["access-tokens"], &query, answers::judge)?).await?;
        if heard.status() != 200 {
            return Err(answers::not_listed(&heard));
        }
        talk.page(&heard);
        let page: Page<'_> = heard.json()?;
        let at: Timestamp = heard.earlier_time();
        let incomplete = |error: Unreadable| error.at(&heard.request);
        pages.page(page.access_tokens.len(), LIMIT).map_err(incomplete)?;
        for row in &page.access_tokens {
            if row.id.is_empty() || last.as_ref().is_some_and(|last| row.id <= *last) {
                return Err(incomplete(pages.fault("its ids do not ascend, so a token may be missing or come twice")));
            }
            if prefix.is_some_and(|prefix| !row.id.starts_with(prefix.as_str())) {
                return Err(incomplete(pages.fault("an id does not begin with the prefix that was asked for")));
            }
            last = Some(row.id.clone());
            if take(scopes.entry(row, at).map_err(incomplete)?) {
                return Ok(pages);
            }
        }
        if !page.has_more {
            return Ok(pages);
        }
        if page.access_tokens.is_empty() {
            return Err(incomplete(pages.fault("an empty page says that more follow")));
        }
    }
}
