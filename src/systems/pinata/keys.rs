//! API keys of the account: a list by offset to an empty page.
//!
//! Such a list shifts when rows come or go in between, so every page begins with the last row of the one before: a list that
//! shifted shows there. Neither the page size nor what `count` counts is documented, so the list ends where the vendor's own
//! SDK ends it, at an empty page behind a page that brings nothing but that row. Revoked
//! keys stay listed and are dead. Counters and times of change move by themselves and are not read into entries; a secret,
//! should one appear, is skipped while decoding.

use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    answers,
    description::{API, API_KEYS},
};
use crate::{
    access::{Entry, Life, Text, Value},
    systems::shared::{Conversation, Pages, Rereads, moment, present, read_judge},
    wire::{Read, Unreadable},
};

#[derive(Deserialize)]
struct Page {
    keys: Vec<Row>,
    #[serde(default)]
    count: Option<u64>,
}

// `secret`, `id`, `user_id` and `updatedAt` stay unnamed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    key: Text,
    #[serde(deserialize_with = "present")]
    name: Option<Text>,
    #[serde(default)]
    scopes: Json,
    revoked: bool,
    created_at: String,
    #[serde(default, rename = "max_uses")]
    max_uses: Option<i64>,
    #[serde(default)]
    uses: Option<i64>,
}

/// Reads every API key, or up to the one that is looked for: then that one is the last.
pub(super) async fn list(talk: &Conversation<'_>, until: Option<&Text>) -> Result<Vec<Entry>, Unreadable> {
    let mut rereads = Rereads::default();
    loop {
        match list_once(talk, until).await {
            Ok(entries) => return Ok(entries),
            Err(error) => rereads.again(error)?,
        }
    }
}

async fn list_once(talk: &Conversation<'_>, until: Option<&Text>) -> Result<Vec<Entry>, Unreadable> {
    let mut pages = Pages::of("API keys");
    let mut entries: Vec<Entry> = Vec::new();
    let (mut counted, mut used_up, mut unscoped) = (None, 0_u32, 0_u32);
    // 1: the next page has to begin with the last row so far. 0: at the start, and behind a page that brought nothing else,
    // since a page may hold one row only: then an empty one has to follow.
    let mut overlap = 0;
    loop {
        let offset = (entries.len() - overlap).to_string();
        let heard = talk.ask(Read::get(API, &["api_keys"], &[("offset", &offset)], read_judge)?).await?;
        answers::check(&heard, "org:write")?;
        talk.page(&heard);
        let Page { keys, count } = heard.json()?;
        let here = |error: Unreadable| error.at(&heard.request);
        // A count above the page's own rows counts the whole list, and then it is the same on every page.
        if let Some(count) = count.filter(|count| *count > keys.len() as u64)
            && *counted.get_or_insert(count) != count
        {
            return Err(here(pages.shifted("its count changed while it was read")));
        }
        let mut rows = keys.into_iter();
        if overlap > 0 && rows.next().map(|row| row.key) != entries.last().map(|entry| entry.id.clone()) {
            return Err(here(pages.shifted("its rows shifted while it was read")));
        }
        pages.page(rows.len(), usize::MAX).map_err(here)?;
        match (rows.len(), overlap) {
            (0, 0) => {
                // It never counts more than there are.
                if let Some(count) = counted.filter(|count| *count > pages.rows()) {
                    return Err(here(pages.shifted(format!("it has {} where {count} are counted", pages.rows()))));
                }
                break;
            }
            (_, 0) if !entries.is_empty() => return Err(here(pages.shifted("rows follow where it had ended"))),
            (new, _) => overlap = usize::from(new > 0),
        }
        for row in rows {
            pages.id(&row.key).map_err(here)?;
            let limit = row.max_uses.filter(|most| *most > 0);
            used_up += u32::from(!row.revoked && limit.is_some_and(|most| row.uses.unwrap_or(0) >= most));
            unscoped += u32::from(row.scopes.is_null());
            let found = until == Some(&row.key);
            entries.push(entry(row).map_err(here)?);
            if found {
                return Ok(entries);
            }
        }
    }
    talk.prove(format!("API keys: {}, until an empty one", pages.told()));
    if used_up > 0 {
        talk.remark(format!("{used_up} API keys that are not revoked have no uses left"));
    }
    if unscoped > 0 {
        talk.remark(format!("{unscoped} API keys are listed without scopes, so theirs cannot be compared"));
    }
    Ok(entries)
}

fn entry(row: Row) -> Result<Entry, Unreadable> {
    let Row { key, name, scopes, revoked, created_at, max_uses: _, uses: _ } = row;
    let name = name.filter(|name| !name.is_empty());
    Ok(Entry {
        kind: API_KEYS,
        id: key.clone(),
        handle: None,
        values: Box::new([
            Value::Text(key),
            name.clone().map_or(Value::Absent, Value::Text),
            if scopes.is_null() { Value::Absent } else { words(&scopes) },
        ]),
        principal: None,
        label: name,
        created_at: Some(moment("createdAt", &created_at)?),
        expires_at: None,
        last_used_at: None,
        life: if revoked { Life::Dead(Text::new_static("revoked")) } else { Life::Live },
        facts: None,
    })
}

/// Permissions as words, whatever shape they come in: the path to each true value, and each text of a list as it is. What
/// keys of the newer form look like here is not documented; a word that nobody knows is kept and never counts as excess.
fn words(scopes: &Json) -> Value {
    let mut words = Vec::new();
    flatten(scopes, &mut String::new(), &mut words);
    Value::set(words)
}

fn flatten(scopes: &Json, path: &mut String, words: &mut Vec<Text>) {
    match scopes {
        Json::Object(fields) => {
            for (name, inner) in fields {
                let length = path.len();
                if length > 0 {
                    path.push('.');
                }
                path.push_str(name);
                flatten(inner, path, words);
                path.truncate(length);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| flatten(item, path, words)),
        Json::Bool(true) => words.push(path.as_str().into()),
        Json::String(word) => words.push(word.as_str().into()),
        Json::Number(number) => words.push(format!("{path}={number}").into()),
        Json::Bool(false) | Json::Null => {}
    }
}
