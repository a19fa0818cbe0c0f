//! The socket: bound with a clear error, and every connection within limits of number, size and time.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, header},
};
use hyper::{body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    asker::{Peer, is_loopback},
    denials::{Denial, Denials},
};

/// Connections at once.
const MAX_CONNECTIONS: usize = 256;
/// Of these, those of one address or IPv6 network: one stranger does not keep the others out.
const MAX_PER_PEER: usize = 16;
/// Of these, so many may be kept between requests; further ones end with their answer.
const CROWD: usize = MAX_PER_PEER / 2;
/// Of all, those that only this machine may take: its own probes are always heard.
const FOR_LOOPBACK: usize = 16;
/// Of all, those that only who has no connection yet may take: probes of other machines.
const FOR_FIRST: usize = 48;
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

/// Whether a listener there may go by this token, or by none.
///
/// # Errors
/// [`ServeError::NoToken`], [`ServeError::WeakToken`].
pub fn fits(address: SocketAddr, token: Option<&SecretString>) -> Result<(), ServeError> {
    match token {
        None if !is_loopback(address.ip()) => Err(ServeError::NoToken(address)),
        Some(token) if token.expose_secret().len() < MIN_TOKEN_BYTES => {
            Err(ServeError::WeakToken(token.expose_secret().len()))
        }
        _ => Ok(()),
    }
}

/// Takes the port. An address that other machines can reach needs a token.
///
/// # Errors
/// [`ServeError`], with the way on.
pub async fn bind(address: SocketAddr, token: Option<&SecretString>) -> Result<Bound, ServeError> {
    fits(address, token)?;
    let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => ServeError::InUse(address),
        io::ErrorKind::PermissionDenied => ServeError::Denied(address),
        _ => ServeError::Other(address, error),
    })?;
    let address = listener.local_addr().map_err(|error| ServeError::Other(address, error))?;
    Ok(Bound { listener, address })
}

/// Serves until it is told to stop, and then lets what is under way end.
pub(super) async fn run(bound: Bound, router: Router, denials: Denials, stop: CancellationToken) {
    let seats = Seats::default();
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = bound.listener.accept() => accepted,
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
        // Who finds no seat is ended at once, so that whoever comes behind is heard.
        let Some(seat) = seats.take_or_turn_out(peer.ip()) else {
            denials.note(Denial::Crowd, Some(peer));
            continue;
        };
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            tokio::select! {
                () = connection(stream, peer, router, &seat, stop) => {}
                // It never said what it wants, and somebody else of its network came.
                () = seat.turned_out.cancelled() => {}
            }
        });
    }
    drop(bound);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, seat: &Seat, stop: CancellationToken) {
    // Small answers would otherwise wait for acknowledgements; the option is a hint only.
    let _ = stream.set_nodelay(true);
    let inner = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let is_crowded = seat.was_heard();
        let answer = inner.call(request.map(Body::new));
        async move {
            let mut answer = answer.await.unwrap_or_else(|never| match never {});
            if is_crowded {
                // Whoever was heard leaves the seat to the next one.
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(answer)
        }
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

/// How many connections there are, and how many each network has.
#[derive(Debug, Clone, Default)]
struct Seats(Arc<Mutex<Taken>>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
    /// Connections without a complete head so far, oldest first: their network, and what ends them.
    silent: BTreeMap<u64, (IpAddr, CancellationToken)>,
    /// Seats of connections that were turned out, given back before these ended.
    given: HashSet<u64>,
    next: u64,
}

/// A connection's seat; given back when dropped.
struct Seat {
    seats: Seats,
    network: IpAddr,
    number: u64,
    turned_out: CancellationToken,
}

impl Seat {
    /// A request came whole: it is not turned out any more. Returns whether its network has many seats.
    fn was_heard(&self) -> bool {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.silent.remove(&self.number);
        taken.by_network.get(&self.network).is_some_and(|own| *own > CROWD)
    }
}

/// Whose connections are counted together: an address, and with IPv6 what one customer has (/64).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

/// The same for seats: this machine is one, whose ::1 would else be in the network of others, too.
fn seat_network(address: IpAddr) -> IpAddr {
    if is_loopback(address) { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { network(address) }
}

/// Whether one more connection may come, where there are `all`, and `own` of this network.
fn has_seat(all: usize, own: usize, is_loopback: bool) -> bool {
    let most = match own {
        _ if is_loopback => MAX_CONNECTIONS,
        // Who has none yet is rather a probe than a crowd.
        0 => MAX_CONNECTIONS - FOR_LOOPBACK,
        _ => MAX_CONNECTIONS - FOR_LOOPBACK - FOR_FIRST,
    };
    own < MAX_PER_PEER && all < most
}

impl Seats {
    fn take(&self, address: IpAddr) -> Option<Seat> {
        let (is_loopback, network) = (is_loopback(address), seat_network(address));
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.by_network.get(&network).copied().unwrap_or_default();
        if !has_seat(taken.all, own, is_loopback) {
            return None;
        }
        taken.all += 1;
        *taken.by_network.entry(network).or_default() += 1;
        let (number, turned_out) = (taken.next, CancellationToken::new());
        taken.next += 1;
        taken.silent.insert(number, (network, turned_out.clone()));
        Some(Seat { seats: self.clone(), network, number, turned_out })
    }

    /// The same; where there is none, the oldest connection of its network that said nothing whole is turned out, so that
    /// whoever is quick finds a seat beside those who dawdle.
    fn take_or_turn_out(&self, address: IpAddr) -> Option<Seat> {
        if let Some(seat) = self.take(address) {
            return Some(seat);
        }
        {
            let network = seat_network(address);
            let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let oldest = taken.silent.iter().find(|(_, (of, _))| *of == network).map(|(number, _)| *number)?;
            let (_, turned_out) = taken.silent.remove(&oldest)?;
            turned_out.cancel();
            taken.give_back(network);
            taken.given.insert(oldest);
        }
        self.take(address)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.silent.remove(&self.number);
        if !taken.given.remove(&self.number) {
            taken.give_back(self.network);
        }
    }
}

impl Taken {
    fn give_back(&mut self, network: IpAddr) {
        self.all -= 1;
        if let Some(own) = self.by_network.get_mut(&network) {
            *own -= 1;
            if *own == 0 {
                self.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FOR_FIRST, FOR_LOOPBACK, MAX_CONNECTIONS, MAX_PER_PEER, Seats};

    #[test]
    fn strangers_leave_seats_to_probes_and_to_this_machine() {
        let seats = Seats::default();
        let mut kept = Vec::new();
        // As many networks as it takes, each with all that it may have.
        for number in 0..=255_u8 {
            kept.extend((0..MAX_PER_PEER).filter_map(|_| seats.take([203, 0, 113, number].into())));
        }
        // The crowd of firsts fills what is kept for firsts in the end, and nothing beyond.
        assert_eq!(kept.len(), MAX_CONNECTIONS - FOR_LOOPBACK);
        assert!(seats.take([192, 0, 2, 1].into()).is_none());
        let own: Vec<_> = (0..=MAX_PER_PEER).filter_map(|_| seats.take([127, 0, 0, 1].into())).collect();
        assert_eq!(own.len(), MAX_PER_PEER.min(FOR_LOOPBACK));
        drop(kept);
        assert!(seats.take([192, 0, 2, 1].into()).is_some());
    }

    #[test]
    fn a_crowd_of_few_networks_leaves_a_seat_to_who_has_none() {
        let seats = Seats::default();
        let networks = (MAX_CONNECTIONS - FOR_LOOPBACK - FOR_FIRST) / MAX_PER_PEER + 1;
        let mut kept = Vec::new();
        for number in 0..u8::try_from(networks).unwrap() {
            kept.extend((0..2 * MAX_PER_PEER).filter_map(|_| seats.take([203, 0, 113, number].into())));
        }
        assert!(seats.take([203, 0, 113, 0].into()).is_none(), "it has all that it may have");
        assert!(seats.take([192, 0, 2, 1].into()).is_some(), "a probe from elsewhere");
    }

    #[test]
    fn a_customer_of_ipv6_is_one_peer() {
        let seats = Seats::default();
        let of = |last: usize| format!("2001:db8:1:2::{last:x}").parse().unwrap();
        let kept: Vec<_> = (1..100).filter_map(|last| seats.take(of(last))).collect();
        assert_eq!(kept.len(), MAX_PER_PEER);
        assert!(seats.take("2001:db8:1:3::1".parse().unwrap()).is_some());
        assert!(seats.take("::1".parse().unwrap()).is_some());
        assert!(seats.take("::ffff:192.0.2.1".parse().unwrap()).is_some());
    }
}
