//! A message, and the JSON document of it that webhooks and programs get.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    access::Text,
    config::NotifyOn,
    plan::render::neutral,
    watch::{
        News,
        news::{self, name},
    },
};

/// The version of the document. Members may be added; one that changes its meaning or goes makes a new version.
pub const DOCUMENT_VERSION: u32 = 1;

/// News of a merged message that are shown, each with its title; the rest is counted.
pub(super) const MERGED: usize = 50;
/// Lines below the titles of a merged document; the rest is counted.
pub(super) const MERGED_LINES: usize = 200;

/// What a receiver gets at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// The same over all tries.
    pub(super) id: Uuid,
    pub(super) made_at: Timestamp,
    /// One, or several that were withheld. Never empty.
    pub(super) news: Vec<News>,
    /// How many were dropped before, since too many waited.
    pub(super) dropped: usize,
}

impl Message {
    /// A new message. Where there are several news, what a person wants to hear first comes first.
    pub(super) fn new(made_at: Timestamp, mut news: Vec<News>, dropped: usize) -> Self {
        news.sort_by_key(|one| news::ALL.iter().position(|on| *on == one.on));
        Self { id: Uuid::now_v7(), made_at, news, dropped }
    }

    /// One line that says it all.
    pub(super) fn title(&self) -> String {
        match &self.news[..] {
            [one] => one.title.clone(),
            several => {
                let counts = news::ALL.iter().filter_map(|on| {
                    let count = several.iter().filter(|one| one.on == *on).count();
                    (count > 0).then(|| format!("{} {count}", name(*on)))
                });
                format!("{} news at once: {}", several.len(), counts.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// The news that are shown one by one, in their order: revocations first of all, since no later message tells of them.
    pub(super) fn shown(&self) -> Vec<&News> {
        let mut places: Vec<usize> = (0..self.news.len()).collect();
        places.sort_by_key(|place| self.news.get(*place).is_none_or(|one| one.on != NotifyOn::Revocations));
        places.truncate(MERGED);
        places.sort_unstable();
        places.into_iter().filter_map(|place| self.news.get(place)).collect()
    }

    /// How many news are not shown one by one.
    pub(super) fn left_out(&self) -> usize {
        self.news.len().saturating_sub(MERGED)
    }
}

/// The document. Names in it are as systems and people wrote them: whoever shows them has to neutralize them.
#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    id: String,
    made_at: Timestamp,
    title: String,
    news: Vec<Item<'a>>,
    news_left_out: usize,
    dropped: usize,
}

#[derive(Serialize)]
struct Item<'a> {
    at: Timestamp,
    about: &'static str,
    target: Option<&'a Text>,
    subject: &'a Text,
    state: &'a Text,
    title: &'a str,
    lines: &'a [String],
    lines_left_out: usize,
    commit: Option<&'a Text>,
}

fn item(news: &News, most: usize) -> Item<'_> {
    let News { at, on, target, subject, state, title, lines, lines_left_out, commit } = news;
    let shown = lines.get(..most.min(lines.len())).unwrap_or_default();
    Item {
        at: *at,
        about: name(*on),
        target: target.as_ref(),
        subject,
        state,
        title,
        lines: shown,
        lines_left_out: lines_left_out + lines.len() - shown.len(),
        commit: commit.as_ref(),
    }
}

/// How many lines each of these news may have, of so many for all: revocations first, then in their order.
fn shares(news: &[&News], mut left: usize) -> Vec<usize> {
    let mut shares = vec![0; news.len()];
    for first in [true, false] {
        for (share, one) in shares.iter_mut().zip(news).filter(|(_, one)| (one.on == NotifyOn::Revocations) == first) {
            *share = one.lines.len().min(left);
            left -= *share;
        }
    }
    shares
}

/// The document of a message, its unsafe characters as `\u` escapes: the same bytes at every try.
pub(super) fn render(message: &Message) -> String {
    let shown = message.shown();
    let shares = shares(&shown, MERGED_LINES);
    let document = Document {
        version: DOCUMENT_VERSION,
        id: message.id.to_string(),
        made_at: message.made_at,
        title: message.title(),
        news: shown.into_iter().zip(shares).map(|(one, most)| item(one, most)).collect(),
        news_left_out: message.left_out(),
        dropped: message.dropped,
    };
    // Plain data with text keys always serializes.
    neutral::json(&serde_json::to_string(&document).unwrap_or_default())
}

/// What a sort of news is called above a message.
pub(super) fn heading(on: NotifyOn) -> &'static str {
    match on {
        NotifyOn::Changes => "Changed",
        NotifyOn::Revocations => "Revoked",
        NotifyOn::Refusals => "Refused by a guard",
        NotifyOn::Failures => "Failing",
        NotifyOn::Recoveries => "Recovered",
    }
}

/// That some were dropped, where some were.
pub(super) fn dropped(message: &Message) -> Option<String> {
    (message.dropped > 0).then(|| format!("{} older news were dropped, since too many waited", message.dropped))
}
