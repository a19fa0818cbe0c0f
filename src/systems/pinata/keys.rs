//! API keys of the account: a list by offset to an empty page.
//!
//! Neither the page size nor what `count` counts is documented, so the list ends where the vendor's own SDK ends it. Revoked
//! keys stay listed and are dead. Counters and times of change move by themselves and are not read into entries; a secret,
//! should one appear, is skipped while decoding.

use serde::Deserialize;
use serde_json::Value as Json;

use super::{
    answers,
    description::{API, API_KEYS},
    gateways::REREADS,
};
use crate::{
    access::{Entry, Life, Text, Value},
    systems::shared::{Conversation, Pages, moment, present},
    wire::{Fault, Read, Unreadable},
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
    let mut rereads = 0;
    loop {
        match list_once(talk, until).await {
            Err(error) if error.fault == Fault::Incomplete && rereads < REREADS => rereads += 1,
            other => return other,
        }
    }
}

async fn list_once(talk: &Conversation<'_>, until: Option<&Text>) -> Result<Vec<Entry>, Unreadable> {
    let mut pages = Pages::of("API keys");
    let mut entries = Vec::new();
    let (mut most_counted, mut used_up, mut unscoped) = (0, 0_u32, 0_u32);
    loop {
        let offset = pages.rows().to_string();
        let heard = talk.ask(Read::get(API, &["api_keys"], &[("offset", &offset)], answers::judge)?).await?;
        answers::check(&heard, "org:write")?;
        talk.page(&heard);
        let Page { keys, count } = heard.json()?;
        let here = |error: Unreadable| error.at(&heard.request);
        pages.page(keys.len(), usize::MAX).map_err(here)?;
        most_counted = most_counted.max(count.unwrap_or(0));
        if keys.is_empty() {
            // Whether it counts the page or all of them, it never counts more than there are.
            if most_counted > pages.rows() {
                return Err(here(pages.fault(format!("it has {} where {most_counted} are counted", pages.rows()))));
            }
            break;
        }
        for row in keys {
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
    talk.prove(format!("API keys: {} in {} pages, until an empty one", pages.rows(), pages.pages()));
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
