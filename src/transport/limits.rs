//! Every limit of transport, in one place. One that is reached is an error with a name.

use std::time::Duration;

/// The largest answer to a read, decompressed.
pub(super) const READ_BYTES: usize = 64 * 1024 * 1024;

/// The largest answer to a write, decompressed.
pub(super) const WRITE_BYTES: usize = 1024 * 1024;

/// How long connecting may take: name, socket and TLS. Below [`ATTEMPT`], so that a failure to connect is known as one.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// How long one try may take, from connecting to the last byte.
pub(super) const ATTEMPT: Duration = Duration::from_secs(30);

/// The shortest time worth starting a try in; with less left the request is given up before it is sent.
pub(super) const SHORTEST: Duration = Duration::from_secs(1);

/// How long a request may take over all its tries and the waits between them, counted from its first turn.
pub(super) const EXCHANGE: Duration = Duration::from_secs(60);

/// How long a read waits for its first turn: a reading may ask many things at once, and our own pace spreads them.
pub(super) const READ_TURN: Duration = Duration::from_secs(15 * 60);

/// How long a write waits for its first turn: what was read right before it must not grow old.
pub(super) const WRITE_TURN: Duration = Duration::from_secs(60);

/// How often a request is sent at most.
pub(super) const TRIES: u32 = 5;

/// The largest first wait between tries; each further one doubles.
pub(super) const BACKOFF_BASE: Duration = Duration::from_millis(200);

/// The largest wait between tries that we choose ourselves.
pub(super) const BACKOFF_CAP: Duration = Duration::from_secs(10);

/// The retry budget of a target, full.
pub(super) const BUDGET_FULL: u32 = 300;

/// What a retry costs. One after a wait that the vendor told is free.
pub(super) const BUDGET_RETRY: u32 = 10;

/// What an answer gives back.
pub(super) const BUDGET_ANSWER: u32 = 1;

/// The longest wait that is believed of a vendor: the longest time that a rate is counted in. One broken header must not shut a
/// target off for longer; a vendor that means more says so again.
pub(super) const LONGEST_HINT: Duration = Duration::from_secs(60 * 60);

/// How long an unused connection is kept: shorter than the usual server's patience, so that a write seldom meets a closed one.
pub(super) const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// The largest error body that is looked through for the vendor's name of the request.
pub(super) const SHOWN_ERROR_BODY: usize = 64 * 1024;

/// The longest text of a vendor's header, or of its name for a request, that goes into a log or an error.
pub(super) const SHOWN_HEADER: usize = 128;

/// How long posting a letter may take, from connecting to the last byte of the answer that is read.
pub(super) const LETTER: Duration = Duration::from_secs(10);

/// The largest letter.
pub(super) const LETTER_BYTES: usize = 512 * 1024;

/// What is read of the answer to a letter. A longer one costs the connection, nothing else.
pub(super) const LETTER_ANSWER_BYTES: usize = 16 * 1024;

/// The longest word of an answer that an error repeats.
pub(super) const SHOWN_WORD: usize = 64;
