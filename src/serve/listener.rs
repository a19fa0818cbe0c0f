//! The socket: bound with a clear error, and every connection within limits of number, size and time.

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::asker::{Peer, is_loopback};

/// Connections at once.
const MAX_CONNECTIONS: usize = 256;
/// Of these, those of one address: one stranger does not keep the others out.
const MAX_PER_PEER: usize = 64;
/// How long a client may take for the head of a request, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Headers of a request.
const MAX_HEADERS: usize = 64;
/// How long a connection takes further requests.
const MAX_AGE: Duration = Duration::from_secs(60);
/// How long what is under way may take after that, or after a stop.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long to wait when the system has no more sockets to give.
const OUT_OF_SOCKETS: Duration = Duration::from_secs(1);
/// Bytes of a token that is worth the name.
const MIN_TOKEN_BYTES: usize = 16;

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Others could reach it, and there is nothing to tell them from friends.
    #[error(
        "the listener at {0} can be reached from other machines and has no token: set `watch: {{ token: {{ file: … }} }}` in portcullis.yaml, or listen on 127.0.0.1"
    )]
    NoToken(SocketAddr),
    /// The token could be guessed.
    #[error("the token of the listener has {0} bytes: take one of at least 16 (`openssl rand -hex 32` makes one)")]
    WeakToken(usize),
    /// Somebody else has the port.
    #[error(
        "cannot listen on {0}: the port is in use. Another `portcullis watch` may be running; stop it, or give this one another port by `--listen` or `watch: {{ listen: … }}`, or none by `--no-listen`"
    )]
    InUse(SocketAddr),
    /// A port below 1024.
    #[error(
        "cannot listen on {0}: this user may not take that port. Take one above 1023 by `--listen` or `watch: {{ listen: … }}`"
    )]
    Denied(SocketAddr),
    /// The address is not this machine's, or anything else.
    #[error("cannot listen on {0}: {1}. Is it an address of this machine? See `--listen` and `watch: {{ listen: … }}`")]
    Other(SocketAddr, io::Error),
}

/// A socket that listens already.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Takes the port. An address that other machines can reach needs a token.
///
/// # Errors
/// [`ServeError`], with the way on.
pub async fn bind(address: SocketAddr, token: Option<&SecretString>) -> Result<Bound, ServeError> {
    match token {
        None if !is_loopback(address.ip()) => return Err(ServeError::NoToken(address)),
        Some(token) if token.expose_secret().len() < MIN_TOKEN_BYTES => {
            return Err(ServeError::WeakToken(token.expose_secret().len()));
        }
        _ => {}
    }
    let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ServeError::InUse(address),
        io::ErrorKind::PermissionDenied => ServeError::Denied(address),
        _ => ServeError::Other(address, error),
    })?;
    let address = listener.local_addr().map_err(|error| ServeError::Other(address, error))?;
    Ok(Bound { listener, address })
}

/// Serves until it is told to stop, and then lets what is under way end.
pub(super) async fn run(bound: Bound, router: Router, stop: CancellationToken) {
    let (seats, peers) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), Peers::default());
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            // Who comes when all seats are taken waits in the system's own queue.
            let seat = Arc::clone(&seats).acquire_owned().await;
            (bound.listener.accept().await, seat)
        };
        let (accepted, seat) = tokio::select! {
            () = stop.cancelled() => break,
            next = next => next,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                if !is_of_the_peer(&error) {
                    sleep(OUT_OF_SOCKETS).await;
                }
                continue;
            }
        };
        let Some(turn) = peers.enter(peer.ip()) else {
            tracing::debug!(%peer, "too many connections from one address");
            continue;
        };
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            let _kept = (seat, turn);
            connection(stream, peer, router, stop).await;
        });
    }
    drop(bound);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, stop: CancellationToken) {
    // Small answers would otherwise wait for acknowledgements; the option is a hint only.
    let _ = stream.set_nodelay(true);
    let inner = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let answer = inner.call(request.map(Body::new));
        async move { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder.max_buf_size(MAX_HEAD_BYTES).max_headers(MAX_HEADERS);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = served.as_mut() => return note(ended),
        () = sleep(MAX_AGE) => {}
        () = stop.cancelled() => {}
    }
    served.as_mut().graceful_shutdown();
    if let Ok(ended) = timeout(LAST_WORDS, served).await {
        note(ended);
    }
}

fn note(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Whether the error is of one connection only.
fn is_of_the_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// How many connections each address has.
#[derive(Debug, Clone, Default)]
struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One of an address' connections; given back when dropped.
struct Turn(Peers, IpAddr);

impl Peers {
    fn enter(&self, address: IpAddr) -> Option<Turn> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(address).or_default();
        if *count >= MAX_PER_PEER {
            return None;
        }
        *count += 1;
        Some(Turn(self.clone(), address))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.1);
            }
        }
    }
}
