//! The tokens of an S2 account, kept so that a million of them are listed quickly.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use axum::body::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::scope::{Both, Groups, Names, Scope};
use crate::sandbox::call::{Credential, Right};

/// The most rows of a page.
pub const PAGE: usize = 1000;

/// The form of a token in the control interface and in tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Its id, 1 to 96 bytes.
    pub id: String,
    /// When it ends by itself.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
    /// Whether stream names are prefixed for it.
    #[serde(default)]
    pub auto_prefix_streams: bool,
    /// What it may do.
    #[serde(default)]
    pub scope: Scope,
}

impl Token {
    /// A token that never ends.
    pub fn new(id: &str, scope: Scope) -> Self {
        Self { id: id.to_owned(), expires_at: None, auto_prefix_streams: false, scope }
    }
}

struct Held {
    expires_at: Option<Timestamp>,
    auto_prefix_streams: bool,
    scope: Arc<Rights>,
}

struct Rights {
    scope: Scope,
    listed: String,
}

/// How the account behaves.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// For how long a revoked token goes on working, in milliseconds. The vendor says up to ten minutes; 0 is the
    /// strictest reading, as it shows a self-revocation at once.
    pub cache_ms: u64,
}

/// An S2 account.
pub struct State {
    /// How it behaves.
    pub settings: Settings,
    /// The credentials; a label that is a token's id makes it that token.
    pub credentials: Vec<Credential>,
    tokens: BTreeMap<Box<str>, Held>,
    revoked: BTreeMap<String, (Timestamp, Scope)>,
    pages: BTreeMap<String, Bytes>,
}

impl State {
    /// Four tokens that are credentials: `s2-full` is `portcullis/reconciler`, `s2-readonly` `portcullis/reader`, `s2-nothing`
    /// `portcullis/nothing`; `s2-foreign` belongs to another account. And `root/owner`, which nobody here holds.
    pub fn empty() -> Self {
        let credentials = [
            ("s2-full", Right::Full, "portcullis/reconciler"),
            ("s2-readonly", Right::ReadOnly, "portcullis/reader"),
            ("s2-nothing", Right::Nothing, "portcullis/nothing"),
            ("s2-foreign", Right::Foreign, "foreign"),
        ]
        .map(|(token, right, label)| Credential::new(token, right, label))
        .to_vec();
        let settings = Settings::default();
        let (tokens, revoked, pages) = Default::default();
        let mut state = Self { settings, credentials, tokens, revoked, pages };
        let ops = |ops: &[&str]| Some(ops.iter().map(|&op| op.to_owned()).collect());
        let all = Some(Names::Prefix(String::new()));
        let reconciler = Scope {
            access_tokens: all.clone(),
            ops: ops(&["list-access-tokens", "revoke-access-token"]),
            ..Scope::default()
        };
        let reader = Scope { ops: ops(&["list-access-tokens"]), ..Scope::default() };
        let nothing = Scope { streams: all.clone(), ops: ops(&["read"]), ..Scope::default() };
        let both = Some(Both { read: true, write: true });
        let groups = Groups { account: both, basin: both, stream: both };
        let owner =
            Scope { basins: all.clone(), streams: all.clone(), access_tokens: all, op_groups: Some(groups), ops: None };
        state.issue(Token::new("portcullis/reconciler", reconciler));
        state.issue(Token::new("portcullis/reader", reader));
        state.issue(Token::new("portcullis/nothing", nothing));
        state.issue(Token::new("root/owner", owner));
        state
    }

    /// Adds or replaces a token.
    pub fn issue(&mut self, token: Token) {
        let Token { id, expires_at, auto_prefix_streams, scope } = token;
        let listed = scope.listed().to_string();
        self.forget_page(&id);
        self.revoked.remove(&id);
        let scope = Arc::new(Rights { scope, listed });
        self.tokens.insert(id.into(), Held { expires_at, auto_prefix_streams, scope });
    }

    /// Adds many tokens with a small scope each, and renders the pages of the whole list.
    pub fn fill(&mut self, count: usize) {
        let scopes: Vec<Arc<Rights>> = (0..8)
            .map(|area| {
                let scope = Scope {
                    streams: Some(Names::Prefix(format!("area-{area}/"))),
                    op_groups: Some(Groups {
                        stream: Some(Both { read: true, write: area % 2 == 0 }),
                        ..Groups::default()
                    }),
                    ..Scope::default()
                };
                let listed = scope.listed().to_string();
                Arc::new(Rights { scope, listed })
            })
            .collect();
        for (number, scope) in (0..count).zip(scopes.iter().cycle()) {
            let id = format!("service/{number:08}").into_boxed_str();
            let scope = Arc::clone(scope);
            self.tokens.insert(id, Held { expires_at: None, auto_prefix_streams: false, scope });
        }
        self.pages.clear();
        let mut start = String::new();
        loop {
            let (page, last) = self.render("", &start, PAGE);
            self.pages.insert(start, page);
            match last {
                Some(last) => start = last,
                None => break,
            }
        }
    }

    /// Removes a token; whether there was one.
    pub fn remove(&mut self, id: &str, at: Timestamp) -> bool {
        let Some(held) = self.tokens.remove(id) else { return false };
        self.forget_page(id);
        self.revoked.insert(id.to_owned(), (at, held.scope.scope.clone()));
        true
    }

    /// Whether there is a token with this id.
    pub fn has(&self, id: &str) -> bool {
        self.tokens.contains_key(id)
    }

    /// Every id, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.tokens.keys().map(AsRef::as_ref)
    }

    /// The rights of a token that may call now: live, or revoked so lately that caches still let it in.
    pub(super) fn rights(&self, id: &str, at: Timestamp) -> Option<&Scope> {
        if let Some(held) = self.tokens.get(id) {
            return held.expires_at.is_none_or(|end| end > at).then_some(&held.scope.scope);
        }
        let (since, scope) = self.revoked.get(id)?;
        let age = at.as_millisecond().saturating_sub(since.as_millisecond());
        (u64::try_from(age).unwrap_or(0) < self.settings.cache_ms).then_some(scope)
    }

    /// A page of the list as JSON text.
    pub(super) fn page(&self, prefix: &str, start_after: &str, limit: usize) -> Bytes {
        if prefix.is_empty()
            && limit == PAGE
            && let Some(page) = self.pages.get(start_after)
        {
            return page.clone();
        }
        self.render(prefix, start_after, limit).0
    }

    // A page that was rendered in advance reaches from its start to the next page's, so only one can hold an id.
    fn forget_page(&mut self, id: &str) {
        let start = self.pages.range::<str, _>((Bound::Unbounded, Bound::Excluded(id))).next_back();
        if let Some(start) = start.map(|(start, _)| start.clone()) {
            self.pages.remove(&start);
        }
    }

    /// The page, and its last id where more follows.
    fn render(&self, prefix: &str, start_after: &str, limit: usize) -> (Bytes, Option<String>) {
        let from = if start_after < prefix { Bound::Included(prefix) } else { Bound::Excluded(start_after) };
        let range = self.tokens.range::<str, _>((from, Bound::Unbounded));
        let mut rows = range.take_while(|(id, _)| id.starts_with(prefix));
        let mut text = Vec::with_capacity(limit.min(self.tokens.len()) * 320 + 64);
        text.extend_from_slice(b"{\"access_tokens\":[");
        let mut last = None;
        for (id, held) in rows.by_ref().take(limit) {
            if last.is_some() {
                text.push(b',');
            }
            last = Some(id);
            text.extend_from_slice(b"{\"id\":");
            text.extend_from_slice(json!(id).to_string().as_bytes());
            text.extend_from_slice(b",\"expires_at\":");
            match held.expires_at {
                Some(end) => text.extend_from_slice(json!(end).to_string().as_bytes()),
                None => text.extend_from_slice(b"null"),
            }
            text.extend_from_slice(b",\"auto_prefix_streams\":");
            text.extend_from_slice(if held.auto_prefix_streams { b"true" } else { b"false" });
            text.extend_from_slice(b",\"scope\":");
            text.extend_from_slice(held.scope.listed.as_bytes());
            text.push(b'}');
        }
        let more = rows.next().is_some();
        text.extend_from_slice(if more { b"],\"has_more\":true}" } else { b"],\"has_more\":false}" });
        (Bytes::from(text), last.filter(|_| more).map(|id| id.to_string()))
    }
}
