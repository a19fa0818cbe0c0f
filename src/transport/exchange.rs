//! One try of one request: send, wait, take a whole and bounded answer in.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use reqwest::{
    Client, Method, Request, Response,
    header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use tokio::time::Instant;
use url::Url;

use crate::{
    access::Text,
    wire::{Answer, Fault, Path, Unreadable},
};

use super::{
    Connection, Lasting, Usage, address, backoff::Budget, client, failure::Failure, hints, mask::Mask, pace::Pace,
    request_id::request_id,
};

/// What reader and writer of one target share.
pub(super) struct Shared {
    target: Text,
    hosts: BTreeMap<&'static str, (Url, Arc<Client>)>,
    credential: (HeaderName, HeaderValue),
    mask: Mask,
    pub(super) pace: Arc<Pace>,
    /// What was waited over earlier connections.
    waited_before: Duration,
    pub(super) budget: Budget,
    requests: AtomicU64,
    retries: AtomicU64,
    /// `i64::MIN` until a vendor told it.
    remaining: AtomicI64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("target", &self.target).finish_non_exhaustive()
    }
}

/// A request, ready to be sent any number of times with the same bytes.
pub(super) struct Prepared {
    client: Arc<Client>,
    request: Request,
    body: Option<Vec<u8>>,
    /// Method and path, for logs and errors.
    pub(super) shown: String,
}

impl Shared {
    pub(super) fn new(connection: Connection, lasting: Option<&Lasting>) -> Result<Self, Unreadable> {
        let mut hosts = BTreeMap::new();
        for (name, base) in connection.hosts {
            address::check(&base)?;
            let client = client::shared(connection.ca_pem.as_deref(), address::is_loopback(&base))?;
            hosts.insert(name, (base, client));
        }
        let pace = lasting.map_or_else(|| Arc::new(Pace::new(connection.limits)), Lasting::pace);
        if let Some(lasting) = lasting {
            lasting.keep(hosts.values().map(|(_, client): &(Url, Arc<Client>)| Arc::clone(client)).collect());
        }
        let credential = client::credential(connection.auth, &connection.credential)?;
        let sent = credential.1.as_bytes();
        Ok(Self {
            target: connection.target,
            hosts,
            mask: Mask::of(sent.strip_prefix(b"Bearer ").unwrap_or(sent)),
            credential,
            waited_before: pace.waited(),
            pace,
            budget: Budget::new(),
            requests: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            remaining: AtomicI64::new(i64::MIN),
        })
    }

    pub(super) fn usage(&self) -> Usage {
        let remaining = self.remaining.load(Ordering::Relaxed);
        Usage {
            requests: self.requests.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            waited: self.pace.waited().saturating_sub(self.waited_before),
            remaining: (remaining != i64::MIN).then_some(remaining),
        }
    }

    /// Puts a request together. Nothing is sent.
    pub(super) fn prepare(
        &self,
        host: &str,
        method: Method,
        path: &Path,
        query: &[(&'static str, String)],
        body: Option<Vec<u8>>,
        shown: String,
    ) -> Result<Prepared, Unreadable> {
        let (base, client) = self
            .hosts
            .get(host)
            .ok_or_else(|| Unreadable::new(Fault::Request, format!("target {} has no host {host}", self.target)))?;
        let url = address::compose(base, path, query).map_err(|error| error.at(shown.clone()))?;
        let mut request = Request::new(method, url);
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        headers.insert(self.credential.0.clone(), self.credential.1.clone());
        Ok(Prepared { client: Arc::clone(client), request, body, shown })
    }

    /// A vendor that quotes the credential in an error must not get it into a report or the journal.
    fn without_credential(&self, mut answer: Answer) -> Answer {
        self.mask.cover(&mut answer.body);
        for (_, value) in &mut answer.headers {
            *value = self.mask.cover_text(std::mem::take(value));
        }
        answer
    }

    /// Sends once. The answer may take `within` and have `most` bytes.
    pub(super) async fn attempt(
        &self,
        prepared: &Prepared,
        attempt: u32,
        within: Duration,
        most: usize,
    ) -> Result<Answer, Failure> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if attempt > 1 {
            self.retries.fetch_add(1, Ordering::Relaxed);
        }
        let begin = Instant::now();
        let result = match tokio::time::timeout(within, exchange(prepared, most)).await {
            Ok(result) => result.map(|answer| self.without_credential(answer)),
            Err(_) => Err(Failure::timeout(format!("no whole answer within {} s", within.as_secs()))),
        };
        let millis = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (target, request) = (self.target.as_str(), prepared.shown.as_str());
        match &result {
            Ok(answer) => {
                if let Some(left) = hints::remaining(answer) {
                    self.remaining.store(left, Ordering::Relaxed);
                }
                let id = request_id(answer).unwrap_or_default();
                tracing::debug!(name: "request", target, request, attempt, status = answer.status, millis, id);
            }
            Err(failure) => tracing::debug!(name: "request", target, request, attempt, millis, failure = failure.what),
        }
        result
    }
}

impl Prepared {
    /// Adds a header, for instance an idempotency key.
    pub(super) fn header(&mut self, name: &str, value: &str) -> Result<(), Unreadable> {
        let bad = || Unreadable::new(Fault::Request, format!("the header {name} cannot be sent"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let value = HeaderValue::from_str(value).map_err(|_| bad())?;
        self.request.headers_mut().insert(name, value);
        Ok(())
    }

    fn copy(&self) -> Request {
        let mut request = Request::new(self.request.method().clone(), self.request.url().clone());
        request.headers_mut().clone_from(self.request.headers());
        if let Some(body) = &self.body {
            *request.body_mut() = Some(body.clone().into());
        }
        request
    }
}

async fn exchange(prepared: &Prepared, most: usize) -> Result<Answer, Failure> {
    let address = prepared.request.url();
    let failed = |error| Failure::of(error, address);
    let mut response = prepared.client.execute(prepared.copy()).await.map_err(failed)?;
    let status = response.status();
    if status.is_redirection() {
        return Ok(redirect(&response));
    }
    let too_large = || {
        let host = address.origin().ascii_serialization();
        let advice = "nothing that large is expected of this API; is the address right?";
        Failure::malformed(format!("the answer of {host} is larger than {most} bytes"), Some(advice))
    };
    if response.content_length().is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    let headers = headers(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > most {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: status.as_u16(), headers, body, received_at: Timestamp::now() })
}

/// A redirect is never followed: the credential would go elsewhere. The system says what it means. Of where it leads only the
/// origin is handed over, the rest may hold secrets; its body is not read.
fn redirect(response: &Response) -> Answer {
    let mut headers = headers(response.headers());
    headers.retain(|(name, _)| name != LOCATION.as_str());
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    if let Some(to) = location.and_then(|location| response.url().join(location).ok()) {
        headers.push((LOCATION.as_str().to_owned(), to.origin().ascii_serialization()));
    }
    Answer { status: response.status().as_u16(), headers, body: Vec::new(), received_at: Timestamp::now() }
}

/// Headers as text. Cookies are nobody's business.
pub(super) fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    let kept = map.iter().filter(|(name, _)| name.as_str() != "set-cookie");
    kept.map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}
