//! The promises of transport: who can read, who can write.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

use crate::{
    access::{AuthStyle, Text},
    config::RequestLimits,
    wire::{Answer, Ask, Read, Receipt, Unreadable},
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

/// Makes readers and writers; shares sockets between them.
pub struct Connector {}

impl Connector {
    /// Prepares a connection. No request is made.
    ///
    /// # Errors
    /// An address that is plain HTTP and not loopback, a certificate that does not parse.
    pub fn connect(_connection: Connection) -> Result<(Reader, Writer), Unreadable> {
        todo!()
    }
}

/// Sends reads of one target. Cannot write.
#[derive(Clone)]
pub struct Reader {
    _shared: Arc<()>,
}

impl Reader {
    /// Requests sent and rate limit left, for the report.
    pub fn usage(&self) -> Usage {
        todo!()
    }
}

#[async_trait]
impl Ask for Reader {
    async fn ask(&self, _read: Read) -> Result<Answer, Unreadable> {
        todo!()
    }
}

/// Sends writes of one target, each with a receipt of the journal. Only apply holds one.
pub struct Writer {
    _shared: Arc<()>,
}

impl Writer {
    /// Sends what the receipt holds and waits for the answer. Sent again, unchanged, only where the draft's judge says that
    /// it had no effect.
    ///
    /// # Errors
    /// [`SendFailure`]: not sent at all, or sent with an unknown outcome.
    pub async fn send(&self, _receipt: &Receipt, _stop: &Stop) -> Result<Answer, SendFailure> {
        todo!()
    }
}

/// A removal that got no final answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendFailure {
    /// Nothing reached the system.
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
    /// No connection.
    #[error("{0}")]
    Unreachable(String),
    /// The rate limit would not let it be sent within the deadline.
    #[error("rate limited: {0}")]
    RateLimited(String),
}

/// Asked for by Ctrl-C: nothing new is sent, what is in flight is waited for.
pub type Stop = tokio_util::sync::CancellationToken;

/// Calls and limits of one target, for the report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests sent, retries too.
    pub requests: u64,
    /// Of these, retries.
    pub retries: u64,
    /// Time spent waiting for the rate limit.
    pub waited: Duration,
    /// Requests left as the vendor last told.
    pub remaining: Option<i64>,
}
