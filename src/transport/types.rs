//! What transport is given and what it returns besides answers.

use std::{collections::BTreeMap, fmt, time::Duration};

use secrecy::SecretString;
use url::Url;

use crate::{
    access::{AuthStyle, Text},
    config::RequestLimits,
};

/// What a connection to one target needs.
pub struct Connection {
    /// The target's name, for logs.
    pub target: Text,
    /// Base address by host name.
    pub hosts: BTreeMap<&'static str, Url>,
    /// How the credential is sent.
    pub auth: AuthStyle,
    /// The credential.
    pub credential: SecretString,
    /// Rate and concurrency.
    pub limits: RequestLimits,
    /// PEM of a private certificate authority.
    pub ca_pem: Option<Vec<u8>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("target", &self.target).finish_non_exhaustive()
    }
}

/// A removal that got no final answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendFailure {
    /// It had no effect: nothing reached the system, or the system said so.
    #[error("not sent: {0}")]
    NotSent(NotSent),
    /// It may have had its effect; only reading can tell.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

/// Why nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// A stop was asked for.
    #[error("stopped before sending")]
    Stopped,
    /// What was true when it was recorded no longer is: why.
    #[error("{0}")]
    Braked(String),
    /// No connection, or the system turned it down without effect at every try.
    #[error("{0}")]
    Unreachable(String),
    /// The rate limit would not let it be sent within the deadline.
    #[error("rate limited: {0}")]
    RateLimited(String),
}

/// Asked for by Ctrl-C: nothing new is sent, what is in flight is waited for.
pub type Stop = tokio_util::sync::CancellationToken;

/// Why nothing may be sent now, where that is so: asked right before each try. It must not wait.
pub type Brake<'a> = &'a (dyn Fn() -> Option<String> + Send + Sync);

/// Calls and limits of one target, for the report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests sent, retries too.
    pub requests: u64,
    /// Of these, retries.
    pub retries: u64,
    /// Time spent waiting for the rate limit, added up over all requests.
    pub waited: Duration,
    /// Requests left as the vendor last told.
    pub remaining: Option<i64>,
}
