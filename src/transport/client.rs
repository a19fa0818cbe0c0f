//! Sockets: one client for all targets that trust the same authorities, and what each request of a target carries.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use reqwest::{
    Certificate, Client,
    header::{HeaderName, HeaderValue},
    redirect, retry,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::runtime::{Handle, Id};
use tokio_util::bytes::Bytes;
use zeroize::Zeroizing;

use crate::{
    access::AuthStyle,
    wire::{Fault, Unreadable},
};

use super::limits::{CONNECT, IDLE_CONNECTION};

/// What our requests say of themselves.
const USER_AGENT: &str = concat!("portcullis/", env!("CARGO_PKG_VERSION"));

/// Which clients can be shared: sockets belong to a runtime, trust to the authorities.
#[derive(PartialEq, Eq)]
struct Key {
    runtime: Option<Id>,
    ca_pem: Option<Vec<u8>>,
    direct: bool,
}

/// Clients in use. One that no target uses any more is closed.
static CLIENTS: Mutex<Vec<(Key, Weak<Client>)>> = Mutex::new(Vec::new());

/// The client for targets with this private authority. `direct` ones never use a proxy: their address is this machine.
pub(super) fn shared(ca_pem: Option<&[u8]>, direct: bool) -> Result<Arc<Client>, Unreadable> {
    let runtime = Handle::try_current().ok().map(|handle| handle.id());
    let key = Key { runtime, ca_pem: ca_pem.map(<[u8]>::to_vec), direct };
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    clients.retain(|(_, client)| client.strong_count() > 0);
    if let Some(client) = clients.iter().find(|(known, _)| *known == key).and_then(|(_, client)| client.upgrade()) {
        return Ok(client);
    }
    let client = Arc::new(build(ca_pem, direct)?);
    clients.push((key, Arc::downgrade(&client)));
    Ok(client)
}

fn build(ca_pem: Option<&[u8]>, direct: bool) -> Result<Client, Unreadable> {
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        // Every retry is ours: one verdict, one budget.
        .retry(retry::never())
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE_CONNECTION)
        .http2_adaptive_window(true)
        // Whatever the name service says, plain HTTP to this name stays on this machine.
        .resolve_to_addrs("localhost", &[([127, 0, 0, 1], 0).into(), (std::net::Ipv6Addr::LOCALHOST, 0).into()]);
    if direct {
        builder = builder.no_proxy();
    }
    if let Some(pem) = ca_pem {
        let bad = |what: String| {
            Unreadable::new(Fault::Network, what).advise("`ca_file` has to be a PEM file with at least one certificate")
        };
        let authorities = Certificate::from_pem_bundle(pem)
            .map_err(|error| bad(format!("the private authority's certificate cannot be read: {error}")))?;
        if authorities.is_empty() {
            return Err(bad("the file of the private authority holds no certificate".into()));
        }
        builder = builder.tls_certs_merge(authorities);
    }
    builder.build().map_err(|error| Unreadable::new(Fault::Network, format!("no HTTP client can be made: {error}")))
}

/// The header that carries the credential: marked sensitive, so that nothing prints it, and wiped when its last copy goes.
pub(super) fn credential(auth: AuthStyle, secret: &SecretString) -> Result<(HeaderName, HeaderValue), Unreadable> {
    let refuse = |what: &str| {
        Unreadable::new(Fault::Credential, what)
            .advise("look at what `credential:` names: one line, without spaces around it")
    };
    let (name, prefix) = match auth {
        AuthStyle::Bearer => ("authorization", "Bearer "),
        AuthStyle::Header(name) => (name, ""),
    };
    let secret = secret.expose_secret();
    if secret.trim() != secret || secret.is_empty() {
        return Err(refuse("the credential is empty or begins or ends with a space"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(prefix.len() + secret.len()));
    bytes.extend_from_slice(prefix.as_bytes());
    bytes.extend_from_slice(secret.as_bytes());
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(bytes))
        .map_err(|_| refuse("the credential holds a character that cannot travel in a header"))?;
    value.set_sensitive(true);
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| Unreadable::new(Fault::Request, "the credential's header has no valid name"))?;
    Ok((name, value))
}
