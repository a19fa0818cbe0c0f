//! What is left behind by who was not let in: a counter by reason, and now and then a line in the log that names the peer.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Board;

/// The shortest time between two lines in the log: whoever is refused decides how often that is.
const BETWEEN_LINES: Duration = Duration::from_secs(10);

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// The request is none that could be meant well (two ways to tell its length, a name in `Host`), or does not say what it has
    /// to.
    Malformed,
    /// No token, where one is needed.
    NoToken,
    /// Another token, or no token can be right just now.
    WrongToken,
    /// Not from this machine, and there is no token.
    Elsewhere,
    /// A page of another site.
    CrossSite,
    /// A webhook of a host that is not configured.
    UnknownHook,
    /// A webhook without exactly one proof.
    NoProof,
    /// A webhook with a wrong proof.
    WrongProof,
    /// A body that is longer than is taken.
    TooLarge,
    /// Too many connections.
    Crowd,
}

impl Denial {
    /// Every reason.
    const ALL: [Self; 10] = [
        Self::Malformed,
        Self::NoToken,
        Self::WrongToken,
        Self::Elsewhere,
        Self::CrossSite,
        Self::UnknownHook,
        Self::NoProof,
        Self::WrongProof,
        Self::TooLarge,
        Self::Crowd,
    ];

    /// Its name in metrics and in the log.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NoToken => "no_token",
            Self::WrongToken => "wrong_token",
            Self::Elsewhere => "not_local",
            Self::CrossSite => "cross_site",
            Self::UnknownHook => "unknown_hook",
            Self::NoProof => "no_proof",
            Self::WrongProof => "wrong_proof",
            Self::TooLarge => "too_large",
            Self::Crowd => "too_many_connections",
        }
    }
}

/// Counts them all, and logs one at a time. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Denials {
    board: Arc<Board>,
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    last: Option<Instant>,
    unsaid: u64,
}

impl Told {
    /// How many went unsaid before this one, where this one is to be told.
    fn one(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < BETWEEN_LINES) {
            self.unsaid = self.unsaid.saturating_add(1);
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

impl Denials {
    pub(super) fn new(board: Arc<Board>) -> Self {
        board.meters().expect_denials(Denial::ALL.map(Denial::name));
        Self { board, told: Arc::default() }
    }

    /// Somebody was not let in.
    pub(super) fn note(&self, why: Denial, peer: Option<SocketAddr>) {
        self.board.meters().denied(why.name());
        let unsaid = self.told.lock().unwrap_or_else(PoisonError::into_inner).one(Instant::now());
        if let Some(unsaid) = unsaid {
            let peer = peer.map(tracing::field::display);
            tracing::warn!(why = why.name(), peer, unsaid, "a request to the listener was refused");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{BETWEEN_LINES, Told};

    #[test]
    fn a_flood_is_one_line_and_a_number() {
        let (mut told, now) = (Told::default(), Instant::now());
        assert_eq!(told.one(now), Some(0));
        for _ in 0..1_000 {
            assert_eq!(told.one(now + BETWEEN_LINES / 2), None);
        }
        assert_eq!(told.one(now + BETWEEN_LINES), Some(1_000));
        assert_eq!(told.one(now + BETWEEN_LINES * 3), Some(0));
    }
}
