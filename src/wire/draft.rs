//! Writes: inert until the journal has recorded them.

use serde_json::Value;

use super::{Judge, Path};

/// What a system has to remember of a removal to follow it over runs (ids of earlier revocations). Plain data, no secrets.
pub type Note = Value;

/// How a write travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// POST.
    Post,
    /// DELETE.
    Delete,
}

impl Method {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

/// A write that is not sent. Sending takes a [`Receipt`].
#[derive(Debug, Clone)]
pub struct Draft {
    /// The host's name in the system's description.
    pub host: &'static str,
    /// The method.
    pub method: Method,
    /// The path below the host's base address; empty for GraphQL.
    pub path: Path,
    /// The exact bytes of the body, JSON; `None` for none at all.
    pub body: Option<Vec<u8>>,
    /// The header that carries the idempotency key, where the system has one.
    pub key_header: Option<&'static str>,
    /// How many closed removals of this entry the system itself lists; `None` where only the journal can tell.
    pub generation: Option<u32>,
    /// Whether an answer ends the sending.
    pub judge: Judge,
    /// What to remember for following it.
    pub note: Note,
}

impl Draft {
    /// The request for logs and the journal: method and path.
    pub fn shown(&self) -> String {
        format!(
            "{} {}",
            self.method.name(),
            if self.path.segments().is_empty() { "/".into() } else { self.path.encoded() }
        )
    }
}

/// Proof that an intent is on disk. Only the journal makes one (a test over the sources holds that).
#[derive(Debug)]
pub struct Durable(());

impl Durable {
    /// States that the intent has been written and synced.
    pub(crate) fn synced() -> Self {
        Self(())
    }
}

/// A draft that the journal has recorded: the only thing that can be sent.
#[derive(Debug)]
pub struct Receipt {
    intent: String,
    idempotency_key: String,
    draft: Draft,
}

impl Receipt {
    /// Seals a draft whose intent is durable.
    pub fn seal(intent: String, idempotency_key: String, draft: Draft, _proof: Durable) -> Self {
        Self { intent, idempotency_key, draft }
    }

    /// The journal's id of the intent.
    pub fn intent(&self) -> &str {
        &self.intent
    }

    /// The idempotency key, sent where the draft names a header for it.
    pub fn idempotency_key(&self) -> &str {
        &self.idempotency_key
    }

    /// What is sent, unchanged at every try.
    pub fn draft(&self) -> &Draft {
        &self.draft
    }
}
