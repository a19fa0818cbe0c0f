//! The three ways to a receiver. References to secrets are followed for each try, so that a new one needs no restart.

use async_trait::async_trait;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use url::Url;

use super::{
    document::{self, Message},
    program, slack,
};
use crate::{
    access::hex,
    config::{CredentialRef, NotifyTo},
    run::{
        credential::{self, Whose},
        program::COMMAND_LIMIT,
    },
    transport::{Courier, Undelivered},
};

/// The header with the signature of a webhook.
pub const SIGNATURE: &str = "portcullis-signature";
/// The header with the message's id, the same at every try.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// A way to a receiver.
#[async_trait]
pub(super) trait Deliver: Send + Sync {
    /// What it is, for logs and metrics.
    fn way(&self) -> &'static str;

    /// Whether what it needs is to be had, without a word to the receiver.
    async fn check(&self) -> Result<(), Undelivered> {
        Ok(())
    }

    /// Delivers a message, once.
    async fn deliver(&self, message: &Message, now: Timestamp) -> Result<(), Undelivered>;
}

/// The way that the configuration names.
pub(super) fn of(to: &NotifyTo) -> Box<dyn Deliver> {
    match to {
        NotifyTo::Slack { url } => Box::new(Slack { url: url.clone(), courier: Courier::new() }),
        NotifyTo::Webhook { url, secret } => {
            Box::new(Webhook { url: url.clone(), secret: secret.clone(), courier: Courier::new() })
        }
        NotifyTo::Command(words) => Box::new(Program { words: words.clone() }),
    }
}

struct Slack {
    url: CredentialRef,
    courier: Result<Courier, Undelivered>,
}

impl Slack {
    async fn address(&self) -> Result<Url, Undelivered> {
        let address = secret("slack", &self.url).await?;
        Url::parse(address.expose_secret()).map_err(|_| {
            let advice = "put the whole address there, from https:// on";
            Undelivered::never("what `slack:` refers to is no address", advice)
        })
    }
}

#[async_trait]
impl Deliver for Slack {
    fn way(&self) -> &'static str {
        "slack"
    }

    async fn check(&self) -> Result<(), Undelivered> {
        self.address().await.map(drop)
    }

    async fn deliver(&self, message: &Message, _now: Timestamp) -> Result<(), Undelivered> {
        let address = self.address().await?;
        self.courier.as_ref().map_err(Clone::clone)?.post(&address, &[], slack::render(message).into_bytes()).await
    }
}

struct Webhook {
    url: Url,
    secret: CredentialRef,
    courier: Result<Courier, Undelivered>,
}

#[async_trait]
impl Deliver for Webhook {
    fn way(&self) -> &'static str {
        "webhook"
    }

    async fn check(&self) -> Result<(), Undelivered> {
        secret("secret", &self.secret).await.map(drop)
    }

    async fn deliver(&self, message: &Message, now: Timestamp) -> Result<(), Undelivered> {
        let secret = secret("secret", &self.secret).await?;
        let body = document::render(message);
        let with = [
            (SIGNATURE, signature(secret.expose_secret().as_bytes(), now.as_second(), body.as_bytes())),
            (IDEMPOTENCY_KEY, message.id.to_string()),
        ];
        self.courier.as_ref().map_err(Clone::clone)?.post(&self.url, &with, body.into_bytes()).await
    }
}

struct Program {
    words: Vec<String>,
}

#[async_trait]
impl Deliver for Program {
    fn way(&self) -> &'static str {
        "command"
    }

    async fn deliver(&self, message: &Message, _now: Timestamp) -> Result<(), Undelivered> {
        program::run(&self.words, document::render(message).as_bytes(), COMMAND_LIMIT).await
    }
}

/// The value of the header [`SIGNATURE`]: the time of sending in Unix seconds, and the HMAC-SHA-256 of `<time>.<body>` under
/// the shared secret, in hexadecimal. A receiver refuses what is older than it likes, so that nobody can send it again.
pub fn signature(secret: &[u8], unix_seconds: i64, body: &[u8]) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(unix_seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("t={unix_seconds},v1={}", hex::of(&mac.finalize().into_bytes()))
}

async fn secret(field: &str, from: &CredentialRef) -> Result<SecretString, Undelivered> {
    credential::resolve(Whose::Watch(field), from)
        .await
        .map_err(|error| Undelivered::later(error.to_string(), Some(error.advice)))
}
