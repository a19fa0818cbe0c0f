//! The only place that opens sockets: limits, retries, deadlines, bounded bodies, redaction, request log.
//!
//! It sends what it is given and says what came back. It knows no vendor: whether an answer may be tried again is the
//! request's own judge's word, on top of the statuses that say "later" by themselves. Besides vendors there is one other
//! party: the [`Courier`] takes messages for people to addresses of the operator's.

mod address;
mod backoff;
mod client;
mod courier;
mod exchange;
mod failure;
mod hints;
mod lasting;
mod limits;
mod mask;
mod pace;
mod reader;
mod request_id;
mod types;
mod writer;

#[cfg(test)]
mod courier_tests;
#[cfg(test)]
mod tests;

pub use courier::{Again, Courier, Undelivered};
pub use lasting::Lasting;
pub use reader::{Reader, read_and_write, read_only};
pub use request_id::request_id;
pub use types::{Brake, Connection, NotSent, SendFailure, Stop, Usage};
pub use writer::Writer;
