//! Takes small messages to addresses that the operator named: one try each, bounded in time and size.
//!
//! Such an address may be a secret as a whole, as Slack's are, so that no error and no log shows more of it than its host.
//! Whether to try again, and when, is the caller's; an error says what speaks for it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use reqwest::{
    Client, Method, Request, Response,
    header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION},
};
use url::Url;

use crate::wire::Answer;

use super::{
    address::is_loopback,
    client,
    exchange::headers,
    failure::Failure,
    hints,
    limits::{LETTER, LETTER_ANSWER_BYTES, LETTER_BYTES, SHOWN_WORD},
};

/// Posts JSON documents.
#[derive(Debug, Clone)]
pub struct Courier {
    near: Arc<Client>,
    far: Arc<Client>,
}

/// Why a message did not arrive, or may not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Undelivered {
    /// What happened, with no more of the address than its host.
    pub what: String,
    /// What to do, where something can be done.
    pub advice: Option<String>,
    /// Whether another try makes sense.
    pub again: Again,
}

/// Whether another try makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It would end the same way.
    Never,
    /// Yes, after this time at least.
    After(Duration),
}

impl Undelivered {
    /// Another try would end the same way.
    pub fn never(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), advice: Some(advice.into()), again: Again::Never }
    }

    /// It may work later.
    pub fn later(what: impl Into<String>, advice: Option<String>) -> Self {
        Self { what: what.into(), advice, again: Again::After(Duration::ZERO) }
    }
}

impl Courier {
    /// One that keeps its connections for further messages.
    ///
    /// # Errors
    /// This machine's trust store cannot be used.
    pub fn new() -> Result<Self, Undelivered> {
        let client = |direct| {
            client::shared(None, direct).map_err(|error| {
                Undelivered::never(error.what, "check the certificate authorities that this machine trusts")
            })
        };
        Ok(Self { near: client(true)?, far: client(false)? })
    }

    /// Posts a JSON document once, with these headers besides. Any 2xx counts as delivered.
    ///
    /// # Errors
    /// [`Undelivered`]: an address that nothing is sent to, no answer in time, another status than 2xx, a redirect.
    pub async fn post(&self, address: &Url, with: &[(&'static str, String)], body: Vec<u8>) -> Result<(), Undelivered> {
        check(address)?;
        if body.len() > LETTER_BYTES {
            let what = format!("the message is larger than {LETTER_BYTES} bytes");
            return Err(Undelivered::never(what, "this is a defect of Portcullis; please report it"));
        }
        let mut request = Request::new(Method::POST, address.clone());
        let wanted = request.headers_mut();
        wanted.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in with {
            let value = HeaderValue::from_str(value)
                .map_err(|_| Undelivered::never(format!("the header {name} cannot be sent"), "report this defect"))?;
            wanted.insert(HeaderName::from_static(name), value);
        }
        *request.body_mut() = Some(body.into());
        let client = if is_loopback(address) { &self.near } else { &self.far };
        match tokio::time::timeout(LETTER, exchange(client, request, address)).await {
            Ok(result) => result,
            Err(_) => {
                let what = format!("no answer of {} within {} s", host(address), LETTER.as_secs());
                Err(Undelivered::later(what, None))
            }
        }
    }
}

/// Refuses an address that no message may travel to.
fn check(address: &Url) -> Result<(), Undelivered> {
    let refuse = |what: String, advice: &str| Err(Undelivered::never(what, advice));
    if address.host_str().is_none() {
        return refuse("the address names no host".to_owned(), "give an address that begins with https://");
    }
    if !address.username().is_empty() || address.password().is_some() {
        let advice = "take them out of the address";
        return refuse(format!("the address at {} has a user name or a password in it", host(address)), advice);
    }
    match address.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(address) => Ok(()),
        _ => {
            let what = format!("nothing is sent to {}, which is not HTTPS", host(address));
            refuse(what, "give an address that begins with https://; plain HTTP is for loopback only")
        }
    }
}

/// All that may be shown of an address.
fn host(address: &Url) -> String {
    address.origin().ascii_serialization()
}

async fn exchange(client: &Client, request: Request, address: &Url) -> Result<(), Undelivered> {
    let mut response = client.execute(request).await.map_err(|error| failed(Failure::of(error, address)))?;
    let answer = Answer {
        status: response.status().as_u16(),
        headers: headers(response.headers()),
        body: beginning(&mut response).await,
        received_at: Timestamp::now(),
    };
    judge(&answer, address)
}

/// The beginning of the body. Reading it to its end lets the connection be used again; what is longer is not waited for.
async fn beginning(response: &mut Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > LETTER_ANSWER_BYTES {
            break;
        }
    }
    body.truncate(LETTER_ANSWER_BYTES);
    body
}

fn judge(answer: &Answer, address: &Url) -> Result<(), Undelivered> {
    let host = host(address);
    let status = answer.status;
    match status {
        200..=299 => Ok(()),
        300..=399 => {
            let to = answer.header(LOCATION.as_str()).and_then(|location| address.join(location).ok());
            let to = to.map_or_else(|| "elsewhere".to_owned(), |to| self::host(&to));
            let what = format!("{host} answers HTTP {status} and redirects to {to}; redirects are not followed");
            Err(Undelivered::never(what, "give the address that answers itself"))
        }
        408 | 425 | 429 | 500..=599 => {
            let again = Again::After(hints::wait(answer).unwrap_or_default());
            Err(Undelivered { what: format!("{host} answers HTTP {status}"), advice: None, again })
        }
        _ => {
            let said = word(&answer.body, address).map_or_else(String::new, |word| format!(" and says `{word}`"));
            let advice = "check the address and, where the receiver verifies it, the secret";
            Err(Undelivered::never(format!("{host} answers HTTP {status}{said}"), advice))
        }
    }
}

/// What a receiver says where it is one plain word, as Slack's `no_service` is. Anything else could be what we sent.
fn word<'b>(body: &'b [u8], address: &Url) -> Option<&'b str> {
    let text = std::str::from_utf8(body).ok()?.trim();
    let plain = !text.is_empty()
        && text.len() <= SHOWN_WORD
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (plain && !address.as_str().contains(text)).then_some(text)
}

fn failed(failure: Failure) -> Undelivered {
    let again = if failure.transient { Again::After(Duration::ZERO) } else { Again::Never };
    // What is said of a target's `ca_file` does not help here.
    let advice = if failure.unsent && !failure.transient {
        Some("where the certificate comes from a private authority, let this machine trust it (SSL_CERT_FILE)")
    } else {
        failure.advice
    };
    Undelivered { what: failure.what, advice: advice.map(str::to_owned), again }
}
